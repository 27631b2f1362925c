/* call: the words of plugin.h, on an exchange without a host. */
#include <check.h>
#include <stdio.h>

#include "common/plugin/plugin.h"

static struct arena arena;
static struct head request;
static struct exchange x;
static struct call c;
static const struct plugin plugin = {.name = "test"};

static struct consumer tern;

static const void *find(struct call *call, const struct schema *kind, const char *field, struct slice value)
{
	bool by_id = strcmp(field, "id") == 0 && slice_eq(value, uuid_slice(&tern.id));
	bool by_name = strcmp(field, "username") == 0 && slice_eq(value, tern.username);
	return kind == &consumer_schema && (by_id || by_name) ? &tern : NULL;
}

static struct slice_list groups;

static struct slice_list consumer_groups(struct call *call, const struct uuid *consumer)
{
	return groups;
}

static const struct host host = {.find = find, .consumer_groups = consumer_groups};

static void setup(void)
{
	arena_init(&arena);
	head_init(&request, &arena);
	groups = (struct slice_list){0};
	tern = (struct consumer){.id = {{1, 2}}, .username = S("tern")};
	x = (struct exchange){.arena = &arena, .request = &request};
	head_init(&x.added, &arena);
	c = (struct call){.plugin = &plugin, .x = &x, .host = &host};
}

static void teardown(void)
{
	arena_fini(&arena);
}

START_TEST(headers_are_counted_and_the_first_is_given)
{
	size_t n;
	head_add(&request, S("X-A"), S("1"));
	head_add(&request, S("x-a"), S("2"));
	head_add(&request, S("Host"), S("h"));
	ck_assert(slice_eq(call_header(&c, S("x-A"), &n), S("1")));
	ck_assert_uint_eq(n, 2);
	ck_assert(slice_eq(call_header(&c, S("host"), &n), S("h")));
	ck_assert_uint_eq(n, 1);
	ck_assert(!slice_is_set(call_header(&c, S("x_a"), &n))); /* '-' and '_' differ: plugins.md 0.7 */
	ck_assert_uint_eq(n, 0);
	ck_assert(!slice_is_set(call_header(&c, S("none"), NULL)));
}
END_TEST

START_TEST(query_arguments_are_decoded)
{
	size_t n;
	x.query = S("a%62=1%2B+2&c&c=&&d=x=y&=z");
	ck_assert(slice_eq(call_query(&c, S("ab"), &n), S("1+ 2")));
	ck_assert_uint_eq(n, 1);
	struct slice value = call_query(&c, S("c"), &n);
	ck_assert(slice_is_set(value) && value.len == 0);
	ck_assert_uint_eq(n, 2);
	ck_assert(slice_eq(call_query(&c, S("d"), NULL), S("x=y")));
	x.query = slice_of(NULL, 0);
	ck_assert(!slice_is_set(call_query(&c, S("ab"), &n)));
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_hundred_arguments_are_seen_but_all_are_removed)
{
	char many[1000] = "", *end = many;
	for (int i = 0; i < 100; i++)
		end += sprintf(end, "a=%d&", i % 10);
	strcpy(end, "key=secret");
	x.query = slice_cstr(many);
	ck_assert(!slice_is_set(call_query(&c, S("key"), NULL)));
	call_remove_query(&c, S("key"));
	ck_assert_uint_eq(x.query.len, strlen(many) - strlen("&key=secret"));
}
END_TEST

static const char *without(const char *query, const char *name)
{
	x.query = slice_cstr(query);
	call_remove_query(&c, slice_cstr(name));
	return slice_is_set(x.query) ? arena_cstr(&arena, x.query) : "(none)";
}

START_TEST(removing_an_argument_leaves_the_others_as_they_were)
{
	ck_assert_str_eq(without("a=1&b=2&c=3", "b"), "a=1&c=3");
	ck_assert_str_eq(without("b=2&a=%7E&b&b=", "b"), "a=%7E");
	ck_assert_str_eq(without("b", "b"), "(none)");
	ck_assert_str_eq(without("%62=1&a", "b"), "a");
	ck_assert_str_eq(without("&&a&", "b"), "&&a&");
	ck_assert_str_eq(without("", "b"), "");
	ck_assert_str_eq(without("ab=1", "b"), "ab=1");
}
END_TEST

