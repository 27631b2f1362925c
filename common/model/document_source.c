/* document_source: see document_source.h. */
#include "common/model/document_source.h"

#include "common/core/clock.h"

struct document_source document_source_of(struct arena *a, const struct settings *s)
{
	struct document_source from = {.expand = !slice_eq(s->declarative_config_env, S("off"))};

	if (s->declarative_config.len > 0)
		from.path = arena_cstr(a, s->declarative_config);
	else if (s->declarative_config_string.len > 0)
		from.text = s->declarative_config_string;
	return from;
}

void document_source_explain(const struct document *d, const struct err *e, struct text *why)
{
	if (d)
		document_fault_text(d, why);
	else
		text_printf(why, "failed parsing declarative configuration: %s\n", e->message);
}

struct document *document_source_load(struct arena *a, const struct document_source *from, struct text *why)
{
	struct document_options options = {.expand = from->expand, .now_ms = clock_wall_ms()};
	struct err e = {""};
	struct document *d = from->path ? document_read_file(a, from->path, &options, &e)
	                                : document_read(from->text, &options, &e);

	if (d && !document_has_faults(d))
		return d;
	if (from->path)
		text_printf(why, "error parsing declarative config file %s:\n", from->path);
	else
		text_puts(why, "error parsing declarative config string:\n");
	document_source_explain(d, &e, why);
	while (why->len > 0 && why->ptr[why->len - 1] == '\n')
		why->ptr[--why->len] = '\0';
	document_free(d);
	return NULL;
}
