/* consumer: see consumer.h. */
#include "common/entity/consumer.h"

static const struct field fields[] = {
        ID_FIELD(struct consumer),
        CREATED_AT_FIELD(struct consumer),
        UPDATED_AT_FIELD(struct consumer),
        FIELD(struct consumer, username, .flags = UNIQUE | ENDPOINT_KEY,
                .doc = "The unique username of the consumer. A consumer needs a username or a custom_id."),
        FIELD(struct consumer, custom_id, .flags = UNIQUE,
                .doc = "A unique id of your own for the consumer. A consumer needs a username or a custom_id."),
        TAGS_FIELD(struct consumer),
        {0},
};

static const struct entity_check checks[] = {
        AT_LEAST_ONE_OF("custom_id", "username"),
        {0},
};

const struct schema consumer_schema = {
        .name = "consumers",
        .path = "consumers",
        .size = sizeof(struct consumer),
        .fields = fields,
        .checks = checks,
        .doc = "A user or an application that calls your services.",
};
