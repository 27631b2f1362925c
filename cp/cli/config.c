/* gatectl config: declarative files: check, show, compare, and in and out of a server or its database
 * (declarative-config.md 7). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "cp/cli/apply.h"
#include "cp/store/apply.h"
#include "cp/store/memory.h"

static const char template[] = "# A configuration of Gatehouse. Check it with:  gatectl config parse kong.yml\n"
                               "# Put it in force with:                         gatectl apply -f kong.yml\n"
                               "_format_version: \"3.0\"\n\n"
                               "# services:\n"
                               "# - name: orders\n"
                               "#   url: http://127.0.0.1:9090\n"
                               "#   routes:\n"
                               "#   - name: orders\n"
                               "#     paths:\n"
                               "#     - /orders\n"
                               "#   plugins:\n"
                               "#   - name: key-auth\n\n"
                               "# consumers:\n"
                               "# - username: mobile_app\n"
                               "#   keyauth_credentials:\n"
                               "#   - key: ${MOBILE_APP_API_KEY}\n";

/* between: what stands between the two sentences when the file exists, as Kong's commands have it. */
static enum exit_code write_new(const char *path, struct slice bytes, const char *between)
{
	struct err e;

	if (access(path, F_OK) == 0)
		return cli_error("%s already exists.%sWill not overwrite it.", path, between);
	return file_replace(path, bytes, 0600, &e) ? EXIT_OK : cli_error("%s", e.message);
}

/* ---- without a server ------------------------------------------------------------------------------------------ */

static enum exit_code run_init(struct cli *c, const char *path)
{
	return write_new(path ? path : "kong.yml", slice_cstr(template), "\n");
}

static enum exit_code run_parse(struct cli *c, const char *path)
{
	if (!path)
		return cli_error("expected a declarative configuration file; see `gatectl config --help`");
	struct document *d = apply_read(c, path);
	if (d)
		puts("parse successful");
	document_free(d);
	return d ? EXIT_OK : EXIT_FAILED;
}

/* ---- with a database ------------------------------------------------------------------------------------------- */

static struct store *open_database(struct cli *c, const char *command)
{
	struct settings *s = arena_new(c->arena, struct settings);
	struct err e;

	if (!cli_settings(c, s))
		return NULL;
	if (is_without_database(s)) {
		cli_error(
		        "'gatectl config %s' only works with a database.\nWithout one, POST the file to /config, or: "
		        "gatectl apply -f FILE",
		        command);
		return NULL;
	}
	struct store *st = store_open(s, &e);
	if (!st)
		cli_error("%s", e.message);
	return st;
}

struct import {
	const char *path;
	struct arena *arena;
	bool expand;
	struct err e;
};

static struct document *read_import(struct document_base *base, void *arg)
{
	struct import *i = arg;
	struct document_options options = {.expand = i->expand, .now_ms = clock_wall_ms(), .base = base};

	return document_read_file(i->arena, i->path, &options, &i->e);
}

static enum exit_code import(struct cli *c, struct store *st, const char *path)
{
	struct import i = {
	        .path = path,
	        .arena = c->arena,
	        .expand = !slice_eq(c->settings->declarative_config_env, S("off")),
	};
	struct apply_request request = {.read = read_import, .arg = &i, .keep_rest = true};
	struct apply_result result;
	struct fault f = {0};
	enum exit_code code = EXIT_OK;

	store_sign(st, &(struct store_signature){.author = S("gatectl"), .message = S("config db_import")});
	puts("parse successful, beginning import");
	if (!store_apply(st, &request, &result, &f)) {
		code = cli_error("Failed importing:\n[postgres] %s", f.message ? f.message : "failed");
	} else if (!result.document || document_has_faults(result.document)) {
		struct text why = {0};
		document_source_explain(result.document, &i.e, &why);
		code = cli_error("Failed importing:\n%s", text_cstr(&why));
		text_fini(&why);
	} else {
		puts("import successful");
	}
	fault_fini(&f);
	apply_result_fini(&result);
	return code;
}

