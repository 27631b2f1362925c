/* probe_grpc: the standard health check of gRPC (DEV-13): a unary call of grpc.health.v1.Health/Check with an empty
 * message, on an HTTP/2 connection of its own. One stream, small messages, so nghttp2 does all of it. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "dp/upstream/probe_private.h"

enum { MESSAGE_MAX = 64, SERVING = 1, WELL = 200, UNWELL = 503 };

struct probe_grpc {
	nghttp2_session *session;
	size_t sent;               /* of the request */
	char message[MESSAGE_MAX]; /* of the answer, with its 5 bytes in front */
	size_t len;
	int http_status, grpc_status; /* grpc_status -1: not told */
	bool is_closed;               /* the stream */
	uint32_t error;               /* that closed it */
};

/* No compression, length 0: HealthCheckRequest{service: ""}. */
static const unsigned char request[5];

static ssize_t on_source(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
        nghttp2_data_source *source, void *arg)
{
	struct probe_grpc *g = source->ptr;
	size_t n = sizeof request - g->sent;

	n = n > room ? room : n;
	memcpy(to, request + g->sent, n);
	g->sent += n;
	if (g->sent == sizeof request)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int number_of(const uint8_t *value, size_t len)
{
	int64_t n;

	return slice_to_int(slice_of((const char *)value, len), &n) && n >= 0 && n < 1000 ? (int)n : 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
        const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct probe *p = arg;
	struct slice field = slice_of((const char *)name, name_len);

	if (slice_eq(field, S(":status")))
		p->grpc->http_status = number_of(value, value_len);
	else if (slice_eq(field, S("grpc-status")))
		p->grpc->grpc_status = number_of(value, value_len);
	return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
	struct probe_grpc *g = ((struct probe *)arg)->grpc;
	size_t room = sizeof g->message - g->len;

	len = len > room ? room : len;
	memcpy(g->message + g->len, data, len);
	g->len += len;
	return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t stream, uint32_t error, void *arg)
{
	struct probe_grpc *g = ((struct probe *)arg)->grpc;

	g->is_closed = true;
	g->error = error;
	return 0;
}

/* HealthCheckResponse: field 1, a varint; unknown fields behind it do not matter. */
static bool says_serving(const struct probe_grpc *g)
{
	return g->len >= 7 && g->message[0] == 0 && g->message[5] == 0x08 && g->message[6] == SERVING;
}

static void judge(struct probe *p)
{
	const struct probe_grpc *g = p->grpc;
	bool well = g->error == 0 && g->http_status == 200 && g->grpc_status == 0 && says_serving(g);

	if (g->http_status == 0) /* reset before it answered */
		probe_end(p, PROBE_CONNECTION, 0, "the stream was reset");
	else
		probe_end(p, PROBE_STATUS, well ? WELL : UNWELL, well ? "serving" : "not serving");
}

/* Sends what the session wants to send. */
static bool flush(struct probe *p)
{
	const uint8_t *bytes;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(p->grpc->session, &bytes)) > 0)
		if (!conn_write_slice(p->conn, slice_of((const char *)bytes, (size_t)n)))
			return false;
	return n == 0;
}

static nghttp2_session *new_session(struct probe *p)
{
	nghttp2_session_callbacks *c;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&c) != 0)
		abort();
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
	if (nghttp2_session_client_new(&session, c, p) != 0)
		abort();
	nghttp2_session_callbacks_del(c);
	return session;
}

static nghttp2_nv field(const char *name, struct slice value)
{
	return (nghttp2_nv){
	        (uint8_t *)name, (uint8_t *)value.ptr, strlen(name), value.len, NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

void probe_grpc_begin(struct probe *p)
{
	struct probe_grpc *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	p->grpc = g;
	g->grpc_status = -1;
	g->session = new_session(p);
	const nghttp2_nv fields[] = {field(":method", S("POST")),
	        field(":scheme", p->is_tls ? S("https") : S("http")), field(":authority", text_slice(&p->request)),
	        field(":path", S("/grpc.health.v1.Health/Check")), field("content-type", S("application/grpc")),
	        field("te", S("trailers"))};
	nghttp2_data_provider body = {.source.ptr = g, .read_callback = on_source};
	nghttp2_submit_settings(g->session, NGHTTP2_FLAG_NONE, NULL, 0);
	nghttp2_submit_request(g->session, NULL, fields, sizeof fields / sizeof *fields, &body, NULL);
	if (!flush(p))
		probe_end(p, PROBE_CONNECTION, 0, "closed while sending");
}

void probe_grpc_read(struct probe *p)
{
	struct conn *c = p->conn;
	enum io_result r;

	while ((r = conn_read(c)) == IO_OK || (c->in && iobuf_slice(c->in).len > 0)) {
		struct slice in = iobuf_slice(c->in);
		ssize_t n = nghttp2_session_mem_recv(p->grpc->session, (const uint8_t *)in.ptr, in.len);
		iobuf_consume(c->in, in.len);
		if (n >= 0 && p->grpc->is_closed) {
			judge(p);
			return;
		}
		if (n < 0 || !nghttp2_session_want_read(p->grpc->session)) {
			probe_end(p, PROBE_NOT_HTTP, 0, "not HTTP/2");
			return;
		}
		if (r != IO_OK)
			break;
	}
	if (r == IO_EOF || r == IO_ERROR || !flush(p))
		probe_end(p, PROBE_CONNECTION, 0, "closed before an answer");
}

void probe_grpc_free(struct probe *p)
{
	nghttp2_session_del(p->grpc->session);
	free(p->grpc);
	p->grpc = NULL;
}
