/* formats: the named string checks of entities.md section 2, with their exact messages. */
#ifndef COMMON_SCHEMA_FORMATS_H
#define COMMON_SCHEMA_FORMATS_H

#include "common/schema/schema.h"

/* False with the user's text in e. Some formats normalise: *replacement is then set (on the arena), else left unset.
 */
bool format_check(enum format format, struct slice value, struct arena *a, struct slice *replacement, struct err *e);

#endif
