/* document: every row of declarative-config.md that a text alone decides: format, nesting, references, ids, the
 * pipeline, faults, ${NAME}. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/file.h"
#include "common/entity/consumer.h"
#include "common/model/document.h"
#include "common/schema/load.h"
#include "tests/support/tmp.h"

enum { NOW_S = 1764327000 };

static struct document *doc;
static struct err e;
static struct document_options options;

static void setup(void)
{
	options = (struct document_options){.now_ms = NOW_S * 1000LL};
}

static void teardown(void)
{
	document_free(doc);
	doc = NULL;
}

static void read_text(const char *text)
{
	document_free(doc);
	doc = document_read(slice_cstr(text), &options, &e);
	ck_assert_msg(doc != NULL, "%s: %s", text, e.message);
}

static void read_ok(const char *text)
{
	struct text why = {0};

	read_text(text);
	document_fault_text(doc, &why);
	ck_assert_msg(!document_has_faults(doc), "%s\n%s", text, text_cstr(&why));
	text_fini(&why);
}

#define V3 "_format_version: \"3.0\"\n"

/* The n-th record of a kind; a new reference, freed with the test. */
static json_t *nth(const char *kind, size_t n)
{
	for (size_t i = 0; i < document_count(doc); i++) {
		const struct document_item *item = document_at(doc, i);
		if (strcmp(item->kind->name, kind) == 0 && n-- == 0)
			return record_json(item->record);
	}
	ck_abort_msg("no such %s", kind);
}

static const char *text_at(const char *kind, size_t n, const char *field)
{
	static char out[256];
	json_t *record = nth(kind, n), *value = json_object_get(record, field);

	if (json_is_object(value))
		value = json_object_get(value, "id");
	snprintf(out, sizeof out, "%s", json_is_string(value) ? json_string_value(value) : "(not a string)");
	json_decref(record);
	return out;
}

static void expect_tree(const char *text, const char *tree)
{
	json_t *want = json_loads(tree, 0, NULL);

	ck_assert_ptr_nonnull(want);
	read_text(text);
	json_t *got = document_fault_tree(doc);
	char *shown = json_dumps(got, JSON_COMPACT);
	ck_assert_msg(json_equal(got, want), "%s\ngives %s\nnot %s", text, shown, tree);
	ck_assert(document_has_faults(doc));
	ck_assert_ptr_null(document_catalog(doc, 1));
	free(shown);
	json_decref(got);
	json_decref(want);
}

static void refuse(const char *text, const char *why)
{
	document_free(doc);
	doc = document_read(slice_cstr(text), &options, &e);
	ck_assert_msg(doc == NULL, "taken: %s", text);
	ck_assert_msg(strstr(e.message, why), "%s: %s", text, e.message);
}

/* ---- 1 container format ---------------------------------------------------------------------------------------- */

START_TEST(section_1_top_level_keys)
{
	expect_tree("a: 1", "{\"_format_version\":\"required field missing\",\"a\":\"unknown field\"}");
	expect_tree("_format_version: 1.1", "{\"_format_version\":\"expected a string\"}");
	expect_tree("_format_version: \"9.0\"", "{\"_format_version\":\"expected one of: 1.1, 2.1, 3.0\"}");
	expect_tree(V3 "_transform: 1", "{\"_transform\":\"expected a boolean\"}");
	expect_tree(V3 "services: {}", "{\"services\":\"expected an array\"}");
	expect_tree(V3 "services: [1, a]", "{\"services\":[\"expected a record\",\"expected a record\"]}");
	expect_tree(V3 "tags: []", "{\"tags\":\"unknown field\"}");
	expect_tree(V3 "key-auths: []", "{\"key-auths\":\"unknown field\"}");
	read_ok(V3 "_comment: hello\n_ignore: [1, {a: b}]\nservices:\n- host: h\n  _comment: x\n  _ignore: [y]\n");
	read_ok("_format_version: \"1.1\"");
	read_ok("_format_version: \"2.1\"\nservices: ~\nworkspaces: [{name: default}]\nparameters: [{key: cluster_id}]\n");
}
END_TEST

START_TEST(section_1_filter_chains_have_a_place_and_there_are_none)
{
	static const char none[] = "no such filter: WebAssembly is off";
	char tree[400];

	read_ok(V3
	        "filter_chains: []\nservices: [{host: h, filter_chains: [], routes: [{paths: [/a], filter_chains: ~}]}]\n");
	snprintf(tree, sizeof tree, "{\"filter_chains\":\"%s\",\"services\":[{\"filter_chains\":\"%s\"}]}", none,
	        none);
	expect_tree(V3 "filter_chains: [{}]\nservices: [{host: h, filter_chains: [{}]}]\n", tree);
	expect_tree(V3 "consumers: [{username: u, filter_chains: []}]",
	        "{\"consumers\":[{\"filter_chains\":\"unknown field\"}]}");
}
END_TEST

