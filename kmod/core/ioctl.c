// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The surface: sizes, flags and padding of every ioctl, and the calls that
 * need nothing but the registry. Also the life of a core and of a file.
 */
#include "internal.h"

#define XS_MAX_ARG 4096

union xs_arg {
	u32 size;
	struct xsched_query query;
	struct xsched_register_queue reg;
	struct xsched_unregister_queue unreg;
	struct xsched_list_queues list;
	struct xsched_list_nodes nodes;
	struct xsched_suspend suspend;
	struct xsched_resume resume;
	struct xsched_process process;
	struct xsched_renew renew;
	struct xsched_listen listen;
};

/* By number: size in version 1.0, and the flags that are known. */
static const struct {
	u16 size;
	u16 flags;
} xs_calls[] = {
	{ sizeof(struct xsched_query), 0 },
	{ sizeof(struct xsched_register_queue), XSCHED_REGISTER_REPLACE },
	{ sizeof(struct xsched_unregister_queue), 0 },
	{ sizeof(struct xsched_list_queues), 0 },
	{ sizeof(struct xsched_suspend), XSCHED_ITEMS_PARTIAL },
	{ sizeof(struct xsched_resume), XSCHED_ITEMS_PARTIAL | XSCHED_RESUME_ALL },
	{ sizeof(struct xsched_process), 0 },
	{ sizeof(struct xsched_process), 0 },
	{ sizeof(struct xsched_renew), 0 },
	{ sizeof(struct xsched_listen), XSCHED_LISTEN_ALL },
	{ sizeof(struct xsched_list_nodes), 0 },
};

/* What a newer caller sends beyond our knowledge must be zero. */
static int xs_check_tail(const char __user *tail, u32 bytes)
{
	char buffer[64];
	u32 i, n;

	while (bytes) {
		n = min_t(u32, bytes, sizeof(buffer));
		if (xs_copy_in(buffer, tail, n))
			return -EFAULT;
		for (i = 0; i < n; i++)
			if (buffer[i])
				return -E2BIG;
		tail += n;
		bytes -= n;
	}
	return 0;
}

static int xs_do_query(struct xs_file *file, struct xsched_query *arg)
{
	struct xs_core *core = file->core;
	int best;
	u32 i;

	memset((char *)arg + 8, 0, sizeof(*arg) - 8);
	xs_lock(&core->lock);
	arg->abi_major = XSCHED_ABI_MAJOR;
	arg->abi_minor = XSCHED_ABI_MINOR;
	for (i = 1; i < XSCHED_ENGINE_SLOTS; i++) {
		const struct xs_engine *e = &core->engines[i];

		arg->engine[i].error = e->ops ? 0 : e->error;
		arg->engine[i].levels = e->ops ? e->ops->levels : 0;
		memcpy(arg->engine[i].why, e->why, sizeof(e->why));
		if (e->ops)
			arg->engines |= 1U << i;
	}
	best = xs_pick_engine(core, file, XSCHED_ENGINE_AUTO, XSCHED_LEVEL_DEACTIVATE, 0, false);
	arg->default_engine = best > 0 ? (u32)best : 0;
	arg->role = file->flags & XS_FILE_CONTROL ? XSCHED_ROLE_CONTROL : XSCHED_ROLE_OWNER;
	arg->lease_default_ms = core->limits.lease_default_ms;
	arg->lease_max_ms = core->limits.lease_max_ms;
	arg->max_batch = XSCHED_MAX_BATCH;
	arg->max_queues = core->limits.max_queues;
	arg->num_queues = core->num_queues;
	memcpy(arg->driver_version, core->driver, sizeof(core->driver));
	xs_unlock(&core->lock);
	return 0;
}

static int xs_do_register(struct xs_file *file, const struct xs_task *caller,
			  struct xsched_register_queue *arg)
{
	int ret;

	if (!arg->gpu_id || !arg->ring_base || arg->type > XSCHED_QUEUE_TYPE_MAX ||
	    arg->priority > 15 || !arg->percentage || arg->percentage > 100 ||
	    (arg->ring_size & (arg->ring_size - 1)))
		return -EINVAL;
	if (!caller->mm)
		return -ESRCH;
	xs_lock(&file->core->lock);
	ret = xs_register(file, caller, arg);
	xs_unlock(&file->core->lock);
	return ret;
}

static int xs_do_unregister(struct xs_file *file, struct xsched_unregister_queue *arg)
{
	struct xs_core *core = file->core;
	struct xs_queue *q;
	int ret;

	xs_lock(&core->lock);
	q = xs_find_queue(core, arg->handle);
	if (!q)
		ret = -ENOENT;
	else if (q->file != file)
		ret = -EPERM;
	else
		ret = xs_unregister(core, q, true);
	xs_unlock(&core->lock);
	return ret;
}

/* Rows of either list; @one fills a row from where the cursor stands. */
static int xs_copy_rows(u64 entries, u32 count, u32 *entry_size, u32 row_size, const char *rows)
{
	char __user *to = xs_user_ptr(entries);
	u32 known = min(*entry_size, row_size);
	u32 i;

	for (i = 0; i < count; i++)
		if (xs_copy_out(to + (size_t)i * *entry_size, rows + (size_t)i * row_size, known))
			return -EFAULT;
	*entry_size = known;
	return 0;
}

static u32 xs_fill_queues(struct xs_core *core, struct xs_file *file, const struct xs_task *caller,
			  u64 cursor, struct xsched_queue_info *rows, u32 max)
{
	struct xs_queue *q;
	u32 n = 0;

	xs_lock(&core->lock);
	list_for_each_entry(q, &core->queues, in_core) {
		if (n == max)
			break;
		if (q->handle <= cursor || q->target.gone)
			continue;
		if (file && !(file->flags & XS_FILE_CONTROL) && q->file != file &&
		    q->process->task.mm != caller->mm)
			continue;
		xs_queue_info(core, file, q, &rows[n++]);
	}
	xs_unlock(&core->lock);
	return n;
}

