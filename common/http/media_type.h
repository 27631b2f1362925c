/* media_type: "application/json; charset=utf-8" as its parts (RFC 9110 8.3.1). */
#ifndef COMMON_HTTP_MEDIA_TYPE_H
#define COMMON_HTTP_MEDIA_TYPE_H

#include "common/core/slice.h"

enum { MEDIA_TYPE_PARAMETERS = 8 };

struct media_type {
	struct slice type, subtype; /* not empty; "*" in a pattern */
	struct media_parameter {
		struct slice name, value; /* the value without its quotes */
	} parameters[MEDIA_TYPE_PARAMETERS];
	unsigned count;
};

/* False: it is no media type, or has too many parameters. Slices point into text. */
bool media_type_parse(struct slice text, struct media_type *out);
/* Is it of this type and subtype, whatever the parameters? "*" in the pattern stands for all. Case-insensitive. */
bool media_type_is(const struct media_type *is, const struct media_type *pattern);
/* Are the parameters the same, in any order? Names are case-insensitive, and with any_case values too. */
bool media_type_same_parameters(const struct media_type *a, const struct media_type *b, bool any_case);

#endif
