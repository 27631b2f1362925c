/* route: what each family of protocols asks for and forbids, and its matching fields (entities.md 4.2, proxy.md 1.4).
 */
#include <check.h>
#include <stdlib.h>

#include "common/entity/route.h"
#include "common/schema/decode.h"
#include "tests/support/loading.h"

#define NEEDS_HTTPS "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
#define NEEDS_TCP   "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"
#define FAMILIES \
	"these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), ('tls_passthrough'), ('grpc', 'grpcs')"

static const struct {
	const char *input, *message; /* NULL: accepted */
} examples[] = {
        /* at least one of */
        {"{}", NEEDS_HTTPS},
        {"{'paths':[],'snis':[]}", NEEDS_HTTPS},
        {"{'snis':['a.test']}", NULL},
        {"{'headers':{'x':['1']}}", NULL},
        {"{'protocols':['http']}",
                "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"},
        {"{'protocols':['tcp']}", NEEDS_TCP},
        {"{'protocols':['udp','tcp'],'destinations':[{'port':9}]}", NULL},
        {"{'protocols':['tls_passthrough']}", "must set snis when 'protocols' is 'tls_passthrough'"},
        {"{'protocols':['tls_passthrough'],'snis':['a.test']}", NULL},
        {"{'protocols':['grpc']}", "must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'"},
        {"{'protocols':['grpc','grpcs']}",
                "must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'"},
        {"{'protocols':['grpcs'],'snis':['a.test']}", NULL},
        /* what makes no sense */
        {"{'paths':['/a'],'sources':[{'ip':'10.0.0.1'}]}",
                "sources: cannot set 'sources' when 'protocols' is 'http' or 'https'"},
        {"{'protocols':['tcp'],'paths':['/a'],'sources':[{'ip':'10.0.0.1'}]}",
                "paths: cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'"},
        {"{'protocols':['tcp'],'paths':['a'],'sources':[{'ip':'10.0.0.1'}]}",
                "paths: cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'"},
        {"{'protocols':['tls'],'methods':['GET']}", NEEDS_TCP
                "; methods: cannot set 'methods' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'"},
        {"{'protocols':['grpc'],'hosts':['a.test'],'methods':['GET']}",
                "methods: cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs'"},
        {"{'protocols':['grpc'],'hosts':['a.test'],'strip_path':true}",
                "strip_path: cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'"},
        {"{'protocols':['http'],'paths':['/a'],'snis':['a.test']}",
                "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'; snis: length must be 0"},
        {"{'protocols':['http'],'paths':['/a'],'snis':[]}", NULL},
        /* protocols */
        {"{'protocols':['http','tcp'],'paths':['/a']}", "protocols: " FAMILIES},
        {"{'protocols':['ftp'],'paths':['/a'],'zork':1}", "protocols: unknown type: ftp"},
        {"{'protocols':['http','ftp'],'paths':['/a']}",
                "protocols.2: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"},
        {"{'protocols':[],'paths':['/a']}", "protocols: length must be at least 1"},
        {"{'protocols':'http','paths':['/a']}", "protocols: expected a set"},
        {"{'protocols':null,'paths':['/a']}", "protocols: required field missing"},
        {"{'protocols':[5],'paths':['/a']}", "protocols.1: expected a string"},
        {"{'protocols':{'a':1},'paths':['/a']}", "protocols: expected a set"},
        /* single fields */
        {"{'paths':'/a'}", "paths: expected an array"},
        {"{'paths':['/ok','bad']}", "paths.2: should start with: / (fixed path) or ~/ (regex path)"},
        {"{'methods':['get']}", "methods.1: invalid value: get"},
        {"{'headers':{'Host':['a']}}",
                "headers: cannot contain 'host' header, which must be specified in the 'hosts' attribute"},
        {"{'headers':{'a b':['a']}}",
                "headers: bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
        {"{'headers':{'a':'b'}}", "headers: expected an array"},
        {"{'paths':['/a'],'https_redirect_status_code':303}",
                "https_redirect_status_code: expected one of: 426, 301, 302, 307, 308"},
        {"{'paths':['/a'],'https_redirect_status_code':308}", NULL},
        {"{'paths':['/a'],'path_handling':'v2'}", "path_handling: expected one of: v0, v1"},
        {"{'paths':['/a'],'expression':'x'}", "expression: unknown field"},
        {"{'paths':['/a'],'service':'f1'}", "service.id: missing primary key"},
        {"{'protocols':['tcp'],'sources':[{'ip':'10.0.0.0/8','port':5},{}]}",
                "sources.2: {[\"@entity\"]={\"at least one of these fields must be non-empty: 'ip', 'port'\"}}"},
        {"{'protocols':['tcp'],'sources':[{'ip':'x'}]}", "sources.1: {ip=\"invalid ip or cidr range: 'x'\"}"},
};

START_TEST(a_route_is_accepted_or_refused_as_kong_does)
{
	if (examples[_i].message)
		refused_saying(&route_schema, examples[_i].input, examples[_i].message);
	else
		json_decref(created(&route_schema, examples[_i].input));
}
END_TEST

START_TEST(a_route_is_rendered_with_all_its_defaults)
{
	json_t *r = created(&route_schema, "{'paths':['/d']}");
	json_object_del(r, "id");
	json_object_del(r, "created_at");
	json_object_del(r, "updated_at");
	is(r, "{'name':null,'protocols':['http','https'],'https_redirect_status_code':426,'strip_path':true,"
	      "'preserve_host':false,'request_buffering':true,'response_buffering':true,'tags':null,'service':null,"
	      "'snis':null,'sources':null,'destinations':null,'methods':null,'hosts':null,'headers':null,"
	      "'paths':['/d'],'regex_priority':0,'path_handling':'v0'}");
	json_decref(r);
}
END_TEST

START_TEST(grpc_routes_keep_the_path)
{
	json_t *r = created(&route_schema, "{'protocols':['grpc','grpcs'],'hosts':['a.test']}");
	has(r, "strip_path", "false");
	json_decref(r);
	r = created(&route_schema, "{'paths':['/a']}");
	json_t *p = loaded(&route_schema, LOAD_UPDATE, r, "{'protocols':['grpc']}");
	has(p, "strip_path", "false");
	json_decref(p);
	json_decref(r);
}
END_TEST

START_TEST(a_patch_is_judged_by_the_whole)
{
	json_t *r = created(&route_schema, "{'protocols':['tcp'],'sources':[{'port':5}]}");
	refused(&route_schema, LOAD_UPDATE, r, "{'sources':null}",
	        "{'@entity':['must set one of |sources|, |destinations|, |snis| when |protocols| is |tcp|, |tls| or |udp|']}");
	json_decref(r);
}
END_TEST

START_TEST(a_route_decodes)
{
	struct arena a;
	struct route route;
	struct err e;
	json_t *r = created(&route_schema,
	        "{'protocols':['tls'],'sources':[{'ip':'10.0.0.0/8'},{'port':7}],'snis':['*.a.test']}");
	arena_init(&a);
	ck_assert(schema_decode(&route_schema, r, &a, &route, &e));
	ck_assert_uint_eq(route.sources.len, 2);
	ck_assert(slice_eq(LIST_AT(route.sources, struct cidr_port, 0)->ip, S("10.0.0.0/8")));
	ck_assert(!LIST_AT(route.sources, struct cidr_port, 0)->port.set);
	ck_assert_int_eq(LIST_AT(route.sources, struct cidr_port, 1)->port.value, 7);
	ck_assert(!slice_is_set(LIST_AT(route.sources, struct cidr_port, 1)->ip));
	ck_assert(!route.destinations.items && route.snis.len == 1 && route.strip_path);
	arena_fini(&a);
	json_decref(r);
}
END_TEST

static const struct {
	const char *input, *message; /* NULL: accepted */
} expressions[] = {
        {"{'expression':'http.path ^= \\'/a\\''}", NULL},
        {"{'expression':'http.path =='}", "Router Expression failed validation: expected a value at byte 13"},
        {"{'expression':'http.path == \\'/\\'','protocols':['tcp']}",
                "Router Expression failed validation: Unknown LHS field"},
        {"{'expression':'net.dst.port == 1','protocols':['tcp'],'priority':70368744177663}", NULL},
        {"{'paths':['/a']}", NULL},
        {"{'hosts':['a.test'],'sources':[{'port':1}]}", NULL},
        {"{}", "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'https'"},
        {"{'protocols':['http']}",
                "must set one of 'methods', 'hosts', 'headers', 'paths', 'expression' when 'protocols' is 'http'"},
        {"{'expression':'a','paths':['/a']}",
                "Router Expression failed validation: cannot set 'expression' with 'methods', 'hosts', 'paths', 'headers', "
                "'snis', 'sources' or 'destinations' simultaneously"},
        {"{'expression':'a','regex_priority':1}",
                "Router Expression failed validation: cannot set 'regex_priority' with 'expression' simultaneously"},
        {"{'paths':['/a'],'priority':1}",
                "Router Expression failed validation: cannot set 'priority' with 'methods', 'hosts', 'paths', 'headers', "
                "'snis', 'sources' or 'destinations' simultaneously"},
        {"{'expression':'net.dst.port == 1','priority':70368744177664}",
                "priority: value should be between 0 and 70368744177663"},
        {"{'expression':'net.dst.port == 1','priority':null}", "priority: required field missing"},
};

/* example 24 */
START_TEST(example_24_regexes_that_rust_lacks_are_refused_where_the_router_has_its_dialect)
{
	static const char *const inputs[] = {"{'paths':['~/(?=secret)']}", "{'headers':{'a':['~*x(?!y)']}}"};

	for (size_t i = 0; i < 2; i++)
		json_decref(created(&route_schema, inputs[i]));
	route_use_rust_regexes(true);
	refused_saying(&route_schema, inputs[0],
	        "Router Expression failed validation: regex parse error: '/(?=secret)': look-around, including "
	        "look-ahead and look-behind, is not supported");
	refused_saying(&route_schema, inputs[1],
	        "Router Expression failed validation: regex parse error: 'x(?!y)': look-around, including look-ahead "
	        "and look-behind, is not supported");
	json_decref(created(&route_schema, "{'paths':['~/v\\\\d+/(?<item>[^/]+)$']}"));
	route_use_rust_regexes(false);
}
END_TEST

/* entities.md 4.2, expressions flavor */
START_TEST(an_expression_route_is_accepted_or_refused_as_kong_does)
{
	schema_use_expressions(true);
	if (expressions[_i].message)
		refused_saying(&route_schema, expressions[_i].input, expressions[_i].message);
	else
		json_decref(created(&route_schema, expressions[_i].input));
}
END_TEST

START_TEST(expressions_exist_where_the_router_has_them)
{
	json_t *r, *shown;

	refused_saying(&route_schema, "{'paths':['/a'],'expression':'a'}", "expression: unknown field");
	refused_saying(&route_schema, "{'paths':['/a'],'priority':0}", "priority: unknown field");
	r = created(&route_schema, "{'paths':['/a']}");
	shown = schema_render(&route_schema, r, true);
	has(shown, "expression", NULL);
	json_decref(shown);
	json_t *patched = loaded(&route_schema, LOAD_UPDATE, r, "{'paths':['/b']}");
	json_decref(patched);
	json_decref(r);

	schema_use_expressions(true);
	r = created(&route_schema, "{'expression':'net.dst.port == 1'}");
	shown = schema_render(&route_schema, r, true);
	has(shown, "expression", "'net.dst.port == 1'");
	has(shown, "priority", "0");
	json_decref(shown);
	schema_use_expressions(false);
	char *stored = json_dumps(r, JSON_COMPACT);
	json_decref(loaded(&route_schema, LOAD_STORED, NULL, stored)); /* the router of a node may have changed */
	free(stored);
	json_decref(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");
	tcase_add_loop_test(t, a_route_is_accepted_or_refused_as_kong_does, 0, sizeof examples / sizeof examples[0]);
	tcase_add_test(t, a_route_is_rendered_with_all_its_defaults);
	tcase_add_test(t, grpc_routes_keep_the_path);
	tcase_add_test(t, a_patch_is_judged_by_the_whole);
	tcase_add_test(t, a_route_decodes);
	tcase_add_loop_test(t, an_expression_route_is_accepted_or_refused_as_kong_does, 0,
	        sizeof expressions / sizeof *expressions);
	tcase_add_test(t, example_24_regexes_that_rust_lacks_are_refused_where_the_router_has_its_dialect);
	tcase_add_test(t, expressions_exist_where_the_router_has_them);
	suite_add_tcase(s, t);
	return run_suite(s);
}