START_TEST(section_1_keys_of_other_programs)
{
	read_ok(V3 "_info: {select_tags: [a]}\n_konnect: {}\n_workspace: default\n");
	read_ok(V3 "_workspace: \"\"\n");
	expect_tree(V3 "_workspace: team", "{\"_workspace\":\"there is only the workspace 'default'\"}");
	expect_tree(V3 "_plugin_configs: {}", "{\"_plugin_configs\":\"unknown field\"}");
	expect_tree(V3 "plugins: [{name: key-auth, _config: x}]", "{\"plugins\":[{\"_config\":\"unknown field\"}]}");
}
END_TEST

START_TEST(section_1_json_is_tried_first_and_duplicates_are_reported)
{
	read_ok("{\"_format_version\":\"3.0\",\"services\":[{\"host\":\"h\"}]}");
	refuse("{\"_format_version\":\"3.0\",\"_format_version\":\"3.0\"}", "'_format_version' is there twice");
	refuse(V3 "a: 1\na: 2", "line 3, column 1: the key 'a' is there twice");
	refuse("[1, 2]", "expected an object");
	refuse("hello", "expected an object");
	refuse("12", "expected an object");
	refuse("", "expected an object");
	refuse("a: [", "line ");
	options.format = DOCUMENT_JSON;
	refuse(V3, "line 1, column ");
}
END_TEST

START_TEST(section_1_file_types)
{
	enum document_format f;

	ck_assert(document_format_of("/a.b/kong.yml", &f, &e) && f == DOCUMENT_YAML);
	ck_assert(document_format_of("kong.yaml", &f, &e) && f == DOCUMENT_YAML);
	ck_assert(document_format_of("kong.json", &f, &e) && f == DOCUMENT_JSON);
	ck_assert(!document_format_of("kong.lua", &f, &e));
	ck_assert_str_eq(e.message, "unknown file type: lua. (Accepted types: json, yaml)");
	ck_assert(!document_format_of("a.json/kong", &f, &e));
}
END_TEST

START_TEST(section_1_shorthands_defaults_and_given_times)
{
	read_ok(V3 "services:\n- name: a\n  url: https://h.test/x\n  created_at: 5\n  updated_at: 6\n  tags: [t]\n");
	json_t *s = nth("services", 0);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "port")), 443);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "retries")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "created_at")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "updated_at")), 6);
	json_decref(s);
	read_ok(V3 "services:\n- host: h\n");
	s = nth("services", 0);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "created_at")), NOW_S);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "updated_at")), NOW_S);
	json_decref(s);
}
END_TEST

START_TEST(section_7_3_ttl_is_the_time_of_expiry)
{
	read_ok(V3 "consumers:\n- username: u\n  keyauth_credentials: [{key: k, ttl: 4000000000}]\n");
	json_t *key = nth("keyauth_credentials", 0);
	ck_assert_int_eq(json_integer_value(json_object_get(key, "expires_at")), 4000000000);
	json_decref(key);
}
END_TEST

START_TEST(section_1_version_migration)
{
	static const char *const cases[][2] = {{"/a/b", "/a/b"}, {"/a/%7Eb", "/a/~b"}, {"/a/./b/../c", "/a/c"},
	        {"/a//b", "/a/b"}, {"/a-b_c~d.e", "/a-b_c~d.e"}, {"/a$", "~/a$"}, {"/user/\\\\d+", "~/user/\\d+"},
	        {"/a(b|c)", "~/a(b|c)"}, {"/a/%2Eb(c)", "~/a/\\.b(c)"}, {"/a/%2fb(c)", "~/a/%2Fb(c)"},
	        {"/%61(b)", "~/a(b)"}, {"/%5e%2d(b)", "~/\\^\\-(b)"}};
	char text[300], want[100];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int nested = 0; nested < 2; nested++) {
			snprintf(text, sizeof text,
			        nested ? "_format_version: \"2.1\"\nservices: [{host: h, routes: [{paths: [\"%s\"]}]}]"
			               : "_format_version: \"1.1\"\nroutes: [{paths: [\"%s\"]}]",
			        cases[i][0]);
			read_ok(text);
			json_t *r = nth("routes", 0);
			snprintf(want, sizeof want, "%s", cases[i][1]);
			ck_assert_str_eq(json_string_value(json_array_get(json_object_get(r, "paths"), 0)), want);
			json_decref(r);
		}
	}
	read_ok(V3 "routes: [{paths: [\"~/a$\"]}]"); /* 3.0 is taken literally */
	expect_tree(
	        V3 "routes: [{paths: [\"/a//b\"]}]", "{\"routes\":[{\"paths\":[\"must not have empty segments\"]}]}");
}
END_TEST

/* ---- 2 nesting and references ---------------------------------------------------------------------------------- */