static const char *body_without(const char *type, const char *body, const char *name)
{
	head_set(&request, S("Content-Type"), slice_cstr(type));
	x.body = slice_cstr(body);
	x.body_replaced = false;
	x.body_args = NULL;
	call_remove_body_arg(&c, slice_cstr(name));
	return arena_cstr(&arena, x.body);
}

START_TEST(body_arguments_are_removed_in_their_own_encoding)
{
	ck_assert_str_eq(body_without("application/x-www-form-urlencoded", "a=1&b=2", "a"), "b=2");
	ck_assert(x.body_replaced);
	ck_assert_str_eq(body_without("application/x-www-form-urlencoded", "a=1", "a"), "");
	ck_assert(x.body_replaced);
	ck_assert_str_eq(body_without("application/json", "{\"b\": {\"a\":2}, \"a\" : 1}", "a"), "{\"b\":{\"a\":2}}");
	ck_assert_str_eq(body_without("application/json", "{ \"b\": 1}", "a"), "{ \"b\": 1}");
	ck_assert(!x.body_replaced);
	ck_assert_str_eq(body_without("text/plain", "a=1", "a"), "a=1");
	ck_assert(!x.body_replaced);
}
END_TEST

START_TEST(multipart_bodies_are_written_anew)
{
	const char *body = body_without("multipart/form-data; boundary=\"b b\"",
	        "--b b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	        "--b b\r\nContent-Disposition: form-data; name=\"q\\\"\"\r\nContent-Type: text/x\r\n\r\ntwo\r\n--b b--\r\n",
	        "a");
	size_t n;
	ck_assert_ptr_null(strstr(body, "name=\"a\""));
	x.body_args = NULL;
	ck_assert(slice_eq(call_body_arg(&c, S("q\""), &n), S("two")));
	ck_assert(!slice_is_set(call_body_arg(&c, S("a"), &n)));
	ck_assert_uint_eq(n, 0);
	ck_assert_ptr_nonnull(strstr(body, "\r\nContent-Type: text/x\r\n"));
}
END_TEST

START_TEST(a_value_outlives_its_removal)
{
	head_set(&request, S("Content-Type"), S("application/json"));
	x.body = S("{\"key\":\"a\\u0000b\",\"z\":1}");
	struct slice key = call_body_arg(&c, S("key"), NULL);
	call_remove_body_arg(&c, S("key"));
	ck_assert(slice_eq(key, S("a\0b")));
	ck_assert(slice_eq(call_body(&c), S("{\"z\":1}")));
	ck_assert(!slice_is_set(call_body_arg(&c, S("key"), NULL)));
}
END_TEST

START_TEST(answers_stop_the_request)
{
	ck_assert_int_eq(call_reject(&c, 403, S("no")), STOP);
	ck_assert_int_eq(x.reply.status, 403);
	ck_assert(slice_eq(x.reply.message, S("no")));
	call_reject(&c, 404, slice_of(NULL, 0));
	ck_assert(slice_eq(x.reply.message, S("Not found")));
	ck_assert_int_eq(call_exit(&c, 200, S("{}"), S("application/json; charset=utf-8")), STOP);
	ck_assert(!slice_is_set(x.reply.message));
	ck_assert(slice_eq(x.reply.body, S("{}")));
	ck_assert_int_eq(call_fault(&c, "test"), STOP);
	ck_assert_int_eq(x.reply.status, 500);
	ck_assert(slice_eq(x.reply.message, S("An unexpected error occurred")));
}
END_TEST

START_TEST(an_identity_without_a_consumer_removes_what_the_client_claimed)
{
	head_add(&request, S("X-Consumer-ID"), S("claimed"));
	head_add(&request, S("X-Anonymous-Consumer"), S("true"));
	call_authenticated(&c, NULL, NULL, S("cn=tern"));
	ck_assert(x.has_credential);
	ck_assert_ptr_null(x.consumer);
	ck_assert_ptr_null(head_find(&request, HEADER_X_CONSUMER_ID));
	ck_assert_ptr_null(head_find(&request, HEADER_X_ANONYMOUS_CONSUMER));
	ck_assert(slice_eq(head_get(&request, HEADER_X_CREDENTIAL_IDENTIFIER), S("cn=tern")));
}
END_TEST

