/* engine/base/owner.h - for messages about a missing permission: who owns the file, and which user
 * runs the program. */
#ifndef ATTICSCOPE_OWNER_H
#define ATTICSCOPE_OWNER_H

#include "base/io.h"

/* Append "; config belongs to uid 1000 (alice), mode 0600, you are uid 65534 (nobody)" to @text, of
 * @size bytes. Where @path, relative to @fd, cannot be looked at or is not there yet, the folder
 * that it lies in is named instead. Appends nothing where the owner cannot be found out. */
void owner_append(const struct io *io, int fd, const char *path, char *text, size_t size);

/* The same to the message of @error, where its code is AS_ERR_DENIED. Returns the code. @error may
 * be NULL. */
enum as_err owner_explain(const struct io *io, int fd, const char *path, enum as_err code,
			  struct as_error *error);

#endif
