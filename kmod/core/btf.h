/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Function prototypes from split BTF (a module's, on top of vmlinux's). */
#ifndef XS_BTF_H
#define XS_BTF_H

#include "platform.h"

#ifdef __cplusplus
extern "C" {
#endif

struct xs_btf;

/* NULL if out of memory or not well-formed. Keeps the pointers. */
struct xs_btf *xs_btf_new(const void *base, u32 base_len, const void *module, u32 module_len);
void xs_btf_free(struct xs_btf *btf);
/*
 * "int(struct mm_struct *, unsigned int)" of function @name; typedefs resolved,
 * qualifiers left out. -ENOENT: no such function; -EINVAL: malformed.
 */
int xs_btf_prototype(const struct xs_btf *btf, const char *name, char *out, u32 out_len);

#ifdef __cplusplus
}
#endif

#endif /* XS_BTF_H */
