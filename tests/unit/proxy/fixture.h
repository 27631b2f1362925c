/* A whole worker's proxy in the test's own loop: client and upstream are sockets of the test, the configuration is
 * made by hand. There is one plugin, `only`, which the test defines before it includes this. */
#ifndef TESTS_UNIT_PROXY_FIXTURE_H
#define TESTS_UNIT_PROXY_FIXTURE_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/plugin/entity.h"
#include "common/plugin/redis_conf.h"
#include "common/plugin/registry.h"
#include "dp/host/cache.h"
#include "dp/host/counters.h"
#include "dp/proxy/proxy.h"
#include "dp/upstream/balancer.h"
#include "tests/support/loading.h"
#include "tests/support/records.h"
#include "tests/support/routes.h"
#include "tests/support/turns.h"

size_t registry_count(void)
{
	return 1;
}

const struct plugin *registry_at(size_t i)
{
	return i == 0 ? &only : NULL;
}

const struct plugin *registry_find(struct slice name)
{
	return slice_eq(name, S("only")) ? &only : NULL;
}

/* ---- an upstream ----------------------------------------------------------------------------------------------- */

enum upstream_mode { ANSWERS, CLOSES, IS_SILENT, ANSWERS_AT_ONCE };

enum { PEERS_MAX = 400 };

static struct {
	int fd, port;
	enum upstream_mode mode;
	const char *answer;
	int accepted, closed, requests;
	struct text received; /* by all connections */
	struct event *event, *peers[PEERS_MAX];
} upstream;

static void peer_close(int i)
{
	int fd = event_get_fd(upstream.peers[i]);
	event_free(upstream.peers[i]);
	upstream.peers[i] = NULL;
	close(fd);
	upstream.closed++;
}

static void on_peer(evutil_socket_t fd, short what, void *arg)
{
	char bytes[65536];
	int i = (int)(intptr_t)arg;
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	if (n <= 0) {
		peer_close(i);
		return;
	}
	text_put(&upstream.received, slice_of(bytes, (size_t)n));
	bool is_end = memmem(bytes, (size_t)n, "END", 3) || memmem(bytes, (size_t)n, "GET ", 4);
	upstream.requests += is_end;
	if (upstream.mode == CLOSES)
		peer_close(i);
	else if (upstream.mode == ANSWERS_AT_ONCE || (upstream.mode == ANSWERS && is_end))
		turns_send(fd, upstream.answer);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int i = upstream.accepted++;
	ck_assert_int_ge(peer, 0);
	ck_assert_int_lt(i, PEERS_MAX);
	upstream.peers[i] = event_new(l->base, peer, EV_READ | EV_PERSIST, on_peer, (void *)(intptr_t)i);
	event_add(upstream.peers[i], NULL);
}

static void upstream_open(struct loop *l)
{
	upstream.fd = turns_listen(&upstream.port);
	upstream.event = event_new(l->base, upstream.fd, EV_READ | EV_PERSIST, on_accept, l);
	event_add(upstream.event, NULL);
	upstream.answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
}

static void upstream_close(void)
{
	for (int i = 0; i < PEERS_MAX; i++)
		if (upstream.peers[i])
			peer_close(i);
	event_free(upstream.event);
	close(upstream.fd);
	text_fini(&upstream.received);
}

/* ---- configuration --------------------------------------------------------------------------------------------- */

static struct arena arena;
static struct catalog *catalog;
static struct service service;

static struct record *put(const struct schema *kind, const struct uuid *id, const void *entity)
{
	struct record *r = record_blank();
	r->kind = kind;
	r->id = *id;
	r->entity = entity;
	catalog_put(catalog, r);
	record_unref(r);
	return r;
}

static void add_service(void)
{
	service = (struct service){.id = numbered_uuid(1000),
	        .protocol = S("http"),
	        .host = S("127.0.0.1"),
	        .port = upstream.port,
	        .retries = 2,
	        .connect_timeout = 5000,
	        .write_timeout = 5000,
	        .read_timeout = 5000,
	        .enabled = true};
	put(&service_schema, &service.id, &service);
}

