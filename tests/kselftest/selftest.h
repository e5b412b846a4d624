/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * KTAP output and a few helpers for programs that talk to /dev/xsched. A test
 * is a function that returns on its first failed check.
 */
#ifndef XS_SELFTEST_H
#define XS_SELFTEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../uapi/xsched.h"

#define KSFT_SKIP 4
#define DEVICE "/dev/xsched"
#define MOCK "/sys/module/xsched_mock/parameters/"

/* Who suspends: the module's choice, unless a program says otherwise first. */
#ifndef ENGINE
#define ENGINE XSCHED_ENGINE_AUTO
#endif

struct test {
	const char *name;
	void (*run)(void);
};

static const char *failure, *skip;
static char failure_text[512] __attribute__((unused));

#define CHECK(x)                                                                      \
	do {                                                                          \
		if (!(x)) {                                                           \
			snprintf(failure_text, sizeof(failure_text), "%s:%d: %s (errno %d)", \
				 __FILE__, __LINE__, #x, errno);                      \
			failure = failure_text;                                       \
			return;                                                       \
		}                                                                     \
	} while (0)

#define SKIP(reason)             \
	do {                     \
		skip = (reason); \
		return;          \
	} while (0)

static inline int run_tests(const struct test *tests, int n)
{
	int failed = 0, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%d\n", n);
	for (i = 0; i < n; i++) {
		failure = skip = NULL;
		tests[i].run();
		if (failure)
			printf("# %s\n", failure);
		printf("%s %d %s%s%s\n", failure ? "not ok" : "ok", i + 1, tests[i].name,
		       skip ? " # SKIP " : "", skip ? skip : "");
		failed += !!failure;
	}
	return failed ? 1 : 0;
}

static inline int device(void)
{
	return open(DEVICE, O_RDWR | O_CLOEXEC);
}

static inline unsigned long long register_queue(int fd, unsigned int id, unsigned int gpu)
{
	struct xsched_register_queue q = {
		.size = sizeof(q), .queue_id = id, .gpu_id = gpu, .ring_base = 0x7f0000000000ULL,
		.ring_size = 65536, .type = 2, .priority = 7, .percentage = 100,
	};

	return ioctl(fd, XSCHED_IOC_REGISTER_QUEUE, &q) ? 0 : q.handle;
}

static inline int suspend_items(int fd, struct xsched_item *items, unsigned int n,
				unsigned int lease_ms, struct xsched_suspend *s)
{
	*s = (struct xsched_suspend){
		.size = sizeof(*s), .count = n, .level = XSCHED_LEVEL_INTERRUPT,
		.engine = ENGINE, .lease_ms = lease_ms, .items = (unsigned long)items,
	};
	return ioctl(fd, XSCHED_IOC_SUSPEND, s);
}

/* 0, the item's status, or -errno of the call. */
static inline int suspend_one(int fd, unsigned long long handle, unsigned int lease_ms)
{
	struct xsched_item item = { .handle = handle };
	struct xsched_suspend s;

	return suspend_items(fd, &item, 1, lease_ms, &s) ? -errno : item.status;
}

static inline int resume_one(int fd, unsigned long long handle)
{
	struct xsched_item item = { .handle = handle };
	struct xsched_resume r = { .size = sizeof(r), .count = 1, .items = (unsigned long)&item };

	return ioctl(fd, XSCHED_IOC_RESUME, &r) ? -errno : item.status;
}

static inline int process_call(int fd, unsigned long cmd, unsigned long long handle)
{
	struct xsched_process p = { .size = sizeof(p), .handle = handle };

	return ioctl(fd, cmd, &p) ? -errno : 0;
}

/* XSCHED_QUEUE_* of a queue, or -1 if it is not listed. */
static inline int queue_state(int fd, unsigned long long handle)
{
	struct xsched_queue_info row;
	struct xsched_list_queues l = {
		.size = sizeof(l), .count = 1, .entry_size = sizeof(row), .cursor = handle - 1,
		.entries = (unsigned long)&row,
	};

	if (ioctl(fd, XSCHED_IOC_LIST_QUEUES, &l) || !l.count || row.handle != handle)
		return -1;
	return (int)row.state;
}

static inline long read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

static inline int write_number(const char *path, long value)
{
	char text[32];
	int fd = open(path, O_WRONLY), n = snprintf(text, sizeof(text), "%ld", value);

	if (fd < 0)
		return -1;
	n = write(fd, text, n) == n ? 0 : -1;
	close(fd);
	return n;
}

static inline void pause_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* A close is finished by a work item: looks again for up to 10 s. */
static inline int becomes(const char *path, long value)
{
	int i;

	for (i = 0; i < 10000; i++) {
		if (read_number(path) == value)
			return 1;
		pause_us(1000);
	}
	return 0;
}

#endif /* XS_SELFTEST_H */
