// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Ownership: which file holds which target, until when. Dropping a hold never
 * fails; making the target run again is xs_reconcile()'s, and the tick's if
 * that fails.
 */
#include "internal.h"

struct xs_hold *xs_find_hold(struct xs_file *file, struct xs_target *t)
{
	struct xs_hold *hold;

	list_for_each_entry(hold, &t->holds, in_target)
		if (hold->file == file)
			return hold;
	return NULL;
}

void xs_add_hold(struct xs_file *file, struct xs_target *t, struct xs_hold *hold, u64 deadline)
{
	xs_assert_held(&file->core->lock);
	hold->file = file;
	hold->target = t;
	hold->deadline = deadline;
	list_add_tail(&hold->in_target, &t->holds);
	list_add_tail(&hold->in_file, &file->holds);
	t->num_holds++;
	t->refs++;
	if (deadline)
		xs_arm(file->core, deadline);
}

void xs_drop_hold(struct xs_core *core, struct xs_hold *hold)
{
	struct xs_target *t = hold->target;

	xs_assert_held(&core->lock);
	list_del_init(&hold->in_target);
	list_del_init(&hold->in_file);
	t->num_holds--;
	xs_free(hold);
	xs_target_put(core, t);
}

/* Caller has a reference of its own. */
void xs_drop_all_holds(struct xs_core *core, struct xs_target *t)
{
	while (!list_empty(&t->holds))
		xs_drop_hold(core, list_first_entry(&t->holds, struct xs_hold, in_target));
}

u64 xs_deadline(struct xs_core *core, u32 lease_ms)
{
	if (lease_ms == XSCHED_LEASE_NONE)
		return 0;
	return xs_now(core) + (lease_ms ? lease_ms : core->limits.lease_default_ms) * XS_NS_PER_MS;
}

int xs_check_lease(struct xs_file *file, u32 lease_ms)
{
	if (lease_ms == XSCHED_LEASE_NONE)
		return file->flags & XS_FILE_ADMIN ? 0 : -EPERM;
	return lease_ms > file->core->limits.lease_max_ms ? -ERANGE : 0;
}

/* Asks for a tick no later than @when; a later one that is armed gives way. */
void xs_arm(struct xs_core *core, u64 when)
{
	xs_assert_held(&core->lock);
	if (core->armed && core->armed <= when)
		return;
	core->armed = when;
	core->platform->arm(core->ctx, when);
}

/* Drops every hold of the file and has what nobody else holds run again. */
int xs_let_go(struct xs_file *file, bool killable, u32 *passes)
{
	struct xs_core *core = file->core;
	struct xs_work *work;
	int ret = 0;
	u32 n;

	xs_assert_held(&core->lock);
	if (list_empty(&file->holds))
		return 0;
	work = xs_work_new(XSCHED_MAX_BATCH);
	if (!work)
		return -ENOMEM;
	while (!ret && !list_empty(&file->holds)) {
		for (n = 0; n < XSCHED_MAX_BATCH && !list_empty(&file->holds); n++) {
			struct xs_hold *hold =
				list_first_entry(&file->holds, struct xs_hold, in_file);

			xs_work_set(&work[n], hold->target);
			xs_drop_hold(core, hold);
		}
		ret = xs_reconcile(core, work, n, killable, passes);
		xs_work_put(core, work, n);
	}
	xs_free(work);
	return ret;
}

/* The queue, and its process if it was the last one, run again and are gone. */
int xs_unregister(struct xs_core *core, struct xs_queue *q, bool killable)
{
	struct xs_work *work = xs_work_new(2);
	u32 passes = 0;
	int ret;

	xs_assert_held(&core->lock);
	if (!work)
		return -ENOMEM;
	xs_work_set(&work[0], &q->target);
	xs_work_set(&work[1], &q->process->target);
	xs_withdraw(core, q);
	ret = xs_reconcile(core, work, 2, killable, &passes);
	xs_work_put(core, work, 2);
	xs_free(work);
	return ret;
}

static bool xs_expired(const struct xs_hold *hold, u64 now)
{
	return hold->deadline && hold->deadline <= now;
}

static void xs_expire(struct xs_core *core, struct xs_hold *hold)
{
	struct xs_target *t = hold->target;
	u64 handle = t->is_process ? 0 : xs_as_queue(t)->handle;

	t->expiries++;
	if (core->platform->trace)
		core->platform->trace(core->ctx, XS_TRACE_LEASE, handle,
				      t->is_process ? 0 : xs_as_queue(t)->node->info.gpu_id, 0, 0);
	if (t->is_process && !list_empty(&xs_as_process(t)->queues))
		handle = list_first_entry(&xs_as_process(t)->queues, struct xs_queue,
					  in_process)->handle;
	xs_event_file(hold->file, XSCHED_EVENT_LEASE_EXPIRED, handle, 0);
	xs_drop_hold(core, hold);
}

/* Fills @work with what is due; *next is when to look again, 0 for never. */
static u32 xs_take_due(struct xs_core *core, struct xs_work *work, u32 max, u64 *next)
{
	struct xs_hold *hold, *tmp;
	struct xs_file *file;
	struct xs_target *t;
	u64 now = xs_now(core);
	u32 n = 0;

	*next = 0;
	list_for_each_entry(file, &core->files, in_core) {
		list_for_each_entry_safe(hold, tmp, &file->holds, in_file) {
			if (n < max && xs_expired(hold, now)) {
				xs_work_set(&work[n++], hold->target);
				xs_expire(core, hold);
			} else if (hold->deadline && (!*next || hold->deadline < *next)) {
				*next = hold->deadline;
			}
		}
	}
	list_for_each_entry(t, &core->retries, in_retry) {
		if (n < max && t->retry_at <= now)
			xs_work_set(&work[n++], t);
		else if (!*next || t->retry_at < *next)
			*next = t->retry_at;
	}
	return n;
}

void xs_core_tick(struct xs_core *core)
{
	struct xs_work *work = xs_work_new(XSCHED_MAX_BATCH);
	u32 n, passes = 0;
	u64 next;

	xs_lock(&core->lock);
	core->armed = 0;
	if (!work) {
		xs_arm(core, xs_now(core) + XS_RETRY_FIRST);
		xs_unlock(&core->lock);
		return;
	}
	do {
		n = xs_take_due(core, work, XSCHED_MAX_BATCH, &next);
		/* Others may come to be due while the engine works. */
		if (next)
			xs_arm(core, next);
		xs_reconcile(core, work, n, false, &passes);
		xs_work_put(core, work, n);
	} while (n == XSCHED_MAX_BATCH);
	xs_unlock(&core->lock);
	xs_free(work);
}
