/* oddfs.so - an odd file system, for a program started with this library in LD_PRELOAD.
 *
 * ODDFS holds words NAME=NUMBER, separated by blanks:
 *
 *   link=ERRNO      no hard link can be made
 *   over=ERRNO      no file can be renamed over an existing name
 *   dirsync=ERRNO   fsync of a folder fails
 *   unlink=ERRNO    no file can be removed
 *   segment=ERRNO   no file whose name is a number can be removed
 *   nospace=1       statvfs reports 0 blocks of 0
 *   kill=N          the process is killed before its Nth change: link, rename or removal */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int changes;

/* The number of @name in ODDFS, or 0. */
static int rule(const char *name)
{
	const size_t len = strlen(name);
	const char *at = getenv("ODDFS");
	while (at && *at) {
		if (strncmp(at, name, len) == 0 && at[len] == '=')
			return atoi(at + len + 1);
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return 0;
}

static int refused(const char *name)
{
	const int code = rule(name);
	errno = code ? code : errno;
	return code != 0;
}

static void count_change(void)
{
	if (atomic_fetch_add(&changes, 1) + 1 == rule("kill"))
		raise(SIGKILL);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	count_change();
	return refused("link") ? -1 : (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;
	count_change();
	if (rule("over") && fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0 && refused("over"))
		return -1;
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
	const int is_segment = name[0] && name[strspn(name, "0123456789")] == '\0';
	count_change();
	if (!(flags & AT_REMOVEDIR) && (refused("unlink") || (is_segment && refused("segment"))))
		return -1;
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

int fsync(int fd)
{
	struct stat st;
	if (rule("dirsync") && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && refused("dirsync"))
		return -1;
	return (int)syscall(SYS_fsync, fd);
}

static int report_space(const char *name, int fd, struct statvfs *st)
{
	int (*next)(int, struct statvfs *);
	*(void **)&next = dlsym(RTLD_NEXT, name);
	const int result = next(fd, st);
	if (result == 0 && rule("nospace"))
		st->f_blocks = st->f_bfree = st->f_bavail = 0;
	return result;
}

int fstatvfs(int fd, struct statvfs *st)
{
	return report_space("fstatvfs", fd, st);
}

int fstatvfs64(int fd, struct statvfs64 *st)
{
	return report_space("fstatvfs64", fd, (struct statvfs *)(void *)st);
}