START_TEST(section_2_1_nesting_is_recursive)
{
	read_ok(V3
	        "services:\n- name: s\n  host: h\n  plugins: [{name: key-auth}]\n  routes:\n  - name: r\n    paths: "
	        "[/a]\n    plugins: [{name: rate-limiting, config: {minute: 1}}]\n"
	        "consumers:\n- username: c\n  keyauth_credentials: [{key: k}]\n  plugins: [{name: rate-limiting, "
	        "config: {minute: 2}}]\n"
	        "upstreams:\n- name: u\n  targets: [{target: 10.0.0.1:80, weight: 50}]\n");
	char service[40], route[40];
	snprintf(service, sizeof service, "%s", text_at("services", 0, "id"));
	snprintf(route, sizeof route, "%s", text_at("routes", 0, "id"));
	ck_assert_uint_eq(document_count(doc), 9);
	ck_assert_str_eq(text_at("routes", 0, "service"), service);
	for (size_t i = 0; i < 3; i++) {
		json_t *p = nth("plugins", i);
		bool of_service = json_is_object(json_object_get(p, "service"));
		bool of_route = json_is_object(json_object_get(p, "route"));
		bool of_consumer = json_is_object(json_object_get(p, "consumer"));
		ck_assert_int_eq(of_service + of_route + of_consumer, 1);
		ck_assert(of_service == (strcmp(json_string_value(json_object_get(p, "name")), "key-auth") == 0));
		json_decref(p);
	}
	ck_assert_str_eq(text_at("targets", 0, "target"), "10.0.0.1:80");
	expect_tree(V3 "services: [{host: h, routes: {}}]", "{\"services\":[{\"routes\":\"expected an array\"}]}");
	expect_tree(V3 "consumers: [{username: u, routes: []}]", "{\"consumers\":[{\"routes\":\"unknown field\"}]}");
}
END_TEST

START_TEST(section_2_1_what_nesting_says_must_not_be_contradicted)
{
	read_ok(V3
	        "consumers:\n- username: c\n  plugins: [{name: rate-limiting, consumer: c, config: {minute: 2}}]\n");
	expect_tree(V3
	        "consumers:\n- username: c\n  plugins: [{name: rate-limiting, consumer: d, config: {minute: 2}}]\n"
	        "- username: d\n",
	        "{\"consumers\":[{\"plugins\":[{\"consumer\":\"must be the one of 'consumers' that it is nested in, or left "
	        "out\"}]}]}");
}
END_TEST

START_TEST(section_2_1_other_references_of_nested_entities)
{
	read_ok(V3 "routes: [{name: r, paths: [/a]}]\nconsumers:\n- username: c\n  plugins: [{name: rate-limiting, "
	           "route: r, config: {minute: 2}}]\n");
	char route[40];
	snprintf(route, sizeof route, "%s", text_at("routes", 0, "id"));
	ck_assert_str_eq(text_at("plugins", 0, "route"), route);
	expect_tree(V3
	        "consumers:\n- username: c\n  plugins: [{name: rate-limiting, route: r, config: {minute: 2}}]\n",
	        "{\"consumers\":[{\"plugins\":[{\"route\":\"value must be null\"}]}]}");
}
END_TEST

START_TEST(section_2_2_flat_references)
{
	static const char services[] = V3
	        "services:\n- {name: s, host: h, id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001}\n";
	static const char *const good[] = {"s", "0fbc9dde-9d3f-4f1f-a9a1-000000000001",
	        "0FBC9DDE-9d3f-4f1f-a9a1-000000000001", "{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001}"};
	char text[400];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		snprintf(text, sizeof text, "%sroutes: [{paths: [/a], service: %s}]", services, good[i]);
		read_ok(text);
		ck_assert_str_eq(text_at("routes", 0, "service"), "0fbc9dde-9d3f-4f1f-a9a1-000000000001");
	}
	read_ok(V3 "routes: [{paths: [/a], service: ~}]");
	read_ok(V3
	        "routes: [{paths: [/a], service: s}]\nservices: [{name: s, host: h}]\n"); /* order does not matter */
	expect_tree(V3 "routes: [{name: my-route, paths: [/a], service: x}]",
	        "{\"routes\":{\"my-route\":[\"invalid reference 'service: x' (no such entry in 'services')\"]}}");
	expect_tree(V3 "routes: [{name: r, paths: [/a], service: {name: s}}]\nservices: [{name: s, host: h}]",
	        "{\"routes\":{\"r\":[\"invalid reference 'service: {name=\\\"s\\\"}' (no such entry in 'services')\"]}}");
	expect_tree(V3
	        "consumers: [{username: u, custom_id: c}]\nplugins: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000002, "
	        "name: rate-limiting, consumer: c, config: {minute: 1}}]",
	        "{\"plugins\":{\"0fbc9dde-9d3f-4f1f-a9a1-000000000002\":[\"invalid reference 'consumer: c' (no such entry in "
	        "'consumers')\"]}}");
	expect_tree(V3 "routes: [{paths: [/a], service: 5}]",
	        "{\"routes\":[{\"service\":{\"id\":\"missing primary key\"}}]}");
}
END_TEST

/* ---- 3 deterministic ids --------------------------------------------------------------------------------------- */

