/* config: see config.h. */
#include "cp/admin/config.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/model/diff.h"
#include "common/schema/load.h"
#include "cp/admin/body.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/warn.h"
#include "cp/store/apply.h"
#include "cp/store/faults.h"
#include "cp/store/memory.h"

enum { CHANGES_MAX = 1000 }; /* listed in an answer unless ?changes=N asks for another number */
enum { LARGE_BYTES = 10 * 1024 * 1024 };

static const char no_database_only[] =
        "this endpoint is only available when Kong is configured to not use a database";

/* ---- the request ----------------------------------------------------------------------------------------------- */

struct upload {
	struct slice text; /* unset: json */
	json_t *json;      /* borrowed from c->input; NULL: text */
	bool check_hash, flatten_errors, dry_run;
	bool expand;
	struct err why; /* the document cannot be read */
};

static bool is_truthy(struct slice s)
{
	return slice_eq(s, S("1")) || slice_ieq(s, S("true")) || slice_ieq(s, S("on")) || slice_ieq(s, S("yes"));
}

/* An option of the query or, where the document is a member of it, of the body. */
static struct slice option(const struct admin_call *c, const char *name)
{
	const json_t *value = json_object_get(c->input, name);
	struct slice s = {0};

	if (admin_query(c->request, slice_cstr(name), &s))
		return slice_is_set(s) ? s : S("");
	if (json_is_true(value) || (json_is_integer(value) && json_integer_value(value) == 1))
		return S("1");
	return slice_of(json_string_value(value), json_string_length(value));
}

static bool is_yaml(const struct admin_call *c)
{
	return slice_starts(c->request->content_type, S("application/yaml")) ||
	       slice_starts(c->request->content_type, S("text/yaml"));
}

/* False: the answer is ready. */
static bool read_upload(struct admin_call *c, struct upload *u)
{
	if (is_yaml(c))
		u->text = slice_is_set(c->request->body) ? c->request->body : S("");
	else if (!admin_body_read(c))
		return false;
	const json_t *config = json_object_get(c->input, "config");
	if (json_is_string(config))
		u->text = slice_of(json_string_value(config), json_string_length(config));
	else if (!is_yaml(c) && json_object_size(c->input) > 0 && !c->input_is_form)
		u->json = c->input;
	u->check_hash = slice_eq(option(c, "check_hash"), S("1"));
	u->flatten_errors = is_truthy(option(c, "flatten_errors"));
	u->dry_run = is_truthy(option(c, "dry_run"));
	u->expand = slice_eq(c->env->settings->declarative_config_env, S("all"));
	if (u->json || slice_is_set(u->text))
		return true;
	admin_fail(c, 400, "%s",
	        is_without_database(c->env->settings) ? "expected a declarative configuration" : no_database_only);
	return false;
}

static struct document *read_document(struct document_base *base, void *arg)
{
	struct upload *u = arg;
	struct document_options options = {.expand = u->expand, .now_ms = clock_wall_ms(), .base = base};

	if (!u->json)
		return document_read(u->text, &options, &u->why);
	json_t *root = json_deep_copy(u->json); /* it may be read twice, and is changed by reading */
	json_object_del(root, "check_hash");
	json_object_del(root, "flatten_errors");
	json_object_del(root, "dry_run");
	return document_of_json(root, &options, &u->why);
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

static void answer_invalid(struct admin_call *c, json_t *fields, json_t *flattened)
{
	struct text message = {0};
	struct fault f = {0};

	document_fault_message(fields, &message);
	fault_set(&f, 14, 400, fields, "%s", text_cstr(&message));
	admin_fault(c, &f, NULL);
	if (flattened)
		json_object_set_new(c->response->json, "flattened_errors", flattened);
	text_fini(&message);
}

/* d NULL: it could not be read. True: the document is fine. */
static bool check_faults(struct admin_call *c, const struct upload *u, const struct document *d)
{
	json_t *rest;

	if (d && !document_has_faults(d))
		return true;
	if (!d) {
		answer_invalid(c,
		        json_pack("{s:o}", "error",
		                json_sprintf("failed parsing declarative configuration: %s", u->why.message)),
		        u->flatten_errors ? json_array() : NULL);
	} else if (u->flatten_errors) {
		json_t *list = document_fault_list(d, &rest);
		answer_invalid(c, rest, list);
	} else {
		answer_invalid(c, document_fault_tree(d), NULL);
	}
	return false;
}

/* ---- in memory ------------------------------------------------------------------------------------------------- */

static json_t *entities_of(const struct document *d)
{
	json_t *out = json_object();

	for (size_t n = 0; n < document_count(d); n++) {
		const struct document_item *i = document_at(d, n);
		json_t *of_kind = json_object_get(out, i->kind->name);
		json_t *row = json_loadb(i->raw.ptr, i->raw.len, 0, NULL);
		char id[UUID_TEXT + 1];
		uuid_format(&i->record->id, id);
		if (!of_kind) {
			of_kind = json_object();
			json_object_set_new(out, i->kind->name, of_kind);
		}
		json_object_set_new(of_kind, id, schema_render(i->kind, row, true));
		json_decref(row);
	}
	return out;
}

static bool is_active(const struct document *d)
{
	char now[MD5_HEX + 1], then[MD5_HEX + 1];

	memory_hash(then);
	document_hash(d, now);
	return strcmp(now, then) == 0;
}

static void keep(struct admin_call *c, const struct upload *u, struct document *d)
{
	char *dump = u->json ? json_dumps(u->json, JSON_COMPACT) : NULL;

	c->response->status = 201;
	c->response->json = entities_of(d);
	memory_replace(c->env->settings, d, dump ? slice_cstr(dump) : u->text, &c->response->version);
	c->response->is_write = true;
	free(dump);
}

/* One after the other, so that versions follow the answers. */
static void post_to_memory(struct admin_call *c, struct upload *u)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&one_at_a_time);
	struct document *d = read_document(NULL, u);
	if (!check_faults(c, u, d)) {
		document_free(d);
	} else if (u->check_hash && is_active(d)) {
		c->response->status = 304;
		document_free(d);
	} else {
		keep(c, u, d);
	}
	pthread_mutex_unlock(&one_at_a_time);
}

