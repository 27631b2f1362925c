/* metric: see metric.h. */
#include "common/plugin/metric.h"

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"

static bool is_plain(char c)
{
	return c != '\n' && c != '"' && c != '\\';
}

static void put_escaped(struct text *labels, struct slice value)
{
	for (size_t i = 0, from = 0; i <= value.len; i++) {
		if (i < value.len && is_plain(value.ptr[i]))
			continue;
		text_put(labels, slice_of(value.ptr + from, i - from));
		if (i < value.len) {
			text_putc(labels, '\\');
			text_putc(labels, value.ptr[i] == '\n' ? 'n' : value.ptr[i]);
		}
		from = i + 1;
	}
}

void metric_label(struct text *labels, const char *name, struct slice value)
{
	if (labels->len)
		text_putc(labels, ',');
	text_puts(labels, name);
	text_puts(labels, "=\"");
	if (value.len)
		put_escaped(labels, value);
	text_putc(labels, '"');
}

struct slice metric_service(const struct service *s)
{
	return !s ? S("") : s->name.len ? s->name : s->host;
}

struct slice metric_route(const struct route *r, char room[UUID_TEXT + 1])
{
	if (!r)
		return S("");
	if (r->name.len)
		return r->name;
	uuid_format(&r->id, room);
	return slice_of(room, UUID_TEXT);
}

struct slice metric_consumer(const struct consumer *c)
{
	return c && c->username.len ? c->username : S("");
}

static uint64_t mix(uint64_t h, struct slice s)
{
	return (h ^ slice_hash(s)) * UINT64_C(0x9e3779b97f4a7c15) + s.len;
}

uint64_t metric_names(const struct route *r, const struct service *s, const struct consumer *c)
{
	char room[UUID_TEXT + 1];
	return mix(mix(mix(1, metric_service(s)), metric_route(r, room)), metric_consumer(c));
}
