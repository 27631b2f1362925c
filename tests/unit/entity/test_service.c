/* service and consumer: defaults, constraints and the url shorthand (entities.md 4.1, 4.3). */
#include <check.h>

#include "common/entity/consumer.h"
#include "common/entity/service.h"
#include "common/schema/decode.h"
#include "tests/support/loading.h"

#define FAILED_ON_PROTOCOL "failed conditional validation given value of field 'protocol'"

static const struct {
	const char *input, *message; /* NULL: accepted */
} examples[] = {
        {"{}", "host: required field missing"},
        {"{'path':'x','port':99999}",
                "host: required field missing; path: should start with: /; port: value should be between 0 and 65535"},
        {"{'host':'h','port':'80'}", "port: expected an integer"},
        {"{'host':'h','port':2.5}", "port: expected an integer"},
        {"{'host':''}", "host: length must be at least 1"},
        {"{'host':'h:80'}", "host: must not have a port"},
        {"{'host':'h','name':'a b'}",
                "name: invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"},
        {"{'host':'h','protocol':'ftp'}",
                "protocol: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"},
        {"{'host':'h','protocol':'ftp','path':'/a','tls_verify':true}",
                "protocol: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"},
        {"{'host':'h','retries':32768}", "retries: value should be between 0 and 32767"},
        {"{'host':'h','read_timeout':0}", "read_timeout: value should be between 1 and 2147483646"},
        {"{'host':'h','connect_timeout':2147483646}", NULL},
        {"{'host':'h','tls_verify_depth':65,'protocol':'tls'}", "tls_verify_depth: value should be between 0 and 64"},
        {"{'host':'h','protocol':'tcp','path':'/a'}", FAILED_ON_PROTOCOL "; path: value must be null"},
        {"{'host':'h','protocol':'grpcs','path':'/a'}", FAILED_ON_PROTOCOL "; path: value must be null"},
        {"{'host':'h','protocol':'tls_passthrough','path':'/a'}", NULL},
        {"{'host':'h','tls_verify':true}", FAILED_ON_PROTOCOL "; tls_verify: value must be null"},
        {"{'host':'h','protocol':'https','tls_verify':false,'tls_verify_depth':0}", NULL},
        {"{'host':'h','ca_certificates':['x'],'protocol':'tls'}", "ca_certificates.1: expected a valid UUID"},
        {"{'host':'h','protocol':'https','client_certificate':{'id':'11111111-2222-4333-8444-555555555555'}}", NULL},
        {"{'host':'h','client_certificate':{'id':'11111111-2222-4333-8444-555555555555'}}",
                FAILED_ON_PROTOCOL "; client_certificate: value must be null"},
        {"{'host':'h','enabled':null}", "enabled: required field missing"},
        {"{'host':'h','retries':null}", NULL},
        {"{'url':'invalid url'}", "host: required field missing; path: should start with: /"},
        {"{'url':5}", "url: expected a string"},
        {"{'url':'http://h:x'}", "port: expected an integer"},
        {"{'url':'ftp://h'}", "protocol: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"},
};

START_TEST(a_service_is_accepted_or_refused_as_kong_does)
{
	if (examples[_i].message)
		refused_saying(&service_schema, examples[_i].input, examples[_i].message);
	else
		json_decref(created(&service_schema, examples[_i].input));
}
END_TEST

START_TEST(a_service_is_rendered_with_all_its_defaults)
{
	json_t *s = created(&service_schema, "{'host':'h'}");
	has(s, "created_at", "1700000000");
	json_object_del(s, "id");
	json_object_del(s, "created_at");
	json_object_del(s, "updated_at");
	is(s, "{'name':null,'retries':5,'protocol':'http','host':'h','port':80,'path':null,'connect_timeout':60000,"
	      "'write_timeout':60000,'read_timeout':60000,'tags':null,'client_certificate':null,'tls_verify':null,"
	      "'tls_verify_depth':null,'ca_certificates':null,'enabled':true}");
	json_decref(s);
}
END_TEST

