/* form: bodies of HTML forms and command line clients, and query strings, as names and values (admin-api.md 2.3). */
#ifndef COMMON_HTTP_FORM_H
#define COMMON_HTTP_FORM_H

#include "common/core/arena.h"
#include "common/core/err.h"

enum { FORM_MAX_FIELDS = 1000 };

struct form_field {
	struct slice name;     /* decoded, never empty */
	struct slice value;    /* decoded; unset for a name without '=' */
	struct slice filename; /* multipart only; unset otherwise */
	struct slice type;     /* Content-Type of the part; unset when it has none */
};

/* In order of arrival, repeated names kept. Slices point into the body or the arena. */
struct form {
	struct form_field *fields;
	size_t count;
};

/* application/x-www-form-urlencoded, or a query string. Pairs with an empty name are left out. The one way to fail is
 * FORM_MAX_FIELDS: "Too many arguments". */
bool form_parse_urlencoded(struct arena *a, struct slice body, struct form *out, struct err *e);
/* multipart/form-data (RFC 7578). The boundary is taken from content_type. Parts without a name are left out. */
bool form_parse_multipart(
        struct arena *a, struct slice content_type, struct slice body, struct form *out, struct err *e);

#endif
