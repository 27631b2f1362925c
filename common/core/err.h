/* err: why something failed, in words for a person.
 *
 * Functions that can fail take a struct err * (never NULL) and return false after err_set(). On success it is
 * untouched, so calls chain with && and one error is reported: the first.
 * Message style: lower case, no full stop, quotes the offending value, says what was expected. */
#ifndef COMMON_CORE_ERR_H
#define COMMON_CORE_ERR_H

#include <stdbool.h>

struct err {
	char message[1024];
};

/* Sets the message (cut to fit) and returns false, so that `return err_set(e, ...)` reads well. */
bool err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "what: " before the message; returns false. */
bool err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
