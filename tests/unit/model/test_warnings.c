/* warnings: what users.md 2.4 lists (shadowed route, unused upstream, certificate expiring), and what pitfalls.md
 * A2-5, A3-1, A3-2 and proxy.md D-2 want said when it is saved; a row each. */
#include <check.h>
#include <stdlib.h>

#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "common/model/warnings.h"
#include "common/schema/load.h"
#include "tests/support/tmp.h"

enum { NOW_S = 1764327000, DAY_S = 86400 };

static struct text said;

static void take(const struct record *r, const char *text, void *arg)
{
	json_t *json = record_json(r);
	const char *name = json_string_value(json_object_get(json, "name"));

	(void)arg;
	text_printf(&said, "%s%s %s: %s", said.len ? "\n" : "", r->kind->name, name ? name : "-", text);
	json_decref(json);
}

static const char *warnings(const char *json)
{
	struct document_options options = {.now_ms = NOW_S * 1000LL};
	struct err e = {""};
	json_t *root = schema_literal(json);
	struct text why = {0};

	json_object_set_new(root, "_format_version", json_string("3.0"));
	struct document *d = document_of_json(root, &options, &e);
	ck_assert_msg(d != NULL, "%s", e.message);
	document_fault_text(d, &why);
	ck_assert_msg(!document_has_faults(d), "%s", text_cstr(&why));
	text_clear(&said);
	warnings_of_document(d, NOW_S, take, NULL);
	document_free(d);
	text_fini(&why);
	return text_cstr(&said);
}

#define ROUTES(a, b) "{'routes':[{'name':'a','created_at':5," a "},{'name':'b'," b "}]}"

static const struct {
	const char *document;
	const char *shadowed, *by; /* NULL: none */
} routes[] = {
        {ROUTES("'paths':['/x']", "'created_at':6,'paths':['/x']"), "b", "a"},
        {ROUTES("'paths':['/x']", "'created_at':4,'paths':['/x']"), "a", "b"},
        {ROUTES("'paths':['/x','/y']", "'created_at':6,'paths':['/y']"), "b", "a"},
        {ROUTES("'paths':['/x','/y']", "'created_at':4,'paths':['/y']"), NULL, NULL},
        {ROUTES("'paths':['/x']", "'created_at':6,'paths':['/x','/y']"), NULL, NULL},
        {ROUTES("'paths':['/x']", "'created_at':6,'paths':['/x'],'hosts':['h']"), NULL, NULL},
        {ROUTES("'paths':['/x'],'hosts':['h','i']", "'created_at':6,'paths':['/x'],'hosts':['h']"), "b", "a"},
        {ROUTES("'paths':['/x'],'hosts':['h']", "'created_at':6,'paths':['/x'],'hosts':['i']"), NULL, NULL},
        {ROUTES("'paths':['/x'],'methods':['GET','POST']", "'created_at':6,'paths':['/x'],'methods':['GET']"), "b",
                "a"},
        {ROUTES("'paths':['/x'],'protocols':['http']", "'created_at':6,'paths':['/x'],'protocols':['http','https']"),
                NULL, NULL},
        {ROUTES("'paths':['/x'],'protocols':['http','https']", "'created_at':6,'paths':['/x'],'protocols':['http']"),
                "b", "a"},
        {ROUTES("'headers':{'X-A':['1','2']}", "'created_at':6,'headers':{'x-a':['1']}"), "b", "a"},
        {ROUTES("'headers':{'x-a':['1']}", "'created_at':6,'headers':{'x-a':['1'],'x-b':['1']}"), NULL, NULL},
        {ROUTES("'paths':['~/x']", "'created_at':6,'paths':['~/x'],'regex_priority':1"), "a", "b"},
        {ROUTES("'paths':['/x']", "'created_at':6,'paths':['/x'],'regex_priority':1"), "b", "a"},
        {ROUTES("'protocols':['tcp'],'sources':[{'ip':'10.0.0.1'},{'port':5}]",
                 "'created_at':6,'protocols':['tcp'],'sources':[{'port':5}]"),
                "b", "a"},
        {ROUTES("'protocols':['tcp'],'sources':[{'port':5}]",
                 "'created_at':6,'protocols':['tcp'],'sources':[{'port':6}]"),
                NULL, NULL},
        {ROUTES("'protocols':['tcp'],'sources':[{'port':5}]",
                 "'created_at':6,'protocols':['tcp'],'destinations':[{'port':5}]"),
                NULL, NULL},
        {ROUTES("'protocols':['tls'],'snis':['s','t']", "'created_at':6,'protocols':['tls'],'snis':['t']"), "b", "a"},
};

