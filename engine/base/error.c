#include "build-config.h"

#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum as_err as_fail(struct as_error *error, enum as_err code, int sys, const char *format, ...)
{
	if (!error)
		return code;
	*error = (struct as_error){ .code = code, .sys = sys };
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	if (sys != 0) {
		char buffer[128];
		buffer_append(error->message, sizeof(error->message), ": %s",
			      strerror_r(sys, buffer, sizeof(buffer)));
	}
	return code;
}

enum as_err as_code_of_errno(int sys)
{
	switch (sys) {
	case 0:
		return AS_OK;
	case ENOMEM:
		return AS_ERR_MEMORY;
	case EACCES:
	case EPERM:
		return AS_ERR_DENIED;
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return AS_ERR_DOES_NOT_EXIST;
	case EEXIST:
	case ENOTEMPTY:
		return AS_ERR_ALREADY_EXISTS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:	/* where SIGXFSZ is ignored */
		return AS_ERR_NO_SPACE;
	case EROFS:
		return AS_ERR_READ_ONLY;
	case ELOOP:	/* O_NOFOLLOW met a link */
	case EISDIR:
	case ENXIO:	/* a FIFO without a reader, a device without a driver, a socket */
	case ENODEV:
		return AS_ERR_NOT_REGULAR;
	default:
		return AS_ERR_IO;
	}
}

static const struct {
	const char *name;	/* stable; the seed's where it has one */
	const char *text;
} codes[] = {
	[AS_OK] = { "ok", "done" },
	[AS_END] = { "end", "nothing more to read" },
	[AS_ERR_MEMORY] = { "out-of-memory", "out of memory" },
	[AS_ERR_IO] = { "io", "the system refused to read or write" },
	[AS_ERR_DENIED] = { "denied", "permission denied" },
	[AS_ERR_DOES_NOT_EXIST] = { "does-not-exist", "no such file or folder" },
	[AS_ERR_ALREADY_EXISTS] = { "already-exists", "something is there already" },
	[AS_ERR_INVALID_REPOSITORY] = { "invalid-repository", "not a repository" },
	[AS_ERR_NOT_REGULAR] = { "not-regular", "not a regular file (links are not followed)" },
	[AS_ERR_OBJECT_NOT_FOUND] = { "object-not-found", "no object has this key" },
	[AS_ERR_AMBIGUOUS] = { "ambiguous", "the key's beginning fits more than one object" },
	[AS_ERR_INTEGRITY] = { "integrity", "damaged" },
	[AS_ERR_VERSION] = { "version", "written by a version that this program does not know" },
	[AS_ERR_LOCK_FAILED] = { "lock-failed", "locked by another process" },
	[AS_ERR_NO_LOCK] = { "no-lock", "locks do not work here" },
	[AS_ERR_CHANGED] = { "changed", "the repository was changed meanwhile" },
	[AS_ERR_CANCELLED] = { "cancelled", "cancelled" },
	[AS_ERR_LIMIT] = { "limit", "larger than this program accepts" },
	[AS_ERR_USAGE] = { "usage", "the call makes no sense here" },
	[AS_ERR_KEY_SIZE] = { "key-size", "a key is 32 bytes" },
	[AS_ERR_TOO_LARGE] = { "too-large", "an object has at most 20971479 bytes" },
	[AS_ERR_FULL] = { "full", "the repository cannot grow any further" },
	[AS_ERR_NO_SPACE] = { "no-space", "there is no space left" },
	[AS_ERR_READ_ONLY] = { "read-only", "it is read-only" },
	[AS_ERR_UNCOMMITTED] = { "uncommitted", "an unfinished transaction is in the way" },
	[AS_ERR_INDEX] = { "index", "index or hints do not fit the log" },
	[AS_ERR_DEAD] = { "dead", "the transaction failed and can only be rolled back" },
	[AS_ERR_COLLISION] = { "collision", "too many keys begin alike: an index of them would "
					    "be of no use" },
};

const char *as_err_name(enum as_err code)
{
	return (size_t)code < ARRAY_SIZE(codes) && codes[code].name ? codes[code].name : "unknown";
}

const char *as_err_text(enum as_err code)
{
	return (size_t)code < ARRAY_SIZE(codes) && codes[code].text ? codes[code].text
								     : "unknown error";
}

const char *as_version(void)
{
	return PACKAGE_VERSION;
}
