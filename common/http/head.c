/* head: see head.h. Plain arrays: a head has a dozen fields, and finding one is a scan over their ids. */
#include "common/http/head.h"

enum { HEAD_FIRST = 32 };

void head_init(struct head *h, struct arena *a)
{
	*h = (struct head){.arena = a, .content_length = -1, .version = HTTP_1_1};
}

/* An id, or a name when that is HEADER_OTHER: how all functions below select fields. */
static inline bool is_field(const struct header *f, enum header_id id, struct slice name)
{
	return f->id == id && (id != HEADER_OTHER || (f->name.len == name.len && slice_ieq(f->name, name)));
}

/* By index: a head without fields may have no memory for them, to which nothing may be added. */
struct header *head_next(const struct head *h, const struct header *after, enum header_id id, struct slice name)
{
	for (size_t i = after ? (size_t)(after - h->headers) + 1 : 0; i < h->count; i++)
		if (is_field(&h->headers[i], id, name))
			return &h->headers[i];
	return NULL;
}

struct header *head_find(const struct head *h, enum header_id id)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->headers[i].id == id)
			return &h->headers[i];
	return NULL;
}

struct header *head_find_name(const struct head *h, struct slice name)
{
	return head_next(h, NULL, header_id_of(name), name);
}

struct slice head_get(const struct head *h, enum header_id id)
{
	struct header *f = head_find(h, id);
	return f ? f->value : (struct slice){NULL, 0};
}

void head_grow(struct head *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : HEAD_FIRST;
	struct header *more = arena_alloc(h->arena, cap * sizeof *more);
	if (h->count)
		memcpy(more, h->headers, h->count * sizeof *more);
	h->headers = more;
	h->cap = cap;
}

void head_add(struct head *h, struct slice name, struct slice value)
{
	head_put(h, header_id_of(name), name, value);
}

void head_add_id(struct head *h, enum header_id id, struct slice value)
{
	head_put(h, id, header_name(id), value);
}

struct header *head_copy(struct head *h, const struct header *f)
{
	return head_put(h, (enum header_id)f->id, f->name, f->value);
}

static bool was_put(const struct head *h, enum header_id id)
{
	return h->known >> (id & 63) & 1;
}

/* Removes the fields from index `from` on; keeps the order of the others. Usually there is none. */
static size_t drop(struct head *h, uint32_t from, enum header_id id, struct slice name)
{
	if (!was_put(h, id))
		return 0;
	while (from < h->count && !is_field(&h->headers[from], id, name))
		from++;
	uint32_t kept = from;
	for (uint32_t i = from; i < h->count; i++)
		if (!is_field(&h->headers[i], id, name))
			h->headers[kept++] = h->headers[i];
	size_t dropped = h->count - kept;
	h->count = kept;
	return dropped;
}

static void set(struct head *h, enum header_id id, struct slice name, struct slice value)
{
	struct header *first = was_put(h, id) ? head_next(h, NULL, id, name) : NULL;
	if (!first) {
		head_put(h, id, name, value);
		return;
	}
	first->name = name;
	first->value = value;
	drop(h, (uint32_t)(first - h->headers) + 1, id, name);
}

void head_set(struct head *h, struct slice name, struct slice value)
{
	set(h, header_id_of(name), name, value);
}

void head_set_field(struct head *h, const struct header *f)
{
	set(h, (enum header_id)f->id, f->name, f->value);
}

void head_set_id(struct head *h, enum header_id id, struct slice value)
{
	set(h, id, header_name(id), value);
}

size_t head_remove(struct head *h, struct slice name)
{
	return drop(h, 0, header_id_of(name), name);
}

size_t head_remove_id(struct head *h, enum header_id id)
{
	return id == HEADER_OTHER ? 0 : drop(h, 0, id, (struct slice){NULL, 0});
}

bool head_has_token(const struct head *h, enum header_id id, struct slice token)
{
	for (uint32_t i = 0; i < h->count; i++) {
		if (h->headers[i].id != id)
			continue;
		for (struct slice rest = h->headers[i].value; slice_is_set(rest);)
			if (slice_ieq(slice_trim(slice_cut(&rest, ',')), token))
				return true;
	}
	return false;
}

struct slice head_cookie(const struct head *h, struct slice name)
{
	for (uint32_t i = 0; i < h->count; i++) {
		if (h->headers[i].id != HEADER_COOKIE)
			continue;
		for (struct slice rest = h->headers[i].value; slice_is_set(rest);) {
			struct slice value = slice_trim(slice_cut(&rest, ';')), own = slice_cut(&value, '=');
			if (slice_is_set(value) && slice_eq(slice_trim(own), name))
				return slice_trim(value);
		}
	}
	return (struct slice){0};
}
