#include "build-config.h"

#include "repair_private.h"

#include "crc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MANIFEST "manifest"
#define DONE "done"
#define UNDOING "undoing"
#define PATH_MAX_BELOW (sizeof(UNDO_FOLDER) + UNDO_NAME_MAX + LAYOUT_PATH_MAX + 2)

struct undo {
	const struct permit *permit;
	char path[sizeof(UNDO_FOLDER) + UNDO_NAME_MAX];	/* "undo/20261122T215501Z-salvage" */
	bool made_parent;
	/* folders with names that are not yet durable, each once */
	char (*unsynced)[PATH_MAX_BELOW];
	size_t unsynced_count, unsynced_capacity;
};

const char *undo_state_text(enum undo_state state)
{
	static const char *const texts[] = {
		[UNDO_DONE] = "done",
		[UNDO_BEGUN] = "interrupted",
		[UNDO_UNDOING] = "taking it back was interrupted",
		[UNDO_UNREADABLE] = "no readable manifest",
	};
	return texts[state];
}

static void below(const char *folder, const char *name, char out[PATH_MAX_BELOW])
{
	snprintf(out, PATH_MAX_BELOW, "%.*s/%.*s", (int)(sizeof(UNDO_FOLDER) + UNDO_NAME_MAX), folder,
		 LAYOUT_PATH_MAX, name);
}

static enum as_err fail_path(enum as_err err, const char *verb, const char *path,
			     struct as_error *error)
{
	return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s: cannot %s", path, verb);
}

/* ---- a text that grows ---- */

struct text {
	char *bytes;
	size_t len, capacity;
	bool no_memory;
};

static void add_line(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_line(struct text *text, const char *format, ...)
{
	char line[LAYOUT_PATH_MAX + 32];
	va_list args;
	va_start(args, format);
	const int len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line) - 1) {
		text->no_memory = true;
		return;
	}
	line[len] = '\n';
	if (text->len + (size_t)len + 1 > text->capacity) {
		const size_t more = 2 * text->capacity + sizeof(line);
		char *bytes = realloc(text->bytes, more);
		if (!bytes) {
			text->no_memory = true;
			return;
		}
		text->bytes = bytes;
		text->capacity = more;
	}
	memcpy(text->bytes + text->len, line, (size_t)len + 1);
	text->len += (size_t)len + 1;
}

/* ---- the manifest ---- */

static const struct {
	enum plan_change change;
	const char *word;
} words[] = {
	{ PLAN_MAKE, "made" }, { PLAN_MOVE, "moved" }, { PLAN_REPLACE, "replaced" },
};

static const char *word_of(enum plan_change change)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].change == change)
			return words[i].word;
	return "?";
}

static void format_manifest(const struct plan *plan, struct text *text)
{
	add_line(text, "atticscope-undo 1");
	add_line(text, "action %s", repair_name(plan->action));
	if (plan->has_before)
		add_line(text, "before %" PRIu32, plan->before);
	else
		add_line(text, "before none");
	if (plan->has_after)
		add_line(text, "after %" PRIu32, plan->after);
	else
		add_line(text, "after none");
	for (size_t i = 0; i < plan->file_count; i++)
		add_line(text, "%s %s", word_of(plan->files[i].change), plan->files[i].path);
	add_line(text, "end %08" PRIx32, crc32_update(0, text->bytes ? text->bytes : "", text->len));
}

struct manifest {
	char action[16];
	bool has_before, has_after;
	uint32_t before, after;
	struct plan_file *files;
	size_t count, capacity;
};

static bool parse_number(const char *text, bool *has, uint32_t *number)
{
	char *end;
	*has = strcmp(text, "none") != 0;
	if (!*has)
		return true;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	*number = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && errno == 0 && value <= UINT32_MAX;
}

/* Only what a repair moves or makes: segments below data/, index.N and hints.N. Nothing that leads
 * out of the repository. */
