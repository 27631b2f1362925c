/* batches: see batches.h. */
#include "tests/support/batches.h"

#include <stdio.h>
#include <stdlib.h>

const struct schema *batches_kind(void)
{
	return kinds_by_name(S("consumers"));
}

struct uuid batches_id(unsigned n)
{
	struct uuid u = {{0}};
	u.bytes[6] = 0x40;
	u.bytes[8] = 0x80;
	for (int i = 0; i < 4; i++)
		u.bytes[15 - i] = (unsigned char)(n >> (8 * i));
	return u;
}

void batches_put(struct feed_batch *b, unsigned n, const char *mark, size_t size)
{
	struct uuid u = batches_id(n);
	char id[UUID_TEXT + 1];
	struct text json = {0};
	uuid_format(&u, id);
	text_printf(&json, "{\"id\":\"%s\",\"created_at\":1700000000,\"updated_at\":1700000000,\"username\":\"%u-%s",
	        id, n, mark);
	while (json.len < size)
		text_putc(&json, 'x');
	text_puts(&json, "\"}");
	feed_batch_add(b, batches_kind(), &u, text_slice(&json));
	text_fini(&json);
}

void batches_remove(struct feed_batch *b, unsigned n)
{
	struct uuid u = batches_id(n);
	feed_batch_add(b, batches_kind(), &u, (struct slice){0});
}

struct feed_batch *batches_one(const char *epoch, uint64_t version, unsigned n, const char *mark)
{
	struct feed_batch *b = feed_batch_new(slice_cstr(epoch), version - 1, version, false);
	batches_put(b, n, mark, 0);
	return b;
}

struct feed_batch *batches_snapshot(const char *epoch, uint64_t version, unsigned n, const char *mark, size_t size)
{
	struct feed_batch *b = feed_batch_new(slice_cstr(epoch), 0, version, true);
	for (unsigned i = 0; i < n; i++)
		batches_put(b, i, mark, size);
	return b;
}

bool batches_has(const struct catalog *c, unsigned n, const char *mark)
{
	struct uuid u = batches_id(n);
	const struct record *r = c ? catalog_get(c, batches_kind(), &u) : NULL;
	if (!r || !mark)
		return !r && !mark;
	char want[128];
	size_t len = (size_t)snprintf(want, sizeof want, "%u-%s", n, mark);
	json_t *json = record_json(r);
	const char *name = json_string_value(json_object_get(json, "username"));
	bool is = name && strncmp(name, want, len) == 0 && (name[len] == '\0' || name[len] == 'x');
	json_decref(json);
	return is;
}

size_t batches_count(const struct catalog *c)
{
	return c ? catalog_count(c, batches_kind()) : 0;
}
