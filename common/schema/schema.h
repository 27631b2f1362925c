/* schema: what a record looks like, said once.
 *
 * An entity, a plugin's config, a plugin's own entity and a daemon's settings are all a C struct and a table:
 *
 *	struct service {
 *		struct slice id, name, host;
 *		int64_t retries;
 *		...
 *	};
 *	static const struct field fields[] = {
 *		ID_FIELD(struct service),
 *		FIELD(struct service, name, .format = FORMAT_UTF8_NAME, .flags = UNIQUE, .doc = "..."),
 *		FIELD(struct service, host, .format = FORMAT_HOST, .flags = REQUIRED, .doc = "..."),
 *		FIELD(struct service, retries, .dflt = "5", BETWEEN(0, 32767), .doc = "..."),
 *		{0},
 *	};
 *
 * FIELD takes offset and type from the struct member, so table and struct cannot disagree. The walkers over the table
 * (load, decode, merge, infer, describe: one header each in this folder) serve the Admin API, declarative files,
 * the database, the wire, settings and the documentation. Contract: entities.md section 1.
 *
 * Between JSON and the struct: load.h turns input into a complete, checked JSON object ("the rendered form": every
 * field present, unset ones null); decode.h fills the struct from a rendered object. */
#ifndef COMMON_SCHEMA_SCHEMA_H
#define COMMON_SCHEMA_SCHEMA_H

#include <jansson.h>

#include "common/core/arena.h"
#include "common/core/err.h"
#include "common/core/uuid.h"

/* ---- C types of members ---------------------------------------------------------------------------------------- */

struct opt_int {
	bool set;
	int64_t value;
};
struct opt_num {
	bool set;
	double value;
};
struct opt_bool {
	bool set;
	bool value;
};
/* Lists and maps: items is NULL when unset (null), not NULL and len 0 when empty. */
struct slice_list {
	const struct slice *items;
	size_t len;
};
struct int_list {
	const int64_t *items;
	size_t len;
};
struct num_list {
	const double *items;
	size_t len;
};
/* Records one after another, each `stride` bytes: LIST_AT(list, struct cidr_port, i) */
struct record_list {
	const void *items;
	size_t len, stride;
};
#define LIST_AT(list, type, i) (&((const type *)(list).items)[i])

struct slice_pair {
	struct slice key, value;
};
struct slice_map { /* string -> string */
	const struct slice_pair *items;
	size_t len;
};
struct list_pair {
	struct slice key;
	struct slice_list values;
};
struct list_map { /* string -> list of strings */
	const struct list_pair *items;
	size_t len;
};
/* A reference to another entity. Not set: id is all zero. */
struct ref {
	bool set;
	struct uuid id;
};

/* ---- the table ------------------------------------------------------------------------------------------------- */

enum field_type {
	TYPE_END = 0, /* of a table */
	TYPE_STRING,
	TYPE_INTEGER,
	TYPE_NUMBER,
	TYPE_BOOLEAN,
	TYPE_ARRAY,
	TYPE_SET,
	TYPE_MAP,
	TYPE_RECORD,
	TYPE_FOREIGN,
	TYPE_JSON,
};

/* What the member really is; decode.c switches on it. */
enum member_kind {
	MEMBER_NONE, /* the field has no member: JSON only */
	MEMBER_SLICE,
	MEMBER_INT,
	MEMBER_OPT_INT,
	MEMBER_NUM,
	MEMBER_OPT_NUM,
	MEMBER_BOOL,
	MEMBER_OPT_BOOL,
	MEMBER_SLICE_LIST,
	MEMBER_INT_LIST,
	MEMBER_NUM_LIST,
	MEMBER_RECORD_LIST,
	MEMBER_SLICE_MAP,
	MEMBER_LIST_MAP,
	MEMBER_RECORD, /* a struct by value, with .record */
	MEMBER_REF,
	MEMBER_UUID, /* struct uuid: a string field with FORMAT_UUID kept as 16 bytes */
	MEMBER_JSON, /* json_t *: kept as it is; owned by the record's arena */
};

