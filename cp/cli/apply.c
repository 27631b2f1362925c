/* gatectl apply: a whole file becomes the server's configuration: all or nothing, one version, live everywhere
 * (users.md 2.4). The file is checked here first, for its lines; what changes is the server's to say. */
#include "cp/cli/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/entity/route.h"
#include "common/plugin/template.h"
#include "cp/cli/changes.h"
#include "cp/cli/output.h"
#include "cp/cli/wait.h"

enum { LISTED = 200, WAIT_DEFAULT_MS = 60000, SLOW_MS = 1000 };

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool read_stdin(struct cli *c, struct slice *out)
{
	struct text t = {0};
	size_t n;

	do {
		char *to = text_reserve(&t, 65536);
		n = fread(to, 1, 65536, stdin);
		t.len += n;
		t.ptr[t.len] = '\0';
	} while (n > 0 && t.len < DOCUMENT_SIZE_MAX);
	*out = arena_dup(c->arena, text_slice(&t));
	text_fini(&t);
	return ferror(stdin) == 0;
}

struct document *apply_read(struct cli *c, const char *path)
{
	struct document_source from = {.path = path};
	struct text why = {0};
	struct settings s;

	if (!cli_settings(c, &s))
		return NULL;
	from.expand = !slice_eq(s.declarative_config_env, S("off"));
	if (strcmp(path, "-") == 0) {
		from.path = NULL;
		if (!read_stdin(c, &from.text)) {
			cli_fail("cannot read standard input");
			return NULL;
		}
	}
	struct document *d = document_source_load(c->arena, &from, &why);
	if (!d)
		cli_error("Failed parsing:\n%s", text_cstr(&why));
	text_fini(&why);
	return d;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* Says what took long, or what is being done to who watches. */
static void tell(const struct cli *c, uint64_t since_ms, const char *what, size_t n)
{
	uint64_t took_ms = clock_mono_ms() - since_ms;

	if (!c->json && (took_ms >= SLOW_MS || isatty(STDERR_FILENO)))
		fprintf(stderr, "%s %zu entities in %.1f s\n", what, n, (double)took_ms / 1000);
}

static void make_target(const struct apply_options *o, struct text *out)
{
	text_printf(out, "/config?changes=%d", o->is_diff ? DOCUMENT_ITEMS_MAX : LISTED);
	if (o->dry_run)
		text_puts(out, "&dry_run=1");
	if (o->message) {
		text_puts(out, "&message=");
		admin_client_escape(out, slice_cstr(o->message));
	}
}

static enum exit_code send(
        struct admin_client *a, const struct document *d, const struct apply_options *o, struct admin_answer *answer)
{
	struct text target = {0};
	char *json = json_dumps(document_root(d), JSON_COMPACT);

	make_target(o, &target);
	enum exit_code code = admin_client_ask(
	        a, "POST", text_cstr(&target), &(struct admin_body){S("application/json"), slice_cstr(json)}, answer);
	if (answer->status == 413)
		cli_fail(
		        "the server takes documents up to its setting admin_max_document_size; this one has %zu bytes",
		        strlen(json));
	free(json);
	text_fini(&target);
	return code;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static long long number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static long long changes_in(const json_t *outcome)
{
	return number_at(outcome, "created") + number_at(outcome, "updated") + number_at(outcome, "deleted");
}

static void print_outcome(const json_t *outcome, bool dry_run)
{
	changes_print(json_object_get(outcome, "changes"));
	if (number_at(outcome, "changes_left_off") > 0)
		printf("... and %lld more\n", number_at(outcome, "changes_left_off"));
	printf(dry_run ? "%lld to create, %lld to update, %lld to delete, %lld unchanged\n"
	               : "%lld created, %lld updated, %lld deleted, %lld unchanged\n",
	        number_at(outcome, "created"), number_at(outcome, "updated"), number_at(outcome, "deleted"),
	        number_at(outcome, "unchanged"));
	if (number_at(outcome, "version") > 0)
		printf("version %lld\n", number_at(outcome, "version"));
	fflush(stdout);
}

/* Allowed, and probably not meant. */
static void print_warnings(const json_t *outcome)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(outcome, "warnings"), i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		struct text line = {0};
		text_printf(&line, "warning: %s %s: %s", json_string_value(json_object_get(one, "kind")),
		        name ? name : json_string_value(json_object_get(one, "id")),
		        json_string_value(json_object_get(one, "message")));
		changes_print_text(&line);
		text_fini(&line);
	}
	if (number_at(outcome, "warnings_left_off") > 0)
		printf("... and %lld more warnings\n", number_at(outcome, "warnings_left_off"));
	fflush(stdout);
}

