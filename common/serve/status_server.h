/* status_server: the listener of short answers that stands behind the status listeners of both planes: a table of
 * endpoints, each answered at once, but for those that wait for their small body first. No login, no TLS, HTTP/1.1
 * and HTTP/2. All functions are the loop thread's. */
#ifndef COMMON_SERVE_STATUS_SERVER_H
#define COMMON_SERVE_STATUS_SERVER_H

#include <jansson.h>

#include "common/http/uri.h"
#include "common/net/listener.h"
#include "common/serve/stream.h"

struct access_log;

enum { STATUS_BODY_MAX = 4096 };

/* GET answers HEAD too. One of serve and end is set; arg is that of the start. */
struct status_endpoint {
	struct slice method, path;
	bool is_prefix; /* of a path */
	void (*serve)(void *arg, struct stream *s, const struct uri *uri);
	void (*end)(void *arg, struct stream *s, struct slice body); /* reads the body first */
};

struct status_server;
/* Opens the addresses of the setting status_listen. endpoints and log must outlive it. NULL: e says why. */
struct status_server *status_server_start(struct loop *l, struct slice listen, const struct access_log *log,
        const struct status_endpoint *endpoints, size_t count, void *arg, struct err *e);
/* Takes no new connections; answers what has been asked. True: no connection that was drained is left. */
void status_server_drain(struct status_server *sv);
bool is_status_server_idle(const struct status_server *sv);
void status_server_stop(struct status_server *sv); /* NULL is fine */

/* Answers, each once per stream. body: taken. type: empty for none. */
void status_answer(struct stream *s, int code, json_t *body);
void status_answer_message(struct stream *s, int code, const char *message); /* {"message":..} */
void status_answer_text(struct stream *s, int code, struct slice type, struct slice text);

/* /status/live, the same on all nodes: a process that answers at all is alive. An endpoint's `serve`. */
void status_show_live(void *arg, struct stream *s, const struct uri *uri);
/* The body of POST /status/ready, a form or JSON: is it status=draining? Else it has been answered with 400. */
bool status_says_draining(struct stream *s, struct slice body);
/* An argument of a query. Unset: not there; a bare name has an empty value. */
struct slice status_argument(struct slice query, struct slice wanted);

#endif
