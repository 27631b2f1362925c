/* template_parse: an expression's text to its tree, by precedence: or, and, comparisons, "..", not. */
#include <stdlib.h>

#include "common/plugin/template_private.h"

struct parser {
	struct arena *arena;
	const char *at, *end;
	unsigned nodes, depth;
	bool failed;
};

static struct node *fail(struct parser *p)
{
	p->failed = true;
	return NULL;
}

static struct node *new_node(struct parser *p, enum node_kind kind)
{
	if (p->failed || ++p->nodes > NODES_MAX)
		return fail(p);
	struct node *n = arena_new(p->arena, struct node);
	n->kind = kind;
	return n;
}

static bool is_alpha(char ch)
{
	unsigned char low = ascii_lower((unsigned char)ch);
	return (low >= 'a' && low <= 'z') || ch == '_';
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && memchr(" \t\r\n", *p->at, 4))
		p->at++;
}

static bool take(struct parser *p, const char *symbol)
{
	size_t n = strlen(symbol);
	skip_blanks(p);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, symbol, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* An identifier or keyword; unset: there is none. */
static struct slice peek_word(struct parser *p)
{
	skip_blanks(p);
	const char *end = p->at;
	while (end < p->end && (is_alpha(*end) || (end > p->at && is_digit(*end))))
		end++;
	return end > p->at ? slice_of(p->at, (size_t)(end - p->at)) : slice_of(NULL, 0);
}

static bool take_word(struct parser *p, const char *word)
{
	struct slice found = peek_word(p);
	if (!slice_is_set(found) || !slice_eq(found, slice_cstr(word)))
		return false;
	p->at += found.len;
	return true;
}

static bool is_reserved(struct slice word)
{
	static const char *const words[] = {"and", "break", "do", "else", "elseif", "end", "for", "function", "goto",
	        "if", "in", "local", "not", "or", "repeat", "return", "then", "until", "while"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq(word, slice_cstr(words[i])))
			return true;
	return false;
}

/* ---- literals -------------------------------------------------------------------------------------------------- */

static struct node *text_node(struct parser *p, struct slice text)
{
	struct node *n = new_node(p, NODE_LITERAL);
	if (n)
		n->literal = (struct value){.type = VALUE_STRING, .text = text};
	return n;
}

/* Behind a backslash; the parser stands at the character that says which. */
static int escape(struct parser *p)
{
	static const char names[] = "abfnrtv\\\"'\n", values[] = "\a\b\f\n\r\t\v\\\"'\n";
	const char *known = memchr(names, *p->at, sizeof names - 1);
	int code = 0, digits = 0;

	if (known) {
		p->at++;
		return (unsigned char)values[known - names];
	}
	for (; digits < 3 && p->at < p->end && is_digit(*p->at); digits++)
		code = code * 10 + (*p->at++ - '0');
	return digits > 0 && code < 256 ? code : -1;
}

static struct node *parse_text(struct parser *p, char quote)
{
	char *out = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1);
	size_t n = 0;

	while (p->at < p->end && *p->at != quote) {
		int ch = (unsigned char)*p->at++;
		if (ch == '\\')
			ch = p->at < p->end ? escape(p) : -1;
		if (ch < 0)
			return fail(p);
		out[n++] = (char)ch;
	}
	if (p->at++ == p->end)
		return fail(p);
	return text_node(p, slice_of(out, n));
}

static struct node *parse_number(struct parser *p)
{
	char text[64], *end;
	size_t n = (size_t)(p->end - p->at) < sizeof text - 1 ? (size_t)(p->end - p->at) : sizeof text - 1;

	memcpy(text, p->at, n);
	text[n] = '\0';
	double number = strtod(text, &end);
	p->at += end - text;
	if (p->at < p->end && is_alpha(*p->at)) /* "1x" */
		return fail(p);
	struct node *node = new_node(p, NODE_LITERAL);
	if (node)
		node->literal = (struct value){.type = VALUE_NUMBER, .number = number};
	return node;
}

/* ---- paths and calls ------------------------------------------------------------------------------------------- */

static struct node *parse_expression(struct parser *p);

static struct node *parse_name(struct parser *p)
{
	if (take_word(p, "nil"))
		return new_node(p, NODE_LITERAL);
	bool yes = take_word(p, "true");
	struct node *n;
	if (yes || take_word(p, "false")) {
		n = new_node(p, NODE_LITERAL);
		if (n)
			n->literal = (struct value){.type = VALUE_BOOLEAN, .boolean = yes};
		return n;
	}
	struct slice word = peek_word(p);
	if (!slice_is_set(word) || is_reserved(word))
		return fail(p);
	p->at += word.len;
	n = new_node(p, NODE_NAME);
	if (n)
		n->literal.text = word;
	return n;
}

