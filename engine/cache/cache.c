#include "build-config.h"

#include "cache/cache.h"

#include "base/path.h"
#include "cache/folder.h"
#include "cache/records.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "atticscope"

struct place {
	char folder[PATH_MAX];
	char name[KEY_HEX_SIZE + sizeof(".json.tmp")];	/* below it */
};

static bool __attribute__((format(printf, 3, 4)))
fail(char *why, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return false;
}

/* False: there is no home, or the repository has no id. */
static bool find_place(const struct repo *repo, struct place *place)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char hex[KEY_HEX_SIZE];
	int len;
	if (!repo->config.has_id)
		return false;
	key_to_hex(repo->config.id, hex);
	snprintf(place->name, sizeof(place->name), "%s.json", hex);
	/* As the XDG Base Directory Specification has it: a relative path is to be ignored. */
	if (cache && cache[0] == '/')
		len = snprintf(place->folder, sizeof(place->folder), "%s/" FOLDER, cache);
	else if (home && home[0] == '/')
		len = snprintf(place->folder, sizeof(place->folder), "%s/.cache/" FOLDER, home);
	else
		return false;
	return len > 0 && (size_t)len < sizeof(place->folder);
}

/* ---- loading ---- */

/* Jansson reads to the end of the file; of one that grows for ever it gets CACHE_FILE_MAX bytes. */
struct source {
	int fd;
	size_t left;
};

static size_t read_some(void *buffer, size_t size, void *data)
{
	struct source *source = data;
	if (size > source->left)
		size = source->left;
	const ssize_t got = read(source->fd, buffer, size);
	if (got < 0)
		return (size_t)-1;
	source->left -= (size_t)got;
	return (size_t)got;
}

bool cache_load(const struct repo *repo, struct verify_records *records, char *why, size_t size)
{
	struct place place;
	char path[PATH_MAX + sizeof(place.name) + 1];
	json_error_t error;
	*records = (struct verify_records){ .rows = NULL };
	if (!find_place(repo, &place))
		return true;
	snprintf(path, sizeof(path), "%s/%s", place.folder, place.name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ||
		       fail(why, size, "%s: %s", path, strerror(errno));
	struct source source = { .fd = fd, .left = CACHE_FILE_MAX };
	json_t *report = json_load_callback(read_some, &source, 0, &error);
	close(fd);
	const char *wrong = report ? records_from_json(report, repo->config.id, records)
				   : "it is not JSON";
	json_decref(report);
	if (!wrong) {
		verify_records_sort(records);
		return true;
	}
	verify_records_free(records);
	return fail(why, size, "%s: %s", path, wrong);
}

/* ---- saving ---- */

/* Make the folder, and those above it that are missing. */
static bool make_folders(char *path)
{
	char *end = strrchr(path, '/');
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	if (errno != ENOENT || end == path)
		return false;
	*end = '\0';
	const bool has_parent = make_folders(path);
	*end = '/';
	return has_parent && mkdir(path, 0700) == 0;
}

/* The folder @path, or the nearest one above it that is there. */
static int open_nearest(const char *path)
{
	char shorter[PATH_MAX];
	int fd = -1;
	snprintf(shorter, sizeof(shorter), "%s", path);
	while ((fd = open(shorter, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT &&
	       path_parent(shorter))
		;
	return fd;
}

/* Written under another name and then renamed, so that a reader never finds half of it. */
static bool write_file(int folder, const char *name, const json_t *report)
{
	char other[sizeof(((struct place *)0)->name)];
	snprintf(other, sizeof(other), "%.*s.tmp", (int)sizeof(other) - 5, name);
	unlinkat(folder, other, 0);
	const int fd = openat(folder, other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			      0600);
	if (fd < 0)
		return false;
	FILE *file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return false;
	}
	const bool is_written = json_dumpf(report, file, JSON_COMPACT) == 0;
	if (fclose(file) == 0 && is_written && renameat(folder, other, folder, name) == 0)
		return true;
	const int kept = errno;
	unlinkat(folder, other, 0);
	errno = kept;
	return false;
}

bool cache_save(const struct repo *repo, const struct verify_records *records, char *why,
		size_t size)
{
	struct place place;
	if (!find_place(repo, &place))
		return fail(why, size, "there is no home folder, or the repository has no id");
	const int nearest = open_nearest(place.folder);
	if (nearest < 0)
		return fail(why, size, "%s: %s", place.folder, strerror(errno));
	const bool is_inside = folder_is_within(nearest, repo->fd);
	close(nearest);
	if (is_inside)
		return fail(why, size, "%s: it lies in the repository", place.folder);
	if (!make_folders(place.folder))
		return fail(why, size, "%s: %s", place.folder, strerror(errno));
	const int folder = open(place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return fail(why, size, "%s: %s", place.folder, strerror(errno));
	char hex[KEY_HEX_SIZE];
	key_to_hex(repo->config.id, hex);
	json_t *report =
		json_pack("{s:s, s:o}", "repository_id", hex, "records", records_to_json(records));
	bool is_saved = false;
	if (!report)
		fail(why, size, "out of memory");
	else if (!write_file(folder, place.name, report))
		fail(why, size, "%s/%s: %s", place.folder, place.name, strerror(errno));
	else
		is_saved = true;
	json_decref(report);
	close(folder);
	return is_saved;
}
