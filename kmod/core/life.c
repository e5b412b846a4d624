// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The life of a core and of an open file, and what the platform configures. */
#include "internal.h"

struct xs_core *xs_core_new(const struct xs_platform *platform, void *ctx,
			    const struct xs_limits *limits)
{
	struct xs_core *core = xs_zalloc(sizeof(*core));
	u32 i;

	if (!core)
		return NULL;
	xs_mutex_init(&core->lock);
	xs_waitq_init(&core->done);
	core->platform = platform;
	core->ctx = ctx;
	core->limits = *limits;
	INIT_LIST_HEAD(&core->files);
	INIT_LIST_HEAD(&core->queues);
	INIT_LIST_HEAD(&core->processes);
	INIT_LIST_HEAD(&core->nodes);
	INIT_LIST_HEAD(&core->retries);
	for (i = 0; i < XS_BUCKETS; i++)
		INIT_LIST_HEAD(&core->buckets[i]);
	for (i = 1; i < XSCHED_ENGINE_SLOTS; i++)
		core->engines[i].error = -ENODEV;
	return core;
}

void xs_core_free(struct xs_core *core)
{
	struct xs_node *node, *tmp;

	list_for_each_entry_safe(node, tmp, &core->nodes, in_core)
		xs_free(node);
	xs_mutex_destroy(&core->lock);
	xs_free(core);
}

void xs_core_set_limits(struct xs_core *core, const struct xs_limits *limits)
{
	xs_lock(&core->lock);
	core->limits = *limits;
	xs_unlock(&core->lock);
}

void xs_core_set_driver(struct xs_core *core, const char *version)
{
	xs_lock(&core->lock);
	memset(core->driver, 0, sizeof(core->driver));
	scnprintf(core->driver, sizeof(core->driver), "%s", version);
	xs_unlock(&core->lock);
}

void xs_core_set_engine(struct xs_core *core, u32 engine, const struct xs_engine_ops *ops,
			void *ctx, int error, const char *why)
{
	struct xs_engine *e;

	if (!engine || engine >= XSCHED_ENGINE_SLOTS)
		return;
	xs_lock(&core->lock);
	e = &core->engines[engine];
	e->ops = ops;
	e->ctx = ctx;
	e->error = error;
	memset(e->why, 0, sizeof(e->why));
	scnprintf(e->why, sizeof(e->why), "%s", why);
	xs_unlock(&core->lock);
}

struct xs_file *xs_file_open(struct xs_core *core, u32 flags, void *cookie)
{
	struct xs_file *file = xs_calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	INIT_LIST_HEAD(&file->holds);
	INIT_LIST_HEAD(&file->queues);
	file->core = core;
	file->cookie = cookie;
	/* Whoever administers the machine controls its queues. */
	file->flags = flags | (flags & XS_FILE_ADMIN ? XS_FILE_CONTROL : 0);
	file->listen_mask = ~0U;
	xs_lock(&core->lock);
	list_add_tail(&file->in_core, &core->files);
	core->num_files++;
	xs_unlock(&core->lock);
	return file;
}

/* Out of the registry, suspended or not: nobody can help it any more. */
static void xs_abandon(struct xs_core *core, struct xs_target *t)
{
	list_del_init(&t->in_retry);
	t->suspended = false;
	t->refs++;
	xs_settle(core, t);
	xs_target_put(core, t);
}

static void xs_abandon_all(struct xs_file *file)
{
	struct xs_core *core = file->core;

	while (!list_empty(&file->holds))
		xs_drop_hold(core, list_first_entry(&file->holds, struct xs_hold, in_file));
	while (!list_empty(&file->queues)) {
		struct xs_queue *q = list_first_entry(&file->queues, struct xs_queue, in_file);
		struct xs_target *p = &q->process->target;

		/* Another thread's operation ends by itself, and may take both along. */
		if (q->target.busy || p->busy) {
			xs_wait(&core->done, &core->lock, false);
			continue;
		}
		xs_withdraw(core, q);
		p->refs++;
		xs_abandon(core, &q->target);
		if (p->gone)
			xs_abandon(core, p);
		xs_target_put(core, p);
	}
	/* The last one out: retries of queues that other files registered. */
	while (core->num_files == 1 && !list_empty(&core->retries))
		xs_abandon(core, list_first_entry(&core->retries, struct xs_target, in_retry));
}

void xs_file_retire(struct xs_file *file)
{
	struct xs_queue *q;

	xs_lock(&file->core->lock);
	file->closing = true;
	list_for_each_entry(q, &file->queues, in_file)
		xs_withdraw(file->core, q);
	xs_unlock(&file->core->lock);
}

bool xs_file_close(struct xs_file *file, bool give_up)
{
	struct xs_core *core = file->core;
	struct xs_queue *q;
	bool pending = false;
	u32 passes = 0;

	xs_lock(&core->lock);
	file->closing = true;
	if (xs_let_go(file, false, &passes))
		pending = true;
	/*
	 * The lock is dropped while an engine works, so the list may change:
	 * start over after each queue, and leave when one stays.
	 */
	while (!pending && !list_empty(&file->queues)) {
		q = list_first_entry(&file->queues, struct xs_queue, in_file);
		if (xs_unregister(core, q, false) ||
		    (!list_empty(&file->queues) &&
		     list_first_entry(&file->queues, struct xs_queue, in_file) == q))
			pending = true;
	}
	if (pending) {
		/*
		 * One that stays must not keep the others suspended; and once the
		 * tick has settled a queue, nothing leads to its process any more.
		 */
		list_for_each_entry(q, &file->queues, in_file) {
			xs_withdraw(core, q);
			xs_resume_soon(core, &q->target);
			xs_resume_soon(core, &q->process->target);
		}
	}
	/* Failed resumes are tried again as long as somebody is there to do so. */
	if (core->num_files == 1 && !list_empty(&core->retries))
		pending = true;
	if (pending && give_up) {
		xs_abandon_all(file);
		pending = false;
	}
	if (pending) {
		xs_unlock(&core->lock);
		return false;
	}
	list_del_init(&file->in_core);
	core->num_files--;
	xs_unlock(&core->lock);
	xs_free(file);
	return true;
}
