/* swarm: very many light data planes in one process, for tests/bench/cluster.py: each has its lines to the control
 * planes (dp/config/line.h: nanomsg, the TLS link, Polls, as a data plane has them), follows versions, and keeps none
 * of what they hold. It prints a line for each version that one of them comes to: "<microseconds, monotonic> <number>
 * <version>".
 *
 *   swarm FOLDER ADDRESSES FIRST COUNT
 *
 * FOLDER has certs/ (ca.crt, dpN.crt, dpN.key) and gets the sockets; ADDRESSES as cluster_control_plane; numbers of
 * the data planes begin with FIRST. It ends when its standard input does. nanomsg has 512 sockets for a process: at
 * most 100 data planes with two control planes. All links of a process are on one thread: a thousand threads would
 * measure the scheduler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/net/loop.h"
#include "common/sync/delta.h"
#include "common/sync/side_loop.h"
#include "dp/config/line.h"

enum { LINES = 4 };

struct light {
	int number;
	struct line lines[LINES];
	unsigned count;
	struct order_memory orders;
	struct arena arena;
	char epoch[64];
	uint64_t version, started_ms;
	uint64_t want_version, want_base; /* a delta that comes in parts; 0: none */
	uint32_t want_part, parts;
	struct line *source;
};

static void come_to(struct light *d, const char *epoch, uint64_t version)
{
	snprintf(d->epoch, sizeof d->epoch, "%s", epoch);
	d->version = version;
	d->want_version = 0;
	printf("%llu %d %llu\n", (unsigned long long)(clock_mono_ns() / 1000), d->number,
	        (unsigned long long)version);
}

static void fill(struct line *l, Gatehouse__Sync__Poll *p, void *arg)
{
	struct light *d = arg;
	p->node_id = l->uplink.node_id;
	p->hostname = "swarm";
	p->release = "swarm";
	p->epoch = d->epoch;
	p->version = l->told_version = d->version;
	p->up_ms = clock_mono_ms() - d->started_ms + 1;
	p->report_only = l != d->source && line_is_well(d->source);
	if (d->want_version && l == d->source) {
		p->want_version = d->want_version;
		p->want_base = d->want_base;
		p->want_part = d->want_part;
	}
}

static bool is_news(const struct light *d, const Gatehouse__Sync__Envelope *e)
{
	return strcmp(e->epoch, d->epoch) != 0 || e->version > d->version;
}

static bool take_answer(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg)
{
	struct light *d = arg;
	if (e->error[0] || e->parts == 0) {
		if (l == d->source)
			d->want_version = 0;
		return false;
	}
	if (d->want_version && l != d->source)
		return false;
	d->source = l;
	if (e->part + 1 == e->parts) {
		come_to(d, e->epoch, e->version);
		return true;
	}
	d->want_version = e->version;
	d->want_base = e->base_version;
	d->want_part = e->part + 1;
	return true;
}

static bool take_published(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg)
{
	struct light *d = arg;
	if (d->want_version || !is_news(d, e))
		return false;
	if (e->parts == 1 && strcmp(e->epoch, d->epoch) == 0 && e->base_version == d->version)
		come_to(d, e->epoch, e->version);
	else
		d->source = l;
	return true;
}

static void on_drained(void *arg)
{
	struct light *d = arg;
	for (unsigned i = 0; i < d->count; i++)
		if (d->lines[i].told_version != d->version)
			line_poll(&d->lines[i]);
}

static void on_silence(struct line *l, void *arg)
{
	struct light *d = arg;
	if (l == d->source)
		d->want_version = 0;
}

static const struct line_ops ops = {fill, take_answer, take_published, on_drained, on_silence};

static struct slice path(struct light *d, const char *folder, const char *suffix)
{
	return arena_printf(&d->arena, "%s/certs/dp%d.%s", folder, d->number, suffix);
}

static void start(
        struct light *d, struct loop *loop, struct side_loop *links, const char *folder, struct slice addresses)
{
	struct err e;
	arena_init(&d->arena);
	d->started_ms = clock_mono_ms();
	d->source = d->lines;
	struct settings s = {.prefix = arena_printf(&d->arena, "%s/%d", folder, d->number),
	        .cluster_ca_cert = arena_printf(&d->arena, "%s/certs/ca.crt", folder),
	        .cluster_cert = path(d, folder, "crt"),
	        .cluster_cert_key = path(d, folder, "key")};
	while (addresses.len > 0 && d->count < LINES) {
		struct line *l = &d->lines[d->count++];
		*l = (struct line){
		        .ops = &ops, .arg = d, .orders = {.memory = &d->orders}, .uplink = {.thread = links}};
		if (!line_open(l, loop, &s, slice_trim(slice_cut(&addresses, ',')), d->count - 1, &e)) {
			fprintf(stderr, "swarm: %s\n", e.message);
			exit(1);
		}
	}
	for (unsigned i = 0; i < d->count; i++)
		line_poll(&d->lines[i]);
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	char byte;
	if (read(fd, &byte, 1) == 0)
		loop_stop(arg);
}

int main(int argc, char **argv)
{
	struct err e;
	if (argc != 5) {
		fputs("usage: swarm FOLDER ADDRESSES FIRST COUNT\n", stderr);
		return 64;
	}
	int first = atoi(argv[3]), count = atoi(argv[4]);
	log_init("swarm");
	log_set_level(LOG_ERROR);
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct loop *loop = loop_new(&e);
	struct side_loop *links = side_loop_start("links", &e);
	struct light *all = calloc((size_t)count, sizeof *all);
	if (!loop || !links || !all)
		return 1;
	for (int i = 0; i < count; i++) {
		all[i].number = first + i;
		start(&all[i], loop, links, argv[1], slice_cstr(argv[2]));
	}
	struct event *input = event_new(loop->base, 0, EV_READ | EV_PERSIST, on_input, loop);
	event_add(input, NULL);
	loop_run(loop);
	_exit(0); /* thousands of threads and sockets need no farewell */
}
