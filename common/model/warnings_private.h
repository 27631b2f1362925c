/* What the files of warnings share. */
#ifndef COMMON_MODEL_WARNINGS_PRIVATE_H
#define COMMON_MODEL_WARNINGS_PRIVATE_H

#include "common/model/warnings.h"

/* warnings_routes.c: routes that never get a request. */
void warnings_of_routes(const struct document *d, warning_fn fn, void *arg);

#endif
