/* h2_write: see h2_write.h. */
#include "common/http/h2_write.h"

#include "common/http/date.h"
#include "common/http/h1_scan.h"
#include "common/http/header_id.h"

static nghttp2_nv nv(struct slice name, struct slice value, uint8_t flags)
{
	return (nghttp2_nv){(uint8_t *)name.ptr, (uint8_t *)value.ptr, name.len, value.len, flags};
}

static bool has_upper(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
			return true;
	return false;
}

static struct slice lower_name(struct arena *a, const struct header *f)
{
	if (f->id != HEADER_OTHER)
		return slice_of(header_table.known[f->id].lower, header_table.lengths[f->id]);
	if (!has_upper(f->name))
		return f->name;
	char *to = arena_alloc(a, f->name.len);
	for (size_t i = 0; i < f->name.len; i++)
		to[i] = (char)ascii_lower((unsigned char)f->name.ptr[i]);
	return slice_of(to, f->name.len);
}

/* RFC 9113 8.2.1. Whatever a plugin or an upstream put there. */
static struct slice clean_value(struct arena *a, struct slice s)
{
	if (!h1_is_clean(s)) {
		char *copy = arena_cstr(a, s);
		for (size_t i = 0; i < s.len; i++)
			if (!h1_is(copy[i], H1_VALUE))
				copy[i] = ' ';
		s.ptr = copy;
	}
	return slice_trim(s);
}

/* Fields that are written from what was decided, or end at this hop. */
static bool is_left_out(enum header_id id)
{
	switch (id) {
	case HEADER_CONNECTION:
	case HEADER_CONTENT_LENGTH:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_UPGRADE: return true;
	default: return false;
	}
}

static size_t put_fields(nghttp2_nv *out, const struct head *h, enum header_id also_left_out, uint8_t flags)
{
	size_t n = 0;
	header_table_prepare();
	for (uint32_t i = 0; i < h->count; i++) {
		const struct header *f = &h->headers[i];
		if (is_left_out((enum header_id)f->id) || (f->id && f->id == also_left_out) || !h1_is_token(f->name))
			continue;
		/* a value that never comes again only drives others out of the table */
		uint8_t own = f->id == HEADER_X_KONG_REQUEST_ID ? NGHTTP2_NV_FLAG_NO_INDEX : 0;
		out[n++] = nv(lower_name(h->arena, f), clean_value(h->arena, f->value), flags | own);
	}
	return n;
}

static size_t put_length(nghttp2_nv *out, const struct head *h, uint8_t flags)
{
	if (h->content_length < 0)
		return 0;
	*out = nv(S("content-length"), arena_decimal(h->arena, h->content_length), flags);
	return 1;
}

size_t h2_write_response(nghttp2_nv *out, const struct head *h, uint8_t flags)
{
	size_t n = 0;
	out[n++] = nv(S(":status"), arena_decimal(h->arena, h->status), flags);
	n += put_fields(out + n, h, HEADER_OTHER, flags);
	n += put_length(out + n, h, flags);
	if (!head_find(h, HEADER_DATE) && h->status >= 200)
		out[n++] = nv(S("date"), http_date_now(), flags);
	return n;
}

size_t h2_write_request(nghttp2_nv *out, const struct head *h, struct slice scheme, uint8_t flags)
{
	size_t n = 0;
	out[n++] = nv(S(":method"), h->method, flags);
	out[n++] = nv(S(":scheme"), scheme, flags);
	out[n++] = nv(S(":authority"), head_get(h, HEADER_HOST), flags);
	out[n++] = nv(S(":path"), h->target, flags);
	n += put_fields(out + n, h, HEADER_HOST, flags);
	return n + put_length(out + n, h, flags);
}

size_t h2_write_trailers(nghttp2_nv *out, const struct head *h, uint8_t flags)
{
	return put_fields(out, h, HEADER_OTHER, flags);
}
