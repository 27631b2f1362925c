/* login_limit: how often an address may show a wrong token.
 *
 * After LOGIN_LIMIT_FREE failures in a row the address must wait before it is heard again: one second, then twice as
 * long each time, up to LOGIN_LIMIT_WAIT_MS; what it sends meanwhile is not looked at. A login that succeeds, or
 * LOGIN_LIMIT_FORGET_MS without a failure, forgets them all. IPv6 addresses count by their /64. The table has a fixed
 * size: under attack from very many addresses the oldest are forgotten. Any thread may call. */
#ifndef CP_ADMIN_LOGIN_LIMIT_H
#define CP_ADMIN_LOGIN_LIMIT_H

#include "common/core/slice.h"

enum { LOGIN_LIMIT_FREE = 5, LOGIN_LIMIT_WAIT_MS = 60000, LOGIN_LIMIT_FORGET_MS = 600000 };

struct login_limit;

struct login_limit *login_limit_new(void);
void login_limit_free(struct login_limit *l); /* NULL is fine */

/* Milliseconds that this address must still wait; 0: it may try. */
uint64_t login_limit_wait_ms(struct login_limit *l, struct slice address, uint64_t now_ms);
void login_limit_failed(struct login_limit *l, struct slice address, uint64_t now_ms);
void login_limit_passed(struct login_limit *l, struct slice address);

#endif
