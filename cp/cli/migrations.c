/* gatectl migrations: brings the database to this release. Safe to repeat and to run from several places at once. */
#include <stdio.h>

#include "cp/cli/command.h"
#include "cp/cli/output.h"
#include "cp/store/migrate.h"

static void print_step(const char *step, void *arg)
{
	(void)arg;
	printf("  %s\n", step);
	fflush(stdout);
}

static const char *state_text(enum migrate_state state)
{
	switch (state) {
	case MIGRATE_EMPTY: return "database is empty: run 'gatectl migrations bootstrap'";
	case MIGRATE_PENDING: return "migrations are pending: run 'gatectl migrations up'";
	case MIGRATE_CURRENT: return "database is up to date";
	case MIGRATE_NEWER: return "database is newer than this release";
	}
	return "";
}

static const char *state_word(enum migrate_state state)
{
	switch (state) {
	case MIGRATE_EMPTY: return "empty";
	case MIGRATE_PENDING: return "pending";
	case MIGRATE_CURRENT: return "current";
	case MIGRATE_NEWER: return "newer";
	}
	return "";
}

static void print_state(const struct cli *c, enum migrate_state state)
{
	json_t *out = json_pack("{s:s, s:s}", "state", state_word(state), "message", state_text(state));

	if (c->json)
		output_json(out);
	else
		printf("%s\n", state_text(state));
	json_decref(out);
}

static bool show_status(const struct cli *c, struct store *st, struct err *e)
{
	enum migrate_state state;
	if (!migrate_status(st, &state, e))
		return false;
	print_state(c, state);
	return state == MIGRATE_CURRENT || err_set(e, "the database is not at this release");
}

static bool bring_up(const struct cli *c, struct store *st, struct err *e)
{
	enum migrate_state state;

	if (!migrate_run(st, c->json ? NULL : print_step, NULL, e) || !migrate_status(st, &state, e))
		return false;
	print_state(c, state);
	return true;
}

static enum exit_code run_migrations(struct cli *c)
{
	struct slice what = c->argc == 1 ? slice_cstr(c->argv[0]) : S("");
	bool up = slice_eq(what, S("bootstrap")) || slice_eq(what, S("up")) || slice_eq(what, S("finish"));
	struct settings s;
	struct err e;

	if (!up && !slice_eq(what, S("status")) && !slice_eq(what, S("list"))) {
		cli_fail("migrations takes one of: bootstrap, up, finish, list, status");
		return EXIT_USAGE;
	}
	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	struct store *st = store_open(&s, &e);
	if (!st)
		return cli_fail("%s", e.message);
	bool ok = up ? bring_up(c, st, &e) : show_status(c, st, &e);
	store_close(st);
	return ok ? EXIT_OK : cli_fail("%s", e.message);
}

const struct command migrations_command = {
        .name = "migrations",
        .usage = "bootstrap|up|finish|list|status [--conf FILE] [-o json]",
        .summary = "create or upgrade the database's tables",
        .examples = "  gatectl migrations bootstrap --conf /etc/gatehouse/gatehouse.conf\n"
                    "  GATEHOUSE_PG_HOST=db.example gatectl migrations status\n",
        .run = run_migrations,
};
