// SPDX-License-Identifier: GPL-2.0
/*
 * The engines on queues of the real KFD, which hang on a node that does not
 * exist (xsched_fake_gpu.ko): what KFD's own code makes of them.
 */
#include "fake_app.h"
#include "fake_layout.h"

#define BOTH 3
#define ONLY_0 1
#define ONLY_1 2

static void suspend_and_resume(void)
{
	struct xs_fake_queue q;
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(running() == BOTH);
	CHECK(!suspend_one(fd, app.queue[0], 0));
	q = kfd_state().queue[0];
	CHECK(!q.active && !q.percent && !q.evicted && !q.suspended);
	CHECK(!resume_one(fd, app.queue[0]));
	q = kfd_state().queue[0];
	CHECK(q.active && q.percent == 100 && q.priority == XS_FAKE_PRIORITY);
	CHECK(q.updates == 2 && q.ring_users == 1);
	close(fd);
	CHECK(!app_kill());
}

static void only_the_asked_one(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!suspend_one(fd, app.queue[1], 0) && running() == ONLY_0);
	CHECK(!suspend_one(fd, app.queue[0], 0) && running() == 0);
	CHECK(!resume_one(fd, app.queue[1]) && running() == ONLY_1);
	CHECK(kfd_state().queue[0].updates == 1 && kfd_state().queue[1].updates == 2);
	CHECK(!resume_one(fd, app.queue[0]) && running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

static void replaced_values(void)
{
	struct xs_fake_queue q;
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!suspend_one(fd, app.queue[0], 0));
	CHECK(app_tell(APP_REPLACE) == app.queue[0]);
	CHECK(running() == ONLY_1);
	CHECK(!resume_one(fd, app.queue[0]));
	q = kfd_state().queue[0];
	CHECK(q.active && q.percent == 50 && q.priority == 3);
	close(fd);
	CHECK(!app_kill());
}

static void wrong_ring(char how)
{
	unsigned long long wrong;
	int fd;

	CHECK(!app_start());
	fd = device();
	wrong = app_tell(how);
	CHECK(wrong);
	CHECK(suspend_one(fd, wrong, 0) == -EFAULT);
	CHECK(queue_state(fd, wrong) == 0);
	CHECK(resume_one(fd, wrong) == -ENOENT);
	CHECK(running() == BOTH && !kfd_state().queue[0].updates);
	CHECK(!suspend_one(fd, app.queue[1], 0) && running() == ONLY_0);
	close(fd);
	CHECK(!app_kill());
}

static void wrong_size(void)
{
	wrong_ring(APP_WRONG_RING);
}

static void wrong_base(void)
{
	wrong_ring(APP_WRONG_BASE);
}

static void two_holders(void)
{
	int a, b;

	CHECK(!app_start());
	a = device();
	b = device();
	CHECK(!suspend_one(a, app.queue[0], 0) && !suspend_one(b, app.queue[0], 0));
	CHECK(kfd_state().queue[0].updates == 1);
	CHECK(!resume_one(a, app.queue[0]) && running() == ONLY_1);
	CHECK(!resume_one(b, app.queue[0]) && running() == BOTH);
	close(a);
	close(b);
	CHECK(!app_kill());
}

