/* ClientHello: nothing is read beyond the buffer, growing input never changes an answer, a name was there. */
#include <stdlib.h>

#include "common/net/client_hello.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static enum hello_result parse(const uint8_t *data, size_t n, char *name, size_t *len)
{
	char *exact = malloc(n ? n : 1);
	memcpy(exact, data, n);
	enum hello_result r = client_hello_parse(exact, n, name, len);
	free(exact);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[CLIENT_HELLO_NAME_MAX], part[CLIENT_HELLO_NAME_MAX];
	size_t len, part_len;

	if (size < 2)
		return 0;
	size_t cut = (size_t)data[0] << 8 | data[1];
	data += 2, size -= 2;
	enum hello_result r = parse(data, size, whole, &len);
	REQUIRE(len <= CLIENT_HELLO_NAME_MAX && (len == 0 || (r == HELLO_DONE && memmem(data, size, whole, 1))));
	enum hello_result p = parse(data, cut < size ? cut : size, part, &part_len);
	if (p != HELLO_MORE)
		REQUIRE(p == r && part_len == len && memcmp(part, whole, len) == 0);
	return 0;
}
