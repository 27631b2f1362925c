/* h1_framing: what the fields mean for the message: how long its body is, to which host it goes, whether the
 * connection lives on. Decided here once (RFC 9112 6, 9.3, 9.6; RFC 9110 7.2, 7.6.1); nobody reads these fields
 * again. */
#include "common/http/authority.h"
#include "common/http/h1_private.h"

/* --- body ------------------------------------------------------------------------------------------------ */

static bool read_length(struct slice s, int64_t *out)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!h1_is(s.ptr[i], H1_DIGIT))
			return false;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, s.ptr[i] - '0', &n))
			return false;
	}
	*out = n;
	return s.len > 0;
}

/* A list of codings that are all tokens is something that somebody might implement: 501. Anything else is garbage. */
static enum h1_result refuse_coding(struct h1_reader *r)
{
	for (struct slice rest = r->coding; slice_is_set(rest);)
		if (!h1_is_token(slice_trim(slice_cut(&rest, ','))))
			return h1_bad(r, 400, "malformed Transfer-Encoding (RFC 9112 6.1)");
	return h1_bad(r, 501, "Transfer-Encoding is not exactly chunked (RFC 9112 6.1)");
}

/* Two fields that each say how long the body is: whoever runs the upstream wants to see both. */
static enum h1_result bad_pair(struct h1_reader *r, const char *why)
{
	const struct head *h = r->head;
	enum h1_result result = h1_bad(r, 400, why);

	for (uint32_t i = 0; i < h->count; i++) {
		const struct header *f = &h->headers[i];
		if (f->id != HEADER_CONTENT_LENGTH && f->id != HEADER_TRANSFER_ENCODING)
			continue;
		*(slice_is_set(r->error->first) ? &r->error->second : &r->error->first) = f->value;
	}
	return result;
}

static enum h1_result frame_body(struct h1_reader *r)
{
	struct head *h = r->head;

	if (r->lengths > 1)
		return bad_pair(r, "repeated Content-Length (RFC 9112 6.3)");
	if (r->codings > 1)
		return bad_pair(r, "repeated Transfer-Encoding (RFC 9112 6.1)");
	if (r->lengths && r->codings)
		return bad_pair(r, "both Content-Length and Transfer-Encoding (RFC 9112 6.3)");
	if (r->lengths && !read_length(r->length, &h->content_length))
		return h1_bad(r, 400, "Content-Length is not a number (RFC 9110 8.6)");
	if (!r->codings)
		return H1_DONE;
	if (h->version == HTTP_1_0 && !r->response)
		return h1_bad(r, 400, "Transfer-Encoding on HTTP/1.0 (RFC 9112 6.1)");
	if (!slice_ieq(r->coding, S("chunked")))
		return refuse_coding(r);
	h->chunked = true;
	return H1_DONE;
}

/* --- host ------------------------------------------------------------------------------------------------ */

static enum h1_result check_host(struct h1_reader *r)
{
	bool absolute = slice_is_set(r->authority);

	if (r->hosts > 1)
		return h1_bad(r, 400, "repeated Host (RFC 9112 3.2)");
	if (r->hosts == 0 && r->head->version != HTTP_1_0)
		return h1_bad(r, 400, "no Host (RFC 9112 3.2)");
	if (r->hosts && !authority_is_valid(r->host))
		return h1_bad(r, 400, "malformed Host (RFC 9112 3.2)");
	if (absolute && !authority_is_valid(r->authority))
		return h1_bad(r, 400, "malformed authority in the target (RFC 9112 3.2.2)");
	if (absolute && r->hosts && !slice_ieq(r->authority, r->host))
		return h1_bad(r, 400, "Host differs from the authority of the target (RFC 9112 3.2.2)");
	if (absolute && !r->hosts) /* HTTP/1.0: the one place where the host is said becomes the usual one */
		head_add_id(r->head, HEADER_HOST, r->authority);
	return H1_DONE;
}

/* --- connection ------------------------------------------------------------------------------------------ */

struct options {
	bool close, keep_alive, upgrade, other, framing;
};

static void read_option(struct options *o, struct slice token)
{
	enum header_id id;

	if (token.len == 0)
		return;
	if (slice_ieq(token, S("keep-alive")))
		o->keep_alive = true;
	else if (slice_ieq(token, S("close")))
		o->close = true;
	else if (slice_ieq(token, S("upgrade")))
		o->upgrade = true;
	else {
		o->other = true;
		id = header_id_of(token);
		o->framing |= id == HEADER_CONTENT_LENGTH || id == HEADER_TRANSFER_ENCODING || id == HEADER_HOST;
	}
}

