/* Targets: whatever the code, compiling it ends with a chunk or an error; what compiles runs to an end, gives a value
 * of bounded size or a reason, and the same when it runs again. */
#include <stdlib.h>

#include "common/plugin/chunk.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

enum { JSON_MAX = 8 * TEMPLATE_TEXT_MAX };

static struct slice entity_json(struct call *c, const struct schema *kind, const struct uuid *id)
{
	return S("{\"id\":\"x\",\"name\":\"n\",\"tags\":[\"a\",\"b\"]}");
}

static struct slice node_id(struct call *c)
{
	return S("node");
}

static char *run(const struct chunk *chunk, struct call *c)
{
	struct template_env env;
	const char *why = NULL;
	json_t *out = NULL;

	template_env_init(&env, c);
	bool ok = chunk_run(chunk, &env, &out, &why);
	REQUIRE(ok == (why == NULL) && (ok || !out));
	char *text = out ? json_dumps(out, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
	REQUIRE(!out || (text && strlen(text) <= JSON_MAX));
	json_decref(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct host host = {.entity_json = entity_json, .node_id = node_id};
	static const struct consumer consumer;
	static const struct route route;
	struct slice text = slice_of((const char *)data, size);
	struct head request = {.target = S("/a?b=1&c"), .method = S("GET")}, response = {.status = 200};
	struct exchange x = {.request = &request,
	        .response = &response,
	        .status = 200,
	        .path = S("/a"),
	        .query = S("b=1&c"),
	        .consumer = &consumer,
	        .route = &route,
	        .client_ip = S("127.0.0.1")};
	struct call call = {.x = &x, .host = &host};
	struct arena a;
	struct err e = {""};

	arena_init(&a);
	x.arena = request.arena = response.arena = &a;
	head_add(&request, S("Host"), S("h.test:80"));
	head_add(&request, S("x-two"), S("1"));
	head_add(&request, S("x-two"), S("\xff"));
	head_add(&response, S("x-n"), S("1"));
	const struct chunk *c = chunk_compile(&a, text, &e);
	REQUIRE(c || e.message[0]);
	if (c) {
		char *first = run(c, &call), *second = run(c, &call);
		bool tells_time = memmem(text.ptr, text.len, "time", 4) || memmem(text.ptr, text.len, "now", 3);
		REQUIRE(tells_time || !first == !second);
		REQUIRE(tells_time || !first || strcmp(first, second) == 0);
		free(first);
		free(second);
	}
	arena_fini(&a);
	return 0;
}
