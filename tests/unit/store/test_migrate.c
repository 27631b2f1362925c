/* migrate: from nothing to this release, again, at the same time, and after the kinds have grown.
 * Threads: several migrations at the same time. */
#include <pthread.h>

#include "tests/unit/store/fixture.h"

static void expect_state(struct store *st, enum migrate_state want)
{
	enum migrate_state state;
	struct err e;

	if (!migrate_status(st, &state, &e))
		ck_abort_msg("%s", e.message);
	ck_assert_int_eq(state, want);
}

static void note_step(const char *step, void *arg)
{
	text_printf(arg, "%s;", step);
}

static void expect_steps(struct store *st, const char *want)
{
	struct text steps = {0};
	struct err e;

	if (!migrate_run(st, note_step, &steps, &e))
		ck_abort_msg("%s", e.message);
	ck_assert_str_eq(text_cstr(&steps), want);
	text_fini(&steps);
}

static const char numbered[] =
#define MIGRATION(number, name, sql) "migration 000" #number " " name ";"
#include "cp/store/migrations/migrations.def"
#undef MIGRATION
        ;

/* What an empty database needs after `first`: the numbered migrations and the kinds of fixture.h. */
static const char *all_steps(const char *first)
{
	static char steps[1024];

	snprintf(steps, sizeof steps, "%s%s%s", first, numbered,
	        "create table services;create table routes;create table consumers;create table plugins;"
	        "create table upstreams;create table targets;create table keyauth_credentials;create table oauth2_tokens;"
	        "create table guards;");
	return steps;
}

START_TEST(an_empty_database_becomes_current_step_by_step)
{
	struct settings s = test_pg_database();
	struct store *st = open_store(&s);

	expect_state(st, MIGRATE_EMPTY);
	expect_steps(st, all_steps(""));
	expect_state(st, MIGRATE_CURRENT);
	store_close(st);
}
END_TEST

/* As when a migration drops it because a release adds a field to the composite key. */
START_TEST(a_dropped_index_is_made_again)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	test_pg_exec(&s, "DROP INDEX plugins_scope_key");
	expect_state(st, MIGRATE_PENDING);
	expect_steps(st, "extend table plugins;");
	expect_state(st, MIGRATE_CURRENT);
	store_close(st);
}
END_TEST

START_TEST(a_second_run_has_nothing_to_do_and_keeps_the_data)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a'}");
	expect_steps(st, "");
	ck_assert(is_there(st, &services, 1));
	store_close(st);
}
END_TEST

START_TEST(everything_lives_in_pg_schema)
{
	struct settings s = test_pg_database();
	s.pg_schema = S("gate \"house");
	struct store *st = open_store(&s);

	expect_state(st, MIGRATE_EMPTY);
	expect_steps(st, all_steps("create schema;"));
	expect_state(st, MIGRATE_CURRENT);
	insert(st, &services, "{'id':@1,'name':'a','tags':['t']}");
	expect_value(&s, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", "0");
	expect_value(&s, "SELECT count(*) FROM \"gate \"\"house\".services", "1");
	store_close(st);
}
END_TEST

START_TEST(a_run_that_was_cut_short_is_taken_up)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	test_pg_exec(&s, "DROP TABLE oauth2_tokens; DROP INDEX services_name_key");
	expect_state(st, MIGRATE_PENDING);
	expect_steps(st, "extend table services;create table oauth2_tokens;");
	expect_state(st, MIGRATE_CURRENT);
	store_close(st);
}
END_TEST

START_TEST(a_newer_database_is_left_alone)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct err e;

	test_pg_exec(&s, "UPDATE gatehouse_meta SET release = 999");
	expect_state(st, MIGRATE_NEWER);
	ck_assert(!migrate_run(st, NULL, NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "the database is at release 999, newer than "));
	store_close(st);
}
END_TEST

/* ---- kinds that grow ------------------------------------------------------------------------------------------- */

static const struct field grown_service_fields[] = {
        ID,
        TEXT("name", .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY),
        TEXT("host", .flags = UNIQUE), /* newly unique */
        {.name = "port", .type = TYPE_INTEGER},
        TAGS,
        REF("client_certificate", "certificates", ON_DELETE_RESTRICT), /* now there */
        REF("consumer", "consumers", ON_DELETE_RESTRICT),              /* a new field */
        {0},
};
static const struct field certificate_fields[] = {ID, TEXT("cert"), {0}};
static const struct schema grown_services = {.name = "services", .path = "services", .fields = grown_service_fields};
static const struct schema certificates = {.name = "certificates", .fields = certificate_fields};