static enum exit_code run_import(struct cli *c, const char *path)
{
	if (!path)
		return cli_error("expected a declarative configuration file; see `gatectl config --help`");
	struct document *checked = apply_read(c, path);
	struct store *st = checked ? open_database(c, "db_import") : NULL;
	document_free(checked);
	enum exit_code code = st ? import(c, st, path) : EXIT_FAILED;
	store_close(st);
	return code;
}

static bool add_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	return document_writer_add(arg, kind, json, e);
}

static enum exit_code run_export(struct cli *c, const char *path)
{
	struct store *st = open_database(c, "db_export");
	struct text out = {0};
	struct err e;
	uint64_t version;

	if (!st)
		return EXIT_FAILED;
	struct document_writer *w = document_writer_new();
	bool ok = store_snapshot(st, &version, add_row, w, &e);
	document_writer_finish(w, &out);
	store_close(st);
	enum exit_code code = ok ? write_new(path ? path : "kong.yml", text_slice(&out), " ")
	                         : cli_error("%s", e.message);
	text_fini(&out);
	return code;
}

/* ---- with a server --------------------------------------------------------------------------------------------- */

static enum exit_code dump(struct cli *c, struct admin_client *a, const char *path)
{
	struct admin_answer answer = {0};
	enum exit_code code = admin_client_ask(a, "GET", "/config?export=1", NULL, &answer);
	const json_t *config = json_object_get(answer.json, "config");

	if (code == EXIT_OK && !json_is_string(config))
		code = cli_fail("the server at %s did not answer a configuration", admin_client_url(a));
	else if (code == EXIT_OK && path)
		code = write_new(path, slice_of(json_string_value(config), json_string_length(config)), " ");
	else if (code == EXIT_OK)
		fwrite(json_string_value(config), 1, json_string_length(config), stdout);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code with_server(struct cli *c, const char *what, const char *path)
{
	struct apply_options o = {.path = path, .message = cli_option(c, "-m"), .wait_ms = 60000};

	o.is_diff = strcmp(what, "diff") == 0;
	o.dry_run = cli_flag(c, "--dry-run") || o.is_diff;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	/* options are taken out by now, so the file may stand anywhere among them */
	o.path = c->argc > 1 ? c->argv[1] : NULL;
	enum exit_code code;
	if (strcmp(what, "dump") == 0)
		code = dump(c, a, o.path);
	else
		code = o.path ? apply_run(c, a, &o)
		              : cli_error("expected a declarative configuration file; see `gatectl config --help`");
	admin_client_close(a);
	return code;
}

static enum exit_code run_config(struct cli *c)
{
	static const struct {
		const char *name;
		enum exit_code (*run)(struct cli *c, const char *path);
	} local[] = {{"init", run_init}, {"parse", run_parse}, {"db_import", run_import}, {"db_export", run_export}};
	static const char *const remote[] = {"dump", "apply", "diff"};
	const char *what = c->argc > 0 ? c->argv[0] : "";

	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
		if (strcmp(local[i].name, what) == 0)
			return local[i].run(c, c->argc > 1 ? c->argv[1] : NULL);
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
		if (strcmp(remote[i], what) == 0)
			return with_server(c, what, NULL);
	cli_fail("config takes one of: init, parse, dump, apply, diff, db_import, db_export");
	return EXIT_USAGE;
}

const struct command config_command = {
        .name = "config",
        .usage = "init|parse|dump|apply|diff|db_import|db_export [FILE] [-m MESSAGE] [--dry-run] [--admin URL] "
                 "[--conf FILE] [-o json]",
        .summary = "declarative files: check (parse), fetch (dump), compare (diff: 2 when it differs), put in force",
        .examples = "  gatectl config parse kong.yml\n"
                    "  gatectl config diff kong.yml && echo nothing to do\n",
        .run = run_config,
};
