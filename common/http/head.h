/* head: the head of one HTTP message as data: what every protocol version is parsed into and written from.
 *
 * Slices point into the connection's buffer or the request's arena; the head owns nothing but its array of fields,
 * which is on the arena. Names keep the case they arrived with. */
#ifndef COMMON_HTTP_HEAD_H
#define COMMON_HTTP_HEAD_H

#include "common/core/arena.h"

/* Well-known field names: headers.def gives each an id, so that looking one up is an integer comparison. */
enum header_id {
	HEADER_OTHER = 0,
#define HEADER(id, name) HEADER_##id,
#include "common/http/headers.def"
#undef HEADER
	HEADER_COUNT
};

struct header {
	struct slice name, value; /* value without surrounding blanks */
	uint16_t id;              /* enum header_id */
};

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

struct head {
	struct slice method, target; /* requests: as received */
	int status;                  /* responses: 100..999 */
	struct slice reason;
	enum http_version version;

	struct header *headers; /* in order of arrival, duplicates kept */
	uint32_t count, cap;
	uint64_t known; /* bit id % 64: such an id may be among them. What is not is not looked for */
	struct arena *arena;

	/* Decided once by the codec from the framing fields (RFC 9112 section 6) and never recomputed. */
	int64_t content_length; /* -1: none given */
	bool chunked;
	bool keep_alive;             /* the connection may carry another message */
	bool expect_continue;        /* Expect: 100-continue */
	bool upgrade;                /* a Connection token "upgrade" and an Upgrade field are there */
	bool has_connection_options; /* Connection names fields other than close, keep-alive, upgrade */
};

void head_init(struct head *h, struct arena *a);

/* The id of a name, HEADER_OTHER when it is not in headers.def. Case-insensitive. */
enum header_id header_id_of(struct slice name);
struct slice header_name(enum header_id id); /* canonical spelling */

/* First field of that name, or NULL. */
struct header *head_find(const struct head *h, enum header_id id);
struct header *head_find_name(const struct head *h, struct slice name);
/* Value of the first field of that name; unset when there is none. */
struct slice head_get(const struct head *h, enum header_id id);
/* Next field after `after` (NULL: from the start) with the id (or, for HEADER_OTHER, the name). */
struct header *head_next(const struct head *h, const struct header *after, enum header_id id, struct slice name);

void head_grow(struct head *h); /* for head_put() */
/* Appends a field whose id is known: how everything gets into a head. */
static inline struct header *head_put(struct head *h, enum header_id id, struct slice name, struct slice value)
{
	if (__builtin_expect(h->count == h->cap, 0))
		head_grow(h);
	h->known |= UINT64_C(1) << (id & 63);
	h->headers[h->count] = (struct header){.name = name, .value = value, .id = (uint16_t)id};
	return &h->headers[h->count++];
}
void head_add(struct head *h, struct slice name, struct slice value);
void head_add_id(struct head *h, enum header_id id, struct slice value);
/* Appends a copy of a field, of this or another head; returns the copy. */
struct header *head_copy(struct head *h, const struct header *f);
/* Replaces the first field of that name and removes the others; adds it when there was none. */
void head_set(struct head *h, struct slice name, struct slice value);
void head_set_id(struct head *h, enum header_id id, struct slice value);
void head_set_field(struct head *h, const struct header *f); /* f: of another head */
size_t head_remove(struct head *h, struct slice name);       /* how many there were */
size_t head_remove_id(struct head *h, enum header_id id);
/* Is `token` one of the comma-separated tokens of the fields with this id? Case-insensitive. */
bool head_has_token(const struct head *h, enum header_id id, struct slice token);
/* The value of the first cookie of this name (RFC 6265 4.2), as it was sent, blanks around it aside; unset: there is
 * none. What has no equals sign is no cookie. */
struct slice head_cookie(const struct head *h, struct slice name);

#endif
