/* engine/base/error.h - errors as values. The engine never prints and never exits.
 *
 * The codes and struct as_error are public: see atticstore.h. */
#ifndef ATTICSCOPE_ERROR_H
#define ATTICSCOPE_ERROR_H

#include "atticstore.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Fill @error (which may be NULL) with @code, @sys and the formatted message; it then names no
 * place. Where @sys is not 0 its system text is appended. Returns @code, so "return as_fail(...)"
 * works. */
enum as_err as_fail(struct as_error *error, enum as_err code, int sys, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The code that an errno of a failed system call on a file stands for. */
enum as_err as_code_of_errno(int sys);

#endif
