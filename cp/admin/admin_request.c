/* admin_request: see admin_request.h. Called by the server (copy) and by dispatch (parse). */
#include "cp/admin/admin_request.h"

#include <arpa/inet.h>

#include "common/crypto/digest.h"
#include "common/crypto/x509.h"
#include "common/http/uri.h"
#include "common/net/conn.h"

static enum admin_method method_of(struct slice name)
{
	static const struct {
		const char *name;
		enum admin_method method;
	} methods[] = {{"GET", ADMIN_GET}, {"HEAD", ADMIN_GET}, {"POST", ADMIN_POST}, {"PUT", ADMIN_PUT},
	        {"PATCH", ADMIN_PATCH}, {"DELETE", ADMIN_DELETE}, {"OPTIONS", ADMIN_OPTIONS}};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (slice_eq(name, slice_cstr(methods[i].name)))
			return methods[i].method;
	return ADMIN_OTHER;
}

static struct slice copy_header(struct arena *a, const struct head *h, struct slice name)
{
	const struct header *found = head_find_name(h, name);
	return found ? arena_dup(a, slice_is_set(found->value) ? found->value : S("")) : (struct slice){0};
}

/* Kong-Admin-Token is what Kong's tools send, Authorization what everybody else's do. */
static struct slice copy_token(struct arena *a, const struct head *h)
{
	struct slice token = copy_header(a, h, S("Kong-Admin-Token"));

	if (slice_is_set(token))
		return token;
	token = copy_header(a, h, S("Authorization"));
	if (!slice_ieq(slice_of(token.ptr, token.len < 7 ? token.len : 7), S("Bearer ")))
		return (struct slice){0};
	return slice_trim(slice_from(token, 7));
}

static struct slice new_id(struct arena *a)
{
	unsigned char bytes[16];
	char text[2 * sizeof bytes + 1];

	random_bytes(bytes, sizeof bytes);
	digest_hex(bytes, sizeof bytes, text);
	return arena_dup(a, slice_cstr(text));
}

static struct slice copy_address(struct arena *a, const struct sockaddr *peer)
{
	char text[INET6_ADDRSTRLEN] = "";
	int port;

	if (peer)
		conn_address_text(peer, text, sizeof text, &port);
	return arena_dup(a, slice_cstr(text));
}

void admin_request_copy(struct arena *a, const struct head *h, const struct sockaddr *peer, struct admin_request *out)
{
	*out = (struct admin_request){
	        .target = arena_dup(a, h->target),
	        .method = method_of(h->method),
	        .content_type = copy_header(a, h, S("Content-Type")),
	        .origin = copy_header(a, h, S("Origin")),
	        .cors_headers = copy_header(a, h, S("Access-Control-Request-Headers")),
	        .token = copy_token(a, h),
	        .author = copy_header(a, h, S("X-Gatehouse-Author")),
	        .message = copy_header(a, h, S("X-Gatehouse-Message")),
	        .client_ip = copy_address(a, peer),
	        .id = new_id(a),
	};
}

void admin_request_copy_names(struct arena *a, const SSL *tls, struct admin_request *out)
{
	X509 *cert = tls_peer(tls);

	if (cert)
		out->peer_name_count = x509_names(cert, a, out->peer_names, ADMIN_PEER_NAMES);
	X509_free(cert);
}

/* False for an empty segment or too many of them. The slash that ends a path does not count. */
static bool split_path(struct arena *a, struct admin_request *r)
{
	struct slice path = r->path;

	if (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	r->path = path.len > 0 ? path : S("/");
	for (struct slice rest = slice_from(path, 1); path.len > 0 && slice_is_set(rest);) {
		struct slice segment = slice_cut(&rest, '/');
		if (segment.len == 0 || r->segment_count == ADMIN_SEGMENTS)
			return false;
		r->segments[r->segment_count++] = uri_decode(a, segment, false);
	}
	return true;
}

bool admin_request_is_document(const struct head *h)
{
	struct slice target = h->target, path = slice_cut(&target, '?');

	return slice_eq(h->method, S("POST")) && (slice_eq(path, S("/config")) || slice_eq(path, S("/config/")));
}

enum admin_parsed admin_request_parse(struct arena *a, struct admin_request *r)
{
	struct uri uri;
	struct err e;

	if (!uri_split(r->target, &uri))
		return ADMIN_NO_PATH;
	r->path = uri.path;
	if (!split_path(a, r))
		return ADMIN_NO_PATH;
	if (slice_is_set(uri.query) && !form_parse_urlencoded(a, uri.query, &r->query, &e))
		return ADMIN_TOO_MANY_ARGS;
	return ADMIN_PARSED;
}

bool admin_query(const struct admin_request *r, struct slice name, struct slice *value)
{
	for (size_t i = 0; i < r->query.count; i++) {
		if (!slice_eq(r->query.fields[i].name, name))
			continue;
		*value = r->query.fields[i].value;
		return true;
	}
	return false;
}

struct slice admin_target_shape(struct arena *a, struct slice target)
{
	struct slice path = slice_cut(&target, '?'), out = S("");
	bool is_item = false;

	slice_cut(&path, '/');
	while (slice_is_set(path)) {
		struct slice segment = slice_cut(&path, '/');
		out = arena_printf(a, "%.*s/%.*s", SLICE_ARG(out), SLICE_ARG(is_item ? S("_") : segment));
		is_item = !is_item;
	}
	return out;
}
