/* uri: request targets and paths. Normalisation is proxy.md 1.3; routing, plugins and upstream all see its result. */
#ifndef COMMON_HTTP_URI_H
#define COMMON_HTTP_URI_H

#include "common/core/arena.h"
#include "common/core/text.h"

struct uri {
	struct slice path;      /* as received, from the first '/' to before '?' */
	struct slice query;     /* after '?', unset when there was no '?' */
	struct slice authority; /* of an absolute-form target; unset otherwise */
};

/* Splits a request target: origin-form or absolute-form. False for any other form. */
bool uri_split(struct slice target, struct uri *out);

/* True when the path is already what uri_normalise would give: the usual case, one pass, no copy. */
bool uri_is_normal(struct slice path);
/* steps 1-3. False for malformed triplets, %00, and dot segments above the root. The result may be `path`
 * itself. */
bool uri_normalise(struct arena *a, struct slice path, struct slice *out);
/* R-1.3e: the normalised path as it is sent upstream. The result may be `path` itself. */
struct slice uri_escape(struct arena *a, struct slice path);

/* %XX and (with plus) '+' decoded; a malformed triplet stays as it is. */
struct slice uri_decode(struct arena *a, struct slice s, bool plus);

/* Everything but the unreserved characters of RFC 3986 as %XX: for names and values of queries and forms. */
void uri_put_escaped(struct text *out, struct slice s);

/* Steps over "a=1&b&c=2": false at the end. value is unset for a name without '='. Not decoded. */
bool query_next(struct slice *rest, struct slice *name, struct slice *value);
/* Host field or authority: the name without a port, and the port (-1 when none). "[::1]:80" gives "[::1]" and 80. */
bool authority_split(struct slice authority, struct slice *host, int *port);

#endif
