/* error_body: what a client reads when the gateway itself answers (proxy.md 3.5, plugins.md 0.4). Pure functions. */
#ifndef COMMON_HTTP_ERROR_BODY_H
#define COMMON_HTTP_ERROR_BODY_H

#include "common/core/arena.h"
#include "common/core/err.h"

enum error_kind { ERROR_JSON, ERROR_HTML, ERROR_XML, ERROR_PLAIN, ERROR_KINDS };

/* From an Accept value (several fields joined by ','), or from any media type that stands in for it. fallback when it
 * is unset; JSON when it names nothing that we write. */
enum error_kind error_body_negotiate(struct slice accept, enum error_kind fallback);

/* The bytes, with message escaped for the format (DEV-8). request_id unset: the form of the 2.8 profile. */
struct slice error_body(struct arena *a, enum error_kind kind, struct slice message, struct slice request_id);
/* The same from a file's text: its first %s is the message, the second the id; %% is a percent sign. */
struct slice error_body_from(
        struct arena *a, struct slice template, enum error_kind kind, struct slice message, struct slice request_id);
/* At most two %s and no other directives. path is for the message. */
bool error_template_check(struct slice template, struct slice path, struct err *e);
/* "application/json; charset=utf-8" and so on. */
struct slice error_body_type(enum error_kind kind);

/* The message of a status for which nobody gave one. */
struct slice http_default_message(struct arena *a, int status);

#endif
