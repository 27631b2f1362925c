/* Kinds for the tests of the store, small ones that have every trait the store knows, in the place of the real ones:
 * this defines the functions of common/model/kinds.h, so the linker does not take them from the library. Included
 * once per test program. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <check.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "cp/store/migrate.h"
#include "cp/store/store.h"
#include "tests/support/pg.h"

#define UNUSED __attribute__((unused))
#define TEXT(n, ...)                                          \
	{                                                     \
		.name = (n), .type = TYPE_STRING, __VA_ARGS__ \
	}
#define ID TEXT("id", .format = FORMAT_UUID, .flags = AUTO)
#define TAGS                                                                    \
	{                                                                       \
		.name = "tags", .type = TYPE_SET, STRINGS(.format = FORMAT_TAG) \
	}
#define REF(n, kind, on, ...)                                                                    \
	{                                                                                        \
		.name = (n), .type = TYPE_FOREIGN, .ref = (kind), .on_delete = (on), __VA_ARGS__ \
	}

static const struct field service_fields[] = {
        ID,
        TEXT("name", .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY),
        TEXT("host"),
        {.name = "port", .type = TYPE_INTEGER, .dflt = "80"},
        {.name = "created_at", .type = TYPE_NUMBER},
        TAGS,
        REF("client_certificate", "certificates", ON_DELETE_RESTRICT), /* a kind that is not there */
        {0},
};
static const struct field route_fields[] = {
        ID,
        TEXT("name", .flags = UNIQUE | ENDPOINT_KEY),
        REF("service", "services", ON_DELETE_RESTRICT),
        {0},
};
static const struct field consumer_fields[] = {
        ID,
        TEXT("username", .flags = UNIQUE | ENDPOINT_KEY),
        TEXT("custom_id", .flags = UNIQUE),
        TAGS,
        {0},
};
static const struct field plugin_fields[] = {
        ID,
        TEXT("name", .flags = REQUIRED | SCOPE),
        TEXT("instance_name", .flags = UNIQUE | ENDPOINT_KEY),
        REF("route", "routes", ON_DELETE_CASCADE, .flags = SCOPE),
        REF("service", "services", ON_DELETE_CASCADE, .flags = SCOPE),
        REF("consumer", "consumers", ON_DELETE_CASCADE, .flags = SCOPE),
        {0},
};
static const struct field upstream_fields[] = {ID, TEXT("name", .flags = UNIQUE | ENDPOINT_KEY), {0}};
static const struct field target_fields[] = {
        ID,
        REF("upstream", "upstreams", ON_DELETE_CASCADE, .flags = REQUIRED | SCOPE),
        TEXT("target", .flags = REQUIRED | SCOPE | ENDPOINT_KEY),
        {.name = "weight", .type = TYPE_INTEGER},
        {0},
};
static const struct field key_fields[] = {
        ID,
        TEXT("key", .flags = UNIQUE | SECRET | ENDPOINT_KEY),
        REF("consumer", "consumers", ON_DELETE_CASCADE, .flags = REQUIRED),
        {0},
};
static const struct field token_fields[] = {
        ID,
        REF("credential", "keyauth_credentials", ON_DELETE_CASCADE, .flags = REQUIRED),
        {0},
};

static const struct schema services = {.name = "services", .path = "services", .fields = service_fields};
static const struct schema routes = {.name = "routes", .path = "routes", .fields = route_fields};
static const struct schema consumers = {.name = "consumers", .path = "consumers", .fields = consumer_fields};
static const struct schema plugins = {.name = "plugins", .path = "plugins", .fields = plugin_fields};
static const struct schema upstreams = {.name = "upstreams", .path = "upstreams", .fields = upstream_fields};
static const struct schema targets = {.name = "targets", .fields = target_fields};
static const struct schema keys = {
        .name = "keyauth_credentials", .path = "key-auths", .has_ttl = true, .fields = key_fields};
static const struct schema tokens = {.name = "oauth2_tokens", .path = "tokens", .fields = token_fields};
static const struct field guard_fields[] = {ID, TEXT("name", .flags = UNIQUE | ENDPOINT_KEY), TAGS, {0}};
static const struct schema guards = {.name = "guards", .path = "guards", .fields = guard_fields, .is_private = true};

static const struct schema *fixture_kinds[KINDS_MAX] = {
        &services, &routes, &consumers, &plugins, &upstreams, &targets, &keys, &tokens, NULL};

size_t kinds_count(void)
{
	size_t n = 0;
	while (fixture_kinds[n])
		n++;
	return n;
}

const struct schema *kinds_at(size_t i)
{
	return fixture_kinds[i];
}

const struct schema *kinds_by_name(struct slice name)
{
	for (size_t i = 0; fixture_kinds[i]; i++)
		if (slice_eq(slice_cstr(fixture_kinds[i]->name), name))
			return fixture_kinds[i];
	return NULL;
}

