/* ordering: see ordering.h. */
#include "common/plugin/ordering.h"

static const struct field phase_fields[] = {
        FIELD(struct ordering_phase, access, STRINGS(), .doc = "Names of plugins."),
        {0},
};

static const struct schema phase_schema = {
        .name = "phase",
        .size = sizeof(struct ordering_phase),
        .fields = phase_fields,
};

static const struct field fields[] = {
        FIELD(struct ordering, before, .dflt = "null", .record = &phase_schema,
                .doc = "It runs before these plugins."),
        FIELD(struct ordering, after, .dflt = "null", .record = &phase_schema, .doc = "It runs after these plugins."),
        {0},
};

const struct schema ordering_schema = {
        .name = "ordering",
        .size = sizeof(struct ordering),
        .fields = fields,
        .doc = "Where it stands among other plugins, instead of where its priority puts it.",
};
