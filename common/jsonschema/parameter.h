/* parameter: what a query argument, a header or a part of the path says, as the JSON value that its schema is about
 * (the styles of OpenAPI 3). Which of the ways to read it is meant follows from the types that the schema allows;
 * what cannot be read so stays a string, and will not conform. */
#ifndef COMMON_JSONSCHEMA_PARAMETER_H
#define COMMON_JSONSCHEMA_PARAMETER_H

#include "common/http/form.h"
#include "common/jsonschema/jsonschema.h"

enum parameter_style {
	STYLE_FORM,
	STYLE_SPACE_DELIMITED,
	STYLE_PIPE_DELIMITED,
	STYLE_DEEP_OBJECT,
	STYLE_SIMPLE,
	STYLE_LABEL,
	STYLE_MATRIX
};
struct parameter {
	struct slice name;
	enum parameter_style style;
	bool explode;
	const struct jsonschema *schema;
};

/* New references; NULL: the query has no such parameter. */
json_t *parameter_of_query(const struct parameter *p, const struct form *query);
/* Of a header (simple) or of the path (simple, label, matrix). */
json_t *parameter_of_text(const struct parameter *p, struct slice text);

#endif
