/* regex: regular expressions (PCRE) in configurations of plugins: of user agents, of origins. Compiled once per
 * configuration and snapshot, on its arena; read-only afterwards, for any thread. */
#ifndef COMMON_PLUGIN_REGEX_H
#define COMMON_PLUGIN_REGEX_H

#include "common/core/arena.h"
#include "common/core/err.h"

struct regex;

enum regex_place {
	REGEX_ANYWHERE,
	REGEX_WHOLE, /* from the first byte to the last */
	REGEX_TEXT,  /* anywhere, as JSON Schema has it: text is UTF-8, which the caller knows it to be */
};

/* NULL with e set when the text does not compile. */
const struct regex *regex_compile(struct arena *a, struct slice text, enum regex_place place, struct err *e);
/* One that needs more than its share of steps or memory (text made to be slow) is too slow: it does not match. */
enum regex_outcome { REGEX_TOO_SLOW = -1, REGEX_NO, REGEX_YES };
enum regex_outcome regex_try(const struct regex *r, struct slice subject);
bool regex_matches(const struct regex *r, struct slice subject);

#endif
