// SPDX-License-Identifier: GPL-2.0
/* The module itself: parameters, device node, order of set-up and tear-down. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/miscdevice.h>
#include <linux/module.h>

#include "glue.h"

static uint lease_default_ms = XS_LEASE_DEFAULT_MS;
module_param(lease_default_ms, uint, 0444);
MODULE_PARM_DESC(lease_default_ms, "lease of a suspension that names none, in ms (default 1000)");

static uint lease_max_ms = XS_LEASE_MAX_MS;
module_param(lease_max_ms, uint, 0444);
MODULE_PARM_DESC(lease_max_ms, "longest lease, in ms (default 60000)");

static uint max_queues = XS_MAX_QUEUES;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "queues that one open file may register (default 1024)");

static uint rate = XS_RATE;
module_param(rate, uint, 0444);
MODULE_PARM_DESC(rate, "suspending engine passes a second and node, 0 for no limit (default 1000)");

static uint burst = XS_BURST;
module_param(burst, uint, 0444);
MODULE_PARM_DESC(burst, "passes at once after a pause (default 64)");

static char *engine = "auto";
module_param(engine, charp, 0444);
MODULE_PARM_DESC(engine, "auto, update_queue, suspend_queues or mock (default auto)");

struct xs_core *xs_core;

static struct miscdevice xs_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = XSCHED_DEVICE_NAME,
	.fops = &xs_fops,
	.mode = 0660,
};

static int xs_parse_engine(u32 *value)
{
	static const char *const names[] = { "auto", "update_queue", "", "suspend_queues", "mock" };
	int i = match_string(names, ARRAY_SIZE(names), engine);

	if (i < 0 || !*engine) {
		pr_err("engine=%s: valid are auto, update_queue, suspend_queues, mock\n", engine);
		return -EINVAL;
	}
	*value = i;
	return 0;
}

static int __init xs_init(void)
{
	struct xs_limits limits = {
		.lease_default_ms = lease_default_ms,
		.lease_max_ms = lease_max_ms,
		.max_queues = max_queues,
		.rate = rate,
		.burst = burst,
	};
	int ret;

	ret = xs_parse_engine(&limits.auto_engine);
	if (ret)
		return ret;
	if (!lease_default_ms || lease_default_ms > lease_max_ms) {
		pr_err("lease_default_ms=%u: must be 1..lease_max_ms (%u)\n", lease_default_ms,
		       lease_max_ms);
		return -EINVAL;
	}
	xs_core = xs_core_new(&xs_kernel_platform, NULL, &limits);
	if (!xs_core)
		return -ENOMEM;
	ret = xs_files_init();
	if (ret)
		goto free_core;
	ret = xs_bind_init();
	if (ret)
		goto exit_files;
	ret = misc_register(&xs_misc);
	if (ret)
		goto exit_bind;
	xs_debugfs_init();
	return 0;

exit_bind:
	xs_bind_exit();
exit_files:
	xs_files_exit();
free_core:
	xs_core_free(xs_core);
	return ret;
}

static void __exit xs_exit(void)
{
	xs_debugfs_exit();
	misc_deregister(&xs_misc);
	xs_files_exit();
	xs_bind_exit();
	xs_core_free(xs_core);
}

module_init(xs_init);
module_exit(xs_exit);

MODULE_AUTHOR("xsched for ROCm");
MODULE_DESCRIPTION("Suspend and resume AMD compute queues across processes");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: amdgpu");
