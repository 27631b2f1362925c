/* file_limit: how many descriptors the process may have. Every connection is one, or two. */
#ifndef COMMON_CORE_FILE_LIMIT_H
#define COMMON_CORE_FILE_LIMIT_H

/* Takes what the system lets us have. */
void file_limit_raise(void);

#endif
