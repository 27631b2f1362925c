/* gatectl cluster join, revoke: how a machine becomes a node of the cluster, and how it stops being one.
 *
 * With a token (cluster_token.c) that whoever sets the machine up has carried there. The key is made here, and stays.
 * What join writes is one PEM file with certificate and key, so that a renewal replaces both at once. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/crypto/pem.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/sign_client.h"
#include "cp/cli/admin_client.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"

/* ---- join ------------------------------------------------------------------------------------------------------ */

enum { TARGET_MAX = 4096, RETRY_MS = 1000 };

struct joining {
	struct join_token token;
	const char *addresses; /* "cp.example:8005", several with commas */
	const char *labels;    /* NULL: none */
	bool as_control_plane;
	const char **hosts; /* of a control plane, NULL at the end; NULL: all that the token has */
	int64_t timeout_ms; /* how long it is tried while no control plane answers */
	struct slice prefix;
	char folder[PATH_MAX - 16], node[PATH_MAX], ca[PATH_MAX];
	struct text key, csr;
	struct sign_given given;
};

/* What gatectl cluster token has printed: as the argument, or in a file (--from), where it is not in the list of
 * processes. */
static const char *find_target(struct cli *c, const char *from)
{
	struct slice text;
	struct err e;

	if (!from && c->argc == 1)
		return c->argv[0];
	if (!from || c->argc > 0) {
		cli_fail(
		        "cluster join takes TOKEN@HOST:PORT, as gatectl cluster token shows it on the control plane, or --from FILE with it");
		return NULL;
	}
	if (file_read(c->arena, from, TARGET_MAX, &text, &e))
		return arena_cstr(c->arena, slice_trim(text));
	cli_fail("%s", e.message);
	return NULL;
}

static bool read_target(struct joining *j, struct cli *c, const char *target)
{
	const char *at = strrchr(target, '@'), *host;
	int port;

	if (!at) {
		cli_fail("the token comes with where it is good for: TOKEN@HOST:PORT");
		return false;
	}
	j->addresses = at + 1;
	if (!join_token_parse(slice_of(target, (size_t)(at - target)), &j->token)) {
		cli_fail("what stands before the @ is no token, or not all of it: gatectl cluster token makes one");
		return false;
	}
	for (struct slice rest = slice_cstr(j->addresses); slice_is_set(rest);) {
		struct slice one = slice_trim(slice_cut(&rest, ','));
		if (sign_address(one, c->arena, &host, &port))
			continue;
		cli_fail("'%.*s' is not where a control plane is, expected HOST:PORT, such as cp.example:8005",
		        SLICE_ARG(one));
		return false;
	}
	return true;
}

static bool read_role(struct joining *j, struct cli *c, const char *role, const char *hosts)
{
	struct slice rest = slice_cstr(hosts ? hosts : "");
	size_t n = 0;

	j->as_control_plane = role && strcmp(role, "control_plane") == 0;
	if (role && !j->as_control_plane && strcmp(role, "data_plane") != 0) {
		cli_fail("--role is '%s', expected data_plane or control_plane", role);
		return false;
	}
	if (!hosts)
		return true;
	if (!j->as_control_plane) {
		cli_fail("--host is for a control plane: --role control_plane");
		return false;
	}
	j->hosts = arena_alloc(c->arena, (strlen(hosts) + 2) * sizeof *j->hosts);
	while (slice_is_set(rest))
		j->hosts[n++] = arena_cstr(c->arena, slice_trim(slice_cut(&rest, ',')));
	j->hosts[n] = NULL;
	return true;
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

/* While a machine is being set up, control planes may still be starting. */
static enum sign_result ask_until(struct joining *j, const struct sign_ask *question, struct err *e)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)j->timeout_ms;
	enum sign_result result;

	while ((result = sign_ask_any(question, slice_cstr(j->addresses), &j->given, e)) == SIGN_FAILED &&
	        clock_mono_ms() < until_ms)
		usleep(RETRY_MS * 1000);
	return result;
}

