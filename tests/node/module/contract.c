// SPDX-License-Identifier: Apache-2.0
/*
 * The device file of the simulated node, through libc as a program uses it:
 * what tests/kselftest expects of the kernel module's, on the mock engine. Run
 * under xsched-sim.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* On the mock: these queues do not exist. */
#define ENGINE XSCHED_ENGINE_MOCK
#include "../../kselftest/cases.h"

static const char *self;

static void the_path(void)
{
	struct stat st;

	CHECK(!access(DEVICE, F_OK) && !access(DEVICE, R_OK | W_OK));
	CHECK(access(DEVICE, X_OK) == -1 && errno == EACCES);
	CHECK(!stat(DEVICE, &st) && S_ISCHR(st.st_mode) && (st.st_mode & 0777) == 0660);
	CHECK(major(st.st_rdev) == 10);
}

static void other_files(void)
{
	struct xsched_query q = { .size = sizeof(q) };
	int fds[2], null = open("/dev/null", O_RDWR);
	char text[8] = "";

	CHECK(ioctl(null, XSCHED_IOC_QUERY, &q) == -1 && errno == ENOTTY);
	CHECK(ioctl(-1, XSCHED_IOC_QUERY, &q) == -1 && errno == EBADF);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(ioctl(fds[0], XSCHED_IOC_QUERY, &q) == -1 && errno == ENOTTY);
	/* Only events come whole. */
	CHECK(write(fds[0], "1234567", 8) == 8 && read(fds[1], text, 5) == 5);
	CHECK(read(fds[1], text, 0) == 0);
	close(fds[0]);
	close(fds[1]);
	close(null);
}

static void bad_pointers(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct xsched_query *q = (void *)page;
	int fd = device();

	no_pointer(fd, page);
	if (failure)
		return;
	/* Readable, not writable: the results have nowhere to go. */
	q->size = sizeof(*q);
	CHECK(!mprotect(page, 4096, PROT_READ));
	CHECK(ioctl(fd, XSCHED_IOC_QUERY, q) == -1 && errno == EFAULT);
	munmap(page, 8192);
	close(fd);
}

static void events(void)
{
	struct xsched_event e[4];
	int app = open(DEVICE, O_RDWR | O_NONBLOCK);
	struct pollfd p = { app, POLLIN, 0 };
	unsigned long long q;

	CHECK(app >= 0 && poll(&p, 1, 0) == 0);
	CHECK(read(app, e, sizeof(e[0])) == -1 && errno == EAGAIN);
	CHECK(read(app, e, sizeof(e[0]) - 1) == -1 && errno == EINVAL);
	q = register_queue(app, 0, 7);
	CHECK(!suspend_one(app, q, 0) && !resume_one(app, q));
	CHECK(poll(&p, 1, 0) == 1);
	/* Whole structures, as many as fit. */
	CHECK(read(app, e, sizeof(e[0]) + 8) == sizeof(e[0]));
	CHECK(e[0].type == XSCHED_EVENT_REGISTERED);
	CHECK(read(app, e, sizeof(e)) == 2 * sizeof(e[0]));
	CHECK(e[0].type == XSCHED_EVENT_SUSPENDED && e[1].type == XSCHED_EVENT_RESUMED);
	close(app);
}

static void owner_alone_dies(void)
{
	owner_dies(0);
}

/* The descriptor is the file, in whoever's hands. */
static void passed_on(void)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int fds[2], app = device(), other = device(), status;
	unsigned long long q = register_queue(app, 1, 7);
	pid_t pid;

	CHECK(q && !suspend_one(app, q, 60000));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	pid = fork();
	if (!pid) {
		int fd;

		close(app);
		if (recvmsg(fds[1], &message, 0) != 1)
			_exit(1);
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		_exit(resume_one(fd, q) ? 2 : 0);
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &app, sizeof(app));
	CHECK(sendmsg(fds[0], &message, 0) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(queue_state(other, q) == 0);
	close(fds[0]);
	close(fds[1]);
	close(other);
	close(app);
}

static int run_as(const char *module, const char *what)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		setenv("XSCHED_SIM_MODULE", module, 1);
		execl(self, self, what, NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static int as_absent(void)
{
	struct stat st;

	return open(DEVICE, O_RDWR) == -1 && errno == ENOENT && access(DEVICE, F_OK) == -1 &&
	       errno == ENOENT && stat(DEVICE, &st) == -1 && errno == ENOENT ? 0 : 1;
}

static int as_denied(void)
{
	return open(DEVICE, O_RDWR) == -1 && errno == EACCES && !access(DEVICE, F_OK) &&
	       access(DEVICE, R_OK) == -1 && errno == EACCES ? 0 : 1;
}

static int as_owner(void)
{
	struct xsched_query q = { .size = sizeof(q) };
	int fd = device();

	return !ioctl(fd, XSCHED_IOC_QUERY, &q) && q.role == XSCHED_ROLE_OWNER &&
	       suspend_one(fd, register_queue(fd, 1, 7), 0) == -EPERM /* the mock by name */ ? 0 : 1;
}

static void modes(void)
{
	CHECK(run_as("off", "absent") == 0);
	CHECK(run_as("denied", "denied") == 0);
	CHECK(run_as("owner", "owner") == 0);
}

/* Looks again for up to 10 s: the node learns of a death by itself. */
static int all_run(int fd, const unsigned long long *queues, int n)
{
	int i, looks;

	for (looks = 0; looks < 10000; looks++) {
		for (i = 0; i < n && queue_state(fd, queues[i]) == XSCHED_QUEUE_OWN; i++)
			;
		if (i == n)
			return 1;
		pause_us(1000);
	}
	return 0;
}

/* A thousand holders are killed at random points, leases of a minute in hand. */
static void killed_holders(void)
{
	unsigned long long queues[8];
	int app = device(), i, round, status, held = 0;
	pid_t pid;

	for (i = 0; i < 8; i++)
		CHECK((queues[i] = register_queue(app, i, 1 + i % 2)));
	srand(1);
	for (round = 0; round < 1000; round++) {
		pid = holder_of(queues);
		CHECK(pid > 0);
		pause_us(rand() % 2000);
		held += queue_state(app, queues[0]) != XSCHED_QUEUE_OWN;
		CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status));
		CHECK(all_run(app, queues, 8));
	}
	printf("# in %d of 1000 rounds the first queue was held just before\n", held);
	CHECK(held);
	close(app);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "the path", the_path },
		{ "other files are left alone", other_files },
		{ "bad pointers", bad_pointers },
		{ "events", events },
		{ "lease expires", lease },
		{ "the owner dies", owner_alone_dies },
		{ "the owner execs", owner_execs },
		{ "a descriptor is passed on", passed_on },
		{ "absent, denied, owner", modes },
		{ "killed holders leave nothing suspended", killed_holders },
	};
	static char path[4096];

	if (sleeps(argc, argv))
		return 1;
	if (argc > 1 && !strcmp(argv[1], "absent"))
		return as_absent();
	if (argc > 1 && !strcmp(argv[1], "denied"))
		return as_denied();
	if (argc > 1 && !strcmp(argv[1], "owner"))
		return as_owner();
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return 1;
	self = path;
	if (access(DEVICE, F_OK)) {
		printf("skip: no %s; run it under xsched-sim\n", DEVICE);
		return 77;
	}
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
