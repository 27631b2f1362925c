/* header_id: the table behind header_id.h. It is filled on first use from headers.def, so that a new name is one line
 * there. */
#include "common/http/header_id.h"

#include <pthread.h>

struct header_table header_table;

static const struct slice names[HEADER_COUNT] = {
        [HEADER_OTHER] = SLICE(""),
#define HEADER(id, name) [HEADER_##id] = SLICE(name),
#include "common/http/headers.def"
#undef HEADER
};

#define HEADER(id, name) _Static_assert(sizeof name - 1 >= 2 && sizeof name - 1 <= HEADER_LONGEST, name);
#include "common/http/headers.def"
#undef HEADER

static void fill(void)
{
	struct header_table *t = &header_table;

	for (unsigned id = 1; id < HEADER_COUNT; id++) {
		struct slice name = names[id];
		unsigned at = header_slot(name.ptr, name.len);
		for (size_t i = 0; i < name.len; i++) {
			char c = (char)ascii_lower((unsigned char)name.ptr[i]);
			t->known[id].lower[i] = c;
			t->known[id].fold[i] = c >= 'a' && c <= 'z' ? 0x20 : 0;
		}
		t->lengths[id] = (uint8_t)name.len;
		while (t->slots[at])
			at = (at + 1) % HEADER_SLOTS;
		t->slots[at] = (uint8_t)id;
	}
	__atomic_store_n(&t->ready, true, __ATOMIC_RELEASE);
}

void header_table_fill(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fill);
}

enum header_id header_id_of(struct slice name)
{
	header_table_prepare();
	return header_look_up(name.ptr, name.len);
}

struct slice header_name(enum header_id id)
{
	return names[id];
}
