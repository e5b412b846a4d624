// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * SUSPEND, RESUME, their process-wide siblings, and RENEW. Each first checks
 * everything under the lock, then changes ownership, then reconciles: what is
 * refused has changed nothing.
 */
#include "internal.h"

static bool xs_usable(struct xs_core *core, u32 engine, bool process)
{
	const struct xs_engine_ops *ops = core->engines[engine].ops;

	return ops && (process ? !!ops->apply_process : !!ops->apply);
}

/* The engine for a request, or a negative errno. */
int xs_pick_engine(struct xs_core *core, struct xs_file *file, u32 wanted, u32 level, u32 grace_us,
		   bool process)
{
	static const u32 order[] = { XSCHED_ENGINE_UPDATE_QUEUE, XSCHED_ENGINE_SUSPEND_QUEUES,
				     XSCHED_ENGINE_QUIESCE };
	u32 engine = wanted, i;

	if (engine == XSCHED_ENGINE_AUTO) {
		bool any = false;

		engine = core->limits.auto_engine;
		/* A forced one that cannot do processes does not rule those out. */
		if (engine && process && !xs_usable(core, engine, true))
			engine = XSCHED_ENGINE_QUIESCE;
		for (i = 0; !engine && i < 3; i++) {
			if (!xs_usable(core, order[i], process))
				continue;
			any = true;
			if (!grace_us || (core->engines[order[i]].ops->flags & XS_ENGINE_GRACE))
				engine = order[i];
		}
		if (!engine)
			return any ? -EOPNOTSUPP : -ENODEV;
		if (!xs_usable(core, engine, process))
			return -ENODEV;
	} else if (engine == XSCHED_ENGINE_MOCK && !(file->flags & XS_FILE_CONTROL)) {
		return -EPERM;
	}
	if (!xs_usable(core, engine, process))
		return -EOPNOTSUPP;
	if (grace_us && !(core->engines[engine].ops->flags & XS_ENGINE_GRACE))
		return -EOPNOTSUPP;
	/* A higher level than asked for will do. */
	if (!(core->engines[engine].ops->levels >> level))
		return -EOPNOTSUPP;
	return (int)engine;
}

static u32 xs_top_level(const struct xs_engine_ops *ops)
{
	return ops->levels & (1U << XSCHED_LEVEL_INTERRUPT) ? XSCHED_LEVEL_INTERRUPT :
							      XSCHED_LEVEL_DEACTIVATE;
}

/* Suspended, or to be, by somebody's engine that is not this one? */
static bool xs_conflict(const struct xs_target *t, u32 engine, bool by_name)
{
	if (!t->num_holds && !t->suspended && !t->busy)
		return false;
	if (t->engine == engine)
		return false;
	/* A mock suspension must not pass for a real one. */
	return by_name || t->engine == XSCHED_ENGINE_MOCK;
}

static bool xs_may_touch(struct xs_file *file, const struct xs_task *caller, struct xs_queue *q)
{
	return (file->flags & XS_FILE_CONTROL) || q->file == file ||
	       q->process->task.mm == caller->mm;
}

/* Status of one item before anything is done. */
static int xs_check_item(struct xs_file *file, const struct xs_task *caller, struct xs_queue *q,
			 u64 mark)
{
	if (!q)
		return -ENOENT;
	if (caller && !xs_may_touch(file, caller, q))
		return -EPERM;
	if (!caller && !xs_find_hold(file, &q->target))
		return -ENOENT;
	if (q->target.mark == mark)
		return -EINVAL;
	if (caller && (q->target.dead || !xs_task_alive(file->core, &q->target)))
		return -ESRCH;
	q->target.mark = mark;
	return 0;
}

/* Looks all items up; without PARTIAL the first bad one ends the call. */
static int xs_check_items(struct xs_file *file, const struct xs_task *caller,
			  struct xsched_item *items, struct xs_work *work, u32 n, bool partial)
{
	u64 mark = ++file->core->next_mark;
	int error = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		struct xs_queue *q = xs_find_queue(file->core, items[i].handle);

		items[i].state = 0;
		items[i].ns = 0;
		items[i].status = xs_check_item(file, caller, q, mark);
		if (!items[i].status)
			xs_work_set(&work[i], &q->target);
		else if (!error)
			error = items[i].status;
	}
	return partial ? 0 : error;
}

