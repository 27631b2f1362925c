/* url: see url.h. */
#include "common/schema/url.h"

static struct slice up_to(struct slice s, char end)
{
	ptrdiff_t at = slice_find(s, end);
	return at < 0 ? s : slice_of(s.ptr, (size_t)at);
}

static bool is_scheme(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = ascii_lower((unsigned char)s.ptr[i]);
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!letter && (i == 0 || !strchr("+-.", c)))
			return false;
	}
	return s.len > 0;
}

static struct slice set_or_none(struct slice s)
{
	return s.len ? s : (struct slice){NULL, 0};
}

/* [user@]host[:port] */
static void split_authority(struct slice s, struct url *u)
{
	ptrdiff_t at = slice_find(s, '@');
	s = slice_from(s, (size_t)(at + 1));
	ptrdiff_t bracket = slice_find(s, ']');
	struct slice after = slice_from(s, (size_t)(bracket + 1));
	ptrdiff_t colon = slice_find(after, ':');

	if (colon >= 0) {
		u->port = set_or_none(slice_from(after, (size_t)colon + 1));
		s.len -= after.len - (size_t)colon;
	}
	u->host = set_or_none(s);
}

struct url url_split(struct slice text)
{
	struct url u = {0};
	struct slice rest = up_to(text, '#');
	ptrdiff_t colon = slice_find(rest, ':');

	if (colon > 0 && is_scheme(slice_of(rest.ptr, (size_t)colon))) {
		u.scheme = slice_of(rest.ptr, (size_t)colon);
		rest = slice_from(rest, (size_t)colon + 1);
	}
	if (slice_starts(rest, S("//"))) {
		struct slice authority = up_to(up_to(slice_from(rest, 2), '/'), '?');
		split_authority(authority, &u);
		rest = slice_from(rest, 2 + authority.len);
	}
	u.path = set_or_none(up_to(rest, '?'));
	return u;
}