START_TEST(users_2_4_and_a2_5_a_shadowed_route)
{
	char want[200] = "";

	if (routes[_i].shadowed)
		snprintf(want, sizeof want,
		        "routes %s: it never gets a request: route '%s' takes all that it matches, and comes first",
		        routes[_i].shadowed, routes[_i].by);
	ck_assert_str_eq(warnings(routes[_i].document), want);
}
END_TEST

START_TEST(users_2_4_an_unused_upstream)
{
	ck_assert_str_eq(warnings("{'upstreams':[{'name':'u'},{'name':'v'}],'services':[{'name':'s','host':'u'}]}"),
	        "upstreams v: no service has its name as host, so nothing is sent there");
}
END_TEST

#define CHECKED(checks) "{'services':[{'host':'u'}],'upstreams':[{'name':'u','healthchecks':{" checks "}}]}"

static const struct {
	const char *document, *word; /* NULL: none */
} health[] = {
        {CHECKED("'passive':{'unhealthy':{'http_failures':3}}"), "A target"},
        {CHECKED("'passive':{'unhealthy':{'timeouts':3}},'active':{'healthy':{'interval':5}}"), "add up for ever"},
        {CHECKED("'passive':{'unhealthy':{'tcp_failures':3},'healthy':{'successes':1}}"), NULL},
        {CHECKED("'active':{'healthy':{'interval':5},'unhealthy':{'interval':5,'http_failures':2}}"), NULL},
        {CHECKED(""), NULL},
};

START_TEST(a3_1_a3_2_and_d_2_passive_checks_that_mark_for_ever)
{
	const char *got = warnings(health[_i].document);

	if (!health[_i].word)
		ck_assert_str_eq(got, "");
	else if (_i == 0)
		ck_assert_ptr_nonnull(strstr(got, "stays so until it is marked by hand"));
	else
		ck_assert_ptr_nonnull(strstr(got, health[_i].word));
}
END_TEST

static const struct {
	int days;
	const char *text; /* NULL: none */
} certs[] = {{-1, "it has expired"}, {10, "it expires in 9 days"}, {40, NULL}};

START_TEST(users_2_4_a_certificate_that_expires)
{
	struct x509_request r = {.common_name = "x",
	        .not_before_s = NOW_S - 90 * DAY_S,
	        .not_after_s = NOW_S + (int64_t)certs[_i].days * DAY_S - 60};
	char want[100] = "";
	struct arena a;
	struct slice cert_text, key_text;
	struct err e;

	arena_init(&a);
	tmp_make();
	const char *cert = tmp_path("c.pem"), *key = tmp_path("k.pem");
	ck_assert(x509_make_self_signed(&r, cert, key, &e));
	ck_assert(file_read(&a, cert, 65536, &cert_text, &e) && file_read(&a, key, 65536, &key_text, &e));
	json_t *root = json_pack("{s:s,s:[{s:s%,s:s%}]}", "_format_version", "3.0", "certificates", "cert",
	        cert_text.ptr, cert_text.len, "key", key_text.ptr, key_text.len);
	char *dump = json_dumps(root, 0);
	if (certs[_i].text)
		snprintf(want, sizeof want, "certificates -: %s", certs[_i].text);
	ck_assert_str_eq(warnings(dump), want);
	free(dump);
	json_decref(root);
	arena_fini(&a);
	tmp_remove();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("warnings");
	TCase *t = tcase_create("warnings");

	tcase_add_loop_test(t, users_2_4_and_a2_5_a_shadowed_route, 0, sizeof routes / sizeof routes[0]);
	tcase_add_test(t, users_2_4_an_unused_upstream);
	tcase_add_loop_test(
	        t, a3_1_a3_2_and_d_2_passive_checks_that_mark_for_ever, 0, sizeof health / sizeof health[0]);
	tcase_add_loop_test(t, users_2_4_a_certificate_that_expires, 0, sizeof certs / sizeof certs[0]);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
