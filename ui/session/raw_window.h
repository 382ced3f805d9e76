/* ui/session/raw_window.h - a range of a file that was read, with a mark for each byte that is
 * good. */
#ifndef ATTICSCOPE_RAW_WINDOW_H
#define ATTICSCOPE_RAW_WINDOW_H

#include "session/raw_file.h"

#define WINDOW_BLOCK 4096u	/* a bad sector hides at most this many bytes */
#define WINDOW_SIZE (16u * WINDOW_BLOCK)

struct window {
	uint64_t offset;	/* bytes from the start of the file */
	size_t len;
	uint8_t bytes[WINDOW_SIZE];
	bool good[WINDOW_SIZE];
};

/* Read the window that begins at @offset. May wait for a disk. */
void window_read(struct window *window, const struct raw *raw, uint64_t offset);

/* Is [@first, @end) inside of @window, which may be NULL? */
static inline bool window_covers(const struct window *window, uint64_t first, uint64_t end)
{
	return window && first >= window->offset && end <= window->offset + window->len;
}

/* The byte at @offset. False: it is outside the window or could not be read. */
bool window_byte(const struct window *window, uint64_t offset, uint8_t *byte);

/* Find the first place (the last, if @backward) in [@first, @end) of the file where @pattern
 * begins, which has @len bytes, at least 1. Bytes that could not be read match nothing. */
bool window_find(const struct window *window, const uint8_t *pattern, size_t len, uint64_t first,
		 uint64_t end, bool backward, uint64_t *found);

#endif
