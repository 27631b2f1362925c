/* trace_context: the trace that a request belongs to, as headers tell it, in eight formats (plugins.md 0.11). For the
 * plugins that trace: what a caller says is read, what the upstream is to know is written.
 *
 * Identifiers are kept in 16 and 8 bytes; what a format writes shorter stands at the end, behind zeros. */
#ifndef COMMON_PLUGIN_TRACE_CONTEXT_H
#define COMMON_PLUGIN_TRACE_CONTEXT_H

#include "common/plugin/plugin.h"

enum trace_format {
	TRACE_NONE, /* nothing was found; of a list to write: what was found, else the default ("preserve") */
	TRACE_W3C,
	TRACE_B3,
	TRACE_B3_SINGLE,
	TRACE_JAEGER,
	TRACE_OT,
	TRACE_DATADOG,
	TRACE_AWS,
	TRACE_GCP,
	TRACE_FORMATS
};

enum trace_sampled { SAMPLED_UNKNOWN, SAMPLED_NO, SAMPLED_YES };

struct trace_context {
	enum trace_format format;
	bool has_trace, has_span, has_parent;
	unsigned char trace_id[16], span_id[8], parent_id[8];
	uint8_t trace_id_size; /* 8 or 16: how long the caller's is */
	enum trace_sampled sampled;
};

/* The first of `formats` that says anything. TRACE_B3 stands for both ways of B3, and TRACE_B3_SINGLE is found then.
 * Identifiers that are none are passed over (B3: with a warning), the rest of what the format says counts. */
bool trace_extract(struct call *c, const enum trace_format *formats, size_t n, struct trace_context *out);

/* Writes trace, span and decision into the headers for the upstream; an unknown decision is "no". Returns the trace
 * id as the format has it, for logs. */
struct slice trace_inject(struct call *c, enum trace_format format, const struct trace_context *t);

/* "w3c"; both ways of B3 are "b3". */
const char *trace_format_key(enum trace_format format);
/* n bytes as 2n hexadecimal digits, on the arena. */
struct slice trace_hex(struct arena *a, const unsigned char *bytes, size_t n);

#endif
