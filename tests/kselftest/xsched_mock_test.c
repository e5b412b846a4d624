// SPDX-License-Identifier: GPL-2.0
/*
 * The module in a real kernel, on the mock engine: `insmod xsched.ko
 * engine=mock`, `insmod xsched_mock.ko`. Argument: rounds of the kill test.
 */
#include <grp.h>
#include <sys/stat.h>

#include "cases.h"

#define TRACING "/sys/kernel/tracing/"

static int rounds = 1000;

static void query(void)
{
	struct xsched_query q = { .size = sizeof(q) };
	int fd = device();

	CHECK(fd >= 0);
	CHECK(!ioctl(fd, XSCHED_IOC_QUERY, &q));
	CHECK(q.abi_major == XSCHED_ABI_MAJOR);
	CHECK(q.engines & (1U << XSCHED_ENGINE_MOCK));
	CHECK(q.default_engine == XSCHED_ENGINE_MOCK);
	CHECK(q.role == XSCHED_ROLE_CONTROL);
	close(fd);
}

static void bad_pointers(void)
{
	struct xsched_item *items;
	struct xsched_suspend s;
	int fd = device();
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	no_pointer(fd, page);
	if (failure)
		return;
	/* An array that runs over the edge. */
	items = (void *)(page + 4096 - 24);
	items->handle = register_queue(fd, 1, 7);
	CHECK(suspend_items(fd, items, 2, 0, &s) == -1 && errno == EFAULT);
	CHECK(queue_state(fd, items->handle) == XSCHED_QUEUE_OWN);
	CHECK(!suspend_items(fd, items, 1, 0, &s) && s.held == 1);
	/* A structure over the edge: its tail cannot be read. */
	*(unsigned int *)(page + 4088) = sizeof(struct xsched_renew);
	CHECK(ioctl(fd, XSCHED_IOC_RENEW, page + 4088) == -1 && errno == EFAULT);
	*(unsigned int *)page = 2;
	CHECK(ioctl(fd, XSCHED_IOC_RENEW, page) == -1 && errno == EINVAL);
	munmap(page, 8192);
	close(fd);
	CHECK(becomes(MOCK "suspended", 0));
}

static void batch(void)
{
	struct xsched_item items[64] = { 0 };
	struct xsched_resume r = { .size = sizeof(r), .flags = XSCHED_RESUME_ALL };
	struct xsched_suspend s;
	int fd = device(), i;

	CHECK(fd >= 0);
	for (i = 0; i < 64; i++)
		items[i].handle = register_queue(fd, i, 1 + i % 2);
	CHECK(!suspend_items(fd, items, 64, 0, &s));
	CHECK(s.held == 64 && s.passes == 2 && s.level == XSCHED_LEVEL_INTERRUPT);
	CHECK(read_number(MOCK "suspended") == 64);
	CHECK(!ioctl(fd, XSCHED_IOC_RESUME, &r) && r.passes == 2);
	CHECK(read_number(MOCK "suspended") == 0);
	close(fd);
}

static void two_holders(void)
{
	int app = device(), a = device(), b = device();
	unsigned long long q = register_queue(app, 0, 7);

	CHECK(q);
	CHECK(!suspend_one(a, q, 10000) && !suspend_one(b, q, 10000));
	CHECK(!resume_one(a, q));
	CHECK(queue_state(app, q) & XSCHED_QUEUE_SUSPENDED);
	CHECK(resume_one(a, q) == -ENOENT);
	close(b);
	CHECK(becomes(MOCK "suspended", 0));
	CHECK(!(queue_state(app, q) & XSCHED_QUEUE_SUSPENDED));
	close(a);
	close(app);
}

static void lease_expires(void)
{
	lease();
	if (failure)
		return;
	CHECK(becomes(MOCK "suspended", 0));
}

static void events(void)
{
	struct xsched_event e[4];
	int app = open(DEVICE, O_RDWR | O_NONBLOCK);
	unsigned long long q;

	CHECK(app >= 0);
	CHECK(read(app, e, sizeof(e[0])) == -1 && errno == EAGAIN);
	CHECK(read(app, e, sizeof(e[0]) - 1) == -1 && errno == EINVAL);
	q = register_queue(app, 0, 7);
	CHECK(!suspend_one(app, q, 0) && !resume_one(app, q));
	CHECK(read(app, e, sizeof(e)) == 3 * sizeof(e[0]));
	CHECK(e[0].type == XSCHED_EVENT_REGISTERED && e[1].type == XSCHED_EVENT_SUSPENDED &&
	      e[2].type == XSCHED_EVENT_RESUMED);
	close(app);
}

static void failed_resume_is_retried(void)
{
	int app = device();
	unsigned long long q = register_queue(app, 0, 7);

	CHECK(!suspend_one(app, q, 0));
	CHECK(!write_number(MOCK "error", -EIO) && !write_number(MOCK "fail_count", 3));
	CHECK(resume_one(app, q) == -EIO);
	CHECK(becomes(MOCK "suspended", 0));
	/* The same with nobody left to see it. */
	CHECK(!suspend_one(app, q, 0));
	CHECK(!write_number(MOCK "fail_count", 3));
	close(app);
	CHECK(becomes(MOCK "suspended", 0));
}