static void killed_holder(void)
{
	int fds[2], status, ret;
	pid_t holder;

	CHECK(!app_start() && !pipe(fds));
	holder = fork();
	if (!holder) {
		ret = suspend_one(device(), app.queue[0], 60000);
		if (write(fds[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(read(fds[0], &ret, sizeof(ret)) == sizeof(ret) && !ret);
	CHECK(running() == ONLY_1);
	CHECK(!kill(holder, SIGKILL) && waitpid(holder, &status, 0) == holder);
	CHECK(comes_to_run(BOTH));
	CHECK(kfd_state().queue[0].percent == 100);
	close(fds[0]);
	close(fds[1]);
	CHECK(!app_kill());
}

static void expired_lease(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	/* Long enough that even an emulator sees it suspended. */
	CHECK(!suspend_one(fd, app.queue[0], 1000) && running() == ONLY_1);
	CHECK(comes_to_run(BOTH));
	CHECK(resume_one(fd, app.queue[0]) == -ENOENT);
	close(fd);
	CHECK(!app_kill());
}

static void unregistered_while_suspended(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!suspend_one(fd, app.queue[0], 0) && running() == ONLY_1);
	CHECK(app_tell(APP_UNREGISTER) && running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

static void whole_process(void)
{
	struct xs_fake_state s;
	int a, b;

	CHECK(!app_start());
	a = device();
	b = device();
	CHECK(!process_call(a, XSCHED_IOC_SUSPEND_PROCESS, app.queue[0]));
	s = kfd_state();
	CHECK(s.evicted == 1 && s.queue[0].evicted && s.queue[1].evicted && running() == 0);
	CHECK(!process_call(b, XSCHED_IOC_SUSPEND_PROCESS, app.queue[1]));
	CHECK(kfd_state().evicted == 1);
	CHECK(!process_call(a, XSCHED_IOC_RESUME_PROCESS, app.queue[0]) && running() == 0);
	CHECK(!process_call(b, XSCHED_IOC_RESUME_PROCESS, app.queue[0]));
	s = kfd_state();
	CHECK(!s.evicted && !s.queue[0].evicted && !s.queue[1].evicted && running() == BOTH);
	CHECK(s.queue[0].percent == 100 && !s.queue[0].updates);
	close(a);
	close(b);
	CHECK(!app_kill());
}

static void process_and_queue(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	/* The queue first, and last. */
	CHECK(!suspend_one(fd, app.queue[0], 0));
	CHECK(!process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, app.queue[0]) && running() == 0);
	CHECK(!process_call(fd, XSCHED_IOC_RESUME_PROCESS, app.queue[0]));
	CHECK(running() == ONLY_1 && kfd_state().queue[0].percent == 0);
	CHECK(!resume_one(fd, app.queue[0]) && running() == BOTH);
	/* Across each other. */
	CHECK(!process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, app.queue[0]));
	CHECK(!suspend_one(fd, app.queue[0], 0) && !suspend_one(fd, app.queue[1], 0));
	CHECK(!resume_one(fd, app.queue[1]) && running() == 0);
	CHECK(kfd_state().queue[1].percent == 100 && kfd_state().evicted == 1);
	CHECK(!process_call(fd, XSCHED_IOC_RESUME_PROCESS, app.queue[0]) && running() == ONLY_1);
	CHECK(!resume_one(fd, app.queue[0]) && running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

static void owner_dies(void)
{
	int fd, i, ret;

	for (i = 0; i < 4; i++) {
		CHECK(!app_start());
		fd = device();
		CHECK(!(i & 1) || !suspend_one(fd, app.queue[0], 60000));
		CHECK(!(i & 2) || !process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, app.queue[0]));
		CHECK(!app_kill());
		CHECK(kfd_state().evicted == ~0U); /* detached */
		ret = resume_one(fd, app.queue[0]);
		CHECK(ret == 0 || ret == -ENOENT);
		close(fd);
	}
}

static void passes(void)
{
	struct xsched_item items[XS_FAKE_QUEUES];
	struct xsched_resume r = { .size = sizeof(r), .flags = XSCHED_RESUME_ALL };
	struct xs_fake_state s;
	struct xsched_suspend call;
	int fd, i;

	CHECK(!app_start());
	fd = device();
	for (i = 0; i < XS_FAKE_QUEUES; i++)
		items[i] = (struct xsched_item){ .handle = app.queue[i] };
	CHECK(!suspend_items(fd, items, XS_FAKE_QUEUES, 0, &call) && running() == 0);
	CHECK(call.engine == XSCHED_ENGINE_UPDATE_QUEUE && call.held == XS_FAKE_QUEUES);
	s = kfd_state();
	CHECK(call.passes == XS_FAKE_QUEUES);
	CHECK(s.queue[0].updates == 1 && s.queue[1].updates == 1);
	CHECK(!ioctl(fd, XSCHED_IOC_RESUME, &r) && r.passes == XS_FAKE_QUEUES);
	CHECK(running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

/* The answer is -EIO, and yet KFD has evicted or restored. */
static void gpu_reset(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!kfd_do(XS_FAKE_FAULT, XS_FAKE_FAULT_GPU_RESET));
	CHECK(!process_call(fd, XSCHED_IOC_SUSPEND_PROCESS, app.queue[0]));
	CHECK(kfd_state().evicted == 1 && running() == 0);
	CHECK(!process_call(fd, XSCHED_IOC_RESUME_PROCESS, app.queue[0]));
	CHECK(kfd_state().evicted == 0 && running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

static void queue_reset(void)
{
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!kfd_do(XS_FAKE_FAULT, XS_FAKE_FAULT_QUEUE_RESET));
	CHECK(suspend_one(fd, app.queue[0], 0) == -EACCES);
	CHECK(queue_state(fd, app.queue[0]) & XSCHED_QUEUE_DEAD);
	CHECK(kfd_state().evicted == 0 && running() & ONLY_1);
	close(fd);
	CHECK(!app_kill());
}

static void on_signal(int number)
{
	(void)number;
}

/* KFD waits for the VM's lock, but not through a signal. */
static void signal_while_waiting(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd done = { .events = POLLIN };
	int fd, fds[2], i, ret = 0, status;
	pid_t locker, caller;

	CHECK(!app_start() && !pipe(fds));
	fd = device();
	locker = fork();
	if (!locker)
		_exit(kfd_do(XS_FAKE_LOCK_VM, 0) != -EINTR);
	for (i = 0; i < 10000 && !kfd_state().vm_locked; i++)
		pause_us(1000);
	CHECK(kfd_state().vm_locked);
	caller = fork();
	if (!caller) {
		sigaction(SIGUSR1, &action, NULL);
		ret = suspend_one(device(), app.queue[0], 60000);
		if (write(fds[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		for (;;)
			pause();
	}
	/* One that comes before it waits is for nothing: again. */
	done.fd = fds[0];
	while (!poll(&done, 1, 20))
		if (queue_state(fd, app.queue[0]) & XSCHED_QUEUE_BUSY)
			kill(caller, SIGUSR1);
	CHECK(read(fds[0], &ret, sizeof(ret)) == sizeof(ret));
	printf("# a signal in KFD's wait: %d\n", ret);
	CHECK(ret == -EINTR && running() == BOTH);
	CHECK(!kill(caller, SIGKILL) && waitpid(caller, &status, 0) == caller);
	CHECK(!kill(locker, SIGKILL) && waitpid(locker, &status, 0) == locker);
	close(fds[0]);
	close(fds[1]);
	close(fd);
	CHECK(!app_kill());
}

/* Why the engine suspend_queues is off. */
static void fresh_queues(void)
{
	struct xs_fake_debug d;

	CHECK(!app_start());
	CHECK(kfd_state().queue[0].fresh && kfd_state().queue[1].fresh);
	CHECK(!kfd_do(XS_FAKE_SUSPEND_QUEUES, (unsigned long)&d));
	printf("# KFD's suspend_queues on new queues: %d, ids %#x %#x\n", d.ret, d.ids[0], d.ids[1]);
	CHECK(d.ret == 0 && d.ids[0] == 0x80000000U && d.ids[1] == 0x80000001U);
	CHECK(running() == BOTH && !kfd_state().queue[0].suspended);
	CHECK(!app_kill());
}

static void debugger_and_us(void)
{
	struct xs_fake_debug d;
	int fd;

	CHECK(!app_start());
	fd = device();
	CHECK(!kfd_do(XS_FAKE_QUERY_EVENTS, 0));
	CHECK(!kfd_do(XS_FAKE_SUSPEND_QUEUES, (unsigned long)&d));
	CHECK(d.ret == 2 && d.ids[0] == 0 && d.ids[1] == 1 && running() == 0);
	CHECK(!suspend_one(fd, app.queue[0], 0) && !suspend_one(fd, app.queue[1], 0));
	CHECK(!resume_one(fd, app.queue[1]) && running() == 0);
	CHECK(!kfd_do(XS_FAKE_RESUME_QUEUES, (unsigned long)&d) && d.ret == 2);
	CHECK(running() == ONLY_1);
	CHECK(!resume_one(fd, app.queue[0]) && running() == BOTH);
	close(fd);
	CHECK(!app_kill());
}

int main(void)
{
	static const struct test tests[] = {
		{ "SUSPEND stops a queue of KFD, RESUME has it run again", suspend_and_resume },
		{ "only the queue asked for", only_the_asked_one },
		{ "RESUME gives KFD what REPLACE told", replaced_values },
		{ "a wrong ring size: KFD's -EFAULT, nothing held", wrong_size },
		{ "a wrong ring base: KFD's -EFAULT, nothing held", wrong_base },
		{ "of two holders the last one resumes", two_holders },
		{ "a killed holder", killed_holder },
		{ "an expired lease", expired_lease },
		{ "an unregistered queue runs again", unregistered_while_suspended },
		{ "SUSPEND_PROCESS evicts both queues once", whole_process },
		{ "process and queue compose", process_and_queue },
		{ "the owner is killed: running, suspended, evicted, both", owner_dies },
		{ "a pass for each queue", passes },
		{ "a GPU reset: -EIO is done", gpu_reset },
		{ "a queue reset: -EACCES, the queue is dead", queue_reset },
		{ "a signal while KFD waits", signal_while_waiting },
		{ "suspend_queues skips queues that no debugger asked about", fresh_queues },
		{ "a debugger's suspension is not undone", debugger_and_us },
	};

	if (access(DEVICE, F_OK) || access(FAKE, F_OK)) {
		printf("KTAP version 1\n1..0 # SKIP xsched.ko or xsched_fake_gpu.ko is not loaded\n");
		return KSFT_SKIP;
	}
	if (layout_differs(FAKE)) {
		printf("KTAP version 1\n1..1\nnot ok 1 structures as in amdgpu's BTF\n");
		return 1;
	}
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
