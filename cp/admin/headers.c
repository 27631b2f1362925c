/* headers: see headers.h. Called on the loop's thread. */
#include "cp/admin/headers.h"

#include <inttypes.h>

#include "common/core/release.h"

/* Is name one of the comma-separated items of the `headers` setting? */
static bool is_listed(struct slice list, struct slice name)
{
	while (slice_is_set(list))
		if (slice_ieq(slice_trim(slice_cut(&list, ',')), name))
			return true;
	return false;
}

struct slice admin_allow(struct arena *a, unsigned methods)
{
	static const struct {
		unsigned method;
		const char *name;
	} names[] = {{ADMIN_DELETE, "DELETE"}, {ADMIN_GET, "GET"}, {ADMIN_GET, "HEAD"}, {ADMIN_OPTIONS, "OPTIONS"},
	        {ADMIN_PATCH, "PATCH"}, {ADMIN_POST, "POST"}, {ADMIN_PUT, "PUT"}};
	struct slice out = {0};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (methods & names[i].method)
			out = arena_printf(a, "%.*s%s%s", SLICE_ARG(out), out.len > 0 ? ", " : "", names[i].name);
	return out;
}

/* "https://gui.example:8445/manager" -> "https://gui.example:8445" */
static struct slice origin_of(struct slice url)
{
	const char *authority = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;
	size_t from = authority ? (size_t)(authority - url.ptr) + 3 : url.len;
	ptrdiff_t path = slice_find(slice_from(url, from), '/');

	return path < 0 ? url : slice_of(url.ptr, from + (size_t)path);
}

bool admin_is_gui(const struct settings *s, struct slice origin)
{
	for (struct slice rest = s->admin_gui_url; slice_is_set(rest);)
		if (slice_ieq(origin_of(slice_trim(slice_cut(&rest, ','))), origin))
			return true;
	return false;
}

/* Where pages may come from: the one that asks when it may, else the first of those that may (admin-api.md 1). */
static struct slice allowed_origin(const struct settings *s, struct slice origin)
{
	struct slice first = s->admin_gui_url;

	if (first.len == 0)
		return origin.len > 0 ? origin : S("*");
	return admin_is_gui(s, origin) ? origin : origin_of(slice_trim(slice_cut(&first, ',')));
}

static void add_cors(struct head *h, struct arena *a, const struct settings *s, const struct admin_request *request,
        const struct admin_response *response)
{
	head_add(h, S("Access-Control-Allow-Origin"), allowed_origin(s, request->origin));
	/* with a login, not every page may use what a browser knows of it */
	if (!s->admin_auth || s->admin_gui_url.len > 0)
		head_add(h, S("Access-Control-Allow-Credentials"), S("true"));
	if (!response->allow)
		return;
	struct slice allow = admin_allow(a, response->allow);
	head_add(h, S("Allow"), allow);
	if (response->status == 405)
		return;
	head_add(h, S("Access-Control-Allow-Methods"), allow);
	head_add(h, S("Access-Control-Allow-Headers"),
	        request->cors_headers.len > 0 ? request->cors_headers : S("Content-Type"));
}

static void add_identity(struct head *h, struct arena *a, const struct settings *s, uint64_t started_ns)
{
	if (is_listed(s->headers, S("server_tokens")))
		head_add(h, S("Server"),
		        s->server_token.len > 0 ? s->server_token : S("gatehouse/" GATEHOUSE_RELEASE));
	if (is_listed(s->headers, S("latency_tokens")))
		head_add(h, S("X-Kong-Admin-Latency"),
		        arena_printf(a, "%" PRIu64, (clock_mono_ns() - started_ns) / 1000000));
}

/* What the audit log calls the request. */
static void add_id(struct head *h, const struct admin_request *request)
{
	if (slice_is_set(request->id))
		head_add(h, S("X-Kong-Admin-Request-ID"), request->id);
}

static void add_login(struct head *h, struct arena *a, const struct admin_response *response)
{
	if (response->wants_login)
		head_add(h, S("WWW-Authenticate"), S("Bearer realm=\"gatehouse\""));
	if (response->retry_after_s)
		head_add(h, S("Retry-After"), arena_printf(a, "%u", response->retry_after_s));
}

static void add_version(struct head *h, struct arena *a, const struct admin_response *response)
{
	if (!response->is_write)
		return;
	head_add(h, S("X-Gatehouse-Config-Version"), arena_printf(a, "%" PRIu64, response->version));
	head_add(h, S("X-Gatehouse-Applied"), arena_printf(a, "%u/%u", response->applied, response->connected));
}

void admin_headers(struct head *h, struct arena *a, const struct settings *s, const struct admin_request *request,
        const struct admin_response *response, size_t body_len, uint64_t started_ns)
{
	h->status = response->status;
	h->content_length = response->status == 204 ? -1 : (int64_t)body_len;
	add_identity(h, a, s, started_ns);
	add_cors(h, a, s, request, response);
	add_id(h, request);
	add_login(h, a, response);
	add_version(h, a, response);
	if (slice_is_set(response->warning))
		head_add(h, S("X-Gatehouse-Warning"), response->warning);
	if (slice_is_set(response->hint))
		head_add(h, S("X-Gatehouse-Hint"), response->hint);
	if (response->json)
		head_add(h, S("Content-Type"), S("application/json; charset=utf-8"));
	else if (slice_is_set(response->type))
		head_add(h, S("Content-Type"), response->type);
}
