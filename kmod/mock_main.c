// SPDX-License-Identifier: GPL-2.0
/*
 * xsched_mock.ko: the mock engine as a module, for tests on machines without a
 * GPU. Faults are injected by writing to its parameters.
 */
#include <linux/module.h>
#include <linux/pid.h>

#include "core/mock.h"
#include "glue.h"

static struct xs_mock *xs_mock;
static int dead_pid;
static uint delay_us;
static int error;
static uint fail_count;

module_param(dead_pid, int, 0644);
MODULE_PARM_DESC(dead_pid, "process that the engine finds dead, 0 for none");

/* The other parameters take effect when written. */
static int xs_mock_set_delay(const char *value, const struct kernel_param *kp)
{
	int ret = param_set_uint(value, kp);

	if (!ret && xs_mock) {
		xs_lock(&xs_mock->lock);
		xs_mock->delay_us = delay_us;
		xs_unlock(&xs_mock->lock);
	}
	return ret;
}

static const struct kernel_param_ops xs_mock_delay_ops = {
	.set = xs_mock_set_delay,
	.get = param_get_uint,
};

module_param_cb(delay_us, &xs_mock_delay_ops, &delay_us, 0644);
MODULE_PARM_DESC(delay_us, "time that an engine pass takes");

module_param(error, int, 0644);
MODULE_PARM_DESC(error, "negative errno of operations that fail; set before fail_count");

static int xs_mock_set_fail(const char *value, const struct kernel_param *kp)
{
	int ret = param_set_uint(value, kp);

	if (!ret && xs_mock)
		xs_mock_fail(xs_mock, 0, fail_count, error < 0 ? error : -EIO);
	return ret;
}

static const struct kernel_param_ops xs_mock_fail_ops = {
	.set = xs_mock_set_fail,
	.get = param_get_uint,
};

module_param_cb(fail_count, &xs_mock_fail_ops, &fail_count, 0644);
MODULE_PARM_DESC(fail_count, "this many operations from now on fail");

static int xs_mock_get_suspended(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", xs_mock ? xs_mock_suspended(xs_mock) : 0);
}

static const struct kernel_param_ops xs_mock_suspended_ops = { .get = xs_mock_get_suspended };

module_param_cb(suspended, &xs_mock_suspended_ops, NULL, 0444);
MODULE_PARM_DESC(suspended, "queues and processes suspended now");

static int xs_mock_get_violations(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu\n", xs_mock ? xs_mock->violations : 0);
}

static const struct kernel_param_ops xs_mock_violations_ops = { .get = xs_mock_get_violations };

module_param_cb(violations, &xs_mock_violations_ops, NULL, 0444);
MODULE_PARM_DESC(violations, "suspended twice or resumed while running; must be 0");

static bool xs_mock_is_dead(const struct xs_task *task)
{
	int pid = READ_ONCE(dead_pid);

	return pid && pid_nr(task->pid) == pid;
}

static int __init xs_mock_init(void)
{
	struct xs_mock *mock = xs_mock_new();
	int ret;

	if (!mock)
		return -ENOMEM;
	mock->is_dead = xs_mock_is_dead;
	mock->delay_us = delay_us;
	xs_mock = mock;
	ret = xsched_register_mock(&xs_mock_ops, mock, THIS_MODULE);
	if (ret)
		xs_mock_free(mock);
	return ret;
}

static void __exit xs_mock_exit(void)
{
	xsched_unregister_mock();
	xs_mock_free(xs_mock);
}

module_init(xs_mock_init);
module_exit(xs_mock_exit);

MODULE_AUTHOR("xsched for ROCm");
MODULE_DESCRIPTION("Mock engine for xsched, for tests");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
