/* template: see template.h. Texts are cut at their $(...) once; each request walks the trees. */
#include "common/core/text.h"
#include "common/plugin/template_private.h"

struct part {
	struct slice text;       /* literal; unset: an expression */
	const struct node *node; /* NULL: one that does not compile */
	struct part *next;
};

struct template
{
	struct part *parts;
};

static bool runs_lua = true;

void template_allow_lua(bool on)
{
	runs_lua = on;
}

bool template_runs_lua(void)
{
	return runs_lua;
}

/* ---- compiling ------------------------------------------------------------------------------------------------- */

/* The length of a "(...)" with balanced brackets that text begins with; 0: it is not closed. Quotes do not count, as
 * in Kong. */
static size_t balanced(struct slice text)
{
	size_t depth = 0;
	for (size_t i = 0; i < text.len; i++) {
		depth += text.ptr[i] == '(';
		if (text.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Where the next $(...) is and how long its brackets are; text.len: there is none. */
static size_t find_expression(struct slice text, size_t *len)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.ptr[i] != '$' || text.ptr[i + 1] != '(')
			continue;
		*len = balanced(slice_from(text, i + 1));
		return *len ? i : text.len; /* what follows an open one cannot be closed either */
	}
	return text.len;
}

static struct part **add_part(struct arena *a, struct part **end, struct part part)
{
	*end = arena_new(a, struct part);
	**end = part;
	return &(*end)->next;
}

const struct template *template_compile(struct arena *a, struct slice text)
{
	struct template *t = arena_new(a, struct template);
	struct part **end = &t->parts;

	while (text.len > 0) {
		size_t len = 0, at = find_expression(text, &len);
		if (at > 0)
			end = add_part(a, end, (struct part){.text = slice_of(text.ptr, at)});
		if (at == text.len)
			break;
		struct slice inner = slice_of(text.ptr + at + 2, len - 2);
		end = add_part(a, end, (struct part){.node = template_parse(a, inner)});
		text = slice_from(text, at + 1 + len);
	}
	return t;
}

bool template_is_literal(const struct template *t)
{
	return !t->parts || (!t->parts->next && slice_is_set(t->parts->text));
}

void template_env_init(struct template_env *env, struct call *c)
{
	env->call = c;
	env->headers = *c->x->request;
	env->headers.headers = arena_array(c->x->arena, struct header, env->headers.count + 1);
	if (env->headers.count)
		memcpy(env->headers.headers, c->x->request->headers, env->headers.count * sizeof(struct header));
	env->query = call_query_args(c);
}

/* ---- rendering ------------------------------------------------------------------------------------------------- */

static bool put_expression(const struct node *n, const struct template_env *env, struct text *out, const char **why)
{
	struct evaluation e = {.env = env, .why = n ? NULL : "an expression cannot be understood"};
	struct value v = n ? template_eval(&e, n) : (struct value){0};

	if (!e.why && (v.type == VALUE_TABLE || v.type == VALUE_FUNCTION || v.type == VALUE_JSON))
		e.why = "an expression is neither text nor number";
	*why = e.why;
	if (!e.why && v.type != VALUE_NIL)
		text_put(out, value_text(env_arena(env), &v));
	return !e.why;
}

bool template_render(const struct template *t, const struct template_env *env, struct slice *out, const char **why)
{
	struct text text = {0};
	bool ok = true;

	if (template_is_literal(t)) {
		*out = t->parts ? t->parts->text : S("");
		return true;
	}
	if (!runs_lua) {
		*why = "untrusted_lua is off";
		return false;
	}
	for (const struct part *p = t->parts; ok && p; p = p->next) {
		if (slice_is_set(p->text))
			text_put(&text, p->text);
		else
			ok = put_expression(p->node, env, &text, why);
		if (ok && text.len > TEMPLATE_TEXT_MAX) {
			*why = "a text is too long";
			ok = false;
		}
	}
	if (ok)
		*out = arena_dup(env_arena(env), text_slice(&text));
	text_fini(&text);
	return ok;
}
