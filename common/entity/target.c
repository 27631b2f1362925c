/* target: schema. Contract: entities.md 4.7. */
#include "common/entity/target.h"

static const struct field fields[] = {
	ID_FIELD(struct target),
	FIELD(struct target, created_at, .flags = AUTO | TIMESTAMP, .doc = "When it was created, in Unix seconds with a fraction."),
	FIELD(struct target, updated_at, .flags = AUTO | TIMESTAMP | UPDATED,
		.doc = "When it was last changed, in Unix seconds with a fraction."),
	FIELD(struct target, upstream, .ref = "upstreams", .on_delete = ON_DELETE_CASCADE, .flags = REQUIRED | SCOPE,
		.doc = "The upstream it belongs to."),
	FIELD(struct target, target, .format = FORMAT_TARGET, .flags = REQUIRED | SCOPE | ENDPOINT_KEY,
		.doc = "host[:port]; stored with a port, 8000 when you give none."),
	FIELD(struct target, weight, .dflt = "100", BETWEEN(0, 65535),
		.doc = "Its share of the requests, relative to the other targets; 0: none."),
	TAGS_FIELD(struct target),
	{0},
};

const struct schema target_schema = {
	.name = "targets",
	.path = "targets",
	.size = sizeof(struct target),
	.fields = fields,
	.doc = "One address of an upstream.",
};
