/* gatectl status, wait: is all well, and is a version live everywhere (users.md 2.1, 2.3)? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "cp/cli/admin_client.h"
#include "cp/cli/wait.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

static long long number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- status ---------------------------------------------------------------------------------------------------- */

static void put_state(struct text *out, const json_t *node)
{
	char when[20];

	if (!json_is_true(json_object_get(node, "reachable")))
		text_printf(out, "unreachable since %s", output_time((double)number_at(node, "last_seen"), when));
	else if (*output_string(node, "error"))
		text_printf(out, "refused: %s", output_string(node, "error"));
	else if (number_at(node, "behind") > 0)
		text_printf(out, "%lld behind, for %lld s", number_at(node, "behind"), number_at(node, "lag_s"));
	else
		text_puts(out, "ok");
}

/* "89 d", or nothing where there is no link between. */
static void add_days(struct table *t, const json_t *node)
{
	const json_t *days = json_object_get(node, "certificate_days");

	if (json_is_integer(days))
		table_addf(t, "%lld d", (long long)json_integer_value(days));
	else
		table_add(t, "-");
}

/* The addresses that get no requests are what counts. */
static void add_targets(struct table *t, const json_t *node)
{
	const json_t *targets = json_object_get(node, "targets");
	long long unhealthy = (long long)json_array_size(json_object_get(targets, "unhealthy")) +
	                      number_at(targets, "more");

	if (!json_is_object(targets) || number_at(targets, "upstreams") == 0)
		table_add(t, "-");
	else if (unhealthy > 0)
		table_addf(t, "%lld unhealthy", unhealthy);
	else
		table_add(t, "healthy");
}

static void add_nodes(struct table *t, const char *what, const json_t *nodes)
{
	json_t *node;
	size_t i;

	json_array_foreach((json_t *)nodes, i, node)
	{
		struct text state = {0};
		put_state(&state, node);
		table_add(t, what);
		table_add(t, output_string(node, "name"));
		table_addf(t, "v%lld", number_at(node, "config_version"));
		table_add(t, output_string(node, "release"));
		add_days(t, node);
		add_targets(t, node);
		table_add(t, text_cstr(&state));
		text_fini(&state);
	}
}

static void add_redis(struct table *t, const json_t *servers)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)servers, i, one)
	{
		const char *error = output_string(one, "error");
		table_add(t, "redis");
		table_add(t, output_string(one, "address"));
		for (int empty = 0; empty < 4; empty++)
			table_add(t, "-");
		table_add(t, *error ? error : "ok");
	}
}

static void add_certificates(struct table *t, const json_t *certificates)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)certificates, i, one)
	{
		table_add(t, output_string(one, "what"));
		table_add(t, output_string(one, "name"));
		for (int empty = 0; empty < 4; empty++)
			table_add(t, "-");
		table_addf(t, "%lld days left", number_at(one, "days"));
	}
}

static void print_status(const json_t *overview)
{
	static const char *const headings[] = {"WHAT", "NAME", "CONFIG", "RELEASE", "CERT", "TARGETS", "STATE", NULL};
	const json_t *store = json_object_get(overview, "store"), *problem;
	const char *error = output_string(store, "error");
	struct table *t = table_new(headings);
	size_t i;

	add_nodes(t, "control plane", json_object_get(overview, "control_planes"));
	add_nodes(t, "data plane", json_object_get(overview, "data_planes"));
	table_add(t, "store");
	table_add(t, output_string(store, "address"));
	table_addf(t, "v%lld", number_at(overview, "config_version"));
	for (int empty = 0; empty < 3; empty++)
		table_add(t, "-");
	table_add(t, *error ? error : "ok");
	add_redis(t, json_object_get(overview, "redis"));
	add_certificates(t, json_object_get(overview, "certificates"));
	table_print(t);
	json_array_foreach(json_object_get(overview, "problems"), i, problem)
	        printf("%s%s\n", i == 0 ? "\n! " : "! ", json_string_value(problem));
}

static enum exit_code show_status(struct admin_client *a, const struct cli *c)
{
	struct admin_answer answer = {0};
	enum exit_code code = admin_client_ask(a, "GET", "/clustering/overview", NULL, &answer);

