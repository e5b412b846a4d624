/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The core's own types, shared by its files and by nobody else.
 *
 * A target is what can be suspended: a queue, or a whole process. Files hold
 * targets. What should be (anybody holds it) and what is (suspended) are kept
 * apart; xs_reconcile() makes them equal, and is the only caller of engines.
 */
#ifndef XS_INTERNAL_H
#define XS_INTERNAL_H

#include "core.h"

#define XS_BUCKETS 256
#define XS_EVENTS 256
/* gpu_id is what a process says: bound what it can make us keep. */
#define XS_MAX_NODES 128
#define XS_NS_PER_MS 1000000ULL
#define XS_NS_PER_US 1000ULL
#define XS_NS_PER_S 1000000000ULL
/* After a resume that failed: first pause, and the longest. */
#define XS_RETRY_FIRST (10 * XS_NS_PER_MS)
#define XS_RETRY_LAST (1000 * XS_NS_PER_MS)

/* Token bucket in nanoseconds: a pass costs 1 s / rate; debt is allowed. */
struct xs_bucket {
	s64 credit_ns;
	u64 last;
};

struct xs_node {
	struct list_head in_core; /* sorted by gpu_id */
	struct xs_bucket bucket;
	struct xsched_node_info info;
};

struct xs_target {
	struct list_head holds;
	struct list_head in_retry; /* empty: not waiting for a retry */
	u32 refs;
	u32 num_holds;
	u32 engine; /* by which it is, or will be, suspended */
	u32 grace_us;
	bool is_process;
	bool suspended; /* what is */
	bool busy; /* an engine works on it */
	bool gone; /* no longer registered */
	bool dead; /* nothing left to suspend or resume */
	u64 retry_at;
	u64 retry_pause;
	u64 mark; /* last call that named it: finds duplicates */
	s32 last_error;
	u64 since; /* suspended since */
	u64 last_op_ns;
	u64 suspends, resumes, expiries, suspended_ns;
};

struct xs_process {
	struct xs_target target;
	struct list_head in_core;
	struct list_head queues;
	struct xs_task task;
};

struct xs_queue {
	struct xs_target target;
	struct list_head in_core; /* in order of registration */
	struct list_head in_bucket;
	struct list_head in_file;
	struct list_head in_process;
	struct xs_file *file; /* NULL once gone */
	struct xs_process *process; /* keeps a reference */
	struct xs_node *node;
	u64 handle;
	u64 ring_base;
	u32 ring_size, queue_id, type, priority, percentage;
};

struct xs_hold {
	struct list_head in_target;
	struct list_head in_file;
	struct xs_file *file;
	struct xs_target *target;
	u64 deadline; /* 0: none */
};

struct xs_file {
	struct list_head in_core;
	struct list_head holds;
	struct list_head queues;
	struct xs_core *core;
	void *cookie;
	struct xs_bucket bucket; /* of a file without the control role */
	u32 flags;
	u32 num_queues;
	u32 listen_flags, listen_mask;
	bool closing;
	u32 event_head, event_count, event_lost;
	struct xsched_event events[XS_EVENTS];
};

struct xs_engine {
	const struct xs_engine_ops *ops;
	void *ctx;
	s32 error;
	char why[56];
};

struct xs_core {
	struct xs_mutex lock;
	struct xs_waitq done; /* an operation ended */
	const struct xs_platform *platform;
	void *ctx;
	struct xs_limits limits;
	struct xs_engine engines[XSCHED_ENGINE_SLOTS];
	char driver[64];
	struct list_head files, queues, processes, nodes, retries;
	struct list_head buckets[XS_BUCKETS];
	u64 next_handle;
	u64 next_mark;
	u64 armed; /* 0: no tick asked for */
	u32 num_files, num_queues, num_nodes;
};

/* One target of a call, from lookup to result. */
struct xs_work {
	struct xs_target *target; /* with a reference; NULL: skipped */
	struct xs_hold *spare; /* for a new hold */
	s32 status;
	bool tried; /* by this call, and failed */
	bool mine; /* this round's operation */
	bool seen; /* at rest, since this call began */
	struct xs_op *scratch; /* of the first: one op for each */
	struct xs_op op;
};

static inline u64 xs_now(struct xs_core *core)
{
	return core->platform->now(core->ctx);
}

static inline struct xs_queue *xs_as_queue(struct xs_target *t)
{
	return container_of(t, struct xs_queue, target);
}

static inline struct xs_process *xs_as_process(struct xs_target *t)
{
	return container_of(t, struct xs_process, target);
}

/* registry.c */
void xs_target_init(struct xs_target *t, bool is_process);
void xs_target_put(struct xs_core *core, struct xs_target *t);
struct xs_queue *xs_find_queue(struct xs_core *core, u64 handle);
int xs_register(struct xs_file *file, const struct xs_task *caller,
		struct xsched_register_queue *arg);
void xs_settle(struct xs_core *core, struct xs_target *t);
void xs_resume_soon(struct xs_core *core, struct xs_target *t);
void xs_withdraw(struct xs_core *core, struct xs_queue *q);
bool xs_task_alive(struct xs_core *core, struct xs_target *t);
u32 xs_queue_state(struct xs_core *core, struct xs_file *file, struct xs_queue *q);
void xs_queue_info(struct xs_core *core, struct xs_file *file, struct xs_queue *q,
		   struct xsched_queue_info *info);

/* hold.c */
struct xs_hold *xs_find_hold(struct xs_file *file, struct xs_target *t);
void xs_add_hold(struct xs_file *file, struct xs_target *t, struct xs_hold *hold, u64 deadline);
void xs_drop_hold(struct xs_core *core, struct xs_hold *hold);
void xs_drop_all_holds(struct xs_core *core, struct xs_target *t);
void xs_arm(struct xs_core *core, u64 when);
int xs_let_go(struct xs_file *file, bool killable, u32 *passes);
int xs_unregister(struct xs_core *core, struct xs_queue *q, bool killable);
u64 xs_deadline(struct xs_core *core, u32 lease_ms);
int xs_check_lease(struct xs_file *file, u32 lease_ms);

/* reconcile.c */
int xs_reconcile(struct xs_core *core, struct xs_work *work, u32 n, bool killable, u32 *passes);
struct xs_work *xs_work_new(u32 n);
void xs_work_set(struct xs_work *work, struct xs_target *t);
void xs_work_put(struct xs_core *core, struct xs_work *work, u32 n);

/* event.c */
void xs_event_target(struct xs_core *core, struct xs_target *t, u32 type, s32 value);
void xs_event_queue(struct xs_core *core, struct xs_queue *q, u32 type, s32 value);
void xs_event_file(struct xs_file *file, u32 type, u64 handle, s32 value);

/* limit.c */
bool xs_bucket_ok(struct xs_core *core, struct xs_bucket *b, u32 *retry_us);
void xs_bucket_take(struct xs_core *core, struct xs_bucket *b, u32 passes);

/* request.c: the ioctls that suspend and resume */
int xs_do_suspend(struct xs_file *file, const struct xs_task *caller, struct xsched_suspend *arg);
int xs_do_resume(struct xs_file *file, struct xsched_resume *arg);
int xs_do_process(struct xs_file *file, const struct xs_task *caller, struct xsched_process *arg,
		  bool suspend);
int xs_do_renew(struct xs_file *file, struct xsched_renew *arg);
int xs_pick_engine(struct xs_core *core, struct xs_file *file, u32 wanted, u32 level, u32 grace_us,
		   bool process);

#endif /* XS_INTERNAL_H */
