/* sign: see sign.h. Called by dispatch before every handler that may write. */
#include "cp/admin/sign.h"

#include "common/core/utf8.h"
#include "cp/admin/errors.h"

/* Also what a terminal could be tricked with stays out: versions are listed on terminals. */
static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\n' && s.ptr[i] != '\t')
			return false;
	return slice_find(s, 0x7f) < 0 && utf8_invalid_at(s) < 0;
}

static bool check(struct admin_call *c, const char *what, struct slice s, size_t max)
{
	if (s.len > max)
		admin_fail(c, 400, "the %s has %zu bytes, expected at most %zu", what, s.len, max);
	else if (!is_text(s))
		admin_fail(c, 400, "the %s is not text: expected UTF-8 without control characters", what);
	else
		return true;
	return false;
}

bool admin_sign(struct admin_call *c)
{
	const struct admin_request *r = c->request;
	struct store_signature by = {.author = slice_is_set(c->author) ? c->author : r->author,
	        .message = r->message,
	        .source = r->client_ip};
	struct slice message;

	if (admin_query(r, S("message"), &message) && slice_is_set(message))
		by.message = message;
	if (!check(c, "author", by.author, ADMIN_AUTHOR_MAX) || !check(c, "message", by.message, ADMIN_MESSAGE_MAX))
		return false;
	if (c->store) /* there is none when there is no database */
		store_sign(c->store, &by);
	return true;
}
