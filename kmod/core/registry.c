// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The registry: queues, the processes they belong to, and the nodes they run
 * on. A queue that is withdrawn while suspended stays, nameless, until it runs
 * again (xs_settle).
 */
#include "internal.h"

void xs_target_init(struct xs_target *t, bool is_process)
{
	INIT_LIST_HEAD(&t->holds);
	INIT_LIST_HEAD(&t->in_retry);
	t->refs = 1;
	t->is_process = is_process;
}

/* The last reference frees; the registry's own is dropped by xs_settle(). */
void xs_target_put(struct xs_core *core, struct xs_target *t)
{
	struct xs_process *p;

	xs_assert_held(&core->lock);
	if (--t->refs)
		return;
	if (!t->is_process) {
		struct xs_queue *q = xs_as_queue(t);

		p = q->process;
		xs_free(q);
		xs_settle(core, &p->target);
		xs_target_put(core, &p->target);
		return;
	}
	p = xs_as_process(t);
	core->platform->task_unref(&p->task);
	xs_free(p);
}

bool xs_task_alive(struct xs_core *core, struct xs_target *t)
{
	struct xs_process *p = t->is_process ? xs_as_process(t) : xs_as_queue(t)->process;

	return core->platform->task_alive(&p->task);
}

struct xs_queue *xs_find_queue(struct xs_core *core, u64 handle)
{
	struct xs_queue *q;

	list_for_each_entry(q, &core->buckets[handle % XS_BUCKETS], in_bucket)
		if (q->handle == handle)
			return q->target.gone ? NULL : q;
	return NULL;
}

/*
 * One that is gone and not yet settled comes back with the next registration:
 * a process has one target, or two would suspend and resume it past each other.
 */
static struct xs_process *xs_find_process(struct xs_core *core, const struct xs_task *task)
{
	struct xs_process *p;

	list_for_each_entry(p, &core->processes, in_core)
		if (p->task.mm == task->mm && !(p->target.gone && p->target.dead))
			return p;
	return NULL;
}

static struct xs_process *xs_new_process(struct xs_core *core, const struct xs_task *task)
{
	struct xs_process *p = xs_zalloc(sizeof(*p));

	if (!p)
		return NULL;
	xs_target_init(&p->target, true);
	INIT_LIST_HEAD(&p->queues);
	p->task = *task;
	core->platform->task_ref(&p->task);
	list_add_tail(&p->in_core, &core->processes);
	return p;
}

/* Finds or makes; a full table gives up a node that no queue uses. */
static struct xs_node *xs_get_node(struct xs_core *core, u32 gpu_id, int *error)
{
	struct xs_node *node, *unused = NULL, *next = NULL;

	list_for_each_entry(node, &core->nodes, in_core) {
		if (node->info.gpu_id == gpu_id)
			return node;
		if (!node->info.queues)
			unused = node;
	}
	if (core->num_nodes >= XS_MAX_NODES) {
		if (!unused) {
			*error = -ENOSPC;
			return NULL;
		}
		list_del_init(&unused->in_core);
		xs_free(unused);
		core->num_nodes--;
	}
	node = xs_zalloc(sizeof(*node));
	if (!node) {
		*error = -ENOMEM;
		return NULL;
	}
	node->info.gpu_id = gpu_id;
	core->num_nodes++;
	/* Sorted: paging goes by gpu_id. */
	list_for_each_entry(next, &core->nodes, in_core)
		if (next->info.gpu_id > gpu_id)
			break;
	list_add_tail(&node->in_core, &next->in_core);
	return node;
}

static struct xs_queue *xs_find_id(struct xs_process *p, u32 queue_id)
{
	struct xs_queue *q;

	list_for_each_entry(q, &p->queues, in_process)
		if (q->queue_id == queue_id && !q->target.gone)
			return q;
	return NULL;
}