static int xs_read_items(u64 address, u32 count, struct xsched_item **items, struct xs_work **work)
{
	*work = xs_work_new(count);
	*items = xs_calloc(count, sizeof(**items));
	if (!*work || !*items)
		return -ENOMEM;
	return xs_copy_in(*items, xs_user_ptr(address), count * sizeof(**items));
}

/* The bucket that a suspension on @q is paid from. */
static struct xs_bucket *xs_bucket_of(struct xs_file *file, struct xs_queue *q)
{
	return file->flags & XS_FILE_CONTROL ? &q->node->bucket : &file->bucket;
}

/* True if the engine has nothing to do for it: somebody did it before. */
static bool xs_is_free(const struct xs_target *t)
{
	return t->suspended && t->num_holds;
}

/* Will an engine that batches do it in the pass of an earlier one? */
static bool xs_same_pass(const struct xs_work *work, u32 i)
{
	const struct xs_node *node = xs_as_queue(work[i].target)->node;

	while (i--)
		if (work[i].target && !xs_is_free(work[i].target) &&
		    xs_as_queue(work[i].target)->node == node)
			return true;
	return false;
}

static int xs_limit(struct xs_file *file, struct xs_work *work, u32 n, u32 engine, u32 *retry_us)
{
	struct xs_core *core = file->core;
	bool batches = core->engines[engine].ops->flags & XS_ENGINE_BATCHES;
	u32 i;

	for (i = 0; i < n; i++) {
		struct xs_queue *q;

		if (!work[i].target || xs_is_free(work[i].target))
			continue;
		q = xs_as_queue(work[i].target);
		if (xs_bucket_ok(core, xs_bucket_of(file, q), retry_us))
			continue;
		q->node->info.limited++;
		return -EAGAIN;
	}
	for (i = 0; i < n; i++) {
		if (!work[i].target || xs_is_free(work[i].target))
			continue;
		if (batches && xs_same_pass(work, i))
			continue;
		xs_bucket_take(core, xs_bucket_of(file, xs_as_queue(work[i].target)), 1);
	}
	return 0;
}

/* A new hold, or a new lease for the one there is. Consumes work->spare. */
static void xs_hold(struct xs_file *file, struct xs_work *work, u32 engine, u32 grace_us,
		    u64 deadline)
{
	struct xs_target *t = work->target;
	struct xs_hold *hold = xs_find_hold(file, t);

	if (hold) {
		hold->deadline = deadline;
		if (deadline)
			xs_arm(file->core, deadline);
		return;
	}
	if (!t->num_holds && !t->suspended && !t->busy) {
		t->engine = engine;
		t->grace_us = grace_us;
	}
	list_del_init(&t->in_retry);
	t->retry_pause = 0;
	xs_add_hold(file, t, work->spare, deadline);
	work->spare = NULL;
}

static void xs_suspend_result(struct xs_file *file, struct xsched_item *item, struct xs_work *work)
{
	struct xs_target *t = work->target;
	struct xs_hold *hold = xs_find_hold(file, t);

	if (hold && !t->suspended && (work->tried || t->dead)) {
		/* The operation failed, this call's or that which it waited for. */
		item->status = t->dead ? t->last_error : work->status;
		xs_drop_hold(file->core, hold);
	} else if (!hold) {
		/* Withdrawn, or expired, while others were waited for. */
		item->status = t->last_error ? t->last_error : -ESRCH;
	}
	item->ns = work->op.ns;
	item->state = xs_queue_state(file->core, file, xs_as_queue(t));
}

static int xs_suspend_locked(struct xs_file *file, const struct xs_task *caller,
			     struct xsched_suspend *arg, struct xsched_item *items,
			     struct xs_work *work)
{
	struct xs_core *core = file->core;
	bool by_name = arg->engine != XSCHED_ENGINE_AUTO;
	int engine, ret;
	u64 deadline;
	u32 level, i;

	ret = xs_check_lease(file, arg->lease_ms);
	if (ret)
		return ret;
	engine = xs_pick_engine(core, file, arg->engine, arg->level, arg->grace_us, false);
	if (engine < 0)
		return engine;
	ret = xs_check_items(file, caller, items, work, arg->count,
			     arg->flags & XSCHED_ITEMS_PARTIAL);
	if (ret)
		return ret;
	for (i = 0; i < arg->count; i++) {
		if (!work[i].target || !xs_conflict(work[i].target, (u32)engine, by_name))
			continue;
		items[i].status = -EBUSY;
		items[i].state = xs_queue_state(core, file, xs_as_queue(work[i].target));
		xs_target_put(core, work[i].target);
		work[i].target = NULL;
	}
	ret = xs_limit(file, work, arg->count, (u32)engine, &arg->retry_us);
	if (ret)
		return ret;
	/* Now: the engine may be turned off while it works. */
	level = xs_top_level(core->engines[engine].ops);

