#include "build-config.h"

#include "app/export.h"

#include "app/app.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 256		/* folders above a file */

struct export {
	struct job job;
	char name[PATH_MAX];
	int sys;			/* errno; 0: it was written */
	bool is_inside;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is the folder @fd the repository or inside it? Closes @fd. */
static bool is_inside(int fd, const struct repo *repo)
{
	struct stat folder, here, above;
	bool inside = fstat(repo->fd, &folder) != 0 || fstat(fd, &here) != 0;
	for (int depth = 0; !inside && depth < MAX_DEPTH; depth++) {
		inside = is_same(&here, &folder);
		const int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (up < 0 || fstat(up, &above) != 0)
			inside = true;	/* unknown: better not write there */
		else if (is_same(&above, &here))
			break;
		here = inside ? here : above;
	}
	if (fd >= 0)
		close(fd);
	return inside;
}

static void run_export(struct job *head)
{
	struct export *export = (struct export *)head;
	const struct lines *lines = head->held[0];
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s", export->name);
	const int folder = open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	export->is_inside = folder >= 0 && is_inside(folder, head->session->repo);
	if (export->is_inside)
		return;
	const int fd = open(export->name, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file) {
		export->sys = errno;
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < lines->count; i++)
		fprintf(file, "%s\n", lines->rows[i].text);
	const bool is_written = fflush(file) == 0 && fsync(fd) == 0 && !ferror(file);
	if (!is_written)
		export->sys = errno;
	if (fclose(file) != 0 && is_written)
		export->sys = errno;
}

static void export_done(struct app *app, struct job *head)
{
	const struct export *export = (const struct export *)head;
	if (export->is_inside)
		app_say(app, STYLE_WARNING, "%s lies in the repository: choose another place",
			export->name);
	else if (export->sys)
		app_say(app, STYLE_BAD, "%s: not written: %s", export->name, strerror(export->sys));
	else
		app_say(app, STYLE_GOOD, "written: %s", export->name);
}

void export_start(struct app *app, struct lines *lines, const char *name)
{
	struct export *export = calloc(1, sizeof(*export));
	const char *home = strncmp(name, "~/", 2) == 0 ? getenv("HOME") : NULL;
	if (!export) {
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	export->job = (struct job){ .kind = JOB_EXPORT, .verb = "writing", .run = run_export,
				    .done = export_done, .session = ref_hold(app->session),
				    .held = { ref_hold(lines) } };
	snprintf(export->name, sizeof(export->name), "%s%s", home ? home : "",
		 home ? name + 1 : name);
	app_start(app, &export->job);
}
