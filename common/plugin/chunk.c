/* chunk: see chunk.h. Statements to a list of nodes, and running them. */
#include "common/plugin/chunk.h"

#include "common/plugin/template_private.h"

struct chunk {
	const struct node *first;
};

/* ---- parsing --------------------------------------------------------------------------------------------------- */

static struct node *parse_block(struct parser *p);

static struct node *set_slot(struct parser *p, unsigned slot, struct node *value)
{
	struct node *n = parser_node(p, NODE_SET);
	if (!n)
		return NULL;
	n->slot = slot;
	n->left = value;
	return n;
}

static struct slice take_name(struct parser *p)
{
	struct slice name = parser_peek_word(p);
	if (!slice_is_set(name) || parser_is_reserved(name)) {
		parser_fail(p);
		return slice_of(NULL, 0);
	}
	p->at += name.len;
	return name;
}

/* The name is known behind the value only: `local a = a`. */
static struct node *parse_local(struct parser *p)
{
	struct slice name = take_name(p);
	struct node *value = parser_take(p, "=") ? parser_expression(p) : NULL;

	if (p->failed)
		return NULL;
	if (p->locals_count == LOCALS_MAX)
		return parser_fail_because(p, "it has too many locals");
	p->locals[p->locals_count] = name;
	return set_slot(p, p->locals_count++, value);
}

static struct node *parse_assignment(struct parser *p)
{
	struct slice name = take_name(p);
	unsigned slot = p->locals_count;

	if (!parser_take(p, "="))
		return parser_fail(p);
	while (slot > 0 && !slice_eq(p->locals[slot - 1], name))
		slot--;
	if (slot == 0)
		return parser_fail_because(p, "only a local can be assigned to");
	return set_slot(p, slot - 1, parser_expression(p));
}

/* Behind `if` or `elseif`, up to its end. */
static struct node *parse_if(struct parser *p)
{
	struct node *n = parser_node(p, NODE_IF);

	if (!n || ++p->depth > NESTING_MAX)
		return parser_fail(p);
	n->left = parser_expression(p);
	if (!parser_take_word(p, "then"))
		return parser_fail(p);
	n->right = parse_block(p);
	if (parser_take_word(p, "elseif"))
		n->otherwise = parse_if(p);
	else {
		if (parser_take_word(p, "else"))
			n->otherwise = parse_block(p);
		if (!parser_take_word(p, "end"))
			return parser_fail(p);
	}
	p->depth--;
	return n;
}

static bool is_at_block_end(struct parser *p)
{
	struct slice word = parser_peek_word(p);
	return p->at == p->end || slice_eq(word, S("end")) || slice_eq(word, S("else")) ||
	       slice_eq(word, S("elseif"));
}

/* Of several values the first counts. */
static struct node *parse_return(struct parser *p)
{
	struct node *n = parser_node(p, NODE_RETURN);

	if (n && !is_at_block_end(p) && *p->at != ';') {
		n->left = parser_expression(p);
		while (!p->failed && parser_take(p, ","))
			parser_expression(p);
	}
	parser_take(p, ";");
	return is_at_block_end(p) ? n : parser_fail(p);
}

static struct node *parse_statement(struct parser *p)
{
	if (parser_take_word(p, "return"))
		return parse_return(p);
	if (parser_take_word(p, "local"))
		return parse_local(p);
	if (parser_take_word(p, "if"))
		return parse_if(p);
	if (parser_is_reserved(parser_peek_word(p)))
		return parser_fail_because(p, "of Lua's statements there are local, assignment, if and return here");
	return parse_assignment(p);
}

static struct node *parse_block(struct parser *p)
{
	unsigned locals = p->locals_count;
	struct node *first = NULL, **last = &first;

	while (!p->failed && !is_at_block_end(p)) {
		*last = parse_statement(p);
		if (*last)
			last = &(*last)->next;
		parser_take(p, ";");
	}
	p->locals_count = locals;
	return first;
}

static int line_of(struct slice text, const char *at)
{
	int line = 1;
	for (const char *c = text.ptr; c < at; c++)
		line += *c == '\n';
	return line;
}

const struct chunk *chunk_compile(struct arena *a, struct slice text, struct err *e)
{
	struct parser p = {.arena = a, .at = text.ptr, .end = text.ptr + text.len, .is_chunk = true};
	struct chunk *c = arena_new(a, struct chunk);

	c->first = parse_block(&p);
	if (!p.failed && p.at == p.end)
		return c;
	int near = p.end - p.at > 20 ? 20 : (int)(p.end - p.at);
	if (near)
		err_set(e, "line %d, before '%.*s': %s", line_of(text, p.at), near, p.at,
		        p.why ? p.why : "this is not understood");
	else
		err_set(e, "line %d, at the end: %s", line_of(text, p.at), p.why ? p.why : "something is missing");
	return NULL;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

/* True: something was returned, into *out. */
static bool run(struct evaluation *e, const struct node *n, struct value *out)
{
	for (; n && !e->why; n = n->next) {
		struct value v = n->left ? template_eval(e, n->left) : (struct value){0};

		if (n->kind == NODE_SET)
			e->locals[n->slot] = v;
		if (n->kind == NODE_IF && run(e, value_is_true(&v) ? n->right : n->otherwise, out))
			return true;
		if (n->kind == NODE_RETURN) {
			*out = v;
			return true;
		}
	}
	return false;
}

bool chunk_run(const struct chunk *c, const struct template_env *env, json_t **out, const char **why)
{
	struct value locals[LOCALS_MAX], result = {0};
	struct evaluation e = {.env = env, .locals = locals};

	run(&e, c->first, &result);
	*out = e.why || result.type == VALUE_NIL ? NULL : value_json(&e, &result);
	*why = e.why;
	return !e.why;
}
