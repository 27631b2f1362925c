/* openapi: see openapi.h. This file makes the frame and the components; paths are openapi_paths.c's. */
#include "cp/admin/openapi.h"

#include "common/core/release.h"
#include "common/plugin/registry.h"
#include "common/schema/describe.h"
#include "common/schema/json_schema.h"
#include "cp/admin/errors.h"
#include "cp/admin/routes.h"

static json_t *ref(const char *format, const char *a, const char *b)
{
	struct text t = {0};

	text_puts(&t, "#/components/schemas/");
	text_printf(&t, format, a, b);
	json_t *out = json_pack("{s:s}", "$ref", text_cstr(&t));
	text_fini(&t);
	return out;
}

/* ---- entities -------------------------------------------------------------------------------------------------- */

/* Rules across fields, as /schemas shows them. */
static void add_checks(json_t *schema, const struct schema *s)
{
	json_t *described = schema_describe(s), *checks = json_object_get(described, "entity_checks");

	if (json_array_size(checks) > 0)
		json_object_set(schema, "x-entity-checks", checks);
	json_decref(described);
}

/* NAME is what is answered, and what a PATCH takes any part of; NAME.new is what POST and PUT must be given. */
static void add_kind(json_t *schemas, const struct schema *kind)
{
	json_t *fields = schema_json_schema(kind), *needs = schema_needs(kind), *example = schema_example(kind);
	json_t *new = json_pack("{s:[o]}", "allOf", ref("%s%s", kind->name, ""));
	struct text name = {0};

	add_checks(fields, kind);
	if (json_array_size(needs) > 0)
		json_array_append_new(json_object_get(new, "allOf"), json_pack("{s:O}", "required", needs));
	json_object_set_new(new, "examples", json_pack("[O]", example));
	text_printf(&name, "%s.new", kind->name);
	json_object_set_new(schemas, kind->name, fields);
	json_object_set_new(schemas, text_cstr(&name), new);
	text_fini(&name);
	json_decref(needs);
	json_decref(example);
}

/* ---- plugins --------------------------------------------------------------------------------------------------- */

/* plugins.NAME is the config of one plugin. */
static void add_plugin(json_t *schemas, const struct plugin *p, json_t *variants)
{
	json_t *config = schema_json_schema(p->config), *needs = schema_needs(p->config);
	struct text name = {0};

	add_checks(config, p->config);
	if (json_array_size(needs) > 0)
		json_object_set(config, "required", needs);
	text_printf(&name, "plugins.%s", p->name);
	json_object_set_new(schemas, text_cstr(&name), config);
	json_array_append_new(variants, json_pack("{s:{s:{s:s},s:o}}", "properties", "name", "const", p->name,
	                                        "config", ref("plugins.%s%s", p->name, "")));
	text_fini(&name);
	json_decref(needs);
}

