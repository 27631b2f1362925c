/* headers: the head of every answer of the Admin API (admin-api.md 1). */
#ifndef CP_ADMIN_HEADERS_H
#define CP_ADMIN_HEADERS_H

#include "cp/admin/call.h"

/* Fills h, which is fresh; values are on a. body_len: of the body to come. */
void admin_headers(struct head *h, struct arena *a, const struct settings *s, const struct admin_request *request,
        const struct admin_response *response, size_t body_len, uint64_t started_ns);
/* "DELETE, GET, HEAD, OPTIONS": the names of the methods, in order. */
struct slice admin_allow(struct arena *a, unsigned methods);

/* Is this Origin (scheme://host:port) one of the setting admin_gui_url? */
bool admin_is_gui(const struct settings *s, struct slice origin);

#endif
