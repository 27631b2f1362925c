/* number: numbers in query arguments, as liberal as our users' scripts are used to. */
#ifndef CP_ADMIN_NUMBER_H
#define CP_ADMIN_NUMBER_H

#include "common/core/slice.h"

/* Decimal, hexadecimal, with exponent, with blanks around it. False for anything else, and for infinities. */
bool admin_number(struct slice text, double *out);

#endif