START_TEST(section_3_test_vectors)
{
	read_ok(V3
	        "services:\n- name: my-service\n  url: http://127.0.0.1:9\n  routes: [{name: my-route, paths: [/x]}]\n"
	        "  plugins: [{name: key-auth}]\nconsumers: [{username: my-user}]\n"
	        "upstreams: [{name: foo, targets: [{target: 10.20.30.40}]}]\n");
	ck_assert_str_eq(text_at("services", 0, "id"), "0855b320-0dd2-547d-891d-601e9b38647f");
	ck_assert_str_eq(text_at("routes", 0, "id"), "481a9539-f49c-51b6-b2e2-fe99ee68866c");
	ck_assert_str_eq(text_at("consumers", 0, "id"), "4b1b701d-de2b-5588-9aa2-3b97061d9f52");
	ck_assert_str_eq(text_at("plugins", 0, "id"), "4a4d9361-8cf7-5304-acb5-d4e8f72ac40b");
	ck_assert_str_eq(text_at("upstreams", 0, "id"), "fd56258d-1040-5e29-a78a-8f4d9082ec6f");
	ck_assert_str_eq(text_at("targets", 0, "id"), "dbb34508-ad95-5930-9d3c-3832ae0117c3");
}
END_TEST

START_TEST(section_3_who_has_no_key_has_a_random_id)
{
	char first[40];
	static const char *const kinds[] = {"services", "consumers", "keyauth_credentials"};

	for (size_t i = 0; i < 3; i++) {
		const char *text = V3
		        "services: [{host: h}]\nconsumers: [{custom_id: c}, {username: u, keyauth_credentials: "
		        "[{key: k}]}]\n";
		read_ok(text);
		snprintf(first, sizeof first, "%s", text_at(kinds[i], 0, "id"));
		read_ok(text);
		ck_assert_str_ne(first, text_at(kinds[i], 0, "id"));
	}
}
END_TEST

START_TEST(section_3_nested_and_flat_plugins_differ_and_an_object_contributes_its_id)
{
	char nested[40], flat[40];

	read_ok(V3 "services: [{name: s, host: h, plugins: [{name: key-auth}]}]");
	snprintf(nested, sizeof nested, "%s", text_at("plugins", 0, "id"));
	read_ok(V3 "services: [{name: s, host: h}]\nplugins: [{name: key-auth, service: s}]");
	snprintf(flat, sizeof flat, "%s", text_at("plugins", 0, "id"));
	ck_assert_str_ne(nested, flat);
	read_ok(V3
	        "services: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, host: h}]\nplugins: [{name: key-auth, service: "
	        "{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001}}]");
	snprintf(flat, sizeof flat, "%s", text_at("plugins", 0, "id"));
	read_ok(V3 "services: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, host: h, plugins: [{name: key-auth}]}]");
	ck_assert_str_eq(flat, text_at("plugins", 0, "id"));
}
END_TEST

/* ---- 4 uniqueness ---------------------------------------------------------------------------------------------- */

START_TEST(section_4_uniqueness)
{
	expect_tree(V3
	        "services: [{name: foo, host: h, id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001}, {name: foo, host: h}]",
	        "{\"services\":[null,\"uniqueness violation: 'services' entity with name set to 'foo' already declared\"]}");
	expect_tree(V3 "services: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, host: h}, {id: "
	               "0fbc9dde-9d3f-4f1f-a9a1-000000000001, host: h}]",
	        "{\"services\":[null,\"uniqueness violation: 'services' entity with primary key set to "
	        "'0fbc9dde-9d3f-4f1f-a9a1-000000000001' already declared\"]}");
	expect_tree(V3 "consumers: [{username: foo, custom_id: x}, {username: bar, custom_id: x}]",
	        "{\"consumers\":{\"bar\":\"uniqueness violation: 'consumers' entity with custom_id set to 'x' already "
	        "declared\"}}");
	expect_tree(V3 "plugins: [{name: key-auth}, {name: key-auth}]",
	        "{\"plugins\":[null,\"uniqueness violation: 'plugins' entity with primary key set to "
	        "'6b4f38d1-e026-540b-a5ea-8634739dd2a7' already declared\"]}");
}
END_TEST

START_TEST(section_4_a_secret_that_is_taken_is_not_shown)
{
	struct text t = {0};

	read_text(V3 "consumers: [{username: u, keyauth_credentials: [{key: s3cret}, {key: s3cret}]}]");
	document_fault_text(doc, &t);
	ck_assert_ptr_nonnull(strstr(text_cstr(&t), "key set to '***' already declared"));
	ck_assert_ptr_null(strstr(text_cstr(&t), "s3cret"));
	text_fini(&t);
}
END_TEST

/* ---- 5 errors -------------------------------------------------------------------------------------------------- */

START_TEST(section_5_1_the_tree_mirrors_the_input)
{
	expect_tree(V3 "services: [{host: h}, {port: 99999, routes: [{paths: [/ok]}, {paths: [x]}]}]",
	        "{\"services\":[null,{\"host\":\"required field missing\",\"port\":\"value should be between 0 and "
	        "65535\",\"routes\":[null,{\"paths\":[\"should start with: / (fixed path) or ~/ (regex path)\"]}]}]}");
	expect_tree(V3 "routes: [{name: a}]",
	        "{\"routes\":[{\"@entity\":[\"must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' "
	        "is 'https'\"]}]}");
}
END_TEST

START_TEST(section_5_2_the_message_is_the_tree_in_braces)
{
	struct text t = {0};

	read_text(V3 "services: [{port: 99999}]");
	json_t *tree = document_fault_tree(doc);
	document_fault_message(tree, &t);
	ck_assert_str_eq(text_cstr(&t),
	        "declarative config is invalid: {services={{host=\"required field missing\",port="
	        "\"value should be between 0 and 65535\"}}}");
	json_decref(tree);
	text_fini(&t);
}
END_TEST

