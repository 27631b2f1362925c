/* nodes: see nodes.h. Certificates themselves are given over the cluster port, by cp/publish/enrolment. */
#include "cp/admin/nodes.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/pem.h>

#include "common/core/ip.h"
#include "common/crypto/x509_csr.h"
#include "common/net/listener.h"
#include "cp/admin/errors.h"
#include "cp/publish/nodes.h"
#include "cp/publish/revoked.h"
#include "cp/store/enrol.h"

enum { TTL_S = 3600 };

static void answer_rows(struct admin_call *c, json_t *rows, struct fault *f)
{
	if (!rows) {
		admin_fault(c, f, NULL);
		return;
	}
	c->response->status = 200;
	c->response->json = json_pack("{s:o, s:n}", "data", rows, "next");
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

/* A number, also as text (forms); 0, which no limit allows, for what is none. */
static int64_t read_number(const json_t *input, const char *name, int64_t otherwise)
{
	const json_t *given = json_object_get(input, name);
	int64_t n = given ? json_integer_value(given) : otherwise;

	if (json_is_string(given) && !slice_to_int(slice_cstr(json_string_value(given)), &n))
		n = 0;
	return n;
}

/* A list, or text with commas; what is neither is given as a name that none is. */
static struct slice read_hosts(struct admin_call *c)
{
	const json_t *given = json_object_get(c->input, "hosts"), *one;
	struct slice out = {0};
	size_t i;

	if (json_is_string(given))
		return arena_dup(c->arena, slice_cstr(json_string_value(given)));
	if (given && !json_is_null(given) && !json_is_array(given))
		return S("?");
	json_array_foreach(given, i, one)
	{
		struct slice host = slice_cstr(json_is_string(one) ? json_string_value(one) : "?");
		out = i == 0 ? arena_dup(c->arena, host) : ARENA_JOIN(c->arena, out, S(","), host);
	}
	return out;
}

static bool read_terms(struct admin_call *c, struct enrol_terms *t)
{
	const json_t *role = json_object_get(c->input, "role");
	const char *name = role ? json_string_value(role) : "data_plane";
	struct err e;

	if (!name || (strcmp(name, "data_plane") != 0 && strcmp(name, "control_plane") != 0)) {
		admin_fail(c, 400, "role is expected to be data_plane or control_plane");
		return false;
	}
	*t = (struct enrol_terms){.as_control_plane = strcmp(name, "control_plane") == 0,
	        .hosts = read_hosts(c),
	        .uses = read_number(c->input, "uses", 1),
	        .ttl_s = read_number(c->input, "ttl", TTL_S)};
	if (enrol_check(t, &e))
		return true;
	admin_fail(c, 400, "%s", e.message);
	return false;
}

/* Both files: whoever makes tokens can give certificates. */
static bool check_authority(struct admin_call *c, unsigned char ca[SHA256_SIZE])
{
	const struct settings *s = c->env->settings;
	struct err e;

	if (s->cluster_listen.len == 0 || slice_eq(s->cluster_listen, S("off")))
		admin_fail(c, 400, "no node can join here: the setting cluster_listen is off");
	else if (s->cluster_ca_key.len == 0)
		admin_fail(c, 400,
		        "this control plane gives no certificates: its setting cluster_ca_key is not set; it is the key that "
		        "gatectl cluster cert made beside the authority's certificate");
	else if (!x509_fingerprint(arena_cstr(c->arena, s->cluster_ca_cert), ca, &e))
		admin_fail(c, 500, "%s", e.message);
	else
		return true;
	return false;
}

/* The name in our certificate by which others dial us; unset: none but this machine's own. */
static struct slice name_in(struct admin_call *c)
{
	struct slice names[16];
	char path[PATH_MAX];
	X509 *cert = NULL;
	struct slice found = {0};

	snprintf(path, sizeof path, "%.*s", SLICE_ARG(c->env->settings->cluster_cert));
	BIO *file = BIO_new_file(path, "r");
	if (file)
		cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
	size_t n = cert ? x509_names(cert, c->arena, names, 16) : 0;
	for (size_t i = 0; i < n; i++)
		if (slice_starts(names[i], S("DNS:")) && !slice_eq(names[i], S("DNS:localhost")))
			found = slice_from(names[i], 4);
	X509_free(cert);
	BIO_free(file);
	return found;
}

/* Where a new node finds us, as far as we know ourselves: "cp.example:8005". */
static struct slice our_address(struct admin_call *c)
{
	struct listen_spec *specs;
	struct err e;
	size_t n = 0;
	char text[IP_TEXT_MAX + 1] = "";
	int port = 0;

	struct slice host = name_in(c);
	if (listen_parse(c->arena, c->env->settings->cluster_listen, &specs, &n, &e) && n > 0)
		conn_address_text((const struct sockaddr *)&specs[0].address, text, sizeof text, &port);
	bool is_any = strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0;
	if (!slice_is_set(host))
		host = is_any || !text[0] ? slice_cstr(c->env->hostname) : arena_dup(c->arena, slice_cstr(text));
	return arena_printf(c->arena, slice_find(host, ':') >= 0 ? "[%.*s]:%d" : "%.*s:%d", SLICE_ARG(host), port);
}

static void make_token(struct admin_call *c)
{
	unsigned char ca[SHA256_SIZE];
	struct enrol_terms terms;
	struct enrol_made made;
	struct fault f = {0};

	if (!read_terms(c, &terms) || !check_authority(c, ca))
		return;
	if (!store_token_make(c->store, ca, &terms, c->author, &made, &f)) {
		admin_fault(c, &f, NULL);
		return;
	}
	struct slice address = our_address(c);
	c->response->status = 201;
	c->response->json = json_pack("{s:s, s:s, s:I, s:s, s:I, s:s%}", "id", made.id, "token", made.text,
	        "expires_at", (json_int_t)made.expires_s, "role",
	        terms.as_control_plane ? "control_plane" : "data_plane", "uses", (json_int_t)terms.uses,
	        "control_plane", address.ptr, address.len);
}

void admin_join_tokens(struct admin_call *c)
{
	struct fault f = {0};

	if (c->request->method == ADMIN_GET)
		answer_rows(c, store_tokens(c->store, &f), &f);
	else
		make_token(c);
}

void admin_join_token(struct admin_call *c)
{
	struct fault f = {0};
	bool was_there;

	if (!is_uuid(c->params[0]))
		admin_not_found(c);
	else if (!store_token_remove(c->store, arena_cstr(c->arena, c->params[0]), &was_there, &f))
		admin_fault(c, &f, NULL);
	else if (!was_there)
		admin_not_found(c);
	else
		c->response->status = 204;
}

/* ---- revoking -------------------------------------------------------------------------------------------------- */

void admin_nodes_revoked(struct admin_call *c)
{
	struct fault f = {0};

	answer_rows(c, store_revoked(c->store, &f), &f);
}

void admin_node_revoke(struct admin_call *c)
{
	char id[UUID_TEXT + 1];
	struct slice message = c->request->message;
	struct fault f = {0};
	struct uuid node;
	unsigned found = nodes_find(c->params[0], &node);

	if (found == 0)
		admin_fail(c, 404,
		        "no node is called '%.*s'; /clustering/data-planes lists them, and any id is taken",
		        SLICE_ARG(c->params[0]));
	else if (found > 1)
		admin_fail(c, 400, "'%.*s' is the name of %u nodes; give an id of /clustering/data-planes",
		        SLICE_ARG(c->params[0]), found);
	if (found != 1)
		return;
	uuid_format(&node, id);
	admin_query(c->request, S("message"), &message);
	if (!store_node_revoke(c->store, id, c->author, message, &f)) {
		admin_fault(c, &f, NULL);
		return;
	}
	revoked_add(id);
	c->response->status = 200;
	c->response->json = json_pack("{s:s, s:b}", "id", id, "revoked", 1);
}
