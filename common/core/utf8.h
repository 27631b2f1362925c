/* utf8: well-formedness by RFC 3629 (no surrogates, no overlong forms, at most U+10FFFF). */
#ifndef COMMON_CORE_UTF8_H
#define COMMON_CORE_UTF8_H

#include "common/core/slice.h"

/* Length (1..4) of the well-formed sequence at the start of s; 0 when there is none. */
size_t utf8_sequence(struct slice s);
/* Offset of the first byte that is not part of a well-formed sequence, or -1. */
ptrdiff_t utf8_invalid_at(struct slice s);

#endif
