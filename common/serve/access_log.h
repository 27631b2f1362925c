/* access_log: where access lines go, as `proxy_access_log` and `admin_access_log` say: a file, a device, or nowhere
 * (proxy.md 10.3, 11.1). One access_log per listener kind and process, one access_writer per thread that answers. */
#ifndef COMMON_SERVE_ACCESS_LOG_H
#define COMMON_SERVE_ACCESS_LOG_H

#include "common/core/line_log.h"
#include "common/serve/access_line.h"
#include "common/serve/stream.h"
#include "common/settings/settings.h"

/* Zeroed: off. */
struct access_log {
	struct line_log *file;
	enum access_format format;
};

/* value: "off", or a path (relative to the prefix) and perhaps the name of a format: json, or Kong's own names for
 * the plain form. Without one the format is what log_format says. name: of the setting, for messages. */
bool access_log_open(
        struct access_log *l, const struct settings *s, const char *name, struct slice value, struct err *e);
void access_log_close(struct access_log *l); /* when nobody writes any more */
void access_log_reopen(struct access_log *l);
uint64_t access_log_lost(const struct access_log *l);

/* Zeroed: writes nothing. */
struct access_writer {
	struct line_ring *ring;
	enum access_format format;
	struct text line;
};

void access_writer_init(struct access_writer *w, const struct access_log *l);
void access_writer_fini(struct access_writer *w);
static inline bool access_writer_is_on(const struct access_writer *w)
{
	return w->ring != NULL;
}
void access_write(struct access_writer *w, const struct access_entry *e);
/* For servers that have nothing to add: the entry is made of the stream, when it is done (status: s->status) or was
 * given up. target: shown in place of the request's. */
void access_write_stream(struct access_writer *w, struct stream *s, struct slice target);

#endif
