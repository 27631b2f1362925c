/* enrolment: see enrolment.h. Started by publish. */
#include "cp/publish/enrolment.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/core/thread.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/join_token.h"
#include "common/sync/link_sign.h"
#include "cp/publish/nodes.h"
#include "cp/publish/revoked.h"
#include "cp/store/enrol.h"

/* Requests that wait; each has a connection, of which the link allows no more. */
enum { QUEUE_MAX = 64, CLOCK_SKEW_S = 300, OWN_EVERY_MS = 60 * 60 * 1000, KEEP_EVERY_MS = 10 * 1000 };

struct enrolment {
	const struct settings *settings;
	void (*on_renewed)(void *arg);
	void *arg;
	char ca[PATH_MAX], ca_key[PATH_MAX], cert[PATH_MAX], revoked[PATH_MAX];
	struct store *store;  /* NULL: not connected */
	uint64_t own_due_ms;  /* when our own certificate is looked at */
	uint64_t keep_due_ms; /* when what is known of nodes is written */
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wake;
	struct link_asked *queue[QUEUE_MAX];
	size_t queued;
	bool stopping;
};

/* ---- answers --------------------------------------------------------------------------------------------------- */

struct given {
	char node_id[UUID_TEXT + 1];
	struct text certificate;
	struct x509_info info;
	struct err why;
};

/* Whoever comes with a token: which one, and as what; node: the id that it gets. */
struct join_claim {
	char token[UUID_TEXT + 1], digest[SHA256_HEX + 1], node[UUID_TEXT + 1];
	bool as_control_plane;
};

static void answer(struct link_asked *asked, const struct given *g, bool ok)
{
	Gatehouse__Sync__SignAnswer a = GATEHOUSE__SYNC__SIGN_ANSWER__INIT;

	a.release = (char *)GATEHOUSE_RELEASE;
	a.time_ms = clock_wall_ms();
	a.error = ok ? (char *)"" : (char *)g->why.message;
	if (ok) {
		a.node_id = (char *)g->node_id;
		a.certificate = (char *)text_cstr(&g->certificate);
	}
	link_answer(asked, &a);
}

/* A node's name, and what its certificate is good for, are ours to say. as_server: of a control plane. */
static struct x509_request request_for(const struct enrolment *n, const char *node_id, bool as_server)
{
	int64_t now = clock_wall_s();
	return (struct x509_request){.common_name = node_id,
	        .not_before_s = now - CLOCK_SKEW_S,
	        .not_after_s = now + n->settings->cluster_cert_days * 86400,
	        .client_only = !as_server};
}

static bool sign(const struct enrolment *n, const struct x509_request *r, const char *csr, struct given *g)
{
	snprintf(g->node_id, sizeof g->node_id, "%s", r->common_name);
	return x509_sign_asked(r, slice_cstr(csr), n->ca, n->ca_key, &g->certificate, &g->info, &g->why);
}

static bool take_fault(struct fault *f, struct given *g)
{
	if (f->code)
		err_set(&g->why, "%s", f->message ? f->message : "the database failed");
	fault_fini(f);
	return false;
}

static bool open_store(struct enrolment *n, struct err *e)
{
	return n->store || (n->store = store_open(n->settings, e)) != NULL;
}

/* ---- joining --------------------------------------------------------------------------------------------------- */

static bool read_token(const Gatehouse__Sync__SignRequest *r, struct join_claim *out, struct err *why)
{
	struct uuid id;

	if (r->token_id.len != sizeof id || r->token_secret.len != JOIN_SECRET)
		return err_set(why, "the token is not of the form of one");
	memcpy(&id, r->token_id.data, sizeof id);
	uuid_format(&id, out->token);
	join_token_digest(slice_of((const char *)r->token_secret.data, r->token_secret.len), out->digest);
	out->as_control_plane = strcmp(r->role, "control_plane") == 0;
	if (r->role[0] && !out->as_control_plane && strcmp(r->role, "data_plane") != 0)
		return err_set(why, "the role '%.40s' is not known, expected data_plane or control_plane", r->role);
	return true;
}

static bool has_host(struct slice hosts, const char *host)
{
	while (slice_is_set(hosts))
		if (slice_ieq(slice_cut(&hosts, ','), slice_cstr(host)))
			return true;
	return false;
}

