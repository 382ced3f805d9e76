/* engine/base/units.h - counts and sizes as text for people. No allocation. */
#ifndef ATTICSCOPE_UNITS_H
#define ATTICSCOPE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_SIZE 32	/* bytes that are always enough, the closing NUL included */

/* All write at most @size bytes to @out, the closing NUL included, and return @out. */

/* "917 B", "16.6 KiB", "120 GiB": one decimal below 100. */
char *units_bytes(uint64_t bytes, char *out, size_t size);

/* "1,204,331" */
char *units_count(uint64_t count, char *out, size_t size);

/* "1 entry", "1,204 entries": with the word for one or for many. */
char *units_number(uint64_t count, const char *one, const char *many, char *out, size_t size);

#endif
