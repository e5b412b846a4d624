// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Makes what is equal to what should be, for a set of targets. The only place
 * that calls engines: it marks its targets busy, drops the lock, hands each
 * engine one batch a node, and takes the lock again for the results. Targets
 * that another thread works on are waited for and looked at again.
 */
#include "internal.h"

static bool xs_wanted(const struct xs_target *t)
{
	return t->num_holds && !t->gone && !t->dead;
}

static u32 xs_gpu_of(const struct xs_target *t)
{
	return t->is_process ? 0 :
			       container_of(t, struct xs_queue, target)->node->info.gpu_id;
}

/* The process is gone, or KFD reset the queue: KFD holds nothing of it. */
static void xs_die(struct xs_core *core, struct xs_target *t, s32 error)
{
	if (t->dead)
		return;
	t->dead = true;
	t->last_error = error;
	if (t->suspended) {
		const struct xs_engine *e = &core->engines[t->engine];

		t->suspended_ns += xs_now(core) - t->since;
		if (e->ops && e->ops->forget && t->is_process)
			e->ops->forget(e->ctx, &xs_as_process(t)->task, XS_WHOLE_PROCESS);
		else if (e->ops && e->ops->forget)
			e->ops->forget(e->ctx, &xs_as_queue(t)->process->task,
				       xs_as_queue(t)->queue_id);
	}
	t->suspended = false;
	list_del_init(&t->in_retry);
	if (!t->gone)
		xs_event_target(core, t, XSCHED_EVENT_GONE, 0);
}

static void xs_finish(struct xs_core *core, struct xs_work *w, bool suspend)
{
	struct xs_target *t = w->target;
	struct xs_node *node = t->is_process ? NULL : xs_as_queue(t)->node;
	u64 now = xs_now(core);

	t->busy = false;
	t->last_op_ns = w->op.ns;
	w->status = w->op.status;
	if (core->platform->trace && !t->is_process)
		core->platform->trace(core->ctx, suspend ? XS_TRACE_SUSPEND : XS_TRACE_RESUME,
				      xs_as_queue(t)->handle, node->info.gpu_id, w->op.status,
				      w->op.ns);
	if (!w->op.status) {
		t->suspended = suspend;
		list_del_init(&t->in_retry);
		if (suspend) {
			t->since = now;
			t->suspends++;
		} else {
			t->suspended_ns += now - t->since;
			t->resumes++;
		}
		if (node && suspend)
			node->info.suspends++;
		else if (node)
			node->info.resumes++;
		xs_event_target(core, t,
				suspend ? XSCHED_EVENT_SUSPENDED : XSCHED_EVENT_RESUMED, 0);
		return;
	}

	t->last_error = w->op.status;
	w->tried = true;
	if (node)
		node->info.errors++;
	xs_event_target(core, t, XSCHED_EVENT_ERROR, w->op.status);
	if (w->op.status == -ESRCH || w->op.status == -EACCES) {
		xs_die(core, t, w->op.status);
	} else if (!suspend) {
		/* Nobody else may care any more: the tick goes on trying. */
		t->retry_pause = t->retry_pause ? t->retry_pause * 2 : XS_RETRY_FIRST;
		if (t->retry_pause > XS_RETRY_LAST)
			t->retry_pause = XS_RETRY_LAST;
		t->retry_at = now + t->retry_pause;
		if (list_empty(&t->in_retry))
			list_add_tail(&t->in_retry, &core->retries);
		xs_arm(core, t->retry_at);
	}
}

/*
 * Marks what this thread can do now; the operation's direction is the target's.
 * What another thread works on in the wrong direction, that thread turns round
 * itself, but a caller must not return before: after SUSPEND a queue does not
 * run, after UNREGISTER no engine works on it. To see it at rest once is enough,
 * or callers could keep each other waiting for ever.
 */
static u32 xs_collect(struct xs_core *core, struct xs_work *work, u32 n, bool caller, bool *wait)
{
	u32 i, mine = 0;

	*wait = false;
	for (i = 0; i < n; i++) {
		struct xs_target *t = work[i].target;

		work[i].mine = false;
		if (!t || work[i].tried)
			continue;
		if (t->busy) {
			if (xs_wanted(t) != t->suspended || (caller && !work[i].seen))
				*wait = true;
			continue;
		}
		work[i].seen = true;
		if (xs_wanted(t) == t->suspended)
			continue;
		if (!xs_task_alive(core, t)) {
			work[i].status = -ESRCH;
			work[i].tried = true;
			xs_die(core, t, -ESRCH);
			continue;
		}
		t->busy = true;
		work[i].mine = true;
		memset(&work[i].op, 0, sizeof(work[i].op));
		if (t->is_process) {
			work[i].op.task = &xs_as_process(t)->task;
		} else {
			struct xs_queue *q = xs_as_queue(t);

			work[i].op.task = &q->process->task;
			work[i].op.ring_base = q->ring_base;
			work[i].op.ring_size = q->ring_size;
			work[i].op.queue_id = q->queue_id;
			work[i].op.gpu_id = q->node->info.gpu_id;
			work[i].op.priority = q->priority;
			work[i].op.percentage = q->percentage;
		}
		mine++;
	}
	return mine;
}

