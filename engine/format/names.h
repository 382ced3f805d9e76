/* engine/format/names.h - what the name of a file in the repository folder means. */
#ifndef ATTICSCOPE_NAMES_H
#define ATTICSCOPE_NAMES_H

#include "format/dialect.h"

enum name_kind { NAME_INDEX, NAME_HINTS, NAME_INTEGRITY };

/* A name that begins like "index.22": a kind, a point and at least one digit. */
struct name {
	enum name_kind kind;
	uint64_t number;	/* UINT64_MAX where that is too small to hold it */
	bool is_canonical;	/* the number is below 2^32 and has no leading zero */
	const char *rest;	/* what follows the digits, in the caller's string */
};

/* The number that the digits at the beginning of @text stand for; UINT64_MAX where that is too
 * small to hold it. Returns where they end. */
const char *name_read_number(const char *text, uint64_t *number);

/* False: @name is of no such form. */
bool name_parse(const char *name, struct name *parsed);

/* Is @name "index.N" or "hints.N", N any digits, and nothing behind them? Or "integrity.N", where
 * @dialect reads such files? NULL: any dialect. */
bool name_is_of_transaction(const char *name, const struct dialect *dialect, struct name *parsed);

/* "index.tmp", "hints.N.tmp" and, as above, "integrity.N.tmp" and "index.N.tmp": left by an
 * interrupted write. */
bool name_is_temporary(const char *name, const struct dialect *dialect);

#endif
