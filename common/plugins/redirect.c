/* redirect: sends all requests somewhere else (plugins.md 3.5). */
#include "common/plugin/plugin.h"

struct redirect {
	int64_t status_code;
	struct slice location;
	bool keep_incoming_path;
};

static const struct field fields[] = {
        FIELD(struct redirect, status_code, .flags = REQUIRED, .dflt = "301", BETWEEN(100, 599),
                .doc = "Status of the answer."),
        FIELD(struct redirect, location, .format = FORMAT_URL, .flags = REQUIRED, .doc = "Where to."),
        FIELD(struct redirect, keep_incoming_path, .dflt = "false",
                .doc = "Put path and query of the request in the place of those of `location`."),
        {0},
};

static const struct schema config = {
        .name = "redirect",
        .size = sizeof(struct redirect),
        .fields = fields,
};

/* Scheme and authority of a URL, without what follows. */
static struct slice site_of(struct slice url)
{
	const char *sep = memmem(url.ptr, url.len, "://", 3);
	size_t n = sep ? (size_t)(sep - url.ptr) + 3 : 0;

	while (n < url.len && !strchr("/?#", url.ptr[n]))
		n++;
	return slice_of(url.ptr, n);
}

static enum verdict on_access(struct call *c)
{
	const struct redirect *conf = c->conf;
	struct slice location = conf->location;
	struct uri u;

	if (conf->keep_incoming_path && uri_split(c->x->request->target, &u)) {
		struct slice mark = slice_is_set(u.query) ? S("?") : S("");
		location = ARENA_JOIN(c->x->arena, site_of(conf->location), u.path, mark, u.query);
	}
	call_respond_header(c, S("Location"), location);
	return call_exit(c, (int)conf->status_code, S("redirecting"), slice_of(NULL, 0));
}

const struct plugin redirect_plugin = {
        .name = "redirect",
        .priority = 779,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .access = on_access,
        .doc = "Sends all requests somewhere else.",
        .example = "{'location':'https://new.example.com','status_code':301}",
};
