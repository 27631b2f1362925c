/* otlp: see otlp.h. */
#include "common/plugins/opentelemetry/otlp.h"

#include "common/core/release.h"
#include "common/core/utf8.h"

/* ---- attributes ------------------------------------------------------------------------------------------------ */

char *otlp_string(struct arena *a, struct slice text)
{
	char *out = arena_cstr(a, text);
	ptrdiff_t bad;
	for (size_t at = 0; (bad = utf8_invalid_at(slice_of(out + at, text.len - at))) >= 0;) {
		at += (size_t)bad;
		out[at++] = '?';
	}
	for (size_t i = 0; i < text.len; i++)
		if (!out[i])
			out[i] = ' ';
	return out;
}

static Gatehouse__Otlp__AnyValue *add(struct otlp_attributes *to, const char *key)
{
	if (to->n == OTLP_ATTRIBUTES_MAX)
		return NULL;
	Gatehouse__Otlp__KeyValue *pair = arena_new(to->arena, Gatehouse__Otlp__KeyValue);
	gatehouse__otlp__key_value__init(pair);
	pair->key = otlp_string(to->arena, slice_cstr(key));
	pair->value = arena_new(to->arena, Gatehouse__Otlp__AnyValue);
	gatehouse__otlp__any_value__init(pair->value);
	to->items[to->n++] = pair;
	return pair->value;
}

void otlp_text(struct otlp_attributes *to, const char *key, struct slice value)
{
	Gatehouse__Otlp__AnyValue *v = slice_is_set(value) ? add(to, key) : NULL;
	if (!v)
		return;
	v->value_case = GATEHOUSE__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	v->string_value = otlp_string(to->arena, value);
}

void otlp_int(struct otlp_attributes *to, const char *key, int64_t value)
{
	Gatehouse__Otlp__AnyValue *v = add(to, key);
	if (!v)
		return;
	v->value_case = GATEHOUSE__OTLP__ANY_VALUE__VALUE_INT_VALUE;
	v->int_value = value;
}

void otlp_bool(struct otlp_attributes *to, const char *key, bool value)
{
	Gatehouse__Otlp__AnyValue *v = add(to, key);
	if (!v)
		return;
	v->value_case = GATEHOUSE__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
	v->bool_value = value;
}

/* ---- lengths --------------------------------------------------------------------------------------------------- */

enum { FIELD_1 = 1 << 3 | 2, FIELD_2 = 2 << 3 | 2 }; /* tags: number and "length follows" */

static void put_length(struct text *out, int tag, size_t len)
{
	text_putc(out, (char)tag);
	for (; len > 127; len >>= 7)
		text_putc(out, (char)(len | 128));
	text_putc(out, (char)len);
}

static void put_message(struct text *out, int tag, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	put_length(out, tag, len);
	char *to = text_reserve(out, len);
	protobuf_c_message_pack(message, (uint8_t *)to);
	out->len += len;
	out->ptr[out->len] = '\0';
}

static void put_bytes(struct text *out, int tag, const struct text *bytes)
{
	put_length(out, tag, bytes->len);
	text_put(out, text_slice(bytes));
}

void otlp_append(struct text *entry, const ProtobufCMessage *message)
{
	put_message(entry, FIELD_2, message);
}

/* ---- resource and scope ---------------------------------------------------------------------------------------- */

static bool has(const struct slice_map *map, struct slice key)
{
	for (size_t i = 0; i < map->len; i++)
		if (slice_eq(map->items[i].key, key))
			return true;
	return false;
}

/* One attribute as field 1 of a Resource. */
static void put_attribute(struct text *out, struct arena *a, struct slice key, struct slice value)
{
	struct otlp_attributes one = {.arena = a};
	otlp_text(&one, arena_cstr(a, key), value);
	if (one.n)
		put_message(out, FIELD_1, &one.items[0]->base);
}

struct slice otlp_context(struct arena *a, const struct slice_map *configured)
{
	struct text out = {0};
	if (!has(configured, S("service.name")))
		put_attribute(&out, a, S("service.name"), S("kong"));
	if (!has(configured, S("service.version")))
		put_attribute(&out, a, S("service.version"), S(GATEHOUSE_RELEASE));
	for (size_t i = 0; i < configured->len; i++)
		put_attribute(&out, a, configured->items[i].key, configured->items[i].value);
	struct slice context = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return context;
}

static void put_scope(struct text *out)
{
	Gatehouse__Otlp__Scope scope = GATEHOUSE__OTLP__SCOPE__INIT;
	scope.name = (char *)"gatehouse";
	scope.version = (char *)GATEHOUSE_RELEASE;
	put_message(out, FIELD_1, &scope.base);
}

/* Request { 1: ResourceSpans { 1: Resource, 2: ScopeSpans { 1: Scope, 2: Span, 2: Span, ... } } } */
static void encode_with(const struct text *resource, const struct sink_batch *b, struct text *out)
{
	struct text scoped = {0}, of_resource = {0};
	put_scope(&scoped);
	for (size_t i = 0; i < b->n; i++)
		text_put(&scoped, b->entries[i]);
	put_bytes(&of_resource, FIELD_1, resource);
	put_bytes(&of_resource, FIELD_2, &scoped);
	put_bytes(out, FIELD_1, &of_resource);
	text_fini(&scoped);
	text_fini(&of_resource);
}

static void encode(const struct sink_batch *b, struct text *out)
{
	struct text resource = {0};
	text_put(&resource, b->sink->context);
	encode_with(&resource, b, out);
	text_fini(&resource);
}

static void encode_with_node(const struct sink_batch *b, struct text *out)
{
	struct text resource = {0};
	struct arena a;
	arena_init(&a);
	text_put(&resource, b->sink->context);
	put_attribute(&resource, &a, S("service.instance.id"), b->node_id);
	encode_with(&resource, b, out);
	text_fini(&resource);
	arena_fini(&a);
}

void (*otlp_encoder(const struct slice_map *configured))(const struct sink_batch *b, struct text *out)
{
	return has(configured, S("service.instance.id")) ? encode : encode_with_node;
}
