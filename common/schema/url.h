/* url: absolute and relative URLs taken apart, as far as settings and entities need it. */
#ifndef COMMON_SCHEMA_URL_H
#define COMMON_SCHEMA_URL_H

#include "common/core/slice.h"

/* Parts that are not there are unset. The query and the fragment are left out. */
struct url {
	struct slice scheme, host, port, path;
};

/* Never fails: text without a scheme and an authority is all path. */
struct url url_split(struct slice text);

#endif