	if (code == EXIT_OK) {
		if (c->json)
			output_json(answer.json);
		else
			print_status(answer.json);
		code = json_is_true(json_object_get(answer.json, "ok")) ? EXIT_OK : EXIT_FAILED;
	}
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_status(struct cli *c)
{
	struct admin_client *a = admin_client_open(c);

	if (!a)
		return EXIT_FAILED;
	enum exit_code code = cli_no_more(c) ? show_status(a, c) : EXIT_USAGE;
	admin_client_close(a);
	return code;
}

const struct command status_command = {
        .name = "status",
        .usage = "[--admin URL] [--token-file FILE] [-o json]",
        .summary =
                "show control planes, data planes, the version each runs, store, Redis and certificates; 0 only if all is well",
        .examples = "  gatectl status\n"
                    "  gatectl status --admin https://cp.example:8444 -o json\n",
        .run = run_status,
};

/* ---- wait ------------------------------------------------------------------------------------------------------ */

enum { LOOK_MS = 200, WAIT_DEFAULT_MS = 10000 };

struct waiting {
	struct admin_client *client;
	uint64_t version; /* 0: the present one, to be asked for */
	uint64_t until_ms;
	bool quiet;
	struct text shown; /* the progress line that is on the screen */
};

/* One line that changes in place on a terminal, else a line for each change. */
static void show_progress(struct waiting *w, const char *line)
{
	bool is_terminal = isatty(STDERR_FILENO);

	if (w->quiet || strcmp(line, text_cstr(&w->shown)) == 0)
		return;
	fprintf(stderr, is_terminal ? "\r\033[K%s" : "%s\n", line);
	fflush(stderr);
	text_clear(&w->shown);
	text_puts(&w->shown, line);
}

static void end_progress(struct waiting *w)
{
	if (w->shown.len > 0 && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	text_fini(&w->shown);
}

static enum exit_code find_version(struct waiting *w)
{
	struct admin_answer answer = {0};
	enum exit_code code = EXIT_OK;

	if (w->version == 0) {
		code = admin_client_ask(w->client, "GET", "/clustering/overview", NULL, &answer);
		w->version = (uint64_t)number_at(answer.json, "config_version");
	}
	admin_answer_fini(&answer);
	return code;
}

/* A look: EXIT_OK when all have it, EXIT_TIMED_OUT not yet. A version that is still to be made is not yet there, and
 * a control plane that does not answer may be back in time. */
static enum exit_code look(struct waiting *w, struct admin_answer *answer)
{
	char target[64];
	struct err e;

	snprintf(target, sizeof target, "/versions/%" PRIu64 "/progress", w->version);
	if (!admin_client_call(w->client, "GET", target, NULL, answer, &e)) {
		show_progress(w, e.message);
		return EXIT_TIMED_OUT;
	}
	if (answer->status != 200 && answer->status != 404 && answer->status < 500)
		return admin_client_ask(w->client, "GET", target, NULL, answer);
	show_progress(w, output_string(answer->json, "message"));
	return answer->status == 200 && json_array_size(json_object_get(answer->json, "laggards")) == 0
	               ? EXIT_OK
	               : EXIT_TIMED_OUT;
}

static enum exit_code wait_for_all(struct waiting *w, const struct cli *c)
{
	struct admin_answer answer = {0};
	enum exit_code code = find_version(w);

	if (code == EXIT_OK) {
		while ((code = look(w, &answer)) == EXIT_TIMED_OUT && clock_mono_ms() < w->until_ms)
			usleep(LOOK_MS * 1000);
		end_progress(w);
		if (c->json && answer.json)
			output_json(answer.json);
		else if (code == EXIT_OK)
			puts(output_string(answer.json, "message"));
	}
	if (code == EXIT_TIMED_OUT)
		cli_fail("timed out waiting for v%" PRIu64 ": %s", w->version,
		        answer.json ? output_string(answer.json, "message") : "the Admin API does not answer");
	admin_answer_fini(&answer);
	return code;
}

enum exit_code wait_until_live(struct admin_client *a, const struct cli *c, uint64_t version, int64_t timeout_ms)
{
	struct waiting w = {.client = a, .quiet = c->json, .version = version};
	struct admin_answer answer = {0};
	enum exit_code code;

	w.until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
	while ((code = look(&w, &answer)) == EXIT_TIMED_OUT && clock_mono_ms() < w.until_ms)
		usleep(LOOK_MS * 1000);
	end_progress(&w);
	if (code == EXIT_TIMED_OUT)
		cli_fail("v%" PRIu64 " is stored, but not live everywhere in time: %s", version,
		        answer.json ? output_string(answer.json, "message") : "the Admin API does not answer");
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_wait(struct cli *c)
{
	const char *version = cli_option(c, "--version"), *timeout = cli_option(c, "--timeout");
	struct waiting w = {.quiet = c->json};
	int64_t timeout_ms = WAIT_DEFAULT_MS;

	cli_flag(c, "--all-dp"); /* there is nothing else to wait for yet */
	if (version && !cli_version(version, &w.version))
		return EXIT_USAGE;
	if (timeout && !cli_duration("--timeout", timeout, &timeout_ms))
		return EXIT_USAGE;
	w.client = admin_client_open(c);
	if (!w.client)
		return EXIT_FAILED;
	w.until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
	enum exit_code code = cli_no_more(c) ? wait_for_all(&w, c) : EXIT_USAGE;
	admin_client_close(w.client);
	return code;
}

const struct command wait_command = {
        .name = "wait",
        .usage = "[--version VERSION] [--all-dp] [--timeout TIME] [--admin URL] [--token-file FILE] [-o json]",
        .summary =
                "wait until a version (default: the present one) is live on all data planes; 3 when it is not in time",
        .examples = "  gatectl wait --version 42 --all-dp --timeout 10s\n"
                    "  gatectl wait --timeout 1m -o json\n",
        .run = run_wait,
};
