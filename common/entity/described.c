/* described: see described.h. Nobody decodes these, so there are no C structs; the tables say what the fields are. */
#include "common/entity/described.h"

#define UUID_ROW .type = TYPE_STRING, .format = FORMAT_UUID
#define CREATED_AT_ROW                                                                 \
	{                                                                              \
		.name = "created_at", .type = TYPE_INTEGER, .flags = AUTO | TIMESTAMP, \
		.doc = "When it was created, in Unix seconds."                         \
	}
#define UPDATED_AT_ROW                                                                           \
	{                                                                                        \
		.name = "updated_at", .type = TYPE_INTEGER, .flags = AUTO | TIMESTAMP | UPDATED, \
		.doc = "When it was last changed, in Unix seconds."                              \
	}
#define ID_ROW                                                        \
	{                                                             \
		.name = "id", UUID_ROW, .flags = AUTO, .doc = "UUID." \
	}
#define TAGS_ROW                                                                                    \
	{                                                                                           \
		.name = "tags", .type = TYPE_SET, STRINGS(.format = FORMAT_TAG, .flags = REQUIRED), \
		.doc = "Labels for grouping and filtering."                                         \
	}

/* ---- filter chains -------------------------------------------------------------------------------------------- */

static const struct field filter_fields[] = {
        {.name = "name",
                .type = TYPE_STRING,
                .flags = REQUIRED,
                .one_of = (const char *const[]){NULL},
                .err = "no such filter",
                .doc = "Which filter; none is installed."},
        {.name = "enabled", .type = TYPE_BOOLEAN, .flags = REQUIRED, .dflt = "true", .doc = "Whether it runs."},
        {.name = "config",
                .type = TYPE_JSON,
                .flags = OPTIONAL,
                .described_as = "{'json_schema':{'parent_subschema_key':'name','namespace':'proxy-wasm-filters',"
                                "'optional':true,'default':{'$schema':'http://json-schema.org/draft-04/schema#',"
                                "'type':['string','null']}}}",
                .doc = "The filter's own settings."},
        {0},
};

static const struct schema filter_schema = {.name = "filter", .fields = filter_fields};

static const struct field filter_chain_fields[] = {
        ID_ROW,
        {.name = "name",
                .type = TYPE_STRING,
                .flags = UNIQUE | ENDPOINT_KEY,
                .format = FORMAT_UTF8_NAME,
                .doc = "A unique name."},
        {.name = "enabled", .type = TYPE_BOOLEAN, .flags = REQUIRED, .dflt = "true", .doc = "Whether it runs."},
        {.name = "route",
                .type = TYPE_FOREIGN,
                .flags = UNIQUE,
                .dflt = "null",
                .ref = "routes",
                .on_delete = ON_DELETE_CASCADE,
                .doc = "The route whose requests it sees."},
        {.name = "service",
                .type = TYPE_FOREIGN,
                .flags = UNIQUE,
                .dflt = "null",
                .ref = "services",
                .on_delete = ON_DELETE_CASCADE,
                .doc = "The service whose requests it sees."},
        {.name = "filters",
                .type = TYPE_ARRAY,
                .flags = REQUIRED,
                LEN_MIN(1),
                RECORDS(filter_schema),
                .doc = "The filters, in order."},
        CREATED_AT_ROW,
        UPDATED_AT_ROW,
        TAGS_ROW,
        {0},
};

static const struct entity_check filter_chain_checks[] = {
        MUTUALLY_EXCLUSIVE("service", "route"),
        AT_LEAST_ONE_OF("service", "route"),
        CUSTOM(NULL, .described_as = "{'field_sources':['filters'],'run_with_invalid_fields':true}"),
        {0},
};

const struct schema filter_chain_schema = {
        .name = "filter_chains",
        .fields = filter_chain_fields,
        .checks = filter_chain_checks,
        .doc = "WebAssembly filters of a route or a service.",
};

/* ---- workspaces ----------------------------------------------------------------------------------------------- */

static const struct schema nothing = {.name = "nothing", .fields = (const struct field[]){{0}}};

static const struct field workspace_fields[] = {
        ID_ROW,
        {.name = "name",
                .type = TYPE_STRING,
                .flags = REQUIRED | UNIQUE,
                LEN_MIN(1),
                .format = FORMAT_UTF8_NAME,
                .not_one_of = NOT_ONE_OF("workspaces", "consumers", "certificates", "services", "routes", "snis",
                        "upstreams", "targets", "plugins", "tags", "ca_certificates", "clustering_data_planes",
                        "parameters", "vaults", "key_sets", "keys", "filter_chains"),
                .doc = "A unique name; there is one, default."},
        {.name = "comment", .type = TYPE_STRING, .doc = "What it is for."},
        CREATED_AT_ROW,
        UPDATED_AT_ROW,
        {.name = "meta", .type = TYPE_RECORD, .flags = REQUIRED, .record = &nothing, .doc = "Nothing."},
        {.name = "config", .type = TYPE_RECORD, .flags = REQUIRED, .record = &nothing, .doc = "Nothing."},
        {0},
};

