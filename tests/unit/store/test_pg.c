/* pg: limits of time, reconnecting, values. */
#include <signal.h>

#include "cp/store/pg.h"
#include "tests/unit/store/fixture.h"

static struct pg connected(const struct settings *s)
{
	struct pg pg;
	struct pg_error e;

	pg_init(&pg, s);
	if (!pg_connect(&pg, &e))
		ck_abort_msg("%s", e.text.message);
	return pg;
}

START_TEST(the_last_of_several_statements_gives_the_result)
{
	struct settings s = test_pg_database();
	struct pg pg = connected(&s);
	struct pg_error e;
	PGresult *r = pg_query(&pg, "SELECT 1; SELECT 7, NULL, ''", NULL, &e);

	ck_assert_uint_eq(pg_uint(r, 0, 0), 7);
	ck_assert(!slice_is_set(pg_value(r, 0, 1)));
	ck_assert(slice_is_set(pg_value(r, 0, 2)));
	PQclear(r);
	pg_fini(&pg);
}
END_TEST

START_TEST(the_first_failing_statement_is_reported)
{
	struct settings s = test_pg_database();
	struct pg pg = connected(&s);
	struct pg_error e;

	ck_assert(!pg_run(&pg, "SELECT 1; SELECT 1/0; SELECT 2", NULL, &e));
	ck_assert_str_eq(e.sqlstate, "22012");
	ck_assert(!e.gone);
	ck_assert(pg_run(&pg, "SELECT 1", NULL, &e));
	pg_fini(&pg);
}
END_TEST

START_TEST(the_detail_of_an_error_with_its_values_stays_inside)
{
	struct settings s = test_pg_database();
	struct pg pg = connected(&s);
	struct pg_error e;

	ck_assert(pg_run(&pg, "CREATE TABLE t (secret text CONSTRAINT t_key UNIQUE); INSERT INTO t VALUES ('hush')",
	        NULL, &e));
	ck_assert(!pg_run(&pg, "INSERT INTO t VALUES ($1)", PG_PARAMS("hush"), &e));
	ck_assert_str_eq(e.sqlstate, "23505");
	ck_assert_str_eq(e.constraint, "t_key");
	ck_assert_ptr_null(strstr(e.text.message, "hush"));
	pg_fini(&pg);
}
END_TEST

START_TEST(a_slow_statement_is_ended_by_the_server)
{
	struct settings s = test_pg_database();
	s.pg_timeout = 100;
	struct pg pg = connected(&s);
	struct pg_error e;

	ck_assert(!pg_run(&pg, "SELECT pg_sleep(5)", NULL, &e));
	ck_assert(e.gone);
	ck_assert_ptr_nonnull(strstr(e.text.message, "did not finish within 100 ms (pg_timeout)"));
	ck_assert(pg_set_timeout(&pg, 0, &e));
	ck_assert(pg_run(&pg, "SELECT pg_sleep(0.2)", NULL, &e));
	pg_fini(&pg);
}
END_TEST

START_TEST(a_silent_server_is_given_up)
{
	struct settings s = test_pg_database();
	s.pg_timeout = 200;
	struct pg pg = connected(&s);
	struct pg_error e;
	pid_t backend = PQbackendPID(pg.conn);

	if (!test_pg_is_private()) {
		pg_fini(&pg);
		return;
	}
	ck_assert_int_eq(kill(backend, SIGSTOP), 0);
	uint64_t began = clock_mono_ms();
	ck_assert(!pg_run(&pg, "SELECT 1", NULL, &e));
	uint64_t took = clock_mono_ms() - began;
	kill(backend, SIGCONT);
	ck_assert(e.gone);
	ck_assert_ptr_nonnull(strstr(e.text.message, "the server does not answer"));
	ck_assert_uint_ge(took, 1200);
	ck_assert_uint_lt(took, 5000);
	ck_assert(pg_run(&pg, "SELECT 1", NULL, &e));
	pg_fini(&pg);
}
END_TEST

static void cut(struct pg *pg, const struct settings *s)
{
	char sql[64];
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", PQbackendPID(pg->conn));
	test_pg_exec(s, sql);
}

START_TEST(a_lost_connection_is_made_anew_unless_pinned)
{
	struct settings s = test_pg_database();
	struct pg pg = connected(&s);
	struct pg_error e;

	cut(&pg, &s);
	ck_assert(pg_run(&pg, "SELECT 1", NULL, &e));
	pg.pinned = true;
	cut(&pg, &s);
	ck_assert(!pg_run(&pg, "SELECT 1", NULL, &e));
	ck_assert(e.gone);
	ck_assert(!pg_run(&pg, "SELECT 1", NULL, &e));
	pg.pinned = false;
	ck_assert(pg_run(&pg, "SELECT 1", NULL, &e));
	pg_fini(&pg);
}
END_TEST

