/* certificates: a certificate is shown and written together with its SNIs, which are rows of their own
 * (entities.md 4.8, admin-api.md 7.3). Any of them addresses it in a path. And an authority cannot be removed while
 * somebody trusts it by its id, which no foreign key knows about (entities.md 4.10). */
#include "common/entity/certificate.h"
#include "common/entity/service.h"
#include "common/plugin/entity.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"
#include "cp/store/faults.h"

static struct slice text_of(const json_t *value)
{
	return slice_of(json_string_value(value), json_string_length(value));
}

/* The SNI of this name; NULL when there is none, or with the answer. */
static json_t *find_sni(struct admin_call *c, struct slice name)
{
	struct store_key by = {.field = schema_endpoint_key(&sni_schema), .value = name};
	struct fault f = {0};
	json_t *sni = store_get(c->store, &sni_schema, &by, NULL, &f);

	if (!sni && f.code)
		admin_fault(c, &f, &sni_schema);
	return sni;
}

static const char *certificate_id(const json_t *sni)
{
	return json_string_value(json_object_get(json_object_get(sni, "certificate"), "id"));
}

/* A PUT is told that there is none: it makes one. */
static json_t *find(struct admin_call *c, struct slice name)
{
	bool makes_one = c->request->method == ADMIN_PUT && c->target.shape == SHAPE_ITEM;
	json_t *sni = find_sni(c, name);

	if (!sni) {
		if (!c->response->status && !makes_one)
			admin_fail(c, 404, "SNI not found");
		return NULL;
	}
	json_t *row = admin_find(c, &certificate_schema, slice_cstr(certificate_id(sni)), NULL);
	json_decref(sni);
	return row;
}

/* The name of the path joins those of the body, when the body has any. */
static void put_key(struct admin_call *c, struct slice name)
{
	json_t *snis = json_object_get(c->input, "snis"), *sni;
	size_t i;

	if (!json_is_array(snis))
		return;
	json_array_foreach(snis, i, sni) if (slice_eq(text_of(sni), name)) return;
	json_array_append_new(snis, json_stringn(name.ptr, name.len));
}

/* ---- the names of one certificate ------------------------------------------------------------------------------ */

/* The SNI rows of a certificate; NULL with the answer. */
static json_t *snis_of(struct admin_call *c, const json_t *certificate)
{
	struct uuid id = admin_row_id(certificate);
	struct store_scope scope = {.field = schema_reference_to(&sni_schema, "certificates"), .id = &id};
	struct page page = {.size = ADMIN_PAGE_MAX};
	json_t *all = json_array();
	struct fault f = {0};

	for (bool more = true; more;) {
		json_t *rows = store_list(c->store, &sni_schema, &scope, &page, &more, &f), *row;
		size_t i;
		if (!rows) {
			admin_fault(c, &f, NULL);
			json_decref(all);
			return NULL;
		}
		json_array_foreach(rows, i, row)
		        page.after = arena_dup(c->arena, text_of(json_object_get(row, "id")));
		json_array_extend(all, rows);
		json_decref(rows);
	}
	return all;
}

static int by_name(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static json_t *sorted_names(struct arena *a, const json_t *rows)
{
	size_t n = json_array_size(rows);
	struct slice *names = arena_array(a, struct slice, n + 1);
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		names[i] = text_of(json_object_get(json_array_get(rows, i), "name"));
	if (n > 0)
		qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, json_stringn(names[i].ptr, names[i].len));
	return out;
}

static bool decorate(struct admin_call *c, json_t *rendered)
{
	json_t *rows = snis_of(c, rendered);

	if (!rows)
		return false;
	json_object_set_new(rendered, "snis", sorted_names(c->arena, rows));
	json_decref(rows);
	return true;
}

/* ---- writing them ---------------------------------------------------------------------------------------------- */

static bool check_sni(struct admin_call *c, const char *owner, struct slice name, struct violations *v)
{
	json_t *sni = find_sni(c, name);

	if (sni && strcmp(certificate_id(sni), owner) != 0)
		violations_add(v, "snis", "%.*s already associated with existing certificate '%s'", SLICE_ARG(name),
		        certificate_id(sni));
	json_decref(sni);
	return !c->response->status;
}

