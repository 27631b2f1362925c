/* link_guard: lets through to the control plane's nanomsg sockets only what cannot harm them.
 *
 * Wire format of nanomsg over ipc (measured with 1.1.5): each side first sends 8 bytes, 00 'S' 'P' 00, the protocol
 * number in two bytes (SUB 0x21, REQ 0x30), 00 00; then frames: 01, the length in 8 bytes (big-endian), the bytes. A
 * REQ's bytes begin with its request id, four bytes of which the highest bit is set.
 *
 * A bound PUB socket aborts the process on any message, so a subscriber may send nothing after its greeting. Towards
 * REP the body must be a whole Poll: were it cut inside a field, the id that we append would become part of that
 * field. */
#include <endian.h>
#include <stdlib.h>

#include "common/sync/link_private.h"
#include "proto/sync.pb-c.h"

enum { GREETING = 8, HEADER = 9, REQUEST_ID = 4, FRAME_MESSAGE = 1 };

/* Poll.peer: field 15, length-delimited. Poll.peer_expires_s: field 26, a varint, whose tag takes two bytes. */
enum { PEER_TAG = 15 << 3 | 2, PEER_FIELD = 2 + UUID_TEXT, EXPIRES_TAG = 26 << 3, VARINT_MAX = 10 };

static const unsigned char greeting_sub[GREETING] = {0, 'S', 'P', 0, 0, 0x21, 0, 0};
static const unsigned char greeting_req[GREETING] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static const unsigned char *greeting_for(enum link_socket socket)
{
	return socket == LINK_PUB ? greeting_sub : greeting_req;
}

bool guard_may_greet(enum link_socket socket, struct slice bytes)
{
	return bytes.len == 0 ||
	       memcmp(bytes.ptr, greeting_for(socket), bytes.len < GREETING ? bytes.len : GREETING) == 0;
}

/* Takes up to `want` bytes in all into head; true when it has them. */
static bool collect_head(struct guard *g, struct slice *in, size_t want)
{
	size_t n = want - g->have < in->len ? want - g->have : in->len;
	memcpy(g->head + g->have, in->ptr, n);
	g->have += n;
	*in = slice_from(*in, n);
	return g->have == want;
}

static const char *take_greeting(struct guard *g, struct slice *in, guard_emit_fn emit, void *arg)
{
	bool whole = collect_head(g, in, GREETING);
	if (memcmp(g->head, greeting_for(g->socket), g->have) != 0)
		return "greeting is not that of the socket it asked for";
	if (!whole)
		return NULL;
	g->have = 0;
	g->state = g->socket == LINK_PUB ? GUARD_SILENCE : GUARD_HEADER;
	struct iovec part = {g->head, GREETING};
	return emit(arg, &part, 1) ? NULL : "local socket is gone";
}

static const char *take_header(struct guard *g, struct slice *in)
{
	uint64_t len;
	if (!collect_head(g, in, HEADER))
		return g->head[0] == FRAME_MESSAGE ? NULL : "frame is not a message";
	memcpy(&len, g->head + 1, sizeof len);
	len = be64toh(len);
	if (g->head[0] != FRAME_MESSAGE)
		return "frame is not a message";
	if (len > LINK_POLL_MAX)
		return "message is too long";
	if (len < REQUEST_ID)
		return "message is too short for a request";
	g->have = 0;
	g->body_len = len;
	g->body = malloc(len);
	if (!g->body)
		abort();
	g->state = GUARD_BODY;
	return NULL;
}

static bool is_poll(struct slice s)
{
	Gatehouse__Sync__Poll *p = gatehouse__sync__poll__unpack(NULL, s.len, (const uint8_t *)s.ptr);
	if (p)
		gatehouse__sync__poll__free_unpacked(p, NULL);
	return p != NULL;
}

static size_t put_varint(unsigned char *out, uint64_t n)
{
	size_t len = 0;
	for (; n >= 0x80; n >>= 7)
		out[len++] = (unsigned char)(n | 0x80);
	out[len++] = (unsigned char)n;
	return len;
}

static const char *send_body(struct guard *g, guard_emit_fn emit, void *arg)
{
	unsigned char head[HEADER] = {FRAME_MESSAGE}, peer[2] = {PEER_TAG, UUID_TEXT};
	unsigned char expires[2 * VARINT_MAX];
	size_t n = put_varint(expires, EXPIRES_TAG);
	n += put_varint(expires + n, g->peer_expires_s > 0 ? (uint64_t)g->peer_expires_s : 0);
	uint64_t len = htobe64(g->body_len + PEER_FIELD + n);

	if (!(g->body[0] & 0x80))
		return "message has no request id";
	if (!is_poll(slice_of(g->body + REQUEST_ID, g->body_len - REQUEST_ID)))
		return "message is not a Poll";
	memcpy(head + 1, &len, sizeof len);
	struct iovec parts[] = {
	        {head, sizeof head}, {g->body, g->body_len}, {peer, sizeof peer}, {g->peer, UUID_TEXT}, {expires, n}};
	return emit(arg, parts, 5) ? NULL : "local socket is gone";
}

static const char *take_body(struct guard *g, struct slice *in, guard_emit_fn emit, void *arg)
{
	size_t n = g->body_len - g->have < in->len ? g->body_len - g->have : in->len;
	memcpy(g->body + g->have, in->ptr, n);
	g->have += n;
	*in = slice_from(*in, n);
	if (g->have < g->body_len)
		return NULL;
	const char *why = send_body(g, emit, arg);
	guard_fini(g);
	g->have = 0;
	g->state = GUARD_HEADER;
	g->messages++;
	return why;
}

const char *guard_feed(struct guard *g, struct slice bytes, guard_emit_fn emit, void *arg)
{
	const char *why = NULL;
	while (bytes.len && !why)
		switch (g->state) {
		case GUARD_GREETING: why = take_greeting(g, &bytes, emit, arg); break;
		case GUARD_HEADER: why = take_header(g, &bytes); break;
		case GUARD_BODY: why = take_body(g, &bytes, emit, arg); break;
		case GUARD_SILENCE: why = "message towards the publishing socket"; break;
		}
	return why;
}

bool guard_is_mid_message(const struct guard *g)
{
	return g->state == GUARD_BODY || (g->state == GUARD_HEADER && g->have > 0);
}

void guard_fini(struct guard *g)
{
	free(g->body);
	g->body = NULL;
}
