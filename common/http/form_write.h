/* form_write: a part of a multipart/form-data body (RFC 7578), as form.h reads them. The body ends with "--", the
 * boundary and "--". */
#ifndef COMMON_HTTP_FORM_WRITE_H
#define COMMON_HTTP_FORM_WRITE_H

#include "common/core/text.h"
#include "common/http/form.h"

/* The whole body, with a boundary of our own: the client's may be quoted in ways that only it knows. *type, on the
 * arena, is the Content-Type that goes with it. */
void form_write_multipart(struct arena *a, const struct form *form, struct text *out, struct slice *type);

#endif