static const struct {
	const char *url, *protocol, *host, *port, *path;
} urls[] = {
        {"{'url':'http://h.test'}", "'http'", "'h.test'", "80", "null"},
        {"{'url':'https://h.test'}", "'https'", "'h.test'", "443", "null"},
        {"{'url':'https://h.test:81/a/b?c#d'}", "'https'", "'h.test'", "81", "'/a/b'"},
        {"{'url':'tcp://h.test:9'}", "'tcp'", "'h.test'", "9", "null"},
        {"{'url':'//h.test:443'}", "'https'", "'h.test'", "443", "null"},
        {"{'url':'//h.test:8080'}", "'http'", "'h.test'", "8080", "null"},
        {"{'url':'http://h.test:81/x','host':'o','port':9,'protocol':'tls','path':'/y'}", "'http'", "'h.test'", "81",
                "'/x'"},
};

START_TEST(a_url_stands_for_protocol_host_port_and_path)
{
	json_t *s = created(&service_schema, urls[_i].url);
	has(s, "protocol", urls[_i].protocol);
	has(s, "host", urls[_i].host);
	has(s, "port", urls[_i].port);
	has(s, "path", urls[_i].path);
	has(s, "url", NULL);
	json_decref(s);
}
END_TEST

START_TEST(a_url_in_a_patch_clears_the_path)
{
	json_t *s = created(&service_schema, "{'url':'http://a:81/x','name':'n'}");
	json_t *p = loaded(&service_schema, LOAD_UPDATE, s, "{'url':'http://z'}");
	has(p, "host", "'z'");
	has(p, "port", "80");
	has(p, "path", "null");
	has(p, "name", "'n'");
	json_decref(p);
	json_decref(s);
}
END_TEST

START_TEST(a_service_decodes)
{
	struct arena a;
	struct service service;
	struct err e;
	json_t *s = created(&service_schema, "{'url':'https://h/x','tags':['a','b'],'tls_verify':false,"
	                                     "'ca_certificates':['11111111-2222-4333-8444-555555555555']}");
	arena_init(&a);
	ck_assert(schema_decode(&service_schema, s, &a, &service, &e));
	ck_assert(slice_eq(service.host, S("h")) && service.port == 443 && service.retries == 5 && service.enabled);
	ck_assert(service.tls_verify.set && !service.tls_verify.value && !service.tls_verify_depth.set);
	ck_assert(service.tags.len == 2 && service.ca_certificates.len == 1 && !service.client_certificate.set);
	arena_fini(&a);
	json_decref(s);
}
END_TEST

START_TEST(a_consumer_needs_a_name_or_an_id_of_its_owner)
{
	refused_saying(
	        &consumer_schema, "{}", "at least one of these fields must be non-empty: 'custom_id', 'username'");
	refused_saying(&consumer_schema, "{'username':'x','a.b':1}", "a.b: unknown field");
	json_decref(created(&consumer_schema, "{'custom_id':'1'}"));
	json_t *c = created(&consumer_schema, "{'username':'any characters / at all \xc3\xb6'}");
	refused(&consumer_schema, LOAD_UPDATE, c, "{'username':null}",
	        "{'@entity':['when updating, at least one of these fields must be non-empty: |custom_id|, |username|']}");
	json_decref(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("service");
	TCase *t = tcase_create("service");
	tcase_add_loop_test(
	        t, a_service_is_accepted_or_refused_as_kong_does, 0, sizeof examples / sizeof examples[0]);
	tcase_add_test(t, a_service_is_rendered_with_all_its_defaults);
	tcase_add_loop_test(t, a_url_stands_for_protocol_host_port_and_path, 0, sizeof urls / sizeof urls[0]);
	tcase_add_test(t, a_url_in_a_patch_clears_the_path);
	tcase_add_test(t, a_service_decodes);
	tcase_add_test(t, a_consumer_needs_a_name_or_an_id_of_its_owner);
	suite_add_tcase(s, t);
	return run_suite(s);
}
