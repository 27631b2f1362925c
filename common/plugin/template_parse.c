/* template_parse: an expression's text to its tree, by precedence: or, and, comparisons, "..", sums, products, and
 * what stands before a value. */
#include <stdlib.h>

#include "common/plugin/template_private.h"

struct node *parser_fail(struct parser *p)
{
	p->failed = true;
	return NULL;
}

struct node *parser_fail_because(struct parser *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return parser_fail(p);
}

struct node *parser_node(struct parser *p, enum node_kind kind)
{
	if (p->failed || ++p->nodes > NODES_MAX)
		return parser_fail(p);
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

static bool is_at(const struct parser *p, const char *two)
{
	return p->end - p->at >= 2 && p->at[0] == two[0] && p->at[1] == two[1];
}

void parser_skip_blanks(struct parser *p)
{
	for (;;) {
		while (p->at < p->end && memchr(" \t\r\n", *p->at, 4))
			p->at++;
		if (!p->is_chunk || !is_at(p, "--"))
			return;
		while (p->at < p->end && *p->at != '\n')
			p->at++;
	}
}

bool parser_take(struct parser *p, const char *symbol)
{
	size_t n = strlen(symbol);
	parser_skip_blanks(p);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, symbol, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* An identifier or keyword; unset: there is none. */
struct slice parser_peek_word(struct parser *p)
{
	parser_skip_blanks(p);
	const char *end = p->at;
	while (end < p->end && (is_alpha(*end) || (end > p->at && is_digit(*end))))
		end++;
	return end > p->at ? slice_of(p->at, (size_t)(end - p->at)) : slice_of(NULL, 0);
}

bool parser_take_word(struct parser *p, const char *word)
{
	struct slice found = parser_peek_word(p);
	if (!slice_is_set(found) || !slice_eq(found, slice_cstr(word)))
		return false;
	p->at += found.len;
	return true;
}

bool parser_is_reserved(struct slice word)
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
	struct node *n = parser_node(p, NODE_LITERAL);
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
			return parser_fail(p);
		out[n++] = (char)ch;
	}
	if (p->at == p->end)
		return parser_fail(p);
	p->at++;
	return text_node(p, slice_of(out, n));
}

static bool is_at_number(struct parser *p)
{
	parser_skip_blanks(p);
	size_t sign = p->at < p->end && *p->at == '-';
	return p->at + sign < p->end && is_digit(p->at[sign]);
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
		return parser_fail(p);
	struct node *node = parser_node(p, NODE_LITERAL);
	if (node)
		node->literal = (struct value){.type = VALUE_NUMBER, .number = number};
	return node;
}

/* ---- paths and calls ------------------------------------------------------------------------------------------- */

static struct node *name_node(struct parser *p, struct slice word)
{
	struct node *n = parser_node(p, NODE_NAME);
	if (n)
		n->literal.text = word;
	return n;
}

static struct node *library_node(struct parser *p, struct slice path, struct slice name)
{
	struct node *n = parser_node(p, NODE_LITERAL);
	if (n && !library_find(path, name, &n->literal))
		return parser_fail_because(p, "it names a function or a variable that there is not here");
	return n;
}

/* Chunks name what they have made, or what the library has. */
static struct node *known_name(struct parser *p, struct slice word)
{
	for (unsigned i = p->locals_count; i-- > 0;) {
		if (!slice_eq(p->locals[i], word))
			continue;
		struct node *n = parser_node(p, NODE_SLOT);
		if (n)
			n->slot = i;
		return n;
	}
	return table_global(word).type == VALUE_FUNCTION || slice_eq(word, S("string"))
	               ? name_node(p, word)
	               : library_node(p, slice_of(NULL, 0), word);
}

static struct node *parse_name(struct parser *p)
{
	if (parser_take_word(p, "nil"))
		return parser_node(p, NODE_LITERAL);
	bool yes = parser_take_word(p, "true");
	struct node *n;
	if (yes || parser_take_word(p, "false")) {
		n = parser_node(p, NODE_LITERAL);
		if (n)
			n->literal = (struct value){.type = VALUE_BOOLEAN, .boolean = yes};
		return n;
	}
	struct slice word = parser_peek_word(p);
	if (!slice_is_set(word) || parser_is_reserved(word))
		return parser_fail(p);
	p->at += word.len;
	return p->is_chunk ? known_name(p, word) : name_node(p, word);
}

/* [key] = value, name = value, or a value. */
static struct node *parse_item(struct parser *p)
{
	struct node *n = parser_node(p, NODE_ITEM);
	const char *from = p->at;
	struct slice word = parser_peek_word(p);

	if (!n)
		return NULL;
	if (parser_take(p, "[")) {
		n->right = parser_expression(p);
		if (!parser_take(p, "]") || !parser_take(p, "="))
			return parser_fail(p);
	} else if (slice_is_set(word) && !parser_is_reserved(word)) {
		p->at += word.len;
		parser_skip_blanks(p);
		if (!is_at(p, "==") && parser_take(p, "="))
			n->right = text_node(p, word);
		else
			p->at = from;
	}
	n->left = parser_expression(p);
	return n;
}

static struct node *parse_table(struct parser *p)
{
	struct node *n = parser_node(p, NODE_TABLE), **last = n ? &n->left : NULL;

	while (n && !p->failed && !parser_take(p, "}")) {
		*last = parse_item(p);
		if (!*last || (n->left->right == NULL) != ((*last)->right == NULL))
			return parser_fail_because(p, "a table is either a list or has a name for each member");
		last = &(*last)->next;
		if (!parser_take(p, ",") && !parser_take(p, ";") && (p->at == p->end || *p->at != '}'))
			return parser_fail(p);
	}
	return n;
}

