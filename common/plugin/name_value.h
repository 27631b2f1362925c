/* name_value: rules of transformers, "name:value" and "old:new" in a list of strings. */
#ifndef COMMON_PLUGIN_NAME_VALUE_H
#define COMMON_PLUGIN_NAME_VALUE_H

#include "common/schema/schema.h"

/* The n-th of a list: its name, and *value what stands behind the first colon; empty, not unset, when nothing does.
 */
struct slice name_value_at(const struct slice_list *list, size_t i, struct slice *value);

/* Checks of elements, for .check. A name and a colon: "invalid value: x". */
bool name_value_check(const struct field *f, json_t **value, struct err *e);
/* And both sides are names of headers: "'a b' is not a valid header". */
bool name_value_check_header_names(const struct field *f, json_t **value, struct err *e);

bool name_value_is_header_name(struct slice s); /* of letters, digits, '-' and '_' */

#endif
