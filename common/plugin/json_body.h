/* json_body: a body as JSON, for plugins, with a bound on what it becomes: a few bytes of text ("[]," again and
 * again) can cost a hundred times as much when they are parsed. Counted before parsing. */
#ifndef COMMON_PLUGIN_JSON_BODY_H
#define COMMON_PLUGIN_JSON_BODY_H

#include <jansson.h>

#include "common/core/slice.h"

enum { JSON_BODY_VALUES_MAX = 200000, JSON_BODY_DEPTH_MAX = 500 };

enum json_body { JSON_BODY_OK, JSON_BODY_MALFORMED, JSON_BODY_TOO_DEEP, JSON_BODY_TOO_MANY };

/* Any JSON value; *out is a new reference, NULL unless OK. */
enum json_body json_body_parse(struct slice text, json_t **out);
/* For judging it: a name that comes twice in an object is malformed (two readers could take different values), and an
 * integer beyond 64 bits is a real number instead of malformed. */
enum json_body json_body_parse_strictly(struct slice text, json_t **out);

#endif