static json_t *flat_errors(const char *text, size_t want)
{
	json_t *rest;

	read_text(text);
	json_t *list = document_fault_list(doc, &rest);
	char *shown = json_dumps(list, JSON_COMPACT);
	ck_assert_msg(json_array_size(list) == want, "%s", shown);
	free(shown);
	json_decref(rest);
	return list;
}

START_TEST(section_5_3_flattened_keys)
{
	json_t *list = flat_errors(V3
	        "services:\n- name: bad\n  port: 99999\n  tags: [k8s]\n  routes: [{name: rr, paths: "
	        "[x], id: 0fbc9dde-9d3f-4f1f-a9a1-000000000003}]\n",
	        2);
	const json_t *service = json_array_get(list, 0), *route = json_array_get(list, 1);
	char *errors = json_dumps(json_object_get(service, "errors"), JSON_COMPACT | JSON_SORT_KEYS);

	ck_assert_str_eq(json_string_value(json_object_get(service, "entity_type")), "service");
	ck_assert_str_eq(json_string_value(json_object_get(service, "entity_name")), "bad");
	ck_assert_ptr_null(json_object_get(service, "entity_id"));
	ck_assert_uint_eq(json_array_size(json_object_get(service, "entity_tags")), 1);
	ck_assert_ptr_null(json_object_get(json_object_get(service, "entity"), "routes"));
	ck_assert_str_eq(errors,
	        "[{\"field\":\"host\",\"message\":\"required field missing\",\"type\":\"field\"},{\"field\":\"port\","
	        "\"message\":\"value should be between 0 and 65535\",\"type\":\"field\"}]");
	ck_assert_str_eq(
	        json_string_value(json_object_get(route, "entity_id")), "0fbc9dde-9d3f-4f1f-a9a1-000000000003");
	ck_assert_ptr_null(json_object_get(route, "entity_tags"));
	ck_assert_ptr_nonnull(json_object_get(json_object_get(json_object_get(route, "entity"), "service"), "id"));
	free(errors);
	json_decref(list);
}
END_TEST

static void expect_error(const json_t *list, size_t i, const char *type, const char *field, const char *part)
{
	const json_t *error = json_array_get(json_object_get(json_array_get(list, i), "errors"), 0);
	const char *at = json_string_value(json_object_get(error, "field"));

	ck_assert_str_eq(json_string_value(json_object_get(error, "type")), type);
	ck_assert_str_eq(at ? at : "", field);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(error, "message")), part));
}

START_TEST(section_5_3_entity_errors_references_and_positions)
{
	json_t *list = flat_errors(V3
	        "routes:\n- name: a\n- {name: b, paths: [/b], service: x}\n- {name: c, paths: [/c], "
	        "tags: [ok, 5]}\nconsumers: [{username: u}, {username: u}]\n",
	        4);
	expect_error(list, 0, "entity", "", "must set one of");
	expect_error(list, 1, "field", "service", "invalid reference 'service: x'");
	expect_error(list, 2, "field", "tags.2", "expected a string");
	expect_error(list, 3, "entity", "", "uniqueness violation");
	ck_assert_ptr_nonnull(json_object_get(json_array_get(list, 3), "entity_id"));
	ck_assert_ptr_null(json_object_get(json_array_get(list, 3), "entity_name")); /* consumers have none */
	ck_assert_ptr_null(json_object_get(json_array_get(list, 2), "entity_tags"));
	json_decref(list);
}
END_TEST

START_TEST(section_5_3_what_belongs_to_no_entity_stays)
{
	json_t *rest;

	read_text(V3 "abnormal_extra_field: 1\n");
	json_t *list = document_fault_list(doc, &rest);
	ck_assert_uint_eq(json_array_size(list), 0);
	ck_assert_str_eq(json_string_value(json_object_get(rest, "abnormal_extra_field")), "unknown field");
	json_decref(list);
	json_decref(rest);
}
END_TEST

START_TEST(section_5_4_and_walkthrough_13_the_text_names_entity_field_and_line)
{
	struct text t = {0};

	read_text(V3
	        "zork: 1\nservices:\n- name: a\n  host: h\n  routes:\n  - name: r\n    paths:\n    - x\n- name: b\n  port: "
	        "true\nplugins:\n- name: key-auth\n  service: nope\n");
	document_fault_text(doc, &t);
	ck_assert_str_eq(text_cstr(&t),
	        "in 'zork': unknown field (line 2)\n"
	        "in 'services':\n"
	        "  - in entry 2 of 'services' \"b\":\n"
	        "    in 'host': required field missing (line 10)\n"
	        "    in 'port': expected an integer (line 11)\n"
	        "in 'routes':\n"
	        "  - in entry 1 of 'routes' \"r\" of entry 1 of 'services' \"a\":\n"
	        "    in 'paths.1': should start with: / (fixed path) or ~/ (regex path) (line 9)\n"
	        "in 'plugins':\n"
	        "  - in entry 1 of 'plugins':\n"
	        "    in 'service': invalid reference 'service: nope' (no such entry in 'services') (line 14)\n");
	text_clear(&t);
	read_text("{\"_format_version\": \"3.0\",\n \"services\": [\n  {\"host\": \"h\",\n   \"port\": \"x\"}]}");
	document_fault_text(doc, &t);
	ck_assert_ptr_nonnull(strstr(text_cstr(&t), "in 'port': expected an integer (line 4)"));
	text_fini(&t);
}
END_TEST

