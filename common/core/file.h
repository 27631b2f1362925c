/* file: whole files, read with a limit and replaced atomically. */
#ifndef COMMON_CORE_FILE_H
#define COMMON_CORE_FILE_H

#include <sys/types.h>

#include "common/core/arena.h"
#include "common/core/err.h"

/* The contents on the arena, NUL-terminated (not counted). Fails when larger than limit bytes. */
bool file_read(struct arena *a, const char *path, size_t limit, struct slice *out, struct err *e);
/* Writes path.tmp, syncs it, renames it over path, syncs the folder: path always holds the old bytes or the new. */
bool file_replace(const char *path, struct slice bytes, mode_t mode, struct err *e);
/* The names in path's folder are on the disk: what was made, renamed or removed there survives a power cut. */
void file_sync_folder(const char *path);
/* Of a file that holds a secret: nobody but its owner can read it; a file of root's may be readable by its group, as
 * mounted secrets are. Else e says what to do. A file that is not there is private. */
bool file_is_private(const char *path, struct err *e);
/* For a key of whose file Kong asks nothing: says in the log that others can read it, and what to do. What is no path
 * of a file (a setting may hold the key itself) is left alone. */
void file_warn_shared(const char *path, const char *setting);
/* mkdir -p with the given mode for what is made. */
bool file_make_dirs(const char *path, mode_t mode, struct err *e);

#endif
