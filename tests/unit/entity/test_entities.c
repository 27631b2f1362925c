/* The core entities through the schema engine: defaults, messages and couplings (entities.md sections 1, 2, 4). */
#include <check.h>
#include <stdlib.h>

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/schema/decode.h"
#include "common/schema/infer.h"
#include "common/schema/load.h"

enum { NOW_MS = 1700000000 };

/* Loads JSON written with ' for "; NULL when it is refused, then *message holds the text of the violation. */
static json_t *load(const struct schema *s, enum load_op op, const json_t *existing, const char *text, char **message)
{
	json_t *input = schema_literal(text), *out = NULL;
	const struct load_options o = {.op = op, .existing = existing, .now_ms = NOW_MS * 1000LL};
	struct violations v = {0};
	struct text t = {0};

	if (!schema_load(s, input, &o, &out, &v)) {
		violations_message(v.fields, "schema violation", "schema violations", &t);
		if (message)
			*message = slice_strdup(text_slice(&t));
	}
	text_fini(&t);
	violations_fini(&v);
	json_decref(input);
	return out;
}

static void refused(const struct schema *s, const char *text, const char *expected)
{
	char *message = NULL;
	json_t *out = load(s, LOAD_CREATE, NULL, text, &message);
	ck_assert_msg(out == NULL, "accepted: %s", text);
	ck_assert_str_eq(message, expected);
	free(message);
}

static json_t *accepted(const struct schema *s, const char *text)
{
	char *message = NULL;
	json_t *out = load(s, LOAD_CREATE, NULL, text, &message);
	ck_assert_msg(out != NULL, "%s: %s", text, message ? message : "");
	return out;
}

static void has(const json_t *record, const char *field, const char *literal)
{
	json_t *wanted = schema_literal(literal), *found = json_object_get(record, field);
	char *shown = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
	ck_assert_msg(json_equal(wanted, found), "%s is %s, expected %s", field, shown ? shown : "absent", literal);
	free(shown);
	json_decref(wanted);
}

START_TEST(a_service_is_rendered_with_all_its_defaults)
{
	json_t *s = accepted(&service_schema, "{'host':'h.test'}");
	has(s, "retries", "5");
	has(s, "protocol", "'http'");
	has(s, "port", "80");
	has(s, "path", "null");
	has(s, "connect_timeout", "60000");
	has(s, "tags", "null");
	has(s, "client_certificate", "null");
	has(s, "enabled", "true");
	has(s, "created_at", "1700000000");
	ck_assert_uint_eq(json_string_length(json_object_get(s, "id")), 36);
	json_decref(s);
}
END_TEST

START_TEST(violations_are_listed_alphabetically_with_kongs_texts)
{
	refused(&service_schema, "{}", "schema violation (host: required field missing)");
	refused(&service_schema, "{'host':'h','port':'80'}", "schema violation (port: expected an integer)");
	refused(&service_schema, "{'host':'h','retries':-1}", "schema violation (retries: value should be between 0 and 32767)");
	refused(&service_schema, "{'host':'h','nope':1}", "schema violation (nope: unknown field)");
	refused(&service_schema, "{'host':'h:80'}", "schema violation (host: must not have a port)");
	refused(&service_schema, "{'host':'h','name':''}", "schema violation (name: length must be at least 1)");
	refused(&service_schema, "{'host':'h','name':'a b'}",
		"schema violation (name: invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~)");
	refused(&service_schema, "{'url':'invalid url'}",
		"2 schema violations (host: required field missing; path: should start with: /)");
	refused(&service_schema, "{'host':'h','path':'/a%zz'}", "schema violation (path: invalid url-encoded value: '%zz')");
	refused(&service_schema, "{'host':'h','tls_verify':true}",
		"2 schema violations (failed conditional validation given value of field 'protocol'; tls_verify: value must be null)");
}
END_TEST

START_TEST(url_stands_for_protocol_host_port_and_path)
{
	json_t *s = accepted(&service_schema, "{'url':'https://h.test/a/b','port':1}");
	has(s, "protocol", "'https'");
	has(s, "host", "'h.test'");
	has(s, "port", "443");
	has(s, "path", "'/a/b'");
	json_t *patched = load(&service_schema, LOAD_UPDATE, s, "{'url':'http://x:81'}", NULL);
	has(patched, "port", "81");
	has(patched, "path", "null");
	json_decref(patched);
	json_decref(s);
}
END_TEST

START_TEST(a_patch_changes_what_is_sent_and_nothing_else)
{
	json_t *s = accepted(&service_schema, "{'host':'h','name':'n','retries':7,'tags':['a','a','b']}");
	has(s, "tags", "['a','b']");
	json_t *patched = load(&service_schema, LOAD_UPDATE, s, "{'retries':1}", NULL);
	has(patched, "retries", "1");
	has(patched, "name", "'n'");
	ck_assert(json_equal(json_object_get(s, "id"), json_object_get(patched, "id")));
	json_decref(patched);
	json_decref(s);
}
END_TEST

START_TEST(a_route_needs_something_to_match)
{
	refused(&route_schema, "{}",
		"schema violation (must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https')");
	refused(&route_schema, "{'paths':['/a'],'protocols':['http','tcp']}",
		"schema violation (protocols: these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), "
		"('tls_passthrough'), ('grpc', 'grpcs'))");
	refused(&route_schema, "{'paths':['/a/../b']}",
		"schema violation (paths.1: non-normalized path, consider use '/b' instead)");
	refused(&route_schema, "{'paths':['a']}",
		"schema violation (paths.1: should start with: / (fixed path) or ~/ (regex path))");
	refused(&route_schema, "{'hosts':['a.*.b']}",
		"schema violation (hosts.1: invalid wildcard: must be placed at leftmost or rightmost label)");
	refused(&route_schema, "{'paths':['/a'],'https_redirect_status_code':200}",
		"schema violation (https_redirect_status_code: expected one of: 426, 301, 302, 307, 308)");
	json_t *r = accepted(&route_schema, "{'protocols':['grpc'],'paths':['/p.S/']}");
	has(r, "strip_path", "false");
	json_decref(r);
}
END_TEST

