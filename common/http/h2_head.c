/* h2_head: see h2_head.h. Sections are those of RFC 9113 unless another document is named. */
#include "common/http/h2_head.h"

#include "common/http/authority.h"
#include "common/http/h1_scan.h"
#include "common/http/header_id.h"
#include "common/http/uri.h"

/* What one field costs besides its bytes (6.5.2); how many times the limit is a flood. */
enum { FIELD_OVERHEAD = 32, FLOOD = 4 };

enum pseudo { PSEUDO_METHOD = 1, PSEUDO_SCHEME = 2, PSEUDO_AUTHORITY = 4, PSEUDO_PATH = 8, PSEUDO_STATUS = 16 };

void h2_reader_begin(struct h2_reader *x, enum h2_kind kind, const struct h1_limits *limits, struct head *h)
{
	*x = (struct h2_reader){.kind = kind, .limits = limits, .head = h};
	h->version = HTTP_2;
	h->keep_alive = true;
	header_table_prepare();
}

static enum h2_field malformed(struct h2_reader *x, const char *why)
{
	x->why = why;
	return H2_FIELD_MALFORMED;
}

/* Counts a field. False: it is not to be kept. */
static bool fits(struct h2_reader *x, struct slice name, struct slice value)
{
	x->size += name.len + value.len + FIELD_OVERHEAD;
	x->fields++;
	if (name.len + value.len > x->limits->line && !x->status)
		x->status = slice_eq(name, S(":path")) ? 414 : 494;
	if ((x->size > x->limits->block || x->fields > x->limits->fields) && !x->status)
		x->status = 494;
	return !x->status;
}

static bool is_flood(const struct h2_reader *x)
{
	return x->size / FLOOD > x->limits->block || x->fields / FLOOD > x->limits->fields;
}

/* 8.2.1: no control characters, no white space around it. */
static bool is_value(struct slice s)
{
	if (s.len == 0)
		return true;
	char first = s.ptr[0], last = s.ptr[s.len - 1];
	return first != ' ' && first != '\t' && last != ' ' && last != '\t' && h1_is_clean(s);
}

/* ---- pseudo-header fields (8.3) ------------------------------------------------------------------------------- */

static unsigned pseudo_of(const struct h2_reader *x, struct slice name)
{
	if (x->kind == H2_RESPONSE)
		return slice_eq(name, S(":status")) ? PSEUDO_STATUS : 0;
	if (x->kind == H2_TRAILERS)
		return 0;
	return slice_eq(name, S(":method"))      ? PSEUDO_METHOD
	       : slice_eq(name, S(":path"))      ? PSEUDO_PATH
	       : slice_eq(name, S(":scheme"))    ? PSEUDO_SCHEME
	       : slice_eq(name, S(":authority")) ? PSEUDO_AUTHORITY
	                                         : 0;
}

static bool read_status(struct slice s, int *out)
{
	if (s.len != 3 || !h1_is(s.ptr[0], H1_DIGIT) || !h1_is(s.ptr[1], H1_DIGIT) || !h1_is(s.ptr[2], H1_DIGIT))
		return false;
	*out = (s.ptr[0] - '0') * 100 + (s.ptr[1] - '0') * 10 + (s.ptr[2] - '0');
	return *out >= 100;
}

static enum h2_field take_pseudo(struct h2_reader *x, struct slice name, struct slice value)
{
	struct head *h = x->head;
	unsigned which = pseudo_of(x, name);

	if (!which)
		return malformed(x, "unknown pseudo-header field (8.3)");
	if (x->regular)
		return malformed(x, "pseudo-header field behind another field (8.3)");
	if (x->pseudo & which)
		return malformed(x, "repeated pseudo-header field (8.3)");
	x->pseudo |= which;
	if (which == PSEUDO_STATUS)
		return read_status(value, &h->status) ? H2_FIELD_OK : malformed(x, ":status (8.3.2)");
	if (!fits(x, name, value))
		return H2_FIELD_OK;
	value = arena_dup(h->arena, value);
	switch (which) {
	case PSEUDO_METHOD:
		h->method = value;
		return h1_is_token(value) ? H2_FIELD_OK : malformed(x, ":method is no token (8.3.1)");
	case PSEUDO_PATH: h->target = value; break;
	case PSEUDO_SCHEME: x->scheme = value; break;
	default: head_add_id(h, HEADER_HOST, value); break;
	}
	return H2_FIELD_OK;
}

/* ---- fields (8.2) --------------------------------------------------------------------------------------------- */

/* The name in memory that lasts, with its id; unset: it is no name. The names that we know are not copied. */
static struct slice take_name(struct head *h, struct slice name, enum header_id *id)
{
	*id = header_look_up(name.ptr, name.len);
	if (*id != HEADER_OTHER) {
		const char *lower = header_table.known[*id].lower;
		return slice_of(memcmp(lower, name.ptr, name.len) == 0 ? lower : NULL, name.len);
	}
	if (!h1_is_token(name))
		return (struct slice){0};
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
			return (struct slice){0};
	return arena_dup(h->arena, name);
}

static bool read_length(struct slice s, int64_t *out)
{
	for (size_t i = 0; i < s.len; i++)
		if (!h1_is(s.ptr[i], H1_DIGIT))
			return false;
	return slice_to_int(s, out);
}