/* clang-format off */
enum field_flags {
	REQUIRED      = 1 << 0,  /* null is refused: "required field missing" */
	UNIQUE        = 1 << 1,  /* over all records of the kind; nulls never collide */
	SECRET        = 1 << 2,  /* never in logs, diffs or messages; redacted by dump unless asked */
	AUTO          = 1 << 3,  /* made up on create and replace when absent: id, times, random keys */
	IMMUTABLE     = 1 << 4,  /* "immutable field cannot be updated" */
	REFERENCEABLE = 1 << 5,  /* may hold {vault://...}; then other rules are skipped (entities.md 1.8) */
	AS_SET        = 1 << 6,  /* a list member that is a set: duplicates are dropped, first occurrence kept */
	TIMESTAMP     = 1 << 7,  /* Unix time, > 0 */
	UPDATED       = 1 << 8,  /* with AUTO: overwritten at every write */
	WRITE_ONLY    = 1 << 9,  /* accepted, never rendered nor stored (ttl input, snis of a certificate) */
	EMPTY_OK      = 1 << 10, /* a string may have length 0 */
	HIDDEN        = 1 << 11, /* not rendered by the Admin API */
	ENDPOINT_KEY  = 1 << 12, /* addresses the entity in URLs beside its id */
	SCOPE         = 1 << 13, /* part of the composite unique key */
	ADDITION      = 1 << 14, /* a field that Kong does not have: clients see it only when it is set */
	ENCRYPTED     = SECRET | 1 << 15, /* a secret that /schemas calls encrypted */
	OPTIONAL      = 1 << 16, /* not REQUIRED, and /schemas says so instead of leaving it out */
	EXPRESSIONS   = 1 << 17, /* exists only where router_flavor is expressions: schema_use_expressions() */
	SPELT_OUT     = 1 << 18, /* a record whose default /schemas spells out, from those of its fields */
	UNSPOKEN      = 1 << 19, /* left out where a default is spelt out */
};
/* clang-format on */

/* Named checks of strings, with the exact messages of entities.md section 2; see formats.h. */
enum format {
	FORMAT_NONE,
	FORMAT_UUID,
	FORMAT_NAME,
	FORMAT_UTF8_NAME,
	FORMAT_HOST,
	FORMAT_HOST_OPT_PORT,
	FORMAT_WILDCARD_HOST, /* snis */
	FORMAT_ROUTE_HOST,    /* routes.hosts */
	FORMAT_SNI,
	FORMAT_IP,
	FORMAT_IP_OR_CIDR,
	FORMAT_PATH,
	FORMAT_ROUTER_PATH,
	FORMAT_URL,
	FORMAT_HEADER_NAME,
	FORMAT_COOKIE_NAME,
	FORMAT_HTTP_METHOD,
	FORMAT_TAG,
	FORMAT_REGEX,
	FORMAT_UPSTREAM_NAME,
	FORMAT_TARGET,
	FORMAT_COUNT
};

/* What becomes of a record when the one that it refers to is removed. */
enum on_delete {
	ON_DELETE_RESTRICT, /* that one cannot be removed */
	ON_DELETE_CASCADE,  /* it is removed too */
	ON_DELETE_FOLLOW,   /* the same, but /schemas does not say so */
};

struct field;
struct schema;

/* A check of last resort on one value. Returns false and sets e->message to the exact text for the user.
 * May replace *value (a new reference): a target is stored normalised. */
typedef bool (*field_check_fn)(const struct field *f, json_t **value, struct err *e);

struct field {
	const char *name;
	enum field_type type;
	enum member_kind member;
	uint32_t offset;
	uint32_t flags;
	/* JSON, with ' for " : "5", "'http'", "['http','https']". NULL: null, or for a record its fields' defaults; a
	 * record that may be absent says "null". */
	const char *dflt;

	/* rules, in the order of entities.md 1.2 */
	const char *eq; /* JSON as dflt: "value must be X"; "null" closes a field (a plugin without consumer scope) */
	const char *const *not_one_of; /* NOT_ONE_OF("a", "b") */
	const char *const *one_of;     /* ONE_OF("a", "b"); numbers are written as text: ONE_OF("301", "302") */
	bool has_gt, has_between;
	double gt, min, max;
	bool has_len_min, has_len_max, has_len_eq;
	uint32_t len_min, len_max, len_eq;
	const char *starts_with;
	const char *contains; /* a word that a set must hold */
	enum format format;
	field_check_fn check;
	/* EXCLUSIVE(FIELDS("http", "https"), FIELDS("tcp")): a set whose words are all of one group */
	const char *const *const *exclusive;
	const char *err; /* replaces the text of the first failing rule */
	/* What /schemas says instead of eq, one_of and the format, as dflt, where Kong has other words for the same:
	 * "{'match':'^%u+$'}" */
	const char *described_as;
	/* DEPRECATED(message, old default): /schemas warns of it; it goes on working */
	const char *deprecated, *old_default;