/* ---- 6 hash ---------------------------------------------------------------------------------------------------- */

START_TEST(section_6_hash)
{
	char hash[MD5_HEX + 1], want[MD5_HEX + 1];

	read_ok(V3 "services: [{host: h}]");
	document_hash(doc, hash);
	digest_md5_hex(S(V3 "services: [{host: h}]"), want);
	ck_assert_str_eq(hash, want);
	read_ok(V3);
	document_hash(doc, hash);
	ck_assert_str_eq(hash, "00000000000000000000000000000000");
}
END_TEST

/* ---- 8 vault references ---------------------------------------------------------------------------------------- */

START_TEST(section_8_elsewhere_a_vault_reference_is_ordinary_text)
{
	expect_tree(V3 "services: [{host: \"{vault://env/x}\"}]",
	        "{\"services\":[{\"host\":\"invalid value: {vault://env/x}\"}]}");
}
END_TEST

/* ---- 10 ${NAME} ------------------------------------------------------------------------------------------------ */

START_TEST(section_10_expansion)
{
	setenv("DOC_PORT", "8080", 1);
	setenv("DOC_HOST", "h.test", 1);
	setenv("DOC_EMPTY", "", 1);
	unsetenv("DOC_NONE");
	options.expand = true;
	read_ok(V3
	        "services:\n- name: x-${DOC_HOST}-${DOC_PORT}\n  host: ${DOC_HOST}\n  port: ${DOC_PORT}\n  _comment: "
	        "${DOC_NONE}\n  tags: ['${DOC_NONE:-dflt}', '${DOC_EMPTY:-e}', 'a$${DOC_HOST}', $DOC_HOST, '$(x)', "
	        "'${{ env \"X\" }}', 'b$']\n");
	json_t *s = nth("services", 0);
	char *tags = json_dumps(json_object_get(s, "tags"), JSON_COMPACT);
	ck_assert_str_eq(json_string_value(json_object_get(s, "name")), "x-h.test-8080");
	ck_assert_int_eq(json_integer_value(json_object_get(s, "port")), 8080);
	ck_assert_str_eq(
	        tags, "[\"dflt\",\"e\",\"a${DOC_HOST}\",\"$DOC_HOST\",\"$(x)\",\"${{ env \\\"X\\\" }}\",\"b$\"]");
	free(tags);
	json_decref(s);
	/* quoted scalars, mixed text and JSON strings stay strings */
	expect_tree(V3 "services: [{host: h, port: \"${DOC_PORT}\"}]",
	        "{\"services\":[{\"port\":\"expected an integer\"}]}");
	expect_tree("{\"_format_version\":\"3.0\",\"services\":[{\"host\":\"h\",\"port\":\"${DOC_PORT}\"}]}",
	        "{\"services\":[{\"port\":\"expected an integer\"}]}");
	/* not recursive */
	setenv("DOC_TWICE", "${DOC_HOST}", 1);
	read_ok(V3 "services: [{host: h, tags: ['${DOC_TWICE}']}]");
	s = nth("services", 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(s, "tags"), 0)), "${DOC_HOST}");
	json_decref(s);
}
END_TEST

START_TEST(section_10_unset_names_file_path_line_and_variable_but_no_value)
{
	unsetenv("DOC_NONE");
	setenv("DOC_SECRET", "hidden", 1);
	options.expand = true;
	options.name = "kong.yml";
	refuse(V3 "consumers:\n- username: ${DOC_SECRET}\n  keyauth_credentials:\n  - key: ${DOC_NONE}\n",
	        "kong.yml: line 5: consumers[1].keyauth_credentials[1].key: the environment variable DOC_NONE is not set");
	ck_assert_ptr_null(strstr(e.message, "hidden"));
}
END_TEST

START_TEST(section_10_without_the_switch_nothing_is_touched)
{
	read_ok(V3 "services: [{host: h, tags: ['${DOC_NONE}']}]");
	json_t *s = nth("services", 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(s, "tags"), 0)), "${DOC_NONE}");
	json_decref(s);
}
END_TEST

/* declarative-config 10: hash */
START_TEST(section_10_hash_changes_with_the_variable_and_only_then)
{
	static const char text[] = V3 "services: [{host: h, tags: ['${DOC_X}']}]",
	                  plain[] = V3 "services: [{host: h}]";
	char a[MD5_HEX + 1], b[MD5_HEX + 1];

	options.expand = true;
	setenv("DOC_X", "1", 1);
	read_ok(text);
	document_hash(doc, a);
	setenv("DOC_X", "2", 1);
	read_ok(text);
	document_hash(doc, b);
	ck_assert_str_ne(a, b);
	read_ok(plain);
	document_hash(doc, a);
	digest_md5_hex(S(V3 "services: [{host: h}]"), b);
	ck_assert_str_eq(a, b);
}
END_TEST

