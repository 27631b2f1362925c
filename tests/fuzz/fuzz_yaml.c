/* YAML: whatever is read is written as YAML that is read as the same, and lines are within the text. */
#include <stdlib.h>

#include "common/model/yaml.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_lines(const struct yaml *y, const json_t *value, size_t lines)
{
	size_t i = 0;
	const char *key;
	json_t *member;

	REQUIRE(yaml_line(y, value) <= lines);
	json_array_foreach(value, i, member)
	{
		REQUIRE(yaml_line_at(y, value, i) <= lines);
		check_lines(y, member, lines);
	}
	i = 0;
	json_object_foreach((json_t *)value, key, member)
	{
		REQUIRE(yaml_line_at(y, value, i++) <= lines);
		check_lines(y, member, lines);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct text written = {0};
	struct yaml first, second;
	struct err e;
	size_t lines = 1;

	if (!yaml_read(text, &first, &e))
		return 0;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80; /* YAML knows more line ends */
	check_lines(&first, first.root, lines);
	yaml_write(&written, first.root, 0);
	REQUIRE(yaml_read(text_slice(&written), &second, &e));
	REQUIRE(json_equal(first.root, second.root));
	yaml_fini(&second);
	yaml_fini(&first);
	text_fini(&written);
	return 0;
}
