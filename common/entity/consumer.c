/* consumer: schema. Contract: entities.md 4.3. */
#include "common/entity/consumer.h"

static const struct field fields[] = {
	ID_FIELD(struct consumer),
	CREATED_AT_FIELD(struct consumer),
	UPDATED_AT_FIELD(struct consumer),
	FIELD(struct consumer, username, .flags = UNIQUE | ENDPOINT_KEY, .doc = "A unique name."),
	FIELD(struct consumer, custom_id, .flags = UNIQUE, .doc = "The id this consumer has elsewhere."),
	TAGS_FIELD(struct consumer),
	{0},
};

static const struct entity_check checks[] = {
	{.kind = CHECK_AT_LEAST_ONE_OF, .fields = FIELDS("custom_id", "username")},
	{0},
};

const struct schema consumer_schema = {
	.name = "consumers",
	.path = "consumers",
	.size = sizeof(struct consumer),
	.fields = fields,
	.checks = checks,
	.doc = "A user or an application that calls through the gateway.",
};