START_TEST(section_10_comes_before_migration)
{
	options.expand = true;
	setenv("DOC_PATH", "/a(b)", 1);
	read_ok("_format_version: \"2.1\"\nroutes: [{paths: ['${DOC_PATH}']}]");
	json_t *r = nth("routes", 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(r, "paths"), 0)), "~/a(b)");
	json_decref(r);
}
END_TEST

/* ---- limits ---------------------------------------------------------------------------------------------------- */

START_TEST(what_is_nested_too_deeply_is_refused_in_both_forms)
{
	struct text t = {0};

	for (int json = 0; json < 2; json++) {
		text_clear(&t);
		text_puts(&t, json ? "{\"a\":" : "a: ");
		for (int i = 0; i < 100; i++)
			text_putc(&t, '[');
		for (int i = 0; i < 100; i++)
			text_putc(&t, ']');
		text_puts(&t, json ? "}" : "\n");
		refuse(text_cstr(&t), "nested");
	}
	text_fini(&t);
}
END_TEST

/* ---- a base: what is there already ----------------------------------------------------------------------------- */

static struct document_base *base_of(const struct document *d)
{
	struct document_base *b = document_base_new();

	for (size_t i = 0; i < document_count(d); i++)
		ck_assert(document_base_add(b, document_at(d, i)->kind, document_at(d, i)->record->json, &e));
	return b;
}

static size_t changed(const struct document *d)
{
	size_t n = 0;

	for (size_t i = 0; i < document_count(d); i++) {
		const struct document_item *item = document_at(d, i);
		n += !item->was || !slice_eq(*item->was, item->record->json);
	}
	return n;
}

static bool count_left(const struct schema *kind, const struct uuid *id, struct slice json, void *arg)
{
	(*(size_t *)arg)++;
	return true;
}

static size_t left(const struct document_base *b)
{
	size_t n = 0;
	document_base_each_left(b, count_left, &n);
	return n;
}

static const char rich[] = V3
        "services:\n- name: s\n  host: h\n  plugins: [{name: key-auth}]\n  routes: [{paths: [/a]}, {paths: [/b]}]\n"
        "- host: unnamed\nconsumers:\n- username: u\n  keyauth_credentials: [{key: k}, {}]\n- custom_id: c\n"
        "upstreams: [{name: up, targets: [{target: 10.0.0.1}]}]\n";

START_TEST(issue_3_5_a_document_again_changes_nothing_also_what_has_no_name_or_id)
{
	read_ok(rich);
	options.base = base_of(doc);
	options.now_ms += 100000;
	read_ok(rich);
	ck_assert_uint_eq(changed(doc), 0);
	ck_assert_uint_eq(left(options.base), 0);
	document_base_free(options.base);
}
END_TEST

START_TEST(issue_3_5_what_was_made_under_another_id_keeps_it)
{
	read_ok(V3
	        "services: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, name: s, host: h, created_at: 5, updated_at: 6}]");
	options.base = base_of(doc);
	read_ok(V3 "services: [{name: s, host: other, routes: [{name: r, paths: [/a]}]}]");
	json_t *s = nth("services", 0);
	ck_assert_str_eq(text_at("services", 0, "id"), "0fbc9dde-9d3f-4f1f-a9a1-000000000001");
	ck_assert_int_eq(json_integer_value(json_object_get(s, "created_at")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(s, "updated_at")), NOW_S);
	ck_assert_str_eq(text_at("routes", 0, "service"), "0fbc9dde-9d3f-4f1f-a9a1-000000000001");
	ck_assert_uint_eq(changed(doc), 2);
	json_decref(s);
	document_base_free(options.base);
}
END_TEST

START_TEST(issue_3_5_a_row_is_one_entity_at_most_and_the_rest_is_left)
{
	read_ok(V3 "services: [{id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, name: a, host: h}, {name: b, host: h}]");
	options.base = base_of(doc);
	/* the first is renamed by its id, so the name it had is a new entity's */
	read_ok(V3 "services: [{name: a, host: h}, {id: 0fbc9dde-9d3f-4f1f-a9a1-000000000001, name: c, host: h}]");
	char first[40];
	snprintf(first, sizeof first, "%s", text_at("services", 0, "id"));
	ck_assert_str_ne(first, text_at("services", 1, "id"));
	ck_assert_uint_eq(left(options.base), 1);
	document_base_free(options.base);
}
END_TEST

START_TEST(issue_3_5_two_entities_of_one_composite_key_are_refused)
{
	read_ok(V3);
	options.base = base_of(doc);
	read_text(V3 "upstreams: [{name: u, targets: [{target: 10.0.0.1}, {target: \"10.0.0.1:8000\"}]}]");
	ck_assert(document_has_faults(doc));
	document_base_free(options.base);
}
END_TEST

/* ---- 7.3 export ------------------------------------------------------------------------------------------------ */

