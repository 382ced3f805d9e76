#include "build-config.h"

#include "repo/undo_folders.h"

#include "base/array.h"
#include "base/crc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static enum as_err add_name(void *context, const char *name, enum io_kind kind)
{
	struct undo_names *names = context;
	if (kind != IO_KIND_FOLDER || strlen(name) >= UNDO_NAME_MAX)
		return AS_OK;
	if (!ARRAY_RESERVE(names->rows, names->count, names->capacity))
		return AS_ERR_MEMORY;
	snprintf(names->rows[names->count++], UNDO_NAME_MAX, "%s", name);
	return AS_OK;
}

/* The time stands first in a name, the counter of a second behind it: "...Z-" < "...Z.001-" is what
 * is wanted, and '-' < '.' in ASCII. */
static int newest_first(const void *left, const void *right)
{
	const bool left_is_repairs = undo_name_is_repairs(left);
	if (left_is_repairs != undo_name_is_repairs(right))
		return left_is_repairs ? -1 : 1;
	return -strcmp(left, right);
}

enum as_err undo_names_list(const struct io *io, int repo_fd, struct undo_names *names)
{
	int fd;
	*names = (struct undo_names){ .count = 0 };
	enum as_err err = io_open_folder(io, repo_fd, UNDO_FOLDER, &fd);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return AS_OK;
	if (err != AS_OK)
		return err;
	err = io_list(io, fd, add_name, names);
	io_close(io, fd);
	array_sort(names->rows, names->count, sizeof(*names->rows), newest_first);
	if (err != AS_OK) {
		free(names->rows);
		*names = (struct undo_names){ .count = 0 };
	}
	return err;
}

void undo_folder_path(const char *name, char out[UNDO_FOLDER_MAX])
{
	snprintf(out, UNDO_FOLDER_MAX, UNDO_FOLDER "/%.*s", (int)UNDO_NAME_MAX - 1, name);
}

void undo_below(const char *folder, const char *name, char out[UNDO_PATH_MAX])
{
	snprintf(out, UNDO_PATH_MAX, "%.*s/%.*s", (int)UNDO_FOLDER_MAX, folder, LISTING_PATH_MAX,
		 name);
}

void undo_name_read(const char *name, char when[UNDO_TIME_SIZE], char action[UNDO_NAME_MAX])
{
	static const char shape[] = "dddddddd" "T" "dddddd" "Z";
	size_t i = 0;
	when[0] = action[0] = '\0';
	while (shape[i] && (shape[i] == 'd' ? name[i] >= '0' && name[i] <= '9'
					    : name[i] == shape[i]))
		i++;
	if (shape[i] != '\0')
		return;
	snprintf(when, UNDO_TIME_SIZE, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6,
		 name + 9, name + 11, name + 13);
	if (name[i] == '.')	/* the second repair of a second */
		i += 1 + strspn(name + i + 1, "0123456789");
	snprintf(action, UNDO_NAME_MAX, "%.*s", (int)UNDO_NAME_MAX - 1,
		 name[i] == '-' ? name + i + 1 : "");
}

#define STAMP_TIME 16u		/* "20261122T215501Z" */
#define STAMP_COUNT_MAX 999u
#define STAMP_FORMAT "%Y%m%dT%H%M%SZ"

/* The time at the beginning of @name, which has the shape of one. False: there is no such time. */
static bool read_time(const char *name, time_t *when)
{
	char again[UNDO_STAMP_SIZE];
	struct tm utc = { .tm_isdst = 0 };
	if (sscanf(name, "%4d%2d%2dT%2d%2d%2dZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
		   &utc.tm_hour, &utc.tm_min, &utc.tm_sec) != 6 || utc.tm_year > 9998)
		return false;
	utc.tm_year -= 1900;
	utc.tm_mon--;
	*when = timegm(&utc);
	return gmtime_r(when, &utc) &&
	       strftime(again, sizeof(again), STAMP_FORMAT, &utc) == STAMP_TIME &&
	       memcmp(again, name, STAMP_TIME) == 0;
}

