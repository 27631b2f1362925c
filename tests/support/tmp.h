/* tmp: a private folder for a test, removed with all that is in it. */
#ifndef TESTS_SUPPORT_TMP_H
#define TESTS_SUPPORT_TMP_H

/* Makes a folder (0700) under /tmp and keeps its name. Short enough for unix socket paths below it. */
const char *tmp_make(void);
/* The folder's name with "/name" behind it; valid until the tenth call from now. */
const char *tmp_path(const char *name);
void tmp_remove(void);

#endif