	/* containers */
	const struct field *elements; /* ELEMENTS(...) of an array or set: a field without a name */
	const struct field *keys;     /* of a map */
	const struct field *values;
	const struct schema *record; /* of a record, or of the elements when they are records */

	/* references */
	const char *ref; /* the kind referred to: "services" */
	enum on_delete on_delete;

	const char *doc; /* one or two sentences for users: the API documentation */
};

/* clang-format off */
#define ONE_OF(...)     (const char *const[]){__VA_ARGS__, NULL}
#define NOT_ONE_OF(...) (const char *const[]){__VA_ARGS__, NULL}
#define EXCLUSIVE(...)  (const char *const *const[]){__VA_ARGS__, NULL}
#define BETWEEN(lo, hi) .has_between = true, .min = (lo), .max = (hi)
#define GT(x)           .has_gt = true, .gt = (x)
#define LEN_MIN(n)      .has_len_min = true, .len_min = (n)
#define LEN_MAX(n)      .has_len_max = true, .len_max = (n)
#define LEN_EQ(n)       .has_len_eq = true, .len_eq = (n)
#define DEPRECATED(message, was) .deprecated = (message), .old_default = (was)
#define ELEMENTS(...)   .elements = &(const struct field){__VA_ARGS__}
#define KEYS(...)       .keys = &(const struct field){.type = TYPE_STRING, __VA_ARGS__}
#define VALUES(...)     .values = &(const struct field){__VA_ARGS__}
#define STRINGS(...)    ELEMENTS(.type = TYPE_STRING, __VA_ARGS__)
#define INTEGERS(...)   ELEMENTS(.type = TYPE_INTEGER, __VA_ARGS__)
#define NUMBERS(...)    ELEMENTS(.type = TYPE_NUMBER, __VA_ARGS__)
#define RECORDS(schema) ELEMENTS(.type = TYPE_RECORD, .record = &(schema))

#define MEMBER_KIND_(T, m)                                                                                           \
	_Generic(((T *)0)->m, struct slice                                                                           \
		 : MEMBER_SLICE, int64_t                                                                             \
		 : MEMBER_INT, struct opt_int                                                                        \
		 : MEMBER_OPT_INT, double                                                                            \
		 : MEMBER_NUM, struct opt_num                                                                        \
		 : MEMBER_OPT_NUM, bool                                                                              \
		 : MEMBER_BOOL, struct opt_bool                                                                      \
		 : MEMBER_OPT_BOOL, struct slice_list                                                                \
		 : MEMBER_SLICE_LIST, struct int_list                                                                \
		 : MEMBER_INT_LIST, struct num_list                                                                  \
		 : MEMBER_NUM_LIST, struct record_list                                                               \
		 : MEMBER_RECORD_LIST, struct slice_map                                                              \
		 : MEMBER_SLICE_MAP, struct list_map                                                                 \
		 : MEMBER_LIST_MAP, struct ref                                                                       \
		 : MEMBER_REF, struct uuid                                                                           \
		 : MEMBER_UUID, json_t *                                                                             \
		 : MEMBER_JSON, default                                                                              \
		 : MEMBER_RECORD)
#define FIELD_TYPE_(T, m)                                                                                            \
	_Generic(((T *)0)->m, struct slice                                                                           \
		 : TYPE_STRING, struct uuid                                                                          \
		 : TYPE_STRING, int64_t                                                                              \
		 : TYPE_INTEGER, struct opt_int                                                                      \
		 : TYPE_INTEGER, double                                                                              \
		 : TYPE_NUMBER, struct opt_num                                                                       \
		 : TYPE_NUMBER, bool                                                                                 \
		 : TYPE_BOOLEAN, struct opt_bool                                                                     \
		 : TYPE_BOOLEAN, struct slice_list                                                                   \
		 : TYPE_ARRAY, struct int_list                                                                       \
		 : TYPE_ARRAY, struct num_list                                                                       \
		 : TYPE_ARRAY, struct record_list                                                                    \
		 : TYPE_ARRAY, struct slice_map                                                                      \
		 : TYPE_MAP, struct list_map                                                                         \
		 : TYPE_MAP, struct ref                                                                              \
		 : TYPE_FOREIGN, json_t *                                                                            \
		 : TYPE_JSON, default                                                                                \
		 : TYPE_RECORD)