START_TEST(a_session_is_set_up_again_after_a_reconnect)
{
	struct settings s = test_pg_database();
	s.pg_schema = S("there");
	test_pg_exec(&s, "CREATE SCHEMA there");
	struct pg pg = connected(&s);
	struct pg_error e;

	cut(&pg, &s);
	PGresult *r = pg_query(&pg,
	        "SELECT current_schema(), current_setting('statement_timeout'),"
	        " current_setting('application_name')",
	        NULL, &e);
	ck_assert_ptr_nonnull(r);
	ck_assert(slice_eq(pg_value(r, 0, 0), S("there")));
	ck_assert(slice_eq(pg_value(r, 0, 1), S("5s")));
	ck_assert(slice_eq(pg_value(r, 0, 2), S("gatehouse-cp")));
	PQclear(r);
	pg_fini(&pg);
}
END_TEST

START_TEST(text_is_what_postgresql_can_hold)
{
	ck_assert(is_pg_text(S("caf\xc3\xa9")));
	ck_assert(is_pg_text(S("")));
	ck_assert(!is_pg_text(S("a\0b")));
	ck_assert(!is_pg_text(S("\xff")));
}
END_TEST

/* ---- several hosts ---- */

/* "host:port" as it is; and a port where nobody listens before it. */
static struct slice after_a_dead_one(const struct settings *s, char *out, size_t size)
{
	snprintf(out, size, "127.0.0.1:1, %.*s:%d", SLICE_ARG(s->pg_host), (int)s->pg_port);
	return slice_cstr(out);
}

START_TEST(of_several_hosts_the_one_that_answers_is_used)
{
	struct settings s = test_pg_database();
	char hosts[300];
	s.pg_host = after_a_dead_one(&s, hosts, sizeof hosts);
	s.pg_port = 2;
	struct pg pg = connected(&s);
	struct pg_error e;
	ck_assert(pg_run(&pg, "SELECT 1", NULL, &e));
	pg_fini(&pg);
}
END_TEST

START_TEST(a_host_that_takes_no_writes_any_more_is_left)
{
	struct settings s = test_pg_database();
	char hosts[300];
	s.pg_host = after_a_dead_one(&s, hosts, sizeof hosts);
	struct pg pg = connected(&s);
	struct pg_error e;
	ck_assert(pg_run(&pg, "CREATE TABLE t (n int); SET default_transaction_read_only = on", NULL, &e));
	/* as after its demotion; on the new connection all is well again */
	ck_assert_msg(pg_run(&pg, "INSERT INTO t VALUES (1)", NULL, &e), "%s", e.text.message);
	pg_fini(&pg);
}
END_TEST

START_TEST(when_none_answers_the_setting_is_quoted)
{
	struct settings s = test_pg_database();
	struct pg pg;
	struct pg_error e;
	s.pg_host = S("127.0.0.1:1,[::1]:1,127.0.0.1:3");
	pg_init(&pg, &s);
	ck_assert_uint_eq(pg.hosts, 3);
	ck_assert_str_eq(pg.host, "127.0.0.1,::1,127.0.0.1");
	ck_assert_str_eq(pg.port, "1,1,3");
	ck_assert(!pg_connect(&pg, &e));
	ck_assert(e.gone && strstr(e.text.message, "127.0.0.1:1,[::1]:1,127.0.0.1:3"));
	pg_fini(&pg);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, the_last_of_several_statements_gives_the_result);
	tcase_add_test(tc, the_first_failing_statement_is_reported);
	tcase_add_test(tc, the_detail_of_an_error_with_its_values_stays_inside);
	tcase_add_test(tc, a_slow_statement_is_ended_by_the_server);
	tcase_add_test(tc, a_silent_server_is_given_up);
	tcase_add_test(tc, a_lost_connection_is_made_anew_unless_pinned);
	tcase_add_test(tc, a_session_is_set_up_again_after_a_reconnect);
	tcase_add_test(tc, text_is_what_postgresql_can_hold);
	tcase_add_test(tc, of_several_hosts_the_one_that_answers_is_used);
	tcase_add_test(tc, a_host_that_takes_no_writes_any_more_is_left);
	tcase_add_test(tc, when_none_answers_the_setting_is_quoted);
}

int main(void)
{
	return run_suite("pg", fill);
}
