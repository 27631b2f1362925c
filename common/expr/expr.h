/* expr: an expression of a route, parsed and type-checked (proxy.md ). Pure data on an arena; evaluating it is
 * the data plane's business. */
#ifndef COMMON_EXPR_EXPR_H
#define COMMON_EXPR_EXPR_H

#include "common/core/arena.h"
#include "common/core/err.h"
#include "common/core/ip.h"

/* What a client may make us keep and walk. */
enum { EXPR_TEXT_MAX = 64 * 1024, EXPR_DEPTH_MAX = 64, EXPR_PREDICATES_MAX = 4096 };

/* Which fields there are: chosen by the first of a route's protocols. */
enum expr_schema { EXPR_HTTP, EXPR_STREAM };

enum expr_field {
	EXPR_NET_PROTOCOL,
	EXPR_TLS_SNI,
	EXPR_METHOD,
	EXPR_HOST,
	EXPR_PATH,
	EXPR_SEGMENTS,     /* first..last of the path's segments, joined */
	EXPR_SEGMENTS_LEN, /* how many there are */
	EXPR_HEADER,       /* name */
	EXPR_QUERY,        /* name */
	EXPR_SRC_IP,
	EXPR_SRC_PORT,
	EXPR_DST_IP,
	EXPR_DST_PORT,
};

enum expr_op {
	EXPR_EQ,
	EXPR_NE,
	EXPR_REGEX,
	EXPR_PREFIX,
	EXPR_SUFFIX,
	EXPR_GE,
	EXPR_GT,
	EXPR_LE,
	EXPR_LT,
	EXPR_IN,
	EXPR_NOT_IN,
	EXPR_CONTAINS,
};

enum expr_type { EXPR_STRING, EXPR_INT, EXPR_IP, EXPR_CIDR };

struct expr_value {
	enum expr_type type;
	struct slice text;       /* STRING */
	int64_t number;          /* INT */
	struct ip_range network; /* IP (of one address), CIDR */
};

struct expr_predicate {
	enum expr_field field;
	struct slice name;    /* of EXPR_HEADER ('-' written '_') and EXPR_QUERY */
	uint32_t first, last; /* of EXPR_SEGMENTS */
	bool lower, any;
	enum expr_op op;
	struct expr_value value;
	uint32_t regex; /* of EXPR_REGEX: its number in the expression, from 0 */
};

struct expr_node {
	enum { EXPR_PREDICATE, EXPR_AND, EXPR_OR, EXPR_NOT } kind;
	const struct expr_node *left, *right; /* NOT: left only */
	struct expr_predicate predicate;
};

struct expr {
	const struct expr_node *root;
	const struct slice *regexes; /* texts, by number */
	uint32_t regexes_count;
	bool has_old_port; /* says net.port, which is now net.dst.port */
};

/* The tree is on the arena and points into `text`. NULL with e set: the text that users see behind "Router Expression
 * failed validation: ". */
const struct expr *expr_parse(struct slice text, enum expr_schema schema, struct arena *a, struct err *e);

#endif
