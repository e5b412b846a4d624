/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The core's platform in userspace: pthreads, libc, and a small list with the
 * names of the kernel's. Allocation and copies can be made to fail, so that
 * tests reach every error path.
 */
#ifndef XS_PLATFORM_USER_H
#define XS_PLATFORM_USER_H

#include <errno.h>
#include <linux/types.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define __user

/*
 * Countdown to a failure in this thread: 0 or above makes the allocation (or
 * copy) that many calls ahead fail, once; below 0 nothing fails.
 */
extern __thread int xs_fail_alloc_in;
extern __thread int xs_fail_copy_in;
/* In this thread every wait that a signal may end ends so, at once. */
extern __thread bool xs_signalled;

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	entry->prev = head->prev;
	entry->next = head;
	head->prev->next = entry;
	head->prev = entry;
}

static inline void list_del_init(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif
#define list_first_entry(head, type, member) \
	container_of((head)->next, type, member)
#define list_for_each_entry(pos, head, member)                                 \
	for (pos = container_of((head)->next, __typeof__(*pos), member);       \
	     &pos->member != (head);                                           \
	     pos = container_of(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, n, head, member)                         \
	for (pos = container_of((head)->next, __typeof__(*pos), member),       \
	    n = container_of(pos->member.next, __typeof__(*pos), member);      \
	     &pos->member != (head);                                           \
	     pos = n, n = container_of(n->member.next, __typeof__(*n), member))

struct xs_mutex {
	pthread_mutex_t m;
};

struct xs_waitq {
	pthread_cond_t c;
};

static inline void xs_waitq_init(struct xs_waitq *q)
{
	pthread_cond_init(&q->c, NULL);
}

static inline void xs_wake_all(struct xs_waitq *q)
{
	pthread_cond_broadcast(&q->c);
}

/* May return early: every caller looks again. */
static inline int xs_wait(struct xs_waitq *q, struct xs_mutex *lock, bool killable)
{
	if (killable && xs_signalled)
		return -EINTR;
	pthread_cond_wait(&q->c, &lock->m);
	return 0;
}

#define xs_mutex_init(lock) pthread_mutex_init(&(lock)->m, NULL)
#define xs_mutex_destroy(lock) pthread_mutex_destroy(&(lock)->m)
#define xs_lock(lock) pthread_mutex_lock(&(lock)->m)
#define xs_unlock(lock) pthread_mutex_unlock(&(lock)->m)
#define xs_assert_held(lock) ((void)(lock))

static inline bool xs_fails(int *countdown)
{
	return *countdown >= 0 && (*countdown)-- == 0;
}

static inline void *xs_calloc(size_t n, size_t bytes)
{
	return xs_fails(&xs_fail_alloc_in) ? NULL : calloc(n, bytes);
}

static inline void *xs_zalloc(size_t bytes)
{
	return xs_calloc(1, bytes);
}

static inline void xs_free(const void *p)
{
	free((void *)(uintptr_t)p);
}

static inline int xs_copy_in(void *to, const void *from, size_t n)
{
	if (!from || xs_fails(&xs_fail_copy_in))
		return -EFAULT;
	memcpy(to, from, n);
	return 0;
}

static inline int xs_copy_out(void *to, const void *from, size_t n)
{
	if (!to || xs_fails(&xs_fail_copy_in))
		return -EFAULT;
	memcpy(to, from, n);
	return 0;
}

static inline void xs_sleep_us(u32 us)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

static inline void *xs_user_ptr(u64 address)
{
	return (void *)(uintptr_t)address;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1U << (n))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define scnprintf snprintf

#ifdef __cplusplus
}
#undef min
#endif

#endif /* XS_PLATFORM_USER_H */
