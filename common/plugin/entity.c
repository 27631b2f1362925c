/* entity: see entity.h. What a plugin may be attached to and which protocols it knows is its own to say (plugin.h).
 */
#include "common/plugin/entity.h"

#include <stdio.h>

#include "common/entity/protocols.h"
#include "common/plugin/registry.h"
#include "common/schema/decode.h"

static const struct field fields[] = {
        ID_FIELD(struct plugin_entity),
        FIELD(struct plugin_entity, name, .flags = REQUIRED | SCOPE, .doc = "Which plugin: rate-limiting."),
        FIELD(struct plugin_entity, instance_name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY,
                .doc = "A unique name for this configuration of the plugin."),
        CREATED_AT_FIELD(struct plugin_entity),
        UPDATED_AT_FIELD(struct plugin_entity),
        FIELD(struct plugin_entity, route, .dflt = "null", .ref = "routes", .on_delete = ON_DELETE_CASCADE,
                .flags = SCOPE, .doc = "If set, it only runs for requests of this route."),
        FIELD(struct plugin_entity, service, .dflt = "null", .ref = "services", .on_delete = ON_DELETE_CASCADE,
                .flags = SCOPE, .doc = "If set, it only runs for requests to this service."),
        FIELD(struct plugin_entity, consumer, .dflt = "null", .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .flags = SCOPE, .doc = "If set, it only runs for requests of this consumer."),
        FIELD(struct plugin_entity, consumer_group, .ref = "consumer_groups", .on_delete = ON_DELETE_CASCADE,
                .flags = SCOPE | ADDITION,
                .doc = "If set, it only runs for requests of consumers of this group, unless one for the consumer does."),
        {.name = "config", .type = TYPE_RECORD, .doc = "The plugin's own settings."},
        FIELD(struct plugin_entity, protocols, .dflt = PLUGIN_PROTOCOLS, .flags = REQUIRED | AS_SET,
                STRINGS(.one_of = PROTOCOL_NAMES), .doc = "The protocols that it runs for."),
        FIELD(struct plugin_entity, enabled, .dflt = "true", .flags = REQUIRED, .doc = "Whether it runs at all."),
        FIELD(struct plugin_entity, ordering, .dflt = "null", .flags = ADDITION, .record = &ordering_schema,
                .doc = "Other plugins that it runs before or after, whatever their priorities say."),
        TAGS_FIELD(struct plugin_entity),
        {0},
};

static const struct plugin *plugin_of(const json_t *entity)
{
	const json_t *name = json_object_get(entity, "name");
	return json_is_string(name) ? registry_find(slice_cstr(json_string_value(name))) : NULL;
}

static void check_scopes(const json_t *merged, bool is_update, struct violations *v)
{
	static const struct {
		const char *name;
		unsigned scope;
	} scopes[] = {{"route", SCOPE_ROUTE}, {"service", SCOPE_SERVICE}, {"consumer", SCOPE_CONSUMER}};
	const struct plugin *plugin = plugin_of(merged);

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
		const json_t *value = json_object_get(merged, scopes[i].name);
		if (value && !json_is_null(value) && !(plugin->scopes & scopes[i].scope))
			violations_replace(v, scopes[i].name, "value must be null");
	}
	/* where Kong has no such field, neither do we */
	const json_t *group = json_object_get(merged, "consumer_group");
	if (group && !json_is_null(group) && !(plugin->scopes & SCOPE_CONSUMER_GROUP))
		violations_replace(v, "consumer_group", "unknown field");
	else if (group && !json_is_null(group) && !json_is_null(json_object_get(merged, "consumer")))
		violations_add_entity(
		        v, "only one or none of these fields must be set: 'consumer', 'consumer_group'");
}

static bool is_http_protocol(const char *name)
{
	for (const char *const *known = PROTOCOL_NAMES_HTTP; *known; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

static void check_protocols(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *protocols = json_object_get(merged, "protocols"), *protocol;
	size_t i;

	if (plugin_of(merged)->protocols == PROTOCOLS_ANY)
		return;
	json_array_foreach(protocols, i, protocol)
	{
		char path[48];
		snprintf(path, sizeof path, "protocols.%zu", i + 1);
		if (json_is_string(protocol) && !is_http_protocol(json_string_value(protocol)))
			violations_replace(v, path, "expected one of: grpc, grpcs, http, https");
	}
}

static const struct entity_check checks[] = {
        CUSTOM(check_scopes),
        CUSTOM(check_protocols),
        {0},
};

/* Without a plugin that we have, nothing else can be said about the entity. */
static const struct schema *choose_config(const json_t *input, const char **field, struct err *e)
{
	const json_t *name = json_object_get(input, "name");
	const struct plugin *plugin = plugin_of(input);

	if (plugin)
		return plugin->config;
	*field = "name";
	if (!name || json_is_null(name))
		err_set(e, "required field missing");
	else if (!json_is_string(name))
		err_set(e, "expected a string");
	else
		err_set(e, "plugin '%s' not enabled; add it to the 'plugins' configuration property",
		        json_string_value(name));
	return NULL;
}

static void put_protocols(json_t *row)
{
	const struct plugin *plugin = plugin_of(row);
	if (plugin && plugin->default_protocols && !json_object_get(row, "protocols"))
		json_object_set_new(row, "protocols", schema_literal(plugin->default_protocols));
}

const struct schema plugin_schema = {
        .name = "plugins",
        .path = "plugins",
        .size = sizeof(struct plugin_entity),
        .fields = fields,
        .checks = checks,
        .defaults = put_protocols,
        .subschema = choose_config,
        .doc = "One configuration of a plugin, and what it is attached to.",
};

void plugin_check_config(const json_t *record, struct violations *v)
{
	const struct plugin *p = plugin_of(record);
	const void *compiled;
	struct arena a;
	struct err e;

	if (!p || !p->compile)
		return;
	arena_init(&a);
	void *conf = schema_decode_new(p->config, json_object_get(record, "config"), &a, &e);
	if (!conf || !p->compile(conf, &a, &compiled, &e))
		violations_add(v, "config", "%s", e.message);
	arena_fini(&a);
}
