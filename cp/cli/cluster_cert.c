/* gatectl cluster cert: makes what the link between planes needs: the cluster's CA, a certificate for a control
 * plane, one per data plane. What exists is kept, so it can be run again to add a node. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "cp/cli/command.h"

enum { CA_DAYS = 3650, NODE_DAYS = 365, DAY_S = 86400, CLOCK_SKEW_S = 300, HOSTS_MAX = 10 };

/* Names in a certificate: of this machine, then those that others dial. */
struct hosts {
	const char *names[HOSTS_MAX];
	size_t count;
};

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static struct x509_request request_for(const char *cn, int days)
{
	int64_t now = (int64_t)time(NULL);
	return (struct x509_request){
	        .common_name = cn, .not_before_s = now - CLOCK_SKEW_S, .not_after_s = now + (int64_t)days * DAY_S};
}

static bool make_ca(const char *dir, char *cert, char *key, struct err *e)
{
	snprintf(cert, PATH_MAX, "%s/ca.crt", dir);
	snprintf(key, PATH_MAX, "%s/ca.key", dir);
	if (exists(cert) && exists(key))
		return true;
	struct x509_request r = request_for("gatehouse cluster", CA_DAYS);
	if (!x509_make_ca(&r, cert, key, e))
		return false;
	printf("made %s\n", cert);
	return true;
}

/* hosts: with commas; NULL: none. */
static bool read_hosts(struct cli *c, const char *hosts, struct hosts *out)
{
	*out = (struct hosts){.names = {"localhost", "127.0.0.1"}, .count = 2};
	for (struct slice rest = slice_cstr(hosts ? hosts : ""); slice_is_set(rest);) {
		struct slice one = slice_trim(slice_cut(&rest, ','));
		if (out->count == HOSTS_MAX) {
			cli_fail("--host names more than %d hosts", HOSTS_MAX - 2);
			return false;
		}
		if (one.len > 0)
			out->names[out->count++] = arena_cstr(c->arena, one);
	}
	return true;
}

static bool make_node(const char *dir, const char *name, bool control_plane, const struct hosts *hosts, struct err *e)
{
	char ca[PATH_MAX], ca_key[PATH_MAX], cert[PATH_MAX], key[PATH_MAX], id[UUID_TEXT + 1];
	struct uuid u = uuid_v4();

	if (!make_ca(dir, ca, ca_key, e))
		return false;
	snprintf(cert, sizeof cert, "%s/%s.crt", dir, name);
	snprintf(key, sizeof key, "%s/%s.key", dir, name);
	if (exists(cert) && exists(key)) {
		printf("kept %s\n", cert);
		return true;
	}
	uuid_format(&u, id);
	struct x509_request r = request_for(id, NODE_DAYS);
	r.dns = hosts->names;
	r.dns_count = hosts->count;
	r.client_only = !control_plane;
	if (!x509_make_node(&r, ca, ca_key, cert, key, e))
		return false;
	printf("made %s for node %s, valid %d days\n", cert, id, NODE_DAYS);
	return true;
}

static enum exit_code run_cluster_cert(struct cli *c)
{
	const char *dir = cli_option(c, "--dir"), *named = cli_option(c, "--host");
	struct hosts hosts;
	struct err e;

	if (!dir || c->argc == 0) {
		cli_fail("cluster cert needs --dir FOLDER and the names of nodes, e.g. cp dp1 dp2");
		return EXIT_USAGE;
	}
	if (!read_hosts(c, named, &hosts))
		return EXIT_USAGE;
	if (!file_make_dirs(dir, 0700, &e))
		return cli_fail("%s", e.message);
	for (int i = 0; i < c->argc; i++)
		if (!make_node(dir, c->argv[i], strncmp(c->argv[i], "cp", 2) == 0, &hosts, &e))
			return cli_fail("%s", e.message);
	return EXIT_OK;
}

const struct command cluster_cert_command = {
        .name = "cluster cert",
        .usage = "--dir FOLDER [--host NAME,...] NODE...",
        .summary = "make the cluster's CA and certificates of nodes (names that begin with cp are control planes)",
        .examples = "  gatectl cluster cert --dir /etc/gatehouse/cluster --host cp.example cp1\n"
                    "  gatectl cluster cert --dir /etc/gatehouse/cluster dp1 dp2 dp3\n",
        .run = run_cluster_cert,
};
