/* expr_private: what the parser's files share. */
#ifndef COMMON_EXPR_EXPR_PRIVATE_H
#define COMMON_EXPR_EXPR_PRIVATE_H

#include "common/expr/expr.h"

struct parser {
	struct slice text, rest; /* rest: what has not been read yet, a part of text */
	enum expr_schema schema;
	struct arena *arena;
	struct err *e;
	struct expr *out;
	unsigned depth, predicates, regexes_cap;
};

static inline size_t expr_at(const struct parser *p)
{
	return (size_t)(p->rest.ptr - p->text.ptr);
}

/* "expected <what> at byte <n>"; false. */
bool expr_expected(struct parser *p, const char *what);

/* ---- expr_literal.c: the value at p->rest, which is read ---- */
bool expr_literal_read(struct parser *p, struct expr_value *out);
bool expr_literal_is_string(struct slice rest);

/* ---- expr_types.c ---- */

/* The field of that name in the schema; false with e set. */
bool expr_types_field(struct parser *p, struct slice name, struct expr_predicate *out);
bool expr_types_is_string(enum expr_field field);
/* Do field, operator and value go together? */
bool expr_types_check(const struct expr_predicate *predicate, struct err *e);

#endif
