/* describe: the shape of Kong's /schemas (admin-api.md 8.6), on the tables of the core entities. */
#include <check.h>

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "common/schema/describe.h"
#include "tests/support/loading.h"

static json_t *fields, *checks, *described;

static void describe(const struct schema *s)
{
	described = schema_describe(s);
	checks = json_object_get(described, "entity_checks");
	fields = json_object(); /* by name; the answer is a list of objects with one key */
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(described, "fields"), i, one) json_object_update(fields, one);
	/* descriptions are prose; what is compared here is the rest */
	const char *name;
	json_object_foreach(fields, name, one)
	{
		ck_assert_msg(
		        json_string_length(json_object_get(one, "description")) > 0, "%s is not described", name);
		json_object_del(one, "description");
	}
}

static void teardown(void)
{
	json_decref(fields);
	json_decref(described);
	fields = described = NULL;
}

START_TEST(a_field_shows_its_type_default_and_rules)
{
	describe(&service_schema);
	has(fields, "id", "{'type':'string','auto':true,'uuid':true}");
	has(fields, "created_at", "{'type':'integer','auto':true,'timestamp':true}");
	has(fields, "name", "{'type':'string','unique':true}");
	has(fields, "retries", "{'type':'integer','default':5,'between':[0,32767]}");
	has(fields, "protocol",
	        "{'type':'string','required':true,'default':'http','one_of':"
	        "['grpc','grpcs','http','https','tcp','tls','tls_passthrough','udp']}");
	has(fields, "path",
	        "{'type':'string','match_none':[{'err':'must not have empty segments','pattern':'//'}],'starts_with':'/'}");
	has(fields, "client_certificate", "{'type':'foreign','reference':'certificates'}");
	has(fields, "ca_certificates", "{'type':'array','elements':{'type':'string','uuid':true}}");
	has(fields, "enabled", "{'type':'boolean','required':true,'default':true}");
	has(described, "shorthand_fields", NULL);
}
END_TEST

START_TEST(conditions_are_shown_with_their_rules)
{
	describe(&service_schema);
	json_t *first = json_array_get(checks, 0), *second = json_array_get(checks, 1);
	ck_assert_uint_eq(json_array_size(checks), 5);
	has(first, "conditional",
	        "{'if_field':'protocol','if_match':{'one_of':['tcp','tls','udp','grpc','grpcs']},"
	        "'then_field':'path','then_match':{'eq':null}}");
	has(second, "conditional",
	        "{'if_field':'protocol','if_match':{'not_one_of':['https','tls']},"
	        "'then_field':'client_certificate','then_match':{'eq':null}}");
}
END_TEST

START_TEST(lists_maps_and_groups_are_shown)
{
	describe(&route_schema);
	json_t *element = json_object_get(json_object_get(fields, "sources"), "elements");
	has(fields, "protocols.type", "'set'");
	has(fields, "protocols.len_min", "1");
	has(fields, "protocols.mutually_exclusive_subsets",
	        "[['http','https'],['tcp','tls','udp'],['tls_passthrough'],['grpc','grpcs']]");
	has(fields, "https_redirect_status_code.one_of", "[426,301,302,307,308]");
	has(fields, "paths.type", "'array'");
	has(fields, "headers.type", "'map'");
	has(fields, "headers.values", "{'type':'array','elements':{'type':'string'}}");
	has(element, "type", "'record'");
	has(element, "entity_checks", "[{'at_least_one_of':['ip','port']}]");
	has(json_array_get(checks, 0), "conditional.then_err",
	        "'|snis| can only be set when |protocols| is |grpcs|, |https|, |tls| or |tls_passthrough|'");
}
END_TEST

START_TEST(records_show_their_fields)
{
	describe(&upstream_schema);
	has(fields, "healthchecks.type", "'record'");
	has(fields, "healthchecks.required", "true");
	json_t *parts = json_object_get(json_object_get(fields, "healthchecks"), "fields");
	ck_assert_uint_eq(json_array_size(parts), 3);
	has(json_array_get(parts, 2), "threshold.between", "[0,100]");
}
END_TEST

START_TEST(references_show_what_deletion_does)
{
	describe(&target_schema);
	has(fields, "upstream", "{'type':'foreign','required':true,'reference':'upstreams','on_delete':'cascade'}");
	has(fields, "created_at.type", "'number'");
	teardown();
	describe(&plugin_schema);
	has(fields, "config", "{'type':'record','abstract':true}");
	has(fields, "route.on_delete", "'cascade'");
}
END_TEST

START_TEST(a_config_shows_full_names_and_deprecated_ones)
{
	const struct plugin *p = registry_find(S("rate-limiting"));
	described = schema_describe(p->config);
	has(json_array_get(json_object_get(described, "entity_checks"), 0), "at_least_one_of",
	        "['config.second','config.minute','config.hour','config.day','config.month','config.year']");
	json_t *first = json_array_get(json_object_get(described, "shorthand_fields"), 0);
	has(first, "redis_host.type", "'string'");
	has(first, "redis_host.deprecation",
	        "{'message':'rate-limiting: config.redis_host is deprecated, please use "
	        "config.redis.host instead','removal_in_version':'4.0','replaced_with':[{'path':['redis','host']}]}");
}
END_TEST

/* The order of Kong 3.9's /schemas; admin pages show forms in this order. */
static const struct {
	const struct schema *schema;
	const char *names;
} orders[] = {
        {&service_schema,
                "id created_at updated_at name retries protocol host port path connect_timeout write_timeout read_timeout "
                "tags client_certificate tls_verify tls_verify_depth ca_certificates enabled"},
        {&route_schema,
                "id created_at updated_at name protocols https_redirect_status_code strip_path preserve_host "
                "request_buffering response_buffering tags service snis sources destinations methods hosts paths headers "
                "regex_priority path_handling"},
        {&consumer_schema, "id created_at updated_at username custom_id tags"},
        {&plugin_schema,
                "id name instance_name created_at updated_at route service consumer config protocols enabled tags"},
        {&upstream_schema,
                "id created_at name updated_at algorithm hash_on hash_fallback hash_on_header hash_fallback_header "
                "hash_on_cookie hash_on_cookie_path hash_on_query_arg hash_fallback_query_arg hash_on_uri_capture "
                "hash_fallback_uri_capture slots healthchecks tags host_header client_certificate use_srv_name"},
        {&target_schema, "id created_at updated_at upstream target weight tags"},
};

START_TEST(fields_come_in_kongs_order)
{
	struct text names = {0};
	described = schema_describe(orders[_i].schema);
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(described, "fields"), i, one)
	        text_printf(&names, "%s%s", i ? " " : "", json_object_iter_key(json_object_iter(one)));
	ck_assert_str_eq(text_cstr(&names), orders[_i].names);
	text_fini(&names);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("describe");
	TCase *t = tcase_create("describe");
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, a_field_shows_its_type_default_and_rules);
	tcase_add_test(t, conditions_are_shown_with_their_rules);
	tcase_add_test(t, lists_maps_and_groups_are_shown);
	tcase_add_test(t, records_show_their_fields);
	tcase_add_test(t, references_show_what_deletion_does);
	tcase_add_test(t, a_config_shows_full_names_and_deprecated_ones);
	tcase_add_loop_test(t, fields_come_in_kongs_order, 0, sizeof orders / sizeof orders[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