/* A field whose name is the member's. */
#define FIELD(T, m, ...) FIELD_AS(T, m, #m, __VA_ARGS__)
/* A field with another name than its member (C keywords: struct member dflt for "default"). */
#define FIELD_AS(T, m, n, ...)                                                                                       \
	{                                                                                                            \
		.name = (n), .type = FIELD_TYPE_(T, m), .member = MEMBER_KIND_(T, m),                                \
		.offset = (uint32_t)offsetof(T, m), __VA_ARGS__                                                      \
	}

/* The fields that (nearly) every entity begins with. */
#define ID_FIELD(T)                                                                                                  \
	FIELD(T, id, .format = FORMAT_UUID, .flags = AUTO, .doc = "UUID; made up when you do not give one.")
#define CREATED_AT_FIELD(T)                                                                                          \
	FIELD(T, created_at, .flags = AUTO | TIMESTAMP, .doc = "When it was created, in Unix seconds.")
#define UPDATED_AT_FIELD(T)                                                                                          \
	FIELD(T, updated_at, .flags = AUTO | TIMESTAMP | UPDATED, .doc = "When it was last changed, in Unix seconds.")
#define TAGS_FIELD(T)                                                                                                \
	FIELD(T, tags, .flags = AS_SET, STRINGS(.format = FORMAT_TAG, .flags = REQUIRED), .doc = "Labels for grouping and filtering.")

/* clang-format on */

/* ---- cross-field rules ----------------------------------------------------------------------------------------- */

enum check_kind {
	CHECK_END = 0,
	CHECK_AT_LEAST_ONE_OF,
	CHECK_ONLY_ONE_OF,        /* exactly one */
	CHECK_MUTUALLY_REQUIRED,  /* all or none */
	CHECK_MUTUALLY_EXCLUSIVE, /* at most one */
	CHECK_DISTINCT,
	CHECK_CONDITIONAL, /* if `if_field` satisfies `if_match`, then `then_field` must satisfy `then_match` */
	CHECK_CONDITIONAL_AT_LEAST_ONE_OF,
	/* Not run when one of `fields` is already wrong; without `fields`: an entity's always runs, a config's runs
	 * when nothing in the config is wrong. */
	CHECK_CUSTOM,
};

/* Reports with violations_add() (violations.h). `merged` is the whole record, also for a check of a plugin's config:
 * its paths begin with "config." then. is_update is true for PATCH. */
struct violations;
typedef void (*entity_check_fn)(const json_t *merged, bool is_update, struct violations *v);

/* Field paths are dotted: "redis.host"; in a plugin's config they are relative to the config record and messages show
 * "config.redis.host". */
struct entity_check {
	enum check_kind kind;
	const char *const *fields; /* FIELDS("a", "b") */
	const char *if_field;
	const struct field *if_match; /* MATCH(.eq = "'header'"): a nameless field whose rules are the condition */
	const char *then_field;
	const struct field *then_match;
	const char *text;      /* CONDITIONAL*: the check's own text instead of the standard one */
	entity_check_fn check; /* CUSTOM; NULL: only described */
	/* CUSTOM: what /schemas says instead of `fields`, as a field's described_as; "": nothing */
	const char *described_as;
};
/* clang-format off */
#define FIELDS(...) (const char *const[]){__VA_ARGS__, NULL}
#define MATCH(...)  &(const struct field){__VA_ARGS__}

/* Entries of a checks table. */
#define AT_LEAST_ONE_OF(...)    {.kind = CHECK_AT_LEAST_ONE_OF, .fields = FIELDS(__VA_ARGS__)}
#define ONLY_ONE_OF(...)        {.kind = CHECK_ONLY_ONE_OF, .fields = FIELDS(__VA_ARGS__)}
#define MUTUALLY_REQUIRED(...)  {.kind = CHECK_MUTUALLY_REQUIRED, .fields = FIELDS(__VA_ARGS__)}
#define MUTUALLY_EXCLUSIVE(...) {.kind = CHECK_MUTUALLY_EXCLUSIVE, .fields = FIELDS(__VA_ARGS__)}
#define DISTINCT(...)           {.kind = CHECK_DISTINCT, .fields = FIELDS(__VA_ARGS__)}
#define CUSTOM(function, ...)   {.kind = CHECK_CUSTOM, .check = (function), __VA_ARGS__}
/* WHEN("policy", MATCH(.eq = "'redis'"), "redis.host", MATCH(.flags = REQUIRED)) */
#define WHEN(a, matches, b, must_match, ...)                                                                         \
	{.kind = CHECK_CONDITIONAL, .if_field = (a), .if_match = matches, .then_field = (b), .then_match = must_match, __VA_ARGS__}

