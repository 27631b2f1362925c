/* link_sign: the control plane's end of a request for a certificate; see link_sign.h. Called by link_server.
 *
 * While somebody works on the request it belongs to both threads: `conn` and `owner` are the loop's, the request is
 * the worker's. A connection that ends meanwhile leaves conn NULL behind, and the answer frees it all. */
#include "common/sync/link_sign.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/sync/link_private.h"

enum { LENGTH = 4, ANSWER_MS = 15 * 1000, GOODBYE_MS = 5 * 1000 };

struct link_asked {
	struct loop *loop;
	struct conn *conn; /* NULL: gone */
	const struct link_gate *gate;
	loop_fn on_end;
	void *owner;
	enum { ASKED_READING, ASKED_WORKED_ON, ASKED_ANSWERED } state;
	char peer[UUID_TEXT + 1], who[128];
	X509 *certificate; /* NULL: it came without one */
	Gatehouse__Sync__SignRequest *request;
	struct text answer;
};

static void asked_free(struct link_asked *a)
{
	if (a->request)
		gatehouse__sync__sign_request__free_unpacked(a->request, NULL);
	X509_free(a->certificate);
	text_fini(&a->answer);
	free(a);
}

void link_asked_drop(struct link_asked *a)
{
	a->conn = NULL;
	if (a->state != ASKED_WORKED_ON)
		asked_free(a);
}

/* ---- the answer ---- */

static void send_answer(void *arg)
{
	struct link_asked *a = arg;

	a->state = ASKED_ANSWERED;
	if (!a->conn) {
		asked_free(a);
		return;
	}
	conn_set_timeout(a->conn, GOODBYE_MS);
	if (conn_write_slice(a->conn, text_slice(&a->answer)))
		conn_shutdown(a->conn); /* the other side closes when it has read */
	else
		a->on_end(a->owner);
}

static void pack(struct text *out, const Gatehouse__Sync__SignAnswer *answer)
{
	size_t len = gatehouse__sync__sign_answer__get_packed_size(answer);
	uint32_t wire = htonl((uint32_t)len);

	text_put(out, slice_of((const char *)&wire, sizeof wire));
	out->len += gatehouse__sync__sign_answer__pack(answer, (uint8_t *)text_reserve(out, len));
}

void link_answer(struct link_asked *a, const Gatehouse__Sync__SignAnswer *answer)
{
	pack(&a->answer, answer);
	loop_post(a->loop, send_answer, a);
}

static void refuse(struct link_asked *a, const char *why)
{
	Gatehouse__Sync__SignAnswer answer = GATEHOUSE__SYNC__SIGN_ANSWER__INIT;
	answer.error = (char *)why;
	a->state = ASKED_WORKED_ON;
	link_answer(a, &answer);
}

/* ---- the request ---- */

static void take(struct link_asked *a, struct slice bytes)
{
	a->request = gatehouse__sync__sign_request__unpack(NULL, bytes.len, (const uint8_t *)bytes.ptr);
	if (!a->request) {
		refuse(a, "the request cannot be read; is the other side of a much newer release?");
		return;
	}
	if (!a->gate->sign) {
		refuse(a, "this control plane gives no certificates: its setting cluster_ca_key is not set");
		return;
	}
	a->state = ASKED_WORKED_ON;
	conn_set_timeout(a->conn, ANSWER_MS);
	a->gate->sign(a, a->gate->arg);
}

/* Whole requests only; false: the connection has to end. */
static bool look(struct link_asked *a)
{
	struct slice have = iobuf_slice(a->conn->in);
	uint32_t len;

	if (have.len < LENGTH)
		return true;
	memcpy(&len, have.ptr, sizeof len);
	len = ntohl(len);
	if (len > LINK_SIGN_MAX)
		return false;
	if (have.len < LENGTH + len)
		return true;
	take(a, slice_of(have.ptr + LENGTH, len));
	iobuf_consume(a->conn->in, have.len);
	conn_release_input(a->conn);
	return true;
}

static void on_readable(struct conn *c)
{
	struct link_asked *a = c->owner;
	enum io_result got;

	while ((got = conn_read(c)) == IO_OK)
		if (a->state != ASKED_READING)
			break; /* nothing is expected any more */
	if (a->state == ASKED_READING && c->in && !look(a))
		got = IO_ERROR;
	if (got == IO_EOF || got == IO_ERROR || (a->state == ASKED_ANSWERED && got == IO_OK))
		a->on_end(a->owner);
}

static void on_over(struct conn *c)
{
	struct link_asked *a = c->owner;
	a->on_end(a->owner);
}

static void nothing(struct conn *c)
{
}

static const struct conn_ops ops = {
        .on_readable = on_readable, .on_drained = nothing, .on_closed = on_over, .on_timeout = on_over};

struct link_asked *link_asked_start(
        struct conn *c, const struct link_gate *gate, const char *peer, const char *who, loop_fn on_end, void *owner)
{
	struct link_asked *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	*a = (struct link_asked){.loop = c->loop, .conn = c, .gate = gate, .on_end = on_end, .owner = owner};
	a->certificate = SSL_get1_peer_certificate(c->tls);
	snprintf(a->peer, sizeof a->peer, "%s", peer);
	snprintf(a->who, sizeof a->who, "%s", who);
	conn_adopt(c, &ops, a);
	conn_wake(c); /* something may have come with the handshake */
	return a;
}

const Gatehouse__Sync__SignRequest *link_asked_request(const struct link_asked *a)
{
	return a->request;
}

const char *link_asked_peer(const struct link_asked *a)
{
	return a->peer;
}

const X509 *link_asked_certificate(const struct link_asked *a)
{
	return a->certificate;
}

const char *link_asked_who(const struct link_asked *a)
{
	return a->who;
}
