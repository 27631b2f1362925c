/* An upstream's bytes on an HTTP/2 connection: whatever they are, each exchange ends once, no answer has what HTTP/1
 * could read as something else, and nothing is left over.
 *
 * The input: a byte that says how it is cut into reads (the first few of them) and what the owners do, then what the
 * upstream sends. */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/http/h1_scan.h"
#include "dp/client/h2_client.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

enum { CALLS = 3, PIECES = 6 };

struct call {
	struct arena arena;
	struct h2_client client;
	unsigned heads, ends;
	uint64_t received;
};

static struct loop *loop;
static struct call calls[CALLS];
static unsigned style, gone;

static void end(struct call *c)
{
	REQUIRE(!c->client.link);
	c->ends++;
}

static void check_head(const struct head *h)
{
	REQUIRE(h->status >= 200 && h->status <= 999);
	for (uint32_t i = 0; i < h->count; i++) {
		REQUIRE(h1_is_token(h->headers[i].name) && h1_is_clean(h->headers[i].value));
		REQUIRE(h->headers[i].id != HEADER_CONNECTION && h->headers[i].id != HEADER_TRANSFER_ENCODING);
	}
}

static void send_request(struct call *c)
{
	struct head h;
	head_init(&h, &c->arena);
	h.method = S("POST");
	h.target = S("/p.S/M");
	h.content_length = -1;
	head_add_id(&h, HEADER_HOST, S("a"));
	h2_client_send_head(&c->client, &h, S("http"), S("hello"), style & 1);
}

static void on_ready(struct h2_client *x)
{
	send_request(x->owner);
}

static void take(struct call *c, struct slice piece, bool last)
{
	c->received += piece.len;
	if (last)
		end(c);
	else if (style & 2)
		h2_client_cancel(&c->client), c->ends++;
	else if (style & 4)
		h2_client_pause(&c->client, true);
}

static void on_head(struct h2_client *x, struct head *response, struct slice piece, bool last)
{
	struct call *c = x->owner;
	REQUIRE(c->ends == 0 && c->heads++ == 0);
	check_head(response);
	take(c, piece, last);
}

static void on_piece(struct h2_client *x, struct slice piece, bool last)
{
	struct call *c = x->owner;
	REQUIRE(c->ends == 0 && c->heads == 1);
	take(c, piece, last);
}

static void on_drained(struct h2_client *x)
{
}

static void on_fail(struct h2_client *x, enum client_failure why)
{
	struct call *c = x->owner;
	REQUIRE(c->ends == 0);
	end(c);
}

static const struct h2_client_ops ops = {on_ready, on_head, on_piece, on_drained, on_fail};

static void on_gone(struct h2_link *link, void *arg)
{
	gone++;
}

static void turn(int upstream)
{
	static char buffer[16 * 1024];
	for (int i = 0; i < 2; i++) {
		loop_turn(loop);
		while (upstream >= 0 && recv(upstream, buffer, sizeof buffer, MSG_DONTWAIT) == sizeof buffer)
			;
	}
}

/* A link and the upstream's end of it. */
static struct h2_link *connect_link(int *upstream)
{
	static int listening = -1;
	static struct sockaddr_un at = {.sun_family = AF_UNIX};
	static socklen_t len = sizeof(sa_family_t);
	static const struct h2_link_limits limits = {.connect_timeout_ms = 1000, .keep_idle = true};

	if (listening < 0) {
		struct err e;
		REQUIRE((loop = loop_new(&e)) != NULL);
		listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		REQUIRE(bind(listening, (struct sockaddr *)&at, len) == 0 && listen(listening, 4) == 0);
		len = sizeof at;
		REQUIRE(getsockname(listening, (struct sockaddr *)&at, &len) == 0);
	}
	struct h2_link *link = h2_link_open(loop, (struct sockaddr *)&at, len, NULL, &limits, on_gone, NULL);
	REQUIRE(link && (*upstream = accept(listening, NULL, NULL)) >= 0);
	return link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct h1_limits limits = {.line = 300, .block = 1000, .fields = 20};
	int upstream;

	if (size < 2)
		return 0;
	style = data[0];
	gone = 0;
	size_t cut = style & 32 ? 1 + (size_t)data[1] : size;
	struct h2_link *link = connect_link(&upstream);
	for (struct call *c = calls; c < calls + CALLS; c++) {
		*c = (struct call){.client.limits = &limits};
		arena_init(&c->arena);
		h2_client_start(&c->client, link, &c->arena, S("POST"), &ops, c);
	}
	turn(upstream);
	size_t pieces = 0;
	for (size_t at = 2, n; at < size; at += n) {
		n = size - at < cut || pieces++ == PIECES ? size - at : cut;
		if (send(upstream, data + at, n, MSG_NOSIGNAL) < 0)
			break;
		turn(upstream);
		for (struct call *c = calls; c < calls + CALLS; c++)
			if (!c->ends && (style & 8)) {
				h2_client_pause(&c->client, false);
				h2_client_send(&c->client, S("more"), style & 16, NULL);
			}
	}
	close(upstream);
	turn(-1);
	for (struct call *c = calls; c < calls + CALLS; c++)
		if (!c->ends)
			h2_client_pause(&c->client, false);
	turn(-1);
	for (struct call *c = calls; c < calls + CALLS; c++) {
		REQUIRE(c->ends == 1);
		arena_fini(&c->arena);
	}
	REQUIRE(gone == 1 && loop->buffers.lent == 0);
	return 0;
}
