/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The core as its surroundings see it: the kernel module (../main.c), the
 * simulated node and the tests. Everything behind /dev/xsched that needs no
 * kernel: registry, ownership by open file, leases, events, rate limit, and
 * the ioctls.
 *
 * Locking: one mutex, taken inside; it is never held across an engine's
 * operation, which may take seconds. Callbacks are called with it held unless
 * they say otherwise, and must not call back in.
 */
#ifndef XS_CORE_H
#define XS_CORE_H

#include "platform.h"
#ifdef __KERNEL__
#include "../../uapi/xsched.h"
#else
#include "uapi/xsched.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct xs_core;
struct xs_file;

/*
 * A process. @mm is its identity (equal pointers, same process); what the
 * pointers mean is the platform's business.
 */
struct xs_task {
	void *mm;
	void *pid;
};

/* A queue, as an engine needs it; a copy, stable while the engine works. */
struct xs_op {
	const struct xs_task *task;
	u64 ring_base;
	u32 ring_size;
	u32 queue_id;
	u32 gpu_id;
	u32 priority;
	u32 percentage;
	s32 status; /* out: 0, or a negative errno */
	u64 ns; /* out: time of the pass that did it; 0 lets the core measure */
};

#define XS_ENGINE_BATCHES 0x1 /* one pass for any number of queues */
#define XS_ENGINE_GRACE 0x2 /* honours grace_us */

/*
 * A way to suspend. Called without the core's lock, from several threads at
 * once, never twice at the same time for one queue. Status: -ESRCH and
 * -EACCES mean that the queue is no more; any other error of a resume is
 * tried again.
 */
struct xs_engine_ops {
	u32 levels; /* mask of 1 << XSCHED_LEVEL_* */
	u32 flags; /* XS_ENGINE_* */
	/* @n queues of one node. Returns passes made. NULL: cannot. */
	u32 (*apply)(void *ctx, struct xs_op *ops, u32 n, bool suspend, u32 grace_us);
	/* All queues of a process. NULL: cannot. */
	int (*apply_process)(void *ctx, const struct xs_task *task, bool suspend);
	/*
	 * What it suspended is no more (XS_WHOLE_PROCESS: the process): drop
	 * what is kept of it. NULL if nothing is. With the core's lock held.
	 */
	void (*forget)(void *ctx, const struct xs_task *task, u32 queue_id);
};

#define XS_WHOLE_PROCESS 0xffffffffU

/* What the platform gives. */
struct xs_platform {
	/* Time of CLOCK_MONOTONIC in ns. Callable at any time. */
	u64 (*now)(void *ctx);
	/* Have xs_core_tick() called at @when (ns) from a thread that may sleep. */
	void (*arm)(void *ctx, u64 when);
	/* New events for the file with this cookie. */
	void (*wake)(void *cookie);
	void (*task_ref)(const struct xs_task *task);
	void (*task_unref)(const struct xs_task *task);
	bool (*task_alive)(const struct xs_task *task);
	u32 (*task_number)(const struct xs_task *task);
	/* Optional tracing. @level of what happened, see xs_trace_kind. */
	void (*trace)(void *ctx, int kind, u64 handle, u32 gpu_id, s32 status, u64 ns);
};

enum xs_trace_kind { XS_TRACE_SUSPEND, XS_TRACE_RESUME, XS_TRACE_LEASE };

struct xs_limits {
	u32 lease_default_ms;
	u32 lease_max_ms;
	u32 max_queues; /* a file */
	u32 rate; /* engine passes a second and node, 0 for no limit */
	u32 burst; /* passes at once after a pause */
	u32 auto_engine; /* what AUTO means; 0: the best there is */
};

/* Defaults, also those of the module's parameters. */
#define XS_LEASE_DEFAULT_MS 1000
#define XS_LEASE_MAX_MS 60000
#define XS_MAX_QUEUES 1024
#define XS_RATE 1000
#define XS_BURST 64

/* NULL if out of memory. */
struct xs_core *xs_core_new(const struct xs_platform *platform, void *ctx,
			    const struct xs_limits *limits);
/* All files must be closed. */
void xs_core_free(struct xs_core *core);

void xs_core_set_limits(struct xs_core *core, const struct xs_limits *limits);
void xs_core_set_driver(struct xs_core *core, const char *version);
/* @ops == NULL turns it off, with the reason. */
void xs_core_set_engine(struct xs_core *core, u32 engine, const struct xs_engine_ops *ops,
			void *ctx, int error, const char *why);

#define XS_FILE_CONTROL 0x1
#define XS_FILE_ADMIN 0x2 /* CAP_SYS_ADMIN */
struct xs_file *xs_file_open(struct xs_core *core, u32 flags, void *cookie);
/*
 * The first half of a close, which never sleeps in an engine: what the file
 * registered has no name any more, and can be registered anew.
 */
void xs_file_retire(struct xs_file *file);
/*
 * Lets go of all that the file holds and registered. False: not everything
 * runs again yet; call again, a little later. True: the file is freed. With
 * @give_up it is freed in any case.
 */
bool xs_file_close(struct xs_file *file, bool give_up);

/* 0 or a negative errno. */
long xs_ioctl(struct xs_file *file, const struct xs_task *caller, unsigned int cmd,
	      void __user *arg);
bool xs_file_has_events(struct xs_file *file);
/* Up to @max events; number taken. */
u32 xs_file_take_events(struct xs_file *file, struct xsched_event *events, u32 max);

/* Expires leases and tries failed resumes again, all that is due. */
void xs_core_tick(struct xs_core *core);

/* Rows for debugfs, as a control file would see them. */
u32 xs_core_list_queues(struct xs_core *core, u64 cursor, struct xsched_queue_info *rows,
			u32 max);
u32 xs_core_list_nodes(struct xs_core *core, u64 cursor, struct xsched_node_info *rows, u32 max);

#ifdef __cplusplus
}
#endif

#endif /* XS_CORE_H */
