#include "build-config.h"

#include "base/owner.h"

#include "base/path.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USER_SIZE 64
#define ENTRY_SIZE 4096		/* bytes; a user whose entry is longer stays a number */

/* "uid 1000 (alice)"; the number alone where it has no name. */
static const char *name_user(uid_t uid, char out[USER_SIZE])
{
	char buffer[ENTRY_SIZE];
	struct passwd entry, *found = NULL;
	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(out, USER_SIZE, "uid %lu (%.32s)", (unsigned long)uid, entry.pw_name);
	else
		snprintf(out, USER_SIZE, "uid %lu", (unsigned long)uid);
	return out;
}

void owner_append(const struct io *io, int fd, const char *path, char *text, size_t size)
{
	char name[PATH_MAX], owner[USER_SIZE], asker[USER_SIZE];
	struct stat st;
	const int sys = errno;
	snprintf(name, sizeof(name), "%s", path);
	/* A link is not followed, so its own owner is the one that counts. */
	int result = io->fstatat(io, fd, name, &st, AT_SYMLINK_NOFOLLOW);
	while (result != 0 && (errno == EACCES || errno == ENOENT) && path_parent(name))
		result = io->fstatat(io, fd, name, &st, AT_SYMLINK_NOFOLLOW);
	if (result == 0)
		buffer_append(text, size, "; %s belongs to %s, mode %04o, you are %s",
			      strcmp(name, ".") == 0 ? "the folder" : name,
			      name_user(st.st_uid, owner), (unsigned)st.st_mode & 07777,
			      name_user(geteuid(), asker));
	errno = sys;
}

enum as_err owner_explain(const struct io *io, int fd, const char *path, enum as_err code,
			  struct as_error *error)
{
	if (error && code == AS_ERR_DENIED)
		owner_append(io, fd, path, error->message, sizeof(error->message));
	return code;
}
