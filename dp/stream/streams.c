/* streams: the access line; see streams.h. */
#include "dp/stream/streams.h"

/* JSON has the same members as lines of requests where they mean the same. */
static void put_json(struct text *out, const struct stream_entry *e)
{
	text_printf(out,
	        "{\"time\":\"%.*s\",\"client_ip\":\"%.*s\",\"protocol\":\"%.*s\",\"status\":%d,\"sent\":%llu,\"received\":%llu,"
	        "\"duration_ms\":%llu}\n",
	        SLICE_ARG(access_time(clock_wall_s())), SLICE_ARG(e->client_ip), SLICE_ARG(e->protocol), e->status,
	        (unsigned long long)e->sent, (unsigned long long)e->received, (unsigned long long)e->ms);
}

/* $remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time */
static void put_line(struct text *out, const struct stream_entry *e)
{
	text_printf(out, "%.*s [%.*s] %.*s %d %llu %llu %llu.%03llu\n", SLICE_ARG(e->client_ip),
	        SLICE_ARG(access_time(clock_wall_s())), SLICE_ARG(e->protocol), e->status,
	        (unsigned long long)e->sent, (unsigned long long)e->received, (unsigned long long)e->ms / 1000,
	        (unsigned long long)e->ms % 1000);
}

void streams_log(struct streams *s, const struct stream_entry *e)
{
	struct access_writer *w = &s->log;

	if (!access_writer_is_on(w))
		return;
	if (w->format == ACCESS_JSON)
		put_json(&w->line, e);
	else
		put_line(&w->line, e);
	line_ring_put(w->ring, text_slice(&w->line));
	text_clear(&w->line);
}
