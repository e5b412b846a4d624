/* SPDX-License-Identifier: GPL-2.0 */
/* What the files that only the kernel compiles share. */
#ifndef XS_GLUE_H
#define XS_GLUE_H

#include <linux/fs.h>
#include <linux/module.h>

#include "core/core.h"

extern struct xs_core *xs_core; /* main.c */

/* file.c */
extern const struct file_operations xs_fops;
extern const struct xs_platform xs_kernel_platform;
int xs_files_init(void);
/* No file is open any more; waits for those that still close. */
void xs_files_exit(void);

/* bind.c: finds amdgpu, and holds it and the mock while a file is open */
int xs_bind_init(void);
void xs_bind_exit(void);
void xs_pin(void);
void xs_unpin(void);
int xsched_register_mock(const struct xs_engine_ops *ops, void *ctx, struct module *owner);
void xsched_unregister_mock(void);

/* kfd.c: the engines; @module is held */
void xs_kfd_bind(struct module *module);
void xs_kfd_unbind(const char *why);

/* verify.c: 0, or why a function must not be called (logged) */
struct xs_btf;
struct xs_btf *xs_verify_open(const char *module);
void xs_verify_close(struct xs_btf *btf);

/* debugfs.c */
void xs_debugfs_init(void);
void xs_debugfs_exit(void);

#endif /* XS_GLUE_H */