static void xs_count_pass(struct xs_node *node, u32 passes, u64 ns)
{
	node->info.passes += passes;
	node->info.total_ns += ns;
	if (ns > node->info.max_ns)
		node->info.max_ns = ns;
}

/* All nodes that have a queue of the process: an engine pass on each. */
static u32 xs_count_process(struct xs_core *core, struct xs_process *p, u64 ns)
{
	struct xs_node *node;
	struct xs_queue *q;
	u32 passes = 0;

	list_for_each_entry(node, &core->nodes, in_core) {
		list_for_each_entry(q, &p->queues, in_process) {
			if (q->node == node) {
				xs_count_pass(node, 1, ns);
				passes++;
				break;
			}
		}
	}
	return passes;
}

/* One engine call, for the targets of first's node, engine and direction. */
static u32 xs_run_group(struct xs_core *core, struct xs_work *work, u32 n, u32 first,
			struct xs_op *ops)
{
	struct xs_target *lead = work[first].target;
	struct xs_engine *engine = &core->engines[lead->engine];
	const struct xs_engine_ops *eops = engine->ops;
	bool suspend = !lead->suspended;
	u32 i, count = 0, passes = 0, gpu = xs_gpu_of(lead);
	u32 grace_us = lead->grace_us;
	void *ctx = engine->ctx;
	u64 start, ns;

	for (i = first; i < n; i++) {
		struct xs_target *t = work[i].target;

		if (!work[i].mine || t->engine != lead->engine || t->suspended != lead->suspended ||
		    t->is_process != lead->is_process || xs_gpu_of(t) != gpu ||
		    (lead->is_process && i != first))
			continue;
		ops[count++] = work[i].op;
	}

	xs_unlock(&core->lock);
	start = xs_now(core);
	if (!eops || (lead->is_process ? !eops->apply_process : !eops->apply)) {
		for (i = 0; i < count; i++)
			ops[i].status = -ENODEV;
	} else if (lead->is_process) {
		ops[0].status = eops->apply_process(ctx, ops[0].task, suspend);
	} else {
		passes = eops->apply(ctx, ops, count, suspend, grace_us);
	}
	ns = xs_now(core) - start;
	xs_lock(&core->lock);

	if (lead->is_process)
		passes = xs_count_process(core, xs_as_process(lead), ns);
	else
		xs_count_pass(xs_as_queue(lead)->node, passes, ns);

	/*
	 * The same walk as above finds the same work: direction, engine and
	 * node of a busy target do not change. Finishing is what changes the
	 * direction, so compare with what was, not with the lead.
	 */
	count = 0;
	for (i = first; i < n; i++) {
		struct xs_target *t = work[i].target;

		if (!work[i].mine || t->engine != lead->engine || t->suspended == suspend ||
		    t->is_process != lead->is_process || xs_gpu_of(t) != gpu ||
		    (lead->is_process && i != first))
			continue;
		work[i].op = ops[count++];
		if (!work[i].op.ns)
			work[i].op.ns = ns;
		work[i].mine = false;
		/* The lead is compared with until the end: finish it last. */
		if (i != first)
			xs_finish(core, &work[i], suspend);
	}
	xs_finish(core, &work[first], suspend);
	xs_wake_all(&core->done);
	return passes;
}

/*
 * Returns 0 when no target of the set needs an operation any more or this call
 * has tried it and failed (work[].status), -EINTR when being killed while it
 * waited for others. Called, and returns, with the lock held; drops it in
 * between. @work comes from xs_work_new().
 */
int xs_reconcile(struct xs_core *core, struct xs_work *work, u32 n, bool killable, u32 *passes)
{
	bool wait;
	int ret;
	u32 i;

	xs_assert_held(&core->lock);
	for (;;) {
		if (xs_collect(core, work, n, killable, &wait)) {
			for (i = 0; i < n; i++)
				if (work[i].mine)
					*passes += xs_run_group(core, work, n, i, work->scratch);
			continue;
		}
		if (!wait)
			return 0;
		ret = xs_wait(&core->done, &core->lock, killable);
		if (ret)
			return ret;
	}
}

/* Room for @n targets, and for what the engine is handed. */
struct xs_work *xs_work_new(u32 n)
{
	struct xs_work *work = xs_calloc(n, sizeof(struct xs_work) + sizeof(struct xs_op));

	if (work)
		work->scratch = (struct xs_op *)(work + n);
	return work;
}

void xs_work_set(struct xs_work *work, struct xs_target *t)
{
	work->target = t;
	work->status = 0;
	work->tried = false;
	work->seen = false;
	t->refs++;
}

/* Drops the references, and what was only kept until it ran again. */
void xs_work_put(struct xs_core *core, struct xs_work *work, u32 n)
{
	u32 i;

	xs_assert_held(&core->lock);
	for (i = 0; i < n; i++) {
		struct xs_target *t = work[i].target;

		work[i].target = NULL;
		if (!t)
			continue;
		xs_settle(core, t);
		xs_target_put(core, t);
	}
}
