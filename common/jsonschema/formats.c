/* formats: the strings that `format` may ask for (JSON Schema validation 7.3): dates and times of RFC 3339,
 * addresses, names. What is not known says nothing. */
#include "common/core/ip.h"
#include "common/core/uuid.h"
#include "common/jsonschema/private.h"

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch)
{
	unsigned char low = ascii_lower((unsigned char)ch);
	return low >= 'a' && low <= 'z';
}

/* n digits at the start, taken off. */
static bool take_number(struct slice *s, size_t n, int *out)
{
	if (s->len < n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->ptr[i]))
			return false;
		*out = *out * 10 + (s->ptr[i] - '0');
	}
	*s = slice_from(*s, n);
	return true;
}

static bool take(struct slice *s, char ch)
{
	if (s->len == 0 || s->ptr[0] != ch)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool take_date(struct slice *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (!take_number(s, 4, &year) || !take(s, '-') || !take_number(s, 2, &month) || !take(s, '-') ||
	        !take_number(s, 2, &day) || month < 1 || month > 12)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool take_offset(struct slice *s, int *minutes)
{
	int sign, hour, minute;
	*minutes = 0;
	if (take(s, 'Z') || take(s, 'z'))
		return true;
	sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
	if (!sign || !take_number(s, 2, &hour) || !take(s, ':') || !take_number(s, 2, &minute) || hour > 23 ||
	        minute > 59)
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

/* A leap second is at the end of a day of UTC. */
static bool take_time(struct slice *s)
{
	int hour, minute, second, offset, fraction;

	if (!take_number(s, 2, &hour) || !take(s, ':') || !take_number(s, 2, &minute) || !take(s, ':') ||
	        !take_number(s, 2, &second) || hour > 23 || minute > 59 || second > 60)
		return false;
	if (take(s, '.')) {
		if (!take_number(s, 1, &fraction))
			return false;
		while (take_number(s, 1, &fraction))
			;
	}
	if (!take_offset(s, &offset))
		return false;
	int of_day = hour * 60 + minute - offset;
	return second < 60 || (of_day + 2 * 1440) % 1440 == 1439;
}

static bool is_date(struct slice s)
{
	return take_date(&s) && s.len == 0;
}

static bool is_time(struct slice s)
{
	return take_time(&s) && s.len == 0;
}

static bool is_date_time(struct slice s)
{
	return take_date(&s) && (take(&s, 'T') || take(&s, 't')) && take_time(&s) && s.len == 0;
}

/* RFC 1123: labels of letters, digits and inner hyphens. */
static bool is_hostname(struct slice s)
{
	if (s.len == 0 || s.len > 253)
		return false;
	while (slice_is_set(s)) {
		struct slice label = slice_cut(&s, '.');
		if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_letter(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
				return false;
	}
	return true;
}

static bool is_atext(char ch)
{
	return is_letter(ch) || is_digit(ch) || memchr("!#$%&'*+-/=?^_`{|}~", ch, 19) || (unsigned char)ch >= 0x80;
}

/* A dot-atom, or anything in quotes (RFC 5321 4.1.2, without comments). */
static bool is_local_part(struct slice s)
{
	if (s.len == 0 || s.len > 64)
		return false;
	if (s.len > 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"') {
		for (size_t i = 1; i + 1 < s.len; i++)
			if (s.ptr[i] == '"' || (s.ptr[i] == '\\' && i++ + 2 >= s.len))
				return false;
		return true;
	}
	while (slice_is_set(s)) {
		struct slice atom = slice_cut(&s, '.');
		for (size_t i = 0; i < atom.len; i++)
			if (!is_atext(atom.ptr[i]))
				return false;
		if (atom.len == 0)
			return false;
	}
	return true;
}

static bool is_ipv4(struct slice s)
{
	struct ip ip;
	return ip_parse(s, &ip) && slice_find(s, ':') < 0;
}

static bool is_ipv6(struct slice s)
{
	struct ip ip;
	return slice_find(s, ':') >= 0 && slice_find(s, '%') < 0 && ip_parse(s, &ip);
}

static bool is_email(struct slice s)
{
	ptrdiff_t at = -1;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '@')
			at = (ptrdiff_t)i;
	if (at < 0)
		return false;
	struct slice domain = slice_from(s, (size_t)at + 1);
	if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']') {
		struct slice literal = slice_of(domain.ptr + 1, domain.len - 2), prefix = S("IPv6:");
		bool six = literal.len > prefix.len && slice_ieq(slice_of(literal.ptr, prefix.len), prefix);
		return is_local_part(slice_of(s.ptr, (size_t)at)) &&
		       (six ? is_ipv6(slice_from(literal, prefix.len)) : is_ipv4(literal));
	}
	return is_local_part(slice_of(s.ptr, (size_t)at)) && is_hostname(domain);
}

/* RFC 3986: a scheme, and only characters that may stand there, escapes in full. */
static bool is_uri(struct slice s)
{
	struct slice rest = s, scheme = slice_cut(&rest, ':');
	if (!slice_is_set(rest) || scheme.len == 0 || !is_letter(scheme.ptr[0]))
		return false;
	for (size_t i = 1; i < scheme.len; i++)
		if (!is_letter(scheme.ptr[i]) && !is_digit(scheme.ptr[i]) && !memchr("+-.", scheme.ptr[i], 3))
			return false;
	size_t fragments = 0;
	for (size_t i = 0; i < rest.len; i++) {
		char ch = rest.ptr[i];
		fragments += ch == '#';
		if (ch == '%') {
			bool hex = i + 2 < rest.len && strchr("0123456789abcdefABCDEF", rest.ptr[i + 1]) &&
			           strchr("0123456789abcdefABCDEF", rest.ptr[i + 2]);
			if (!hex)
				return false;
		} else if (!is_letter(ch) && !is_digit(ch) && !memchr("-._~:/?#[]@!$&'()*+,;=", ch, 22)) {
			return false;
		}
	}
	return fragments <= 1;
}

static const struct {
	const char *name;
	bool (*fits)(struct slice s);
} formats[] = {
        [FORMAT_ID_DATE] = {"date", is_date},
        [FORMAT_ID_TIME] = {"time", is_time},
        [FORMAT_ID_DATE_TIME] = {"date-time", is_date_time},
        [FORMAT_ID_EMAIL] = {"email", is_email},
        [FORMAT_ID_UUID] = {"uuid", is_uuid},
        [FORMAT_ID_IPV4] = {"ipv4", is_ipv4},
        [FORMAT_ID_IPV6] = {"ipv6", is_ipv6},
        [FORMAT_ID_URI] = {"uri", is_uri},
        [FORMAT_ID_HOSTNAME] = {"hostname", is_hostname},
};

enum format_id jsonschema_format(struct slice name)
{
	for (size_t i = 1; i < sizeof formats / sizeof formats[0]; i++)
		if (slice_eq(name, slice_cstr(formats[i].name)))
			return (enum format_id)i;
	return FORMAT_ID_NONE;
}

bool jsonschema_format_fits(enum format_id f, struct slice text)
{
	return f == FORMAT_ID_NONE || formats[f].fits(text);
}

const char *jsonschema_format_name(enum format_id f)
{
	return formats[f].name;
}