static void add_route(const char *text)
{
	struct route *r = route_of(&arena, text, 1);
	r->request_buffering = true;
	r->service = (struct ref){.set = true, .id = service.id};
	put(&route_schema, &r->id, r);
}

__attribute__((unused)) static void add_plugin(const char *conf)
{
	static const struct slice http[] = {SLICE("http")};
	static struct plugin_entity p;
	p = (struct plugin_entity){
	        .id = numbered_uuid(3000), .name = S("only"), .protocols = {http, 1}, .enabled = true};
	put(&plugin_schema, &p.id, &p)->config = conf;
}

/* ---- the proxy ------------------------------------------------------------------------------------------------- */

static struct loop *loop;
static struct proxy proxy;
static struct proxy_options options;
static struct lease_board *board;
static struct balancers *balancers;
static struct listen_spec *listen_on;
static int client = -1;

static void setup(void)
{
	struct err e;
	size_t n;
	loop = turns_loop();
	arena_init(&arena);
	upstream_open(loop);
	catalog = catalog_new();
	catalog_set_version(catalog, 1);
	add_service();
	options = (struct proxy_options){.router = {.flavor = ROUTER_TRADITIONAL_COMPATIBLE},
	        .server_token = S("gatehouse/x"),
	        .via = S("1.1 gatehouse/x"),
	        .show_upstream_latency = true,
	        .send_request_id = true,
	        .error_default_type = S("text/plain"),
	        .request_limits = h1_default_limits,
	        .response_limits = h1_default_limits,
	        .body_buffer = 64 * 1024,
	        .retry = {.conditions = RETRY_ERROR | RETRY_TIMEOUT},
	        .pool = {.size = 16}};
	ck_assert(listen_parse(&arena, S("127.0.0.1:8000"), &listen_on, &n, &e));
}

static void begin(void)
{
	struct err e;
	struct dns_options dns = {.resolvers = S("127.0.0.1:1")};
	struct snapshot *s = snapshot_build(NULL, S("epoch"), catalog, &options.router, &e);
	ck_assert_msg(s != NULL, "%s", e.message);
	catalog = NULL;
	balancers = balancers_new(&(struct balancers_options){.loop = loop});
	balancers_apply(balancers, NULL, s);
	board = lease_board_new(loop);
	lease_board_publish(board, s);
	proxy.loop = loop;
	proxy.options = &options;
	proxy.leases = leases_new(board, loop);
	proxy.dns = dns_new(loop, &dns, &e);
	proxy.host = (struct host_worker){
	        .loop = loop, .counters = counters_new(), .cache = cache_new(1 << 20), .dns = proxy.dns};
	host_worker_init(&proxy.host);
	proxy_init(&proxy);
}

static void teardown(void)
{
	if (client >= 0)
		close(client);
	server_close(&proxy.server);
	proxy_fini(&proxy);
	host_worker_fini(&proxy.host);
	dns_free(proxy.dns);
	counters_free(proxy.host.counters);
	cache_free(proxy.host.cache);
	turns_for(loop, 1);
	leases_free(proxy.leases);
	balancers_stop(balancers);
	lease_board_free(board);
	balancers_free(balancers);
	upstream_close();
	loop_free(loop);
	arena_fini(&arena);
}

static int connect_client(void)
{
	int far_end, near_end = turns_sockets(&far_end);
	server_accept(&proxy.server, listen_on, near_end, NULL);
	return far_end;
}

/* Sends and waits for a mark in the answer, on one connection that is kept. */
static const char *ask(const char *request, const char *mark)
{
	if (client < 0)
		client = connect_client();
	turns_send(client, request);
	return turns_receive(loop, client, mark);
}

__attribute__((unused)) static void leave(void)
{
	close(client);
	client = -1;
	turns_for(loop, 30);
}

__attribute__((unused)) static const char *received(void)
{
	return text_cstr(&upstream.received);
}

#define GET "GET /x HTTP/1.1\r\nHost: h\r\n"

__attribute__((unused)) static void expect_received(const char *what)
{
	ck_assert_msg(strstr(received(), what) != NULL, "'%s' is not in '%s'", what, received());
}

#endif
