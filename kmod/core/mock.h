/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The mock engine: keeps books instead of unmapping queues, and can be told to
 * be slow, to fail, and to find a process dead. Used by xsched_mock.ko, by the
 * simulated node and by the tests.
 */
#ifndef XS_MOCK_H
#define XS_MOCK_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define XS_MOCK_SLOTS 4096

struct xs_mock_slot {
	const void *mm; /* NULL: free */
	u32 queue_id; /* ~0 for the whole process */
};

struct xs_mock {
	struct xs_mutex lock;
	u32 delay_us; /* each pass */
	u32 fail_after; /* operations before those that fail */
	u32 fail_count; /* operations that fail then */
	s32 error; /* with this (negative errno) */
	bool (*is_dead)(const struct xs_task *task); /* optional */
	u32 num_suspended;
	u64 passes;
	u64 violations; /* suspended twice, or resumed while running: must stay 0 */
	struct xs_mock_slot slots[XS_MOCK_SLOTS];
};

extern const struct xs_engine_ops xs_mock_ops;

struct xs_mock *xs_mock_new(void);
void xs_mock_free(struct xs_mock *mock);
/* The next @count operations after @after fail with @error. */
void xs_mock_fail(struct xs_mock *mock, u32 after, u32 count, s32 error);
u32 xs_mock_suspended(struct xs_mock *mock);
/* A process ended: KFD would have destroyed its queues. */
void xs_mock_forget(struct xs_mock *mock, const void *mm);

#ifdef __cplusplus
}
#endif

#endif /* XS_MOCK_H */
