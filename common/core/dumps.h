/* dumps: what a process holds in memory (keys, passwords, bodies of requests) does not get onto a disk when it dies,
 * nor into a debugger of the same user. */
#ifndef COMMON_CORE_DUMPS_H
#define COMMON_CORE_DUMPS_H

/* No core files from now on, also of processes that this one starts, and no ptrace by others but root. */
void dumps_forbid(void);

#endif
