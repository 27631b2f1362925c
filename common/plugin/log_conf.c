/* log_conf: see log_conf.h. */
#include "common/plugin/log_conf.h"

#include "common/core/log.h"
#include "common/plugin/chunk.h"

struct log_fields {
	size_t n;
	struct log_field_code {
		struct slice key;
		const struct chunk *chunk;
	} items[];
};

struct compiled {
	const struct sink *sink;
	const struct log_fields *fields; /* NULL: none */
};

/* ---- what is written ------------------------------------------------------------------------------------------- */

void log_conf_check(const json_t *merged, bool is_update, struct violations *v)
{
	json_t *map = json_object_get(json_object_get(merged, "config"), "custom_fields_by_lua"), *code;
	const char *key;
	struct arena a;
	struct err e;

	if (json_object_size(map) && !template_runs_lua()) {
		violations_replace(v, "config.custom_fields_by_lua",
		        "loading of untrusted Lua code disabled because 'untrusted_lua' config option is set to 'off'");
		return;
	}
	arena_init(&a);
	json_object_foreach(map, key, code)
	{
		struct slice text = slice_of(json_string_value(code), json_string_length(code));
		if (json_is_string(code) && !chunk_compile(&a, text, &e))
			violations_replace(
			        v, "config.custom_fields_by_lua", "Error parsing function: '%s' %s", key, e.message);
	}
	arena_fini(&a);
}

const struct entity_check log_conf_checks[] = {CUSTOM(log_conf_check), {0}};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

bool log_conf_fields(struct arena *a, const struct slice_map *map, const struct log_fields **out, struct err *e)
{
	struct log_fields *f;

	*out = NULL;
	if (!map->len)
		return true;
	f = arena_alloc(a, sizeof *f + map->len * sizeof f->items[0]);
	f->n = map->len;
	for (size_t i = 0; i < f->n; i++) {
		f->items[i] = (struct log_field_code){map->items[i].key, chunk_compile(a, map->items[i].value, e)};
		if (!f->items[i].chunk)
			return err_prefix(e, "custom_fields_by_lua '%.*s'", SLICE_ARG(map->items[i].key));
	}
	*out = f;
	return true;
}

bool log_conf_compile(
        struct arena *a, struct sink *sink, const struct slice_map *map, const void **compiled, struct err *e)
{
	struct compiled *c = arena_new(a, struct compiled);

	sink_ready(sink);
	c->sink = sink;
	*compiled = c;
	return log_conf_fields(a, map, &c->fields, e);
}

/* ---- the log phase --------------------------------------------------------------------------------------------- */

void log_conf_add_fields(struct call *c, const struct log_fields *f)
{
	struct template_env env;
	const char *why;
	json_t *value;

	if (!f || !template_runs_lua())
		return;
	template_env_init(&env, c);
	for (size_t i = 0; i < f->n; i++) {
		if (chunk_run(f->items[i].chunk, &env, &value, &why))
			call_log_set(c, f->items[i].key, value);
		else
			log_warn("a member of the log record was not made", LOG_STR("plugin", c->plugin->name),
			        LOG_SLICE("member", f->items[i].key), LOG_STR("why", why),
			        LOG_SLICE("request", c->x->request_id));
	}
}

enum verdict log_conf_send(struct call *c)
{
	const struct compiled *compiled = c->compiled;

	log_conf_add_fields(c, compiled->fields);
	call_sink(c, compiled->sink, call_log_record(c));
	return GO;
}
