/* markdown: what references that are made from tables of fields have in common. */
#ifndef CP_CLI_MARKDOWN_H
#define CP_CLI_MARKDOWN_H

#include "common/schema/schema.h"

/* Text of a cell: a '|' would end it. */
void markdown_cell(const char *text);
/* Values that the field may have, as far as its table says: words, a range, a form. */
void markdown_allowed(const struct field *f);

#endif
