/* warn: see warn.h. */
#include "cp/admin/warn.h"

#include "common/core/clock.h"
#include "common/model/diff.h"
#include "common/model/warnings.h"

enum { LISTED_MAX = 100 };

static void add_to_header(const struct record *r, const char *text, void *arg)
{
	struct admin_call *c = arg;
	struct slice before = c->response->warning;

	c->response->warning = slice_is_set(before) ? arena_printf(c->arena, "%.*s; %s", SLICE_ARG(before), text)
	                                            : arena_printf(c->arena, "%s", text);
}

void admin_warn(struct admin_call *c, const struct schema *kind, const json_t *record)
{
	struct err e;
	struct record *r = warnings_has_kind(kind) ? record_new(kind, record, 0, &e) : NULL;

	c->response->warning = (struct slice){0}; /* of an attempt that was repeated */
	if (!r)
		return;
	warnings_of_record(r, clock_wall_s(), add_to_header, c);
	record_unref(r);
}

struct listing {
	json_t *list;
	json_int_t left_off;
};

static void add_to_list(const struct record *r, const char *text, void *arg)
{
	struct listing *l = arg;
	char id[UUID_TEXT + 1];

	if (json_array_size(l->list) == LISTED_MAX) {
		l->left_off++;
		return;
	}
	json_t *json = record_json(r);
	uuid_format(&r->id, id);
	json_array_append_new(l->list, json_pack("{s:s, s:s, s:s?, s:s}", "kind", r->kind->name, "id", id, "name",
	                                       diff_name(r->kind, json), "message", text));
	json_decref(json);
}

void admin_warn_of_document(const struct document *d, json_t *answer)
{
	struct listing l = {.list = json_array()};

	warnings_of_document(d, clock_wall_s(), add_to_list, &l);
	json_object_set_new(answer, "warnings", l.list);
	json_object_set_new(answer, "warnings_left_off", json_integer(l.left_off));
}