/* Each name once, and none that belongs to another certificate. */
static bool check(struct admin_call *c, struct store *st, const json_t *record, struct violations *v)
{
	const json_t *snis = json_object_get(c->input, "snis");
	const char *owner = json_string_value(json_object_get(record, "id"));

	for (size_t i = 0; i < json_array_size(snis) && !has_violations(v); i++) {
		struct slice name = text_of(json_array_get(snis, i));
		for (size_t k = 0; k < i; k++)
			if (slice_eq(text_of(json_array_get(snis, k)), name))
				violations_add(v, "snis", "%.*s is duplicated", SLICE_ARG(name));
		if (st && !has_violations(v) && !check_sni(c, owner, name, v))
			return false;
	}
	return true;
}

static bool is_in(const json_t *names, struct slice name)
{
	for (size_t i = 0; i < json_array_size(names); i++)
		if (slice_eq(text_of(json_array_get(names, i)), name))
			return true;
	return false;
}

/* Removes the rows whose names are not wanted, and drops from `wanted` what is there already. */
static bool keep_wanted(struct admin_call *c, const json_t *rows, json_t *wanted)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		struct slice name = text_of(json_object_get(row, "name"));
		struct uuid id = admin_row_id(row);
		if (!is_in(wanted, name) && !admin_remove(c, &sni_schema, &id))
			return false;
		for (size_t k = json_array_size(wanted); k-- > 0;)
			if (slice_eq(text_of(json_array_get(wanted, k)), name))
				json_array_remove(wanted, k);
	}
	return true;
}

static bool add_names(struct admin_call *c, const struct uuid *certificate, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		json_t *input = json_pack("{s:O}", "name", json_array_get(names, i));
		admin_set_reference(input, schema_reference_to(&sni_schema, "certificates"), certificate);
		json_t *sni = admin_insert(c, &sni_schema, input);
		json_decref(input);
		json_decref(sni);
		if (!sni)
			return false;
	}
	return true;
}

/* A PATCH without names leaves those that are there; everything else says what there is to be. */
static bool written(struct admin_call *c, enum load_op op, const json_t *record)
{
	const json_t *names = json_object_get(c->input, "snis");
	struct uuid id = admin_row_id(record);

	if (op == LOAD_UPDATE && !json_is_array(names))
		return true;
	json_t *rows = snis_of(c, record);
	json_t *wanted = json_is_array(names) ? json_copy((json_t *)names) : json_array();
	bool ok = rows && keep_wanted(c, rows, wanted) && add_names(c, &id, wanted);
	json_decref(wanted);
	json_decref(rows);
	return ok;
}

const struct admin_rules admin_certificate_rules = {.kind = "certificates",
        .missing_is_typed = true,
        .find = find,
        .put_key = put_key,
        .check = check,
        .decorate = decorate,
        .written = written};

/* ---- /snis/:n/certificate does not exist (admin-api.md 6) ------------------------------------------------------ */

const struct admin_rules admin_sni_rules = {.kind = "snis", .hides_references = true};

/* ---- authorities ----------------------------------------------------------------------------------------------- */

struct search {
	const char *id;
	const char *list; /* where the ids are: "ca_certificates", below `config` or not */
	bool in_config;
	char found[UUID_TEXT + 1];
};

static bool look_at(const json_t *row, void *arg)
{
	struct search *s = arg;
	const json_t *ids = json_object_get(s->in_config ? json_object_get(row, "config") : row, s->list);

	if (!is_in(ids, slice_cstr(s->id)))
		return true;
	struct uuid id = admin_row_id(row);
	uuid_format(&id, s->found);
	return false;
}

static bool refuse_if_trusted(struct admin_call *c, const struct schema *kind, struct search *s)
{
	struct fault f = {0};

	if (!admin_each_row(c, kind, NULL, (struct page){0}, look_at, s))
		return false;
	if (!s->found[0])
		return true;
	fault_set(&f, 19, 400, NULL, "ca certificate %s is still referenced by %s (id = %s)", s->id, kind->name,
	        s->found);
	admin_fault(c, &f, kind);
	return false;
}

/* No index knows these references: all services and plugins are read. Authorities are removed rarely. */
static bool is_untrusted(struct admin_call *c, const struct uuid *id)
{
	char text[UUID_TEXT + 1];
	struct search in_services = {.id = text, .list = "ca_certificates"};
	struct search in_plugins = {.id = text, .list = "ca_certificates", .in_config = true};

	uuid_format(id, text);
	return refuse_if_trusted(c, &service_schema, &in_services) &&
	       refuse_if_trusted(c, &plugin_schema, &in_plugins);
}

const struct admin_rules admin_ca_certificate_rules = {.kind = "ca_certificates", .removable = is_untrusted};
