/* routes: routes for tests, written as one line of text.
 *
 *   route_of(a, "hosts=a.test,*.b.test paths=/x,~/y methods=GET header.x-a=1,2 strip=no", 1)
 *
 * Blanks separate fields, commas values. Also: snis, protocols, created, priority (regex_priority), handling
 * (path_handling), id (a number that becomes a UUID; default: the number of the route). Everything else has the
 * defaults of entities.md. */
#ifndef TESTS_SUPPORT_ROUTES_H
#define TESTS_SUPPORT_ROUTES_H

#include "common/entity/route.h"

struct uuid numbered_uuid(unsigned n);
struct route *route_of(struct arena *a, const char *text, unsigned number);

#endif
