/* uplink: finds the way to the control plane: its own sockets on this machine, or the TLS link's local ones. The link
 * runs on a thread of its own, so that heartbeats and large configurations flow while the main thread compiles; and
 * each link on its own, because looking up a name blocks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/crypto/x509.h"
#include "common/settings/node_id.h"
#include "common/sync/link.h"
#include "common/sync/side_loop.h"
#include "common/sync/sign_client.h"
#include "dp/config/line.h"

static bool set_paths(struct uplink *u, struct slice prefix, const char *folder, const char *suffix, struct err *e)
{
	char base[PATH_MAX - 32];
	if ((size_t)snprintf(base, sizeof base, "%.*s/%s", SLICE_ARG(prefix), folder) >= sizeof base)
		return err_set(e, "prefix is too long: '%.200s...'", base);
	snprintf(u->pub_path, sizeof u->pub_path, "%s/pub%.8s.ipc", base, suffix);
	snprintf(u->rep_path, sizeof u->rep_path, "%s/rep%.8s.ipc", base, suffix);
	return true;
}

static bool make_folder(const struct uplink *u, struct err *e)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(u->pub_path, '/') - u->pub_path), u->pub_path);
	if (!file_make_dirs(folder, 0700, e))
		return false;
	return chmod(folder, 0700) == 0 || err_set(e, "cannot make '%s' private: %s", folder, strerror(errno));
}

/* The control plane believes the certificate only. */
static bool take_node_id(struct uplink *u, const char *cert, struct slice configured, struct err *e)
{
	struct x509_info info;
	struct uuid id;
	if (!x509_read(cert, &info, e))
		return false;
	if (!uuid_parse(slice_cstr(info.common_name), &id))
		return err_set(
		        e, "common name '%s' of '%s' is not a node id, expected a UUID", info.common_name, cert);
	uuid_format(&id, u->node_id);
	if (configured.len && !slice_ieq(configured, slice_cstr(u->node_id)))
		log_notice("the node id is that of the certificate", LOG_STR("certificate", u->node_id),
		        LOG_SLICE("configured", configured));
	return true;
}

struct opening {
	struct uplink *uplink;
	const char *host;
	int port;
	struct link_certs certs;
	struct err *e;
};

static void open_link(void *arg)
{
	struct opening *o = arg;
	struct uplink *u = o->uplink;
	u->link = link_client_open(
	        side_loop_loop(u->thread), o->host, o->port, &o->certs, u->pub_path, u->rep_path, o->e);
}

static struct link_certs certs_of(const struct settings *s, struct arena *a)
{
	return (struct link_certs){arena_cstr(a, s->cluster_ca_cert), arena_cstr(a, s->cluster_cert),
	        arena_cstr(a, s->cluster_cert_key)};
}

static bool open_remote(struct uplink *u, const struct settings *s, struct slice address, unsigned index,
        struct arena *a, struct err *e)
{
	struct opening o = {.uplink = u, .e = e};
	const char *suffix = index == 0 ? "" : arena_printf(a, "%u", index + 1).ptr;
	if (s->cluster_cert.len == 0 || s->cluster_cert_key.len == 0 || s->cluster_ca_cert.len == 0)
		return err_set(e,
		        "cluster_control_plane is '%.*s': expected cluster_cert, cluster_cert_key and cluster_ca_cert as well",
		        SLICE_ARG(address));
	o.certs = certs_of(s, a);
	if (!sign_address(address, a, &o.host, &o.port))
		return err_set(e, "cluster_control_plane is '%.*s', expected host:port or ipc", SLICE_ARG(address));
	if (!take_node_id(u, o.certs.cert, s->node_id, e) || !set_paths(u, s->prefix, "link", suffix, e) ||
	        !make_folder(u, e))
		return false;
	u->is_shared = u->thread != NULL;
	if (!u->thread)
		u->thread = side_loop_start("link", e);
	if (u->thread)
		side_loop_call(u->thread, open_link, &o);
	return u->link != NULL;
}

static bool open_local(struct uplink *u, const struct settings *s, struct err *e)
{
	return node_id_load(s, u->node_id, e) && set_paths(u, s->prefix, "sync", "", e);
}

bool uplink_open(struct uplink *u, const struct settings *s, struct slice address, unsigned index, struct err *e)
{
	struct arena a;
	if (slice_eq(address, S("ipc")))
		return open_local(u, s, e);
	arena_init(&a);
	bool ok = open_remote(u, s, address, index, &a, e);
	arena_fini(&a);
	if (!ok)
		uplink_close(u);
	return ok;
}

static void close_link(void *arg)
{
	struct uplink *u = arg;
	link_client_close(u->link);
}

void uplink_close(struct uplink *u)
{
	if (!u->thread)
		return;
	side_loop_call(u->thread, close_link, u);
	if (!u->is_shared)
		side_loop_stop(u->thread);
	u->thread = NULL;
	u->link = NULL;
}

struct exchange {
	struct uplink *uplink;
	struct link_certs certs;
};

static void exchange_certs(void *arg)
{
	const struct exchange *x = arg;
	struct err e;

	if (!link_client_use(x->uplink->link, &x->certs, &e))
		log_error("the renewed certificate cannot be used", LOG_STR("error", e.message));
}

void uplink_use_certs(struct uplink *u, const struct settings *s)
{
	struct arena a;

	if (!u->thread)
		return;
	arena_init(&a);
	struct exchange x = {u, certs_of(s, &a)};
	side_loop_call(u->thread, exchange_certs, &x);
	arena_fini(&a);
}
