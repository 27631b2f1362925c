/* otlp: how spans and log records are written for an OpenTelemetry collector (OTLP/HTTP, protobuf).
 *
 * An entry of a queue is what one request leaves behind: its spans, or its log record, packed one behind the other as
 * field 2 of a ScopeSpans or ScopeLogs. A delivery puts resource and scope around the entries; the numbers of the
 * fields around are the same for both. */
#ifndef COMMON_PLUGINS_OPENTELEMETRY_OTLP_H
#define COMMON_PLUGINS_OPENTELEMETRY_OTLP_H

#include "common/plugin/plugin.h"
#include "proto/otlp.pb-c.h"

enum { OTLP_ATTRIBUTES_MAX = 24 };
struct otlp_attributes {
	struct arena *arena;
	Gatehouse__Otlp__KeyValue *items[OTLP_ATTRIBUTES_MAX];
	size_t n; /* beyond the most, further ones are left out */
};
/* What is not UTF-8 is replaced: a collector would refuse the whole delivery. An unset value is left out. */
void otlp_text(struct otlp_attributes *to, const char *key, struct slice value);
void otlp_int(struct otlp_attributes *to, const char *key, int64_t value);
void otlp_bool(struct otlp_attributes *to, const char *key, bool value);
/* The text as a C string that protobuf takes. */
char *otlp_string(struct arena *a, struct slice text);

/* Appends a span or a log record to an entry. */
void otlp_append(struct text *entry, const ProtobufCMessage *message);

/* The resource's attributes, for sink.context: those of the configuration, and service.name and service.version where
 * it has none. */
struct slice otlp_context(struct arena *a, const struct slice_map *configured);
/* For sink.encode: adds service.instance.id, the node's, unless the configuration has one. */
void (*otlp_encoder(const struct slice_map *configured))(const struct sink_batch *b, struct text *out);

#endif