/* The names of a control plane: those it asks for, which must stand in its token, else all of the token. */
static bool choose_hosts(const Gatehouse__Sync__SignRequest *r, struct slice allowed, struct arena *a,
        const char *out[static ENROL_HOSTS_MAX], size_t *count, struct err *why)
{
	*count = 0;
	for (size_t i = 0; i < r->n_hosts; i++) {
		if (i == ENROL_HOSTS_MAX || !has_host(allowed, r->hosts[i]))
			return err_set(why, "the token is not for a control plane at '%.253s', but at: %.*s",
			        r->hosts[i], SLICE_ARG(allowed));
		out[(*count)++] = r->hosts[i];
	}
	for (struct slice rest = allowed; r->n_hosts == 0 && slice_is_set(rest) && *count < ENROL_HOSTS_MAX;)
		out[(*count)++] = arena_cstr(a, slice_cut(&rest, ','));
	return true;
}

/* Nothing is spent on whoever comes with a token that is good for others. */
static bool sign_claim(struct enrolment *n, const Gatehouse__Sync__SignRequest *r, const struct join_claim *claim,
        struct given *g, struct fault *f)
{
	const char *names[ENROL_HOSTS_MAX + 2];
	struct enrol_terms terms;
	size_t count;
	struct arena a;

	if (!store_token_read(n->store, &(struct enrol_token){claim->token, claim->digest}, &terms, &g->why, f))
		return false;
	if (terms.as_control_plane != claim->as_control_plane)
		return err_set(&g->why, "the token is for a %s plane, and a %s plane wants to join with it",
		        terms.as_control_plane ? "control" : "data", claim->as_control_plane ? "control" : "data");
	if (!claim->as_control_plane && r->n_hosts > 0)
		return err_set(&g->why, "a data plane's certificate has no host names");
	arena_init(&a);
	struct x509_request request = request_for(n, claim->node, claim->as_control_plane);
	bool ok = choose_hosts(r, terms.hosts, &a, names, &count, &g->why);
	if (claim->as_control_plane) { /* as gatectl cluster cert does, for what is on the same machine */
		names[count++] = "localhost";
		names[count++] = "127.0.0.1";
	}
	request.dns = names;
	request.dns_count = count;
	ok = ok && sign(n, &request, r->csr, g);
	arena_fini(&a);
	return ok;
}

static bool join(struct enrolment *n, const struct link_asked *asked, struct given *g)
{
	const Gatehouse__Sync__SignRequest *r = link_asked_request(asked);
	struct uuid fresh = uuid_v4();
	struct join_claim claim;
	struct fault f = {0};

	uuid_format(&fresh, claim.node);
	if (!read_token(r, &claim, &g->why) || !open_store(n, &g->why))
		return false;
	if (!sign_claim(n, r, &claim, g, &f))
		return take_fault(&f, g);
	struct enrol_token t = {claim.token, claim.digest};
	struct enrol_node given = {claim.node, r->hostname, g->info.serial, g->info.not_after_s,
	        .is_control_plane = claim.as_control_plane};
	if (!store_token_spend(n->store, &t, &given, &g->why, &f))
		return take_fault(&f, g);
	log_notice(claim.as_control_plane ? "a control plane has joined" : "a node has joined",
	        LOG_STR("node", claim.node), LOG_STR("hostname", r->hostname),
	        LOG_STR("client", link_asked_who(asked)), LOG_STR("token", claim.token));
	return true;
}

/* ---- renewing -------------------------------------------------------------------------------------------------- */

/* What a certificate is, its successor is: a control plane's keeps its names, a data plane's becomes nothing else. */
static bool renew(struct enrolment *n, const struct link_asked *asked, struct given *g)
{
	const Gatehouse__Sync__SignRequest *r = link_asked_request(asked);
	const char *node = link_asked_peer(asked);
	struct x509_info shown;
	struct fault f = {0};

	if (!x509_describe(link_asked_certificate(asked), &shown, &g->why))
		return false;
	struct x509_request request = request_for(n, node, shown.is_server);
	request.names_of = shown.is_server ? link_asked_certificate(asked) : NULL;
	if (!sign(n, &request, r->csr, g) || !open_store(n, &g->why))
		return false;
	struct enrol_node given = {node, r->hostname, g->info.serial, g->info.not_after_s, shown.is_server};
	err_set(&g->why, "the node's certificate is revoked");
	if (!store_node_signed(n->store, &given, &f))
		return take_fault(&f, g);
	log_notice("a node's certificate was renewed", LOG_STR("node", node), LOG_STR("hostname", r->hostname),
	        LOG_INT("days", n->settings->cluster_cert_days));
	return true;
}

