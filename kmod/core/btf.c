// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * A reader of split BTF, for one question: has this function the prototype
 * that we call it with? Every offset is checked; what is not well-formed is
 * refused, and so is a kind of type that did not exist when this was written.
 */
#include "btf.h"

#define XS_BTF_MAGIC 0xeb9f
#define XS_BTF_KINDS 20
#define XS_BTF_DEPTH 16

enum {
	XS_KIND_INT = 1, XS_KIND_PTR, XS_KIND_ARRAY, XS_KIND_STRUCT, XS_KIND_UNION, XS_KIND_ENUM,
	XS_KIND_FWD, XS_KIND_TYPEDEF, XS_KIND_VOLATILE, XS_KIND_CONST, XS_KIND_RESTRICT,
	XS_KIND_FUNC, XS_KIND_FUNC_PROTO, XS_KIND_TYPE_TAG = 18, XS_KIND_ENUM64 = 19,
};

/* Bytes behind the type itself: fixed, and for each of its vlen. */
static const struct {
	u8 fixed, each;
} xs_kind_size[XS_BTF_KINDS] = {
	[1] = { 4, 0 }, [3] = { 12, 0 }, [4] = { 0, 12 }, [5] = { 0, 12 }, [6] = { 0, 8 },
	[13] = { 0, 8 }, [14] = { 4, 0 }, [15] = { 0, 12 }, [17] = { 4, 0 }, [19] = { 0, 12 },
};

struct xs_btf_header {
	u16 magic;
	u8 version, flags;
	u32 hdr_len, type_off, type_len, str_off, str_len;
};

struct xs_btf_type {
	u32 name, info, type; /* or size */
};

struct xs_btf_half {
	const char *types, *strings;
	u32 types_len, strings_len;
	u32 first, count; /* type ids */
	u32 *offsets;
};

struct xs_btf {
	struct xs_btf_half base, module;
};

static u32 xs_kind(const struct xs_btf_type *t)
{
	return t->info >> 24 & 0x1f;
}

/* Length of the type at @offset, 0 if it does not fit or is unknown. */
static u32 xs_type_len(const struct xs_btf_half *h, u32 offset)
{
	struct xs_btf_type t;
	u32 len;

	if (h->types_len - offset < sizeof(t))
		return 0;
	memcpy(&t, h->types + offset, sizeof(t));
	if (!xs_kind(&t) || xs_kind(&t) >= XS_BTF_KINDS)
		return 0;
	len = sizeof(t) + xs_kind_size[xs_kind(&t)].fixed +
	      xs_kind_size[xs_kind(&t)].each * (t.info & 0xffff);
	return h->types_len - offset < len ? 0 : len;
}

