/* admin_request: a request to the Admin API as data: path segments, query arguments, body.
 *
 * Made on the loop's thread by copying (the connection may go away meanwhile), taken apart on an admin thread. */
#ifndef CP_ADMIN_ADMIN_REQUEST_H
#define CP_ADMIN_ADMIN_REQUEST_H

#include "common/http/form.h"
#include "common/http/head.h"
#include "common/net/tls.h"

struct sockaddr;

enum admin_method {
	ADMIN_OTHER = 0,
	ADMIN_GET = 1 << 0, /* and HEAD */
	ADMIN_POST = 1 << 1,
	ADMIN_PUT = 1 << 2,
	ADMIN_PATCH = 1 << 3,
	ADMIN_DELETE = 1 << 4,
	ADMIN_OPTIONS = 1 << 5,

	ADMIN_COLLECTION = ADMIN_GET | ADMIN_POST,
	ADMIN_ITEM = ADMIN_GET | ADMIN_PUT | ADMIN_PATCH | ADMIN_DELETE,
	ADMIN_HAS_BODY = ADMIN_POST | ADMIN_PUT | ADMIN_PATCH, /* others' bodies are ignored */
};

enum { ADMIN_SEGMENTS = 8, ADMIN_PEER_NAMES = 16 };

struct admin_request {
	struct slice target;       /* as received */
	struct slice content_type; /* unset: no such header */
	struct slice origin, cors_headers;
	struct slice author, message; /* X-Gatehouse-Author, X-Gatehouse-Message; unset: not sent */
	struct slice token;           /* of Kong-Admin-Token or Authorization: Bearer; unset: none was sent */
	struct slice id;              /* 32 hexadecimal digits, made up */
	struct slice client_ip;       /* of the connection */
	struct slice peer_names[ADMIN_PEER_NAMES]; /* of the client's verified certificate; see x509_names() */
	size_t peer_name_count;
	struct slice body;
	bool body_unread; /* there was one, and it was not looked at: the request must be refused */
	enum admin_method method;

	/* by admin_request_parse() */
	struct slice path;                     /* as typed, without a trailing slash */
	struct slice segments[ADMIN_SEGMENTS]; /* decoded, none empty */
	size_t segment_count;
	struct form query;
};

/* Copies what is needed of the head and of the connection's peer (NULL: none) onto the arena. */
void admin_request_copy(
        struct arena *a, const struct head *h, const struct sockaddr *peer, struct admin_request *out);
/* Adds the names of the certificate that the client has shown, if any. */
void admin_request_copy_names(struct arena *a, const SSL *tls, struct admin_request *out);

/* Is this a whole document, POST /config? By the head alone. */
bool admin_request_is_document(const struct head *h);

enum admin_parsed {
	ADMIN_PARSED,
	ADMIN_NO_PATH, /* nothing can be at such a target */
	ADMIN_TOO_MANY_ARGS,
};
enum admin_parsed admin_request_parse(struct arena *a, struct admin_request *r);

/* First query argument of that name: true when it is there; *value is unset when it has no '='. */
bool admin_query(const struct admin_request *r, struct slice name, struct slice *value);

/* The target for logs: "/consumers/_/key-auth/_", because what stands for an item can be a secret key. */
struct slice admin_target_shape(struct arena *a, struct slice target);

#endif