START_TEST(section_7_3_what_is_exported_loads_as_the_same)
{
	struct text first = {0}, second = {0};

	read_ok(rich);
	for (struct text *t = &first; t; t = t == &first ? &second : NULL) {
		struct document_writer *w = document_writer_new();
		for (size_t i = 0; i < document_count(doc); i++)
			ck_assert(document_writer_add(
			        w, document_at(doc, i)->kind, document_at(doc, i)->record->json, &e));
		document_writer_finish(w, t);
		options.now_ms += 5000;
		if (t == &first)
			read_ok(text_cstr(&first));
	}
	ck_assert_str_eq(text_cstr(&first), text_cstr(&second));
	ck_assert(
	        slice_starts(text_slice(&first), S("_format_version: '3.0'\n_transform: false\nservices:\n- id: ")));
	ck_assert_ptr_nonnull(strstr(text_cstr(&first), "  client_certificate: ~\n"));
	ck_assert_ptr_nonnull(strstr(text_cstr(&first), "  ttl: ~\n"));
	ck_assert_ptr_null(strstr(text_cstr(&first), "expires_at"));
	document_free(doc);
	doc = NULL;
	text_fini(&first);
	text_fini(&second);
}
END_TEST

START_TEST(a_catalog_has_every_record)
{
	read_ok(rich);
	struct catalog *c = document_catalog(doc, 7);
	ck_assert_uint_eq(catalog_total(c), document_count(doc));
	ck_assert_uint_eq(catalog_version(c), 7);
	const struct record *r = catalog_find(
	        c, &consumer_schema, schema_field(&consumer_schema, S("username")), S("u"));
	ck_assert_uint_eq(r->version, 7);
	document_free(doc);
	doc = NULL;
	catalog_free(c);
}
END_TEST

START_TEST(a_file_is_read_by_its_name)
{
	struct arena a;
	const char *path;

	tmp_make();
	arena_init(&a);
	path = tmp_path("kong.yml");
	ck_assert(file_replace(path, S(V3 "services: [{host: h}]"), 0600, &e));
	doc = document_read_file(&a, path, &options, &e);
	ck_assert_msg(doc && document_count(doc) == 1, "%s", e.message);
	document_free(doc);
	doc = document_read_file(&a, "/nowhere/kong.yml", &options, &e);
	ck_assert(!doc && strstr(e.message, "/nowhere/kong.yml"));
	tmp_remove();
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("document");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, section_1_top_level_keys);
	tcase_add_test(t, section_1_filter_chains_have_a_place_and_there_are_none);
	tcase_add_test(t, section_1_keys_of_other_programs);
	tcase_add_test(t, section_1_json_is_tried_first_and_duplicates_are_reported);
	tcase_add_test(t, section_1_file_types);
	tcase_add_test(t, section_1_shorthands_defaults_and_given_times);
	tcase_add_test(t, section_7_3_ttl_is_the_time_of_expiry);
	tcase_add_test(t, section_1_version_migration);
	tcase_add_test(t, section_2_1_nesting_is_recursive);
	tcase_add_test(t, section_2_1_what_nesting_says_must_not_be_contradicted);
	tcase_add_test(t, section_2_1_other_references_of_nested_entities);
	tcase_add_test(t, section_2_2_flat_references);
	tcase_add_test(t, section_3_test_vectors);
	tcase_add_test(t, section_3_who_has_no_key_has_a_random_id);
	tcase_add_test(t, section_3_nested_and_flat_plugins_differ_and_an_object_contributes_its_id);
	tcase_add_test(t, section_4_uniqueness);
	tcase_add_test(t, section_4_a_secret_that_is_taken_is_not_shown);
	tcase_add_test(t, section_5_1_the_tree_mirrors_the_input);
	tcase_add_test(t, section_5_2_the_message_is_the_tree_in_braces);
	tcase_add_test(t, section_5_3_flattened_keys);
	tcase_add_test(t, section_5_3_entity_errors_references_and_positions);
	tcase_add_test(t, section_5_3_what_belongs_to_no_entity_stays);
	tcase_add_test(t, section_5_4_and_walkthrough_13_the_text_names_entity_field_and_line);
	tcase_add_test(t, section_6_hash);
	tcase_add_test(t, section_8_elsewhere_a_vault_reference_is_ordinary_text);
	tcase_add_test(t, section_10_expansion);
	tcase_add_test(t, section_10_unset_names_file_path_line_and_variable_but_no_value);
	tcase_add_test(t, section_10_without_the_switch_nothing_is_touched);
	tcase_add_test(t, section_10_hash_changes_with_the_variable_and_only_then);
	tcase_add_test(t, section_10_comes_before_migration);
	tcase_add_test(t, what_is_nested_too_deeply_is_refused_in_both_forms);
	tcase_add_test(t, issue_3_5_a_document_again_changes_nothing_also_what_has_no_name_or_id);
	tcase_add_test(t, issue_3_5_what_was_made_under_another_id_keeps_it);
	tcase_add_test(t, issue_3_5_a_row_is_one_entity_at_most_and_the_rest_is_left);
	tcase_add_test(t, issue_3_5_two_entities_of_one_composite_key_are_refused);
	tcase_add_test(t, section_7_3_what_is_exported_loads_as_the_same);
	tcase_add_test(t, a_catalog_has_every_record);
	tcase_add_test(t, a_file_is_read_by_its_name);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