const struct schema *kinds_by_path(struct slice path)
{
	for (size_t i = 0; fixture_kinds[i]; i++)
		if (fixture_kinds[i]->path && slice_eq(slice_cstr(fixture_kinds[i]->path), path))
			return fixture_kinds[i];
	return NULL;
}

size_t kinds_index(const struct schema *kind)
{
	size_t i = 0;
	while (fixture_kinds[i] != kind)
		i++;
	return i;
}

const struct schema *kinds_private_at(size_t i)
{
	return i == 0 ? &guards : NULL;
}

/* ---- stores ---------------------------------------------------------------------------------------------------- */

static UNUSED struct store *open_store(const struct settings *s)
{
	struct err e;
	struct store *st = store_open(s, &e);

	if (!st)
		ck_abort_msg("%s", e.message);
	return st;
}

static UNUSED void migrate(struct store *st)
{
	struct err e;

	if (!migrate_run(st, NULL, NULL, &e))
		ck_abort_msg("%s", e.message);
}

/* A store on a fresh, migrated database. */
static UNUSED struct store *fresh_store(struct settings *s)
{
	*s = test_pg_database();
	struct store *st = open_store(s);
	migrate(st);
	return st;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* 00000000-0000-4000-8000-<n as 12 digits> */
static UNUSED struct uuid uuid_of(unsigned n)
{
	char text[64];
	struct uuid u;

	snprintf(text, sizeof text, "00000000-0000-4000-8000-%012u", n);
	ck_assert(uuid_parse(slice_cstr(text), &u));
	return u;
}

static UNUSED const char *id_of(unsigned n)
{
	static char text[8][UUID_TEXT + 1];
	static unsigned next;
	char *out = text[next++ % 8];
	struct uuid u = uuid_of(n);

	uuid_format(&u, out);
	return out;
}

/* JSON with ' for ", and @n for the id of n. */
static UNUSED json_t *record(const char *form)
{
	struct text t = {0};
	json_error_t e;

	for (const char *p = form; *p; p++) {
		if (*p == '@' && p[1] >= '0' && p[1] <= '9')
			text_printf(&t, "\"%s\"", id_of((unsigned)strtoul(p + 1, (char **)&p, 10))), p--;
		else
			text_putc(&t, *p == '\'' ? '"' : *p);
	}
	json_t *out = json_loads(text_cstr(&t), 0, &e);
	if (!out)
		ck_abort_msg("%s: %s", text_cstr(&t), e.text);
	text_fini(&t);
	return out;
}

static UNUSED uint64_t insert(struct store *st, const struct schema *kind, const char *form)
{
	json_t *r = record(form);
	uint64_t version = 0;
	struct fault f = {0};

	if (!store_insert(st, kind, r, &version, &f))
		ck_abort_msg("%s", f.message);
	json_decref(r);
	return version;
}

/* The insert must fail; the caller looks at the fault and ends it. */
static UNUSED struct fault refused_insert(struct store *st, const struct schema *kind, const char *form)
{
	json_t *r = record(form);
	uint64_t version = 0;
	struct fault f = {0};

	ck_assert(!store_insert(st, kind, r, &version, &f));
	ck_assert_int_ne(f.code, 0);
	json_decref(r);
	return f;
}

static UNUSED void expect_fault(struct fault *f, int code, int status, const char *message, const char *fields)
{
	ck_assert_int_eq(f->code, code);
	ck_assert_int_eq(f->status, status);
	if (message)
		ck_assert_str_eq(f->message, message);
	if (fields) {
		json_t *want = record(fields);
		ck_assert(json_equal(f->fields, want));
		json_decref(want);
	}
	fault_fini(f);
}

static UNUSED json_t *get(struct store *st, const struct schema *kind, unsigned n)
{
	struct uuid id = uuid_of(n);
	struct fault f = {0};
	json_t *out = store_get(st, kind, &(struct store_key){.id = &id}, NULL, &f);

	ck_assert_int_eq(f.code, 0);
	return out;
}

static UNUSED bool is_there(struct store *st, const struct schema *kind, unsigned n)
{
	json_t *r = get(st, kind, n);
	json_decref(r);
	return r != NULL;
}

static UNUSED uint64_t remove_row(struct store *st, const struct schema *kind, unsigned n)
{
	struct uuid id = uuid_of(n);
	struct fault f = {0};
	uint64_t version = 0;

	if (!store_delete(st, kind, &id, &version, &f))
		ck_abort_msg("%s", f.message);
	return version;
}

static UNUSED void expect_value(const struct settings *s, const char *sql, const char *want)
{
	char *value = test_pg_value(s, sql);
	ck_assert_str_eq(value, want);
	free(value);
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static UNUSED int run_suite(const char *name, void (*fill)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	fill(tc);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	test_pg_start();
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	test_pg_stop();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
