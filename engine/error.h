/* engine/error.h - errors as values. The engine never prints and never exits.
 *
 * Functions that can fail return an enum as_err and, where the caller needs
 * more than the code, fill a struct as_error that names the place.
 */
#ifndef ATTICSCOPE_ERROR_H
#define ATTICSCOPE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* AS_OK is zero. Every other value names something that a caller can act on. */
enum as_err {
	AS_OK = 0,
	AS_END,			/* nothing more to read; not a failure */
	AS_ERR_MEMORY,		/* allocation failed */
	AS_ERR_IO,		/* the system refused a read; as_error.sys says why */
	AS_ERR_DENIED,		/* no permission */
	AS_ERR_DOES_NOT_EXIST,	/* no such repository or file */
	AS_ERR_INVALID_REPOSITORY, /* there is something, but no repository */
	AS_ERR_NOT_REGULAR,	/* a link, FIFO, device, socket or folder where a file should be */
	AS_ERR_OBJECT_NOT_FOUND,/* no object has this key */
	AS_ERR_AMBIGUOUS,	/* a key prefix fits more than one key */
	AS_ERR_INTEGRITY,	/* the bytes do not fit the format or their checksum */
	AS_ERR_VERSION,		/* whole, but of a version this program does not know */
	AS_ERR_LOCKED,		/* another process holds a lock in the way */
	AS_ERR_NO_LOCK,		/* locks do not work here (read-only or remote media) */
	AS_ERR_CHANGED,		/* the repository changed while it was read */
	AS_ERR_CANCELLED,	/* the caller asked to stop */
	AS_ERR_LIMIT,		/* more than this program is willing to hold */
	AS_ERR_USAGE		/* the caller's argument makes no sense */
};

/* Where and why. Owned by the caller; holds no pointers. */
struct as_error {
	enum as_err code;
	int sys;		/* errno value, 0 where none applies */
	char message[512];	/* one line, no newline, names file, segment and offset
				 * where they are known. May contain bytes from the disk
				 * (file names): mask before showing on a terminal. */
};

/* Fill @error (which may be NULL) with @code, @sys and the formatted message. Where @sys
 * is not 0 its system text is appended. Returns @code, so "return as_fail(...)" works. */
enum as_err as_fail(struct as_error *error, enum as_err code, int sys, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The code that an errno of a failed open, stat or read stands for. */
enum as_err as_code_of_errno(int sys);

/* A short fixed phrase for @code, for callers that have no message. Never NULL. */
const char *as_code_text(enum as_err code);

#endif
