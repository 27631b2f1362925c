/* node_status: see node_status.h. There are no virtual machines here, so the process's own memory stands in their
 * place. */
#include "common/serve/node_status.h"

#include <stdio.h>
#include <unistd.h>

#include "common/core/number.h"

static bool read_unit(struct slice text, struct size_form *out, struct err *e)
{
	if (text.len == 1 && strchr("bkmg", ascii_lower((unsigned char)text.ptr[0]))) {
		out->unit = (char)ascii_lower((unsigned char)text.ptr[0]);
		return true;
	}
	return err_set(e, "invalid unit '%.*s' (expected 'k/K', 'm/M', or 'g/G')", SLICE_ARG(text));
}

static bool read_scale(struct slice text, struct size_form *out, struct err *e)
{
	double scale;
	if (!number_parse(text, &scale))
		return true;
	if (scale < 0)
		return err_set(e, "scale must be equal or greater than 0");
	out->scale = scale > 15 ? 15 : (int)scale;
	return true;
}

bool size_form_read(struct slice unit, struct slice scale, struct size_form *out, struct err *e)
{
	*out = (struct size_form){'m', 2};
	return (!slice_is_set(unit) || read_unit(unit, out, e)) &&
	       (!slice_is_set(scale) || read_scale(scale, out, e));
}

static json_t *size_json(uint64_t bytes, const struct size_form *form)
{
	double kib = (double)bytes / 1024;

	switch (form->unit) {
	case 'b': return json_integer((json_int_t)bytes);
	case 'k': return json_sprintf("%.*f KiB", form->scale, kib);
	case 'g': return json_sprintf("%.*f GiB", form->scale, kib / 1024 / 1024);
	default: return json_sprintf("%.*f MiB", form->scale, kib / 1024);
	}
}

void node_memory(uint64_t *total, uint64_t *resident)
{
	unsigned long pages = 0, in_memory = 0;
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu %lu", &pages, &in_memory) != 2)
		pages = in_memory = 0;
	if (f)
		fclose(f);
	*total = pages * page_size;
	*resident = in_memory * page_size;
}

json_t *node_memory_json(const struct size_form *form)
{
	uint64_t total, resident;

	node_memory(&total, &resident);
	json_t *pool = json_pack(
	        "{s:o, s:o}", "allocated_slabs", size_json(resident, form), "capacity", size_json(total, form));
	return json_pack("{s:[{s:i, s:o}], s:{s:o}}", "workers_lua_vms", "pid", (int)getpid(), "http_allocated_gc",
	        size_json(resident, form), "lua_shared_dicts", "kong", pool);
}

json_t *node_server_json(const struct server_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections_accepted", (json_int_t)s->accepted,
	        "connections_active", (json_int_t)s->active, "connections_handled", (json_int_t)s->handled,
	        "connections_reading", (json_int_t)s->reading, "connections_waiting", (json_int_t)s->waiting,
	        "connections_writing", (json_int_t)s->writing, "total_requests", (json_int_t)s->requests);
}
