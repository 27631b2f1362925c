/* hint: see hint.h. Called by dispatch. */
#include "cp/admin/hint.h"

#include "common/core/nearest.h"
#include "common/model/kinds.h"
#include "common/plugin/registry.h"
#include "cp/admin/routes.h"

enum { LISTED_MAX = 300, NAME_MAX_LEN = 64 }; /* bytes of a list of names; of a name that is repeated */

/* May it stand in a header as it is? */
static bool is_plain(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_LEN &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == n;
}

/* ---- fields that are not there --------------------------------------------------------------------------------- */

struct unknown {
	const struct schema *in;
	const char *name;
};

/* What the field's value is made of; NULL: nothing with fields. */
static const struct schema *below(const struct schema *s, const struct field *f, const json_t *input)
{
	const char *at;
	struct err ignored;

	if (f->record)
		return f->record;
	if (f->elements && f->elements->record)
		return f->elements->record;
	return s->subschema && f->type == TYPE_RECORD ? s->subschema(input, &at, &ignored) : NULL;
}

/* The first field that its schema lacks, in a tree of faults. */
static bool find_unknown(const struct schema *s, const json_t *faults, const json_t *input, struct unknown *out)
{
	const char *name, *text;
	json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault) if (find_unknown(s, fault, input, out)) return true;
	json_object_foreach((json_t *)faults, name, fault)
	{
		const struct field *f = schema_field(s, slice_cstr(name));
		const struct schema *inner = f && !json_is_string(fault) ? below(s, f, input) : NULL;
		if (inner && find_unknown(inner, fault, input, out))
			return true;
		if (f || !(text = json_string_value(fault)) || strcmp(text, "unknown field") != 0)
			continue;
		*out = (struct unknown){s, name};
		return true;
	}
	return false;
}

static bool is_offered(const struct field *f)
{
	return field_exists(f) && !(f->flags & HIDDEN);
}

static const char *nearest_field(const struct unknown *u)
{
	struct nearest n;

	nearest_begin(&n, slice_cstr(u->name));
	for_each_field(f, u->in) if (is_offered(f)) nearest_offer(&n, f->name);
	for (const struct shorthand *sh = u->in->shorthands; sh && sh->name; sh++)
		nearest_offer(&n, sh->name);
	return n.best;
}

static void list_fields(const struct schema *s, struct text *out)
{
	size_t from = out->len;

	for_each_field(f, s)
	{
		if (!is_offered(f))
			continue;
		if (out->len - from > LISTED_MAX) {
			text_puts(out, ", ...");
			return;
		}
		text_printf(out, "%s%s", out->len > from ? ", " : "", f->name);
	}
}

static bool say_unknown(const struct admin_call *c, const json_t *faults, struct text *out)
{
	struct unknown u;

	if (!c->target.kind || !find_unknown(c->target.kind, faults, c->input, &u) || !is_plain(u.name))
		return false;
	const char *meant = nearest_field(&u);
	text_printf(out, "%s has no field '%s'", u.in->name, u.name);
	if (meant) {
		text_printf(out, "; did you mean '%s'?", meant);
	} else {
		text_puts(out, "; it has ");
		list_fields(u.in, out);
	}
	return true;
}

static bool say_plugin(const struct admin_call *c, const json_t *faults, struct text *out)
{
	const char *name = json_string_value(json_object_get(c->input, "name"));
	struct nearest n;

	if (!name || !is_plain(name) || !json_is_string(json_object_get(faults, "name")) ||
	        registry_find(slice_cstr(name)))
		return false;
	nearest_begin(&n, slice_cstr(name));
	for (size_t i = 0; i < registry_count(); i++)
		nearest_offer(&n, registry_at(i)->name);
	if (n.best)
		text_printf(out, "did you mean '%s'? ", n.best);
	text_puts(out, "GET /plugins/enabled lists the plugins that there are");
	return true;
}

/* ---- other entities -------------------------------------------------------------------------------------------- */

static void say_referenced(const struct admin_call *c, const struct schema *child, struct text *out)
{
	const struct admin_target *t = &c->target;
	char key[NAME_MAX_LEN + 1] = "";

	if (t->key.len > 0 && t->key.len <= NAME_MAX_LEN)
		memcpy(key, t->key.ptr, t->key.len);
	text_printf(out, "remove those %s first, or change what they refer to", child->name);
	if (t->shape == SHAPE_ITEM && is_plain(key) && schema_reference_to(child, t->kind->name))
		text_printf(out, ": GET /%s/%s/%s", t->kind->path, key, admin_nested_name(child));
}

/* A reference that leads nowhere, or one that stands in the way. */
static bool say_reference(const struct admin_call *c, const json_t *faults, struct text *out)
{
	const char *by = json_string_value(json_object_get(faults, "@referenced_by"));
	const struct schema *child = by ? kinds_by_name(slice_cstr(by)) : NULL;

	if (child) {
		say_referenced(c, child, out);
		return true;
	}
	for_each_field(f, c->target.kind)
	{
		const struct schema *to = f->ref ? kinds_by_name(slice_cstr(f->ref)) : NULL;
		if (!to || !to->path || !json_object_get(faults, f->name))
			continue;
		text_printf(out, "GET /%s lists the %s that there are", to->path, to->name);
		return true;
	}
	return false;
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

static struct slice first_part(const char *pattern)
{
	struct slice rest = slice_cstr(pattern + 1);

	return slice_cut(&rest, '/');
}

static void say_path(const struct admin_call *c, struct text *out)
{
	const struct admin_request *r = c->request;
	struct nearest n;

	if (r->segment_count == 0)
		return;
	nearest_begin(&n, r->segments[0]);
	for (size_t i = 0; i < kinds_count(); i++)
		if (kinds_at(i)->path)
			nearest_offer(&n, kinds_at(i)->path);
	for (size_t i = 0; i < admin_routes_count(); i++) {
		struct slice part = first_part(admin_routes_at(i)->pattern);
		if (part.len > 0)
			nearest_offer(&n, arena_cstr(c->arena, part));
	}
	if (n.best && n.distance > 0)
		text_printf(out, "did you mean /%s? ", n.best);
	text_puts(out, "GET /endpoints lists all paths");
}

/* ---- all ------------------------------------------------------------------------------------------------------- */

static void say_of_code(const struct admin_call *c, json_int_t code, const json_t *faults, struct text *out)
{
	switch (code) {
	case 2:
		if (c->target.kind && !say_unknown(c, faults, out) && c->target.kind->subschema)
			say_plugin(c, faults, out);
		break;
	case 4:
	case 13:
		if (c->target.kind)
			say_reference(c, faults, out);
		break;
	case 5: text_puts(out, "PUT or PATCH change the one that is there"); break;
	case 12:
		text_puts(out, "this node has no database: POST a whole configuration to /config, or change the file "
		               "that declarative_config names");
		break;
	case 14: text_puts(out, "gatectl config parse FILE names the line of every fault"); break;
	default: break;
	}
}

void admin_hint(struct admin_call *c)
{
	struct admin_response *r = c->response;
	json_int_t code = json_integer_value(json_object_get(r->json, "code"));
	struct text out = {0};

	if (r->status == 415)
		text_puts(&out, "send Content-Type: application/json, application/x-www-form-urlencoded or "
		                "multipart/form-data");
	else if (r->status == 404 && !c->route && !c->target.kind)
		say_path(c, &out);
	else if (r->status >= 400)
		say_of_code(c, code, json_object_get(r->json, "fields"), &out);
	if (out.len > 0)
		r->hint = arena_dup(c->arena, text_slice(&out));
	text_fini(&out);
}
