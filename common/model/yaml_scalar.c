/* yaml_scalar: what a plain scalar stands for (YAML 1.1, without base 60). */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/core/arena.h"
#include "common/model/yaml.h"

static bool is_one_of(struct slice s, const char *const *words)
{
	for (; *words; words++)
		if (slice_eq(s, slice_cstr(*words)))
			return true;
	return false;
}

static bool is_null(struct slice s)
{
	static const char *const words[] = {"~", "null", "Null", "NULL", NULL};
	return s.len == 0 || is_one_of(s, words);
}

static bool is_true(struct slice s)
{
	static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
	return is_one_of(s, words);
}

static bool is_false(struct slice s)
{
	static const char *const words[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
	return is_one_of(s, words);
}

/* Digits of the base, with '_' between them. */
static bool is_digits(struct slice s, int base)
{
	bool any = false;

	for (size_t i = 0; i < s.len; i++) {
		int c = ascii_lower((unsigned char)s.ptr[i]);
		int digit = isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
		if (c != '_' && digit >= base)
			return false;
		any = any || c != '_';
	}
	return any;
}

/* The base of an integer and where its digits begin; 0: it is none. */
static int integer_base(struct slice digits, size_t *from)
{
	bool zero = digits.len > 1 && digits.ptr[0] == '0';
	int c = zero ? ascii_lower((unsigned char)digits.ptr[1]) : 0;

	*from = c == 'x' || c == 'b' ? 2 : zero ? 1 : 0;
	int base = c == 'x' ? 16 : c == 'b' ? 2 : zero ? 8 : 10;
	return digits.len > 0 && isdigit((unsigned char)digits.ptr[0]) && is_digits(slice_from(digits, *from), base)
	               ? base
	               : 0;
}

/* [-+]? digits and '_', with a '.' or an exponent. */
static bool is_float(struct slice s)
{
	size_t i = 0, digits = 0;
	bool dot = false, exponent = false;

	for (; i < s.len; i++) {
		char c = s.ptr[i];
		if (isdigit((unsigned char)c))
			digits++;
		else if (c == '.' && !dot && !exponent)
			dot = true;
		else if ((c == 'e' || c == 'E') && !exponent && digits > 0 && i + 1 < s.len) {
			exponent = true;
			if (s.ptr[i + 1] == '+' || s.ptr[i + 1] == '-')
				i++;
			digits = 0;
		} else if (c != '_' || digits == 0)
			return false;
	}
	return digits > 0 && (dot || exponent);
}

/* Numbers are short; 64 characters hold any that is not a joke. */
static bool without_underscores(struct slice s, char out[64])
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (n == 63)
			return false;
		if (s.ptr[i] != '_')
			out[n++] = s.ptr[i];
	}
	out[n] = '\0';
	return true;
}

static json_t *number(struct slice s)
{
	bool negative = s.len > 0 && s.ptr[0] == '-', is_signed = negative || (s.len > 0 && s.ptr[0] == '+');
	struct slice digits = slice_from(s, is_signed ? 1 : 0);
	size_t from;
	int base = integer_base(digits, &from);
	char text[64];

	if (base > 0 && without_underscores(slice_from(digits, from), text)) {
		errno = 0;
		long long n = strtoll(text, NULL, base);
		if (errno == 0)
			return json_integer(negative ? -n : n);
		return base == 10 ? json_real(strtod(text, NULL) * (negative ? -1 : 1)) : NULL;
	}
	if (!is_float(digits) || !without_underscores(digits, text))
		return NULL;
	double n = strtod(text, NULL);
	return isfinite(n) ? json_real(negative ? -n : n) : NULL;
}

json_t *yaml_scalar(struct slice plain)
{
	unsigned char first = plain.len > 0 ? (unsigned char)plain.ptr[0] : 0;

	if (is_null(plain))
		return json_null();
	if (is_true(plain))
		return json_true();
	if (is_false(plain))
		return json_false();
	json_t *n = isdigit(first) || first == '-' || first == '+' || first == '.' ? number(plain) : NULL;
	return n ? n : json_stringn(plain.ptr, plain.len);
}
