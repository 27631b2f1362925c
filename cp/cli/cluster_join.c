/* gatectl cluster token, join, revoke: how a machine becomes a data plane of the cluster, and how it stops being one.
 *
 * The token is made where the Admin API is, and carried to the new machine by whoever sets that up. There the key is
 * made, and stays. What join writes is one PEM file with certificate and key, so that a renewal replaces both at
 * once. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/sign_client.h"
#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

/* ---- token ----------------------------------------------------------------------------------------------------- */

static void print_token(const struct cli *c, const json_t *made)
{
	char when[20];

	if (c->json) {
		output_json(made);
		return;
	}
	fprintf(stderr, "the token lets one node join, until %s; it is shown only now. On the new machine:\n",
	        output_time((double)json_integer_value(json_object_get(made, "expires_at")), when));
	printf("gatectl cluster join %s@%s\n", output_string(made, "token"), output_string(made, "control_plane"));
}

static enum exit_code make_token(struct admin_client *a, const struct cli *c, int64_t ttl_ms)
{
	struct admin_answer answer = {0};
	char body[64];
	int n = snprintf(body, sizeof body, "{\"ttl\":%lld}", (long long)((ttl_ms + 999) / 1000));
	const struct admin_body sent = {.type = S("application/json"), .bytes = slice_of(body, (size_t)n)};
	enum exit_code code = admin_client_ask(a, "POST", "/clustering/tokens", &sent, &answer);

	if (code == EXIT_OK)
		print_token(c, answer.json);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_cluster_token(struct cli *c)
{
	const char *ttl = cli_option(c, "--ttl");
	int64_t ttl_ms = 60 * 60 * 1000;

	if (ttl && !cli_duration("--ttl", ttl, &ttl_ms))
		return EXIT_USAGE;
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = cli_no_more(c) ? make_token(a, c, ttl_ms) : EXIT_USAGE;
	admin_client_close(a);
	return code;
}

const struct command cluster_token_command = {
        .name = "cluster token",
        .usage = "[--ttl TIME] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "make a token by which one new machine joins as a data plane within --ttl (60m)",
        .examples = "  gatectl cluster token\n"
                    "  gatectl cluster token --ttl 10m --admin https://cp.example:8444 -o json\n",
        .run = run_cluster_token,
};

/* ---- join ------------------------------------------------------------------------------------------------------ */

struct joining {
	struct join_token token;
	const char *host, *address; /* address: "cp.example:8005" */
	int port;
	const char *labels; /* NULL: none */
	struct slice prefix;
	char folder[PATH_MAX - 16], node[PATH_MAX], ca[PATH_MAX];
	struct text key, csr;
	struct sign_given given;
};

static bool read_target(struct joining *j, struct cli *c)
{
	const char *at = c->argc == 1 ? strrchr(c->argv[0], '@') : NULL;

	if (!at) {
		cli_fail(
		        "cluster join takes TOKEN@HOST:PORT, as gatectl cluster token shows it on the control plane");
		return false;
	}
	j->address = at + 1;
	if (!join_token_parse(slice_of(c->argv[0], (size_t)(at - c->argv[0])), &j->token)) {
		cli_fail("what stands before the @ is no token, or not all of it: gatectl cluster token makes one");
		return false;
	}
	if (sign_address(slice_cstr(j->address), c->arena, &j->host, &j->port))
		return true;
	cli_fail("'%s' is not where a control plane is, expected HOST:PORT, such as cp.example:8005", j->address);
	return false;
}

static bool set_folder(struct joining *j, const char *dir, struct err *e)
{
	int n = dir ? snprintf(j->folder, sizeof j->folder, "%s", dir)
	            : snprintf(j->folder, sizeof j->folder, "%.*s/cluster", SLICE_ARG(j->prefix));

	if ((size_t)n >= sizeof j->folder)
		return err_set(e, "the folder's name is too long");
	snprintf(j->node, sizeof j->node, "%s/node.pem", j->folder);
	snprintf(j->ca, sizeof j->ca, "%s/ca.crt", j->folder);
	return true;
}

static bool ask(struct joining *j, struct err *e)
{
	if (!x509_new_key(&j->key, e) || !x509_ask(text_slice(&j->key), &j->csr, e))
		return false;
	const struct sign_ask question = {
	        .host = j->host, .port = j->port, .token = &j->token, .csr = text_slice(&j->csr)};
	return sign_ask(&question, &j->given, e) == SIGN_GIVEN;
}

/* Whoever runs this as root does it for the user whose the prefix is. */
static void give_to_owner(const struct joining *j)
{
	const char *paths[] = {j->folder, j->node, j->ca};
	char prefix[PATH_MAX];
	struct stat st;

	snprintf(prefix, sizeof prefix, "%.*s", SLICE_ARG(j->prefix));
	if (geteuid() != 0 || stat(prefix, &st) < 0 || st.st_uid == 0)
		return;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (chown(paths[i], st.st_uid, st.st_gid) < 0)
			fprintf(stderr, "gatectl: cannot give '%s' to the owner of '%s'\n", paths[i], prefix);
}

static bool write_files(struct joining *j, struct err *e)
{
	struct text both = {0};

	text_put(&both, text_slice(&j->given.certificate));
	text_put(&both, text_slice(&j->key));
	bool ok = file_make_dirs(j->folder, 0700, e) && file_replace(j->ca, text_slice(&j->given.ca), 0644, e) &&
	          file_replace(j->node, text_slice(&both), 0600, e);
	OPENSSL_cleanse(both.ptr, both.len);
	text_fini(&both);
	return ok;
}

static void put_settings(const struct joining *j, struct text *out)
{
	text_printf(out,
	        "role = data_plane\nprefix = %.*s\ncluster_control_plane = %s\ncluster_ca_cert = %s\ncluster_cert = %s\n"
	        "cluster_cert_key = %s\n",
	        SLICE_ARG(j->prefix), j->address, j->ca, j->node, j->node);
	if (j->labels)
		text_printf(out, "cluster_dp_labels = %s\n", j->labels);
}

/* A settings file that is not there is made; one that is there is its owner's. */
static bool write_conf(const struct joining *j, const char *conf, struct err *e)
{
	struct text settings = {0};
	bool ok = true, is_new = conf && access(conf, F_OK) < 0;

	put_settings(j, &settings);
	if (is_new)
		ok = file_replace(conf, text_slice(&settings), 0644, e);
	if (ok && is_new)
		fprintf(stderr, "settings written to %s; start with: gatectl start --conf %s\n", conf, conf);
	else if (ok)
		fprintf(stderr, "put into its settings%s%s:\n%s", conf ? ", " : "", conf ? conf : "",
		        text_cstr(&settings));
	text_fini(&settings);
	return ok;
}

static enum exit_code join(struct joining *j, const struct cli *c, const char *conf, bool again)
{
	struct x509_info info;
	struct err e;