	deadline = xs_deadline(core, arg->lease_ms);
	for (i = 0; i < arg->count; i++)
		if (work[i].target)
			xs_hold(file, &work[i], (u32)engine, arg->grace_us, deadline);
	ret = xs_reconcile(core, work, arg->count, true, &arg->passes);
	for (i = 0; i < arg->count; i++) {
		if (!work[i].target)
			continue;
		xs_suspend_result(file, &items[i], &work[i]);
		if (!items[i].status)
			arg->held++;
	}
	arg->engine = (u32)engine;
	arg->level = level;
	return ret;
}

int xs_do_suspend(struct xs_file *file, const struct xs_task *caller, struct xsched_suspend *arg)
{
	struct xs_core *core = file->core;
	u64 start = xs_now(core);
	struct xsched_item *items = NULL;
	struct xs_work *work = NULL;
	int ret;
	u32 i;

	if (!arg->count || arg->count > XSCHED_MAX_BATCH)
		return -EINVAL;
	if (arg->level != XSCHED_LEVEL_DEACTIVATE && arg->level != XSCHED_LEVEL_INTERRUPT)
		return -EINVAL;
	if (arg->engine > XSCHED_ENGINE_MOCK)
		return -EINVAL;
	arg->retry_us = 0;
	arg->held = 0;
	arg->passes = 0;
	ret = xs_read_items(arg->items, arg->count, &items, &work);
	for (i = 0; !ret && i < arg->count; i++) {
		work[i].spare = xs_zalloc(sizeof(*work[i].spare));
		if (!work[i].spare)
			ret = -ENOMEM;
	}
	if (!ret) {
		xs_lock(&core->lock);
		ret = xs_suspend_locked(file, caller, arg, items, work);
		xs_work_put(core, work, arg->count);
		xs_unlock(&core->lock);
		if (xs_copy_out(xs_user_ptr(arg->items), items, arg->count * sizeof(*items)) &&
		    !ret)
			ret = -EFAULT;
	}
	for (i = 0; work && i < arg->count; i++)
		xs_free(work[i].spare);
	xs_free(items);
	xs_free(work);
	arg->ns = xs_now(core) - start;
	return ret;
}

static int xs_resume_items(struct xs_file *file, struct xsched_resume *arg)
{
	struct xs_core *core = file->core;
	struct xsched_item *items = NULL;
	struct xs_work *work = NULL;
	int ret;
	u32 i;

	ret = xs_read_items(arg->items, arg->count, &items, &work);
	if (ret)
		goto out;
	xs_lock(&core->lock);
	ret = xs_check_items(file, NULL, items, work, arg->count,
			     arg->flags & XSCHED_ITEMS_PARTIAL);
	if (!ret) {
		for (i = 0; i < arg->count; i++)
			if (work[i].target)
				xs_drop_hold(core, xs_find_hold(file, work[i].target));
		ret = xs_reconcile(core, work, arg->count, true, &arg->passes);
		for (i = 0; i < arg->count; i++) {
			if (!work[i].target)
				continue;
			/* A dead queue needs nothing any more: that is no failure. */
			items[i].status = work[i].target->dead ? 0 : work[i].status;
			items[i].ns = work[i].op.ns;
			items[i].state = xs_queue_state(core, file, xs_as_queue(work[i].target));
		}
	}
	xs_work_put(core, work, arg->count);
	xs_unlock(&core->lock);
	if (xs_copy_out(xs_user_ptr(arg->items), items, arg->count * sizeof(*items)) && !ret)
		ret = -EFAULT;
out:
	xs_free(items);
	xs_free(work);
	return ret;
}

int xs_do_resume(struct xs_file *file, struct xsched_resume *arg)
{
	struct xs_core *core = file->core;
	u64 start = xs_now(core);
	int ret;

	arg->passes = 0;
	if (arg->flags & XSCHED_RESUME_ALL) {
		if (arg->count || arg->items)
			return -EINVAL;
		xs_lock(&core->lock);
		ret = xs_let_go(file, true, &arg->passes);
		xs_unlock(&core->lock);
	} else {
		if (!arg->count || arg->count > XSCHED_MAX_BATCH)
			return -EINVAL;
		ret = xs_resume_items(file, arg);
	}
	arg->ns = xs_now(core) - start;
	return ret;
}

