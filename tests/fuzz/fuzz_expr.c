/* Targets: whatever the text, parsing ends with a tree or an error, the tree's parts lie where they should, and a
 * text that parses does so again inside parentheses, with the same regexes. */
#include <stdlib.h>

#include "common/core/text.h"
#include "common/expr/expr.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_node(const struct expr *x, const struct expr_node *n, unsigned *predicates)
{
	if (n->kind != EXPR_PREDICATE) {
		REQUIRE(n->left && (n->kind == EXPR_NOT) == !n->right);
		check_node(x, n->left, predicates);
		if (n->right)
			check_node(x, n->right, predicates);
		return;
	}
	const struct expr_predicate *p = &n->predicate;
	REQUIRE(++*predicates <= EXPR_PREDICATES_MAX);
	REQUIRE(p->field != EXPR_SEGMENTS || p->first <= p->last);
	REQUIRE(p->op != EXPR_REGEX || (p->regex < x->regexes_count && p->value.type == EXPR_STRING));
	REQUIRE((p->op == EXPR_IN || p->op == EXPR_NOT_IN) == (p->value.type == EXPR_CIDR));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct err e = {""};
	struct text again = {0};
	unsigned predicates = 0;

	arena_init(&a);
	struct slice text = slice_of((const char *)data, size);
	enum expr_schema schema = size && data[0] & 1 ? EXPR_HTTP : EXPR_STREAM;
	text = slice_from(text, 1);
	const struct expr *x = expr_parse(text, schema, &a, &e);
	REQUIRE(x || e.message[0]);
	if (x) {
		check_node(x, x->root, &predicates);
		text_putc(&again, '(');
		text_put(&again, text);
		text_putc(&again, ')');
		const struct expr *y = expr_parse(text_slice(&again), schema, &a, &e);
		REQUIRE(y ? y->regexes_count == x->regexes_count
		          : text.len + 2 > EXPR_TEXT_MAX || strstr(e.message, "nested"));
	}
	text_fini(&again);
	arena_fini(&a);
	return 0;
}
