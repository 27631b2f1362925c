/* expr_types: the fields of each schema, and which operators go with which types. The texts are Kong's. */
#include "common/expr/expr_private.h"

static const struct {
	struct slice name; /* ends with '.': a name follows */
	enum expr_field field;
	enum expr_type type;
	bool in_stream;
} fields[] = {
        {SLICE("net.protocol"), EXPR_NET_PROTOCOL, EXPR_STRING, true},
        {SLICE("tls.sni"), EXPR_TLS_SNI, EXPR_STRING, true}, {SLICE("http.method"), EXPR_METHOD, EXPR_STRING, false},
        {SLICE("http.host"), EXPR_HOST, EXPR_STRING, false}, {SLICE("http.path"), EXPR_PATH, EXPR_STRING, false},
        {SLICE("http.path.segments.len"), EXPR_SEGMENTS_LEN, EXPR_INT, false},
        {SLICE("http.path.segments."), EXPR_SEGMENTS, EXPR_STRING, false},
        {SLICE("http.headers."), EXPR_HEADER, EXPR_STRING, false},
        {SLICE("http.queries."), EXPR_QUERY, EXPR_STRING, false}, {SLICE("net.src.ip"), EXPR_SRC_IP, EXPR_IP, true},
        {SLICE("net.src.port"), EXPR_SRC_PORT, EXPR_INT, true}, {SLICE("net.dst.ip"), EXPR_DST_IP, EXPR_IP, true},
        {SLICE("net.dst.port"), EXPR_DST_PORT, EXPR_INT, true},
        {SLICE("net.port"), EXPR_DST_PORT, EXPR_INT, true}, /* the old name */
};

enum { FIELDS_COUNT = sizeof fields / sizeof fields[0] };

/* "0", "12": no sign, no zero in front. */
static bool read_index(struct slice s, uint32_t *out)
{
	int64_t n;

	if (s.len == 0 || s.len > 6 || s.ptr[0] == '-' || (s.len > 1 && s.ptr[0] == '0') || !slice_to_int(s, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "0", "1_3" */
static bool read_segments(struct slice s, struct expr_predicate *out)
{
	struct slice rest = s, first = slice_cut(&rest, '_');

	if (!read_index(first, &out->first))
		return false;
	out->last = out->first;
	return !slice_is_set(rest) || (read_index(rest, &out->last) && out->first < out->last);
}

static bool take_name(struct parser *p, struct slice name, struct expr_predicate *out)
{
	out->name = name;
	if (out->field == EXPR_SEGMENTS)
		return read_segments(name, out) || err_set(p->e, "illformed http.path.segments.* field");
	return name.len > 0 || err_set(p->e, "Unknown LHS field");
}

bool expr_types_field(struct parser *p, struct slice name, struct expr_predicate *out)
{
	for (size_t i = 0; i < FIELDS_COUNT; i++) {
		struct slice known = fields[i].name;
		bool is_family = known.ptr[known.len - 1] == '.';
		if (!is_family && !slice_eq(name, known))
			continue;
		if ((is_family && !slice_starts(name, known)) || (p->schema == EXPR_STREAM && !fields[i].in_stream))
			continue;
		out->field = fields[i].field;
		p->out->has_old_port |= slice_eq(known, S("net.port"));
		return !is_family || take_name(p, slice_from(name, known.len), out);
	}
	return err_set(p->e, "Unknown LHS field");
}

static enum expr_type type_of(enum expr_field field)
{
	for (size_t i = 0; i < FIELDS_COUNT; i++)
		if (fields[i].field == field)
			return fields[i].type;
	return EXPR_STRING;
}

bool expr_types_is_string(enum expr_field field)
{
	return type_of(field) == EXPR_STRING;
}

/* Both sides of one type, and that type is `wanted`. */
static bool both(enum expr_type left, enum expr_type right, enum expr_type wanted, const char *text, struct err *e)
{
	if (left != right)
		return err_set(e, "Type mismatch between the LHS and RHS values of predicate");
	return left == wanted || err_set(e, "%s", text);
}

bool expr_types_check(const struct expr_predicate *p, struct err *e)
{
	enum expr_type left = type_of(p->field), right = p->value.type;

	switch (p->op) {
	case EXPR_EQ:
	case EXPR_NE: return both(left, right, left, "", e);
	case EXPR_REGEX: return left == EXPR_STRING || err_set(e, "Regex operators only supports string operands");
	case EXPR_PREFIX:
	case EXPR_SUFFIX:
		return both(
		        left, right, EXPR_STRING, "Regex/Prefix/Postfix operators only supports string operands", e);
	case EXPR_CONTAINS:
		return both(left, right, EXPR_STRING, "Contains operator only supports string operands", e);
	case EXPR_GE:
	case EXPR_GT:
	case EXPR_LE:
	case EXPR_LT:
		return both(left, right, EXPR_INT,
		        "Greater/GreaterOrEqual/Lesser/LesserOrEqual operators only supports integer operands", e);
	case EXPR_IN:
	case EXPR_NOT_IN: break;
	}
	return (left == EXPR_IP && right == EXPR_CIDR) || err_set(e, "In/NotIn operators only supports IP in CIDR");
}
