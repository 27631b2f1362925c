/* gatectl explain: which route a request would take and why, what runs on its way and where it would go. Asks the
 * status listener of a data plane, or with --dp the Admin API, which asks that data plane; it answers from the
 * configuration it serves, and no request is sent upstream. */
#include <stdio.h>
#include <stdlib.h>

#include "common/net/listener.h"
#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

static void put_argument(struct text *target, const char *name, const char *value)
{
	text_printf(target, "%c%s=", strchr(text_cstr(target), '?') ? '&' : '?', name);
	admin_client_escape(target, slice_cstr(value));
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "-";
}

static const char *name_of(const json_t *entity)
{
	const char *name = json_string_value(json_object_get(entity, "name"));

	return name ? name : text_at(entity, "id");
}

static void print_candidates(const json_t *answer)
{
	static const char *const headings[] = {"ROUTE", "PATHS", "RESULT", NULL};
	struct table *t = table_new(headings);
	size_t i;
	json_t *c;

	json_array_foreach(json_object_get(answer, "considered"), i, c)
	{
		table_add(t, name_of(json_object_get(c, "route")));
		table_add(t, text_at(c, "paths"));
		table_add(t, text_at(c, "why"));
	}
	table_print(t);
	printf("besides: %lld routes of other hosts, %lld of other paths, %lld not listed\n\n",
	        (long long)json_integer_value(json_object_get(answer, "routes_of_other_hosts")),
	        (long long)json_integer_value(json_object_get(answer, "routes_of_other_paths")),
	        (long long)json_integer_value(json_object_get(answer, "left_out")));
}

static void print_plugins(const json_t *answer)
{
	static const char *const headings[] = {"PLUGIN", "FROM", "ID", NULL};
	const json_t *plugins = json_object_get(answer, "plugins");
	size_t i;
	json_t *p;

	if (json_array_size(plugins) == 0)
		return;
	struct table *t = table_new(headings);
	json_array_foreach((json_t *)plugins, i, p)
	{
		table_add(t, text_at(p, "name"));
		table_add(t, text_at(p, "from"));
		table_add(t, text_at(p, "id"));
	}
	table_print(t);
	putchar('\n');
}

static void print_destination(const json_t *service)
{
	const json_t *to = json_object_get(service, "destination");
	size_t i;
	json_t *target;

	if (!json_object_get(to, "upstream")) {
		printf("to        %s:%lld\n", text_at(to, "host"),
		        (long long)json_integer_value(json_object_get(to, "port")));
		return;
	}
	printf("to        upstream %s\n", text_at(to, "upstream"));
	json_array_foreach(json_object_get(to, "targets"), i, target) printf("          %s:%lld weight %lld\n",
	        text_at(target, "host"), (long long)json_integer_value(json_object_get(target, "port")),
	        (long long)json_integer_value(json_object_get(target, "weight")));
}

static void print_answer(const json_t *answer)
{
	const json_t *request = json_object_get(answer, "request"), *service = json_object_get(answer, "service");

	printf("request   %s %s://%s%s\n\n", text_at(request, "method"), text_at(request, "scheme"),
	        text_at(request, "host"), text_at(request, "path"));
	print_candidates(answer);
	print_plugins(answer);
	if (!json_object_get(answer, "route") || json_is_null(json_object_get(answer, "route"))) {
		printf("route     none: 404\n");
		return;
	}
	printf("route     %s\n", name_of(json_object_get(answer, "route")));
	if (json_is_true(json_object_get(answer, "answers_with_https_redirect")))
		printf("answer    the route takes https only\n");
	if (json_is_null(service)) {
		printf("service   none\n");
		return;
	}
	printf("service   %s\nsends     %s %s%s%s\n", name_of(service), text_at(request, "method"),
	        text_at(service, "path"), json_is_string(json_object_get(service, "query")) ? "?" : "",
	        json_is_string(json_object_get(service, "query")) ? text_at(service, "query") : "");
	print_destination(service);
}

static bool put_question(struct cli *c, const char *dp, struct text *target)
{
	const char *method = cli_option(c, "-X"), *sni = cli_option(c, "--sni"), *header;

	text_puts(target, "/explain");
	if (dp)
		put_argument(target, "dp", dp);
	if (method)
		put_argument(target, "method", method);
	if (sni)
		put_argument(target, "sni", sni);
	while ((header = cli_option(c, "-H")))
		put_argument(target, "header", header);
	if (c->argc == 1)
		put_argument(target, "url", c->argv[0]);
	return c->argc == 1;
}

static enum exit_code ask(struct admin_client *a, bool json, const char *target)
{
	struct admin_answer answer = {0};

	enum exit_code code = admin_client_ask(a, "GET", target, NULL, &answer);
	if (code == EXIT_OK && json)
		output_json(answer.json);
	else if (code == EXIT_OK)
		print_answer(answer.json);
	admin_answer_fini(&answer);
	return code;
}

/* The data plane of this machine, by its settings. */
static const char *url_of_settings(struct cli *c)
{
	struct settings s;
	struct listen_spec *specs;
	size_t n = 0;
	struct err e;

	if (!cli_settings(c, &s))
		return NULL;
	if (listen_parse(c->arena, s.status_listen, &specs, &n, &e))
		for (size_t i = 0; i < n; i++)
			if (!specs[i].ssl)
				return admin_client_spec_url(c->arena, &specs[i]);
	cli_fail("status_listen names no listener; say where a data plane's is with --status URL");
	return NULL;
}

/* Whom to ask: takes options out of c's arguments. NULL: a message is on stderr. */
static struct admin_client *open_client(struct cli *c, const char *dp)
{
	const char *url = cli_option(c, "--status");

	if (dp)
		return admin_client_open(c);
	if (!url)
		url = url_of_settings(c);
	return url ? admin_client_open_at(c, url) : NULL;
}

static enum exit_code run_explain(struct cli *c)
{
	const char *dp = cli_option(c, "--dp");
	struct admin_client *a = open_client(c, dp);
	struct text target = {0};
	enum exit_code code = a ? EXIT_USAGE : EXIT_FAILED;

	if (a && put_question(c, dp, &target))
		code = ask(a, c->json, text_cstr(&target));
	else if (a)
		cli_fail("explain takes a URL, such as: explain http://api.example/orders");
	text_fini(&target);
	admin_client_close(a);
	return code;
}

const struct command explain_command = {
        .name = "explain",
        .usage = "URL [-X METHOD] [-H 'NAME: VALUE']... [--sni NAME] [--dp NAME | --status URL] [-o json]",
        .summary = "say which route a request would take, and why",
        .examples =
                "  gatectl explain https://api.example/orders/17\n"
                "  gatectl explain http://api.example/orders -X POST -H 'x-plan: gold' --status http://127.0.0.1:8100\n",
        .run = run_explain,
};
