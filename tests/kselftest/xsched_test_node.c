// SPDX-License-Identifier: GPL-2.0
/*
 * xsched_test_node.ko, for tests only: newer kernels open /dev/kfd only where
 * there is a GPU node. This makes amdgpu believe that there is one: a return
 * probe on kfd_gpu_node_num answers 1 instead of 0.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static int xs_one(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (!regs_return_value(regs))
		regs_set_return_value(regs, 1);
	return 0;
}

static struct kretprobe xs_probe = {
	.kp.symbol_name = "amdgpu:kfd_gpu_node_num",
	.handler = xs_one,
};

static int __init xs_test_node_init(void)
{
	return register_kretprobe(&xs_probe);
}

static void __exit xs_test_node_exit(void)
{
	unregister_kretprobe(&xs_probe);
}

module_init(xs_test_node_init);
module_exit(xs_test_node_exit);

MODULE_DESCRIPTION("Lets /dev/kfd be opened without a GPU, for tests of xsched");
MODULE_LICENSE("GPL");
