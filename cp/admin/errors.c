/* errors: see errors.h. Texts of faults come complete from the store and from common/schema. */
#include "cp/admin/errors.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/utf8.h"
#include "cp/store/faults.h"

static const char *const names[] = {
        [1] = "invalid primary key",
        [2] = "schema violation",
        [3] = "primary key violation",
        [4] = "foreign key violation",
        [5] = "unique constraint violation",
        [6] = "not found",
        [7] = "invalid offset",
        [8] = "database error",
        [9] = "invalid size",
        [11] = "invalid options",
        [12] = "operation unsupported",
        [13] = "foreign keys unresolved",
        [14] = "invalid declarative configuration",
        [15] = "transformation error",
        [16] = "invalid foreign key",
        [17] = "invalid workspace",
        [18] = "invalid global query",
        [19] = "referenced by others",
};

const char *admin_code_name(int code)
{
	return code > 0 && code <= ADMIN_CODE_MAX ? names[code] : NULL;
}

static void answer(struct admin_call *c, int status, json_t *json)
{
	json_decref(c->response->json);
	*c->response = (struct admin_response){.status = status, .json = json};
}

/* What is no UTF-8 stands as the replacement character. */
static json_t *json_text(struct slice s)
{
	struct text t = {0};

	for (ptrdiff_t bad; (bad = utf8_invalid_at(s)) >= 0; s = slice_from(s, (size_t)bad + 1)) {
		text_put(&t, slice_of(s.ptr, (size_t)bad));
		text_puts(&t, "\xef\xbf\xbd");
	}
	text_put(&t, s);
	json_t *out = json_stringn(text_cstr(&t), t.len);
	text_fini(&t);
	return out;
}

void admin_fail(struct admin_call *c, int status, const char *format, ...)
{
	struct text message = {0};
	va_list ap;

	va_start(ap, format);
	text_vprintf(&message, format, ap);
	va_end(ap);
	answer(c, status, json_pack("{s:o}", "message", json_text(text_slice(&message))));
	text_fini(&message);
}

void admin_not_found(struct admin_call *c)
{
	admin_fail(c, 404, "Not found");
}

void admin_not_allowed(struct admin_call *c)
{
	admin_fail(c, 405, "Method not allowed");
}

static json_t *name_of(int code, const struct schema *kind)
{
	const struct field *key = code == 10 && kind ? schema_endpoint_key(kind) : NULL;

	if (key)
		return json_sprintf("invalid unique %s", key->name);
	if (code == 10)
		return json_string("invalid unique tag"); /* the one thing found by a value that is no kind's key */
	return json_string(code > 0 && (size_t)code < sizeof names / sizeof names[0] ? names[code] : "error");
}

/* What went wrong inside is for the log; but that the database is away is for whoever asked to know. */
static void answer_internal(struct admin_call *c, const struct fault *f)
{
	log_error("admin request failed", LOG_SLICE("target", admin_target_shape(c->arena, c->request->target)),
	        LOG_INT("status", f->status), LOG_STR("error", f->message ? f->message : "unknown"));
	if (f->status == 503 && f->message)
		admin_fail(c, 503, "%s", f->message);
	else
		admin_fail(c, 500, "An unexpected error occurred");
}

/* Code 12 comes without words, because only the request tells which write it was. */
static void describe_refusal(struct admin_call *c, struct fault *f, const struct schema *kind)
{
	enum admin_method method = c->request->method;
	const struct field *key = method == ADMIN_POST || is_uuid(c->target.key) || !slice_is_set(c->target.key)
	                                  ? NULL
	                                  : schema_endpoint_key(kind);
	const char *verb = method == ADMIN_POST    ? "create"
	                   : method == ADMIN_PUT   ? "create or update"
	                   : method == ADMIN_PATCH ? "update"
	                                           : "remove";

	fault_set(f, 12, 405, NULL, "cannot %s '%s' entities %s%s%swhen not using a database", verb, kind->name,
	        key ? "by '" : "", key ? key->name : "", key ? "' " : "");
}

void admin_fault(struct admin_call *c, struct fault *f, const struct schema *kind)
{
	if (f->code == 12 && !f->message && kind)
		describe_refusal(c, f, kind);
	if (f->status >= 500 || f->code == 0) {
		answer_internal(c, f);
		fault_fini(f);
		return;
	}
	json_t *body = json_pack("{s:i, s:o, s:o}", "code", f->code, "name", name_of(f->code, kind), "message",
	        f->message ? json_text(slice_cstr(f->message)) : json_null());
	if (f->fields)
		json_object_set(body, f->fields_key ? f->fields_key : "fields", f->fields);
	answer(c, f->status, body);
	fault_fini(f);
}

void admin_violations(struct admin_call *c, struct violations *v)
{
	struct text message = {0};
	struct fault f = {0};

	violations_message(v->fields, "schema violation", "schema violations", &message);
	fault_set(&f, 2, 400, json_incref(v->fields), "%s", text_cstr(&message));
	admin_fault(c, &f, NULL);
	text_fini(&message);
	violations_fini(v);
}

void admin_missing(struct admin_call *c, const struct schema *kind, struct slice key)
{
	struct fault f = {0};
	struct text braced = {0};
	const struct field *field = is_uuid(key) ? NULL : schema_endpoint_key(kind);
	json_t *fields = json_object();

	json_object_set_new(fields, field ? field->name : "id", json_text(key));
	violations_braced(fields, &braced);
	fault_set(&f, 6, 404, fields, "could not find the entity with %s'%s'", field ? "" : "primary key ",
	        text_cstr(&braced));
	admin_fault(c, &f, kind);
	text_fini(&braced);
}

void admin_bad_option(struct admin_call *c, const char *option, const char *text)
{
	struct fault f = {0};

	fault_set(&f, 11, 400, json_pack("{s:s}", option, text), "invalid option (%s: %s)", option, text);
	f.fields_key = "options";
	admin_fault(c, &f, NULL);
}

void admin_bad_page(struct admin_call *c, int code, const char *format, ...)
{
	struct fault f = {0};
	struct text message = {0};
	va_list ap;

	va_start(ap, format);
	text_vprintf(&message, format, ap);
	va_end(ap);
	fault_set(&f, code, 400, NULL, "%s", text_cstr(&message));
	admin_fault(c, &f, NULL);
	text_fini(&message);
}
