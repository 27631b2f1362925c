/* hello_server PORT [THREADS]: answers every request with a fixed body of 100 bytes. What remains is the cost of
 * common/net and common/serve themselves: measure with wrk, count system calls with strace -c -f. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/serve/stream.h"

enum { THREADS_MAX = 64 };

static struct loop *loops[THREADS_MAX];
static int threads = 1;

static void on_request(struct stream *s)
{
	static const char body[101] = "0123456789012345678901234567890123456789012345678"
	                              "901234567890123456789012345678901234567890123456789\n";
	struct head h;
	head_init(&h, &s->arena);
	h.status = 200;
	h.content_length = 100;
	head_add_id(&h, HEADER_CONTENT_TYPE, S("text/plain"));
	head_add_id(&h, HEADER_SERVER, S("gatehouse"));
	stream_respond(s, &h, slice_of(body, 100), true);
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	struct head h;
	head_init(&h, &s->arena);
	h.status = why->status;
	h.content_length = 0;
	stream_respond(s, &h, slice_of("", 0), true);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
}

static void on_drained(struct stream *s)
{
}

static void on_done(struct stream *s)
{
}

static void on_abort(struct stream *s, enum stream_abort why)
{
}

static const struct stream_ops ops = {.on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_done,
        .on_abort = on_abort};

static void on_accept(struct listener *l, int fd, void *arg)
{
	server_accept(arg, listener_spec(l), fd, NULL);
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void stop(int signal_number)
{
	for (int i = 0; i < threads; i++)
		loop_stop(loops[i]);
}

static void die(const struct err *e)
{
	fprintf(stderr, "hello_server: %s\n", e->message);
	exit(1);
}

int main(int argc, char **argv)
{
	struct arena a;
	struct err e;
	struct listen_spec *spec;
	struct server servers[THREADS_MAX];
	struct listener *listeners[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	size_t n;

	if (argc < 2 || (argc > 2 && ((threads = atoi(argv[2])) < 1 || threads > THREADS_MAX))) {
		fputs("usage: hello_server PORT [THREADS]\n", stderr);
		return 2;
	}
	arena_init(&a);
	if (!listen_parse(&a, arena_printf(&a, "127.0.0.1:%s", argv[1]), &spec, &n, &e))
		die(&e);
	for (int i = 0; i < threads; i++) {
		if (!(loops[i] = loop_new(&e)))
			die(&e);
		server_init(&servers[i], loops[i], &ops, NULL);
		servers[i].max_requests = 0;
		if (!(listeners[i] = listener_open(loops[i], spec, on_accept, &servers[i], &e)))
			die(&e);
	}
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, run, loops[i]);
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		listener_close(listeners[i]);
		server_close(&servers[i]);
		loop_free(loops[i]);
	}
	arena_fini(&a);
	return 0;
}
