/* What the tests of cp/admin share: calls without a socket, with or without a database behind them. */
#ifndef TESTS_UNIT_ADMIN_FIXTURE_H
#define TESTS_UNIT_ADMIN_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "cp/admin/call.h"
#include "cp/admin/routes.h"
#include "cp/store/migrate.h"
#include "tests/support/pg.h"

#define U0 "11111111-2222-4333-8444-555555555555"

struct api {
	struct arena arena;
	struct settings settings;
	struct admin_env env;
	struct store *store;
	const char *token;          /* sent with every ask(); NULL: none */
	struct admin_response last; /* of the latest ask() */
	json_t *json;               /* its body; the api's */
};

static inline void api_init(struct api *api)
{
	*api = (struct api){.settings = {.kong_version = SLICE("3.9.3"), .role = SLICE("traditional")}};
	arena_init(&api->arena);
	api->env = (struct admin_env){.settings = &api->settings, .node_id = U0, .hostname = "test"};
}

/* With a migrated database of its own. */
static inline void api_init_with_store(struct api *api)
{
	struct err e;

	api_init(api);
	struct settings pg = test_pg_database();
	pg.kong_version = api->settings.kong_version;
	pg.role = api->settings.role;
	api->settings = pg;
	api->store = store_open(&api->settings, &e);
	ck_assert_msg(api->store != NULL, "%s", e.message);
	ck_assert_msg(migrate_run(api->store, NULL, NULL, &e), "%s", e.message);
}

static inline void api_fini(struct api *api)
{
	json_decref(api->json);
	store_close(api->store);
	arena_fini(&api->arena);
}

/* body: JSON with ' for "; NULL: none. Returns the status. */
static inline int ask_with(
        struct api *api, const char *method, const char *target, const char *type, const char *body)
{
	struct head h;
	struct admin_request request;

	head_init(&h, &api->arena);
	h.method = slice_cstr(method);
	h.target = slice_cstr(target);
	if (type)
		head_add(&h, S("Content-Type"), slice_cstr(type));
	if (api->token)
		head_add(&h, S("Kong-Admin-Token"), slice_cstr(api->token));
	admin_request_copy(&api->arena, &h, NULL, &request);
	request.body = body ? slice_cstr(body) : S("");
	json_decref(api->json);
	api->last = (struct admin_response){0};
	struct admin_call c = {.arena = &api->arena,
	        .env = &api->env,
	        .request = &request,
	        .response = &api->last,
	        .store = api->store};
	admin_dispatch(&c);
	json_decref(c.input);
	api->json = api->last.json;
	return api->last.status;
}

static inline int ask(struct api *api, const char *method, const char *target, const char *body)
{
	char *json = body ? arena_cstr(&api->arena, slice_cstr(body)) : NULL;

	for (char *at = json; at && *at; at++)
		if (*at == '\'')
			*at = '"';
	return ask_with(api, method, target, body ? "application/json" : NULL, json);
}

static inline int ask_form(struct api *api, const char *method, const char *target, const char *body)
{
	return ask_with(api, method, target, "application/x-www-form-urlencoded", body);
}

/* The body's value at a key, as compact JSON with ' for ". */
static inline const char *value_at(struct api *api, const char *key)
{
	char *text = json_dumps(json_object_get(api->json, key), JSON_COMPACT | JSON_ENCODE_ANY);
	char *kept = arena_cstr(&api->arena, slice_cstr(text ? text : "absent"));

	free(text);
	for (char *at = kept; *at; at++)
		if (*at == '"')
			*at = '\'';
	return kept;
}

#define expect(api, key, text) ck_assert_str_eq(value_at(api, key), text)

static inline void expect_message(struct api *api, int status, const char *message)
{
	ck_assert_int_eq(api->last.status, status);
	ck_assert_str_eq(json_string_value(json_object_get(api->json, "message")), message);
}

#endif
