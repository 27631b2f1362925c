/* faults: see faults.h. A violated constraint is recognised by its name, which sql.c made; the values come from the
 * record, not from the server's message, so they are complete and exact. */
#include "cp/store/faults.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/schema/violations.h"
#include "cp/store/sql.h"

void fault_fini(struct fault *f)
{
	free(f->message);
	json_decref(f->fields);
	*f = (struct fault){0};
}

bool fault_set(struct fault *fault, int code, int status, json_t *fields, const char *format, ...)
{
	struct text message = {0};
	va_list ap;

	va_start(ap, format);
	text_vprintf(&message, format, ap);
	va_end(ap);
	fault_fini(fault);
	*fault = (struct fault){.code = code,
	        .status = status,
	        .message = slice_strdup(text_slice(&message)),
	        .fields = fields,
	        .fields_key = "fields"};
	text_fini(&message);
	return false;
}

bool fault_invalid_id(struct fault *fault)
{
	return fault_set(fault, 1, 400, json_pack("{s:s}", "id", "expected a valid UUID"),
	        "invalid primary key: '{id=\"expected a valid UUID\"}'");
}

bool fault_primary_key(struct fault *fault, const char *id)
{
	return fault_set(
	        fault, 3, 400, json_pack("{s:s}", "id", id), "primary key violation on key '{id=\"%s\"}'", id);
}

bool fault_foreign(struct fault *fault, const struct field *f, const char *id)
{
	return fault_set(fault, 4, 400, json_pack("{s:{s:s}}", f->name, "id", id),
	        "the foreign key '{id=\"%s\"}' does not reference an existing '%s' entity.", id, f->ref);
}

bool fault_referenced(struct fault *fault, const struct schema *child, const struct schema *parent)
{
	return fault_set(fault, 4, 400, json_pack("{s:s}", "@referenced_by", child->name),
	        "an existing '%s' entity references this '%s' entity", child->name, parent->name);
}

bool fault_unique(struct fault *fault, json_t *key)
{
	struct text braced = {0};

	violations_braced(key, &braced);
	fault_set(fault, 5, 409, key, "UNIQUE violation detected on '%s'", text_cstr(&braced));
	text_fini(&braced);
	return false;
}

bool fault_missing(struct fault *fault, const char *id)
{
	return fault_set(fault, 6, 404, json_pack("{s:s}", "id", id),
	        "could not find the entity with primary key '{id=\"%s\"}'", id);
}

bool fault_invalid_unique(struct fault *fault, const struct field *f, const char *text)
{
	return fault_set(fault, 10, 400, NULL, "%s", text);
}

bool fault_unresolved(struct fault *fault, json_t *fields)
{
	struct text message = {0};

	violations_message(fields, "foreign key unresolved", "foreign keys unresolved", &message);
	fault_set(fault, 13, 400, fields, "%s", text_cstr(&message));
	text_fini(&message);
	return false;
}

bool fault_database(struct fault *fault, const struct pg_error *e)
{
	return fault_set(fault, 8, e->gone ? 503 : 500, NULL, "%s", e->text.message);
}

/* ---- from a constraint to a fault ------------------------------------------------------------------------------ */

static const char *id_in(const json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	return id ? id : "";
}

static bool put_key(json_t *key, const struct field *f, const json_t *record)
{
	json_t *value = json_object_get(record, f->name);
	if ((f->flags & ADDITION) && json_is_null(value))
		return true;
	return json_object_set_new(key, f->name, value ? json_incref(value) : json_null()) == 0;
}

static bool unique_fault(
        struct fault *fault, const struct pg_error *e, const struct schema *kind, const json_t *record)
{
	char name[SQL_NAME];
	json_t *key = json_object();

	sql_scope_name(kind, name);
	bool is_scope = strcmp(name, e->constraint) == 0;
	for_each_field(f, kind)
	{
		sql_index_name(kind, f, name);
		if (is_scope ? (f->flags & SCOPE) != 0 : (f->flags & UNIQUE) && strcmp(name, e->constraint) == 0)
			put_key(key, f, record);
	}
	if (json_object_size(key) > 0)
		return fault_unique(fault, key);
	json_decref(key);
	return fault_database(fault, e);
}

static bool foreign_fault(
        struct fault *fault, const struct pg_error *e, const struct schema *kind, const json_t *record)
{
	char name[SQL_NAME];

	for_each_field(f, kind)
	{
		if (f->type != TYPE_FOREIGN)
			continue;
		sql_fkey_name(kind, f, name);
		if (strcmp(name, e->constraint) == 0)
			return fault_foreign(fault, f, id_in(json_object_get(record, f->name)));
	}
	return fault_database(fault, e);
}

bool fault_write(struct fault *fault, const struct pg_error *e, const struct schema *kind, const json_t *record)
{
	char pkey[SQL_NAME];

	sql_pkey_name(kind, pkey);
	if (strcmp(e->sqlstate, "23505") == 0 && strcmp(e->constraint, pkey) == 0)
		return fault_primary_key(fault, id_in(record));
	if (strcmp(e->sqlstate, "23505") == 0)
		return unique_fault(fault, e, kind, record);
	if (strcmp(e->sqlstate, "23503") == 0)
		return foreign_fault(fault, e, kind, record);
	return fault_database(fault, e);
}

bool fault_read_only(struct fault *fault)
{
	fault->code = 12;
	fault->status = 405;
	return false;
}

bool fault_no_history(struct fault *fault)
{
	return fault_set(fault, 6, 404, NULL, "there is no history when not using a database");
}
