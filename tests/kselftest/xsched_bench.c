// SPDX-License-Identifier: GPL-2.0
/*
 * Time in the module, from ioctl entry to return (its own field ns), on the
 * mock engine: one JSON line for each call and number of queues.
 */
#include "selftest.h"

#define ROUNDS 500

static int compare(const void *a, const void *b)
{
	const unsigned long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void print(const char *call, int queues, unsigned long long *ns)
{
	qsort(ns, ROUNDS, sizeof(*ns), compare);
	printf("{\"benchmark\": \"kmod_ioctl\", \"call\": \"%s\", \"queues\": %d, \"median_ns\": %llu, \"p99_ns\": %llu, \"rounds\": %d}\n",
	       call, queues, ns[ROUNDS / 2], ns[ROUNDS * 99 / 100], ROUNDS);
}

int main(void)
{
	static unsigned long long down[ROUNDS], up[ROUNDS];
	struct xsched_item items[64] = { 0 };
	struct xsched_suspend s;
	int counts[] = { 1, 8, 64 }, fd = device(), i, c;

	if (fd < 0 || access(MOCK, F_OK))
		return KSFT_SKIP;
	for (i = 0; i < 64; i++)
		items[i].handle = register_queue(fd, i, 7);
	for (c = 0; c < 3; c++) {
		struct xsched_resume r = { .size = sizeof(r), .count = counts[c],
					   .items = (unsigned long)items };

		for (i = 0; i < ROUNDS; i++) {
			if (suspend_items(fd, items, counts[c], 0, &s) ||
			    ioctl(fd, XSCHED_IOC_RESUME, &r)) {
				perror("xsched_bench");
				return 1;
			}
			down[i] = s.ns;
			up[i] = r.ns;
		}
		print("suspend", counts[c], down);
		print("resume", counts[c], up);
	}
	return 0;
}
