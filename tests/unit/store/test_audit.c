/* audit: a write's record stands or falls with its version (issue 3, item 8). */
#include "cp/store/audit.h"
#include "tests/unit/store/fixture.h"

static struct settings s;
static struct store *st;
static int status;

static void setup(void)
{
	st = fresh_store(&s);
}

static void teardown(void)
{
	store_close(st);
}

static struct audit_entry entry(const char *admin)
{
	return (struct audit_entry){.request_id = S("r1"),
	        .method = S("POST"),
	        .path = S("/services"),
	        .client_ip = S("192.0.2.1"),
	        .admin = slice_cstr(admin),
	        .login = S("token"),
	        .admin_id = uuid_of(7),
	        .status = &status};
}

#define ROW "SELECT concat_ws(',', method, path, admin, login, client_ip, status, version) FROM audit_requests"

START_TEST(a_record_is_committed_with_its_version)
{
	struct audit_entry e = entry("ops");
	struct fault f = {0};

	status = 201;
	store_audit_expect(st, &e);
	insert(st, &services, "{'id':@1,'name':'a'}");
	expect_value(&s, ROW, "POST,/services,ops,token,192.0.2.1,201,1");
	ck_assert(store_audit_finish(st, &f)); /* not a second time */
	insert(st, &services, "{'id':@2,'name':'b'}");
	expect_value(&s, "SELECT count(*) FROM audit_requests", "1");
}
END_TEST

START_TEST(what_is_rolled_back_is_recorded_alone)
{
	struct audit_entry e = entry("ops");
	struct fault f = {0};

	store_audit_expect(st, &e);
	ck_assert(store_begin(st, &f));
	insert(st, &services, "{'id':@1,'name':'a'}");
	store_rollback(st);
	expect_value(&s, "SELECT count(*) FROM audit_requests", "0");
	status = 400;
	ck_assert(store_audit_finish(st, &f));
	expect_value(&s, ROW, "POST,/services,ops,token,192.0.2.1,400");
	expect_value(&s, "SELECT count(*) FROM services", "0");
}
END_TEST

START_TEST(metacharacters_are_data)
{
	struct audit_entry e = entry("o'; DROP TABLE services; --");
	struct fault f = {0};

	e.path = S("/a\\'b");
	e.client_ip = S("a\xff"); /* no text: left out */
	status = 200;
	store_audit_expect(st, &e);
	ck_assert(store_audit_finish(st, &f));
	expect_value(&s, ROW, "POST,/a\\'b,o'; DROP TABLE services; --,token,200");
}
END_TEST

static void put_on_record(const char *admin, const char *method, const char *path, int code)
{
	struct audit_entry e = entry(admin);
	struct fault f = {0};

	e.method = slice_cstr(method);
	e.path = slice_cstr(path);
	status = code;
	store_audit_expect(st, &e);
	ck_assert(store_audit_finish(st, &f));
}

/* The paths of what a filter finds, newest first; "+": there is more. */
static const char *found(struct audit_filter filter)
{
	static char out[256];
	struct fault f = {0};
	bool more;
	size_t i, n = 0;
	json_t *row;

	filter.size = filter.size ? filter.size : 100;
	json_t *rows = store_audit_list(st, &filter, &more, &f);
	ck_assert_msg(rows != NULL, "%s", f.message);
	out[0] = '\0';
	json_array_foreach(rows, i, row) n += (size_t)snprintf(
	        out + n, sizeof out - n, "%s ", json_string_value(json_object_get(row, "path")));
	snprintf(out + n, sizeof out - n, "%s", more ? "+" : "");
	json_decref(rows);
	return out;
}

START_TEST(records_are_found_by_what_is_asked_for)
{
	put_on_record("ann", "POST", "/services", 201);
	put_on_record("bob", "DELETE", "/services/a", 403);
	put_on_record("ann", "POST", "/routes", 400);
	ck_assert_str_eq(found((struct audit_filter){0}), "/routes /services/a /services ");
	ck_assert_str_eq(found((struct audit_filter){.admin = S("ann")}), "/routes /services ");
	ck_assert_str_eq(found((struct audit_filter){.path = S("/services")}), "/services/a /services ");
	ck_assert_str_eq(found((struct audit_filter){.method = S("DELETE")}), "/services/a ");
	ck_assert_str_eq(found((struct audit_filter){.status = S("400")}), "/routes ");
	ck_assert_str_eq(found((struct audit_filter){.size = 2}), "/routes /services/a +");
	ck_assert_str_eq(found((struct audit_filter){.below = 2}), "/services ");
	ck_assert_str_eq(found((struct audit_filter){.after = S("32503680000")}), "");
	ck_assert_str_eq(found((struct audit_filter){.before = S("1000.5")}), "");
	ck_assert_str_eq(found((struct audit_filter){.admin = S("a\xff")}), "");
}
END_TEST

START_TEST(old_records_go_in_steps)
{
	struct fault f = {0};
	uint64_t dropped = 0;

	for (int i = 0; i < 5; i++)
		put_on_record("ann", "POST", "/services", 201);
	test_pg_exec(&s, "UPDATE audit_requests SET at = now() - interval '2 hours' WHERE id < 5");
	ck_assert(store_audit_prune(st, 3600, 3, &dropped, &f));
	ck_assert_uint_eq(dropped, 3);
	ck_assert(store_audit_prune(st, 3600, 3, &dropped, &f));
	ck_assert_uint_eq(dropped, 1);
	expect_value(&s, "SELECT count(*) FROM audit_requests", "1");
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_record_is_committed_with_its_version);
	tcase_add_test(tc, what_is_rolled_back_is_recorded_alone);
	tcase_add_test(tc, metacharacters_are_data);
	tcase_add_test(tc, records_are_found_by_what_is_asked_for);
	tcase_add_test(tc, old_records_go_in_steps);
}

int main(void)
{
	return run_suite("audit", fill);
}
