/* respond: every answer the proxy makes itself. Reasons come from one table, failures.def. */
#ifndef DP_PROXY_RESPOND_H
#define DP_PROXY_RESPOND_H

#include "dp/proxy/request.h"

enum failure {
#define FAILURE(id, status, engine, message) FAILURE_##id,
#include "dp/proxy/failures.def"
#undef FAILURE
	FAILURE_COUNT
};

/* The request is to end with this failure: sets the reply and the next step. */
void respond_failure(struct request *r, enum failure why);
/* The route wants https: 426, or a redirect as the route says. */
void respond_https_only(struct request *r);
/* A gRPC client is told so in its own way. */
void respond_grpcs_only(struct request *r);
/* STEP_RESPOND: sends r->x.reply. */
enum flow respond_run(struct request *r);

#endif
