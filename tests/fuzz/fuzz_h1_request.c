/* Request parser: nothing outside of the buffer is read or pointed at, and growing input never changes an answer. */
#include <stdlib.h>

#include "common/http/h1_parse.h"
#include "common/http/h1_scan.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static bool is_inside(struct slice s, const char *buf, size_t len)
{
	return s.ptr >= buf && s.ptr + s.len <= buf + len;
}

static void check_head(const struct head *h, const char *buf, size_t used)
{
	REQUIRE(is_inside(h->method, buf, used) && h1_is_token(h->method));
	REQUIRE(is_inside(h->target, buf, used) && h->target.len > 0);
	REQUIRE(memchr(h->target.ptr, ' ', h->target.len) == NULL && h1_is_clean(h->target));
	for (uint32_t i = 0; i < h->count; i++) {
		const struct header *f = &h->headers[i];
		REQUIRE(f->name.ptr == header_name((enum header_id)f->id).ptr || is_inside(f->name, buf, used));
		REQUIRE(is_inside(f->value, buf, used));
		REQUIRE(h1_is_token(f->name) && h1_is_clean(f->value));
		REQUIRE(f->id == header_id_of(f->name));
	}
	REQUIRE(!(h->chunked && h->content_length >= 0));
	REQUIRE(h->version == HTTP_1_0 || head_find(h, HEADER_HOST));
	REQUIRE(h1_request_body(h) != H1_BODY_UNTIL_CLOSE);
}

static enum h1_result parse(
        const char *buf, size_t len, const struct h1_limits *l, struct head *h, size_t *used, int *status)
{
	struct h1_error e = {0};
	enum h1_result r = h1_parse_request(buf, len, l, h, used, &e);
	REQUIRE((r == H1_BAD) == (e.status != 0) && (r == H1_BAD) == (e.why != NULL));
	*status = e.status;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_limits l = {.line = 200, .block = 500, .fields = 20};
	struct arena arena;
	struct head h;
	size_t used = 0, cut, part_used = 0;
	int status, part_status;

	if (size < 2)
		return 0;
	l.compat = data[0] & 1;
	cut = data[1];
	/* A block of its own, so that a read beyond its end is seen. */
	size -= 2;
	char *buf = malloc(size + 1);
	memcpy(buf, data + 2, size);
	buf = realloc(buf, size ? size : 1);

	arena_init(&arena);
	head_init(&h, &arena);
	enum h1_result r = parse(buf, size, &l, &h, &used, &status);
	if (r == H1_DONE) {
		REQUIRE(used <= size);
		check_head(&h, buf, used);
	}

	struct head again;
	head_init(&again, &arena);
	enum h1_result part = parse(buf, cut < size ? cut : size, &l, &again, &part_used, &part_status);
	if (part != H1_MORE)
		REQUIRE(part == r && part_status == status && part_used == used);
	else if (r == H1_DONE && cut > 0 && cut < size)
		REQUIRE(h1_parse_ready(buf, cut, size, &l));
	arena_fini(&arena);
	free(buf);
	return 0;
}
