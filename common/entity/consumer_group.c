/* consumer_group: see consumer_group.h. Memberships have no endpoints of their own: they are written and read as what
 * stands below a group or a consumer (cp/admin/consumer_groups.c). */
#include "common/entity/consumer_group.h"

static const struct field fields[] = {
        ID_FIELD(struct consumer_group),
        CREATED_AT_FIELD(struct consumer_group),
        UPDATED_AT_FIELD(struct consumer_group),
        FIELD(struct consumer_group, name, .format = FORMAT_UTF8_NAME, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY,
                .doc = "A unique name. Of several groups of a consumer the first by name counts."),
        TAGS_FIELD(struct consumer_group),
        {0},
};

const struct schema consumer_group_schema = {
        .name = "consumer_groups",
        .path = "consumer_groups",
        .size = sizeof(struct consumer_group),
        .fields = fields,
        .doc = "Consumers that plugins treat alike.",
};

static const struct field membership_fields[] = {
        ID_FIELD(struct group_membership),
        CREATED_AT_FIELD(struct group_membership),
        FIELD(struct group_membership, consumer_group, .ref = "consumer_groups", .on_delete = ON_DELETE_CASCADE,
                .flags = REQUIRED | SCOPE, .doc = "The group."),
        FIELD(struct group_membership, consumer, .ref = "consumers", .on_delete = ON_DELETE_CASCADE,
                .flags = REQUIRED | SCOPE, .doc = "The consumer that belongs to it."),
        {0},
};

const struct schema group_membership_schema = {
        .name = "consumer_group_consumers",
        .size = sizeof(struct group_membership),
        .fields = membership_fields,
        .doc = "That a consumer belongs to a group.",
};
