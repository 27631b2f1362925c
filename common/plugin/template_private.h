/* template_private: what the parser of expressions, their evaluation, and chunks of statements share. */
#ifndef COMMON_PLUGIN_TEMPLATE_PRIVATE_H
#define COMMON_PLUGIN_TEMPLATE_PRIVATE_H

#include "common/plugin/template.h"

/* LIST: strings; JSON: a table that is data; TABLE: one that is looked things up in. */
enum value_type {
	VALUE_NIL,
	VALUE_BOOLEAN,
	VALUE_NUMBER,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_TABLE,
	VALUE_JSON,
	VALUE_FUNCTION
};

enum value_table {
	TABLE_HEADERS,
	TABLE_QUERY,
	TABLE_CAPTURES,
	TABLE_SHARED,
	TABLE_STRING,
	TABLE_RESPONSE, /* headers of the answer */
	TABLE_NGX_VAR,
	TABLE_LIBRARY /* chunk_library.c: text says which, "kong.request" */
};

/* function: see template_string.c and chunk_library.c; the first are global */
enum value_function { FUNCTION_TOSTRING, FUNCTION_TONUMBER, FUNCTION_TYPE, FUNCTION_STRING, FUNCTION_LIBRARY = 1000 };

struct value {
	enum value_type type;
	bool boolean;
	double number;
	struct slice text;
	struct slice_list list; /* strings */
	const json_t *json;     /* lives as long as the request */
	size_t weight;          /* of json: no more bytes than this when it is written */
	enum value_table table;
	unsigned function; /* FUNCTION_STRING or FUNCTION_LIBRARY + index of one of theirs, or a global one */
};

enum node_kind {
	NODE_LITERAL,
	NODE_NAME,  /* a global */
	NODE_SLOT,  /* a local */
	NODE_INDEX, /* left[right] */
	NODE_CALL,  /* left(args) */
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_EQ,
	NODE_NE,
	NODE_LT,
	NODE_LE,
	NODE_GT,
	NODE_GE,
	NODE_CONCAT,
	NODE_ADD,
	NODE_SUBTRACT,
	NODE_MULTIPLY,
	NODE_DIVIDE,
	NODE_MODULO,
	NODE_NEGATE,
	NODE_LENGTH,
	NODE_TABLE, /* left: the first ITEM */
	NODE_ITEM,  /* right = left; right NULL: the next in turn */
	/* statements of chunks */
	NODE_SET,    /* slot = left; left NULL: nil */
	NODE_IF,     /* left: the condition; right: what then; otherwise: else */
	NODE_RETURN, /* left; NULL: nothing */
};

enum { CALL_ARGS_MAX = 8, NODES_MAX = 500, NESTING_MAX = 40, LOCALS_MAX = 50 };

struct node {
	enum node_kind kind;
	unsigned slot;
	struct value literal; /* LITERAL; NAME: text */
	struct node *left, *right;
	struct node *next, *otherwise; /* of ITEMs and statements */
	struct node *args[CALL_ARGS_MAX];
	unsigned args_count;
};

/* ---- parsing: template_parse.c --------------------------------------------------------------------------------- */

struct parser {
	struct arena *arena;
	const char *at, *end;
	unsigned nodes, depth;
	bool failed;
	const char *why; /* may say more */
	/* of chunks */
	bool is_chunk;
	struct slice locals[LOCALS_MAX]; /* names by slot; the innermost of a name is the last */
	unsigned locals_count;
};

struct node *parser_fail(struct parser *p);
struct node *parser_fail_because(struct parser *p, const char *why);
struct node *parser_node(struct parser *p, enum node_kind kind);
void parser_skip_blanks(struct parser *p); /* and, in chunks, comments */
/* Each reads what it finds, or nothing. */
bool parser_take(struct parser *p, const char *symbol);
bool parser_take_word(struct parser *p, const char *word);
struct slice parser_peek_word(struct parser *p); /* an identifier or keyword; unset: there is none */
bool parser_is_reserved(struct slice word);
struct node *parser_expression(struct parser *p);

/* NULL: it is no expression of ours. */
const struct node *template_parse(struct arena *a, struct slice text);

/* ---- evaluation: template_eval.c ------------------------------------------------------------------------------- */

struct evaluation {
	const struct template_env *env;
	const char *why;      /* NULL: all well so far */
	size_t spent;         /* bytes of texts made */
	struct value *locals; /* by slot */
};

struct value template_eval(struct evaluation *e, const struct node *n);
struct value eval_broken(struct evaluation *e, const char *why); /* nil; the first one counts */

static inline struct arena *env_arena(const struct template_env *env)
{
	return env->call->x->arena;
}

/* Calls function n (an index from string_function()) with evaluated arguments. False with *why. */
bool string_function_call(
        struct arena *a, unsigned n, const struct value *args, unsigned count, struct value *out, const char **why);
/* Of a name in `string`; -1: there is none. */
int string_function(struct slice name);

bool value_is_true(const struct value *v);
struct slice value_text(struct arena *a, const struct value *v); /* as tostring() has it; nil: "nil" */
bool value_number_of(const struct value *v, double *out);        /* numbers, and strings that are one */
static inline struct value value_of_text(struct slice text)      /* unset: nil */
{
	return (struct value){.type = slice_is_set(text) ? VALUE_STRING : VALUE_NIL, .text = text};
}
static inline struct value value_of_number(double number)
{
	return (struct value){.type = VALUE_NUMBER, .number = number};
}
/* Takes the reference, which ends with the request. NULL: nil. */
struct value value_of_json(struct arena *a, json_t *json, size_t weight);
/* A new reference; NULL with e->why: it is none of string, number, boolean and table of such. Not for nil. */
json_t *value_json(struct evaluation *e, const struct value *v);

/* ---- what there is to look at: template_tables.c --------------------------------------------------------------- */

struct value table_global(struct slice name);
struct value table_value(const struct template_env *env, enum value_table table, struct slice name);

/* ---- what chunks may call: chunk_library.c --------------------------------------------------------------------- */

/* What "path.name" is ("kong.request" and "get_path"; path unset: a global): a library, a function, a table. False:
 * there is no such thing here. */
bool library_find(struct slice path, struct slice name, struct value *out);
struct value library_call(struct evaluation *e, unsigned n, const struct value *args, unsigned count);
struct value library_variable(const struct template_env *env, struct slice name); /* ngx.var */

#endif