static bool is_own_path(const char *path)
{
	static const char *const prefixes[] = { "index.", "hints.", "data/" };
	size_t i = 0;
	if (plan_is_temporary(path))
		return true;
	while (i < ARRAY_SIZE(prefixes) && strncmp(path, prefixes[i], strlen(prefixes[i])) != 0)
		i++;
	if (i == ARRAY_SIZE(prefixes) || strlen(path) >= LAYOUT_PATH_MAX)
		return false;
	const char *rest = path + strlen(prefixes[i]);
	size_t digits = strspn(rest, "0123456789");
	if (digits == 0)
		return false;
	rest += digits;
	if (i < 2 || *rest == '\0')	/* "data/7" is a folder that was made */
		return *rest == '\0';
	digits = *rest == '/' ? strspn(rest + 1, "0123456789") : 0;
	return digits > 0 && rest[1 + digits] == '\0';
}

static bool take_file(struct manifest *manifest, enum plan_change change, const char *path)
{
	if (!is_own_path(path))
		return false;
	if (manifest->count == manifest->capacity) {
		const size_t more = 2 * manifest->capacity + 16;
		struct plan_file *files = realloc(manifest->files, more * sizeof(*files));
		if (!files)
			return false;
		manifest->files = files;
		manifest->capacity = more;
	}
	struct plan_file *file = &manifest->files[manifest->count++];
	*file = (struct plan_file){ .change = change, .reason = "" };
	snprintf(file->path, sizeof(file->path), "%s", path);
	return true;
}

static bool take_line(struct manifest *manifest, char *line)
{
	char *value = strchr(line, ' ');
	if (!value)
		return false;
	*value++ = '\0';
	if (strcmp(line, "action") == 0)
		return snprintf(manifest->action, sizeof(manifest->action), "%s", value) <
		       (int)sizeof(manifest->action);
	if (strcmp(line, "before") == 0)
		return parse_number(value, &manifest->has_before, &manifest->before);
	if (strcmp(line, "after") == 0)
		return parse_number(value, &manifest->has_after, &manifest->after);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(line, words[i].word) == 0)
			return take_file(manifest, words[i].change, value);
	return false;
}

/* The lines of @text, whose last one proves that all are there. */
static bool parse_manifest(char *text, size_t len, struct manifest *manifest)
{
	static const char first[] = "atticscope-undo 1\n";
	static const size_t last = sizeof("end 01234567");	/* and its newline */
	char end[sizeof("end 01234567\n")];
	*manifest = (struct manifest){ .count = 0 };
	if (len < strlen(first) + last || memchr(text, '\0', len) ||
	    memcmp(text, first, strlen(first)) != 0)
		return false;
	snprintf(end, sizeof(end), "end %08" PRIx32 "\n", crc32_update(0, text, len - last));
	if (memcmp(text + len - last, end, last) != 0)
		return false;
	text[len - last] = '\0';
	bool good = true;
	char *next;
	for (char *line = text + strlen(first); good && *line; line = next) {
		next = strchr(line, '\n');
		good = next != NULL;
		if (good) {
			*next++ = '\0';
			good = take_line(manifest, line);
		}
	}
	return good;
}

static enum as_err read_manifest(const struct io *io, int repo_fd, const char *folder,
				 struct manifest *manifest)
{
	char path[PATH_MAX_BELOW];
	uint8_t *text;
	size_t len;
	*manifest = (struct manifest){ .count = 0 };
	below(folder, MANIFEST, path);
	const enum as_err err = io_read_file(io, repo_fd, path, UNDO_MANIFEST_MAX, &text, &len);
	if (err != AS_OK)
		return err;
	const bool good = parse_manifest((char *)text, len, manifest);
	free(text);
	if (!good)
		free(manifest->files);
	return good ? AS_OK : AS_ERR_INTEGRITY;
}

/* ---- the folders that there are ---- */

struct names {
	char (*rows)[UNDO_NAME_MAX];
	size_t count, capacity;
};

static enum as_err take_name(void *context, const char *name, enum io_kind kind)
{
	struct names *names = context;
	if (kind != IO_KIND_FOLDER || strlen(name) >= UNDO_NAME_MAX)
		return AS_OK;
	if (names->count == names->capacity) {
		const size_t more = 2 * names->capacity + 8;
		void *rows = realloc(names->rows, more * sizeof(*names->rows));
		if (!rows)
			return AS_ERR_MEMORY;
		names->rows = rows;
		names->capacity = more;
	}
	snprintf(names->rows[names->count++], UNDO_NAME_MAX, "%s", name);
	return AS_OK;
}