START_TEST(new_kinds_and_columns_are_added_and_filled)
{
	struct settings s;
	struct store *st = fresh_store(&s);

	insert(st, &services, "{'id':@1,'name':'a','host':'h'}");
	const struct schema *grown[] = {&certificates, &consumers, &grown_services, &routes, &plugins, &upstreams,
	        &targets, &keys, &tokens, NULL};
	memcpy(fixture_kinds, grown, sizeof grown);
	expect_state(st, MIGRATE_PENDING);
	expect_steps(st, "create table certificates;extend table services (host, consumer);");
	expect_state(st, MIGRATE_CURRENT);
	expect_value(&s, "SELECT host FROM services", "h");
	struct fault f = refused_insert(st, &grown_services, "{'id':@2,'name':'b','host':'h'}");
	expect_fault(&f, 5, 409, "UNIQUE violation detected on '{host=\"h\"}'", NULL);
	f = refused_insert(st, &grown_services, "{'id':@2,'name':'b','client_certificate':{'id':@9}}");
	expect_fault(&f, 4, 400, NULL, "{'client_certificate':{'id':@9}}");
	insert(st, &certificates, "{'id':@9,'cert':'x'}");
	insert(st, &grown_services, "{'id':@2,'name':'b','client_certificate':{'id':@9}}");
	store_close(st);
}
END_TEST

START_TEST(a_step_that_fails_is_named_and_leaves_the_rest_as_it_was)
{
	struct settings s;
	struct store *st = fresh_store(&s);
	struct err e;

	insert(st, &services, "{'id':@1,'name':'a','host':'same'}");
	insert(st, &services, "{'id':@2,'name':'b','host':'same'}");
	fixture_kinds[0] = &consumers;
	fixture_kinds[1] = &grown_services;
	fixture_kinds[2] = &routes;
	ck_assert(!migrate_run(st, NULL, NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "extend table services (host, consumer): "));
	expect_state(st, MIGRATE_PENDING);
	expect_value(&s,
	        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'services' AND column_name = 'host'",
	        "0");
	insert(st, &consumers, "{'id':@3,'username':'a'}"); /* the old kinds still work */
	store_close(st);
}
END_TEST

/* ---- at the same time ------------------------------------------------------------------------------------------ */

struct runner {
	const struct settings *settings;
	struct text steps;
	bool ok;
};

static void *run(void *arg)
{
	struct runner *r = arg;
	struct store *st = open_store(r->settings);
	struct err e;

	r->ok = migrate_run(st, note_step, &r->steps, &e);
	store_close(st);
	return NULL;
}

START_TEST(two_runs_at_once_do_the_work_once)
{
	struct settings s = test_pg_database();
	struct runner runners[2] = {{.settings = &s}, {.settings = &s}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, &runners[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert(runners[0].ok && runners[1].ok);
	struct text all = {0};
	text_put(&all, text_slice(&runners[0].steps));
	text_put(&all, text_slice(&runners[1].steps));
	ck_assert_str_eq(text_cstr(&all), all_steps(""));
	expect_value(&s, "SELECT count(*) FROM gatehouse_meta", "1");
	text_fini(&all);
	text_fini(&runners[0].steps);
	text_fini(&runners[1].steps);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_test(tc, an_empty_database_becomes_current_step_by_step);
	tcase_add_test(tc, a_dropped_index_is_made_again);
	tcase_add_test(tc, a_second_run_has_nothing_to_do_and_keeps_the_data);
	tcase_add_test(tc, everything_lives_in_pg_schema);
	tcase_add_test(tc, a_run_that_was_cut_short_is_taken_up);
	tcase_add_test(tc, a_newer_database_is_left_alone);
	tcase_add_test(tc, new_kinds_and_columns_are_added_and_filled);
	tcase_add_test(tc, a_step_that_fails_is_named_and_leaves_the_rest_as_it_was);
	tcase_add_test(tc, two_runs_at_once_do_the_work_once);
}

int main(void)
{
	return run_suite("migrate", fill);
}
