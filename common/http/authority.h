/* authority: is this the host part of a request? For the Host field, :authority and the absolute form of targets. */
#ifndef COMMON_HTTP_AUTHORITY_H
#define COMMON_HTTP_AUTHORITY_H

#include "common/core/slice.h"

/* uri-host [ ":" port ] of RFC 3986 3.2.2, not empty. Octets beyond ASCII are not allowed, percent triplets are; an
 * IPv6 address may be without its brackets, as some clients write it. */
bool authority_is_valid(struct slice s);

#endif
