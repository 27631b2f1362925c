/* template_private: what the parser of expressions and their evaluation share. */
#ifndef COMMON_PLUGIN_TEMPLATE_PRIVATE_H
#define COMMON_PLUGIN_TEMPLATE_PRIVATE_H

#include "common/plugin/template.h"

enum value_type { VALUE_NIL, VALUE_BOOLEAN, VALUE_NUMBER, VALUE_STRING, VALUE_LIST, VALUE_TABLE, VALUE_FUNCTION };

enum value_table { TABLE_HEADERS, TABLE_QUERY, TABLE_CAPTURES, TABLE_SHARED, TABLE_STRING };

/* function: see template_string.c; the first are global */
enum value_function { FUNCTION_TOSTRING, FUNCTION_TONUMBER, FUNCTION_TYPE, FUNCTION_STRING };

struct value {
	enum value_type type;
	bool boolean;
	double number;
	struct slice text;
	struct slice_list list; /* strings */
	enum value_table table;
	unsigned function; /* FUNCTION_STRING + index of a string function, or one of the global ones */
};

enum node_kind {
	NODE_LITERAL,
	NODE_NAME,  /* a global */
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
};

enum { CALL_ARGS_MAX = 4, NODES_MAX = 500, NESTING_MAX = 40 };

struct node {
	enum node_kind kind;
	struct value literal; /* LITERAL; NAME: text */
	struct node *left, *right;
	struct node *args[CALL_ARGS_MAX];
	unsigned args_count;
};

/* NULL: it is no expression of ours. */
const struct node *template_parse(struct arena *a, struct slice text);

/* ---- evaluation ---- */

/* Calls function n (an index from string_function()) with evaluated arguments. False with *why. */
bool string_function_call(
        struct arena *a, unsigned n, const struct value *args, unsigned count, struct value *out, const char **why);
/* Of a name in `string`; -1: there is none. */
int string_function(struct slice name);

struct slice value_text(struct arena *a, const struct value *v); /* as tostring() has it; nil: "nil" */
bool value_number_of(const struct value *v, double *out);        /* numbers, and strings that are one */

#endif
