/* expr_parse: the grammar of by recursive descent, one function per rule. Called for every route that is
 * written and, in the data plane, for every one that comes; the text is the user's, so its length, the nesting and
 * the number of predicates are limited. */
#include "common/expr/expr_private.h"

#include "common/expr/rust_regex.h"

bool expr_expected(struct parser *p, const char *what)
{
	return err_set(p->e, "expected %s at byte %zu", what, expr_at(p) + 1);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct parser *p)
{
	while (p->rest.len && is_blank(p->rest.ptr[0]))
		p->rest = slice_from(p->rest, 1);
}

static bool take(struct parser *p, struct slice token)
{
	skip_blanks(p);
	if (!slice_starts(p->rest, token))
		return false;
	p->rest = slice_from(p->rest, token.len);
	return true;
}

/* ---- left-hand side ----------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool read_word(struct parser *p, struct slice *out)
{
	size_t n = 0;

	skip_blanks(p);
	if (p->rest.len == 0 || !is_letter(p->rest.ptr[0]))
		return false;
	while (n < p->rest.len && is_word(p->rest.ptr[n]))
		n++;
	*out = slice_of(p->rest.ptr, n);
	p->rest = slice_from(p->rest, n);
	return true;
}

static bool note_function(struct parser *p, struct slice name, struct expr_predicate *out)
{
	if (slice_eq(name, S("lower")))
		return out->lower = true;
	if (slice_eq(name, S("any")))
		return out->any = true;
	return err_set(p->e, "unknown transformation function: %.*s", (int)(name.len < 80 ? name.len : 80), name.ptr);
}

/* Functions around a field: lower(any(http.headers.x)). */
static bool read_lhs(struct parser *p, struct expr_predicate *out)
{
	struct slice word;
	unsigned open = 0;

	for (;;) {
		if (!read_word(p, &word))
			return expr_expected(p, "term");
		if (!take(p, S("(")))
			break;
		if (++open > EXPR_DEPTH_MAX)
			return err_set(p->e, "more than %d functions around a field", EXPR_DEPTH_MAX);
		if (!note_function(p, word, out))
			return false;
	}
	if (!expr_types_field(p, word, out))
		return false;
	for (; open > 0; open--)
		if (!take(p, S(")")))
			return expr_expected(p, "')'");
	if (out->lower && !expr_types_is_string(out->field))
		return err_set(p->e, "lower-case transformation function only supported with String type fields");
	return true;
}

/* ---- predicates --------------------------------------------------------------------------------------------- */

/* The longer of two that begin alike stands first. */
static const struct {
	struct slice token;
	enum expr_op op;
} operators[] = {
        {SLICE("=="), EXPR_EQ},
        {SLICE("!="), EXPR_NE},
        {SLICE("=^"), EXPR_SUFFIX},
        {SLICE("^="), EXPR_PREFIX},
        {SLICE("~"), EXPR_REGEX},
        {SLICE(">="), EXPR_GE},
        {SLICE(">"), EXPR_GT},
        {SLICE("<="), EXPR_LE},
        {SLICE("<"), EXPR_LT},
        {SLICE("contains"), EXPR_CONTAINS},
        {SLICE("in"), EXPR_IN},
};

static bool read_operator(struct parser *p, enum expr_op *out)
{
	if (take(p, S("not"))) {
		*out = EXPR_NOT_IN;
		return take(p, S("in")) || expr_expected(p, "'in'");
	}
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		if (take(p, operators[i].token)) {
			*out = operators[i].op;
			return true;
		}
	}
	return expr_expected(p, "an operator");
}

static bool note_regex(struct parser *p, struct expr_predicate *out)
{
	if (!rust_regex_accepts(out->value.text, p->e))
		return false;
	if (p->out->regexes_count == p->regexes_cap) {
		p->regexes_cap = p->regexes_cap ? p->regexes_cap * 2 : 4;
		struct slice *more = arena_array(p->arena, struct slice, p->regexes_cap);
		if (p->out->regexes_count)
			memcpy(more, p->out->regexes, sizeof *more * p->out->regexes_count);
		p->out->regexes = more;
	}
	out->regex = p->out->regexes_count++;
	((struct slice *)p->out->regexes)[out->regex] = out->value.text; /* our own, read-only to others */
	return true;
}

static bool read_predicate(struct parser *p, struct expr_predicate *out)
{
	if (++p->predicates > EXPR_PREDICATES_MAX)
		return err_set(p->e, "more than %d predicates", EXPR_PREDICATES_MAX);
	if (!read_lhs(p, out) || !read_operator(p, &out->op))
		return false;
	skip_blanks(p);
	if (out->op == EXPR_REGEX && !expr_literal_is_string(p->rest))
		return err_set(p->e, "regex operator can only be used with String operands");
	if (!expr_literal_read(p, &out->value) || !expr_types_check(out, p->e))
		return false;
	return out->op != EXPR_REGEX || note_regex(p, out);
}

/* ---- terms -------------------------------------------------------------------------------------------------- */

static const struct expr_node *read_expression(struct parser *p);

static struct expr_node *new_node(struct parser *p, int kind, const struct expr_node *left)
{
	struct expr_node *n = arena_new(p->arena, struct expr_node);

	n->kind = kind;
	n->left = left;
	return n;
}

static const struct expr_node *read_group(struct parser *p)
{
	if (++p->depth > EXPR_DEPTH_MAX) {
		err_set(p->e, "nested deeper than %d parentheses", EXPR_DEPTH_MAX);
		return NULL;
	}
	const struct expr_node *inner = read_expression(p);
	p->depth--;
	if (inner && !take(p, S(")"))) {
		expr_expected(p, "')'");
		return NULL;
	}
	return inner;
}

static const struct expr_node *read_term(struct parser *p)
{
	if (take(p, S("(")))
		return read_group(p);
	if (take(p, S("!"))) {
		if (!take(p, S("("))) {
			expr_expected(p, "term");
			return NULL;
		}
		const struct expr_node *inner = read_group(p);
		return inner ? new_node(p, EXPR_NOT, inner) : NULL;
	}
	struct expr_node *n = new_node(p, EXPR_PREDICATE, NULL);
	return read_predicate(p, &n->predicate) ? n : NULL;
}

typedef const struct expr_node *(*rule_fn)(struct parser *p);

/* rule { token rule }, to the left. */
static const struct expr_node *read_series(struct parser *p, rule_fn rule, struct slice token, int kind)
{
	const struct expr_node *left = rule(p);

	while (left && take(p, token)) {
		struct expr_node *n = new_node(p, kind, left);
		if (!(n->right = rule(p)))
			return NULL;
		left = n;
	}
	return left;
}

static const struct expr_node *read_alternatives(struct parser *p)
{
	return read_series(p, read_term, S("||"), EXPR_OR);
}

static const struct expr_node *read_expression(struct parser *p)
{
	return read_series(p, read_alternatives, S("&&"), EXPR_AND);
}

const struct expr *expr_parse(struct slice text, enum expr_schema schema, struct arena *a, struct err *e)
{
	struct expr *out = arena_new(a, struct expr);
	struct parser p = {.text = text, .rest = text, .schema = schema, .arena = a, .e = e, .out = out};

	if (text.len > EXPR_TEXT_MAX) {
		err_set(e, "longer than %d bytes", EXPR_TEXT_MAX);
		return NULL;
	}
	if (!(out->root = read_expression(&p)))
		return NULL;
	skip_blanks(&p);
	if (p.rest.len == 0)
		return out;
	expr_expected(&p, "'&&', '||' or the end");
	return NULL;
}