bool undo_name_is_repairs(const char *name)
{
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	time_t at;
	undo_name_read(name, when, action);
	if (when[0] == '\0' || !read_time(name, &at))
		return false;
	const char *rest = name + STAMP_TIME;
	return rest[0] == '-' ||
	       (rest[0] == '.' && strspn(rest + 1, "0123456789") == 3 && rest[4] == '-');
}

bool undo_stamp_after(const char *newest, time_t now, char stamp[UNDO_STAMP_SIZE])
{
	char name[UNDO_STAMP_SIZE + 1];
	struct tm utc;
	time_t last;
	if (!gmtime_r(&now, &utc) ||
	    strftime(stamp, UNDO_STAMP_SIZE, STAMP_FORMAT, &utc) != STAMP_TIME)
		return false;
	if (undo_name_is_repairs(newest) && strncmp(newest, stamp, STAMP_TIME) >= 0) {
		const char *rest = newest + STAMP_TIME;
		const unsigned long count = rest[0] == '.' ? strtoul(rest + 1, NULL, 10) : 0;
		if (count == STAMP_COUNT_MAX)
			return read_time(newest, &last) &&
			       undo_stamp_after("", last + 1, stamp);
		snprintf(stamp, UNDO_STAMP_SIZE, "%.16s.%03lu", newest, count + 1);
	}
	snprintf(name, sizeof(name), "%s-", stamp);
	return undo_name_is_repairs(name);
}

/* ---- states ---- */

enum as_err undo_ask(const struct io *io, int repo_fd, const char *folder, const char *name,
		     bool *is_there, struct stat *st)
{
	char path[UNDO_PATH_MAX];
	undo_below(folder, name, path);
	return io_ask(io, repo_fd, path, is_there, st);
}

enum as_err undo_state_of(const struct io *io, int repo_fd, const char *folder,
			  enum undo_state *state)
{
	struct stat st;
	bool has_manifest, is_undoing = false, is_done = false;
	*state = UNDO_UNREADABLE;
	enum as_err err = undo_ask(io, repo_fd, folder, UNDO_MANIFEST, &has_manifest, &st);
	if (err != AS_OK || !has_manifest)
		return err;
	err = undo_ask(io, repo_fd, folder, UNDO_UNDOING_MARK, &is_undoing, &st);
	if (err == AS_OK)
		err = undo_ask(io, repo_fd, folder, UNDO_DONE_MARK, &is_done, &st);
	if (err == AS_OK)
		*state = is_undoing ? UNDO_UNDOING : is_done ? UNDO_DONE : UNDO_BEGUN;
	return err;
}

/* ---- the manifest as a text ---- */

enum as_err undo_manifest_lines(const struct io *io, int repo_fd, const char *folder, char **lines)
{
	static const char first[] = UNDO_MANIFEST_FIRST;
	static const size_t first_len = sizeof(first) - 1;
	static const size_t last_len = sizeof("end 01234567");	/* and its newline */
	char path[UNDO_PATH_MAX], last[sizeof("end 01234567\n")];
	uint8_t *text;
	size_t len;
	*lines = NULL;
	undo_below(folder, UNDO_MANIFEST, path);
	const enum as_err err = io_read_file(io, repo_fd, path, UNDO_MANIFEST_MAX, &text, &len);
	if (err != AS_OK)
		return err;
	/* The last line holds the checksum of all before it. */
	bool is_whole = len >= first_len + last_len && !memchr(text, '\0', len) &&
			memcmp(text, first, first_len) == 0;
	if (is_whole) {
		snprintf(last, sizeof(last), "end %08" PRIx32 "\n",
			 crc32_update(0, text, len - last_len));
		is_whole = memcmp(text + len - last_len, last, last_len) == 0;
	}
	if (!is_whole) {
		free(text);
		return AS_ERR_INTEGRITY;
	}
	len -= last_len + first_len;
	memmove(text, text + first_len, len);
	text[len] = '\0';
	*lines = (char *)text;
	return AS_OK;
}
