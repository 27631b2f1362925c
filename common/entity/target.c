/* target: see target.h. Times of targets have a fraction, because their order of creation matters to the balancer.
 * Contract: entities.md 4.7. */
#include "common/entity/target.h"

static const struct field fields[] = {
        ID_FIELD(struct target),
        FIELD(struct target, created_at, .flags = AUTO | TIMESTAMP,
                .doc = "When it was created, in Unix seconds with a fraction."),
        FIELD(struct target, updated_at, .flags = AUTO | TIMESTAMP | UPDATED,
                .doc = "When it was last changed, in Unix seconds with a fraction."),
        FIELD(struct target, upstream, .ref = "upstreams", .on_delete = ON_DELETE_CASCADE, .flags = REQUIRED | SCOPE,
                .doc = "The upstream it belongs to."),
        FIELD(struct target, target, .format = FORMAT_TARGET, .flags = REQUIRED | SCOPE | ENDPOINT_KEY,
                .doc = "Host name or address, and port; 8000 when there is none."),
        FIELD(struct target, weight, .dflt = "100", BETWEEN(0, 65535),
                .doc = "Its share of the requests, relative to the weights of the others; 0: none."),
        TAGS_FIELD(struct target),
        {0},
};

const struct schema target_schema = {
        .name = "targets",
        .nested_path = "targets", /* found below its upstream only */
        .size = sizeof(struct target),
        .fields = fields,
        .doc = "One address behind an upstream.",
};