START_TEST(a_later_plugin_overrides_the_anonymous_consumer)
{
	const struct uuid credential = {{9}};
	ck_assert_int_eq(call_anonymous(&c, S("tern")), GO);
	ck_assert(slice_eq(head_get(&request, HEADER_X_ANONYMOUS_CONSUMER), S("true")));
	ck_assert(!x.has_credential);
	call_authenticated(&c, &tern, &credential, CREDENTIAL_ID);
	ck_assert_ptr_null(head_find(&request, HEADER_X_ANONYMOUS_CONSUMER));
	ck_assert(slice_eq(
	        head_get(&request, HEADER_X_CREDENTIAL_IDENTIFIER), S("09000000-0000-0000-0000-000000000000")));
	ck_assert(slice_eq(head_get(&request, HEADER_X_CONSUMER_ID), S("01020000-0000-0000-0000-000000000000")));
	ck_assert_ptr_null(head_find(&request, HEADER_X_CONSUMER_CUSTOM_ID));
}
END_TEST

START_TEST(the_anonymous_consumer_is_named_by_id_or_username)
{
	ck_assert_int_eq(call_anonymous(&c, S("01020000-0000-0000-0000-000000000000")), GO);
	ck_assert_ptr_eq(x.consumer, &tern);
	ck_assert_int_eq(call_anonymous(&c, S("nobody")), STOP);
	ck_assert_int_eq(x.reply.status, 500);
}
END_TEST

START_TEST(no_id_is_the_nil_uuid)
{
	ck_assert(slice_eq(call_uuid_text(&c, NULL), S("00000000-0000-0000-0000-000000000000")));
}
END_TEST

START_TEST(groups_of_the_consumer_are_told_and_never_the_clients_own) /* plugins-beyond.md 0 */
{
	static const struct slice two[] = {SLICE("gold"), SLICE("silver")};
	head_add(&request, S("x-consumer-groups"), S("forged"));
	call_authenticated(&c, &tern, NULL, S("k"));
	ck_assert(!slice_is_set(call_header(&c, S("X-Consumer-Groups"), NULL)));
	groups = (struct slice_list){two, 2};
	call_authenticated(&c, &tern, NULL, S("k"));
	ck_assert(slice_eq(call_header(&c, S("X-Consumer-Groups"), NULL), S("gold, silver")));
}
END_TEST

START_TEST(cookies_and_args_are_read_and_written)
{
	head_add(&request, S("Cookie"), S("a=1; b=\"two\"; c"));
	ck_assert(slice_eq(call_cookie(&c, S("b")), S("two")));
	ck_assert(!slice_is_set(call_cookie(&c, S("c"))));
	x.query = S("a=1&b&a=2%20x");
	struct arg_list args = call_query_args(&c);
	ck_assert_uint_eq(args.len, 3);
	ck_assert(!slice_is_set(args.items[1].value));
	args.items[args.len++] = (struct arg){S("n&m"), S("v=")};
	call_set_query_args(&c, &args);
	ck_assert(slice_eq(x.query, S("a=1&b&a=2%20x&n%26m=v%3D")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("call");
	TCase *t = tcase_create("call");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, groups_of_the_consumer_are_told_and_never_the_clients_own);
	tcase_add_test(t, cookies_and_args_are_read_and_written);
	tcase_add_test(t, headers_are_counted_and_the_first_is_given);
	tcase_add_test(t, query_arguments_are_decoded);
	tcase_add_test(t, a_hundred_arguments_are_seen_but_all_are_removed);
	tcase_add_test(t, removing_an_argument_leaves_the_others_as_they_were);
	tcase_add_test(t, body_arguments_are_removed_in_their_own_encoding);
	tcase_add_test(t, multipart_bodies_are_written_anew);
	tcase_add_test(t, a_value_outlives_its_removal);
	tcase_add_test(t, answers_stop_the_request);
	tcase_add_test(t, an_identity_without_a_consumer_removes_what_the_client_claimed);
	tcase_add_test(t, a_later_plugin_overrides_the_anonymous_consumer);
	tcase_add_test(t, the_anonymous_consumer_is_named_by_id_or_username);
	tcase_add_test(t, no_id_is_the_nil_uuid);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
