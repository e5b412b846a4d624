// SPDX-License-Identifier: GPL-2.0
/*
 * The contract with the real amdgpu.ko, without a GPU: the calls arrive in KFD
 * and come back with KFD's own answers.
 */
#include "selftest.h"

static void engines(void)
{
	struct xsched_query q = { .size = sizeof(q) };
	int fd = device(), i;

	CHECK(fd >= 0 && !ioctl(fd, XSCHED_IOC_QUERY, &q));
	for (i = 1; i <= XSCHED_ENGINE_MOCK; i++)
		printf("# engine %d: %s %s\n", i, q.engine[i].error ? "off:" : "on",
		       q.engine[i].why);
	printf("# amdgpu %s\n", q.driver_version);
	CHECK(q.default_engine == XSCHED_ENGINE_UPDATE_QUEUE);
	CHECK(q.engines & (1U << XSCHED_ENGINE_QUIESCE));
	CHECK(q.engine[XSCHED_ENGINE_SUSPEND_QUEUES].why[0]);
	close(fd);
}

static void no_kfd_process(void)
{
	int fd = device();
	unsigned long long q = register_queue(fd, 0, 7);

	CHECK(q);
	CHECK(process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, q) == -ESRCH);
	CHECK(suspend_one(fd, register_queue(fd, 1, 7), 0) == -ESRCH);
	close(fd);
}

static void unknown_queue(void)
{
	int fd = device(), kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC), ret;
	unsigned long long q;

	if (kfd < 0)
		SKIP("this kernel opens /dev/kfd only with a GPU");
	q = register_queue(fd, 1000, 7);
	ret = suspend_one(fd, q, 0);
	printf("# KFD on a queue that it does not have: %d\n", ret);
	CHECK(ret == -EFAULT || ret == -EINVAL);
	CHECK(queue_state(fd, q) == XSCHED_QUEUE_OWN);
	close(kfd);
	close(fd);
}

static void quiesce_another_process(void)
{
	int fd = device(), fds[2], status;
	unsigned long long q = 0;
	pid_t pid;

	CHECK(!pipe(fds));
	pid = fork();
	if (!pid) {
		int kfd = open("/dev/kfd", O_RDWR);

		q = kfd < 0 ? 0 : register_queue(device(), 0, 7);
		if (write(fds[1], &q, sizeof(q)) != sizeof(q))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(read(fds[0], &q, sizeof(q)) == sizeof(q));
	if (!q) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		SKIP("this kernel opens /dev/kfd only with a GPU");
	}
	CHECK(!process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, q));
	CHECK(queue_state(fd, q) & XSCHED_QUEUE_PROCESS_SUSPENDED);
	CHECK(!process_call(fd, XSCHED_IOC_RESUME_PROCESS, q));
	CHECK(!process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, q));
	/* Dies while suspended. */
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
	status = process_call(fd, XSCHED_IOC_RESUME_PROCESS, q);
	CHECK(status == 0 || status == -ENOENT);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "engines are resolved, or off for a reason", engines },
		{ "a process without KFD", no_kfd_process },
		{ "a queue that KFD does not have", unknown_queue },
		{ "quiesce another process", quiesce_another_process },
	};
	char byte;

	/* hold: keep the device open until standard input ends. */
	if (argc > 1 && !strcmp(argv[1], "hold")) {
		if (device() < 0)
			return 1;
		puts("held");
		fflush(stdout);
		while (read(0, &byte, 1) > 0)
			;
		return 0;
	}
	if (access(DEVICE, F_OK) || access("/sys/module/amdgpu", F_OK)) {
		printf("KTAP version 1\n1..0 # SKIP xsched.ko or amdgpu.ko is not loaded\n");
		return KSFT_SKIP;
	}
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
