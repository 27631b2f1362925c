/* log: one line per event, to stderr or a file, in key=value or JSON form.
 *
 *   log_info("listening", LOG_STR("address", addr), LOG_INT("workers", n));
 * gives  2026-01-02T15:04:05.123Z info gatehouse-dp listening address=0.0.0.0:8000 workers=2
 *
 * Thread-safe; a line is written with one write(2). Values are escaped, so a line can never be forged by what a
 * client sent. Secrets are the caller's to leave out. */
#ifndef COMMON_CORE_LOG_H
#define COMMON_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core/err.h"
#include "common/core/slice.h"

/* Kong's level names, most verbose first. */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR, LOG_CRIT, LOG_ALERT, LOG_EMERG };

struct log_field {
	const char *key;
	enum { LOG_END, LOG_AS_SLICE, LOG_AS_INT } as;
	struct slice text;
	int64_t number;
};

#define LOG_SLICE(k, v) ((struct log_field){.key = (k), .as = LOG_AS_SLICE, .text = (v)})
#define LOG_STR(k, v)   LOG_SLICE((k), slice_cstr(v))
#define LOG_INT(k, v)   ((struct log_field){.key = (k), .as = LOG_AS_INT, .number = (int64_t)(v)})

/* program appears in every line. */
void log_init(const char *program);
/* path NULL: stderr. The file is appended to; log_reopen() opens it anew (after rotation). */
bool log_open(const char *path, struct err *e);
void log_reopen(void);
void log_use_json(bool on);

bool log_level_parse(struct slice name, enum log_level *out);
const char *log_level_name(enum log_level level);
void log_set_level(enum log_level level); /* at run time, from any thread */
enum log_level log_get_level(void);

void log_event(enum log_level level, const char *message, const struct log_field *fields);

#define LOG_AT(level, message, ...)                                                                               \
	do {                                                                                                      \
		if ((level) >= log_get_level())                                                                   \
			log_event((level), (message), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}); \
	} while (0)
#define log_debug(message, ...)  LOG_AT(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...)   LOG_AT(LOG_INFO, message, ##__VA_ARGS__)
#define log_notice(message, ...) LOG_AT(LOG_NOTICE, message, ##__VA_ARGS__)
#define log_warn(message, ...)   LOG_AT(LOG_WARN, message, ##__VA_ARGS__)
#define log_error(message, ...)  LOG_AT(LOG_ERROR, message, ##__VA_ARGS__)
#define log_crit(message, ...)   LOG_AT(LOG_CRIT, message, ##__VA_ARGS__)

#endif
