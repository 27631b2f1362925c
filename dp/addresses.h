/* addresses: where a data plane listens: proxy_listen and stream_listen, read and checked (proxy.md 10.2). */
#ifndef DP_ADDRESSES_H
#define DP_ADDRESSES_H

#include "common/net/listener.h"
#include "common/settings/settings.h"

struct addresses {
	const struct listen_spec *http, *streams;
	size_t http_count, streams_count;
	bool any_ssl;
};

/* Everything is on the arena. False with e also when an address that is not to be shared (reuseport) is taken. */
bool addresses_read(struct addresses *out, struct arena *a, const struct settings *s, struct err *e);

#endif
