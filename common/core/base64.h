/* base64: RFC 4648, standard and URL-safe alphabets. Results are on the given arena. */
#ifndef COMMON_CORE_BASE64_H
#define COMMON_CORE_BASE64_H

#include "common/core/arena.h"

enum base64_kind { BASE64_STANDARD, BASE64_URL };

/* With '=' padding for BASE64_STANDARD when pad is true; BASE64_URL never pads. */
struct slice base64_encode(struct arena *a, struct slice bytes, enum base64_kind kind, bool pad);
/* Strict: padding optional, no blanks, no other characters, no stray bits. */
bool base64_decode(struct arena *a, struct slice text, enum base64_kind kind, struct slice *out);

#endif
