// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The rate limit: every engine pass preempts and remaps all queues of its node,
 * those of bystanders too, so suspensions are paid for from a token bucket.
 * Resumes are free: nothing may keep a queue from running again.
 *
 * A control file draws from the node's bucket. Others have one of their own,
 * so that they cannot spend the scheduler's.
 */
#include "internal.h"

static u64 xs_pass_cost(struct xs_core *core)
{
	u64 cost = div64_u64(XS_NS_PER_S, core->limits.rate);

	return cost ? cost : 1;
}

static void xs_bucket_fill(struct xs_core *core, struct xs_bucket *b)
{
	s64 full = (s64)(xs_pass_cost(core) * (core->limits.burst ? core->limits.burst : 1));
	u64 now = xs_now(core);
	u64 gone = now > b->last ? now - b->last : 0;

	if (!b->last || gone > (u64)(full - b->credit_ns))
		b->credit_ns = full;
	else
		b->credit_ns += (s64)gone;
	b->last = now;
}

/* True if a call may go ahead; it may cost more than there is. */
bool xs_bucket_ok(struct xs_core *core, struct xs_bucket *b, u32 *retry_us)
{
	if (!core->limits.rate)
		return true;
	xs_bucket_fill(core, b);
	if (b->credit_ns > 0)
		return true;
	*retry_us = (u32)div64_u64((u64)-b->credit_ns, XS_NS_PER_US) + 1;
	return false;
}

void xs_bucket_take(struct xs_core *core, struct xs_bucket *b, u32 passes)
{
	if (core->limits.rate)
		b->credit_ns -= (s64)(xs_pass_cost(core) * passes);
}
