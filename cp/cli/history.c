/* gatectl log, show, rollback: what changed, who did it, and back again (users.md 2.5). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cp/cli/admin_client.h"
#include "cp/cli/changes.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

enum { LOG_DEFAULT = 20, PAGE = 1000 };

static long long number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

/* "+1 ~2 -0", without what did not happen. */
static void put_counts(struct text *out, const json_t *version)
{
	static const struct {
		const char *key, *sign;
	} parts[] = {{"created", "+"}, {"updated", "~"}, {"deleted", "-"}};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (number_at(version, parts[i].key) > 0)
			text_printf(out, "%s%s%lld", out->len > 0 ? " " : "", parts[i].sign,
			        number_at(version, parts[i].key));
}

/* Appends the pages of a list, at most `want` elements, to `all`. */
static enum exit_code read_pages(
        struct admin_client *a, const char *target, size_t want, json_t *all, struct admin_answer *last)
{
	enum exit_code code = EXIT_OK;
	struct text next = {0};

	text_puts(&next, target);
	while (next.len > 0 && json_array_size(all) < want && code == EXIT_OK) {
		code = admin_client_ask(a, "GET", text_cstr(&next), NULL, last);
		json_array_extend(all, json_object_get(last->json, "data"));
		text_clear(&next);
		text_puts(&next, output_string(last->json, "next"));
	}
	while (json_array_size(all) > want)
		json_array_remove(all, json_array_size(all) - 1);
	text_fini(&next);
	return code;
}

/* ---- log ------------------------------------------------------------------------------------------------------- */

static void print_log(const json_t *versions)
{
	static const char *const headings[] = {"VERSION", "WHEN", "WHO", "FROM", "CHANGES", "MESSAGE", NULL};
	struct table *t = table_new(headings);
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)versions, i, v)
	{
		struct text counts = {0};
		char when[20];
		put_counts(&counts, v);
		table_addf(t, "v%lld", number_at(v, "version"));
		table_add(t, output_time(json_number_value(json_object_get(v, "time")), when));
		table_add(t, or_dash(output_string(v, "author")));
		table_add(t, or_dash(output_string(v, "source")));
		table_add(t, or_dash(text_cstr(&counts)));
		table_add(t, output_string(v, "message"));
		text_fini(&counts);
	}
	table_print(t);
}

static enum exit_code show_log(struct admin_client *a, const struct cli *c, int64_t n)
{
	struct admin_answer last = {0};
	json_t *versions = json_array();
	char target[64];

	snprintf(target, sizeof target, "/versions?size=%" PRId64, n < PAGE ? n : PAGE);
	enum exit_code code = read_pages(a, target, (size_t)n, versions, &last);
	if (code == EXIT_OK && c->json)
		output_json(versions);
	else if (code == EXIT_OK)
		print_log(versions);
	json_decref(versions);
	admin_answer_fini(&last);
	return code;
}

static enum exit_code run_log(struct cli *c)
{
	const char *n_text = cli_option(c, "-n");
	int64_t n = LOG_DEFAULT;

	if (n_text && (!slice_to_int(slice_cstr(n_text), &n) || n < 1)) {
		cli_fail("-n is '%s', expected a number of versions", n_text);
		return EXIT_USAGE;
	}
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = cli_no_more(c) ? show_log(a, c, n) : EXIT_USAGE;
	admin_client_close(a);
	return code;
}

const struct command log_command = {
        .name = "log",
        .usage = "[-n COUNT] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "list versions of the configuration, newest first: who, when, from where, what, why",
        .examples = "  gatectl log\n"
                    "  gatectl log -n 5 --admin http://127.0.0.1:8001 -o json\n",
        .run = run_log,
};

/* ---- show ------------------------------------------------------------------------------------------------------ */

static void print_version(const json_t *v)
{
	char when[20];
	struct text message = {0};

	printf("v%lld  %s  by %s from %s\n", number_at(v, "version"),
	        output_time(json_number_value(json_object_get(v, "time")), when), or_dash(output_string(v, "author")),
	        or_dash(output_string(v, "source")));
	text_printf(&message, "    %s", output_string(v, "message"));
	if (*output_string(v, "message"))
		changes_print_text(&message);
	text_fini(&message);
	putchar('\n');
}

/* What differs between two versions; version: of the second, or NULL when a range was asked for. */
static enum exit_code show_changes(
        struct admin_client *a, const struct cli *c, uint64_t from, uint64_t to, json_t *version)
{
	struct admin_answer last = {0};
	json_t *changes = json_array();
	char target[96];

