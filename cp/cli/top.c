/* gatectl top: what each data plane does, as it goes on (users.md 2.8). The figures are rates over the last two or
 * three seconds, which data planes tell their control plane; nothing has to be set up. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

enum { EVERY_MS = 2000 };

static double real_at(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void add_lag(struct table *t, const json_t *node)
{
	if (!json_is_true(json_object_get(node, "reachable")))
		table_add(t, "unreachable");
	else if (*output_string(node, "error"))
		table_add(t, "refused");
	else if (real_at(node, "behind") > 0)
		table_addf(t, "%.0f s", real_at(node, "lag_s"));
	else
		table_add(t, "-");
}

static void add_node(struct table *t, const json_t *node)
{
	static const char *const rates[] = {
	        "requests_per_s", "p50_ms", "p99_ms", "upstream_ms", "errors_4xx_per_s", "errors_5xx_per_s"};
	const json_t *load = json_object_get(node, "load");

	table_add(t, output_string(node, "name"));
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		if (json_is_object(load))
			table_addf(t, "%.1f", real_at(load, rates[i]));
		else
			table_add(t, "-");
	table_addf(t, "v%.0f", real_at(node, "config_version"));
	add_lag(t, node);
}

/* Sums of what can be summed. */
static void add_total(struct table *t, const json_t *nodes)
{
	double requests = 0, client_errors = 0, server_errors = 0;
	json_t *node;
	size_t i;

	json_array_foreach((json_t *)nodes, i, node)
	{
		const json_t *load = json_object_get(node, "load");
		requests += real_at(load, "requests_per_s");
		client_errors += real_at(load, "errors_4xx_per_s");
		server_errors += real_at(load, "errors_5xx_per_s");
	}
	table_addf(t, "%zu data planes", json_array_size(nodes));
	table_addf(t, "%.1f", requests);
	for (int empty = 0; empty < 3; empty++)
		table_add(t, "");
	table_addf(t, "%.1f", client_errors);
	table_addf(t, "%.1f", server_errors);
	table_add(t, "");
	table_add(t, "");
}

static void print_table(const json_t *overview)
{
	static const char *const headings[] = {
	        "NODE", "REQ/S", "P50 MS", "P99 MS", "UPSTREAM MS", "4XX/S", "5XX/S", "CONFIG", "LAG", NULL};
	const json_t *nodes = json_object_get(overview, "data_planes");
	struct table *t = table_new(headings);
	json_t *node;
	size_t i;

	json_array_foreach((json_t *)nodes, i, node) add_node(t, node);
	add_total(t, nodes);
	table_print(t);
	fflush(stdout);
}

static enum exit_code show(struct admin_client *a, const struct cli *c, bool clear)
{
	struct admin_answer answer = {0};
	enum exit_code code = admin_client_ask(a, "GET", "/clustering/overview", NULL, &answer);

	if (code == EXIT_OK && clear)
		fputs("\033[H\033[2J", stdout);
	if (code == EXIT_OK && c->json)
		output_json(json_object_get(answer.json, "data_planes"));
	else if (code == EXIT_OK)
		print_table(answer.json);
	admin_answer_fini(&answer);
	return code;
}

/* Until it is interrupted. A control plane that does not answer for a moment is no reason to stop looking. */
static enum exit_code show_again_and_again(struct admin_client *a, const struct cli *c, int64_t every_ms)
{
	const struct timespec pause = {.tv_sec = every_ms / 1000, .tv_nsec = every_ms % 1000 * 1000000};
	bool is_terminal = isatty(STDOUT_FILENO);
	enum exit_code code = show(a, c, is_terminal);

	while (code == EXIT_OK) {
		nanosleep(&pause, NULL);
		if (show(a, c, is_terminal) == EXIT_NOT_ALLOWED)
			code = EXIT_NOT_ALLOWED;
	}
	return code;
}

static enum exit_code run_top(struct cli *c)
{
	const char *every = cli_option(c, "--every");
	bool once = cli_flag(c, "--once");
	int64_t every_ms = EVERY_MS;

	if (every && !cli_duration("--every", every, &every_ms))
		return EXIT_USAGE;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	if (cli_no_more(c))
		code = once ? show(a, c, false) : show_again_and_again(a, c, every_ms);
	admin_client_close(a);
	return code;
}

const struct command top_command = {
        .name = "top",
        .usage = "[--once] [--every TIME] [--admin URL] [--token-file FILE] [-o json]",
        .summary =
                "show what each data plane does: requests, latencies, errors, lag; again every --every (2s), or --once",
        .examples = "  gatectl top\n  gatectl top --once -o json\n",
        .run = run_top,
};