/* A withdrawn queue of that name which does not run yet. */
static struct xs_queue *xs_find_stale(struct xs_core *core, const struct xs_task *task,
				      u32 queue_id)
{
	struct xs_process *p;
	struct xs_queue *q;

	list_for_each_entry(p, &core->processes, in_core) {
		if (p->task.mm != task->mm)
			continue;
		list_for_each_entry(q, &p->queues, in_process)
			if (q->queue_id == queue_id && q->target.gone &&
			    (q->target.suspended || q->target.busy))
				return q;
	}
	return NULL;
}

/* Nobody holds it and no call works on it: the tick has it run. */
void xs_resume_soon(struct xs_core *core, struct xs_target *t)
{
	if (!t->suspended || t->num_holds || t->busy || !list_empty(&t->in_retry))
		return;
	t->retry_at = xs_now(core);
	list_add_tail(&t->in_retry, &core->retries);
	xs_arm(core, t->retry_at);
}

/*
 * To KFD @stale and @q are the same queue: what suspended the one is undone on
 * the other, or that late resume would start a queue which its new holders
 * take for suspended.
 */
static void xs_adopt(struct xs_core *core, struct xs_queue *q, struct xs_queue *stale)
{
	struct xs_target *from = &stale->target, *to = &q->target;

	to->suspended = true;
	to->engine = from->engine;
	to->grace_us = from->grace_us;
	to->since = xs_now(core);
	xs_resume_soon(core, to);

	from->suspended = false;
	from->refs++;
	xs_settle(core, from);
	xs_target_put(core, from);
}

static void xs_set_attributes(struct xs_queue *q, const struct xsched_register_queue *arg)
{
	q->ring_base = arg->ring_base;
	q->ring_size = arg->ring_size;
	q->type = arg->type;
	q->priority = arg->priority;
	q->percentage = arg->percentage;
}

/* Lock held; @arg is checked. */
int xs_register(struct xs_file *file, const struct xs_task *caller,
		struct xsched_register_queue *arg)
{
	struct xs_core *core = file->core;
	struct xs_queue *q, *stale;
	struct xs_process *p;
	struct xs_node *node;
	int error = 0;

	xs_assert_held(&core->lock);
	for (;;) {
		stale = xs_find_stale(core, caller, arg->queue_id);
		if (!stale || !stale->target.busy)
			break;
		error = xs_wait(&core->done, &core->lock, true);
		if (error)
			return error;
	}
	p = xs_find_process(core, caller);
	q = p ? xs_find_id(p, arg->queue_id) : NULL;
	if (arg->flags & XSCHED_REGISTER_REPLACE) {
		if (!q)
			return -ENOENT;
		if (q->file != file)
			return -EPERM;
		if (q->node->info.gpu_id != arg->gpu_id)
			return -EINVAL;
		/* It is resumed with the ring that it was suspended with. */
		if ((q->target.suspended || q->target.busy) &&
		    (q->ring_base != arg->ring_base || q->ring_size != arg->ring_size))
			return -EBUSY;
		xs_set_attributes(q, arg);
		arg->handle = q->handle;
		return 0;
	}
	if (q)
		return -EEXIST;
	if (file->num_queues >= core->limits.max_queues)
		return -ENOSPC;

	node = xs_get_node(core, arg->gpu_id, &error);
	if (!node)
		return error;
	q = xs_zalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	if (!p)
		p = xs_new_process(core, caller);
	if (!p) {
		xs_free(q);
		return -ENOMEM;
	}
	xs_target_init(&q->target, false);
	xs_set_attributes(q, arg);
	q->queue_id = arg->queue_id;
	q->handle = ++core->next_handle;
	q->file = file;
	q->node = node;
	q->process = p;
	p->target.refs++;
	p->target.gone = false;
	xs_resume_soon(core, &p->target);
	node->info.queues++;
	list_add_tail(&q->in_core, &core->queues);
	list_add_tail(&q->in_bucket, &core->buckets[q->handle % XS_BUCKETS]);
	list_add_tail(&q->in_file, &file->queues);
	list_add_tail(&q->in_process, &p->queues);
	file->num_queues++;
	core->num_queues++;
	arg->handle = q->handle;
	if (stale)
		xs_adopt(core, q, stale);
	xs_event_queue(core, q, XSCHED_EVENT_REGISTERED, 0);
	return 0;
}

