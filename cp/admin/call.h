/* call: one request to the Admin API while an admin thread works on it: what was asked, and what will be answered.
 *
 * Handlers are straight-line and may block. Each one fills call->response and returns; a response with status 0 is
 * none yet, which the helpers of errors.h and crud.h use to say "not there" and leave the answer to their caller. */
#ifndef CP_ADMIN_CALL_H
#define CP_ADMIN_CALL_H

#include "common/entity/admin.h"
#include "common/serve/stream.h"
#include "cp/admin/admin_request.h"
#include "cp/store/store.h"

struct admin_auth;
struct admin_route;
struct audit_entry;
struct level_guard;

/* The same for all calls of a process. Constant once the threads run. */
struct admin_env {
	const struct settings *settings;
	struct loop *loop;
	struct level_guard *log_level;
	struct admin_auth *auth; /* NULL: nobody is asked for a token */
	char node_id[UUID_TEXT + 1];
	char hostname[256];
};

struct admin_response {
	int status;
	json_t *json;      /* the body, or NULL */
	struct slice text; /* the body when json is NULL; unset: none */
	struct slice type; /* of text */
	unsigned allow;    /* OPTIONS: the methods to name, enum admin_method bits */
	bool wants_login;  /* 401: WWW-Authenticate */
	unsigned retry_after_s;
	struct slice warning; /* unset: none */
	struct slice hint;    /* of a refusal: what to do about it; unset: none */

	bool is_write; /* a write that succeeded: then these say how far it has come */
	uint64_t version;
	unsigned applied, connected;
};

/* What a path below the kinds stands for (admin-api.md 4). */
enum admin_shape {
	SHAPE_COLLECTION,        /* /P */
	SHAPE_ITEM,              /* /P/:key */
	SHAPE_NESTED_COLLECTION, /* /R/:r/C */
	SHAPE_NESTED_ITEM,       /* /R/:r/C/:c */
	SHAPE_REFERRED,          /* /C/:c/f, the entity that field f of c refers to */
};

struct admin_target {
	enum admin_shape shape;
	const struct schema *kind; /* what is listed, read or written */
	struct slice key;          /* of the item; unset for collections and SHAPE_REFERRED */

	const struct schema *outer; /* R of nested paths, C of SHAPE_REFERRED; else NULL */
	struct slice outer_key;
	const struct field *reference; /* field of C that points to R */
};

struct admin_call {
	struct arena *arena;
	const struct admin_env *env;
	const struct admin_request *request;
	struct admin_response *response;
	struct store *store;
	struct server_stats stats; /* of the HTTP server, when the request came */

	int64_t wait_ms; /* how long the answer to a write waits for all data planes; 0: as usual */

	/* Who asks, once admin_authenticate() has let them in. */
	struct slice author;   /* the admin's name; unset: nobody was asked */
	struct uuid author_id; /* zero: not an admin of the database */
	enum admin_role role;
	const char *login;                 /* "token" or "certificate"; NULL: nobody was asked */
	bool login_failed;                 /* something was shown, and it was wrong */
	const struct audit_entry *audited; /* NULL: not a write */

	const struct admin_route *route; /* a line of routes.c; NULL: below the kinds, or nothing */
	struct admin_target target;      /* of paths below the kinds */
	struct slice params[4];          /* what the :names of a special path stood for, in order */
	json_t *input;                   /* the body: an object; borrowed from the call's owner */
	bool input_is_form;              /* leaves are strings that still need their types */
};

typedef void (*admin_handler)(struct admin_call *c);

#endif
