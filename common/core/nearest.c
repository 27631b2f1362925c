/* nearest: see nearest.h. The distance is that of optimal string alignment, over rows of a bounded table. */
#include "common/core/nearest.h"

enum { LETTERS_MAX = 64, FAR = 4 };

void nearest_begin(struct nearest *n, struct slice word)
{
	*n = (struct nearest){.word = word, .distance = word.len / 3 < FAR ? word.len / 3 + 1 : FAR};
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(struct slice a, struct slice b)
{
	size_t rows[3][LETTERS_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = a.ptr[i - 1] == b.ptr[j - 1];
			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[b.len];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	struct slice other = slice_cstr(candidate);

	if (n->word.len > LETTERS_MAX || other.len > LETTERS_MAX)
		return;
	size_t d = distance(n->word, other);
	if (d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}
