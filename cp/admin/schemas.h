/* schemas: what records look like, and checks without writing (admin-api.md 7.6 and 8.6). */
#ifndef CP_ADMIN_SCHEMAS_H
#define CP_ADMIN_SCHEMAS_H

#include "cp/admin/call.h"

void admin_schema_entity(struct admin_call *c);          /* /schemas/:name */
void admin_schema_plugin(struct admin_call *c);          /* /schemas/plugins/:name */
void admin_schema_vault(struct admin_call *c);           /* /schemas/vaults/:name */
void admin_schema_filter(struct admin_call *c);          /* /schemas/filters/:name */
void admin_schema_validate(struct admin_call *c);        /* /schemas/:name/validate */
void admin_schema_validate_plugin(struct admin_call *c); /* /schemas/plugins/validate */
void admin_schema_validate_vault(struct admin_call *c);  /* /schemas/vaults/validate */
void admin_plugins_enabled(struct admin_call *c);        /* /plugins/enabled */
void admin_plugin_config_schema(struct admin_call *c);   /* /plugins/schema/:name */

#endif
