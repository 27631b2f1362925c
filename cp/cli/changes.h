/* changes: what differs between two states of the configuration, as the Admin API lists it, for people. */
#ifndef CP_CLI_CHANGES_H
#define CP_CLI_CHANGES_H

#include <jansson.h>

#include "common/core/text.h"

/* An array of {"kind","id","name","change","fields":[{"field","from","to"}]}: a line each with +, ~ or -, and a line
 * per field below it. */
void changes_print(const json_t *changes);
/* A line on stdout, without control characters: those of a configuration must not reach the terminal. */
void changes_print_text(const struct text *t);

#endif
