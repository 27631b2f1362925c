/* upstream_path, the path that goes upstream. Called by the proxy once per try; makes a copy only when the
 * result is not a part of the request's own path or the service's. */
#include "dp/router/router.h"

static struct slice join(struct arena *a, struct slice x, struct slice y)
{
	if (x.len == 0)
		return y;
	if (y.len == 0)
		return x;
	char *both = arena_alloc(a, x.len + y.len);
	memcpy(both, x.ptr, x.len);
	memcpy(both + x.len, y.ptr, y.len);
	return slice_of(both, x.len + y.len);
}

static struct slice without_last(struct slice s)
{
	return slice_of(s.ptr, s.len - 1);
}

static bool starts_with_slash(struct slice s)
{
	return s.len > 0 && s.ptr[0] == '/';
}

static bool ends_with_slash(struct slice s)
{
	return s.len > 0 && s.ptr[s.len - 1] == '/';
}

static struct slice rest_of(const struct router_match *m, struct slice path)
{
	struct slice rest = slice_from(path, slice_is_set(m->prefix) ? m->prefix.len : 1);

	if (slice_eq(rest, S(".")) || slice_eq(rest, S("..")))
		return S("");
	if (slice_starts(rest, S("./")))
		return slice_from(rest, 2);
	return slice_starts(rest, S("../")) ? slice_from(rest, 3) : rest;
}

static struct slice stripped(struct arena *a, struct slice base, struct slice rest, struct slice path)
{
	if (ends_with_slash(base)) {
		if (rest.len == 0)
			return base.len == 1 || ends_with_slash(path) ? base : without_last(base);
		return starts_with_slash(rest) ? join(a, without_last(base), rest) : join(a, base, rest);
	}
	if (rest.len == 0)
		return path.len > 1 && ends_with_slash(path) ? join(a, base, S("/")) : base;
	return join(a, starts_with_slash(rest) ? base : join(a, base, S("/")), rest);
}

static struct slice unstripped(struct arena *a, struct slice base, struct slice path)
{
	if (ends_with_slash(base))
		return join(a, without_last(base), path);
	return path.len == 1 ? base : join(a, base, path);
}

/* path_handling v1: nothing is put between, and one of two slashes goes. */
static struct slice joined_v1(struct arena *a, struct slice base, struct slice rest)
{
	return join(a, base, ends_with_slash(base) && starts_with_slash(rest) ? slice_from(rest, 1) : rest);
}

struct slice router_upstream_path(struct arena *a, struct slice service_path, const struct router_match *m,
        struct slice path, enum router_flavor flavor)
{
	struct slice base = service_path.len ? service_path : S("/");
	bool strip = m->route->strip_path;

	if (flavor == ROUTER_TRADITIONAL && slice_eq(m->route->path_handling, S("v1")))
		return joined_v1(a, base, strip ? rest_of(m, path) : slice_from(path, 1));
	return strip ? stripped(a, base, rest_of(m, path), path) : unstripped(a, base, path);
}
