/* ui/session/raw_window.h - a stretch of a file that was read: which of its bytes are good is known
 * one by one. */
#ifndef ATTICSCOPE_RAW_WINDOW_H
#define ATTICSCOPE_RAW_WINDOW_H

#include "session/raw_file.h"

#define WINDOW_BLOCK 4096u	/* a bad sector costs this much of the picture, no more */
#define WINDOW_SIZE (16u * WINDOW_BLOCK)

struct window {
	uint64_t offset;	/* bytes from the start of the file */
	size_t len;
	uint8_t bytes[WINDOW_SIZE];
	bool good[WINDOW_SIZE];
};

/* Read what the file has at @offset. May wait for a disk. */
void window_read(struct window *window, const struct raw *raw, uint64_t offset);

/* Is [@first, @end) inside of @window, which may be NULL? */
bool window_covers(const struct window *window, uint64_t first, uint64_t end);

/* The byte at @offset. False: it is outside, or could not be read. */
bool window_byte(const struct window *window, uint64_t offset, uint8_t *byte);

/* Where @pattern, of @len bytes and at least one, begins in [@first, @end) of the file: the first
 * place, or the last when @backward. Bytes that could not be read match nothing. */
bool window_find(const struct window *window, const uint8_t *pattern, size_t len, uint64_t first,
		 uint64_t end, bool backward, uint64_t *found);

#endif
