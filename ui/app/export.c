#include "build-config.h"

#include "app/export.h"

#include "app/app.h"

#include "engine/cache/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export {
	struct job job;
	char name[PATH_MAX];
	int sys;			/* errno; 0: it was written */
	bool is_inside;
};

static void run_export(struct job *head)
{
	struct export *export = (struct export *)head;
	const struct lines *lines = head->held[0];
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s", export->name);
	const int folder = open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	export->is_inside = folder >= 0 && folder_is_within(folder, head->session->repo->fd);
	if (folder >= 0)
		close(folder);
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
