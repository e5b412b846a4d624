// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The mock engine, see mock.h. */
#include "mock.h"

#define XS_MOCK_WAYS 64

static struct xs_mock_slot *xs_mock_slot(struct xs_mock *mock, const void *mm, u32 queue_id,
					 u32 way)
{
	u32 start = (u32)((uintptr_t)mm >> 6) * 31U + queue_id;

	return &mock->slots[(start + way) % XS_MOCK_SLOTS];
}

struct xs_mock *xs_mock_new(void)
{
	struct xs_mock *mock = xs_calloc(1, sizeof(*mock));

	if (mock)
		xs_mutex_init(&mock->lock);
	return mock;
}

void xs_mock_free(struct xs_mock *mock)
{
	if (!mock)
		return;
	xs_mutex_destroy(&mock->lock);
	xs_free(mock);
}

void xs_mock_fail(struct xs_mock *mock, u32 after, u32 count, s32 error)
{
	xs_lock(&mock->lock);
	mock->fail_after = after;
	mock->fail_count = count;
	mock->error = error;
	xs_unlock(&mock->lock);
}

u32 xs_mock_suspended(struct xs_mock *mock)
{
	u32 n;

	xs_lock(&mock->lock);
	n = mock->num_suspended;
	xs_unlock(&mock->lock);
	return n;
}

static void xs_mock_drop(void *ctx, const struct xs_task *task, u32 queue_id)
{
	struct xs_mock *mock = ctx;
	u32 i;

	xs_lock(&mock->lock);
	for (i = 0; i < XS_MOCK_WAYS; i++) {
		struct xs_mock_slot *slot = xs_mock_slot(mock, task->mm, queue_id, i);

		if (slot->mm != task->mm || slot->queue_id != queue_id)
			continue;
		slot->mm = NULL;
		mock->num_suspended--;
	}
	xs_unlock(&mock->lock);
}

void xs_mock_forget(struct xs_mock *mock, const void *mm)
{
	u32 i;

	xs_lock(&mock->lock);
	for (i = 0; i < XS_MOCK_SLOTS; i++) {
		if (mock->slots[i].mm != mm)
			continue;
		mock->slots[i].mm = NULL;
		mock->num_suspended--;
	}
	xs_unlock(&mock->lock);
}

/* What the next operation is to fail with, or 0. */
static int xs_mock_error(struct xs_mock *mock, const struct xs_task *task)
{
	if (mock->fail_count && mock->fail_after) {
		mock->fail_after--;
	} else if (mock->fail_count) {
		mock->fail_count--;
		return mock->error;
	}
	return mock->is_dead && mock->is_dead(task) ? -ESRCH : 0;
}

static int xs_mock_one(struct xs_mock *mock, const struct xs_task *task, u32 queue_id, bool suspend)
{
	struct xs_mock_slot *slot = NULL, *spare = NULL;
	bool found;
	int error;
	u32 i;

	xs_assert_held(&mock->lock);
	error = xs_mock_error(mock, task);
	if (error)
		return error;
	/* Zero delay means zero: a queue's slot is looked for among a few. */
	for (i = 0; i < XS_MOCK_WAYS; i++) {
		slot = xs_mock_slot(mock, task->mm, queue_id, i);
		if (!slot->mm)
			spare = spare ? spare : slot;
		else if (slot->mm == task->mm && slot->queue_id == queue_id)
			break;
	}
	found = i < XS_MOCK_WAYS;
	if (suspend == found) {
		mock->violations++;
		return 0;
	}
	if (!suspend) {
		slot->mm = NULL;
		mock->num_suspended--;
		return 0;
	}
	if (!spare)
		return -ENOSPC;
	spare->mm = task->mm;
	spare->queue_id = queue_id;
	mock->num_suspended++;
	return 0;
}

static u32 xs_mock_apply(void *ctx, struct xs_op *ops, u32 n, bool suspend, u32 grace_us)
{
	struct xs_mock *mock = ctx;
	u32 delay_us, i;

	(void)grace_us;
	xs_lock(&mock->lock);
	for (i = 0; i < n; i++)
		ops[i].status = xs_mock_one(mock, ops[i].task, ops[i].queue_id, suspend);
	mock->passes++;
	delay_us = mock->delay_us;
	xs_unlock(&mock->lock);
	if (delay_us)
		xs_sleep_us(delay_us);
	return 1;
}

static int xs_mock_apply_process(void *ctx, const struct xs_task *task, bool suspend)
{
	struct xs_mock *mock = ctx;
	u32 delay_us;
	int ret;

	xs_lock(&mock->lock);
	ret = xs_mock_one(mock, task, XS_WHOLE_PROCESS, suspend);
	mock->passes++;
	delay_us = mock->delay_us;
	xs_unlock(&mock->lock);
	if (delay_us)
		xs_sleep_us(delay_us);
	return ret;
}

const struct xs_engine_ops xs_mock_ops = {
	.levels = 1U << XSCHED_LEVEL_DEACTIVATE | 1U << XSCHED_LEVEL_INTERRUPT,
	.flags = XS_ENGINE_BATCHES | XS_ENGINE_GRACE,
	.apply = xs_mock_apply,
	.apply_process = xs_mock_apply_process,
	.forget = xs_mock_drop,
};