/* A control plane of another release may not know what was asked for. */
static bool check_given(const struct joining *j, struct err *e)
{
	X509 *cert = pem_certificate(text_slice(&j->given.certificate), e);
	struct x509_info info;
	bool ok = cert && x509_describe(cert, &info, e);

	X509_free(cert);
	if (ok && info.is_server != j->as_control_plane)
		return err_set(e,
		        "the certificate that was given is one of a %s plane; is the control plane (release %s) older than this one?",
		        info.is_server ? "control" : "data", j->given.release);
	return ok;
}

static bool ask(struct joining *j, struct err *e)
{
	if (!x509_new_key(&j->key, e) || !x509_ask(text_slice(&j->key), &j->csr, e))
		return false;
	const struct sign_ask question = {.token = &j->token,
	        .csr = text_slice(&j->csr),
	        .as_control_plane = j->as_control_plane,
	        .hosts = j->hosts};
	return ask_until(j, &question, e) == SIGN_GIVEN && check_given(j, e);
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
	        "role = %s\nprefix = %.*s\ncluster_control_plane = %s\ncluster_ca_cert = %s\ncluster_cert = %s\n"
	        "cluster_cert_key = %s\n",
	        j->as_control_plane ? "control_plane" : "data_plane", SLICE_ARG(j->prefix), j->addresses, j->ca,
	        j->node, j->node);
	if (j->as_control_plane)
		text_puts(out, "cluster_listen = 0.0.0.0:8005\n");
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
		fprintf(stderr, "settings written to %s; %sstart with: gatectl start --conf %s\n", conf,
		        j->as_control_plane ? "add those of the database (pg_host, pg_user, ...), then " : "", conf);
	else if (ok)
		fprintf(stderr, "put into its settings%s%s:\n%s", conf ? ", " : "", conf ? conf : "",
		        text_cstr(&settings));
	text_fini(&settings);
	return ok;
}

static enum exit_code join(struct joining *j, const struct cli *c, const char *conf, bool again, bool if_needed)
{
	struct x509_info info;
	struct err e;

	if (!again && if_needed && access(j->node, F_OK) == 0) {
		fprintf(stderr, "this machine has joined already: '%s' is there\n", j->node);
		return EXIT_OK;
	}
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

/* Options; what is left over is the target. */
static bool read_options(struct joining *j, struct cli *c)
{
	const char *role = cli_option(c, "--role"), *hosts = cli_option(c, "--host");
	const char *timeout = cli_option(c, "--timeout"), *from = cli_option(c, "--from");
	const char *target = find_target(c, from);

	return target && read_target(j, c, target) && read_role(j, c, role, hosts) &&
	       (!timeout || cli_duration("--timeout", timeout, &j->timeout_ms));
}

static enum exit_code run_cluster_join(struct cli *c)
{
	struct joining j = {.labels = cli_option(c, "--labels")};
	const char *dir = cli_option(c, "--dir"), *conf = c->conf;
	bool again = cli_flag(c, "--again"), if_needed = cli_flag(c, "--if-needed");
	struct settings s;
	struct err e;

	if (!read_options(&j, c))
		return EXIT_USAGE;
	if (conf && access(conf, F_OK) < 0)
		c->conf = NULL; /* it will be made */
	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	j.prefix = s.prefix;
	enum exit_code code = set_folder(&j, dir, &e) ? join(&j, c, conf, again, if_needed)
	                                              : cli_fail("%s", e.message);
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
                "TOKEN@HOST:PORT,...|--from FILE [--role control_plane [--host NAME,...]] [--dir FOLDER] [--conf FILE] "
                "[--prefix DIR] [--labels KEY:VALUE,...] [--timeout TIME] [--if-needed|--again] [-o json]",
        .summary =
                "make this machine a node of the cluster: its key is made here, its certificate comes from a control plane",
        .examples =
                "  gatectl cluster join ghj_...@cp.example:8005 --prefix /var/lib/gatehouse --conf /etc/gatehouse/gatehouse.conf\n"
                "  gatectl cluster join ghj_...@cp1.example:8005 --role control_plane --conf /etc/gatehouse/gatehouse.conf\n",
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
