/* hosts_file: see hosts_file.h. */
#include "dp/client/hosts_file.h"

#include <stdlib.h>

#include "common/core/arena.h"
#include "common/core/file.h"
#include "common/core/log.h"

static struct hosts_entry *entry_of(struct hosts_file *h, struct slice name)
{
	char lower[256];

	if (name.len == 0 || name.len >= sizeof lower)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = (char)ascii_lower((unsigned char)name.ptr[i]);
	struct slice key = slice_of(lower, name.len);
	struct hosts_entry *e = map_get(&h->names, key);
	if (e)
		return e;
	e = calloc(1, sizeof *e);
	if (!e)
		abort();
	map_set(&h->names, key, e);
	return e;
}

static void add(struct hosts_file *h, struct slice name, const struct ip *address)
{
	struct hosts_entry *e = entry_of(h, name);

	if (!e)
		return;
	if (ip_is_v4(address) && !e->has_v4) {
		e->has_v4 = true;
		e->v4 = *address;
	} else if (!ip_is_v4(address) && !e->has_v6) {
		e->has_v6 = true;
		e->v6 = *address;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice next_word(struct slice *rest)
{
	size_t from = 0, to;

	while (from < rest->len && is_blank(rest->ptr[from]))
		from++;
	for (to = from; to < rest->len && !is_blank(rest->ptr[to]);)
		to++;
	struct slice word = slice_of(rest->ptr + from, to - from);
	*rest = slice_from(*rest, to);
	return word;
}

static void parse_line(struct hosts_file *h, struct slice line)
{
	struct slice code = slice_trim(slice_cut(&line, '#')), word = next_word(&code);
	struct ip address;

	if (word.len == 0 || !ip_parse(word, &address))
		return;
	while ((word = next_word(&code)).len > 0)
		add(h, word, &address);
}

void hosts_file_parse(struct hosts_file *h, struct slice text)
{
	while (slice_is_set(text))
		parse_line(h, slice_cut(&text, '\n'));
	parse_line(h, S("127.0.0.1 localhost"));
	parse_line(h, S("::1 localhost"));
}

void hosts_file_read(struct hosts_file *h, const char *path)
{
	struct slice text = {0};
	struct arena a;
	struct err e;

	arena_init(&a);
	if (path && !file_read(&a, path, HOSTS_FILE_MAX, &text, &e))
		log_warn("no names come from the hosts file", LOG_STR("error", e.message));
	hosts_file_parse(h, text);
	arena_fini(&a);
}

void hosts_file_fini(struct hosts_file *h)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&h->names, &at, &key, &value);)
		free(value);
	map_fini(&h->names);
}

const struct hosts_entry *hosts_file_find(const struct hosts_file *h, struct slice name)
{
	return map_get(&h->names, name);
}