static void work_on(struct enrolment *n, struct link_asked *asked)
{
	const Gatehouse__Sync__SignRequest *r = link_asked_request(asked);
	struct given g = {.why = {""}};
	bool ok = false, is_known = link_asked_peer(asked)[0] != '\0';

	if (!r->csr[0] && is_known) { /* only asks */
		ok = true;
		snprintf(g.node_id, sizeof g.node_id, "%s", link_asked_peer(asked));
	} else if (!n->ca_key[0])
		err_set(&g.why, "this control plane gives no certificates: its setting cluster_ca_key is not set");
	else if (r->token_id.len > 0)
		ok = join(n, asked, &g);
	else if (is_known)
		ok = renew(n, asked, &g);
	else
		err_set(&g.why, "neither a token nor a certificate was shown");
	if (!ok)
		log_warn("a node gets no certificate", LOG_STR("node", link_asked_peer(asked)),
		        LOG_STR("client", link_asked_who(asked)), LOG_STR("reason", g.why.message));
	answer(asked, &g, ok);
	text_fini(&g.certificate);
}

/* ---- once a second --------------------------------------------------------------------------------------------- */

/* False: the database is away, which the feed says. */
static bool look_for_revoked(struct enrolment *n)
{
	struct fault f = {0};
	struct err e;

	if (slice_eq(n->settings->database, S("off")))
		return true;
	json_t *rows = open_store(n, &e) ? store_revoked(n->store, &f) : NULL;
	if (rows)
		revoked_learn(rows, n->revoked);
	fault_fini(&f);
	json_decref(rows);
	return rows != NULL;
}

/* What a control plane that starts later, or this one anew, shows of nodes that are silent. */
static void keep_seen(struct enrolment *n)
{
	struct fault f = {0};
	struct err e;
	int64_t delay_s = n->settings->cluster_data_plane_purge_delay;

	nodes_purge(delay_s);
	if (clock_mono_ms() < n->keep_due_ms || slice_eq(n->settings->database, S("off")) || !open_store(n, &e))
		return;
	n->keep_due_ms = clock_mono_ms() + KEEP_EVERY_MS;
	json_t *nodes = nodes_export();
	if (!store_nodes_keep(n->store, nodes, &f) || !store_nodes_purge(n->store, delay_s, &f))
		log_info("what is known of data planes is not kept for now",
		        LOG_STR("error", f.message ? f.message : ""));
	json_decref(nodes);
	fault_fini(&f);
}

static void load_seen(struct enrolment *n)
{
	struct fault f = {0};
	json_t *nodes = n->store ? store_nodes_seen(n->store, &f) : NULL;

	if (nodes)
		nodes_restore(nodes);
	json_decref(nodes);
	fault_fini(&f);
}

static bool renew_own(const struct enrolment *n, const struct x509_info *info, struct err *e)
{
	bool is_one_file = slice_eq(n->settings->cluster_cert, n->settings->cluster_cert_key);
	struct text pem = {0};
	int64_t from = clock_wall_s() - CLOCK_SKEW_S;
	bool ok = x509_sign_again(n->cert, from, from + (info->not_after_s - info->not_before_s), n->ca, n->ca_key,
	                  &pem, e) &&
	          (!is_one_file || x509_key_of(n->cert, &pem, e)) &&
	          file_replace(n->cert, text_slice(&pem), is_one_file ? 0600 : 0644, e);
	if (pem.ptr)
		OPENSSL_cleanse(pem.ptr, pem.len);
	text_fini(&pem);
	return ok;
}

