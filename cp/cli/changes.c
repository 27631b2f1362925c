/* changes: see changes.h. */
#include "cp/cli/changes.h"

#include <stdio.h>
#include <stdlib.h>

#include "cp/cli/output.h"

/* A string as it is, anything else as JSON. */
static void put_value(struct text *out, const json_t *value)
{
	if (json_is_string(value)) {
		text_puts(out, json_string_value(value));
		return;
	}
	char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	text_puts(out, dump ? dump : "?");
	free(dump);
}

/* Control characters of a configuration must not reach the terminal. */
void changes_print_text(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++)
		putchar((unsigned char)t->ptr[i] < 0x20 || t->ptr[i] == 0x7f ? '?' : t->ptr[i]);
	putchar('\n');
}

static void print_field(const json_t *field, bool is_update)
{
	struct text line = {0};

	text_printf(&line, "    %s: ", output_string(field, "field"));
	if (is_update) {
		put_value(&line, json_object_get(field, "from"));
		text_puts(&line, " -> ");
	}
	put_value(&line, json_object_get(field, "to"));
	changes_print_text(&line);
	text_fini(&line);
}

static void print_change(const json_t *change)
{
	const char *word = output_string(change, "change"), *name = output_string(change, "name");
	char sign = *word == 'c' ? '+' : *word == 'd' ? '-' : '~';
	struct text line = {0};
	json_t *field;
	size_t i;

	text_printf(&line, "%c %s %s%s%s%s", sign, output_string(change, "kind"), name, *name ? " (" : "",
	        output_string(change, "id"), *name ? ")" : "");
	changes_print_text(&line);
	text_fini(&line);
	if (sign != '-')
		json_array_foreach(json_object_get(change, "fields"), i, field) print_field(field, sign == '~');
}

void changes_print(const json_t *changes)
{
	json_t *change;
	size_t i;

	if (json_array_size(changes) == 0)
		puts("no differences");
	json_array_foreach((json_t *)changes, i, change) print_change(change);
}
