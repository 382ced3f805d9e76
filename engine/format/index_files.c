#include "build-config.h"

#include "format/index_files.h"

#include "format/index.h"
#include "format/integrity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the order in which they take their places. */
enum part { PART_INTEGRITY, PART_HINTS, PART_INDEX, PARTS };

struct writing {
	const struct index_files *files;
	const struct permit *permit;
	char names[PARTS][INDEX_FILES_NAME];
	char temporary[PARTS][INDEX_FILES_NAME];
	bool is_written[PARTS];		/* under its other name */
};

/* Attic reads any other name that begins with "index." as a number. */
static void choose_names(struct writing *w)
{
	static const char *const prefixes[] = {
		[PART_INTEGRITY] = "integrity", [PART_HINTS] = "hints", [PART_INDEX] = "index",
	};
	for (unsigned i = 0; i < PARTS; i++) {
		snprintf(w->names[i], INDEX_FILES_NAME, "%s.%" PRIu32, prefixes[i],
			 w->files->transaction);
		snprintf(w->temporary[i], INDEX_FILES_NAME, "%s.%" PRIu32 ".tmp", prefixes[i],
			 w->files->transaction);
	}
	snprintf(w->temporary[PART_INDEX], INDEX_FILES_NAME, "index.tmp");
}

/* The digests are those of hints and index, as they are written under their other names. */
static enum as_err write_integrity(const struct writing *w)
{
	const struct io *io = io_of(w->permit);
	const int fd = io_folder_of(w->permit);
	struct integrity_digest hints, index;
	uint8_t bytes[INTEGRITY_BYTES];
	enum as_err err = integrity_digest(io, fd, w->temporary[PART_HINTS], w->names[PART_HINTS],
					   0, NULL, &hints);
	if (err == AS_OK)
		err = integrity_digest(io, fd, w->temporary[PART_INDEX], w->names[PART_INDEX],
				       INDEX_HEADER, NULL, &index);
	if (err != AS_OK)
		return err;
	return io_write_bytes(w->permit, w->temporary[PART_INTEGRITY], bytes,
			      integrity_encode(&hints, &index, bytes));
}

static enum as_err write_part(struct writing *w, enum part part)
{
	const struct index_files *files = w->files;
	const char *path = w->temporary[part];
	enum as_err err = AS_OK;
	switch (part) {
	case PART_HINTS:
		err = hints_write(files->hints, files->dialect, w->permit, path);
		break;
	case PART_INDEX:
		err = index_table_write(files->table, w->permit, path);
		break;
	default:
		if (!files->dialect->has_integrity)
			return AS_OK;
		err = write_integrity(w);
	}
	w->is_written[part] = err == AS_OK;
	return err;
}

static enum as_err put_in_place(struct writing *w, enum part part)
{
	enum as_err err = io_rename(w->permit, w->temporary[part], w->names[part]);
	if (err != AS_OK && io_clear_way(w->permit, w->names[part]))
		err = io_rename(w->permit, w->temporary[part], w->names[part]);
	w->is_written[part] = err != AS_OK;
	return err;
}

static void remove_rest(const struct writing *w)
{
	const int kept = errno;
	for (unsigned i = 0; i < PARTS; i++)
		if (w->is_written[i])
			io_remove_file(w->permit, w->temporary[i]);
	errno = kept;
}

enum as_err index_files_write(const struct index_files *files, const struct permit *permit,
			      char name[INDEX_FILES_NAME])
{
	static const enum part order[] = { PART_HINTS, PART_INDEX, PART_INTEGRITY };
	struct writing w = { .files = files, .permit = permit };
	enum as_err err = AS_OK;
	choose_names(&w);
	for (unsigned i = 0; err == AS_OK && i < PARTS; i++) {
		snprintf(name, INDEX_FILES_NAME, "%s", w.names[order[i]]);
		err = write_part(&w, order[i]);
	}
	for (unsigned i = 0; err == AS_OK && i < PARTS; i++) {
		if (!w.is_written[i])
			continue;
		snprintf(name, INDEX_FILES_NAME, "%s", w.names[i]);
		err = put_in_place(&w, (enum part)i);
		if (err != AS_OK)
			break;
		snprintf(name, INDEX_FILES_NAME, ".");
		err = io_sync_folder(permit, ".");
	}
	if (err != AS_OK)
		remove_rest(&w);
	return err;
}

enum as_err index_files_write_hints(const struct index_files *files, const struct permit *permit)
{
	struct writing w = { .files = files, .permit = permit };
	if (files->dialect->has_integrity)
		return AS_OK;
	choose_names(&w);
	enum as_err err = write_part(&w, PART_HINTS);
	if (err == AS_OK)
		err = put_in_place(&w, PART_HINTS);
	remove_rest(&w);
	return err;
}