/* The key stays the same, so that one file changes, as a whole. */
static void look_at_own(struct enrolment *n)
{
	int64_t days = n->settings->cluster_cert_renew_days;
	struct x509_info info;
	struct err e = {""};

	if (clock_mono_ms() < n->own_due_ms || !n->ca_key[0] || days == 0)
		return;
	n->own_due_ms = clock_mono_ms() + OWN_EVERY_MS;
	if (!x509_read(n->cert, &info, &e) || clock_wall_s() < x509_renewal_s(&info, days))
		return;
	if (renew_own(n, &info, &e)) {
		log_notice("this control plane's certificate was renewed", LOG_STR("file", n->cert));
		n->on_renewed(n->arg);
		return;
	}
	log_warn("this control plane's certificate is not renewed", LOG_STR("reason", e.message),
	        LOG_INT("days_left", (info.not_after_s - clock_wall_s()) / 86400));
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

/* The next request; NULL: there is none for now. */
static struct link_asked *take(struct enrolment *n, bool *stopping)
{
	uint64_t until_ms = clock_mono_ms() + ENROLMENT_EVERY_MS;
	struct link_asked *asked = NULL;

	pthread_mutex_lock(&n->lock);
	if (n->queued == 0 && !n->stopping)
		thread_wait(&n->wake, &n->lock, until_ms);
	if (n->queued > 0) {
		asked = n->queue[0];
		memmove(n->queue, n->queue + 1, --n->queued * sizeof *n->queue);
	}
	*stopping = n->stopping;
	pthread_mutex_unlock(&n->lock);
	return asked;
}

static void *run(void *arg)
{
	struct enrolment *n = arg;
	uint64_t looked_ms = clock_mono_ms();
	bool stopping = false;
	struct link_asked *asked;

	look_at_own(n);
	while ((asked = take(n, &stopping)) != NULL || !stopping) {
		if (asked)
			work_on(n, asked);
		if (clock_mono_ms() - looked_ms < ENROLMENT_EVERY_MS)
			continue;
		look_for_revoked(n);
		look_at_own(n);
		keep_seen(n);
		looked_ms = clock_mono_ms();
	}
	n->keep_due_ms = 0;
	keep_seen(n);
	return NULL;
}

/* ---- for the link ---------------------------------------------------------------------------------------------- */

static void on_sign(struct link_asked *asked, void *arg)
{
	struct enrolment *n = arg;
	struct given busy = {.why = {"too many ask for certificates at a time, try again"}};

	pthread_mutex_lock(&n->lock);
	bool fits = n->queued < QUEUE_MAX && !n->stopping;
	if (fits) {
		n->queue[n->queued++] = asked;
		pthread_cond_signal(&n->wake);
	}
	pthread_mutex_unlock(&n->lock);
	if (!fits)
		answer(asked, &busy, false);
}

static bool is_revoked(const char *node_id, void *arg)
{
	(void)arg;
	return revoked_has(node_id);
}

struct link_gate enrolment_gate(struct enrolment *n)
{
	return (struct link_gate){.is_revoked = is_revoked, .sign = on_sign, .arg = n};
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static bool set_path(char out[PATH_MAX], const char *setting, struct slice value, struct err *e)
{
	if ((size_t)snprintf(out, PATH_MAX, "%.*s", SLICE_ARG(value)) < PATH_MAX)
		return true;
	return err_set(e, "%s is too long", setting);
}

/* A key that others can read, or of another authority, is found out now and not when the first node comes. */
static bool check_authority(const struct enrolment *n, struct err *e)
{
	struct text ignored = {0};
	int64_t now = clock_wall_s();

	if (!n->ca_key[0])
		return true;
	bool ok = x509_sign_again(n->cert, now, now + 86400, n->ca, n->ca_key, &ignored, e) ||
	          err_prefix(e, "cluster_ca_key");
	text_fini(&ignored);
	return ok;
}

static void init(struct enrolment *n)
{
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
}

static void free_all(struct enrolment *n)
{
	store_close(n->store);
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

struct enrolment *enrolment_start(const struct settings *s, void (*on_renewed)(void *arg), void *arg, struct err *e)
{
	struct enrolment *n = calloc(1, sizeof *n);

	if (!n)
		abort();
	*n = (struct enrolment){.settings = s, .on_renewed = on_renewed, .arg = arg};
	init(n);
	snprintf(n->revoked, sizeof n->revoked, "%.*s/sync/revoked", SLICE_ARG(s->prefix));
	if (set_path(n->ca, "cluster_ca_cert", s->cluster_ca_cert, e) &&
	        set_path(n->ca_key, "cluster_ca_key", s->cluster_ca_key, e) &&
	        set_path(n->cert, "cluster_cert", s->cluster_cert, e) && check_authority(n, e)) {
		revoked_load(n->revoked);
		look_for_revoked(n);
		load_seen(n);
		int problem = thread_start(&n->thread, run, n);
		if (problem == 0)
			return n;
		err_set(e, "cannot start the enrolment of nodes: %s", strerror(problem));
	}
	free_all(n);
	return NULL;
}

void enrolment_stop(struct enrolment *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
}

void enrolment_free(struct enrolment *n)
{
	if (n)
		free_all(n);
}