static struct options read_options(const struct head *h)
{
	struct options o = {0};
	for (uint32_t i = 0; i < h->count; i++)
		if (h->headers[i].id == HEADER_CONNECTION)
			for (struct slice rest = h->headers[i].value; slice_is_set(rest);)
				read_option(&o, slice_trim(slice_cut(&rest, ',')));
	return o;
}

static enum h1_result frame_connection(struct h1_reader *r)
{
	struct head *h = r->head;
	struct options o = r->connection ? read_options(h) : (struct options){0};

	if (o.framing && !r->response)
		return h1_bad(r, 400, "Connection names a framing field or Host (RFC 9110 7.6.1)");
	h->keep_alive = !o.close && (h->version != HTTP_1_0 || o.keep_alive);
	h->upgrade = o.upgrade && r->upgrade && h->version != HTTP_1_0;
	h->has_connection_options = o.other;
	return H1_DONE;
}

/* --- both kinds of messages ------------------------------------------------------------------------------ */

/* Whether or not Connection says so: the upgrade is honoured by the Upgrade field alone, as users of Kong expect. */
static bool is_websocket_with_body(const struct h1_reader *r)
{
	return r->upgrade && h1_request_body(r->head) != H1_BODY_NONE &&
	       head_has_token(r->head, HEADER_UPGRADE, S("websocket"));
}

enum h1_result h1_frame_request(struct h1_reader *r)
{
	struct head *h = r->head;
	enum h1_result result;

	if ((result = check_host(r)) != H1_DONE)
		return result;
	if ((r->lengths || r->codings) && (result = frame_body(r)) != H1_DONE)
		return result;
	if ((result = frame_connection(r)) != H1_DONE)
		return result;
	if (is_websocket_with_body(r))
		return h1_bad(r, 400, "upgrade request with a body (DEV-22)");
	if (h->method.len == 5 && memcmp(h->method.ptr, "TRACE", 5) == 0)
		return h1_bad(r, 405, "TRACE is not served");
	if (h->method.len == 7 && memcmp(h->method.ptr, "CONNECT", 7) == 0)
		return h1_bad(r, 405, "CONNECT is not served");
	h->expect_continue = r->expect && h->version != HTTP_1_0 &&
	                     head_has_token(h, HEADER_EXPECT, S("100-continue"));
	return H1_DONE;
}

/* The buffer is not ours to change, so values that need it are copied. */
static void blank_controls(struct arena *a, struct slice *s)
{
	if (h1_is_clean(*s))
		return;
	char *copy = arena_cstr(a, *s);
	for (size_t i = 0; i < s->len; i++)
		if (!h1_is(copy[i], H1_VALUE))
			copy[i] = ' ';
	s->ptr = copy;
}

enum h1_result h1_frame_response(struct h1_reader *r, struct slice request_method)
{
	struct head *h = r->head;
	enum h1_result result;

	if (r->controls) {
		blank_controls(h->arena, &h->reason);
		for (uint32_t i = 0; i < h->count; i++)
			blank_controls(h->arena, &h->headers[i].value);
	}
	if ((result = frame_body(r)) != H1_DONE)
		return result;
	if ((result = frame_connection(r)) != H1_DONE)
		return result;
	if (h1_response_body(h, request_method) == H1_BODY_UNTIL_CLOSE || (h->chunked && h->version == HTTP_1_0))
		h->keep_alive = false;
	return H1_DONE;
}

enum h1_body h1_request_body(const struct head *request)
{
	if (request->chunked)
		return H1_BODY_CHUNKED;
	return request->content_length > 0 ? H1_BODY_LENGTH : H1_BODY_NONE;
}

enum h1_body h1_response_body(const struct head *response, struct slice request_method)
{
	int status = response->status;

	if (status < 200 || status == 204 || status == 304 || slice_eq(request_method, S("HEAD")))
		return H1_BODY_NONE;
	if (response->chunked)
		return H1_BODY_CHUNKED;
	if (response->content_length < 0)
		return H1_BODY_UNTIL_CLOSE;
	return response->content_length > 0 ? H1_BODY_LENGTH : H1_BODY_NONE;
}
