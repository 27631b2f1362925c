/* PROXY preamble: nothing is read beyond the buffer, growing input never changes an answer, what is used was there.
 */
#include <stdlib.h>

#include "common/net/proxy_protocol.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static enum proxy_result parse(const uint8_t *data, size_t n, struct proxied *out, size_t *used)
{
	char *exact = malloc(n ? n : 1);
	memcpy(exact, data, n);
	enum proxy_result r = proxy_parse(exact, n, out, used);
	free(exact);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxied whole, part;
	size_t used = 0, part_used = 0;

	if (size < 1)
		return 0;
	size_t cut = data[0];
	data++, size--;
	enum proxy_result r = parse(data, size, &whole, &used);
	if (r == PROXY_DONE)
		REQUIRE(used > 0 && used <= size && used <= PROXY_PREAMBLE_MAX);
	if (r == PROXY_MORE)
		REQUIRE(size < PROXY_PREAMBLE_MAX);
	enum proxy_result p = parse(data, cut < size ? cut : size, &part, &part_used);
	if (p != PROXY_MORE)
		REQUIRE(p == r && part_used == used && memcmp(&part.source, &whole.source, sizeof part.source) == 0);
	return 0;
}
