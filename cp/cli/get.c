/* gatectl get, at: entities as the Admin API has them, now or as of any version (users.md 5.1). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

struct query {
	const char *path;    /* "routes", "consumers/anna/key-auth" */
	const char *key;     /* NULL: all */
	const char *version; /* NULL: now */
	const char *tags;
};

static void put_argument(struct text *target, const char *name, const char *value)
{
	if (!value)
		return;
	text_printf(target, "%c%s=", strchr(text_cstr(target), '?') ? '&' : '?', name);
	admin_client_escape(target, slice_cstr(value));
}

/* Slashes of the path are meant, everything else is escaped. */
static void put_path(struct text *target, const char *path)
{
	struct slice rest = slice_cstr(path);

	while (slice_is_set(rest)) {
		struct slice segment = slice_cut(&rest, '/');
		if (segment.len == 0)
			continue;
		text_putc(target, '/');
		admin_client_escape(target, segment);
	}
}

static void put_target(struct text *target, const struct query *q)
{
	put_path(target, q->path);
	if (q->key) {
		text_putc(target, '/');
		admin_client_escape(target, slice_cstr(q->key));
	} else {
		put_argument(target, "size", "1000");
		put_argument(target, "tags", q->tags);
	}
	put_argument(target, "version", q->version);
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static void put_cell(struct table *t, const json_t *value)
{
	char *dump;

	if (json_is_string(value)) {
		table_add(t, json_string_value(value));
		return;
	}
	dump = value && !json_is_null(value) ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	table_add(t, dump ? dump : "-");
	free(dump);
}

static bool has_any(const json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) if (json_object_get(row, key)) return true;
	return false;
}

/* Names first, then what tells entities of a kind apart, as far as they have it. Never secrets: keys are not listed.
 */
static void print_list(const json_t *rows)
{
	static const char *const keys[] = {"name", "username", "custom_id", "target", "group", "host", "port",
	        "hosts", "paths", "methods", "weight", "enabled", "tags", "id"};
	static const char *const shown[] = {"NAME", "USERNAME", "CUSTOM_ID", "TARGET", "GROUP", "HOST", "PORT",
	        "HOSTS", "PATHS", "METHODS", "WEIGHT", "ENABLED", "TAGS", "ID"};
	enum { KEYS = sizeof keys / sizeof keys[0] };
	const char *headings[KEYS + 1] = {0}, *used[KEYS];
	size_t n = 0, i;
	json_t *row;

	for (size_t k = 0; k < KEYS; k++)
		if (has_any(rows, keys[k])) {
			used[n] = keys[k];
			headings[n++] = shown[k];
		}
	struct table *t = table_new(headings);
	json_array_foreach((json_t *)rows, i, row)
	{
		for (size_t k = 0; k < n; k++)
			put_cell(t, json_object_get(row, used[k]));
	}
	table_print(t);
}

static enum exit_code get_list(struct admin_client *a, const struct cli *c, const json_t *first)
{
	enum exit_code code = EXIT_OK;
	struct admin_answer page = {0};
	json_t *all = json_array();
	struct text next = {0};

	json_array_extend(all, json_object_get(first, "data"));
	for (const char *more = json_string_value(json_object_get(first, "next")); more && code == EXIT_OK;) {
		text_clear(&next);
		text_puts(&next, more);
		code = admin_client_ask(a, "GET", text_cstr(&next), NULL, &page);
		json_array_extend(all, json_object_get(page.json, "data"));
		more = json_string_value(json_object_get(page.json, "next"));
	}
	if (code == EXIT_OK && c->json)
		output_json(all);
	else if (code == EXIT_OK && json_array_size(all) > 0)
		print_list(all);
	else if (code == EXIT_OK)
		puts("none");
	admin_answer_fini(&page);
	text_fini(&next);
	json_decref(all);
	return code;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static enum exit_code ask(
        struct admin_client *a, const char *target, const struct query *q, struct admin_answer *answer)
{
	const char *at = q->version ? " at version " : "", *version = q->version ? q->version : "";
	struct err e;

	if (!admin_client_call(a, "GET", target, NULL, answer, &e))
		return cli_fail("%s", e.message);
	const char *why = json_string_value(json_object_get(answer->json, "message"));
	if (answer->status != 404 || !why || strcmp(why, "Not found") != 0)
		return admin_client_ask(a, "GET", target, NULL, answer);
	if (q->key)
		return cli_fail("there is no '%s' among the %s%s%s at %s; gatectl get %s lists them", q->key, q->path,
		        at, version, admin_client_url(a), q->path);
	return cli_fail(
	        "there is nothing called '%s' at %s; kinds are services, routes, consumers, plugins and others "
	        "that GET /endpoints lists",
	        q->path, admin_client_url(a));
}

static enum exit_code get(struct admin_client *a, const struct cli *c, const struct query *q)
{
	struct admin_answer answer = {0};
	struct text target = {0};

	put_target(&target, q);
	enum exit_code code = ask(a, text_cstr(&target), q, &answer);
	if (code == EXIT_OK && json_is_array(json_object_get(answer.json, "data")))
		code = get_list(a, c, answer.json);
	else if (code == EXIT_OK)
		output_json(answer.json);
	text_fini(&target);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_get_at(struct cli *c, const char *version)
{
	struct query q = {.version = version, .tags = cli_option(c, "--tags")};
	uint64_t number;

	if (!q.version)
		q.version = cli_option(c, "--version");
	if (q.version && !cli_version(q.version, &number))
		return EXIT_USAGE;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	if (c->argc < 1 || c->argc > 2) {
		cli_fail("get takes a kind and perhaps a key, such as: get routes, get services orders");
	} else {
		q.path = c->argv[0];
		q.key = c->argc == 2 ? c->argv[1] : NULL;
		code = get(a, c, &q);
	}
	admin_client_close(a);
	return code;
}

static enum exit_code run_get(struct cli *c)
{
	return run_get_at(c, NULL);
}

const struct command get_command = {
        .name = "get",
        .usage = "KIND [KEY] [--version VERSION] [--tags TAGS] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "show entities of a kind, or one of them, now or as of a version",
        .examples = "  gatectl get routes\n"
                    "  gatectl get consumers/anna/key-auth --version v41 -o json\n",
        .run = run_get,
};

static enum exit_code run_at(struct cli *c)
{
	if (c->argc < 3 || strcmp(c->argv[1], "get") != 0) {
		cli_fail("at takes a version and what to do there: at v41 get routes");
		return EXIT_USAGE;
	}
	const char *version = c->argv[0];
	c->argc -= 2;
	c->argv += 2;
	return run_get_at(c, version);
}

const struct command at_command = {
        .name = "at",
        .usage = "VERSION get KIND [KEY] [--tags TAGS] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "look at the configuration as it was",
        .examples = "  gatectl at v41 get routes\n"
                    "  gatectl at v41 get services orders -o json\n",
        .run = run_at,
};
