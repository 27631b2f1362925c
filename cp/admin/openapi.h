/* openapi: GET /openapi.json: the Admin API as an OpenAPI 3.1 document, made from the table of routes and from the
 * schemas of kinds and plugins, so that it cannot say anything else than what is done. */
#ifndef CP_ADMIN_OPENAPI_H
#define CP_ADMIN_OPENAPI_H

#include "cp/admin/call.h"

void admin_openapi(struct admin_call *c); /* /openapi.json */

/* The "paths" object; new reference. openapi_paths.c */
json_t *admin_openapi_paths(struct arena *a);

#endif