	snprintf(target, sizeof target, "/versions/%" PRIu64 "..%" PRIu64 "?size=%d", from, to, PAGE);
	enum exit_code code = read_pages(a, target, SIZE_MAX, changes, &last);
	if (code == EXIT_OK && c->json) {
		json_t *out = json_pack("{s:I, s:I, s:O*, s:O}", "from", (json_int_t)from, "to", (json_int_t)to,
		        "version", version, "changes", changes);
		output_json(out);
		json_decref(out);
	} else if (code == EXIT_OK) {
		if (version)
			print_version(version);
		changes_print(changes);
	}
	json_decref(changes);
	admin_answer_fini(&last);
	return code;
}

static enum exit_code show_version(struct admin_client *a, const struct cli *c, uint64_t version)
{
	struct admin_answer answer = {0};
	char target[64];

	snprintf(target, sizeof target, "/versions/%" PRIu64, version);
	enum exit_code code = admin_client_ask(a, "GET", target, NULL, &answer);
	if (code == EXIT_OK)
		code = show_changes(a, c, version > 0 ? version - 1 : 0, version, answer.json);
	admin_answer_fini(&answer);
	return code;
}

/* "v41..v42": cuts the text in two. */
static char *cut_range(char *text)
{
	char *dots = strstr(text, "..");

	if (!dots)
		return NULL;
	*dots = '\0';
	return dots + 2;
}

static enum exit_code run_show(struct cli *c)
{
	uint64_t from, to;
	struct admin_client *a = admin_client_open(c);

	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	char *second = c->argc == 1 ? cut_range(c->argv[0]) : NULL;
	if (c->argc != 1)
		cli_fail("show takes one version or a range, such as v41 or v41..v42");
	else if (second && cli_version(c->argv[0], &from) && cli_version(second, &to))
		code = show_changes(a, c, from, to, NULL);
	else if (!second && cli_version(c->argv[0], &to))
		code = show_version(a, c, to);
	admin_client_close(a);
	return code;
}

const struct command show_command = {
        .name = "show",
        .usage = "VERSION|VERSION..VERSION [--admin URL] [--token-file FILE] [-o json]",
        .summary = "say what a version changed, or what differs between two, field by field",
        .examples = "  gatectl show v42\n"
                    "  gatectl show v41..v42 -o json\n",
        .run = run_show,
};

/* ---- rollback -------------------------------------------------------------------------------------------------- */

static void print_rollback(const struct cli *c, const struct admin_answer *answer, uint64_t version)
{
	const json_t *made = answer->status == 202 ? json_object_get(answer->json, "entity") : answer->json;
	struct text counts = {0};

	if (c->json) {
		output_json(answer->json);
		return;
	}
	if (answer->status == 200) {
		printf("no changes: v%lld has the content of v%" PRIu64 " already\n", number_at(made, "version"),
		        version);
		return;
	}
	put_counts(&counts, made);
	printf("v%lld = content of v%" PRIu64 " (%s)\n", number_at(made, "version"), version, text_cstr(&counts));
	text_fini(&counts);
	if (answer->status == 201)
		puts("live on all data planes");
}

static enum exit_code roll_back(
        struct admin_client *a, const struct cli *c, uint64_t version, const char *message, int64_t timeout_ms)
{
	struct admin_answer answer = {0};
	struct text target = {0};

	text_printf(&target, "/versions/%" PRIu64 "/rollback?wait=all&timeout=%" PRId64 "ms", version, timeout_ms);
	if (message) {
		text_puts(&target, "&message=");
		admin_client_escape(&target, slice_cstr(message));
	}
	enum exit_code code = admin_client_ask(a, "POST", text_cstr(&target), NULL, &answer);
	if (code == EXIT_OK)
		print_rollback(c, &answer, version);
	if (code == EXIT_OK && answer.status == 202) {
		cli_fail("the version is made, but not live everywhere yet: %s",
		        output_string(answer.json, "message"));
		code = EXIT_TIMED_OUT;
	}
	text_fini(&target);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_rollback(struct cli *c)
{
	const char *message = cli_option(c, "-m"), *timeout = cli_option(c, "--timeout");
	int64_t timeout_ms = 10000;
	uint64_t version;

	if (!message)
		message = cli_option(c, "--message");
	if (timeout && !cli_duration("--timeout", timeout, &timeout_ms))
		return EXIT_USAGE;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	if (c->argc != 1)
		cli_fail("rollback takes one version, such as v41");
	else if (cli_version(c->argv[0], &version))
		code = roll_back(a, c, version, message, timeout_ms);
	admin_client_close(a);
	return code;
}

const struct command rollback_command = {
        .name = "rollback",
        .usage = "VERSION [-m MESSAGE] [--timeout TIME] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "make a new version with the content of an earlier one, and wait until it is live everywhere",
        .examples = "  gatectl rollback v41 -m \"undo orders timeout\"\n"
                    "  gatectl rollback 41 --timeout 30s -o json\n",
        .run = run_rollback,
};
