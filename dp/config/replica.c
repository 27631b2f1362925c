/* replica: see replica.h. */
#include "dp/config/replica.h"

#include <stdlib.h>

#include "common/core/log.h"

struct replica {
	replica_apply_fn apply;
	void *arg;
	replica_prepare_fn prepare; /* may be NULL */
	void *prepare_arg;
	struct catalog *catalog; /* our own copy of what was applied, the base of the next candidate */
	char *epoch;
	char *error;
	uint64_t error_version;
	char *held_back;
};

struct replica *replica_new(replica_apply_fn apply, void *arg)
{
	struct replica *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->apply = apply;
	r->arg = arg;
	r->epoch = slice_strdup(S(""));
	r->error = slice_strdup(S(""));
	r->held_back = slice_strdup(S(""));
	return r;
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	if (r->catalog)
		catalog_free(r->catalog);
	free(r->epoch);
	free(r->error);
	free(r->held_back);
	free(r);
}

static void set_text(char **to, const char *text)
{
	char *copy = slice_strdup(slice_cstr(text)); /* text may be *to itself */
	free(*to);
	*to = copy;
}

static void set_error(struct replica *r, const char *why, uint64_t version)
{
	set_text(&r->error, why);
	r->error_version = version;
}

void replica_prepare(struct replica *r, replica_prepare_fn prepare, void *arg)
{
	r->prepare = prepare;
	r->prepare_arg = arg;
}

bool replica_set(struct replica *r, struct catalog *c, struct slice epoch, struct err *e)
{
	if (r->prepare)
		r->prepare(c, r->prepare_arg);
	struct catalog *copy = catalog_copy(c); /* before the callback: the original is gone when it has taken it */
	if (!r->apply(c, epoch, r->arg, e)) {
		catalog_free(copy);
		return false;
	}
	if (r->catalog)
		catalog_free(r->catalog);
	r->catalog = copy;
	char *owned = slice_strdup(epoch);
	free(r->epoch);
	r->epoch = owned;
	set_error(r, "", 0);
	return true;
}

/* Whether d leads on from what we have. */
static enum replica_result judge(const struct replica *r, const Gatehouse__Sync__Delta *d, bool is_answer)
{
	bool is_same_epoch = r->catalog && slice_eq(slice_cstr(d->epoch), slice_cstr(r->epoch));
	if (is_answer && d->snapshot)
		return REPLICA_APPLIED;
	if (!is_same_epoch)
		return REPLICA_GAP;
	if (d->version <= catalog_version(r->catalog))
		return REPLICA_STALE;
	return d->base_version == catalog_version(r->catalog) ? REPLICA_APPLIED : REPLICA_GAP;
}

/* What a delta leaves alone was held back before, and still is. */
static bool apply(struct replica *r, const Gatehouse__Sync__Delta *d, struct err *e)
{
	struct text held_back = {0};
	if (!d->snapshot)
		text_puts(&held_back, r->held_back);
	struct catalog *candidate = delta_apply(r->catalog, d, &held_back, e);
	bool ok = candidate && replica_set(r, candidate, slice_cstr(d->epoch), e);
	if (candidate && !ok)
		catalog_free(candidate);
	if (ok && !slice_eq(text_slice(&held_back), slice_cstr(r->held_back))) {
		if (held_back.len)
			log_warn("this release does not know all of the configuration, what it does not is left out",
			        LOG_SLICE("held_back", text_slice(&held_back)), LOG_INT("version", d->version));
		set_text(&r->held_back, text_cstr(&held_back));
	}
	text_fini(&held_back);
	return ok;
}

enum replica_result replica_apply(struct replica *r, const Gatehouse__Sync__Delta *d, bool is_answer)
{
	struct err e;
	enum replica_result result = judge(r, d, is_answer);
	if (result != REPLICA_APPLIED || apply(r, d, &e))
		return result;
	log_error("configuration refused, the one before stays", LOG_INT("version", d->version),
	        LOG_STR("error", e.message));
	set_error(r, e.message, d->version);
	return REPLICA_REFUSED;
}

bool replica_has_config(const struct replica *r)
{
	return r->catalog != NULL;
}

struct slice replica_epoch(const struct replica *r)
{
	return slice_cstr(r->epoch);
}

uint64_t replica_version(const struct replica *r)
{
	return r->catalog ? catalog_version(r->catalog) : 0;
}

const struct catalog *replica_catalog(const struct replica *r)
{
	return r->catalog;
}

const char *replica_error(const struct replica *r)
{
	return r->error;
}

uint64_t replica_error_version(const struct replica *r)
{
	return r->error_version;
}

const char *replica_held_back(const struct replica *r)
{
	return r->held_back;
}