static void add_plugins(json_t *schemas)
{
	json_t *variants = json_array();

	for (size_t i = 0; i < registry_count(); i++)
		add_plugin(schemas, registry_at(i), variants);
	json_object_set_new(json_object_get(schemas, "plugins"), "oneOf", variants);
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

static json_t *error_schema(void)
{
	json_t *names = json_array();

	for (int code = 1; code <= ADMIN_CODE_MAX; code++)
		if (admin_code_name(code))
			json_array_append_new(names, json_string(admin_code_name(code)));
	return json_pack(
	        "{s:s,s:[s],s:{s:{s:[s,s],s:s},s:{s:s,s:i,s:i,s:s},s:{s:s,s:s,s:o},s:{s:s,s:s},s:{s:s,s:s}},s:s}",
	        "type", "object", "required", "message", "properties",                                            //
	        "message", "type", "string", "null", "description", "What is wrong, in words.",                   //
	        "code", "type", "integer", "minimum", 1, "maximum", ADMIN_CODE_MAX, "description",                //
	        "The kind of mistake, as a number; absent when message says it all.",                             //
	        "name", "type", "string", "description", "The same as words; code 10 is 'invalid unique FIELD'.", //
	        "examples", names,                                                                                //
	        "fields", "type", "object", "description",                                                        //
	        "What is wrong, by field, shaped like the input; '@entity' holds what concerns several.",         //
	        "options", "type", "object", "description", "The same for options such as tags (code 11).",       //
	        "description", "What every refusal answers.");
}

static void add_response(json_t *responses, const char *name, const char *description)
{
	json_object_set_new(responses, name,
	        json_pack("{s:s,s:{s:{s:o}}}", "description", description, "content", "application/json", "schema",
	                ref("%s%s", "error", "")));
}

static json_t *responses(void)
{
	json_t *out = json_pack("{s:{s:s,s:{s:{s:{s:s}}}}}", "NotYetLive", "description",
	        "It is stored, and with wait=all not all data planes have it in time; the entity and the laggards are named.",
	        "content", "application/json", "schema", "type", "object");

	add_response(
	        out, "Invalid", "The request is wrong: a body that cannot be read, fields, options, references.");
	add_response(out, "LoginNeeded", "admin_auth is on, and no token or certificate of an admin was shown.");
	add_response(out, "NotAllowed", "The role of the admin does not allow this.");
	add_response(out, "NotFound", "There is no such thing, or what it belongs to is not there.");
	add_response(
	        out, "ReadOnly", "There is no database: the configuration is a file, or what POST /config brings.");
	add_response(out, "Conflict", "Another entity has this unique value (code 5).");
	add_response(out, "TooLarge",
	        "The body is larger than admin_max_body_size, or for POST /config admin_max_document_size.");
	add_response(out, "UnknownMediaType", "Content-Type is not one of those listed.");
	add_response(
	        out, "TooManyLogins", "Too many failed logins from this address; Retry-After says how long to wait.");
	add_response(out, "Failed", "500: the control plane failed; 503: its database is away, or it is busy.");
	return out;
}

/* ---- the document ---------------------------------------------------------------------------------------------- */

/* Query arguments by what the paths call them; the name in the URL, where it differs, comes second. */
static const struct {
	const char *key, *name, *schema, *doc;
} arguments[] = {
        {"size", NULL, "{'type':'integer','minimum':1,'maximum':1000,'default':100}", "Rows of a page."},
        {"offset", NULL, "{'type':'string'}", "From the answer before: where to go on."},
        {"tags", NULL, "{'type':'string'}", "a,b: rows that have both tags; a/b: rows that have one of them."},
        {"version", NULL, "{'type':'integer','minimum':0}", "As it was at this version."},
        {"message", NULL, "{'type':'string','maxLength':4096}", "Why: kept with the version that is made."},
        {"wait", NULL, "{'const':'all'}", "Answer when all data planes have it."},
        {"wait_timeout", "timeout", "{'type':'string','examples':['5s','500ms']}", "How long to wait at most."},
        {"seconds", "timeout", "{'type':'integer','minimum':0,'default':60}", "For how many seconds."},
        {"admin", NULL, "{'type':'string'}", "Of this admin only, by name."},
        {"method", NULL, "{'type':'string'}", "Of this method only."},
        {"path", NULL, "{'type':'string'}", "Of paths that begin with this."},
        {"after", NULL, "{'type':'number'}", "Not before this time, in Unix seconds."},
        {"before", NULL, "{'type':'number'}", "Before this time, in Unix seconds."},
        {"status", NULL, "{'type':'integer'}", "Answered with this status."},
        {"url", NULL, "{'type':'string','pattern':'^https?://','examples':['https://api.example/orders/7?x=1']}",
                "Of the request in question."},
        {"asked_method", "method", "{'type':'string','default':'GET'}", "Of the request in question."},
        {"header", NULL, "{'type':'string','pattern':':'}", "NAME:VALUE; as often as wanted."},
        {"sni", NULL, "{'type':'string'}", "The name that the TLS handshake asks for."},
        {"dp", NULL, "{'type':'string'}", "The data plane to ask, by id or host name; otherwise any."},
        {"unit", NULL, "{'enum':['b','B','k','K','m','M','g','G'],'default':'m'}", "Of sizes."},
        {"scale", NULL, "{'type':'integer','minimum':0,'default':2}", "Decimals of sizes."},
};

static json_t *parameters(void)
{
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
		json_object_set_new(out, arguments[i].key,
		        json_pack("{s:b,s:s,s:s,s:s,s:o}", "required", strcmp(arguments[i].key, "url") == 0, "name",
		                arguments[i].name ? arguments[i].name : arguments[i].key, "in", "query",
		                "description", arguments[i].doc, "schema", schema_literal(arguments[i].schema)));
	return out;
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s},s:{s:s,s:s}}",                         //
	        "bearer", "type", "http", "scheme", "bearer", "description", "An admin's token.", //
	        "header", "type", "apiKey", "in", "header", "name", "Kong-Admin-Token",           //
	        "certificate", "type", "mutualTLS", "description",
	        "A certificate that an admin has as mtls_subject.");
}

static json_t *components(void)
{
	json_t *schemas = json_object();

	for (size_t i = 0; i < kinds_count(); i++)
		if (admin_nested_name(kinds_at(i))) /* others are seen through what they connect */
			add_kind(schemas, kinds_at(i));
	for (size_t i = 0; kinds_private_at(i); i++)
		add_kind(schemas, kinds_private_at(i));
	add_plugins(schemas);
	json_object_set_new(schemas, "error", error_schema());
	return json_pack("{s:o,s:o,s:o,s:o}", "schemas", schemas, "responses", responses(), "parameters",
	        parameters(), "securitySchemes", security_schemes());
}

static json_t *info(void)
{
	return json_pack("{s:s,s:s,s:s,s:{s:s,s:s}}", "title", "Gatehouse Admin API", "version", GATEHOUSE_RELEASE,
	        "description",
	        "Services, routes, plugins and all else that a gateway is made of. Where GET is listed HEAD answers too, without "
	        "a body; OPTIONS answers everywhere with Allow; other methods get 405. Forms are accepted wherever JSON is: "
	        "a.b=v, a[]=v, a[1]=v. Every write is a version: X-Gatehouse-Config-Version says which.",
	        "license", "name", "Apache-2.0", "identifier", "Apache-2.0");
}

void admin_openapi(struct admin_call *c)
{
	json_t *document = json_pack("{s:s,s:o,s:o,s:o}", "openapi", "3.1.0", "info", info(), "paths",
	        admin_openapi_paths(c->arena), "components", components());

	if (c->env->settings->admin_auth)
		json_object_set_new(
		        document, "security", json_pack("[{s:[]},{s:[]},{s:[]}]", "bearer", "header", "certificate"));
	c->response->status = 200;
	c->response->json = document;
}