static void killed_holders(void)
{
	unsigned long long queues[8];
	int app = device(), i, round, status;
	pid_t pid;

	for (i = 0; i < 8; i++)
		CHECK((queues[i] = register_queue(app, i, 1 + i % 2)));
	CHECK(!write_number(MOCK "delay_us", 100));
	srand(1);
	for (round = 0; round < rounds; round++) {
		pid = holder_of(queues);
		CHECK(pid > 0);
		pause_us(rand() % 4000);
		CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status));
		CHECK(becomes(MOCK "suspended", 0));
	}
	CHECK(!write_number(MOCK "delay_us", 0));
	CHECK(read_number(MOCK "violations") == 0);
	printf("# %d rounds\n", rounds);
	close(app);
}

static void owner_with_process_dies(void)
{
	owner_dies(1);
}

/* As an ordinary user with @gid as only group; returns a bit for each surprise. */
static int as_user(gid_t gid, unsigned int role, unsigned long long foreign)
{
	struct xsched_query q = { .size = sizeof(q) };
	unsigned long long own;
	int bad = 0, fd;

	if (setgroups(0, NULL) || setgid(gid) || setuid(65534))
		return 128;
	fd = device();
	if (fd < 0)
		return 64;
	own = register_queue(fd, 0, 7);
	bad |= ioctl(fd, XSCHED_IOC_QUERY, &q) || q.role != role ? 1 : 0;
	bad |= suspend_one(fd, own, 0) ? 2 : 0;
	bad |= suspend_one(fd, foreign, 0) != (role ? 0 : -EPERM) ? 4 : 0;
	bad |= suspend_one(fd, own, XSCHED_LEASE_NONE) != -EPERM ? 8 : 0;
	bad |= (queue_state(fd, foreign) == -1) != !role ? 16 : 0;
	return bad;
}

static void roles(void)
{
	int app = device(), status;
	unsigned long long q = register_queue(app, 0, 7);

	CHECK(!chmod(DEVICE, 0666));
	if (!fork())
		_exit(as_user(65534, XSCHED_ROLE_OWNER, q));
	CHECK(wait(&status) > 0 && status == 0);
	CHECK(!chown(DEVICE, 0, 1234) && !chmod(DEVICE, 0660));
	if (!fork())
		_exit(as_user(1234, XSCHED_ROLE_CONTROL, q));
	CHECK(wait(&status) > 0 && status == 0);
	if (!fork())
		_exit(as_user(65534, XSCHED_ROLE_OWNER, q));
	CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 64);
	CHECK(!chown(DEVICE, 0, 0));
	CHECK(becomes(MOCK "suspended", 0));
	close(app);
}

static void debugfs(void)
{
	char text[4096] = "";
	int app = device(), fd;
	unsigned long long q = register_queue(app, 77, 7);
	char want[64];

	if (access("/sys/kernel/debug/xsched/queues", R_OK))
		SKIP("no debugfs");
	fd = open("/sys/kernel/debug/xsched/queues", O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	snprintf(want, sizeof(want), "\n%llu %d 77 7 ", q, getpid());
	CHECK(strstr(text, want));
	close(fd);
	close(app);
}

/* One line of the trace for each of @event, of the queue @handle. */
static int traced(const char *text, const char *event, unsigned long long handle)
{
	char want[80];

	snprintf(want, sizeof(want), " %s: handle=%llu gpu_id=7 status=0 ", event, handle);
	return !!strstr(text, want);
}

static void tracepoints(void)
{
	static char text[65536];
	int app = device(), fd;
	unsigned long long q = register_queue(app, 0, 7);

	if (access(TRACING "events/xsched", R_OK))
		SKIP("no tracefs, or a kernel without tracing");
	CHECK(!write_number(TRACING "events/xsched/enable", 1));
	CHECK(!suspend_one(app, q, 0) && !resume_one(app, q));
	CHECK(!suspend_one(app, q, 1));
	CHECK(becomes(MOCK "suspended", 0));
	CHECK(!write_number(TRACING "events/xsched/enable", 0));
	fd = open(TRACING "trace", O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	CHECK(traced(text, "xsched_suspend", q));
	CHECK(traced(text, "xsched_resume", q));
	CHECK(traced(text, "xsched_lease_expired", q));
	close(fd);
	close(app);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "query", query },
		{ "bad pointers", bad_pointers },
		{ "64 queues are one pass a node", batch },
		{ "two holders", two_holders },
		{ "lease expires", lease_expires },
		{ "events", events },
		{ "a failed resume is tried again", failed_resume_is_retried },
		{ "the owner dies", owner_with_process_dies },
		{ "the owner execs", owner_execs },
		{ "roles", roles },
		{ "debugfs", debugfs },
		{ "tracepoints", tracepoints },
		{ "killed holders leave nothing suspended", killed_holders },
	};

	if (sleeps(argc, argv))
		return 1;
	if (argc > 1)
		rounds = atoi(argv[1]);
	if (access(DEVICE, F_OK) || access(MOCK, F_OK)) {
		printf("KTAP version 1\n1..0 # SKIP xsched.ko or xsched_mock.ko is not loaded\n");
		return KSFT_SKIP;
	}
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
