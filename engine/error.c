#include "build-config.h"

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum as_err as_fail(struct as_error *error, enum as_err code, int sys, const char *format, ...)
{
	if (!error)
		return code;
	error->code = code;
	error->sys = sys;
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	if (sys != 0) {
		char buffer[128];
		const size_t len = strlen(error->message);
		snprintf(error->message + len, sizeof(error->message) - len, ": %s",
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
	case ELOOP:	/* O_NOFOLLOW met a link */
	case EISDIR:
	case ENXIO:	/* a FIFO without a reader, a device without a driver, a socket */
	case ENODEV:
		return AS_ERR_NOT_REGULAR;
	default:
		return AS_ERR_IO;
	}
}

const char *as_code_text(enum as_err code)
{
	switch (code) {
	case AS_OK:
		return "done";
	case AS_END:
		return "nothing more to read";
	case AS_ERR_MEMORY:
		return "out of memory";
	case AS_ERR_IO:
		return "the system refused to read it";
	case AS_ERR_DENIED:
		return "permission denied";
	case AS_ERR_DOES_NOT_EXIST:
		return "no such file or folder";
	case AS_ERR_INVALID_REPOSITORY:
		return "not a repository";
	case AS_ERR_NOT_REGULAR:
		return "not a regular file (links are not followed)";
	case AS_ERR_OBJECT_NOT_FOUND:
		return "no object has this key";
	case AS_ERR_AMBIGUOUS:
		return "the key's beginning fits more than one object";
	case AS_ERR_INTEGRITY:
		return "damaged";
	case AS_ERR_VERSION:
		return "written by a version that this program does not know";
	case AS_ERR_LOCKED:
		return "locked by another process";
	case AS_ERR_NO_LOCK:
		return "locks do not work here";
	case AS_ERR_CHANGED:
		return "the repository changed while it was read";
	case AS_ERR_CANCELLED:
		return "cancelled";
	case AS_ERR_LIMIT:
		return "more than this program is willing to hold";
	case AS_ERR_USAGE:
		return "the argument makes no sense";
	}
	return "unknown error";
}