/* ---- on a database --------------------------------------------------------------------------------------------- */

struct listing {
	json_t *changes;
	struct slice salt;
	size_t max, left_off;
};

static void list_change(enum apply_op op, const struct schema *kind, const struct uuid *id, struct slice from,
        struct slice to, void *arg)
{
	static const char *const words[] = {"created", "updated", "deleted"};
	struct listing *l = arg;
	char text[UUID_TEXT + 1];

	if (json_array_size(l->changes) == l->max) {
		l->left_off++;
		return;
	}
	json_t *was = slice_is_set(from) ? json_loadb(from.ptr, from.len, 0, NULL) : NULL;
	json_t *now = slice_is_set(to) ? json_loadb(to.ptr, to.len, 0, NULL) : NULL;
	uuid_format(id, text);
	json_array_append_new(l->changes, json_pack("{s:s, s:s, s:s?, s:s, s:o}", "kind", kind->name, "id", text,
	                                          "name", diff_name(kind, now ? now : was), "change", words[op],
	                                          "fields", diff_fields(kind, was, now, l->salt)));
	json_decref(was);
	json_decref(now);
}

static size_t changes_wanted(const struct admin_call *c)
{
	struct slice s;
	int64_t n;

	return admin_query(c->request, S("changes"), &s) && slice_to_int(s, &n) && n >= 0 ? (size_t)n : CHANGES_MAX;
}

static json_t *outcome_of(struct admin_call *c, const struct apply_result *r, bool dry_run)
{
	struct text epoch = {0};
	struct err e;
	uint64_t version;

	store_position(c->store, &epoch, &version, &e);
	struct listing l = {.changes = json_array(), .salt = text_slice(&epoch), .max = changes_wanted(c)};
	apply_each_change(r, false, list_change, &l);
	json_t *out = json_pack("{s:o, s:b, s:i, s:i, s:i, s:i, s:o, s:I}", "version",
	        r->version ? json_integer((json_int_t)r->version) : json_null(), "dry_run", (int)dry_run, "created",
	        (int)r->counts[APPLY_CREATE], "updated", (int)r->counts[APPLY_UPDATE], "deleted",
	        (int)r->counts[APPLY_DELETE], "unchanged", (int)r->unchanged, "changes", l.changes,
	        "changes_left_off", (json_int_t)l.left_off);
	text_fini(&epoch);
	return out;
}

static void post_to_database(struct admin_call *c, struct upload *u)
{
	struct apply_request request = {.read = read_document, .arg = u, .dry_run = u->dry_run};
	struct apply_result result;
	struct fault f = {0};

	if (!store_apply(c->store, &request, &result, &f)) {
		admin_fault(c, &f, NULL);
	} else if (check_faults(c, u, result.document)) {
		c->response->status = result.version ? 201 : 200;
		c->response->json = outcome_of(c, &result, u->dry_run);
		admin_warn_of_document(result.document, c->response->json);
		c->response->is_write = !u->dry_run;
		c->response->version = result.version;
	}
	apply_result_fini(&result);
}

static void post(struct admin_call *c)
{
	struct upload u = {0};
	bool in_memory = is_without_database(c->env->settings);

	if (!read_upload(c, &u))
		return;
	if (in_memory && !u.dry_run)
		post_to_memory(c, &u);
	else
		post_to_database(c, &u); /* a dry run compares with whatever is there */
}

/* ---- export ---------------------------------------------------------------------------------------------------- */

static bool add_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	return document_writer_add(arg, kind, json, e);
}

static void export(struct admin_call *c)
{
	struct document_writer *w = document_writer_new();
	struct text out = {0};
	struct err e;
	uint64_t version;

	bool ok = store_snapshot(c->store, &version, add_row, w, &e);
	document_writer_finish(w, &out);
	if (ok) {
		c->response->status = 200;
		c->response->json = json_pack("{s:o}", "config", json_stringn(out.ptr, out.len));
	} else {
		admin_fail(c, 503, "%s", e.message);
	}
	text_fini(&out);
}

static void answer(struct admin_call *c)
{
	struct slice asked;

	if (c->request->method == ADMIN_POST)
		post(c);
	else if (is_without_database(c->env->settings) || admin_query(c->request, S("export"), &asked))
		export(c);
	else
		admin_fail(c, 400, "%s", no_database_only);
}

/* A document takes many times its size while it is read and compared, so large ones come one after the other. */
static void answer_large(struct admin_call *c)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&one_at_a_time);
	answer(c);
	pthread_mutex_unlock(&one_at_a_time);
}

/* A whole configuration in all its stages is large, and then gone for a long time. */
void admin_config(struct admin_call *c)
{
	if (c->request->body.len > LARGE_BYTES)
		answer_large(c);
	else
		answer(c);
	malloc_trim(0);
}
