/* status: GET /status (admin-api.md 8.2). The key names are those of the program we stand in for, because monitors
 * read them; there is one virtual machine fewer here, so the process's own memory stands in its place. */
#include <stdio.h>
#include <unistd.h>

#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/admin/number.h"

/* How sizes are shown: ?unit= and ?scale=. */
struct size_form {
	char unit; /* b, k, m, g */
	int scale; /* decimals */
};

static bool read_unit(struct admin_call *c, struct size_form *out)
{
	struct slice text;

	out->unit = 'm';
	if (!admin_query(c->request, S("unit"), &text))
		return true;
	if (text.len == 1 && strchr("bkmg", ascii_lower((unsigned char)text.ptr[0]))) {
		out->unit = (char)ascii_lower((unsigned char)text.ptr[0]);
		return true;
	}
	admin_fail(c, 400, "invalid unit '%.*s' (expected 'k/K', 'm/M', or 'g/G')", SLICE_ARG(text));
	return false;
}

static bool read_scale(struct admin_call *c, struct size_form *out)
{
	struct slice text;
	double scale = 2;

	if (admin_query(c->request, S("scale"), &text) && admin_number(text, &scale) && scale < 0) {
		admin_fail(c, 400, "scale must be equal or greater than 0");
		return false;
	}
	out->scale = scale > 15 ? 15 : (int)scale;
	return true;
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

/* Bytes of this process: address space and what of it is in memory. */
static void process_memory(uint64_t *total, uint64_t *resident)
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

static json_t *memory_json(const struct size_form *form)
{
	uint64_t total, resident;

	process_memory(&total, &resident);
	json_t *pool = json_pack(
	        "{s:o, s:o}", "allocated_slabs", size_json(resident, form), "capacity", size_json(total, form));
	return json_pack("{s:[{s:i, s:o}], s:{s:o}}", "workers_lua_vms", "pid", (int)getpid(), "http_allocated_gc",
	        size_json(resident, form), "lua_shared_dicts", "kong", pool);
}

static json_t *server_json(const struct server_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections_accepted", (json_int_t)s->accepted,
	        "connections_active", (json_int_t)s->active, "connections_handled", (json_int_t)s->handled,
	        "connections_reading", (json_int_t)s->reading, "connections_waiting", (json_int_t)s->waiting,
	        "connections_writing", (json_int_t)s->writing, "total_requests", (json_int_t)s->requests);
}

void admin_status(struct admin_call *c)
{
	struct size_form form;

	if (!read_unit(c, &form) || !read_scale(c, &form))
		return;
	c->response->status = 200;
	c->response->json = json_pack("{s:o, s:o, s:{s:b}}", "memory", memory_json(&form), "server",
	        server_json(&c->stats), "database", "reachable", (int)store_ping(c->store));
}
