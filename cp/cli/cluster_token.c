/* gatectl cluster token: makes what a new machine shows when it joins (cluster_join.c).
 *
 * By the Admin API; with --database on the database itself, as gatectl admin does, for whoever sets a cluster up when
 * nobody can log in yet. That needs the authority's certificate, whose fingerprint stands in the token, not its key.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/core/file.h"
#include "common/crypto/x509_csr.h"
#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"
#include "cp/store/enrol.h"

struct wanted {
	struct enrol_terms terms;
	const char *at; /* where control planes are dialled; NULL: what the control plane says of itself */
	const char
	        *out; /* file for the token and its places alone, "-": stdout; NULL: the whole command, for people */
};

/* ---- showing --------------------------------------------------------------------------------------------------- */

/* made: an answer of the Admin API. */
static enum exit_code write_token(const struct wanted *w, const json_t *made)
{
	struct text line = {0};
	struct err e;

	text_printf(&line, "%s@%s\n", output_string(made, "token"), output_string(made, "control_plane"));
	if (strcmp(w->out, "-") == 0) {
		fputs(text_cstr(&line), stdout);
		text_fini(&line);
		return EXIT_OK;
	}
	bool ok = file_replace(w->out, text_slice(&line), 0600, &e);
	text_fini(&line);
	return ok ? EXIT_OK : cli_fail("%s", e.message);
}

static void print_token(const struct cli *c, const struct wanted *w, const json_t *made)
{
	char when[20];

	if (c->json) {
		output_json(made);
		return;
	}
	fprintf(stderr, "the token lets %lld %s join, until %s; it is shown only now. On the new machine:\n",
	        (long long)w->terms.uses,
	        w->terms.as_control_plane ? "control plane"
	        : w->terms.uses == 1      ? "node"
	                                  : "nodes",
	        output_time((double)json_integer_value(json_object_get(made, "expires_at")), when));
	printf("gatectl cluster join %s@%s%s\n", output_string(made, "token"), output_string(made, "control_plane"),
	        w->terms.as_control_plane ? " --role control_plane" : "");
}

static enum exit_code show(const struct cli *c, const struct wanted *w, json_t *made)
{
	if (w->at)
		json_object_set_new(made, "control_plane", json_string(w->at));
	if (w->out)
		return write_token(w, made);
	print_token(c, w, made);
	return EXIT_OK;
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

static const char *role_of(const struct wanted *w)
{
	return w->terms.as_control_plane ? "control_plane" : "data_plane";
}

static enum exit_code ask_for_token(struct cli *c, const struct wanted *w)
{
	struct admin_client *a = admin_client_open(c);
	struct admin_answer answer = {0};

	if (!a)
		return EXIT_FAILED;
	if (!cli_no_more(c)) {
		admin_client_close(a);
		return EXIT_USAGE;
	}
	json_t *question = json_pack("{s:I, s:I, s:s, s:s%}", "ttl", (json_int_t)w->terms.ttl_s, "uses",
	        (json_int_t)w->terms.uses, "role", role_of(w), "hosts", w->terms.hosts.ptr ? w->terms.hosts.ptr : "",
	        w->terms.hosts.len);
	char *body = question ? json_dumps(question, JSON_COMPACT) : NULL;
	const struct admin_body sent = {.type = S("application/json"), .bytes = slice_cstr(body ? body : "{}")};
	enum exit_code code = admin_client_ask(a, "POST", "/clustering/tokens", &sent, &answer);
	if (code == EXIT_OK)
		code = show(c, w, answer.json);
	free(body);
	json_decref(question);
	admin_answer_fini(&answer);
	admin_client_close(a);
	return code;
}

static enum exit_code make_token(struct cli *c, const struct wanted *w)
{
	unsigned char ca[SHA256_SIZE];
	struct enrol_made made;
	struct fault f = {0};
	struct settings s;
	struct err e;

	if (!w->at) {
		cli_fail("--database needs --at HOST:PORT,...: where the new node dials control planes");
		return EXIT_USAGE;
	}
	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	if (!enrol_check(&w->terms, &e) || !x509_fingerprint(arena_cstr(c->arena, s.cluster_ca_cert), ca, &e))
		return cli_fail("%s", e.message);
	struct store *st = cli_store(&s);
	if (!st)
		return EXIT_FAILED;
	enum exit_code code = EXIT_OK;
	if (!store_token_make(st, ca, &w->terms, S("gatectl"), &made, &f))
		code = cli_fail("%s", f.message ? f.message : "the database failed");
	fault_fini(&f);
	store_close(st);
	if (code != EXIT_OK)
		return code;
	json_t *shown = json_pack("{s:s, s:s, s:I, s:s, s:I}", "id", made.id, "token", made.text, "expires_at",
	        (json_int_t)made.expires_s, "role", role_of(w), "uses", (json_int_t)w->terms.uses);
	code = show(c, w, shown);
	json_decref(shown);
	return code;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static bool read_wanted(struct cli *c, struct wanted *w)
{
	const char *ttl = cli_option(c, "--ttl"), *uses = cli_option(c, "--uses"), *hosts = cli_option(c, "--host");

	w->at = cli_option(c, "--at");
	w->out = cli_option(c, "--out");
	w->terms = (struct enrol_terms){.as_control_plane = cli_flag(c, "--control-plane"),
	        .hosts = hosts ? slice_cstr(hosts) : (struct slice){0},
	        .uses = 1,
	        .ttl_s = 3600};
	return (!ttl || cli_lifetime("--ttl", ttl, &w->terms.ttl_s)) &&
	       (!uses || cli_count("--uses", uses, &w->terms.uses));
}

static enum exit_code run_cluster_token(struct cli *c)
{
	bool on_database = cli_flag(c, "--database");
	struct wanted w;

	if (!read_wanted(c, &w))
		return EXIT_USAGE;
	if (on_database)
		return cli_no_more(c) ? make_token(c, &w) : EXIT_USAGE;
	return ask_for_token(c, &w);
}

const struct command cluster_token_command = {
        .name = "cluster token",
        .usage = "[--uses N] [--control-plane --host NAME,...] [--ttl TIME] [--at HOST:PORT,...] [--out FILE] "
                 "[--database] [--admin URL] [--token-file FILE] [-o json]",
        .summary =
                "make a token by which one new machine (or --uses of them) joins as a data plane within --ttl (1h), "
                "or one as a control plane of these names",
        .examples = "  gatectl cluster token\n"
                    "  gatectl cluster token --uses 10 --ttl 1h --admin https://cp.example:8444 -o json\n"
                    "  gatectl cluster token --control-plane --host cp2.example\n",
        .run = run_cluster_token,
};
