// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the BTF of vmlinux and of a module from where the kernel shows it.
 * Its own accessors are not exported.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "core/btf.h"
#include "glue.h"

#define XS_BTF_LIMIT (64 << 20)

static void *xs_base, *xs_split;

static void *xs_read_file(const char *path, u32 *len)
{
	struct file *filp = filp_open(path, O_RDONLY, 0);
	void *data = NULL;
	ssize_t n, done = 0;
	loff_t size, pos = 0;

	if (IS_ERR(filp))
		return NULL;
	size = i_size_read(file_inode(filp));
	if (size <= 0 || size > XS_BTF_LIMIT)
		goto out;
	data = kvmalloc(size, GFP_KERNEL);
	while (data && done < size) {
		n = kernel_read(filp, data + done, size - done, &pos);
		if (n <= 0) {
			kvfree(data);
			data = NULL;
			break;
		}
		done += n;
	}
	*len = size;
out:
	filp_close(filp, NULL);
	return data;
}

/* NULL: no BTF here, or none that can be read. Called under bind's lock. */
struct xs_btf *xs_verify_open(const char *module)
{
	struct xs_btf *btf = NULL;
	u32 base_len, split_len;
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	xs_split = xs_read_file(path, &split_len);
	if (!xs_split)
		return NULL;
	xs_base = xs_read_file("/sys/kernel/btf/vmlinux", &base_len);
	if (xs_base)
		btf = xs_btf_new(xs_base, base_len, xs_split, split_len);
	if (!btf) {
		pr_warn("%s has BTF that cannot be read: prototypes are not checked\n", module);
		xs_verify_close(NULL);
	}
	return btf;
}

void xs_verify_close(struct xs_btf *btf)
{
	xs_btf_free(btf);
	kvfree(xs_base);
	kvfree(xs_split);
	xs_base = NULL;
	xs_split = NULL;
}
