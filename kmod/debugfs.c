// SPDX-License-Identifier: GPL-2.0
/* /sys/kernel/debug/xsched/{queues,nodes}: one line a queue or node. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "glue.h"

#define XS_ROWS 32

static struct dentry *xs_dir;

static int queues_show(struct seq_file *m, void *unused)
{
	struct xsched_queue_info *rows;
	u64 cursor = 0;
	u32 n, i;

	rows = kcalloc(XS_ROWS, sizeof(*rows), GFP_KERNEL);
	if (!rows)
		return -ENOMEM;
	seq_puts(m, "handle pid queue_id gpu_id state holders engine suspends resumes expiries suspended_ns last_op_ns last_error\n");
	do {
		n = xs_core_list_queues(xs_core, cursor, rows, XS_ROWS);
		for (i = 0; i < n; i++)
			seq_printf(m, "%llu %u %u %u 0x%x %u %u %llu %llu %llu %llu %llu %d\n",
				   rows[i].handle, rows[i].pid, rows[i].queue_id, rows[i].gpu_id,
				   rows[i].state, rows[i].holders, rows[i].engine, rows[i].suspends,
				   rows[i].resumes, rows[i].lease_expiries, rows[i].suspended_ns,
				   rows[i].last_op_ns, rows[i].last_error);
		if (n)
			cursor = rows[n - 1].handle;
	} while (n == XS_ROWS);
	kfree(rows);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static int nodes_show(struct seq_file *m, void *unused)
{
	struct xsched_node_info *rows;
	u64 cursor = 0;
	u32 n, i;

	rows = kcalloc(XS_ROWS, sizeof(*rows), GFP_KERNEL);
	if (!rows)
		return -ENOMEM;
	seq_puts(m, "gpu_id queues passes suspends resumes errors limited total_ns max_ns\n");
	do {
		n = xs_core_list_nodes(xs_core, cursor, rows, XS_ROWS);
		for (i = 0; i < n; i++)
			seq_printf(m, "%u %u %llu %llu %llu %llu %llu %llu %llu\n", rows[i].gpu_id,
				   rows[i].queues, rows[i].passes, rows[i].suspends,
				   rows[i].resumes, rows[i].errors, rows[i].limited,
				   rows[i].total_ns, rows[i].max_ns);
		if (n)
			cursor = rows[n - 1].gpu_id;
	} while (n == XS_ROWS);
	kfree(rows);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nodes);

/* Errors need no answer: debugfs is a convenience. */
void xs_debugfs_init(void)
{
	xs_dir = debugfs_create_dir("xsched", NULL);
	debugfs_create_file("queues", 0400, xs_dir, NULL, &queues_fops);
	debugfs_create_file("nodes", 0400, xs_dir, NULL, &nodes_fops);
}

void xs_debugfs_exit(void)
{
	debugfs_remove_recursive(xs_dir);
}