static bool xs_btf_open(struct xs_btf_half *h, const void *data, u32 len, u32 first)
{
	struct xs_btf_header head;
	u32 at, n, i;

	if (len < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	if (head.magic != XS_BTF_MAGIC || head.version != 1 || head.hdr_len < sizeof(head) ||
	    head.hdr_len > len)
		return false;
	len -= head.hdr_len;
	if (head.type_off > len || head.type_len > len - head.type_off || head.str_off > len ||
	    head.str_len > len - head.str_off || !head.str_len)
		return false;
	h->types = (const char *)data + head.hdr_len + head.type_off;
	h->types_len = head.type_len;
	h->strings = (const char *)data + head.hdr_len + head.str_off;
	h->strings_len = head.str_len;
	if (h->strings[h->strings_len - 1])
		return false;
	h->first = first;
	for (at = 0; at < h->types_len; at += n, h->count++) {
		n = xs_type_len(h, at);
		if (!n)
			return false;
	}
	h->offsets = xs_calloc(h->count + 1, sizeof(u32));
	if (!h->offsets)
		return false;
	for (at = 0, i = 0; at < h->types_len; at += xs_type_len(h, at))
		h->offsets[i++] = at;
	return true;
}

struct xs_btf *xs_btf_new(const void *base, u32 base_len, const void *module, u32 module_len)
{
	struct xs_btf *btf = xs_zalloc(sizeof(*btf));

	if (!btf)
		return NULL;
	if (xs_btf_open(&btf->base, base, base_len, 1) &&
	    xs_btf_open(&btf->module, module, module_len, 1 + btf->base.count))
		return btf;
	xs_btf_free(btf);
	return NULL;
}

void xs_btf_free(struct xs_btf *btf)
{
	if (!btf)
		return;
	xs_free(btf->base.offsets);
	xs_free(btf->module.offsets);
	xs_free(btf);
}

/* The type with that id; *more is what follows it. */
static bool xs_get_type(const struct xs_btf *btf, u32 id, struct xs_btf_type *t, const char **more)
{
	const struct xs_btf_half *h = id < btf->module.first ? &btf->base : &btf->module;

	if (id < h->first || id - h->first >= h->count)
		return false;
	memcpy(t, h->types + h->offsets[id - h->first], sizeof(*t));
	*more = h->types + h->offsets[id - h->first] + sizeof(*t);
	return true;
}

static const char *xs_get_string(const struct xs_btf *btf, u32 offset)
{
	if (offset < btf->base.strings_len)
		return btf->base.strings + offset;
	offset -= btf->base.strings_len;
	return offset < btf->module.strings_len ? btf->module.strings + offset : "?";
}

struct xs_text {
	char *out;
	u32 len, at;
};

static void xs_put(struct xs_text *text, const char *s)
{
	while (*s && text->at + 1 < text->len)
		text->out[text->at++] = *s++;
	text->out[text->at] = 0;
}

static int xs_put_type(const struct xs_btf *btf, u32 id, struct xs_text *text)
{
	u32 stars = 0, depth;
	struct xs_btf_type t;
	const char *more;

	for (depth = 0; id; depth++) {
		if (depth == XS_BTF_DEPTH || !xs_get_type(btf, id, &t, &more))
			return -EINVAL;
		if (xs_kind(&t) == XS_KIND_PTR)
			stars++;
		else if (xs_kind(&t) != XS_KIND_TYPEDEF && xs_kind(&t) != XS_KIND_CONST &&
			 xs_kind(&t) != XS_KIND_VOLATILE && xs_kind(&t) != XS_KIND_RESTRICT &&
			 xs_kind(&t) != XS_KIND_TYPE_TAG)
			break;
		id = t.type;
	}
	if (!id) {
		xs_put(text, "void");
	} else {
		if (xs_kind(&t) == XS_KIND_STRUCT || xs_kind(&t) == XS_KIND_FWD)
			xs_put(text, "struct ");
		else if (xs_kind(&t) == XS_KIND_UNION)
			xs_put(text, "union ");
		else if (xs_kind(&t) == XS_KIND_ENUM || xs_kind(&t) == XS_KIND_ENUM64)
			xs_put(text, "enum ");
		xs_put(text, xs_get_string(btf, t.name));
	}
	if (stars)
		xs_put(text, " ");
	while (stars--)
		xs_put(text, "*");
	return 0;
}

static int xs_put_prototype(const struct xs_btf *btf, u32 id, struct xs_text *text)
{
	struct xs_btf_type t;
	const char *params;
	u32 i, type;
	int ret;

	if (!xs_get_type(btf, id, &t, &params) || xs_kind(&t) != XS_KIND_FUNC_PROTO)
		return -EINVAL;
	ret = xs_put_type(btf, t.type, text);
	xs_put(text, "(");
	for (i = 0; !ret && i < (t.info & 0xffff); i++) {
		memcpy(&type, params + 8 * i + 4, sizeof(type));
		if (i)
			xs_put(text, ", ");
		ret = xs_put_type(btf, type, text);
	}
	xs_put(text, ")");
	return ret;
}

int xs_btf_prototype(const struct xs_btf *btf, const char *name, char *out, u32 out_len)
{
	struct xs_text text = { out, out_len, 0 };
	struct xs_btf_type t;
	const char *more;
	u32 i;

	for (i = 0; i < btf->module.count; i++) {
		if (!xs_get_type(btf, btf->module.first + i, &t, &more))
			return -EINVAL;
		if (xs_kind(&t) == XS_KIND_FUNC && !strcmp(xs_get_string(btf, t.name), name))
			return xs_put_prototype(btf, t.type, &text);
	}
	return -ENOENT;
}
