/* Forms: the first line of the input is the Content-Type, the rest the body; slices stay in their memory. */
#include <stdlib.h>

#include "common/http/form.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check(const struct form *f, size_t size)
{
	size_t total = 0;

	REQUIRE(f->count <= FORM_MAX_FIELDS);
	for (size_t i = 0; i < f->count; i++) {
		REQUIRE(f->fields[i].name.len > 0);
		total += f->fields[i].value.len + 1;
		for (size_t j = 0; j < f->fields[i].value.len; j++) /* reads every byte */
			total += (size_t)(f->fields[i].value.ptr[j] & 0);
	}
	REQUIRE(total <= size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct form f;
	struct err e;
	char *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	struct slice body = slice_of(copy, size), type = slice_cut(&body, '\n');
	arena_init(&a);
	if (form_parse_multipart(&a, type, body, &f, &e))
		check(&f, size);
	if (form_parse_urlencoded(&a, body, &f, &e))
		check(&f, size);
	arena_fini(&a);
	free(copy);
	return 0;
}