const struct schema workspace_schema = {
        .name = "workspaces", .fields = workspace_fields, .doc = "A configuration among others; there is one."};

/* ---- tags and parameters -------------------------------------------------------------------------------------- */

static const struct field tag_fields[] = {
        {.name = "tag", .type = TYPE_STRING, .flags = REQUIRED, .format = FORMAT_TAG, .doc = "The tag."},
        {.name = "entity_name", .type = TYPE_STRING, .flags = REQUIRED, .doc = "The kind of what has it."},
        {.name = "entity_id", UUID_ROW, .flags = AUTO | REQUIRED, .doc = "What has it."},
        {0},
};

const struct schema tag_schema = {.name = "tags", .fields = tag_fields, .doc = "That an entity has a tag."};

static const struct field parameter_fields[] = {
        CREATED_AT_ROW,
        {.name = "key", .type = TYPE_STRING, .flags = REQUIRED | UNIQUE, .doc = "Which: cluster_id."},
        {.name = "value", .type = TYPE_STRING, .flags = REQUIRED, .doc = "Its value."},
        {0},
};

const struct schema parameter_schema = {
        .name = "parameters", .fields = parameter_fields, .doc = "What the cluster knows about itself."};

/* ---- data planes ---------------------------------------------------------------------------------------------- */

static const struct field cert_details_fields[] = {
        {.name = "expiry_timestamp",
                .type = TYPE_NUMBER,
                .flags = TIMESTAMP | OPTIONAL,
                .doc = "When its certificate expires, in Unix seconds."},
        {0},
};

static const struct schema cert_details_schema = {.name = "cert_details", .fields = cert_details_fields};

static const struct field data_plane_fields[] = {
        {.name = "id", UUID_ROW, .flags = AUTO | REQUIRED, .doc = "The node's id."},
        {.name = "last_seen",
                .type = TYPE_INTEGER,
                .flags = AUTO | TIMESTAMP,
                .doc = "When it was last heard of, in Unix seconds."},
        UPDATED_AT_ROW,
        {.name = "ip", .type = TYPE_STRING, .flags = REQUIRED, .format = FORMAT_IP, .doc = "Its address."},
        {.name = "config_hash", .type = TYPE_STRING, LEN_EQ(32), .doc = "Which configuration it runs."},
        {.name = "hostname", .type = TYPE_STRING, .flags = REQUIRED, .format = FORMAT_HOST, .doc = "Its host name."},
        {.name = "version",
                .type = TYPE_STRING,
                .described_as = "{'match_none':[{'err':'must not have empty version segments','pattern':'%.%.'}],"
                                "'match_any':{'err':'invalid version number: must be in format of X.Y.Z',"
                                "'patterns':['^%d+[%.%d]*$','^%d+[%.%d]*%-?.*$']}}",
                .doc = "The release it runs."},
        {.name = "sync_status",
                .type = TYPE_STRING,
                .flags = REQUIRED,
                .dflt = "'unknown'",
                .one_of = ONE_OF("unknown", "normal", "kong_version_incompatible", "plugin_set_incompatible",
                        "plugin_version_incompatible", "filter_set_incompatible"),
                .doc = "Whether it can apply what it is sent."},
        {.name = "labels",
                .type = TYPE_MAP,
                KEYS(),
                VALUES(.type = TYPE_STRING),
                .doc = "What its settings call it."},
        {.name = "cert_details",
                .type = TYPE_RECORD,
                .flags = REQUIRED,
                .record = &cert_details_schema,
                .doc = "About its certificate."},
        {.name = "rpc_capabilities", .type = TYPE_SET, STRINGS(), .doc = "What it can be asked."},
        {0},
};

const struct schema clustering_data_plane_schema = {
        .name = "clustering_data_planes", .fields = data_plane_fields, .doc = "A data plane that has connected."};

/* ---- counters of rate-limiting --------------------------------------------------------------------------------- */

static const struct field metric_fields[] = {
        {.name = "identifier", .type = TYPE_STRING, .flags = REQUIRED | EMPTY_OK, .doc = "Who is counted."},
        {.name = "period", .type = TYPE_STRING, .flags = REQUIRED, .doc = "second, minute, ..."},
        {.name = "period_date", .type = TYPE_INTEGER, .flags = REQUIRED | TIMESTAMP, .doc = "When it began."},
        {.name = "service_id", UUID_ROW, .flags = REQUIRED, .doc = "The service, or the nil UUID."},
        {.name = "route_id", UUID_ROW, .flags = REQUIRED, .doc = "The route, or the nil UUID."},
        {.name = "value", .type = TYPE_INTEGER, .flags = REQUIRED, .doc = "How many."},
        {0},
};

const struct schema ratelimiting_metric_schema = {
        .name = "ratelimiting_metrics", .fields = metric_fields, .doc = "How often somebody has called."};

const struct schema *described_by_name(struct slice name)
{
	static const struct schema *const all[] = {&filter_chain_schema, &workspace_schema, &tag_schema,
	        &parameter_schema, &clustering_data_plane_schema, &ratelimiting_metric_schema};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (slice_eq(slice_cstr(all[i]->name), name))
			return all[i];
	return NULL;
}
