/* cached_answer: see cached_answer.h.
 *
 *	"GHC1"  status:2  count of headers:2  ttl_s:8  stored_s:8  size of headers:4
 *	each header: length of name:2  of value:2  name  value
 *	body to the end */
#include "common/plugin/cached_answer.h"

#include <endian.h>

enum { MAGIC = 4, FIXED = MAGIC + 2 + 2 + 8 + 8 + 4, HEADERS_MAX = 256 };

static void put16(struct text *out, size_t n)
{
	uint16_t le = htole16((uint16_t)n);
	text_put(out, slice_of((const char *)&le, sizeof le));
}

static void put32(struct text *out, size_t n)
{
	uint32_t le = htole32((uint32_t)n);
	text_put(out, slice_of((const char *)&le, sizeof le));
}

static void put64(struct text *out, int64_t n)
{
	uint64_t le = htole64((uint64_t)n);
	text_put(out, slice_of((const char *)&le, sizeof le));
}

static size_t get16(const char *at)
{
	uint16_t le;
	memcpy(&le, at, sizeof le);
	return le16toh(le);
}

static size_t get32(const char *at)
{
	uint32_t le;
	memcpy(&le, at, sizeof le);
	return le32toh(le);
}

static int64_t get64(const char *at)
{
	uint64_t le;
	memcpy(&le, at, sizeof le);
	return (int64_t)le64toh(le);
}

bool cached_answer_begin(struct text *out, int status, int64_t stored_s, int64_t ttl_s, const struct head *head,
        bool (*keep)(const struct header *h, void *arg), void *arg)
{
	const struct header *kept[HEADERS_MAX];
	size_t n = 0, size = 0;

	for (uint32_t i = 0; i < head->count; i++) {
		const struct header *h = &head->headers[i];
		if (!keep(h, arg))
			continue;
		if (n == HEADERS_MAX || h->name.len > UINT16_MAX || h->value.len > UINT16_MAX)
			return false;
		kept[n++] = h;
		size += 4 + h->name.len + h->value.len;
	}
	text_put(out, S("GHC1"));
	put16(out, (size_t)status);
	put16(out, n);
	put64(out, ttl_s);
	put64(out, stored_s);
	put32(out, size);
	for (size_t i = 0; i < n; i++) {
		put16(out, kept[i]->name.len);
		put16(out, kept[i]->value.len);
		text_put(out, kept[i]->name);
		text_put(out, kept[i]->value);
	}
	return true;
}

bool cached_answer_next(struct slice *rest, struct slice *name, struct slice *value)
{
	if (rest->len < 4)
		return false;
	size_t name_len = get16(rest->ptr), value_len = get16(rest->ptr + 2);
	if (rest->len - 4 < name_len + value_len)
		return false;
	*name = slice_of(rest->ptr + 4, name_len);
	*value = slice_of(rest->ptr + 4 + name_len, value_len);
	*rest = slice_from(*rest, 4 + name_len + value_len);
	return true;
}

bool cached_answer_read(struct slice bytes, struct cached_answer *out)
{
	struct slice name, value;
	size_t n = 0;

	if (bytes.len < FIXED || memcmp(bytes.ptr, "GHC1", MAGIC) != 0)
		return false;
	size_t size = get32(bytes.ptr + 24);
	if (bytes.len - FIXED < size)
		return false;
	*out = (struct cached_answer){
	        .status = (int)get16(bytes.ptr + 4),
	        .headers_count = get16(bytes.ptr + 6),
	        .ttl_s = get64(bytes.ptr + 8),
	        .stored_s = get64(bytes.ptr + 16),
	        .headers = slice_of(bytes.ptr + FIXED, size),
	        .body = slice_from(bytes, FIXED + size),
	};
	struct slice rest = out->headers;
	while (cached_answer_next(&rest, &name, &value))
		n++;
	return rest.len == 0 && n == out->headers_count && out->status >= 100 && out->status <= 999;
}
