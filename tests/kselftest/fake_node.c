// SPDX-License-Identifier: GPL-2.0
/*
 * The node that does not exist: as much of a gfx942's structures as KFD's code for
 * updating, evicting and suspending queues looks at. What it would send to the
 * GPU's scheduler ends at a scheduler that is "not running".
 */
#include <linux/dma-resv.h>
#include <linux/interval_tree_generic.h>

#include "fake_node.h"

struct xs_fake_calls xs_real;

#define XS_START(mapping) ((mapping)->start)
#define XS_LAST(mapping) ((mapping)->last)
INTERVAL_TREE_DEFINE(struct amdgpu_bo_va_mapping, rb, u64, __subtree_last, XS_START, XS_LAST,
		     static inline, xs_mapping)

static void xs_flush_hdp(struct amdgpu_device *adev, struct amdgpu_ring *ring)
{
}

/* What each real one does with the properties, and nothing that it does with an MQD. */
static void xs_update_mqd(struct mqd_manager *mm, void *mqd, struct queue_properties *q,
			  struct mqd_update_info *info)
{
	container_of(q, struct xs_fake_slot, queue.properties)->updates++;
	q->is_active = QUEUE_IS_ACTIVE(*q);
}

static int xs_get_wave_state(struct mqd_manager *mm, void *mqd, struct queue_properties *q,
			     void __user *ctl_stack, u32 *ctl_used, u32 *save_used)
{
	return 0;
}

/* KFD tries the lock that a GPU reset holds for writing. */
static int xs_evict(struct device_queue_manager *dqm, struct qcm_process_device *qpd)
{
	struct xs_fake *fake = container_of(dqm, struct xs_fake, dqm);
	bool reset = READ_ONCE(fake->gpu_reset);
	int ret;

	if (reset)
		down_write(&fake->reset.sem);
	ret = xs_real.evict(dqm, qpd);
	if (reset)
		up_write(&fake->reset.sem);
	return ret;
}

static int xs_restore(struct device_queue_manager *dqm, struct qcm_process_device *qpd)
{
	struct xs_fake *fake = container_of(dqm, struct xs_fake, dqm);
	bool reset = READ_ONCE(fake->gpu_reset);
	int ret;

	if (reset)
		down_write(&fake->reset.sem);
	ret = xs_real.restore(dqm, qpd);
	if (reset)
		up_write(&fake->reset.sem);
	return ret;
}

static void xs_init_device(struct xs_fake *fake, struct device *dev)
{
	struct amdgpu_device *adev = &fake->adev;
	struct device_queue_manager *dqm = &fake->dqm;

	init_rwsem(&fake->reset.sem);
	fake->asic.flush_hdp = xs_flush_hdp;
	adev->dev = dev;
	adev->asic_type = CHIP_IP_DISCOVERY;
	adev->ip_versions[GC_HWIP][0] = IP_VERSION(9, 4, 3);
	adev->asic_funcs = &fake->asic;
	adev->reset_domain = &fake->reset;

	fake->kfd_dev.adev = adev;
	fake->kfd_dev.cwsr_enabled = true;
	fake->node.kfd = &fake->kfd_dev;
	fake->node.adev = adev;
	fake->node.id = XS_FAKE_GPU_ID;
	fake->node.dqm = dqm;
	INIT_LIST_HEAD(&fake->node.smi_clients);
	spin_lock_init(&fake->node.smi_lock);

	dqm->dev = &fake->node;
	dqm->sched_policy = KFD_SCHED_POLICY_HWS;
	dqm->sched_running = false;
	mutex_init(&dqm->lock_hidden);
	init_waitqueue_head(&dqm->destroy_wait);
	INIT_LIST_HEAD(&dqm->queues);
	fake->mqd.update_mqd = xs_update_mqd;
	fake->mqd.get_wave_state = xs_get_wave_state;
	dqm->mqd_mgrs[KFD_MQD_TYPE_CP] = &fake->mqd;
	dqm->ops.update_queue = xs_real.update;
	dqm->ops.evict_process_queues = xs_evict;
	dqm->ops.restore_process_queues = xs_restore;
}

static void xs_init_bo(struct xs_fake *fake, struct amdgpu_bo *bo)
{
	bo->tbo.bdev = &fake->adev.mman.bdev;
	kref_init(&bo->tbo.kref);
	kref_init(&bo->tbo.base.refcount);
	dma_resv_init(&bo->tbo.base._resv);
	bo->tbo.base.resv = &bo->tbo.base._resv;
}

