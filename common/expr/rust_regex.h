/* rust_regex: the regular expressions of every router flavour but `traditional`: Rust's dialect, compiled by
 * PCRE2 with the options that make it read the same, after what that dialect lacks has been refused. */
#ifndef COMMON_EXPR_RUST_REGEX_H
#define COMMON_EXPR_RUST_REGEX_H

#include "common/core/err.h"
#include "common/core/slice.h"

/* False with e set: look-around, back-references, possessive quantifiers and atomic groups, and what does not compile
 * at all. */
bool rust_regex_accepts(struct slice text, struct err *e);
/* For pcre2_compile(). */
uint32_t rust_regex_options(void);

#endif
