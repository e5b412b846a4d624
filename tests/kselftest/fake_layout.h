/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Does amdgpu's BTF give the structures the sizes that xsched_fake_gpu.ko was
 * compiled with? One that differs means headers of another kernel.
 */
#ifndef XS_FAKE_LAYOUT_H
#define XS_FAKE_LAYOUT_H

#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct layout_btf {
	char *data;
	const struct btf_header *header;
};

static int layout_open(struct layout_btf *btf, const char *path)
{
	size_t room = 1 << 20, length = 0;
	FILE *file = fopen(path, "r");

	btf->data = NULL;
	while (file && !feof(file) && !ferror(file)) {
		room *= 2;
		btf->data = realloc(btf->data, room);
		if (!btf->data)
			abort();
		length += fread(btf->data + length, 1, room - length, file);
	}
	if (file)
		fclose(file);
	btf->header = (const void *)btf->data;
	return length > sizeof(*btf->header) && btf->header->magic == BTF_MAGIC;
}

/* What stands behind a type. */
static size_t layout_extra(const struct btf_type *t)
{
	unsigned int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return n * 8;
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return n * 12;
	default:
		return 0;
	}
}

/* The names of @module's types stand in both; @base's come first. */
static int layout_has(const struct layout_btf *base, const struct layout_btf *module,
		      const char *name, size_t size)
{
	const char *types = module->data + module->header->hdr_len + module->header->type_off;
	const char *end = types + module->header->type_len, *found;

	while (types < end) {
		const struct btf_type *t = (const void *)types;

		types += sizeof(*t) + layout_extra(t);
		if (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT || t->size != size)
			continue;
		if (t->name_off < base->header->str_len)
			found = base->data + base->header->hdr_len + base->header->str_off +
				t->name_off;
		else
			found = module->data + module->header->hdr_len + module->header->str_off +
				(t->name_off - base->header->str_len);
		if (!strcmp(found, name))
			return 1;
	}
	return 0;
}

/* @device tells "NAME SIZE" a line. What differs is printed; 0 if nothing does. */
static int layout_differs(const char *device)
{
	FILE *sizes = fopen(device, "r");
	struct layout_btf base, module;
	int bad = 0, seen = 0;
	char name[64];
	size_t size;

	if (!layout_open(&base, "/sys/kernel/btf/vmlinux") ||
	    !layout_open(&module, "/sys/kernel/btf/amdgpu")) {
		printf("# amdgpu's BTF cannot be read\n");
		bad++;
	}
	while (!bad && sizes && fscanf(sizes, "%63s %zu", name, &size) == 2) {
		seen++;
		if (!layout_has(&base, &module, name, size)) {
			printf("# struct %s has not %zu bytes here\n", name, size);
			bad++;
		}
	}
	if (sizes)
		fclose(sizes);
	free(base.data);
	free(module.data);
	return bad || !seen;
}

#endif /* XS_FAKE_LAYOUT_H */