/* A server without a database answers its entities: it takes every document as new. */
static enum exit_code conclude(
        struct cli *c, struct admin_client *a, const struct apply_options *o, const struct admin_answer *answer)
{
	bool is_outcome = json_is_array(json_object_get(answer->json, "changes"));
	bool any = !is_outcome || changes_in(answer->json) > 0;
	long long version = number_at(answer->json, "version");

	if (c->json && is_outcome)
		output_json(answer->json);
	else if (!any)
		puts("no changes");
	else if (is_outcome)
		print_outcome(answer->json, o->dry_run);
	else if (!c->json)
		printf("version %" PRIu64 "\n", answer->version);
	if (!c->json && is_outcome)
		print_warnings(answer->json);
	if (o->is_diff && any)
		return EXIT_DIFFERENT;
	return version > 0 && !o->dry_run ? wait_until_live(a, c, (uint64_t)version, o->wait_ms) : EXIT_OK;
}

/* What routes and plugins may say depends on the server's settings, which need not be those of this machine. Who does
 * not answer is complained of when the file is sent. */
static bool judge_as_the_server(struct cli *c, struct admin_client *a)
{
	struct admin_answer root = {0};
	struct settings s;
	struct err ignored;

	if (!cli_settings(c, &s))
		return false;
	if (admin_client_call(a, "GET", "/", NULL, &root, &ignored)) {
		const json_t *theirs = json_object_get(root.json, "configuration");
		const char *flavor = json_string_value(json_object_get(theirs, "router_flavor"));
		const char *lua = json_string_value(json_object_get(theirs, "untrusted_lua"));
		if (flavor)
			route_use_flavor(slice_cstr(flavor));
		if (lua)
			template_allow_lua(strcmp(lua, "off") != 0);
	}
	admin_answer_fini(&root);
	return true;
}

enum exit_code apply_run(struct cli *c, struct admin_client *a, const struct apply_options *o)
{
	if (!judge_as_the_server(c, a))
		return EXIT_FAILED;
	struct admin_answer answer = {0};
	uint64_t since_ms = clock_mono_ms();
	struct document *d = apply_read(c, o->path);

	if (!d)
		return EXIT_FAILED;
	tell(c, since_ms, "checked", document_count(d));
	since_ms = clock_mono_ms();
	enum exit_code code = send(a, d, o, &answer);
	if (code == EXIT_OK) {
		tell(c, since_ms, o->dry_run ? "compared" : "applied", document_count(d));
		code = conclude(c, a, o, &answer);
	}
	document_free(d);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_apply(struct cli *c)
{
	struct apply_options o = {.path = cli_option(c, "-f"), .message = cli_option(c, "-m")};
	const char *timeout = cli_option(c, "--timeout");

	o.dry_run = cli_flag(c, "--dry-run");
	o.wait_ms = WAIT_DEFAULT_MS;
	if (timeout && !cli_duration("--timeout", timeout, &o.wait_ms))
		return EXIT_USAGE;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	if (!o.path)
		cli_fail("apply wants a file: -f FILE, or -f - for standard input");
	else if (cli_no_more(c))
		code = apply_run(c, a, &o);
	admin_client_close(a);
	return code;
}

const struct command apply_command = {
        .name = "apply",
        .usage = "-f FILE [--dry-run] [-m MESSAGE] [--timeout TIME] [--admin URL] [-o json]",
        .summary = "make a file the whole configuration: all or nothing, one version, live on all data planes",
        .examples = "  gatectl apply -f kong.yaml --dry-run\n"
                    "  gatectl apply -f kong.yaml -m \"new orders API\"\n",
        .run = run_apply,
};
