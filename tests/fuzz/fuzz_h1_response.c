/* Response parser: slices lie in the buffer or in the arena, values are clean, growing input never changes an answer.
 */
#include <stdlib.h>

#include "common/http/h1_parse.h"
#include "common/http/h1_scan.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_head(const struct head *h, const char *buf, size_t used)
{
	REQUIRE(h->status >= 100 && h->status <= 999);
	REQUIRE(h1_is_clean(h->reason));
	for (uint32_t i = 0; i < h->count; i++) {
		const struct header *f = &h->headers[i];
		REQUIRE(f->name.ptr >= buf && f->name.ptr + f->name.len <= buf + used);
		REQUIRE(h1_is_token(f->name) && h1_is_clean(f->value));
		REQUIRE(f->id == header_id_of(f->name));
	}
	REQUIRE(!(h->chunked && h->content_length >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice methods[] = {SLICE("GET"), SLICE("HEAD"), SLICE("POST"), SLICE("CONNECT")};
	struct h1_limits l = {.line = 200, .block = 500, .fields = 20};
	struct h1_error e = {0}, part_e = {0};
	struct arena arena;
	struct head h, again;
	size_t used = 0, part_used = 0;

	if (size < 2)
		return 0;
	l.tolerate_equal = data[0] & 1;
	struct slice method = methods[data[0] >> 1 & 3];
	size_t cut = data[1];
	size -= 2;
	char *buf = malloc(size ? size : 1);
	memcpy(buf, data + 2, size);

	arena_init(&arena);
	head_init(&h, &arena);
	enum h1_result r = h1_parse_response(buf, size, &l, method, &h, &used, &e);
	REQUIRE((r == H1_BAD) == (e.status == 502));
	if (r == H1_DONE) {
		REQUIRE(used <= size);
		check_head(&h, buf, used);
		REQUIRE(h1_response_body(&h, method) != H1_BODY_UNTIL_CLOSE || !h.keep_alive);
	}

	head_init(&again, &arena);
	enum h1_result part = h1_parse_response(
	        buf, cut < size ? cut : size, &l, method, &again, &part_used, &part_e);
	if (part != H1_MORE)
		REQUIRE(part == r && part_used == used);
	arena_fini(&arena);
	free(buf);
	return 0;
}