static struct node *parse_start(struct parser *p)
{
	parser_skip_blanks(p);
	if (p->at == p->end)
		return parser_fail(p);
	if (*p->at == '"' || *p->at == '\'')
		return parse_text(p, *p->at++);
	if (is_at_number(p))
		return parse_number(p);
	if (p->is_chunk && parser_take(p, "{"))
		return parse_table(p);
	if (!parser_take(p, "("))
		return parse_name(p);
	struct node *inner = parser_expression(p);
	return parser_take(p, ")") ? inner : parser_fail(p);
}

static struct node *index_node(struct parser *p, struct node *of, struct node *key)
{
	struct node *n = parser_node(p, NODE_INDEX);
	if (!n || !of || !key)
		return parser_fail(p);
	n->left = of;
	n->right = key;
	return n;
}

static struct node *parse_field(struct parser *p, struct node *of)
{
	struct slice word = parser_peek_word(p);
	if (!slice_is_set(word) || parser_is_reserved(word))
		return parser_fail(p);
	p->at += word.len;
	if (of && of->kind == NODE_LITERAL && of->literal.type == VALUE_TABLE && of->literal.table == TABLE_LIBRARY)
		return library_node(p, of->literal.text, word);
	return index_node(p, of, text_node(p, word));
}

/* self: the value before a ':'; NULL: there is none. */
static struct node *parse_call(struct parser *p, struct node *function, struct node *self)
{
	struct node *n = parser_node(p, NODE_CALL);
	if (!n || !function)
		return parser_fail(p);
	n->left = function;
	if (self)
		n->args[n->args_count++] = self;
	if (parser_take(p, ")"))
		return n;
	do {
		if (n->args_count == CALL_ARGS_MAX)
			return parser_fail(p);
		n->args[n->args_count++] = parser_expression(p);
	} while (!p->failed && parser_take(p, ","));
	return parser_take(p, ")") ? n : parser_fail(p);
}

/* text:lower() is string.lower(text) */
static struct node *parse_method(struct parser *p, struct node *self)
{
	struct node *library = parser_node(p, NODE_NAME);
	if (!library)
		return NULL;
	library->literal.text = S("string");
	struct node *function = parse_field(p, library);
	return parser_take(p, "(") ? parse_call(p, function, self) : parser_fail(p);
}

static struct node *parse_path(struct parser *p)
{
	struct node *n = parse_start(p);
	while (!p->failed) {
		parser_skip_blanks(p);
		if (!is_at(p, "..") && parser_take(p, ".")) {
			n = parse_field(p, n);
		} else if (parser_take(p, "[")) {
			n = index_node(p, n, parser_expression(p));
			if (!parser_take(p, "]"))
				return parser_fail(p);
		} else if (parser_take(p, "(")) {
			n = parse_call(p, n, NULL);
		} else if (parser_take(p, ":")) {
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
	struct node *n = parser_node(p, kind);
	if (!n || !left || !right)
		return parser_fail(p);
	n->left = left;
	n->right = right;
	return n;
}

static struct node *parse_unary(struct parser *p)
{
	enum node_kind kind = parser_take_word(p, "not") ? NODE_NOT : parser_take(p, "#") ? NODE_LENGTH : NODE_NEGATE;
	if (kind == NODE_NEGATE && (is_at_number(p) || !parser_take(p, "-")))
		return parse_path(p);
	struct node *n = parser_node(p, kind);
	if (!n || ++p->depth > NESTING_MAX)
		return parser_fail(p);
	n->left = parse_unary(p);
	p->depth--;
	return n;
}

static struct node *parse_product(struct parser *p)
{
	struct node *n = parse_unary(p);
	while (!p->failed) {
		if (parser_take(p, "*"))
			n = two(p, NODE_MULTIPLY, n, parse_unary(p));
		else if (parser_take(p, "/"))
			n = two(p, NODE_DIVIDE, n, parse_unary(p));
		else if (parser_take(p, "%"))
			n = two(p, NODE_MODULO, n, parse_unary(p));
		else
			break;
	}
	return n;
}

static struct node *parse_sum(struct parser *p)
{
	struct node *n = parse_product(p);
	while (!p->failed) {
		if (parser_take(p, "+"))
			n = two(p, NODE_ADD, n, parse_product(p));
		else if (parser_take(p, "-"))
			n = two(p, NODE_SUBTRACT, n, parse_product(p));
		else
			break;
	}
	return n;
}

/* From the left: the text is the same either way. */
static struct node *parse_concat(struct parser *p)
{
	struct node *n = parse_sum(p);
	while (!p->failed && parser_take(p, ".."))
		n = two(p, NODE_CONCAT, n, parse_sum(p));
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
		if (parser_take(p, all[i].symbol)) {
			n = two(p, all[i].kind, n, parse_concat(p));
			i = (size_t)-1;
		}
	return n;
}

static struct node *parse_and(struct parser *p)
{
	struct node *n = parse_comparison(p);
	while (!p->failed && parser_take_word(p, "and"))
		n = two(p, NODE_AND, n, parse_comparison(p));
	return n;
}

struct node *parser_expression(struct parser *p)
{
	if (++p->depth > NESTING_MAX)
		return parser_fail(p);
	struct node *n = parse_and(p);
	while (!p->failed && parser_take_word(p, "or"))
		n = two(p, NODE_OR, n, parse_and(p));
	p->depth--;
	return n;
}

const struct node *template_parse(struct arena *a, struct slice text)
{
	struct parser p = {.arena = a, .at = text.ptr, .end = text.ptr + text.len};
	const struct node *n = parser_expression(&p);
	parser_skip_blanks(&p);
	return p.failed || p.at != p.end ? NULL : n;
}
