/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What the core needs from where it runs: lists, a mutex, a wait queue, memory
 * and access to the caller's memory. Two versions: the kernel's own, and libc
 * and pthreads (platform_user.h) for the tests and the simulated node. Nothing
 * else in core/ may include a kernel or a libc header.
 */
#ifndef XS_PLATFORM_H
#define XS_PLATFORM_H

#ifdef __KERNEL__

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

/* A wait queue with a generation, so that a wake-up is never missed. */
struct xs_waitq {
	wait_queue_head_t head;
	u64 generation;
};

static inline void xs_waitq_init(struct xs_waitq *q)
{
	init_waitqueue_head(&q->head);
	q->generation = 0;
}

/* Caller holds the mutex that xs_wait() is called with. */
static inline void xs_wake_all(struct xs_waitq *q)
{
	WRITE_ONCE(q->generation, q->generation + 1);
	wake_up_all(&q->head);
}

/* Drops @lock, waits for a wake-up, takes it again. -EINTR: being killed. */
static inline int xs_wait(struct xs_waitq *q, struct mutex *lock, bool killable)
{
	u64 seen = q->generation;
	int ret = 0;

	mutex_unlock(lock);
	if (killable)
		ret = wait_event_killable(q->head, READ_ONCE(q->generation) != seen);
	else
		wait_event(q->head, READ_ONCE(q->generation) != seen);
	mutex_lock(lock);
	return ret ? -EINTR : 0;
}

#define xs_mutex mutex
#define xs_mutex_init(lock) mutex_init(lock)
#define xs_mutex_destroy(lock) mutex_destroy(lock)
#define xs_lock(lock) mutex_lock(lock)
#define xs_unlock(lock) mutex_unlock(lock)
#define xs_assert_held(lock) lockdep_assert_held(lock)

/* Memory that a caller can make us spend is charged to that caller. */
static inline void *xs_zalloc(size_t bytes)
{
	return kzalloc(bytes, GFP_KERNEL_ACCOUNT);
}

static inline void *xs_calloc(size_t n, size_t bytes)
{
	return kvcalloc(n, bytes, GFP_KERNEL_ACCOUNT);
}

static inline void xs_free(const void *p)
{
	kvfree(p);
}

static inline int xs_copy_in(void *to, const void __user *from, size_t n)
{
	return copy_from_user(to, from, n) ? -EFAULT : 0;
}

static inline int xs_copy_out(void __user *to, const void *from, size_t n)
{
	return copy_to_user(to, from, n) ? -EFAULT : 0;
}

static inline void xs_sleep_us(u32 us)
{
	usleep_range(us, us + us / 16 + 1);
}

static inline void __user *xs_user_ptr(u64 address)
{
	return u64_to_user_ptr(address);
}

#else /* !__KERNEL__ */

#include "platform_user.h"

#endif

#endif /* XS_PLATFORM_H */