static struct node *parse_start(struct parser *p)
{
	skip_blanks(p);
	if (p->at == p->end)
		return fail(p);
	if (*p->at == '"' || *p->at == '\'')
		return parse_text(p, *p->at++);
	if (is_digit(*p->at) || (*p->at == '-' && p->at + 1 < p->end && is_digit(p->at[1])))
		return parse_number(p);
	if (!take(p, "("))
		return parse_name(p);
	struct node *inner = parse_expression(p);
	return take(p, ")") ? inner : fail(p);
}

static struct node *index_node(struct parser *p, struct node *of, struct node *key)
{
	struct node *n = new_node(p, NODE_INDEX);
	if (!n || !of || !key)
		return fail(p);
	n->left = of;
	n->right = key;
	return n;
}

static struct node *parse_field(struct parser *p, struct node *of)
{
	struct slice word = peek_word(p);
	if (!slice_is_set(word) || is_reserved(word))
		return fail(p);
	p->at += word.len;
	return index_node(p, of, text_node(p, word));
}

/* self: the value before a ':'; NULL: there is none. */
static struct node *parse_call(struct parser *p, struct node *function, struct node *self)
{
	struct node *n = new_node(p, NODE_CALL);
	if (!n || !function)
		return fail(p);
	n->left = function;
	if (self)
		n->args[n->args_count++] = self;
	if (take(p, ")"))
		return n;
	do {
		if (n->args_count == CALL_ARGS_MAX)
			return fail(p);
		n->args[n->args_count++] = parse_expression(p);
	} while (!p->failed && take(p, ","));
	return take(p, ")") ? n : fail(p);
}

/* text:lower() is string.lower(text) */
static struct node *parse_method(struct parser *p, struct node *self)
{
	struct node *library = new_node(p, NODE_NAME);
	if (!library)
		return NULL;
	library->literal.text = S("string");
	struct node *function = parse_field(p, library);
	return take(p, "(") ? parse_call(p, function, self) : fail(p);
}

static bool is_at_concat(const struct parser *p)
{
	return p->end - p->at >= 2 && p->at[0] == '.' && p->at[1] == '.';
}

static struct node *parse_path(struct parser *p)
{
	struct node *n = parse_start(p);
	while (!p->failed) {
		skip_blanks(p);
		if (!is_at_concat(p) && take(p, ".")) {
			n = parse_field(p, n);
		} else if (take(p, "[")) {
			n = index_node(p, n, parse_expression(p));
			if (!take(p, "]"))
				return fail(p);
		} else if (take(p, "(")) {
			n = parse_call(p, n, NULL);
		} else if (take(p, ":")) {
			n = parse_method(p, n);
		} else {
			return n;
		}
	}
	return NULL;
}

/* ---- operators ------------------------------------------------------------------------------------------------- */

static struct node *two(struct parser *p, enum node_kind kind, struct node *left, struct node *right)
{
	struct node *n = new_node(p, kind);
	if (!n || !left || !right)
		return fail(p);
	n->left = left;
	n->right = right;
	return n;
}

static struct node *parse_not(struct parser *p)
{
	if (!take_word(p, "not"))
		return parse_path(p);
	struct node *n = new_node(p, NODE_NOT);
	if (!n || ++p->depth > NESTING_MAX)
		return fail(p);
	n->left = parse_not(p);
	p->depth--;
	return n;
}

/* From the left: the text is the same either way. */
static struct node *parse_concat(struct parser *p)
{
	struct node *n = parse_not(p);
	while (!p->failed && take(p, ".."))
		n = two(p, NODE_CONCAT, n, parse_not(p));
	return n;
}

static struct node *parse_comparison(struct parser *p)
{
	static const struct {
		const char *symbol;
		enum node_kind kind;
	} all[] = {
	        {"==", NODE_EQ}, {"~=", NODE_NE}, {"<=", NODE_LE}, {">=", NODE_GE}, {"<", NODE_LT}, {">", NODE_GT}};
	struct node *n = parse_concat(p);

	for (size_t i = 0; !p->failed && i < sizeof all / sizeof all[0]; i++)
		if (take(p, all[i].symbol)) {
			n = two(p, all[i].kind, n, parse_concat(p));
			i = (size_t)-1;
		}
	return n;
}

static struct node *parse_and(struct parser *p)
{
	struct node *n = parse_comparison(p);
	while (!p->failed && take_word(p, "and"))
		n = two(p, NODE_AND, n, parse_comparison(p));
	return n;
}

static struct node *parse_expression(struct parser *p)
{
	if (++p->depth > NESTING_MAX)
		return fail(p);
	struct node *n = parse_and(p);
	while (!p->failed && take_word(p, "or"))
		n = two(p, NODE_OR, n, parse_and(p));
	p->depth--;
	return n;
}

const struct node *template_parse(struct arena *a, struct slice text)
{
	struct parser p = {.arena = a, .at = text.ptr, .end = text.ptr + text.len};
	const struct node *n = parse_expression(&p);
	skip_blanks(&p);
	return p.failed || p.at != p.end ? NULL : n;
}
