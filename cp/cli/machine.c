/* machine: see machine.h. */
#include "cp/cli/machine.h"

#include <limits.h>
#include <stdio.h>

#include "common/core/file.h"
#include "common/model/document_source.h"
#include "cp/store/memory.h"

bool machine_prepare(const struct settings *s, struct err *e)
{
	char dir[PATH_MAX];
	static const char *const parts[] = {"pids", "logs"};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(dir, sizeof dir, "%.*s/%s", SLICE_ARG(s->prefix), parts[i]);
		if (!file_make_dirs(dir, 0755, e))
			return err_prefix(e, "prefix");
	}
	return true;
}

bool machine_check_document(struct cli *c, const struct settings *s, const char *before)
{
	struct document_source from = document_source_of(c->arena, s);
	struct text why = {0};

	if (!is_without_database(s) || (!from.path && !slice_is_set(from.text)))
		return true;
	struct document *d = document_source_load(c->arena, &from, &why);
	if (!d)
		cli_fail("%s%s", before, text_cstr(&why));
	document_free(d);
	text_fini(&why);
	return d != NULL;
}
