/* Targets: normal form is a fixed point, escaping loses nothing, and what goes upstream is plain printable ASCII. */
#include <stdlib.h>

#include "common/http/uri.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_path(struct arena *a, struct slice path)
{
	struct slice normal, again, sent, back;

	bool ok = uri_normalise(a, path, &normal);
	REQUIRE(!uri_is_normal(path) || (ok && normal.ptr == path.ptr));
	if (!ok)
		return;
	REQUIRE(uri_is_normal(normal) && normal.len <= path.len);
	REQUIRE(uri_normalise(a, normal, &again) && slice_eq(again, normal));
	sent = uri_escape(a, normal);
	for (size_t i = 0; i < sent.len; i++)
		REQUIRE(sent.ptr[i] > ' ' && sent.ptr[i] < 0x7f);
	REQUIRE(uri_normalise(a, sent, &back) && slice_eq(back, normal));
	REQUIRE(slice_eq(uri_escape(a, sent), sent));
	if (path.len && path.ptr[0] == '/')
		REQUIRE(normal.len && normal.ptr[0] == '/');
	REQUIRE(normal.len < 2 || memmem(normal.ptr, normal.len, "//", 2) == NULL);
	REQUIRE(normal.len < 4 || memmem(normal.ptr, normal.len, "/../", 4) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct uri u;
	struct slice host, name, value, target;
	size_t pairs = 0;
	int port;
	char *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	target = slice_of(copy, size);
	arena_init(&a);
	check_path(&a, target);
	if (uri_split(target, &u)) {
		REQUIRE(u.path.len > 0 && u.path.len + u.query.len <= size);
		for (struct slice rest = u.query; query_next(&rest, &name, &value); pairs++)
			REQUIRE(uri_decode(&a, name, true).len <= name.len &&
			        uri_decode(&a, value, true).len <= value.len);
		REQUIRE(pairs <= u.query.len);
	}
	if (authority_split(target, &host, &port))
		REQUIRE(host.len > 0 && host.len <= size && port >= -1 && port <= 65535);
	arena_fini(&a);
	free(copy);
	return 0;
}
