/* entity: the plugin entity's schema; scopes, protocols and `config` come from the plugin that `name` names. See entity.h. */
#include "common/plugin/entity.h"

#include <stdio.h>

#include "common/entity/protocols.h"
#include "common/plugin/registry.h"
#include "common/schema/violations.h"

static const struct plugin *plugin_of(const json_t *input)
{
	const json_t *name = json_object_get(input, "name");
	return json_is_string(name) ? registry_find(slice_cstr(json_string_value(name))) : NULL;
}

static const struct schema *subschema(const json_t *input, const char **field, struct err *e)
{
	const json_t *name = json_object_get(input, "name");
	const struct plugin *p = plugin_of(input);

	*field = "name";
	if (p)
		return p->config;
	if (!name || json_is_null(name))
		err_set(e, "required field missing");
	else if (!json_is_string(name))
		err_set(e, "expected a string");
	else
		err_set(e, "plugin '%s' not enabled; add it to the 'plugins' configuration property", json_string_value(name));
	return NULL;
}

static const struct field fields[] = {
	ID_FIELD(struct plugin_entity),
	FIELD(struct plugin_entity, name, .flags = REQUIRED | SCOPE, .doc = "Which plugin."),
	FIELD(struct plugin_entity, instance_name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE | ENDPOINT_KEY,
		.doc = "A unique name for this configuration."),
	CREATED_AT_FIELD(struct plugin_entity),
	UPDATED_AT_FIELD(struct plugin_entity),
	FIELD(struct plugin_entity, route, .ref = "routes", .on_delete = ON_DELETE_CASCADE, .flags = SCOPE,
		.doc = "Only for requests of this route."),
	FIELD(struct plugin_entity, service, .ref = "services", .on_delete = ON_DELETE_CASCADE, .flags = SCOPE,
		.doc = "Only for requests to this service."),
	FIELD(struct plugin_entity, consumer, .ref = "consumers", .on_delete = ON_DELETE_CASCADE, .flags = SCOPE,
		.doc = "Only for requests of this consumer."),
	{.name = "config", .type = TYPE_RECORD, .flags = REQUIRED, .doc = "The plugin's own settings."},
	FIELD(struct plugin_entity, protocols, .dflt = "['grpc','grpcs','http','https']", .flags = REQUIRED | AS_SET,
		STRINGS(.one_of = PROTOCOL_NAMES), .doc = "The protocols it is for."),
	FIELD(struct plugin_entity, enabled, .dflt = "true", .flags = REQUIRED, .doc = "Whether it runs."),
	TAGS_FIELD(struct plugin_entity),
	{0},
};

static void check_scopes(const json_t *row, bool is_update, struct violations *v)
{
	static const struct {
		const char *name;
		unsigned scope;
	} scopes[] = {{"route", SCOPE_ROUTE}, {"service", SCOPE_SERVICE}, {"consumer", SCOPE_CONSUMER}};
	const struct plugin *p = plugin_of(row);
	(void)is_update;
	for (int i = 0; p && i < 3; i++)
		if (!(p->scopes & scopes[i].scope) && !json_is_null(json_object_get(row, scopes[i].name)))
			violations_add(v, scopes[i].name, "value must be null");
}

static bool is_http(const char *name)
{
	static const char *const http[] = {"grpc", "grpcs", "http", "https"};
	for (int i = 0; i < 4; i++)
		if (strcmp(http[i], name) == 0)
			return true;
	return false;
}

static void check_protocols(const json_t *row, bool is_update, struct violations *v)
{
	const struct plugin *p = plugin_of(row);
	const json_t *list = json_object_get(row, "protocols");
	char path[32];
	(void)is_update;
	for (size_t i = 0; p && p->protocols == PROTOCOLS_HTTP && i < json_array_size(list); i++)
		if (!is_http(json_string_value(json_array_get(list, i)))) {
			snprintf(path, sizeof path, "protocols.%zu", i + 1);
			violations_add(v, path, "expected one of: grpc, grpcs, http, https");
		}
}

static const struct entity_check checks[] = {
	{.kind = CHECK_CUSTOM, .check = check_scopes},
	{.kind = CHECK_CUSTOM, .check = check_protocols},
	{0},
};

const struct schema plugin_schema = {
	.name = "plugins",
	.path = "plugins",
	.size = sizeof(struct plugin_entity),
	.fields = fields,
	.checks = checks,
	.subschema = subschema,
	.doc = "One configuration of a plugin, and what it is attached to.",
};
