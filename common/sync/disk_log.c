/* disk_log: see disk_log.h. */
#include "common/sync/disk_log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/model/kinds.h"

static const struct slice label = SLICE("gatehouse config.cache.log 1");

/* ---- writing ------------------------------------------------------------------------------------------------ */

struct changes {
	struct change *items;
	size_t n, cap;
	struct arena texts; /* of records that keep none */
};

static bool add_change(struct record *was, struct record *is, void *arg)
{
	struct changes *c = arg;
	const struct record *r = is ? is : was;

	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->items = realloc(c->items, sizeof *c->items * c->cap);
		if (!c->items)
			abort();
	}
	c->items[c->n++] = (struct change){
	        r->kind, r->id, is ? record_stored_text(is, &c->texts) : (struct slice){0}};
	return true;
}

static struct packed_delta *pack(const char *epoch, const struct catalog *was, const struct catalog *is)
{
	struct changes c = {0};
	arena_init(&c.texts);

	for (size_t i = 0; i < kinds_count(); i++)
		catalog_diff(was, is, kinds_at(i), add_change, &c);
	struct packed_delta *d = delta_pack(epoch, catalog_version(was), catalog_version(is), c.items, c.n);
	free(c.items);
	arena_fini(&c.texts);
	return d;
}

static bool write_all(int fd, struct slice bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = slice_from(bytes, (size_t)n);
	}
	return fdatasync(fd) == 0;
}

static bool append(const char *path, struct slice frame, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, "cannot open '%s': %s", path, strerror(errno));
	bool is_new = lseek(fd, 0, SEEK_END) == 0;
	bool ok = write_all(fd, frame);
	int problem = errno;
	close(fd);
	if (ok && is_new)
		file_sync_folder(path);
	return ok || err_set(e, "cannot append to '%s': %s", path, strerror(problem));
}

bool disk_log_append(const char *path, const struct seal_key *key, const char *epoch, const struct catalog *was,
        const struct catalog *is, size_t *len, struct err *e)
{
	struct packed_delta *d = pack(epoch, was, is);
	struct text sealed = {0}, frame = {0};

	seal(key, label, slice_of(d->bytes, d->len), &sealed);
	packed_delta_free(d);
	uint32_t size = htobe32((uint32_t)sealed.len);
	text_put(&frame, slice_of((const char *)&size, sizeof size));
	text_put(&frame, text_slice(&sealed));
	*len = frame.len;
	bool ok = append(path, text_slice(&frame), e);
	text_fini(&sealed);
	text_fini(&frame);
	return ok;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

/* The next frame's envelope; false: no whole one is left. */
static bool next_frame(struct slice *rest, struct slice *sealed)
{
	uint32_t size;

	if (rest->len < sizeof size)
		return false;
	memcpy(&size, rest->ptr, sizeof size);
	size = be32toh(size);
	*rest = slice_from(*rest, sizeof size);
	if (size > rest->len)
		return false;
	*sealed = slice_of(rest->ptr, size);
	*rest = slice_from(*rest, size);
	return true;
}

/* Brings *c forward by a frame, or leaves it when the frame is older (config.cache was written after it). False: the
 * log does not lead on. */
static bool replay_frame(const struct seal_key *key, struct slice epoch, struct slice sealed, struct catalog **c)
{
	struct text plain = {0};
	struct err e;
	bool ok = false;

	if (seal_open(key, label, sealed, &plain, &e)) {
		Gatehouse__Sync__Delta *d = gatehouse__sync__delta__unpack(
		        NULL, plain.len, (const uint8_t *)plain.ptr);
		ok = d && slice_eq(slice_cstr(d->epoch), epoch);
		if (ok && d->version > catalog_version(*c)) {
			bool leads_on = d->base_version == catalog_version(*c);
			struct catalog *next = leads_on ? delta_apply(*c, d, NULL, &e) : NULL;
			ok = next != NULL;
			if (next) {
				catalog_free(*c);
				*c = next;
			}
		}
		if (d)
			gatehouse__sync__delta__free_unpacked(d, NULL);
	}
	text_fini(&plain);
	return ok;
}

struct catalog *disk_log_replay(const char *path, const struct seal_key *key, struct slice epoch, struct catalog *c)
{
	struct arena a;
	struct slice rest, sealed;
	struct err e;

	if (access(path, F_OK) < 0)
		return c;
	arena_init(&a);
	if (!file_read(&a, path, DELTA_MAX_SIZE, &rest, &e))
		log_error("changes of the kept configuration cannot be read", LOG_STR("error", e.message));
	else
		while (rest.len && next_frame(&rest, &sealed) && replay_frame(key, epoch, sealed, &c))
			;
	arena_fini(&a);
	return c;
}
