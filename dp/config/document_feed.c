/* document_feed: see document_feed.h. */
#include "dp/config/document_feed.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/settings/node_id.h"

struct document_feed {
	struct document_source source;
	struct replica *replica;
	char epoch[UUID_TEXT + 1]; /* of this process */
	char node_id[UUID_TEXT + 1];
	struct text error; /* why the file was refused when it was last read; "" */
};

static bool apply(struct document_feed *f, const struct document *d, struct text *why)
{
	struct err e;
	struct catalog *c = document_catalog(d, replica_has_config(f->replica) ? replica_version(f->replica) + 1 : 1);

	if (replica_set(f->replica, c, slice_cstr(f->epoch), &e))
		return true;
	catalog_free(c);
	text_puts(why, e.message);
	return false;
}

static bool load(struct document_feed *f, struct text *why)
{
	struct arena a;

	arena_init(&a);
	struct document *d = document_source_load(&a, &f->source, why);
	bool ok = d && apply(f, d, why);
	document_free(d);
	arena_fini(&a);
	return ok;
}

struct document_feed *document_feed_start(
        const char *path, const struct settings *s, struct replica *r, struct text *why)
{
	struct document_feed *f = calloc(1, sizeof *f);
	struct uuid epoch = uuid_v4();
	struct err e;

	if (!f)
		abort();
	f->source = (struct document_source){.path = path, .expand = !slice_eq(s->declarative_config_env, S("off"))};
	f->replica = r;
	uuid_format(&epoch, f->epoch);
	if (!node_id_load(s, f->node_id, &e))
		text_puts(why, e.message);
	else if (load(f, why))
		return f;
	document_feed_stop(f);
	return NULL;
}

void document_feed_reload(struct document_feed *f)
{
	text_clear(&f->error);
	if (load(f, &f->error))
		log_notice("configuration read again", LOG_STR("file", f->source.path),
		        LOG_INT("version", replica_version(f->replica)));
	else
		log_error("configuration refused, the one before stays", LOG_STR("error", text_cstr(&f->error)));
}

void document_feed_stop(struct document_feed *f)
{
	if (!f)
		return;
	text_fini(&f->error);
	free(f);
}

void document_feed_status(const struct document_feed *f, struct subscriber_status *out)
{
	*out = (struct subscriber_status){.epoch = replica_epoch(f->replica),
	        .version = replica_version(f->replica),
	        .has_config = replica_has_config(f->replica),
	        .is_in_step = true,
	        .last_contact_ms = clock_mono_ms(),
	        .error = text_cstr(&f->error)};
	memcpy(out->node_id, f->node_id, sizeof f->node_id);
}
