/* dns_channel: see dns_channel.h. */
#include "dp/client/dns_channel.h"

#include <stdlib.h>

enum { TICK_MS = 500, TIMEOUT_MS = 2000, TRIES = 2, ARES_TIMEOUT_MS = 5000, ARES_TRIES = 4 };

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct dns_channel *c = arg;
	ares_process_fd(c->ares, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *c = arg;
	struct slice key = slice_of((const char *)&fd, sizeof fd);
	struct event *old = map_remove(&c->sockets, key);
	if (old)
		event_free(old);
	if (!readable && !writable)
		return;
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
	struct event *ev = event_new(c->loop->base, fd, what, on_socket, c);
	if (!ev)
		abort();
	event_add(ev, NULL);
	map_set(&c->sockets, key, ev);
}

/* c-ares notices its own time-outs only when asked. */
static void on_tick(void *arg)
{
	struct dns_channel *c = arg;
	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static bool init(struct dns_channel *c, bool own_times, struct err *e)
{
	struct ares_options options = {.timeout = TIMEOUT_MS,
	        .tries = TRIES,
	        .flags = ARES_FLAG_NOALIASES,
	        .sock_state_cb = on_socket_state,
	        .sock_state_cb_data = c};
	int mask = ARES_OPT_FLAGS | ARES_OPT_SOCK_STATE_CB | (own_times ? ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES : 0);
	int status = ares_init_options(&c->ares, &options, mask);

	return status == ARES_SUCCESS || err_set(e, "cannot start the resolver: %s", ares_strerror(status));
}

/* Does resolv.conf say how long to wait, and how often to try? c-ares does not tell, but it shows: where nothing is
 * said it has defaults that nobody would write down. */
static bool says_times(struct dns_channel *c)
{
	struct ares_options options = {0};
	int mask = 0;

	if (ares_save_options(c->ares, &options, &mask) != ARES_SUCCESS)
		return true;
	bool says = options.timeout != ARES_TIMEOUT_MS || options.tries != ARES_TRIES;
	ares_destroy_options(&options);
	return says;
}

static bool set_servers(struct dns_channel *c, struct slice resolvers, struct err *e)
{
	if (resolvers.len == 0)
		return true;
	char *list = slice_strdup(resolvers);
	int status = ares_set_servers_ports_csv(c->ares, list);
	free(list);
	return status == ARES_SUCCESS || err_set(e, "dns_resolver '%.*s': %s, expected ip[:port],...",
	                                         SLICE_ARG(resolvers), ares_strerror(status));
}

bool dns_channel_open(struct dns_channel *c, struct loop *l, struct slice resolvers, struct err *e)
{
	*c = (struct dns_channel){.loop = l};
	if (!init(c, false, e))
		return false;
	if (!says_times(c)) {
		ares_destroy(c->ares);
		c->ares = NULL;
		if (!init(c, true, e))
			return false;
	}
	c->tick = loop_timer_new(l, TICK_MS, true, on_tick, c);
	return set_servers(c, resolvers, e);
}

bool dns_channel_rotate(struct dns_channel *c)
{
	struct ares_addr_port_node *servers = NULL;

	if (ares_get_servers_ports(c->ares, &servers) != ARES_SUCCESS || !servers || !servers->next) {
		ares_free_data(servers);
		return false;
	}
	struct ares_addr_port_node *first = servers, *last = servers;
	while (last->next)
		last = last->next;
	struct ares_addr_port_node *second = first->next;
	last->next = first;
	first->next = NULL;
	bool ok = ares_set_servers_ports(c->ares, second) == ARES_SUCCESS;
	last->next = NULL; /* as it was: the head of what is freed is what was got */
	first->next = second;
	ares_free_data(first);
	return ok;
}

void dns_channel_close(struct dns_channel *c)
{
	struct slice key;
	void *value;

	if (c->ares)
		ares_destroy(c->ares);
	for (size_t at = 0; map_next(&c->sockets, &at, &key, &value);)
		event_free(value);
	map_fini(&c->sockets);
	loop_timer_free(c->tick);
}
