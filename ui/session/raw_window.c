#include "build-config.h"

#include "session/raw_window.h"

#include <string.h>

void window_read(struct window *window, const struct raw *raw, uint64_t offset)
{
	window->offset = offset;
	window->len = 0;
	for (size_t at = 0; at < WINDOW_SIZE && offset + at < raw->length; at += WINDOW_BLOCK) {
		const uint64_t left = raw->length - offset - at;
		const size_t here = left < WINDOW_BLOCK ? (size_t)left : WINDOW_BLOCK;
		const size_t got = raw_read(raw, offset + at, window->bytes + at, here);
		memset(window->good + at, true, got);
		memset(window->bytes + at + got, 0, here - got);
		memset(window->good + at + got, false, here - got);
		window->len += here;
	}
}

bool window_byte(const struct window *window, uint64_t offset, uint8_t *byte)
{
	if (!window || offset < window->offset || offset - window->offset >= window->len ||
	    !window->good[offset - window->offset])
		return false;
	*byte = window->bytes[offset - window->offset];
	return true;
}

bool window_find(const struct window *window, const uint8_t *pattern, size_t len, uint64_t first,
		 uint64_t end, bool backward, uint64_t *found)
{
	const uint64_t window_end = window->offset + window->len;
	const uint64_t from = first > window->offset ? first : window->offset;
	const uint64_t to = end < window_end ? end : window_end;
	for (uint64_t i = from; i < to; i++) {
		*found = backward ? to - 1 - (i - from) : i;
		const size_t at = (size_t)(*found - window->offset);
		const uint8_t *bytes = window->bytes + at;
		if (at + len <= window->len && bytes[0] == pattern[0] &&
		    memcmp(bytes, pattern, len) == 0 && !memchr(window->good + at, 0, len))
			return true;
	}
	return false;
}
