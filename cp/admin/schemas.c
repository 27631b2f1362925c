/* schemas: see schemas.h. */
#include "cp/admin/schemas.h"

#include "common/core/clock.h"
#include "common/entity/described.h"
#include "common/entity/vault.h"
#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "common/schema/describe.h"
#include "common/schema/load.h"
#include "cp/admin/body.h"
#include "cp/admin/errors.h"
#include "cp/admin/rules.h"

/* ---- descriptions ---------------------------------------------------------------------------------------------- */

/* A kind, or what is described only. */
static const struct schema *entity_of(struct slice name)
{
	const struct schema *kind = kinds_by_name(name);
	return kind ? kind : described_by_name(name);
}

void admin_schema_entity(struct admin_call *c)
{
	const struct schema *kind = entity_of(c->params[0]);

	if (!kind) {
		admin_fail(c, 404, "No entity named '%.*s'", SLICE_ARG(c->params[0]));
		return;
	}
	c->response->status = 200;
	c->response->json = schema_describe(kind);
}

static const struct plugin *plugin_or_404(struct admin_call *c)
{
	const struct plugin *p = registry_find(c->params[0]);

	if (!p)
		admin_fail(c, 404, "No plugin named '%.*s'", SLICE_ARG(c->params[0]));
	return p;
}

static void add_closed_scope(
        json_t *fields, const struct plugin *p, unsigned scope, const char *name, const char *kind)
{
	if (!(p->scopes & scope))
		json_array_append_new(
		        fields, json_pack("{s:{s:s, s:s, s:n, s:s}}", name, "type", "foreign", "reference", kind,
		                        "eq", "description", "This plugin cannot be attached to it: always null."));
}

static json_t *protocols_of(const struct plugin *p)
{
	const struct field http = {.type = TYPE_STRING, .one_of = ONE_OF("grpc", "grpcs", "http", "https")};
	const struct field any = {.type = TYPE_STRING,
	        .one_of = ONE_OF("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")};
	const struct field fields[] = {{.name = "protocols",
	                                       .type = TYPE_SET,
	                                       .flags = REQUIRED,
	                                       .dflt = p->default_protocols ? p->default_protocols : PLUGIN_PROTOCOLS,
	                                       .elements = p->protocols == PROTOCOLS_HTTP ? &http : &any,
	                                       .doc = "The protocols for which the plugin runs."},
	        {0}};
	const struct schema protocols = {.name = "protocols", .fields = fields};
	json_t *described = schema_describe(&protocols);
	json_t *field = json_incref(json_array_get(json_object_get(described, "fields"), 0));

	json_decref(described);
	return field;
}

/* The config record of a plugin or a vault. */
static json_t *config_of(const struct schema *schema)
{
	json_t *described = schema_describe(schema);
	json_t *config = json_pack(
	        "{s:s, s:b, s:O}", "type", "record", "required", 1, "fields", json_object_get(described, "fields"));
	json_t *shorthands = json_object_get(described, "shorthand_fields");

	if (shorthands)
		json_object_set(config, "shorthand_fields", shorthands);
	json_decref(described);
	return config;
}

void admin_schema_plugin(struct admin_call *c)
{
	const struct plugin *p = plugin_or_404(c);

	if (!p)
		return;
	json_t *fields = json_array();
	add_closed_scope(fields, p, SCOPE_CONSUMER, "consumer", "consumers");
	add_closed_scope(fields, p, SCOPE_SERVICE, "service", "services");
	add_closed_scope(fields, p, SCOPE_ROUTE, "route", "routes");
	json_array_append_new(fields, protocols_of(p));
	json_t *config = config_of(p->config), *described = schema_describe(p->config);
	json_t *checks = json_object_get(described, "entity_checks"), *none = json_array();
	if (p->config->checks_within)
		json_object_set(config, "entity_checks", checks);
	json_array_append_new(fields, json_pack("{s:o}", "config", config));
	c->response->status = 200;
	c->response->json = json_pack(
	        "{s:o, s:O}", "fields", fields, "entity_checks", p->config->checks_within ? none : checks);
	json_decref(none);
	json_decref(described);
}

void admin_plugin_config_schema(struct admin_call *c)
{
	const struct plugin *p = plugin_or_404(c);

	if (!p)
		return;
	c->response->status = 200;
	c->response->json = config_of(p->config);
}

void admin_schema_vault(struct admin_call *c)
{
	const struct schema *config = vault_config(c->params[0]);

	if (config) {
		c->response->status = 200;
		c->response->json = json_pack(
		        "{s:[{s:o}], s:[]}", "fields", "config", config_of(config), "entity_checks");
		return;
	}
	admin_fail(c, 404, "No vault named '%.*s'", SLICE_ARG(c->params[0]));
}

void admin_schema_filter(struct admin_call *c)
{
	admin_fail(c, 404, "Filter '%.*s' not found", SLICE_ARG(c->params[0]));
}

void admin_plugins_enabled(struct admin_call *c)
{
	json_t *names = json_array();

	for (size_t i = 0; i < registry_count(); i++)
		json_array_append_new(names, json_string(registry_at(i)->name));
	c->response->status = 200;
	c->response->json = json_pack("{s:o}", "enabled_plugins", names);
}

/* ---- validation ------------------------------------------------------------------------------------------------ */

/* With defaults, but neither uniqueness nor existence: the database is not asked. */
static void validate(struct admin_call *c, const struct schema *kind)
{
	struct load_options options = {.op = LOAD_CREATE, .now_ms = clock_wall_ms(), .target = kinds_by_name};
	const struct admin_rules *rules = admin_rules_of(kind);
	struct violations v = {0};
	json_t *record = NULL;

	c->target.kind = kind; /* for the hint */
	if (!admin_body_prepare(c, kind, NULL))
		return;
	if (schema_load(kind, c->input, &options, &record, &v) && rules->check)
		rules->check(c, NULL, record, &v);
	json_decref(record);
	if (has_violations(&v))
		admin_violations(c, &v);
	else
		admin_fail(c, 200, "schema validation successful");
}

void admin_schema_validate(struct admin_call *c)
{
	const struct schema *kind = entity_of(c->params[0]);

	if (kind)
		validate(c, kind);
	else
		admin_fail(c, 404, "No entity named '%.*s'", SLICE_ARG(c->params[0]));
}

void admin_schema_validate_plugin(struct admin_call *c)
{
	validate(c, &plugin_schema);
}

void admin_schema_validate_vault(struct admin_call *c)
{
	validate(c, &vault_schema);
}