START_TEST(a_consumer_needs_a_name_or_a_custom_id)
{
	refused(&consumer_schema, "{}",
		"schema violation (at least one of these fields must be non-empty: 'custom_id', 'username')");
}
END_TEST

START_TEST(an_upstream_shows_its_health_checks_in_full)
{
	json_t *u = accepted(&upstream_schema, "{'name':'u','healthchecks':{'active':{'healthy':{'interval':2.0}}}}");
	const json_t *checks = json_object_get(u, "healthchecks"), *active = json_object_get(checks, "active");
	has(checks, "threshold", "0");
	has(json_object_get(active, "healthy"), "interval", "2");
	has(json_object_get(active, "healthy"), "http_statuses", "[200,302]");
	has(json_object_get(json_object_get(checks, "passive"), "unhealthy"), "http_statuses", "[429,500,503]");
	json_decref(u);
	refused(&upstream_schema, "{'name':'1.2.3.4'}", "schema violation (name: Invalid name ('1.2.3.4'); no ip addresses allowed)");
}
END_TEST

START_TEST(algorithm_and_hash_on_pull_each_other)
{
	json_t *u = accepted(&upstream_schema, "{'name':'u','hash_on':'ip'}");
	has(u, "algorithm", "'consistent-hashing'");
	json_decref(u);
	u = accepted(&upstream_schema, "{'name':'u','algorithm':'least-connections','hash_on':'ip'}");
	has(u, "algorithm", "'least-connections'");
	has(u, "hash_on", "'none'");
	json_decref(u);
	refused(&upstream_schema, "{'name':'u','hash_on':'header'}",
		"2 schema violations (failed conditional validation given value of field 'hash_on'; hash_on_header: required field missing)");
}
END_TEST

START_TEST(a_target_is_stored_with_a_port)
{
	json_t *t = accepted(&target_schema, "{'target':'a.test','upstream':{'id':'0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11'}}");
	has(t, "target", "'a.test:8000'");
	json_decref(t);
	t = accepted(&target_schema, "{'target':'[::1]:80','upstream':{'id':'0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11'}}");
	has(t, "target", "'[0000:0000:0000:0000:0000:0000:0000:0001]:80'");
	json_decref(t);
	refused(&target_schema, "{'target':'a b','upstream':{'id':'0b8f5a52-1c1e-4f7a-9d53-2f6a0c7b1e11'}}",
		"schema violation (target: Invalid target; not a valid hostname or ip address)");
	refused(&target_schema, "{'target':'a','upstream':'x'}", "schema violation (upstream.id: missing primary key)");
}
END_TEST

START_TEST(form_arguments_get_the_types_of_the_schema)
{
	const struct form_arg args[] = {{S("paths[]"), S("/a")}, {S("strip_path"), S("true")}, {S("regex_priority"), S("3")},
		{S("headers.X-Foo"), S("a")}, {S("service.name"), S("s")}, {S("name"), S("")}, {S("hosts[1]"), S("a.com")},
		{S("hosts[2]"), S("b.com")}, {S("methods"), S("GET")}, {S("methods"), S("POST")}};
	struct err e;
	json_t *tree = form_tree(args, sizeof args / sizeof args[0], true, &e);
	form_infer(&route_schema, NULL, tree);
	has(tree, "paths", "['/a']");
	has(tree, "strip_path", "true");
	has(tree, "regex_priority", "3");
	has(tree, "headers", "{'X-Foo':['a']}");
	has(tree, "service", "{'name':'s'}");
	has(tree, "name", "null");
	has(tree, "hosts", "['a.com','b.com']");
	has(tree, "methods", "['GET','POST']");
	json_decref(tree);
}
END_TEST

START_TEST(a_record_decodes_into_its_struct)
{
	json_t *r = accepted(&route_schema, "{'paths':['/a','/b'],'headers':{'x':['1','2']},'preserve_host':true}");
	struct arena a;
	struct route route;
	struct err e;
	arena_init(&a);
	ck_assert(schema_decode(&route_schema, r, &a, &route, &e));
	ck_assert_uint_eq(route.paths.len, 2);
	ck_assert(slice_eq(route.paths.items[1], S("/b")));
	ck_assert(route.preserve_host && route.strip_path && !route.service.set);
	ck_assert_ptr_null(route.hosts.items);
	ck_assert(slice_eq(route.headers.items[0].values.items[1], S("2")));
	arena_fini(&a);
	json_decref(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("entities");
	TCase *t = tcase_create("all");
	tcase_add_test(t, a_service_is_rendered_with_all_its_defaults);
	tcase_add_test(t, violations_are_listed_alphabetically_with_kongs_texts);
	tcase_add_test(t, url_stands_for_protocol_host_port_and_path);
	tcase_add_test(t, a_patch_changes_what_is_sent_and_nothing_else);
	tcase_add_test(t, a_route_needs_something_to_match);
	tcase_add_test(t, a_consumer_needs_a_name_or_a_custom_id);
	tcase_add_test(t, an_upstream_shows_its_health_checks_in_full);
	tcase_add_test(t, algorithm_and_hash_on_pull_each_other);
	tcase_add_test(t, a_target_is_stored_with_a_port);
	tcase_add_test(t, form_arguments_get_the_types_of_the_schema);
	tcase_add_test(t, a_record_decodes_into_its_struct);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
