// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Events: a ring in every file, filled under the core's lock. A full ring
 * drops what is new and says so in the next event that fits.
 */
#include "internal.h"

void xs_event_file(struct xs_file *file, u32 type, u64 handle, s32 value)
{
	struct xs_core *core = file->core;
	struct xsched_event *e;

	xs_assert_held(&core->lock);
	if (file->closing || !(file->listen_mask & (1U << type)))
		return;
	if (file->event_count == XS_EVENTS) {
		file->event_lost++;
		return;
	}
	e = &file->events[(file->event_head + file->event_count) % XS_EVENTS];
	memset(e, 0, sizeof(*e));
	e->time_ns = xs_now(core);
	e->handle = handle;
	e->type = type;
	e->value = value;
	e->lost = file->event_lost;
	file->event_lost = 0;
	file->event_count++;
	if (core->platform->wake)
		core->platform->wake(file->cookie);
}

/* To whom it concerns: who registered it, who holds it, who listens to all. */
void xs_event_queue(struct xs_core *core, struct xs_queue *q, u32 type, s32 value)
{
	struct xs_file *file;

	list_for_each_entry(file, &core->files, in_core) {
		if (file == q->file || (file->listen_flags & XSCHED_LISTEN_ALL) ||
		    xs_find_hold(file, &q->target) || xs_find_hold(file, &q->process->target))
			xs_event_file(file, type, q->handle, value);
	}
}

void xs_event_target(struct xs_core *core, struct xs_target *t, u32 type, s32 value)
{
	struct xs_queue *q;

	if (!t->is_process) {
		xs_event_queue(core, xs_as_queue(t), type, value);
		return;
	}
	list_for_each_entry(q, &xs_as_process(t)->queues, in_process)
		xs_event_queue(core, q, type, value);
}

bool xs_file_has_events(struct xs_file *file)
{
	bool any;

	xs_lock(&file->core->lock);
	any = file->event_count > 0;
	xs_unlock(&file->core->lock);
	return any;
}

u32 xs_file_take_events(struct xs_file *file, struct xsched_event *events, u32 max)
{
	u32 n = 0;

	xs_lock(&file->core->lock);
	while (n < max && file->event_count) {
		events[n++] = file->events[file->event_head];
		file->event_head = (file->event_head + 1) % XS_EVENTS;
		file->event_count--;
	}
	xs_unlock(&file->core->lock);
	return n;
}
