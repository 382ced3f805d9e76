/* tests/support/write_hints.h - write Attic's hints alone, in the place of those that are there. */
#ifndef ATTICSCOPE_TESTS_WRITE_HINTS_H
#define ATTICSCOPE_TESTS_WRITE_HINTS_H

#include "engine/format/index_files.h"

static inline enum as_err write_hints(const struct hints *hints, const struct permit *permit,
				      uint32_t transaction)
{
	const struct index_files files = {
		.dialect = &dialect_attic, .hints = hints, .transaction = transaction,
	};
	return index_files_write_hints(&files, permit);
}

#endif
