/* number: numbers in query arguments, as liberal as scripts of our users expect. */
#ifndef COMMON_CORE_NUMBER_H
#define COMMON_CORE_NUMBER_H

#include "common/core/slice.h"

/* Decimal, hexadecimal, with exponent, with blanks around it. False for anything else, and for infinities. */
bool number_parse(struct slice text, double *out);

#endif