static int xs_suspend_process(struct xs_file *file, struct xs_queue *q, struct xsched_process *arg,
			      struct xs_work *work)
{
	struct xs_core *core = file->core;
	struct xs_target *t = &q->process->target;
	struct xs_hold *hold;
	u32 passes = 0;
	int engine, ret;

	ret = xs_check_lease(file, arg->lease_ms);
	if (ret)
		return ret;
	engine = xs_pick_engine(core, file, arg->engine, XSCHED_LEVEL_DEACTIVATE, 0, true);
	if (engine < 0)
		return engine;
	if (t->dead || !xs_task_alive(core, t))
		return -ESRCH;
	if (xs_conflict(t, (u32)engine, arg->engine != XSCHED_ENGINE_AUTO))
		return -EBUSY;
	if (!xs_is_free(t)) {
		if (!xs_bucket_ok(core, xs_bucket_of(file, q), &arg->retry_us)) {
			q->node->info.limited++;
			return -EAGAIN;
		}
		xs_bucket_take(core, xs_bucket_of(file, q), 1);
	}
	xs_work_set(work, t);
	xs_hold(file, work, (u32)engine, 0, xs_deadline(core, arg->lease_ms));
	ret = xs_reconcile(core, work, 1, true, &passes);
	hold = xs_find_hold(file, t);
	if (hold && work->tried && !t->suspended) {
		xs_drop_hold(core, hold);
		ret = work->status;
	} else if (!hold && !ret) {
		ret = -ESRCH;
	}
	arg->engine = (u32)engine;
	arg->holders = t->num_holds;
	return ret;
}

static int xs_resume_process(struct xs_file *file, struct xs_queue *q, struct xsched_process *arg,
			     struct xs_work *work)
{
	struct xs_target *t = &q->process->target;
	struct xs_hold *hold = xs_find_hold(file, t);
	u32 passes = 0;
	int ret;

	if (!hold)
		return -ENOENT;
	xs_work_set(work, t);
	xs_drop_hold(file->core, hold);
	ret = xs_reconcile(file->core, work, 1, true, &passes);
	if (!ret && !t->dead)
		ret = work->status;
	arg->holders = t->num_holds;
	return ret;
}

int xs_do_process(struct xs_file *file, const struct xs_task *caller, struct xsched_process *arg,
		  bool suspend)
{
	struct xs_core *core = file->core;
	u64 start = xs_now(core);
	struct xs_work *work;
	struct xs_queue *q;
	int ret;

	if (arg->engine > XSCHED_ENGINE_MOCK || (!suspend && (arg->engine || arg->lease_ms)))
		return -EINVAL;
	arg->retry_us = 0;
	arg->holders = 0;
	work = xs_work_new(1);
	if (!work)
		return -ENOMEM;
	work->spare = xs_zalloc(sizeof(*work->spare));
	if (!work->spare) {
		xs_free(work);
		return -ENOMEM;
	}
	xs_lock(&core->lock);
	q = xs_find_queue(core, arg->handle);
	if (!q)
		ret = -ENOENT;
	else if (!xs_may_touch(file, caller, q))
		ret = -EPERM;
	else if (suspend)
		ret = xs_suspend_process(file, q, arg, work);
	else
		ret = xs_resume_process(file, q, arg, work);
	xs_work_put(core, work, 1);
	xs_unlock(&core->lock);
	xs_free(work->spare);
	xs_free(work);
	arg->ns = xs_now(core) - start;
	return ret;
}

int xs_do_renew(struct xs_file *file, struct xsched_renew *arg)
{
	struct xs_core *core = file->core;
	struct xs_hold *hold;
	u64 deadline;
	int ret;

	xs_lock(&core->lock);
	ret = xs_check_lease(file, arg->lease_ms);
	if (!ret) {
		arg->renewed = 0;
		deadline = xs_deadline(core, arg->lease_ms);
		list_for_each_entry(hold, &file->holds, in_file) {
			if (!hold->deadline)
				continue;
			hold->deadline = deadline;
			arg->renewed++;
		}
		if (deadline && arg->renewed)
			xs_arm(core, deadline);
	}
	xs_unlock(&core->lock);
	return ret;
}