/* Ends the registration: nobody can name, hold or suspend it any more. */
void xs_withdraw(struct xs_core *core, struct xs_queue *q)
{
	struct xs_process *p = q->process;
	struct xs_queue *other;

	xs_assert_held(&core->lock);
	if (q->target.gone)
		return;
	if (!q->target.dead)
		xs_event_queue(core, q, XSCHED_EVENT_GONE, 0);
	q->target.gone = true;
	xs_drop_all_holds(core, &q->target);

	/* The process goes with its last queue. */
	list_for_each_entry(other, &p->queues, in_process)
		if (!other->target.gone)
			return;
	p->target.gone = true;
	xs_drop_all_holds(core, &p->target);
	/* Not left to the caller: the tick may settle the queues before that. */
	xs_resume_soon(core, &p->target);
}

/* Takes what is gone, and runs, out of the registry. */
void xs_settle(struct xs_core *core, struct xs_target *t)
{
	xs_assert_held(&core->lock);
	if (!t->gone || t->busy || t->suspended)
		return;
	list_del_init(&t->in_retry);
	if (t->is_process) {
		struct xs_process *p = xs_as_process(t);

		if (!list_empty(&p->queues) || list_empty(&p->in_core))
			return;
		list_del_init(&p->in_core);
	} else {
		struct xs_queue *q = xs_as_queue(t);

		if (!q->file)
			return;
		list_del_init(&q->in_core);
		list_del_init(&q->in_bucket);
		list_del_init(&q->in_file);
		list_del_init(&q->in_process);
		q->node->info.queues--;
		q->file->num_queues--;
		core->num_queues--;
		q->file = NULL;
	}
	xs_target_put(core, t);
}

u32 xs_queue_state(struct xs_core *core, struct xs_file *file, struct xs_queue *q)
{
	struct xs_target *t = &q->target;
	u32 state = 0;

	if (t->suspended)
		state |= XSCHED_QUEUE_SUSPENDED;
	if (t->busy)
		state |= XSCHED_QUEUE_BUSY;
	if (t->dead || !xs_task_alive(core, t))
		state |= XSCHED_QUEUE_DEAD;
	if (file && xs_find_hold(file, t))
		state |= XSCHED_QUEUE_HELD;
	if (file && q->file == file)
		state |= XSCHED_QUEUE_OWN;
	if (q->process->target.suspended)
		state |= XSCHED_QUEUE_PROCESS_SUSPENDED;
	if (!list_empty(&t->in_retry))
		state |= XSCHED_QUEUE_RETRYING;
	return state;
}

void xs_queue_info(struct xs_core *core, struct xs_file *file, struct xs_queue *q,
		   struct xsched_queue_info *info)
{
	struct xs_target *t = &q->target;
	struct xs_hold *hold;

	memset(info, 0, sizeof(*info));
	info->handle = q->handle;
	info->queue_id = q->queue_id;
	info->gpu_id = q->node->info.gpu_id;
	info->pid = core->platform->task_number(&q->process->task);
	info->state = xs_queue_state(core, file, q);
	info->type = q->type;
	info->priority = q->priority;
	info->ring_size = q->ring_size;
	info->holders = t->num_holds;
	info->engine = t->engine;
	info->last_error = t->last_error;
	info->suspends = t->suspends;
	info->resumes = t->resumes;
	info->lease_expiries = t->expiries;
	info->suspended_ns = t->suspended_ns + (t->suspended ? xs_now(core) - t->since : 0);
	info->last_op_ns = t->last_op_ns;
	list_for_each_entry(hold, &t->holds, in_target)
		if (hold->deadline > info->lease_deadline_ns)
			info->lease_deadline_ns = hold->deadline;
}