	if (!again && access(j->node, F_OK) == 0)
		return cli_fail(
		        "this machine has joined already: '%s' is there; with --again it becomes another node",
		        j->node);
	if (!ask(j, &e) || !write_files(j, &e) || !x509_read(j->node, &info, &e))
		return cli_fail("%s", e.message);
	give_to_owner(j);
	json_t *out = json_pack("{s:s, s:s, s:s, s:I}", "id", j->given.node_id, "certificate", j->node, "ca", j->ca,
	        "expires_at", (json_int_t)info.not_after_s);
	if (c->json)
		output_json(out);
	else
		printf("joined as node %s, its certificate is in %s\n", j->given.node_id, j->node);
	json_decref(out);
	return write_conf(j, conf, &e) ? EXIT_OK : cli_fail("%s", e.message);
}

static enum exit_code run_cluster_join(struct cli *c)
{
	struct joining j = {.labels = cli_option(c, "--labels")};
	const char *dir = cli_option(c, "--dir"), *conf = c->conf;
	bool again = cli_flag(c, "--again");
	struct settings s;
	struct err e;

	if (!read_target(&j, c))
		return EXIT_USAGE;
	if (conf && access(conf, F_OK) < 0)
		c->conf = NULL; /* it will be made */
	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	j.prefix = s.prefix;
	enum exit_code code = set_folder(&j, dir, &e) ? join(&j, c, conf, again) : cli_fail("%s", e.message);
	OPENSSL_cleanse(&j.token, sizeof j.token);
	if (j.key.ptr)
		OPENSSL_cleanse(j.key.ptr, j.key.len);
	text_fini(&j.key);
	text_fini(&j.csr);
	sign_given_fini(&j.given);
	return code;
}

const struct command cluster_join_command = {
        .name = "cluster join",
        .usage =
                "TOKEN@HOST:PORT [--dir FOLDER] [--conf FILE] [--prefix DIR] [--labels KEY:VALUE,...] [--again] [-o json]",
        .summary =
                "make this machine a data plane: its key is made here, its certificate comes from the control plane",
        .examples =
                "  gatectl cluster join ghj_...@cp.example:8005 --prefix /var/lib/gatehouse --conf /etc/gatehouse/gatehouse.conf\n"
                "  gatectl cluster join ghj_...@cp.example:8005 --labels region:eu,rack:7\n",
        .run = run_cluster_join,
};

/* ---- revoke ---------------------------------------------------------------------------------------------------- */

static enum exit_code revoke_node(struct admin_client *a, const struct cli *c, const char *node, const char *message)
{
	struct admin_answer answer = {0};
	struct text target = {0};

	text_puts(&target, "/clustering/data-planes/");
	admin_client_escape(&target, slice_cstr(node));
	text_puts(&target, "/revoke");
	if (message) {
		text_puts(&target, "?message=");
		admin_client_escape(&target, slice_cstr(message));
	}
	enum exit_code code = admin_client_ask(a, "POST", text_cstr(&target), NULL, &answer);
	if (code == EXIT_OK && c->json)
		output_json(answer.json);
	else if (code == EXIT_OK)
		printf("node %s is revoked: its certificates are worth nothing any more\n",
		        output_string(answer.json, "id"));
	text_fini(&target);
	admin_answer_fini(&answer);
	return code;
}

static enum exit_code run_cluster_revoke(struct cli *c)
{
	const char *message = cli_option(c, "-m");

	if (!message)
		message = cli_option(c, "--message");
	struct admin_client *a = admin_client_open(c);
	if (!a)
		return EXIT_FAILED;
	enum exit_code code = EXIT_USAGE;
	if (c->argc == 1)
		code = revoke_node(a, c, c->argv[0], message);
	else
		cli_fail("cluster revoke takes one node: its id or name, as gatectl status shows it");
	admin_client_close(a);
	return code;
}

const struct command cluster_revoke_command = {
        .name = "cluster revoke",
        .usage = "NODE [-m MESSAGE] [--admin URL] [--token-file FILE] [-o json]",
        .summary = "let a node in no more: its connections are cut and its certificates refused, for ever",
        .examples = "  gatectl cluster revoke dp-eu-3 -m \"disk went missing\"\n"
                    "  gatectl cluster revoke 0b6c5a2e-51a4-4c6b-9b36-6a1f4e1f7a10\n",
        .run = run_cluster_revoke,
};
