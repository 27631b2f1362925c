/* body: see body.h. The gate looks at the media type by prefix and case-sensitively, as our users' scripts rely on.
 */
#include "cp/admin/body.h"

#include <math.h>

#include "common/schema/infer.h"
#include "common/schema/load.h"
#include "cp/admin/errors.h"

enum { TTL_MAX = 100000000 };

static bool is_type(const struct admin_call *c, struct slice type)
{
	return slice_starts(c->request->content_type, type);
}

/* Are there more values than may be? Each but the first of all follows a comma or an opening bracket. */
static bool has_too_many_values(struct slice json)
{
	size_t values = 1;
	bool in_string = false;

	for (size_t i = 0; i < json.len && values <= ADMIN_BODY_VALUES_MAX; i++) {
		char c = json.ptr[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == ',' || c == '[' || c == '{'))
			values++;
	}
	return values > ADMIN_BODY_VALUES_MAX;
}

/* [] is what some clients make of an empty object. A key that is there twice is refused: which of its values is meant
 * depends on the reader, and whoever looked at the request before us may be another one (RFC 8259 4). */
static bool read_json(struct admin_call *c)
{
	struct slice body = c->request->body;
	json_error_t e;

	if (body.len > ADMIN_BODY_VALUES_MAX && has_too_many_values(body)) {
		admin_fail(c, 413, "more than %d values in one body", ADMIN_BODY_VALUES_MAX);
		return false;
	}
	json_t *json = body.len > 0 ? json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &e) : NULL;

	if (json_is_array(json) && json_array_size(json) == 0) {
		json_decref(json);
		json = json_object();
	}
	if (json_is_object(json)) {
		c->input = json;
		return true;
	}
	json_decref(json);
	admin_fail(c, 400, "Cannot parse JSON body");
	return false;
}

static struct form_arg *form_args(struct arena *a, const struct form *form)
{
	struct form_arg *args = arena_array(a, struct form_arg, form->count + 1);

	for (size_t i = 0; i < form->count; i++)
		args[i] = (struct form_arg){.name = form->fields[i].name, .value = form->fields[i].value};
	return args;
}

static bool take_form(struct admin_call *c, bool parsed, const struct form *form, struct err *e)
{
	if (parsed)
		c->input = form_tree(form_args(c->arena, form), form->count, true, e);
	c->input_is_form = true;
	if (!c->input)
		admin_fail(c, 400, "%s", e->message);
	return c->input != NULL;
}

static bool read_urlencoded(struct admin_call *c)
{
	struct form form = {0};
	struct err e;
	return take_form(c, form_parse_urlencoded(c->arena, c->request->body, &form, &e), &form, &e);
}

static bool read_multipart(struct admin_call *c)
{
	struct form form = {0};
	struct err e;
	return take_form(
	        c, form_parse_multipart(c->arena, c->request->content_type, c->request->body, &form, &e), &form, &e);
}

bool admin_body_read(struct admin_call *c)
{
	if (!slice_is_set(c->request->content_type) && c->request->body.len == 0) {
		c->input = json_object();
		return true;
	}
	if (is_type(c, S("application/json")))
		return read_json(c);
	if (is_type(c, S("application/x-www-form-urlencoded")))
		return read_urlencoded(c);
	if (is_type(c, S("multipart/form-data")))
		return read_multipart(c);
	c->response->status = 415; /* without a body */
	return false;
}

static const struct schema *sub_schema(struct admin_call *c, const struct schema *kind, const json_t *existing)
{
	return schema_subschema(kind, existing && !json_object_get(c->input, "name") ? existing : c->input);
}

static bool is_ttl(const json_t *value)
{
	double seconds = json_number_value(value);

	return !value || json_is_null(value) ||
	       (json_is_number(value) && seconds >= 0 && seconds <= TTL_MAX && floor(seconds) == seconds);
}

bool admin_body_prepare(struct admin_call *c, const struct schema *kind, const json_t *existing)
{
	if (c->input_is_form)
		form_infer(kind, sub_schema(c, kind, existing), c->input);
	c->input_is_form = false;
	if (!kind->has_ttl || is_ttl(json_object_get(c->input, "ttl")))
		return true;
	admin_bad_option(c, "ttl", "must be an integer between 0 and 100000000");
	return false;
}
