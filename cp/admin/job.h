/* job: one request on its way through an admin thread and back. Owned as admin_server.c says. */
#ifndef CP_ADMIN_JOB_H
#define CP_ADMIN_JOB_H

#include "common/core/text.h"
#include "cp/admin/call.h"
#include "cp/admin/workers.h"

struct job {
	struct work work; /* first: run() casts */
	struct admin_server *server;
	struct job *next_job, **link;
	struct stream *stream; /* the loop thread's; NULL: the client has left */
	bool is_submitted;
	bool is_waiting; /* done, but for the data planes; the loop thread's */

	struct arena arena;
	const struct admin_env *env;
	struct admin_request request;
	struct server_stats stats;
	struct text body_in;
	size_t body_size; /* of it, as the loop's thread has counted it */
	uint64_t started_ns;

	struct admin_response response;
	uint64_t wait_until_ms; /* monotonic: the response waits for all data planes; 0: it does not */
	struct slice body_out;
	char *dump; /* owns body_out when it is JSON */
};

/* Copies what it needs of the stream. */
struct job *job_new(const struct admin_env *env, const struct stream *s);
void job_free(struct job *j);

/* Does it all, blocking: answers the request, waits for the data planes after a write, makes the body's bytes. */
void job_run(struct job *j, struct store *st);
/* The body's bytes, again after the response has changed. */
void job_make_body(struct job *j);

#endif
