/* parameter: see parameter.h. */
#include "common/jsonschema/parameter.h"

enum { PARTS_MAX = 1000 };

/* ---- one value ------------------------------------------------------------------------------------------------- */

static json_t *text_value(struct slice s)
{
	json_t *v = json_stringn(s.ptr ? s.ptr : "", s.len);
	return v ? v : json_null(); /* not UTF-8 */
}

/* A number as JSON writes it; NULL: it is none. */
static json_t *number_value(struct slice s)
{
	bool begins = s.len > 0 && (s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9'));
	bool ends = s.len > 0 && s.ptr[s.len - 1] >= '0' && s.ptr[s.len - 1] <= '9';
	json_t *v = begins && ends ? json_loadb(s.ptr, s.len, JSON_DECODE_ANY, NULL) : NULL;
	if (!v && begins && ends) /* beyond 64 bits */
		v = json_loadb(s.ptr, s.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	if (json_is_number(v))
		return v;
	json_decref(v);
	return NULL;
}

static json_t *scalar(unsigned types, struct slice s)
{
	json_t *number = types & (TYPE_BIT_INTEGER | TYPE_BIT_NUMBER) ? number_value(s) : NULL;
	if (number)
		return number;
	if (types & TYPE_BIT_BOOLEAN && (slice_eq(s, S("true")) || slice_eq(s, S("false"))))
		return json_boolean(s.len == 4);
	if (types & TYPE_BIT_NULL && !(types & TYPE_BIT_STRING) && s.len == 0)
		return json_null();
	return text_value(s);
}

static bool is_array(const struct parameter *p)
{
	return (jsonschema_types(p->schema) & TYPE_BIT_ARRAY) != 0;
}

static bool is_object(const struct parameter *p)
{
	return (jsonschema_types(p->schema) & TYPE_BIT_OBJECT) != 0;
}

static void put_item(const struct parameter *p, json_t *array, struct slice s)
{
	json_array_append_new(array, scalar(jsonschema_item_types(p->schema), s));
}

/* A name that comes twice is no object: two readers could take different values. */
static void put_member(const struct parameter *p, json_t *object, struct slice name, struct slice value)
{
	json_t *v = scalar(jsonschema_property_types(p->schema, name), value);
	json_t *there = json_object_getn(object, name.ptr ? name.ptr : "", name.len);
	if (there) {
		json_t *both = json_array();
		json_array_append(both, there);
		json_array_append_new(both, v);
		v = both;
	}
	json_object_setn_new(object, name.ptr ? name.ptr : "", name.len, v);
}

/* ---- several in one text --------------------------------------------------------------------------------------- */

static json_t *array_of(const struct parameter *p, struct slice text, char separator)
{
	json_t *array = json_array();
	for (int i = 0; i < PARTS_MAX && slice_is_set(text) && text.len + (size_t)i > 0; i++)
		put_item(p, array, slice_cut(&text, separator));
	return array;
}

/* "R,100,G,200" */
static json_t *object_of_pairs(const struct parameter *p, struct slice text, char separator)
{
	json_t *object = json_object();
	for (int i = 0; i < PARTS_MAX && slice_is_set(text); i++) {
		struct slice name = slice_cut(&text, separator), value = slice_cut(&text, separator);
		put_member(p, object, name, value);
	}
	return object;
}

/* "R=100,G=200" */
static json_t *object_of_assignments(const struct parameter *p, struct slice text, char separator)
{
	json_t *object = json_object();
	for (int i = 0; i < PARTS_MAX && slice_is_set(text); i++) {
		struct slice value = slice_cut(&text, separator), name = slice_cut(&value, '=');
		put_member(p, object, name, value);
	}
	return object;
}

static json_t *value_of(const struct parameter *p, struct slice text, char separator, bool assignments)
{
	if (is_array(p))
		return array_of(p, text, separator);
	if (is_object(p))
		return assignments ? object_of_assignments(p, text, separator) : object_of_pairs(p, text, separator);
	return scalar(jsonschema_types(p->schema), text);
}

/* ---- header and path ------------------------------------------------------------------------------------------- */

/* ".a.b", ".a,b" */
static json_t *label_value(const struct parameter *p, struct slice text)
{
	if (text.len == 0 || text.ptr[0] != '.')
		return text_value(text);
	return value_of(p, slice_from(text, 1), p->explode ? '.' : ',', p->explode);
}

/* ";name=a;name=b", ";name=a,b", ";R=100;G=200" */
static json_t *matrix_value(const struct parameter *p, struct slice text)
{
	if (text.len == 0 || text.ptr[0] != ';')
		return text_value(text);
	text = slice_from(text, 1);
	if (p->explode && is_object(p))
		return object_of_assignments(p, text, ';');
	json_t *array = p->explode && is_array(p) ? json_array() : NULL;
	for (int i = 0; array && i < PARTS_MAX && slice_is_set(text); i++) {
		struct slice value = slice_cut(&text, ';'), name = slice_cut(&value, '=');
		put_item(p, array, slice_eq(name, p->name) ? value : name);
	}
	if (array)
		return array;
	struct slice value = text, name = slice_cut(&value, '=');
	return slice_eq(name, p->name) ? value_of(p, slice_is_set(value) ? value : S(""), ',', false)
	                               : text_value(text);
}

/* Blanks may stand around the commas of a header. */
static json_t *simple_value(const struct parameter *p, struct slice text)
{
	char plain[8192];
	size_t n = 0;
	if ((!is_array(p) && !is_object(p)) || text.len > sizeof plain)
		return scalar(jsonschema_types(p->schema), text);
	for (struct slice rest = text; slice_is_set(rest);) {
		struct slice part = slice_trim(slice_cut(&rest, ','));
		memcpy(plain + n, part.ptr, part.len);
		n += part.len;
		if (slice_is_set(rest))
			plain[n++] = ',';
	}
	return value_of(p, slice_of(plain, n), ',', p->explode);
}

json_t *parameter_of_text(const struct parameter *p, struct slice text)
{
	switch (p->style) {
	case STYLE_LABEL: return label_value(p, text);
	case STYLE_MATRIX: return matrix_value(p, text);
	default: return simple_value(p, text);
	}
}

/* ---- query ----------------------------------------------------------------------------------------------------- */

static struct slice value_at(const struct form *query, size_t i)
{
	struct slice v = query->fields[i].value;
	return slice_is_set(v) ? v : S("");
}

/* Every argument is a member; those that the schema does not know belong to other parameters. */
static json_t *object_of_all(const struct parameter *p, const struct form *query)
{
	json_t *object = json_object();
	for (size_t i = 0; i < query->count; i++)
		if (jsonschema_property_types(p->schema, query->fields[i].name))
			put_member(p, object, query->fields[i].name, value_at(query, i));
	if (json_object_size(object) > 0)
		return object;
	json_decref(object);
	return NULL;
}

/* "name[member]=value" */
static json_t *deep_object(const struct parameter *p, const struct form *query)
{
	json_t *object = NULL;
	for (size_t i = 0; i < query->count; i++) {
		struct slice name = query->fields[i].name;
		if (!slice_starts(name, p->name) || name.len < p->name.len + 2 || name.ptr[p->name.len] != '[' ||
		        name.ptr[name.len - 1] != ']')
			continue;
		object = object ? object : json_object();
		put_member(p, object, slice_of(name.ptr + p->name.len + 1, name.len - p->name.len - 2),
		        value_at(query, i));
	}
	return object;
}

/* Of a name that comes once or more often. More than one value is an array, whatever the schema says. */
static json_t *named(const struct parameter *p, const struct form *query)
{
	static const char separators[] = {
	        [STYLE_FORM] = ',', [STYLE_SPACE_DELIMITED] = ' ', [STYLE_PIPE_DELIMITED] = '|'};
	json_t *array = NULL;
	struct slice first = {NULL, 0};
	size_t n = 0;

	for (size_t i = 0; i < query->count; i++) {
		if (!slice_eq(query->fields[i].name, p->name))
			continue;
		first = n++ == 0 ? value_at(query, i) : first;
		array = array ? array : json_array();
		put_item(p, array, value_at(query, i));
	}
	if (n == 0 || n > 1 || (p->explode && is_array(p)))
		return array;
	json_decref(array);
	return value_of(p, first, p->style <= STYLE_PIPE_DELIMITED ? separators[p->style] : ',', false);
}

json_t *parameter_of_query(const struct parameter *p, const struct form *query)
{
	if (p->style == STYLE_DEEP_OBJECT)
		return deep_object(p, query);
	if (p->style == STYLE_FORM && p->explode && is_object(p))
		return object_of_all(p, query);
	return named(p, query);
}
