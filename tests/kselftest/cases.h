/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What holds of /dev/xsched in a kernel and on the simulated node alike, on
 * queues that do not exist (the mock engine).
 */
#ifndef XS_CASES_H
#define XS_CASES_H

#include <sys/mman.h>
#include <sys/prctl.h>

#include "selftest.h"

/* Two pages, the second out of reach, are tried on every kind of call. */
static void no_pointer(int fd, char *page)
{
	CHECK(fd >= 0 && page != MAP_FAILED);
	CHECK(!mprotect(page + 4096, 4096, PROT_NONE));
	CHECK(ioctl(fd, XSCHED_IOC_QUERY, page + 4096) == -1 && errno == EFAULT);
	CHECK(ioctl(fd, XSCHED_IOC_QUERY, 8) == -1 && errno == EFAULT);
	CHECK(ioctl(fd, XSCHED_IOC_QUERY, (void *)0xffffffff81000000UL) == -1 && errno == EFAULT);
	CHECK(ioctl(fd, _IO(XSCHED_IOC_TYPE, 0x7f), page) == -1 && errno == ENOTTY);
}

/* By the module's own clock: not before its time. */
static void lease(void)
{
	int app = device(), holder = device();
	unsigned long long q = register_queue(app, 0, 7), suspended = 0;
	struct pollfd p = { holder, POLLIN, 0 };
	struct xsched_event e;

	CHECK(q && !suspend_one(holder, q, 50));
	do {
		CHECK(poll(&p, 1, 10000) == 1);
		CHECK(read(holder, &e, sizeof(e)) == sizeof(e) && e.handle == q);
		if (e.type == XSCHED_EVENT_SUSPENDED)
			suspended = e.time_ns;
	} while (e.type != XSCHED_EVENT_LEASE_EXPIRED);
	CHECK(suspended && e.time_ns - suspended > 40000000ULL);
	printf("# lease of 50 ms expired after %llu us\n", (e.time_ns - suspended) / 1000);
	close(holder);
	close(app);
}

/* Offers queue 3 in @fd and tells @to its handle. */
static int offer(int fd, int to)
{
	unsigned long long q = register_queue(fd, 3, 7);

	return write(to, &q, sizeof(q)) == sizeof(q);
}

/* What the program does that an owner becomes; false: this is none. */
static int sleeps(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[1], "sleep"))
		return 0;
	if (!offer(atoi(argv[2]), atoi(argv[3])))
		exit(1);
	for (;;)
		pause();
}

/*
 * A child with a queue of its own, whose handle is read from @handle. It sleeps;
 * with @exec as another program: this one, which is told "sleep", and offers the
 * queue again in the same file. It ends with this program at the latest.
 */
static pid_t owner(int exec, int *handle)
{
	char file[16], to[16];
	int fds[2], fd;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(DEVICE, O_RDWR); /* kept over the exec */
		if (!offer(fd, fds[1]))
			_exit(1);
		if (!exec)
			pause();
		snprintf(file, sizeof(file), "%d", fd);
		snprintf(to, sizeof(to), "%d", fds[1]);
		execl("/proc/self/exe", "sleeper", "sleep", file, to, NULL);
		_exit(1);
	}
	close(fds[1]);
	*handle = fds[0];
	return pid;
}

/* With @process its process was suspended, too. */
static void owner_dies(int process)
{
	unsigned long long q = 0;
	int holder = device(), handle, status;
	struct pollfd p = { holder, POLLIN, 0 };
	struct xsched_event e;
	pid_t pid = owner(0, &handle);

	CHECK(pid > 0 && read(handle, &q, sizeof(q)) == sizeof(q) && q);
	CHECK(!suspend_one(holder, q, 60000));
	CHECK(!process || !process_call(holder, XSCHED_IOC_SUSPEND_PROCESS, q));
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
	do {
		CHECK(poll(&p, 1, 10000) == 1 && read(holder, &e, sizeof(e)) == sizeof(e));
	} while (e.type != XSCHED_EVENT_GONE);
	CHECK(resume_one(holder, q) == -ENOENT && queue_state(holder, q) == -1);
	close(handle);
	close(holder);
}

/*
 * An exec is another process: its queues must not pass for the old ones, nor be
 * refused for them.
 */
static void owner_execs(void)
{
	unsigned long long before = 0, after = 0;
	int holder = device(), handle, i, ret = 0, status;
	pid_t pid = owner(1, &handle);

	CHECK(pid > 0 && read(handle, &before, sizeof(before)) == sizeof(before) && before);
	CHECK(read(handle, &after, sizeof(after)) == sizeof(after));
	CHECK(after && after != before);
	for (i = 0; i < 10000 && ret != -ESRCH; i++) {
		ret = suspend_one(holder, before, 0);
		resume_one(holder, before);
		pause_us(1000);
	}
	CHECK(ret == -ESRCH);
	CHECK(queue_state(holder, before) & XSCHED_QUEUE_DEAD);
	CHECK(queue_state(holder, after) == 0);
	CHECK(!suspend_one(holder, after, 0) && !resume_one(holder, after));
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
	close(handle);
	close(holder);
}

/* A child that suspends some of eight queues for a minute, and resumes some, for ever. */
static pid_t holder_of(const unsigned long long *queues)
{
	struct xsched_item items[8] = { 0 };
	struct xsched_suspend s;
	pid_t pid = fork();
	int fd, i;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = device();
	for (i = 0; i < 8; i++)
		items[i].handle = queues[i];
	for (i = 0;; i++) {
		if (suspend_items(fd, items, 1 + i % 8, 60000, &s) && errno != EAGAIN)
			_exit(1);
		if (i % 3)
			resume_one(fd, queues[i % (1 + i % 8)]);
	}
}

#endif /* XS_CASES_H */