/* clang-format on */

/* ---- shorthands ------------------------------------------------------------------------------------------------ */

/* A key that exists on input only. expand() writes what it stands for into `object`; false sets e->message, reported
 * at the shorthand's name. `value` is not null unless nullable. */
typedef bool (*shorthand_fn)(json_t *object, const json_t *value, struct err *e);

struct shorthand {
	const char *name;
	enum field_type type;
	shorthand_fn expand;      /* NULL for a deprecated alias */
	const char *replaced_by;  /* dotted path: an alias, echoed on output with what is there (entities.md 1.7) */
	const char *described_as; /* as a field's; NULL: the usual words of an alias */
	const char *doc;
};

/* Applied to the keys the client sent, before defaults: couplings such as upstreams.algorithm and hash_on. */
typedef void (*adjust_fn)(json_t *input);
/* Puts defaults that depend on other fields where keys are missing, before those of the table. */
typedef void (*defaults_fn)(json_t *record);
/* After all checks passed, on the record about to be stored: hashes, digests. `input` is what the client sent,
 * `existing` what it changes (NULL: new). Not run on what comes from the store or the wire. */
typedef bool (*transform_fn)(json_t *record, const json_t *input, const json_t *existing, struct err *e);

/* Before the memory of a decoded record goes: frees what its users keep in members of the struct that are no fields,
 * such as a key parsed at first use. */
typedef void (*fini_fn)(void *entity);

struct schema {
	/* Entities: the table name, "services", "keyauth_credentials"; configs: the plugin's name. */
	const char *name;
	const char *path;        /* entities: in URLs, "services", "key-auths"; NULL: no endpoint of its own */
	const char *nested_path; /* below a parent, when it differs: "key-auth" of /consumers/:c/key-auth */
	size_t size;             /* of the C struct */
	const struct field *fields;
	const struct entity_check *checks;  /* NULL: none */
	const struct shorthand *shorthands; /* NULL: none */
	adjust_fn adjust;
	defaults_fn defaults;
	transform_fn transform;
	fini_fn fini;
	bool checks_within; /* a plugin's config: /schemas shows its checks as the record's, not as the plugin's */
	bool has_ttl;       /* accepts and renders ttl (entities.md 3) */
	/* The control plane's own: stored, but no part of the configuration: no version, no history, never sent to
	 * data planes. Such kinds are in no list of kinds but kinds_private_at(). */
	bool is_private;
	/* Sub-schema chosen by a field ("name" of plugins): returns the record schema for `config`, or NULL and sets
	 * e to the only error that is then reported, at *field. */
	const struct schema *(*subschema)(const json_t *input, const char **field, struct err *e);
	const char *doc;
};

/* ---- looking at a table ---------------------------------------------------------------------------------------- */

#define for_each_field(f, schema) for (const struct field *f = (schema)->fields; f->type != TYPE_END; f++)

const struct field *schema_field(const struct schema *s, struct slice name); /* NULL: no such field */
const struct field *schema_endpoint_key(const struct schema *s);             /* NULL: id only */
const struct field *schema_reference_to(const struct schema *s, const char *kind);
/* The default of a field as a new JSON value (never NULL; json null when there is none). */
json_t *field_default(const struct field *f);
/* Parses the ' form of JSON used in tables; aborts on a mistake, which is ours. New reference. */
json_t *schema_literal(const char *text);
/* "string", "integer", ... as in /schemas. */
const char *field_type_name(enum field_type t);

/* Routes have an expression, or they do not: a process decides once, before it loads records. Off until then. */
void schema_use_expressions(bool on);
bool schema_has_expressions(void);
static inline bool field_exists(const struct field *f)
{
	return !(f->flags & EXPRESSIONS) || schema_has_expressions();
}

/* Address of a field's member in a struct. */
static inline const void *field_member(const struct field *f, const void *record)
{
	return (const char *)record + f->offset;
}

#endif