/* Fields that say something about the message or the connection. NULL: nothing is wrong. */
static const char *check_field(struct h2_reader *x, enum header_id id, struct slice value)
{
	struct head *h = x->head;

	switch (id) {
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_UPGRADE: return "connection-specific field (8.2.2)";
	case HEADER_TE: return slice_ieq(value, S("trailers")) ? NULL : "TE is not trailers (8.2.2)";
	case HEADER_CONTENT_LENGTH:
		if (x->kind == H2_TRAILERS)
			return "Content-Length in trailers (RFC 9110 6.5.1)";
		if (h->content_length >= 0)
			return "repeated Content-Length (RFC 9110 8.6)";
		return read_length(value, &h->content_length) ? NULL : "Content-Length is not a number (8.1.1)";
	case HEADER_HOST:
		if (x->kind == H2_REQUEST && slice_is_set(x->host))
			return "repeated Host (8.3.1)";
		x->host = value;
		return NULL;
	case HEADER_EXPECT:
		h->expect_continue |= x->kind == H2_REQUEST && slice_ieq(value, S("100-continue"));
		return NULL;
	case HEADER_COOKIE: x->cookies++; return NULL;
	default: return NULL;
	}
}

enum h2_field h2_reader_field(struct h2_reader *x, struct slice name, struct slice value)
{
	struct head *h = x->head;
	enum header_id id;

	if (!is_value(value))
		return malformed(x, "control character or surrounding blanks in a value (8.2.1)");
	if (name.len && name.ptr[0] == ':')
		return take_pseudo(x, name, value);
	x->regular = true;
	if (!fits(x, name, value))
		return is_flood(x) ? H2_FIELD_FLOOD : H2_FIELD_OK;
	name = take_name(h, name, &id);
	if (!slice_is_set(name))
		return malformed(x, "a name that is no token in lower case (8.2.1)");
	if (value.len)
		value = arena_dup(h->arena, value);
	else
		value = S("");
	const char *why = check_field(x, id, value);
	if (why)
		return malformed(x, why);
	if (id == HEADER_HOST && (x->pseudo & PSEUDO_AUTHORITY))
		return H2_FIELD_OK; /* said twice; h2_reader_end() compares */
	head_put(h, id, name, value);
	return H2_FIELD_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

/* 8.2.3: crumbs become one field, in the place of the first. */
static void join_cookies(struct head *h)
{
	struct header *first = NULL;
	size_t size = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->count; i++)
		if (h->headers[i].id == HEADER_COOKIE)
			size += h->headers[i].value.len + 2;
	char *to = arena_alloc(h->arena, size), *at = to;
	for (uint32_t i = 0; i < h->count; i++) {
		struct header f = h->headers[i];
		if (f.id != HEADER_COOKIE) {
			h->headers[kept++] = f;
			continue;
		}
		if (first) {
			*at++ = ';';
			*at++ = ' ';
		} else
			first = &h->headers[kept++], *first = f;
		memcpy(at, f.value.ptr, f.value.len);
		at += f.value.len;
	}
	first->value = slice_of(to, (size_t)(at - to));
	h->count = kept;
}

static enum h2_result bad(struct h1_error *err, int status, const char *why)
{
	*err = (struct h1_error){.status = status, .why = why};
	return status ? H2_BAD : H2_MALFORMED;
}

static bool is_target(const struct h1_limits *limits, struct slice s)
{
	const char *end = s.ptr + s.len, *p = s.ptr;
	if (s.len == 0 || *p != '/')
		return false;
	while ((p = h1_scan_target(s.ptr, p, end)) < end && *p == '#' && limits->compat)
		p++;
	return p == end;
}

static enum h2_result end_request(struct h2_reader *x, struct h1_error *err)
{
	struct head *h = x->head;
	struct slice authority = head_get(h, HEADER_HOST);
	bool connect = slice_eq(h->method, S("CONNECT"));
	unsigned needed = connect ? PSEUDO_METHOD | PSEUDO_AUTHORITY : PSEUDO_METHOD | PSEUDO_SCHEME | PSEUDO_PATH;

	if (x->status)
		return bad(err, x->status, x->status == 414 ? ":path too long" : "header list too large");
	if ((x->pseudo & needed) != needed || (connect && x->pseudo != needed))
		return bad(err, 0, "pseudo-header fields are not those of a request (8.3.1, 8.5)");
	if (connect || slice_eq(h->method, S("TRACE")))
		return bad(err, 405, connect ? "CONNECT is not served" : "TRACE is not served");
	if (h1_scan_bytes(h->method.ptr, h->method.ptr + h->method.len, H1_METHOD) != h->method.ptr + h->method.len)
		return bad(err, 400, ":method is not in upper case (RFC 9110 9.1)");
	if (!is_target(x->limits, h->target))
		return bad(err, 400, ":path is no path (8.3.1)");
	if (!authority_is_valid(authority))
		return bad(err, 400, "malformed or missing authority (8.3.1)");
	if (slice_is_set(x->host) && !slice_ieq(x->host, authority))
		return bad(err, 400, "Host differs from :authority (8.3.1)");
	return H2_DONE;
}

enum h2_result h2_reader_end(struct h2_reader *x, bool ends, struct h1_error *err)
{
	struct head *h = x->head;
	enum h2_result result = H2_DONE;

	if (x->kind == H2_REQUEST)
		result = end_request(x, err);
	else if (x->status)
		return bad(err, 0, "header list too large");
	else if (x->kind == H2_RESPONSE && !x->pseudo)
		return bad(err, 0, "no :status (8.3.2)");
	if (result == H2_MALFORMED)
		return result;
	if (x->kind == H2_TRAILERS)
		return ends ? result : bad(err, 0, "trailers that do not end the message (8.1)");
	if (ends && h->content_length > 0 && x->kind == H2_REQUEST)
		return bad(err, 0, "Content-Length without a body (8.1.1)");
	h->chunked = !ends && h->content_length < 0;
	if (x->cookies > 1)
		join_cookies(h);
	return result;
}
