/* dependencies: see dependencies.h. */
#include "cp/admin/dependencies.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/crypto/pem.h"
#include "common/crypto/x509.h"
#include "common/entity/certificate.h"
#include "common/plugin/entity.h"
#include "cp/admin/crud.h"

enum { SERVERS_MAX = 8, SILENCE_MS = 500, PAGE = 1000, PAGES_MAX = 5, DAY_S = 24 * 60 * 60, PROBLEM_DAYS = 7 };

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* fn for each of the first PAGE * PAGES_MAX rows; a database that fails has been told of already. */
static void each_row(
        struct admin_call *c, const struct schema *kind, void (*fn)(const json_t *row, void *arg), void *arg)
{
	struct store_scope all = {0};
	struct page page = {.size = PAGE};
	bool more = true;

	for (int n = 0; more && n < PAGES_MAX; n++) {
		struct fault f = {0};
		json_t *rows = store_list(c->store, kind, &all, &page, &more, &f), *row;
		size_t i;
		json_array_foreach(rows, i, row) fn(row, arg);
		if (more && json_array_size(rows) > 0) {
			row = json_array_get(rows, json_array_size(rows) - 1);
			page.after = arena_dup(c->arena, slice_cstr(json_string_value(json_object_get(row, "id"))));
		}
		more = more && json_array_size(rows) > 0;
		json_decref(rows);
		fault_fini(&f);
	}
}

/* ---- Redis ----------------------------------------------------------------------------------------------------- */

struct servers {
	struct admin_call *call;
	json_t *of; /* "host:port" -> [host, port] */
};

static bool says_other_than_redis(const json_t *config, const char *key)
{
	const char *word = json_string_value(json_object_get(config, key));
	return word && strcmp(word, "redis") != 0;
}

static void add_server(struct servers *s, const json_t *host, const json_t *port_number)
{
	const char *name = json_string_value(host);
	int port = (int)json_integer_value(port_number);

	if (!name || !port || strncmp(name, "{vault://", 9) == 0 || json_object_size(s->of) >= SERVERS_MAX)
		return;
	json_object_set_new(s->of, arena_printf(s->call->arena, "%s:%d", name, port).ptr,
	        json_pack("{s:s, s:o}", "host", name, "port", json_sprintf("%d", port)));
}

static void add_servers(struct servers *s, const json_t *list, const char *host)
{
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one) add_server(s, json_object_get(one, host), json_object_get(one, "port"));
}

/* Sentinels and nodes of a cluster are what the configuration names; where they send one is the data planes' affair.
 */
static void take_server(const json_t *row, void *arg)
{
	struct servers *s = arg;
	const json_t *config = json_object_get(row, "config"), *redis = json_object_get(config, "redis");
	const json_t *sentinels = json_object_get(redis, "sentinel_nodes"),
	             *nodes = json_object_get(redis, "cluster_nodes");

	if (json_is_false(json_object_get(row, "enabled")) || says_other_than_redis(config, "policy") ||
	        says_other_than_redis(config, "strategy"))
		return;
	add_servers(s, sentinels, "host");
	add_servers(s, nodes, "ip");
	if (json_array_size(sentinels) + json_array_size(nodes) == 0)
		add_server(s, json_object_get(redis, "host"), json_object_get(redis, "port"));
}

/* NULL: a connection is there in time; else why not. */
static const char *try_connect(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len = sizeof error;

	if (fd < 0)
		return strerror(errno);
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS) {
		error = errno;
	} else {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, SILENCE_MS) != 1)
			error = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	}
	close(fd);
	return error ? strerror(error) : NULL;
}

static const char *reach(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int problem = getaddrinfo(host, port, &hints, &found);

	if (problem)
		return gai_strerror(problem);
	const char *error = try_connect(found);
	freeaddrinfo(found);
	return error;
}

json_t *admin_redis_servers(struct admin_call *c, json_t *problems)
{
	struct servers s = {c, json_object()};
	json_t *out = json_array(), *one;
	const char *address;

	each_row(c, &plugin_schema, take_server, &s);
	json_object_foreach(s.of, address, one)
	{
		const char *error = reach(json_string_value(json_object_get(one, "host")),
		        json_string_value(json_object_get(one, "port")));
		json_array_append_new(out, json_pack("{s:s, s:b, s:s?}", "address", address, "reachable",
		                                   error == NULL, "error", error));
		if (error)
			json_array_append_new(
			        problems, json_sprintf("redis %s: %s, seen from this control plane", address, error));
	}
	json_decref(s.of);
	return out;
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* Of one sort, the one that expires first. */
struct first {
	char id[UUID_TEXT + 1]; /* "": none yet */
	int64_t not_after_s;
};

static void take_expiry(const json_t *row, void *arg)
{
	struct first *first = arg;
	const json_t *text = json_object_get(row, "cert");
	struct x509_info info;
	struct err e;
	X509 *cert = pem_certificate(slice_of(json_string_value(text), json_string_length(text)), &e);

	if (cert && x509_describe(cert, &info, &e) && (!first->id[0] || info.not_after_s < first->not_after_s)) {
		snprintf(first->id, sizeof first->id, "%s", json_string_value(json_object_get(row, "id")));
		first->not_after_s = info.not_after_s;
	}
	X509_free(cert);
}

static void add_days(json_t *list, json_t *problems, const char *what, const char *name, int64_t not_after_s)
{
	int64_t left_s = not_after_s - clock_wall_s();
	long long days = (long long)(left_s / DAY_S);

	json_array_append_new(
	        list, json_pack("{s:s, s:s, s:I}", "what", what, "name", name, "days", (json_int_t)days));
	if (left_s <= 0)
		json_array_append_new(problems, json_sprintf("%s %s has expired", what, name));
	else if (days < PROBLEM_DAYS)
		json_array_append_new(problems, json_sprintf("%s %s expires in %lld days", what, name, days));
}

static void add_file(struct admin_call *c, json_t *list, json_t *problems, const char *what, struct slice path)
{
	struct x509_info info;
	struct err e;

	if (path.len > 0 && x509_read(arena_cstr(c->arena, path), &info, &e))
		add_days(list, problems, what, arena_cstr(c->arena, path), info.not_after_s);
}

static void add_kind(struct admin_call *c, json_t *list, json_t *problems, const struct schema *kind)
{
	struct first first = {0};

	each_row(c, kind, take_expiry, &first);
	if (first.id[0])
		add_days(list, problems, kind->name, first.id, first.not_after_s);
}

json_t *admin_certificate_days(struct admin_call *c, json_t *problems)
{
	json_t *list = json_array();

	add_file(c, list, problems, "cluster_ca_cert", c->env->settings->cluster_ca_cert);
	add_file(c, list, problems, "cluster_cert", c->env->settings->cluster_cert);
	add_kind(c, list, problems, &certificate_schema);
	add_kind(c, list, problems, &ca_certificate_schema);
	return list;
}
