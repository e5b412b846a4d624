/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A process with the fake node's two queues, and what KFD says of them. */
#ifndef XS_FAKE_APP_H
#define XS_FAKE_APP_H

#include "selftest.h"
#include "fake_gpu.h"

#define FAKE "/dev/" XS_FAKE_NAME

/* What the process is told; it answers a handle, or 0 if that failed. */
#define APP_REPLACE 'r' /* queue 0: 50 %, priority 3 */
#define APP_WRONG_RING 'w' /* queue 0 anew, with half its ring */
#define APP_WRONG_BASE 'b' /* ... a page later */
#define APP_UNREGISTER 'u' /* queue 0 */

/* One at a time. */
static struct {
	unsigned long long queue[XS_FAKE_QUEUES];
	int to, from;
	pid_t pid;
} app;

static unsigned long long app_register(int fd, unsigned int flags, unsigned int id,
				       unsigned long long base, unsigned int size,
				       unsigned int percentage, unsigned int priority)
{
	struct xsched_register_queue q = {
		.size = sizeof(q), .flags = flags, .queue_id = id, .gpu_id = XS_FAKE_GPU_ID,
		.ring_base = base, .ring_size = size, .type = 2,
		.priority = priority, .percentage = percentage,
	};

	return ioctl(fd, XSCHED_IOC_REGISTER_QUEUE, &q) ? 0 : q.handle;
}

static unsigned long long app_do(int fd, char what, unsigned long long handle)
{
	struct xsched_unregister_queue u = { .size = sizeof(u), .handle = handle };

	if (what == APP_REPLACE)
		return app_register(fd, XSCHED_REGISTER_REPLACE, 0, XS_FAKE_RING(0),
				    XS_FAKE_RING_SIZE, 50, 3);
	if (ioctl(fd, XSCHED_IOC_UNREGISTER_QUEUE, &u))
		return 0;
	if (what == APP_UNREGISTER)
		return handle;
	if (what == APP_WRONG_RING)
		return app_register(fd, 0, 0, XS_FAKE_RING(0), XS_FAKE_RING_SIZE / 2, 100,
				    XS_FAKE_PRIORITY);
	return app_register(fd, 0, 0, XS_FAKE_RING(0) + 4096, XS_FAKE_RING_SIZE, 100,
			    XS_FAKE_PRIORITY);
}

static void app_main(int from, int to)
{
	int kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC), fake = open(FAKE, O_RDWR | O_CLOEXEC);
	unsigned long long queue[XS_FAKE_QUEUES] = { 0 }, answer;
	int fd = device(), i;
	char what;

	if (kfd >= 0 && fake >= 0 && !ioctl(fake, XS_FAKE_ATTACH, kfd))
		for (i = 0; i < XS_FAKE_QUEUES; i++)
			queue[i] = app_register(fd, 0, i, XS_FAKE_RING(i), XS_FAKE_RING_SIZE, 100,
						XS_FAKE_PRIORITY);
	else
		printf("# kfd %d fake %d: errno %d\n", kfd, fake, errno);
	if (write(to, queue, sizeof(queue)) != sizeof(queue))
		_exit(1);
	while (read(from, &what, 1) == 1) {
		answer = app_do(fd, what, queue[0]);
		if (write(to, &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
	_exit(0);
}

static int app_kill(void)
{
	int status = 0;

	if (kill(app.pid, SIGKILL) || waitpid(app.pid, &status, 0) != app.pid)
		return -1;
	close(app.to);
	close(app.from);
	app.pid = 0;
	return WIFSIGNALED(status) ? 0 : -1;
}

/*
 * Before the test opens /dev/xsched: a file that the child shares lives on in it.
 * One that a failed test has left is killed.
 */
static int app_start(void)
{
	int to[2], from[2];

	if (app.pid)
		app_kill();
	if (pipe(to) || pipe(from))
		return -1;
	fflush(stdout);
	app.pid = fork();
	if (!app.pid) {
		close(to[1]);
		close(from[0]);
		app_main(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	app.to = to[1];
	app.from = from[0];
	if (read(app.from, app.queue, sizeof(app.queue)) != sizeof(app.queue))
		return -1;
	return app.queue[0] && app.queue[1] ? 0 : -1;
}

static unsigned long long app_tell(char what)
{
	unsigned long long answer = 0;

	if (write(app.to, &what, 1) != 1 ||
	    read(app.from, &answer, sizeof(answer)) != sizeof(answer))
		return 0;
	return answer;
}

/* What KFD has; all ones in `evicted` if nothing is attached. */
static struct xs_fake_state kfd_state(void)
{
	static int fake = -1;
	struct xs_fake_state state;

	if (fake < 0)
		fake = open(FAKE, O_RDWR | O_CLOEXEC);
	if (ioctl(fake, XS_FAKE_STATE, &state))
		state = (struct xs_fake_state){ .evicted = ~0U };
	return state;
}

static int kfd_do(unsigned int cmd, unsigned long arg)
{
	int fake = open(FAKE, O_RDWR | O_CLOEXEC);
	int ret = ioctl(fake, cmd, arg) ? -errno : 0;

	close(fake);
	return ret;
}

/* Which queues run: bit i is queue i, and KFD's own count says the same. */
static unsigned int running(void)
{
	struct xs_fake_state s = kfd_state();
	unsigned int mask = s.queue[0].active | s.queue[1].active << 1;

	return s.active == s.queue[0].active + s.queue[1].active ? mask : ~0U;
}

/* A file that closes, or a lease, lets go in a work item: looks for up to 10 s. */
static int comes_to_run(unsigned int mask)
{
	int i;

	for (i = 0; i < 10000 && running() != mask; i++)
		pause_us(1000);
	return running() == mask;
}

#endif /* XS_FAKE_APP_H */
