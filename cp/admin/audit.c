/* audit: see audit.h. Called by dispatch. */
#include "cp/admin/audit.h"

#include <inttypes.h>

#include "common/core/log.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/routes.h"
#include "cp/store/audit.h"
#include "cp/store/memory.h"

/* ---- paths without secrets ------------------------------------------------------------------------------------- */

/* Do items of this kind have a key that nobody may see? Their ids may be seen. */
static bool has_secret_key(const struct schema *kind)
{
	const struct field *key = kind ? schema_endpoint_key(kind) : NULL;
	return key && (key->flags & SECRET);
}

/* The i-th part of a line of the table: ":keyauth_credentials"; unset: there are not so many. */
static struct slice pattern_part(const struct admin_route *route, size_t i)
{
	struct slice rest = slice_cstr(route->pattern + 1), part = slice_cut(&rest, '/');

	for (; i > 0 && slice_is_set(part); i--)
		part = slice_is_set(rest) ? slice_cut(&rest, '/') : rest;
	return part;
}

/* May segment i be a secret? Of a path that is nowhere, each that could be an item's key. */
static bool is_hidden(const struct admin_call *c, size_t i)
{
	const struct admin_target *t = &c->target;

	if (is_uuid(c->request->segments[i]))
		return false;
	if (c->route) {
		struct slice part = pattern_part(c->route, i);
		return slice_eq(part, S(":key")) ||
		       (slice_starts(part, S(":")) && has_secret_key(kinds_by_name(slice_from(part, 1))));
	}
	if (!t->kind)
		return i % 2 == 1;
	return (i == 1 && has_secret_key(t->outer ? t->outer : t->kind)) || (i == 3 && has_secret_key(t->kind));
}

/* A segment as it may be stored and shown: printable ASCII. */
static void put_segment(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i];
		if (ch > 0x20 && ch < 0x7f && ch != '/' && ch != '%')
			text_putc(out, (char)ch);
		else
			text_printf(out, "%%%02X", ch);
	}
}

static struct slice shown_path(const struct admin_call *c)
{
	struct text out = {0};

	for (size_t i = 0; i < c->request->segment_count; i++) {
		text_putc(&out, '/');
		if (is_hidden(c, i))
			text_puts(&out, "***");
		else
			put_segment(&out, c->request->segments[i]);
	}
	struct slice path = arena_dup(c->arena, out.len > 0 ? text_slice(&out) : S("/"));
	text_fini(&out);
	return path;
}

/* ---- on record ------------------------------------------------------------------------------------------------- */

static const char *method_name(enum admin_method method)
{
	switch (method) {
	case ADMIN_POST: return "POST";
	case ADMIN_PUT: return "PUT";
	case ADMIN_PATCH: return "PATCH";
	case ADMIN_DELETE: return "DELETE";
	default: return NULL;
	}
}

/* What only checks is no write. */
static bool is_check(const struct admin_request *r)
{
	return r->segment_count > 0 && slice_eq(r->segments[0], S("schemas"));
}

void admin_audit_begin(struct admin_call *c)
{
	const char *method = method_name(c->request->method);

	if (!method || is_check(c->request))
		return;
	struct audit_entry *e = arena_new(c->arena, struct audit_entry);
	*e = (struct audit_entry){.request_id = c->request->id,
	        .method = slice_cstr(method),
	        .path = shown_path(c),
	        .client_ip = c->request->client_ip,
	        .admin = c->author,
	        .login = slice_cstr(c->login),
	        .admin_id = c->author_id,
	        .status = &c->response->status};
	c->audited = e;
	if (c->store)
		store_audit_expect(c->store, e);
}

void admin_audit_end(struct admin_call *c)
{
	const struct audit_entry *e = c->audited;
	struct fault f = {0};

	if (!e)
		return;
	log_info("admin write", LOG_SLICE("admin", e->admin), LOG_SLICE("client", e->client_ip),
	        LOG_SLICE("method", e->method), LOG_SLICE("path", e->path), LOG_INT("status", *e->status),
	        LOG_INT("version", c->response->version), LOG_SLICE("request", e->request_id));
	if (c->store && !store_audit_finish(c->store, &f))
		log_error("an admin request is not on record", LOG_SLICE("request", e->request_id),
		        LOG_STR("error", f.message ? f.message : "unknown"));
	fault_fini(&f);
}

/* ---- GET /audit/requests --------------------------------------------------------------------------------------- */

/* A number of seconds or a status, as text for the database. */
static bool read_number(struct admin_call *c, const char *name, struct slice *out)
{
	struct slice whole;
	int64_t ignored;

	if (!admin_query(c->request, slice_cstr(name), out) || !slice_is_set(*out)) {
		*out = (struct slice){0};
		return true;
	}
	struct slice fraction = *out;
	whole = slice_cut(&fraction, '.');
	if (whole.len <= 12 && slice_to_int(whole, &ignored) &&
	        (!slice_is_set(fraction) || (fraction.len <= 6 && slice_to_int(fraction, &ignored) && ignored >= 0)))
		return true;
	admin_fail(c, 400, "%s is '%.*s', expected a number", name, SLICE_ARG(*out));
	return false;
}

static bool read_below(struct admin_call *c, uint64_t *below)
{
	struct slice offset;
	int64_t n;

	*below = 0;
	if (!admin_query(c->request, S("offset"), &offset))
		return true;
	if (!slice_to_int(offset, &n) || n < 1) {
		admin_bad_page(c, 7, "'%.*s' is not a valid offset: expected a number", SLICE_ARG(offset));
		return false;
	}
	*below = (uint64_t)n;
	return true;
}

static void read_text(struct admin_call *c, const char *name, struct slice *out)
{
	if (!admin_query(c->request, slice_cstr(name), out))
		*out = (struct slice){0};
}

static bool read_filter(struct admin_call *c, struct audit_filter *f)
{
	read_text(c, "admin", &f->admin);
	read_text(c, "method", &f->method);
	read_text(c, "path", &f->path);
	return admin_list_size(c, false, &f->size) && read_below(c, &f->below) &&
	       read_number(c, "after", &f->after) && read_number(c, "before", &f->before) &&
	       read_number(c, "status", &f->status);
}

/* What `next` must repeat. */
static struct slice repeated(struct admin_call *c)
{
	static const char *const names[] = {"size", "admin", "method", "path", "after", "before", "status"};
	struct text out = {0};
	struct slice value;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!admin_query(c->request, slice_cstr(names[i]), &value) || !slice_is_set(value))
			continue;
		text_printf(&out, "&%s=", names[i]);
		admin_list_escape(&out, value);
	}
	struct slice kept = arena_dup(c->arena, text_slice(&out));
	text_fini(&out);
	return kept;
}

/* The number of a row is the next page's business alone. */
static int64_t take_numbers(json_t *rows)
{
	int64_t last = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		last = json_integer_value(json_object_get(row, "number"));
		json_object_del(row, "number");
	}
	return last;
}

void admin_audit_requests(struct admin_call *c)
{
	struct audit_filter f = {0};
	struct fault fault = {0};
	struct slice next = {0};
	bool more;

	if (is_without_database(c->env->settings)) {
		admin_fail(c, 404, "without a database admin requests are in the log alone");
		return;
	}
	if (!read_filter(c, &f))
		return;
	json_t *rows = store_audit_list(c->store, &f, &more, &fault);
	if (!rows) {
		admin_fault(c, &fault, NULL);
		return;
	}
	int64_t last = take_numbers(rows);
	if (more)
		next = arena_printf(c->arena, "%" PRId64, last);
	admin_list_answer(c, rows, next, repeated(c));
}
