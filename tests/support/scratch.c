#include "build-config.h"

#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void need(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

int scratch_setup(void **state)
{
	struct scratch *scratch = malloc(sizeof(*scratch));

	need(scratch, "malloc");
	builder_make_folder(scratch->path);
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(scratch->fd >= 0, scratch->path);
	*state = scratch;
	return 0;
}

int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;

	close(scratch->fd);
	builder_remove_folder(scratch->path);
	free(scratch);
	return 0;
}

static void make_parents(const struct scratch *scratch, const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		need(!mkdirat(scratch->fd, parent, 0700) || errno == EEXIST, parent);
	}
}

void scratch_file(const struct scratch *scratch, const char *path, const void *data, size_t len)
{
	char whole[2 * PATH_MAX];

	make_parents(scratch, path);
	snprintf(whole, sizeof(whole), "%s/%s", scratch->path, path);
	builder_write_file(whole, data, len);
}

void scratch_folder(const struct scratch *scratch, const char *path)
{
	make_parents(scratch, path);
	need(!mkdirat(scratch->fd, path, 0700), path);
}

void scratch_link(const struct scratch *scratch, const char *path, const char *target)
{
	make_parents(scratch, path);
	need(!symlinkat(target, scratch->fd, path), path);
}

void scratch_fifo(const struct scratch *scratch, const char *path)
{
	make_parents(scratch, path);
	need(!mkfifoat(scratch->fd, path, 0600), path);
}

void scratch_socket(const struct scratch *scratch, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	make_parents(scratch, path);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	need(fd >= 0, "socket");
	/* The room for a socket's path is small; the folder's descriptor makes the path short. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", scratch->fd,
		 path);
	need(!bind(fd, (const struct sockaddr *)&address, sizeof(address)), path);
	close(fd);
}

void scratch_run(const char *format, ...)
{
	char *command = NULL;
	va_list args;

	va_start(args, format);
	need(vasprintf(&command, format, args) >= 0, "vasprintf");
	va_end(args);
	need(system(command) == 0, command);
	free(command);
}