/* The time stands first in a name, the counter of a second behind it: "...Z-" < "...Z.001-" is what
 * is wanted, and '-' < '.' in ASCII. */
static int newest_first(const void *left, const void *right)
{
	return -strcmp(left, right);
}

static enum as_err list_names(const struct io *io, int repo_fd, struct names *names)
{
	int fd;
	*names = (struct names){ .count = 0 };
	enum as_err err = io_open_folder(io, repo_fd, UNDO_FOLDER, &fd);
	if (err == AS_ERR_DOES_NOT_EXIST || err == AS_ERR_NOT_REGULAR)
		return AS_OK;
	if (err != AS_OK)
		return err;
	err = io_list(io, fd, take_name, names);
	io_close(io, fd);
	if (err == AS_OK && names->count > 0)
		qsort(names->rows, names->count, sizeof(*names->rows), newest_first);
	return err;
}

/* ---- removing one ---- */

/* Remove everything below @folder, without following a link. */
struct sweep {
	const struct permit *permit;
	const char *folder;
	uint64_t freed;		/* bytes */
	unsigned depth;
};

static enum as_err sweep_folder(struct sweep *sweep);

static enum as_err sweep_name(void *context, const char *name, enum io_kind kind)
{
	struct sweep *sweep = context;
	const struct io *io = io_of(sweep->permit);
	char path[2 * PATH_MAX_BELOW];
	struct stat st;
	(void)kind;
	if (snprintf(path, sizeof(path), "%s/%s", sweep->folder, name) >= (int)sizeof(path) ||
	    sweep->depth > 4)
		return AS_ERR_LIMIT;
	if (io->fstatat(io, io_folder_of(sweep->permit), path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return as_code_of_errno(errno);
	if (!S_ISDIR(st.st_mode)) {
		const enum as_err err = io_remove_file(sweep->permit, path);
		sweep->freed += err == AS_OK && st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
		return err;
	}
	struct sweep inner = {
		.permit = sweep->permit, .folder = path, .depth = sweep->depth + 1,
	};
	const enum as_err err = sweep_folder(&inner);
	sweep->freed += inner.freed;
	return err == AS_OK ? io_remove_folder(sweep->permit, path) : err;
}

static enum as_err sweep_folder(struct sweep *sweep)
{
	const struct io *io = io_of(sweep->permit);
	int fd;
	enum as_err err = io_open_folder(io, io_folder_of(sweep->permit), sweep->folder, &fd);
	if (err != AS_OK)
		return err;
	err = io_list(io, fd, sweep_name, sweep);
	io_close(io, fd);
	return err;
}

/* Remove an undo folder. The manifest goes first, and for good: half a folder must not look like a
 * way back. */
static enum as_err remove_folder(const struct permit *permit, const char *folder, uint64_t *freed,
				 struct as_error *error)
{
	struct sweep sweep = { .permit = permit, .folder = folder };
	char path[PATH_MAX_BELOW];
	*freed = 0;
	below(folder, MANIFEST, path);
	enum as_err err = io_remove_file(permit, path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		err = AS_OK;
	if (err == AS_OK)
		err = io_sync_folder(permit, folder);
	if (err == AS_OK)
		err = sweep_folder(&sweep);
	if (err == AS_OK)
		err = io_remove_folder(permit, folder);
	*freed = sweep.freed;
	if (err != AS_OK)
		return fail_path(err, "remove", folder, error);
	io_sync_folder(permit, UNDO_FOLDER);
	io_remove_folder(permit, UNDO_FOLDER);	/* where nothing else is in it */
	err = io_sync_folder(permit, ".");
	return err == AS_OK ? AS_OK : fail_path(err, "sync the folder", ".", error);
}

/* ---- making one ---- */

struct writing {
	const char *bytes;
	size_t len;
};

static enum as_err write_text(void *context, const struct permit *permit, int fd)
{
	const struct writing *writing = context;
	return io_write_at(permit, fd, writing->bytes, writing->len, 0);
}

static enum as_err write_file(const struct undo *undo, const char *name, const char *bytes,
			      size_t len)
{
	char path[PATH_MAX_BELOW], temporary[PATH_MAX_BELOW];
	struct writing writing = { .bytes = bytes, .len = len };
	below(undo->path, name, path);
	below(undo->path, "tmp", temporary);
	enum as_err err = io_replace_file(undo->permit, path, temporary, write_text, &writing);
	return err == AS_OK ? io_sync_folder(undo->permit, undo->path) : err;
}

/* What is there already must be a folder: through a link everything would go elsewhere. */
static enum as_err check_parent(const struct undo *undo)
{
	int fd;
	const struct io *io = io_of(undo->permit);
	const enum as_err err = io_open_folder(io, io_folder_of(undo->permit), UNDO_FOLDER, &fd);
	if (err == AS_OK)
		io_close(io, fd);
	return err;
}

#define STAMP_LEN 16u	/* "20261122T215501Z" */

/* A stamp that sorts above those of all folders that are there: also for the second repair of a
 * second, and when the clock was set back. */
static enum as_err choose_stamp(const struct undo *undo, char stamp[STAMP_LEN + 8])
{
	const time_t now = time(NULL);
	struct tm utc;
	struct names names;
	const enum as_err err = list_names(io_of(undo->permit), io_folder_of(undo->permit), &names);
	if (err != AS_OK)
		return err;
	strftime(stamp, STAMP_LEN + 8, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	const char *newest = names.count > 0 ? names.rows[0] : "";
	if (strlen(newest) > STAMP_LEN && strncmp(newest, stamp, STAMP_LEN) >= 0) {
		const unsigned long count =
			newest[STAMP_LEN] == '.' ? strtoul(newest + STAMP_LEN + 1, NULL, 10) : 0;
		snprintf(stamp, STAMP_LEN + 8, "%.16s.%03lu", newest, (count + 1) % 1000);
	}
	free(names.rows);
	return AS_OK;
}

static enum as_err make_folder(struct undo *undo, enum repair action, struct as_error *error)
{
	char stamp[STAMP_LEN + 8];
	enum as_err err = io_make_folder(undo->permit, UNDO_FOLDER);
	undo->made_parent = err == AS_OK;
	if (err == AS_ERR_ALREADY_EXISTS)
		err = check_parent(undo);
	if (err != AS_OK)
		return fail_path(err, "make the folder", UNDO_FOLDER, error);
	err = choose_stamp(undo, stamp);
	if (err == AS_OK) {
		snprintf(undo->path, sizeof(undo->path), UNDO_FOLDER "/%s-%.12s", stamp,
			 repair_name(action));
		err = io_make_folder(undo->permit, undo->path);
	}
	if (err != AS_OK)
		return fail_path(err, "make the folder", undo->path, error);
	err = io_sync_folder(undo->permit, UNDO_FOLDER);
	if (err == AS_OK && undo->made_parent)
		err = io_sync_folder(undo->permit, ".");
	return err == AS_OK ? AS_OK : fail_path(err, "sync the folder", UNDO_FOLDER, error);
}

void undo_free(struct undo *undo)
{
	if (!undo)
		return;
	free(undo->unsynced);
	free(undo);
}

enum as_err undo_begin(const struct permit *permit, const struct plan *plan, struct undo **out,
		       struct as_error *error)
{
	struct text text = { .len = 0 };
	*out = NULL;
	struct undo *undo = calloc(1, sizeof(*undo));
	if (!undo)
		return as_fail(error, AS_ERR_MEMORY, 0, "out of memory");
	undo->permit = permit;
	format_manifest(plan, &text);
	enum as_err err = text.no_memory ? as_fail(error, AS_ERR_MEMORY, 0, "out of memory")
					 : make_folder(undo, plan->action, error);
	if (err == AS_OK) {
		err = write_file(undo, MANIFEST, text.bytes, text.len);
		if (err != AS_OK)
			fail_path(err, "write its manifest", undo->path, error);
	}
	free(text.bytes);
	if (err != AS_OK) {
		undo_abandon(undo);
		undo_free(undo);
		return err;
	}
	*out = undo;
	return AS_OK;
}

/* Nothing in it is needed: at most second names of files that are still in their places. What cannot
 * be removed stays, and does no harm. */
void undo_abandon(struct undo *undo)
{
	struct sweep sweep = { .permit = undo->permit, .folder = undo->path };
	char path[PATH_MAX_BELOW];
	if (undo->path[0] != '\0') {
		below(undo->path, MANIFEST, path);
		io_remove_file(undo->permit, path);
		sweep_folder(&sweep);
		io_remove_folder(undo->permit, undo->path);
	}
	io_remove_folder(undo->permit, UNDO_FOLDER);	/* where nothing else is in it */
	undo->path[0] = '\0';
}

const char *undo_path(const struct undo *undo)
{
	return undo->path;
}

void undo_note(struct undo *undo, const char *name, const char *text)
{
	write_file(undo, name, text, strlen(text));
}

/* Remember that the names in the folder of @path are not durable yet. */
static enum as_err touch_folder(struct undo *undo, const char *path)
{
	char folder[PATH_MAX_BELOW];
	snprintf(folder, sizeof(folder), "%.*s", (int)sizeof(folder) - 1, path);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	else
		strcpy(folder, ".");
	for (size_t i = 0; i < undo->unsynced_count; i++)
		if (strcmp(undo->unsynced[i], folder) == 0)
			return AS_OK;
	if (undo->unsynced_count == undo->unsynced_capacity) {
		const size_t more = 2 * undo->unsynced_capacity + 8;
		void *rows = realloc(undo->unsynced, more * sizeof(*undo->unsynced));
		if (!rows)
			return AS_ERR_MEMORY;
		undo->unsynced = rows;
		undo->unsynced_capacity = more;
	}
	memcpy(undo->unsynced[undo->unsynced_count++], folder, sizeof(folder));
	return AS_OK;
}

/* Make the folders that lead to @path, below a folder that is there. */
static enum as_err make_parents(struct undo *undo, const char *path)
{
	char folder[PATH_MAX_BELOW];
	const size_t from = strlen(undo->path) + 1;
	snprintf(folder, sizeof(folder), "%.*s", (int)sizeof(folder) - 1, path);
	for (char *slash = strchr(folder + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		enum as_err err = io_make_folder(undo->permit, folder);
		if (err == AS_OK)
			err = touch_folder(undo, folder);
		else if (err == AS_ERR_ALREADY_EXISTS)
			err = AS_OK;
		if (err != AS_OK)
			return err;
		*slash = '/';
	}
	return AS_OK;
}

static enum as_err put_aside(struct undo *undo, const char *path, bool keeps_name,
			     struct as_error *error)
{
	char to[PATH_MAX_BELOW];
	below(undo->path, path, to);
	enum as_err err = make_parents(undo, to);
	if (err == AS_OK)
		err = touch_folder(undo, to);
	if (err == AS_OK && !keeps_name)
		err = touch_folder(undo, path);
	if (err == AS_OK)
		err = keeps_name ? io_link(undo->permit, path, to)
				 : io_rename(undo->permit, path, to);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return AS_OK;
	return err == AS_OK ? AS_OK : fail_path(err, "put it into the undo folder", path, error);
}

enum as_err undo_take(struct undo *undo, const char *path, struct as_error *error)
{
	return put_aside(undo, path, false, error);
}

enum as_err undo_keep(struct undo *undo, const char *path, struct as_error *error)
{
	return put_aside(undo, path, true, error);
}

enum as_err undo_sync(struct undo *undo, struct as_error *error)
{
	for (size_t i = 0; i < undo->unsynced_count; i++) {
		const enum as_err err = io_sync_folder(undo->permit, undo->unsynced[i]);
		if (err != AS_OK)
			return fail_path(err, "sync the folder", undo->unsynced[i], error);
	}
	undo->unsynced_count = 0;
	return AS_OK;
}

enum as_err undo_finish(struct undo *undo, struct as_error *error)
{
	enum as_err err = undo_sync(undo, error);
	if (err != AS_OK)
		return err;
	err = write_file(undo, DONE, "", 0);
	return err == AS_OK ? AS_OK : fail_path(err, "write that it is done", undo->path, error);
}

/* ---- what there is ---- */

static bool is_there(const struct io *io, int repo_fd, const char *folder, const char *name,
		     struct stat *st)
{
	char path[PATH_MAX_BELOW];
	below(folder, name, path);
	return io->fstatat(io, repo_fd, path, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum undo_state state_of(const struct io *io, int repo_fd, const char *folder)
{
	struct stat st;
	if (is_there(io, repo_fd, folder, UNDOING, &st))
		return UNDO_UNDOING;
	return is_there(io, repo_fd, folder, DONE, &st) ? UNDO_DONE : UNDO_BEGUN;
}

static enum as_err describe(const struct io *io, int repo_fd, const char *name,
			    struct undo_entry *entry)
{
	char folder[sizeof(UNDO_FOLDER) + UNDO_NAME_MAX];
	struct manifest manifest;
	struct stat st;
	*entry = (struct undo_entry){ .state = UNDO_UNREADABLE };
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(folder, sizeof(folder), UNDO_FOLDER "/%s", name);
	const enum as_err err = read_manifest(io, repo_fd, folder, &manifest);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	entry->state = state_of(io, repo_fd, folder);
	memcpy(entry->action, manifest.action, sizeof(entry->action));
	entry->has_before = manifest.has_before;
	entry->before = manifest.before;
	entry->after = manifest.after;
	for (size_t i = 0; i < manifest.count; i++) {
		if (manifest.files[i].change == PLAN_MAKE ||
		    !is_there(io, repo_fd, folder, manifest.files[i].path, &st))
			continue;
		entry->files++;
		/* What has a name elsewhere still is not freed. */
		entry->bytes += st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
	}
	free(manifest.files);
	return AS_OK;
}

enum as_err undo_list(const struct io *io, int repo_fd, struct undo_entry **entries, size_t *count)
{
	struct names names;
	*entries = NULL;
	*count = 0;
	enum as_err err = list_names(io, repo_fd, &names);
	struct undo_entry *rows = NULL;
	if (err == AS_OK && names.count > 0) {
		rows = calloc(names.count, sizeof(*rows));
		err = rows ? AS_OK : AS_ERR_MEMORY;
	}
	for (size_t i = 0; err == AS_OK && i < names.count; i++)
		err = describe(io, repo_fd, names.rows[i], &rows[i]);
	if (err == AS_OK) {
		*entries = rows;
		*count = names.count;
	} else {
		free(rows);
	}
	free(names.rows);
	return err;
}

/* ---- the way back ---- */

static void refuse(struct plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct plan *plan, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(plan->refusal, sizeof(plan->refusal), format, args);
	va_end(args);
	plan->is_refused = true;
}

/* The number of a segment's file, or -1. */
static int64_t number_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash != strchr(path, '/') ? (int64_t)strtoull(slash + 1, NULL, 10) : -1;
}

/* Did anybody write since? Then there are segments that the manifest does not know, above all that it
 * knows, or the log ends elsewhere. */
static bool is_overtaken(const struct view *view, const struct manifest *manifest,
			 enum undo_state state)
{
	uint32_t end = 0;
	const bool has_end = view_log_end(view, &end);
	if (state == UNDO_DONE && (has_end != manifest->has_after ||
				   (has_end && end != manifest->after)))
		return true;
	int64_t highest = manifest->has_before ? (int64_t)manifest->before : -1;
	for (size_t i = 0; i < manifest->count; i++)
		if (number_of(manifest->files[i].path) > highest)
			highest = number_of(manifest->files[i].path);
	return view->layout.count > 0 &&
	       (int64_t)view->layout.segments[view->layout.count - 1].number > highest;
}

/* What is left to be done for @file of the manifest. False: nothing. */
static bool step_back(const struct view *view, const char *folder, const struct plan_file *file,
		      struct plan_file *step)
{
	struct stat aside, here;
	const bool is_aside = is_there(view->io, view->fd, folder, file->path, &aside);
	const bool is_here = view->io->fstatat(view->io, view->fd, file->path, &here,
					       AT_SYMLINK_NOFOLLOW) == 0;
	*step = *file;
	if (file->change == PLAN_MAKE) {
		step->change = PLAN_MOVE;
		step->reason = "made by the repair: removed";
		step->size = is_here ? (uint64_t)here.st_size : 0;
		return is_here;
	}
	step->change = is_here ? PLAN_REPLACE : PLAN_MAKE;
	step->reason = "put back";
	step->size = is_aside ? (uint64_t)aside.st_size : 0;
	return is_aside;
}

static bool is_made_folder(const struct plan_file *step)
{
	return strncmp(step->path, "data/", 5) == 0 && number_of(step->path) < 0;
}

/* Of what was moved or replaced there must be one: aside, or put back already. */
static bool is_gone(const struct view *view, const struct plan_file *file)
{
	struct stat st;
	return file->change != PLAN_MAKE &&
	       view->io->fstatat(view->io, view->fd, file->path, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

/* First everything comes back, segments before index and hints; then what was made goes, newest
 * first: at no moment is an object without its entry. */
static int rank(const struct plan_file *step)
{
	const bool is_segment = number_of(step->path) >= 0;
	if (is_made_folder(step))
		return 4;
	if (step->change != PLAN_MOVE)
		return is_segment ? 0 : 1;
	return is_segment ? 3 : 2;
}

static int compare_steps(const void *left, const void *right)
{
	const struct plan_file *a = left, *b = right;
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	const int64_t x = number_of(a->path), y = number_of(b->path);
	const int order = x != y ? (x > y) - (x < y) : strcmp(a->path, b->path);
	return a->change == PLAN_MOVE ? -order : order;
}

static enum as_err fill_undo_plan(struct plan *plan, const struct view *view,
				  const struct manifest *manifest)
{
	plan->has_before = manifest->has_after;
	plan->before = manifest->after;
	plan->has_after = manifest->has_before;
	plan->after = manifest->before;
	plan->files = calloc(manifest->count + 1, sizeof(*plan->files));
	if (!plan->files)
		return AS_ERR_MEMORY;
	for (size_t i = 0; i < manifest->count; i++) {
		struct plan_file *step = &plan->files[plan->file_count];
		if (step_back(view, plan->work->undo_folder, &manifest->files[i], step))
			plan->file_count++;
		else if (is_gone(view, &manifest->files[i]))
			refuse(plan, "%.200s was set aside, and is neither there nor in its place",
			       manifest->files[i].path);
	}
	qsort(plan->files, plan->file_count, sizeof(*plan->files), compare_steps);
	return AS_OK;
}

static enum as_err plan_folder(struct plan *plan, const struct view *view, const char *name)
{
	struct manifest manifest;
	snprintf(plan->work->undo_folder, sizeof(plan->work->undo_folder), UNDO_FOLDER "/%s", name);
	const enum undo_state state = state_of(view->io, view->fd, plan->work->undo_folder);
	enum as_err err = read_manifest(view->io, view->fd, plan->work->undo_folder, &manifest);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK) {
		refuse(plan, "%s holds no manifest that can be read: what the repair did is not "
		       "known", plan->work->undo_folder);
		return AS_OK;
	}
	if (is_overtaken(view, &manifest, state))
		refuse(plan, "a later transaction was written since: taking %s back would lose it",
		       name);
	err = fill_undo_plan(plan, view, &manifest);
	free(manifest.files);
	return err;
}

/* A folder without a manifest was made and not yet used, or is being removed: the manifest is there
 * before the first file comes, and until nothing is needed of it any more. */
static bool has_manifest(const struct view *view, const char *name)
{
	char folder[sizeof(UNDO_FOLDER) + UNDO_NAME_MAX];
	struct stat st;
	snprintf(folder, sizeof(folder), UNDO_FOLDER "/%s", name);
	return is_there(view->io, view->fd, folder, MANIFEST, &st);
}

enum as_err undo_plan(const struct view *view, struct plan **out, char name[UNDO_NAME_MAX],
		      struct as_error *error)
{
	struct names names;
	*out = NULL;
	name[0] = '\0';
	enum as_err err = list_names(view->io, view->fd, &names);
	if (err != AS_OK)
		return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s/" UNDO_FOLDER
			       ": cannot list", view->path);
	struct plan *plan = calloc(1, sizeof(*plan));
	if (plan)
		plan->work = calloc(1, sizeof(*plan->work));
	err = plan && plan->work ? AS_OK : AS_ERR_MEMORY;
	if (err == AS_OK) {
		plan->work->view = view;
		plan->is_empty = true;
	}
	for (size_t i = 0; err == AS_OK && plan->is_empty && i < names.count; i++) {
		if (!has_manifest(view, names.rows[i]))
			continue;
		plan->is_empty = false;
		memcpy(name, names.rows[i], UNDO_NAME_MAX);
		err = plan_folder(plan, view, name);
	}
	/* Nothing but what an interrupted removal left: that is removed. */
	if (err == AS_OK && plan->is_empty && names.count > 0) {
		plan->is_empty = false;
		memcpy(name, names.rows[0], UNDO_NAME_MAX);
		snprintf(plan->work->undo_folder, sizeof(plan->work->undo_folder),
			 UNDO_FOLDER "/%s", name);
		plan->has_before = plan->has_after = view->has_transaction;
		plan->before = plan->after = view->transaction;
	}
	free(names.rows);
	if (err != AS_OK) {
		plan_free(plan);
		return as_fail(error, err, 0, "%s: %s", view->path, as_err_text(err));
	}
	*out = plan;
	return AS_OK;
}

/* Put one file back, or remove one that was made. */
static enum as_err do_step(struct undo *undo, const struct plan_file *step, struct as_error *error)
{
	char aside[PATH_MAX_BELOW], folder[LAYOUT_PATH_MAX];
	enum as_err err = touch_folder(undo, step->path);
	if (err != AS_OK)
		return as_fail(error, err, 0, "out of memory");
	if (is_made_folder(step)) {
		err = io_remove_folder(undo->permit, step->path);
		return err == AS_OK || err == AS_ERR_DOES_NOT_EXIST || err == AS_ERR_ALREADY_EXISTS
			? AS_OK : fail_path(err, "remove", step->path, error);
	}
	if (step->change == PLAN_MOVE) {
		err = io_remove_file(undo->permit, step->path);
		return err == AS_OK || err == AS_ERR_DOES_NOT_EXIST
			? AS_OK : fail_path(err, "remove", step->path, error);
	}
	below(undo->path, step->path, aside);
	err = io_rename(undo->permit, aside, step->path);
	if (err == AS_ERR_DOES_NOT_EXIST) {	/* its folder was removed meanwhile */
		snprintf(folder, sizeof(folder), "%s", step->path);
		char *slash = strrchr(folder, '/');
		if (slash) {
			*slash = '\0';
			io_make_folder(undo->permit, folder);
			err = io_rename(undo->permit, aside, step->path);
		}
	}
	return err == AS_OK ? AS_OK : fail_path(err, "put it back", step->path, error);
}

enum as_err undo_run(struct plan *plan, const struct permit *permit, struct as_error *error)
{
	struct undo undo = { .permit = permit };
	uint64_t freed;
	if (plan_is_outdated(plan))
		return as_fail(error, AS_ERR_CHANGED, 0, "%s: %s", plan->work->view->path,
			       as_err_text(AS_ERR_CHANGED));
	snprintf(undo.path, sizeof(undo.path), "%s", plan->work->undo_folder);
	enum as_err err = write_file(&undo, UNDOING, "", 0);
	if (err != AS_OK)
		return fail_path(err, "begin to take it back", undo.path, error);
	for (size_t i = 0; err == AS_OK && i < plan->file_count; i++) {
		/* All of one rank is durable before the next begins; what was made goes one by one,
		 * the COMMIT at the end of it first. */
		if (i > 0 && (rank(&plan->files[i]) != rank(&plan->files[i - 1]) ||
			      rank(&plan->files[i]) == 3))
			err = undo_sync(&undo, error);
		if (err == AS_OK)
			err = do_step(&undo, &plan->files[i], error);
	}
	if (err == AS_OK)
		err = undo_sync(&undo, error);
	if (err == AS_OK)
		err = remove_folder(permit, undo.path, &freed, error);
	free(undo.unsynced);
	return err;
}

enum as_err undo_purge(const struct permit *permit, const char *name, uint64_t *freed,
		       struct as_error *error)
{
	char folder[sizeof(UNDO_FOLDER) + UNDO_NAME_MAX];
	*freed = 0;
	if (strlen(name) >= UNDO_NAME_MAX || strchr(name, '/') || name[0] == '.' || !name[0])
		return as_fail(error, AS_ERR_DOES_NOT_EXIST, 0, "%s: no name of an undo folder",
			       name);
	snprintf(folder, sizeof(folder), UNDO_FOLDER "/%s", name);
	return remove_folder(permit, folder, freed, error);
}
