/* access_log: see access_log.h. */
#include "common/serve/access_log.h"

#include <limits.h>

#include "common/settings/log_setup.h"

enum { LINE_KEEP = 16 * 1024 }; /* memory for a line that stays between requests */

static bool read_format(struct access_log *l, struct slice name, struct err *e)
{
	if (name.len == 0)
		return true;
	if (slice_eq(name, S("json")))
		l->format = ACCESS_JSON;
	else if (slice_eq(name, S("kong_log_format")) || slice_eq(name, S("basic")) || slice_eq(name, S("combined")))
		l->format = ACCESS_PLAIN;
	else
		return err_set(e, "unknown format '%.*s' of an access log, expected json or kong_log_format",
		        SLICE_ARG(name));
	return true;
}

bool access_log_open(
        struct access_log *l, const struct settings *s, const char *name, struct slice value, struct err *e)
{
	char path[PATH_MAX];
	struct slice format = slice_trim(value);
	struct slice file = slice_cut(&format, ' ');

	*l = (struct access_log){.format = slice_eq(s->log_format, S("json")) ? ACCESS_JSON : ACCESS_PLAIN};
	if (file.len == 0 || slice_eq(file, S("off")))
		return true;
	if (!read_format(l, slice_trim(slice_is_set(format) ? format : S("")), e) || !log_path(s, file, path, e))
		return err_prefix(e, "%s", name);
	l->file = line_log_open(path, e);
	return l->file || err_prefix(e, "%s", name);
}

void access_log_close(struct access_log *l)
{
	line_log_close(l->file);
	l->file = NULL;
}

void access_log_reopen(struct access_log *l)
{
	if (l->file)
		line_log_reopen(l->file);
}

uint64_t access_log_lost(const struct access_log *l)
{
	return l->file ? line_log_lost(l->file) : 0;
}

void access_writer_init(struct access_writer *w, const struct access_log *l)
{
	*w = (struct access_writer){.format = l->format};
	if (l->file)
		w->ring = line_log_ring(l->file);
}

void access_writer_fini(struct access_writer *w)
{
	text_fini(&w->line);
}

void access_write(struct access_writer *w, const struct access_entry *e)
{
	if (!w->ring)
		return;
	access_line(&w->line, w->format, e);
	line_ring_put(w->ring, text_slice(&w->line));
	if (w->line.cap > LINE_KEEP)
		text_fini(&w->line);
	else
		text_clear(&w->line);
}

void access_write_stream(struct access_writer *w, struct stream *s, struct slice target)
{
	char client[IP_TEXT_MAX + 1];
	struct head shown = s->request;

	if (!w->ring)
		return;
	conn_address_text(&s->conn->peer.any, client, sizeof client, NULL);
	shown.target = target;
	struct access_entry e = {
	        .request = &shown,
	        .client_ip = slice_cstr(client),
	        .status = s->responded ? s->status : ACCESS_CLIENT_GONE,
	        .body_bytes = s->sent > s->head_sent ? s->sent - s->head_sent : 0,
	        .duration_ms = (clock_mono_ns() - s->started_ns) / 1000000,
	        .now_s = clock_wall_s(),
	};
	access_write(w, &e);
}
