/* SPDX-License-Identifier: GPL-2.0 */
/* The node that does not exist, of xsched_fake_gpu.ko. */
#ifndef XS_FAKE_NODE_H
#define XS_FAKE_NODE_H

#include "kfd_priv.h"
#include "kfd_device_queue_manager.h"
#include "kfd_mqd_manager.h"
#include "amdgpu.h"
#include "amdgpu_reset.h"

#include "fake_gpu.h"

struct xs_fake_slot {
	struct queue queue;
	struct process_queue_node pqn;
	struct amdgpu_bo ring;
	struct amdgpu_bo_va va;
	struct amdgpu_bo_va_mapping mapping;
	u32 updates; /* under the dqm lock */
};

/*
 * One attachment. The eviction of a process walks its devices without a lock, so
 * somebody may still be on the way through one that was detached: they are freed
 * with the module.
 */
struct xs_fake {
	struct list_head in_all;
	struct file *kfd;
	struct kfd_process *process;
	bool gpu_reset;
	struct amdgpu_device adev;
	struct amdgpu_asic_funcs asic;
	struct amdgpu_reset_domain reset;
	struct kfd_dev kfd_dev;
	struct kfd_node node;
	struct device_queue_manager dqm;
	struct mqd_manager mqd;
	struct kfd_process_device pdd;
	struct drm_file drm;
	struct amdgpu_fpriv fpriv;
	struct amdgpu_bo root;
	struct xs_fake_slot slot[XS_FAKE_QUEUES];
};

/* Static functions of amdgpu, which KFD, too, calls through pointers. */
struct xs_fake_calls {
	typeof_member(struct device_queue_manager_ops, update_queue) update;
	typeof_member(struct device_queue_manager_ops, evict_process_queues) evict;
	typeof_member(struct device_queue_manager_ops, restore_process_queues) restore;
};

extern struct xs_fake_calls xs_real;

/* @fake is zero, but for kfd and process. @dev stands in KFD's messages. */
void xs_node_init(struct xs_fake *fake, struct device *dev);
void xs_node_state(struct xs_fake *fake, struct xs_fake_state *state);
/* What a debugger's query does to the queues. */
void xs_node_query_events(struct xs_fake *fake);
void xs_node_fault(struct xs_fake *fake, unsigned long faults);

#endif /* XS_FAKE_NODE_H */
