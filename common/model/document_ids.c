/* document_ids: ids that follow from what an entity is called (declarative-config.md 3), so that a file that is
 * loaded again means the same entities. */
#include "common/model/document_private.h"

/* fd02801f-0957-4a15-a55a-c8d9606f30b5 */
static const struct uuid root = {
        {0xfd, 0x02, 0x80, 0x1f, 0x09, 0x57, 0x4a, 0x15, 0xa5, 0x5a, 0xc8, 0xd9, 0x60, 0x6f, 0x30, 0xb5}};

/* Kinds whose id comes from several fields, or from one with the kind's name before it. All others: from the endpoint
 * key, unless that is made up when it is missing. */
static const struct {
	const char *kind;
	const char *const *fields;
} composite[] = {
        {"plugins", FIELDS("name", "route", "service", "consumer")},
        {"targets", FIELDS("upstream", "target")},
        {"acls", FIELDS("consumer", "group")},
        {"basicauth_credentials", FIELDS("username")},
        {"hmacauth_credentials", FIELDS("username")},
        {"vaults", FIELDS("prefix")},
        {"keys", FIELDS("kid", "set")},
        {"filter_chains", FIELDS("route", "service")},
};

static const char *const *composite_of(const struct schema *kind)
{
	for (size_t i = 0; i < sizeof composite / sizeof composite[0]; i++)
		if (strcmp(composite[i].kind, kind->name) == 0)
			return composite[i].fields;
	return NULL;
}

/* Strings as they are written; a reference by its id or name, one that nesting implies by the parent's id. */
static bool put_part(struct text *key, const struct item *i, const struct field *f)
{
	const json_t *value = json_object_get(i->input, f->name);

	if (f->type == TYPE_FOREIGN && i->via == f) {
		text_puts(key, i->parent->id_text);
		return true;
	}
	if (f->type == TYPE_FOREIGN && json_is_object(value))
		value = json_object_get(value, "id");
	if (json_is_string(value)) {
		text_put(key, slice_of(json_string_value(value), json_string_length(value)));
		return true;
	}
	return !(f->flags & (REQUIRED | AUTO));
}

static bool composite_key(struct text *key, const struct item *i, const char *const *fields)
{
	text_printf(key, "%s:*", i->out.kind->name);
	for (; *fields; fields++) {
		const struct field *f = schema_field(i->out.kind, slice_cstr(*fields));
		text_putc(key, ':');
		if (!f || !put_part(key, i, f))
			return false;
	}
	return true;
}

static bool endpoint_key(struct text *key, const struct item *i)
{
	const struct field *f = schema_endpoint_key(i->out.kind);
	const json_t *value = f && !(f->flags & AUTO) ? json_object_get(i->input, f->name) : NULL;

	if (!json_is_string(value))
		return false;
	text_put(key, slice_of(json_string_value(value), json_string_length(value)));
	return true;
}

bool document_derive_id(const struct item *i, struct uuid *out)
{
	const char *const *fields = composite_of(i->out.kind);
	struct text key = {0};
	bool ok = fields ? composite_key(&key, i, fields) : endpoint_key(&key, i);

	if (ok) {
		struct uuid name_space = uuid_v5(&root, slice_cstr(i->out.kind->name));
		*out = uuid_v5(&name_space, text_slice(&key));
	}
	text_fini(&key);
	return ok;
}