static void xs_init_queue(struct xs_fake *fake, u32 id)
{
	struct xs_fake_slot *slot = &fake->slot[id];
	struct queue_properties *q = &slot->queue.properties;
	struct amdgpu_vm *vm = &fake->fpriv.vm;

	xs_init_bo(fake, &slot->ring);
	slot->va.base.vm = vm;
	slot->va.base.bo = &slot->ring;
	slot->ring.vm_bo = &slot->va.base;
	slot->mapping.bo_va = &slot->va;
	slot->mapping.start = XS_FAKE_RING(id) >> AMDGPU_GPU_PAGE_SHIFT;
	slot->mapping.last = slot->mapping.start +
			     (XS_FAKE_RING_SIZE >> AMDGPU_GPU_PAGE_SHIFT) - 1;
	xs_mapping_insert(&slot->mapping, &vm->va);

	q->type = KFD_QUEUE_TYPE_COMPUTE;
	q->format = KFD_QUEUE_FORMAT_AQL;
	q->queue_id = id;
	q->queue_address = XS_FAKE_RING(id);
	q->queue_size = XS_FAKE_RING_SIZE;
	q->queue_percent = 100;
	q->priority = XS_FAKE_PRIORITY;
	q->is_active = true;
	/* As init_user_queue() begins. */
	q->exception_status = KFD_EC_MASK(EC_QUEUE_NEW);
	/* Each update takes the ring anew and gives the old one back. */
	kref_get(&slot->ring.tbo.base.refcount);
	slot->va.queue_refcount = 1;
	q->ring_bo = &slot->ring;
	slot->queue.device = &fake->node;
	slot->queue.process = fake->process;
	slot->pqn.q = &slot->queue;
	list_add_tail(&slot->queue.list, &fake->pdd.qpd.queues_list);
	fake->pdd.qpd.queue_count++;
	fake->dqm.active_queue_count++;
	fake->dqm.active_cp_queue_count++;
}

static void xs_init_process(struct xs_fake *fake)
{
	struct kfd_process_device *pdd = &fake->pdd;
	u32 i;

	xs_init_bo(fake, &fake->root);
	fake->fpriv.vm.root.bo = &fake->root;
	fake->fpriv.vm.va = RB_ROOT_CACHED;
	fake->drm.driver_priv = &fake->fpriv;
	pdd->dev = &fake->node;
	pdd->process = fake->process;
	pdd->drm_priv = &fake->drm;
	pdd->user_gpu_id = XS_FAKE_GPU_ID;
	pdd->qpd.dqm = &fake->dqm;
	pdd->qpd.pqm = &fake->process->pqm;
	INIT_LIST_HEAD(&pdd->qpd.queues_list);
	INIT_LIST_HEAD(&pdd->qpd.priv_queue_list);
	for (i = 0; i < XS_FAKE_QUEUES; i++)
		xs_init_queue(fake, i);
}

void xs_node_init(struct xs_fake *fake, struct device *dev)
{
	xs_init_device(fake, dev);
	xs_init_process(fake);
}

void xs_node_state(struct xs_fake *fake, struct xs_fake_state *state)
{
	u32 i;

	memset(state, 0, sizeof(*state));
	dqm_lock(&fake->dqm);
	for (i = 0; i < XS_FAKE_QUEUES; i++) {
		struct queue_properties *q = &fake->slot[i].queue.properties;

		state->queue[i] = (struct xs_fake_queue){
			.active = q->is_active,
			.suspended = q->is_suspended,
			.evicted = q->is_evicted,
			.fresh = !!(q->exception_status & KFD_EC_MASK(EC_QUEUE_NEW)),
			.percent = q->queue_percent,
			.priority = q->priority,
			.updates = fake->slot[i].updates,
			.ring_users = fake->slot[i].va.queue_refcount,
		};
	}
	state->evicted = fake->pdd.qpd.evicted;
	state->active = fake->dqm.active_queue_count;
	dqm_unlock(&fake->dqm);
	state->vm_locked = dma_resv_is_locked(fake->root.tbo.base.resv);
}

void xs_node_query_events(struct xs_fake *fake)
{
	u32 i;

	dqm_lock(&fake->dqm);
	for (i = 0; i < XS_FAKE_QUEUES; i++)
		fake->slot[i].queue.properties.exception_status &= ~KFD_EC_MASK(EC_QUEUE_NEW);
	dqm_unlock(&fake->dqm);
}

void xs_node_fault(struct xs_fake *fake, unsigned long faults)
{
	WRITE_ONCE(fake->gpu_reset, !!(faults & XS_FAKE_FAULT_GPU_RESET));
	dqm_lock(&fake->dqm);
	fake->pdd.has_reset_queue = !!(faults & XS_FAKE_FAULT_QUEUE_RESET);
	dqm_unlock(&fake->dqm);
}