u32 xs_core_list_queues(struct xs_core *core, u64 cursor, struct xsched_queue_info *rows, u32 max)
{
	return xs_fill_queues(core, NULL, NULL, cursor, rows, max);
}

u32 xs_core_list_nodes(struct xs_core *core, u64 cursor, struct xsched_node_info *rows, u32 max)
{
	struct xs_node *node;
	u32 n = 0;

	xs_lock(&core->lock);
	list_for_each_entry(node, &core->nodes, in_core) {
		if (n == max)
			break;
		if (node->info.gpu_id > cursor)
			rows[n++] = node->info;
	}
	xs_unlock(&core->lock);
	return n;
}

/* The two lists have one form. */
static int xs_do_list(struct xs_file *file, const struct xs_task *caller,
		      struct xsched_list_queues *arg, bool nodes)
{
	u32 row = nodes ? sizeof(struct xsched_node_info) : sizeof(struct xsched_queue_info);
	char *rows;
	int ret;

	if (arg->count > XSCHED_MAX_BATCH || arg->entry_size < row || arg->entry_size > XS_MAX_ARG)
		return -EINVAL;
	rows = xs_calloc(arg->count ? arg->count : 1, row);
	if (!rows)
		return -ENOMEM;
	if (nodes) {
		struct xsched_node_info *r = (void *)rows;

		arg->count = xs_core_list_nodes(file->core, arg->cursor, r, arg->count);
		if (arg->count)
			arg->cursor = r[arg->count - 1].gpu_id;
	} else {
		struct xsched_queue_info *r = (void *)rows;

		arg->count = xs_fill_queues(file->core, file, caller, arg->cursor, r, arg->count);
		if (arg->count)
			arg->cursor = r[arg->count - 1].handle;
	}
	ret = xs_copy_rows(arg->entries, arg->count, &arg->entry_size, row, rows);
	xs_free(rows);
	return ret;
}

static int xs_do_listen(struct xs_file *file, struct xsched_listen *arg)
{
	if (arg->reserved || arg->mask & ~((1U << (XSCHED_EVENT_LAST + 1)) - 2))
		return -EINVAL;
	if ((arg->flags & XSCHED_LISTEN_ALL) && !(file->flags & XS_FILE_CONTROL))
		return -EPERM;
	xs_lock(&file->core->lock);
	file->listen_flags = arg->flags;
	file->listen_mask = arg->mask;
	xs_unlock(&file->core->lock);
	return 0;
}

static int xs_dispatch(struct xs_file *file, const struct xs_task *caller, u32 nr,
		       union xs_arg *arg)
{
	switch (nr) {
	case _IOC_NR(XSCHED_IOC_QUERY):
		return xs_do_query(file, &arg->query);
	case _IOC_NR(XSCHED_IOC_REGISTER_QUEUE):
		return xs_do_register(file, caller, &arg->reg);
	case _IOC_NR(XSCHED_IOC_UNREGISTER_QUEUE):
		return xs_do_unregister(file, &arg->unreg);
	case _IOC_NR(XSCHED_IOC_LIST_QUEUES):
		return xs_do_list(file, caller, &arg->list, false);
	case _IOC_NR(XSCHED_IOC_SUSPEND):
		return xs_do_suspend(file, caller, &arg->suspend);
	case _IOC_NR(XSCHED_IOC_RESUME):
		return xs_do_resume(file, &arg->resume);
	case _IOC_NR(XSCHED_IOC_SUSPEND_PROCESS):
		return xs_do_process(file, caller, &arg->process, true);
	case _IOC_NR(XSCHED_IOC_RESUME_PROCESS):
		return xs_do_process(file, caller, &arg->process, false);
	case _IOC_NR(XSCHED_IOC_RENEW):
		return xs_do_renew(file, &arg->renew);
	case _IOC_NR(XSCHED_IOC_LISTEN):
		return xs_do_listen(file, &arg->listen);
	default:
		return xs_do_list(file, caller, &arg->list, true);
	}
}

long xs_ioctl(struct xs_file *file, const struct xs_task *caller, unsigned int cmd,
	      void __user *user)
{
	u32 nr = _IOC_NR(cmd), size, known;
	union xs_arg *arg;
	int ret;

	if (cmd != (unsigned int)_IO(XSCHED_IOC_TYPE, nr) ||
	    nr >= ARRAY_SIZE(xs_calls))
		return -ENOTTY;
	known = xs_calls[nr].size;
	ret = xs_copy_in(&size, user, sizeof(size));
	if (ret)
		return ret;
	if (size > XS_MAX_ARG)
		return -E2BIG;
	if (size < known)
		return -EINVAL;
	ret = xs_check_tail((const char __user *)user + known, size - known);
	if (ret)
		return ret;
	arg = xs_zalloc(sizeof(*arg));
	if (!arg)
		return -ENOMEM;
	ret = xs_copy_in(arg, user, known);
	if (ret)
		goto out;
	/* Every structure has its flags second. The size may have changed under us. */
	arg->size = size;
	if (arg->renew.flags & ~(u32)xs_calls[nr].flags) {
		ret = -EINVAL;
		goto out;
	}
	ret = xs_dispatch(file, caller, nr, arg);
	/* Written back on errors too: retry_us. The caller's size stays. */
	if (xs_copy_out(user, arg, known) && !ret)
		ret = -EFAULT;
out:
	xs_free(arg);
	return ret;
}
