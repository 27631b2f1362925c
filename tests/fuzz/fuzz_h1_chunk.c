/* Chunk decoder: however the input is cut, the same bytes come out, the same number is used, with the same result. */
#include <stdlib.h>

#include "common/http/h1_chunk.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

struct outcome {
	enum h1_chunk_result result;
	size_t used, len;
	char *data;
};

static void feed(struct h1_chunk *c, const char *p, size_t n, struct outcome *o)
{
	struct slice in = slice_of(p, n), data = {NULL, 0};
	size_t used;

	do {
		o->result = h1_chunk_next(c, in, &used, &data);
		REQUIRE(used <= in.len);
		o->used += used;
		if (o->result == H1_CHUNK_DATA) {
			REQUIRE(data.len > 0 && data.ptr >= in.ptr && data.ptr + data.len <= in.ptr + used);
			memcpy(o->data + o->len, data.ptr, data.len);
			o->len += data.len;
		}
		in = slice_from(in, used);
	} while (o->result == H1_CHUNK_DATA);
	REQUIRE(o->result != H1_CHUNK_MORE || in.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = {.data = malloc(size + 1)}, parts = {.data = malloc(size + 1)};
	struct h1_chunk c;
	size_t step;

	if (size > 0) {
		step = (size_t)(data[0] & 15) + 1;
		data++;
		size--;
		h1_chunk_init(&c);
		feed(&c, (const char *)data, size, &whole);
		h1_chunk_init(&c);
		parts.result = H1_CHUNK_MORE;
		for (size_t at = 0; at < size && parts.result == H1_CHUNK_MORE; at += step)
			feed(&c, (const char *)data + at, size - at < step ? size - at : step, &parts);
		REQUIRE(parts.result == whole.result && parts.used == whole.used);
		REQUIRE(parts.len == whole.len && memcmp(parts.data, whole.data, whole.len) == 0);
	}
	free(whole.data);
	free(parts.data);
	return 0;
}
