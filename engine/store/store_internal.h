/* engine/store/store_internal.h - what the parts of the store share. For them and the tests.
 *
 * open.c     opening, closing, what is known
 * read.c     get, contains, len, list
 * load.c     the exclusive lock; index, hints and log ready to be written to
 * write.c    put, delete, commit, rollback
 * counts.c   what the hints count, as entries are written
 * compact.c  live entries out of segments that hold something superseded
 * recover.c  index and hints from the log
 * loss.c     what a replay would lose
 * files.c    hints and index written, old ones and emptied segments removed
 */
#ifndef ATTICSCOPE_STORE_INTERNAL_H
#define ATTICSCOPE_STORE_INTERNAL_H

#include "format/hints.h"
#include "format/index_table.h"
#include "format/names.h"
#include "repo/log.h"
#include "repo/object.h"

/* A segment whose live entries were all copied elsewhere. */
struct emptied {
	uint32_t segment;
	bool has_deletes;
	uint64_t size;		/* bytes of its file */
};

struct as_store {
	struct as_options options;
	struct repo *repo;		/* as it was when opened; path, config and lock for good */
	const struct io *io;		/* the repo's */
	int fd;				/* the repository folder, the repo's */
	pid_t pid;			/* of the process that opened it */
	bool has_owner;
	uint32_t owner;			/* of the repository folder */
	const struct permit *permit;	/* NULL before the first change */
	struct fd_cache fds;

	bool has_transaction;
	uint32_t transaction;		/* the newest committed one */
	/* The index: as a file as long as nothing was changed, in memory since. */
	struct index_file index;	/* of the transaction; fd is -1 where none fits */
	struct index_table *table;	/* NULL: not loaded */
	struct hints hints;		/* loaded together with the table */
	struct log log;			/* begun together with the table */
	uint32_t written_from;		/* the first segment that the log wrote since then */

	bool in_transaction;
	bool dead;
	bool index_is_behind;		/* committed, but index and hints are not written */
	bool listing_is_old;		/* segments came or went since the repo's listing */
	bool hints_are_old;		/* hints were written since the repo read them */
	struct emptied *emptied;	/* not yet removed; ascending */
	size_t emptied_count, emptied_capacity;

	/* Why nothing can be written: AS_ERR_UNCOMMITTED, AS_ERR_INDEX; or AS_OK. */
	bool needs_rollback, needs_recover;
	char why[256];
};

/* as_open through another io. */
enum as_err store_open(const char *path, const struct as_options *options, const struct io *io,
		       struct as_store **store, struct as_error *error);

/* Close the index file and open the one of the store's transaction. Sets needs_recover, and why,
 * where index or hints do not fit. AS_ERR_MEMORY; AS_ERR_IO: the folder cannot be listed. */
enum as_err store_find_index(struct as_store *store);

/* Are the hints that the repo read those of the store's transaction, as they are on the disk? They
 * can be long, and need not be read again then. */
bool store_knows_hints(const struct as_store *store);

/* The file of segment @number, relative to the repository: where it belongs, or where opening found
 * it. */
void store_segment_path(const struct as_store *store, uint32_t number, char out[LISTING_PATH_MAX]);

/* Fill in @error for @err with its own text, and with what the system said (errno) where that is
 * AS_ERR_IO. Returns @err. */
enum as_err store_fail(const struct as_store *store, enum as_err err, struct as_error *error);

/* The same for @err, and the store's reason for it: why. */
enum as_err store_refuse(const struct as_store *store, enum as_err err, struct as_error *error);

/* AS_ERR_USAGE: @flags has others than @known; or the store was opened by another process, and this
 * is its child. */
enum as_err store_check_call(const struct as_store *store, int flags, int known,
			     struct as_error *error);

/* AS_ERR_KEY_SIZE unless @key_size is that of a key. */
enum as_err store_check_key(const struct as_store *store, size_t key_size, struct as_error *error);

/* Fill in @error for a @key that the store does not hold, AS_ERR_OBJECT_NOT_FOUND. */
enum as_err store_fail_missing(const struct as_store *store, const uint8_t key[KEY_SIZE],
			       struct as_error *error);

/* segment_open of segment @number, without witnesses. Codes of io_open_file. */
enum as_err store_open_segment(const struct as_store *store, struct segment_reader *reader,
			       uint32_t number, struct as_error *error);

/* List the segments that exist now: some came and went since the repo's listing. With @every a
 * folder or link in the place of a segment is an error too: a replay would go on as if that
 * segment had never existed, while a writer can leave it alone. AS_ERR_INTEGRITY: not all
 * segments can be seen. */
enum as_err store_read_listing(const struct as_store *store, bool every, struct listing *listing,
			       struct as_error *error);

/* Fill in @error for a listing that does not show all of data/, AS_ERR_INTEGRITY. */
enum as_err store_fail_partial(const struct as_store *store, struct as_error *error);

/* List the repo's segments once more, where they came or went since. Codes of store_read_listing.
 */
enum as_err store_list_segments(struct as_store *store, struct as_error *error);

/* AS_ERR_CANCELLED when the caller's interrupt says so. */
enum as_err store_poll(const struct as_store *store, struct as_error *error);

/* Fill in @error for the damage in *@entry of segment @number, AS_ERR_INTEGRITY. */
enum as_err store_fail_damage(const struct as_store *store, uint32_t number,
			      const struct segment_entry *entry, struct as_error *error);

/* The exclusive lock and the permit, if they are not there yet. */
enum as_err store_acquire(struct as_store *store, struct as_error *error);

/* Is the store in a state to be written to? */
enum as_err store_check_order(const struct as_store *store, struct as_error *error);

/* store_check_order and store_acquire; then index and hints in memory, and the log ready for
 * appending. */
enum as_err store_begin(struct as_store *store, struct as_error *error);

/* Forget index, hints and log: the files are right. */
void store_unload(struct as_store *store);

/* Drop the ghosts of @store->hints: rows of segments that @listing does not have, and nothing live
 * in them. Hints keep such rows of segments that are gone. */
void store_drop_ghosts(struct as_store *store, const struct listing *listing);

/* Bytes of the PUT at @offset of @segment, by its header; where that cannot be read, those of the
 * least PUT. For the hints' figures, which are a guess. */
uint32_t store_size_at(struct as_store *store, uint32_t segment, uint32_t offset);

/* A DELETE or a PUT of @key ended its PUT at @offset of @segment: let the hints say so, in which
 * room for an older PUT was made. Looks for the size of the old entry where the hints have bytes.
 */
void store_leave(struct as_store *store, const uint8_t key[KEY_SIZE], uint32_t segment,
		 uint32_t offset);

/* A DELETE was written to @segment, which has a row in the hints. */
void store_count_delete(struct as_store *store, uint32_t segment);

/* In append-only mode: write down that the store's transaction was committed, and when. */
enum as_err store_log_transaction(struct as_store *store, struct as_error *error);

/* Was everything live copied out of @segment, which is still there? */
bool store_is_emptied(const struct as_store *store, uint32_t segment);

/* Copy what is live out of the candidates and commit that. Adds to store->emptied. AS_OK also when
 * candidates had to be skipped (@report says so). After an error the candidates are as they were
 * before, or nothing is known and needs_recover is set. */
enum as_err store_compact(struct as_store *store, struct as_report *report, struct as_error *error);

/* AS_ERR_NOT_REGULAR: a folder is in the place of the index or hints of the store's transaction. */
enum as_err store_find_folder(const struct as_store *store, struct as_error *error);

/* The first row of @hints whose segment is not in @listing although it counts objects in it or,
 * without @is_counted, is listed for compaction alone. Objects in one that the index maps into are
 * no fault of the hints. NULL: there is none. */
const struct hints_segment *store_find_absent(const struct listing *listing,
					      const struct hints *hints, bool is_counted);

/* Fill in @error for a folder @name where a file of index or hints should be,
 * AS_ERR_NOT_REGULAR. */
enum as_err store_fail_folder(const struct as_store *store, const char *name,
			      struct as_error *error);

/* Index, hints and, where the dialect has it, integrity.T, for good; then the emptied segments go,
 * and their rows in the hints; then older files of these kinds. */
enum as_err store_write_index(struct as_store *store, struct as_error *error);
enum as_err store_remove_emptied(struct as_store *store, struct as_report *report,
				 struct as_error *error);
enum as_err store_remove_old(struct as_store *store, struct as_error *error);

/* The value of the PUT of @key that @bucket maps to, *@size bytes that the caller frees.
 * AS_ERR_INTEGRITY: there is no such PUT, or it is damaged. */
enum as_err store_read_at(struct as_store *store, const uint8_t key[KEY_SIZE],
			  const struct index_bucket *bucket, uint8_t **value, size_t *size,
			  struct as_error *error);

/* Table and hints from the log. AS_ERR_INTEGRITY: it is damaged, or what store_check_named says. */
enum as_err store_replay(struct as_store *store, bool full, struct as_error *error);

/* AS_ERR_INTEGRITY: @before, from an index that can be trusted and the log behind it, has objects
 * that can be read, and that the table, fresh from all of the log, does not have. */
enum as_err store_check_named(struct as_store *store, const struct index_table *before,
			      struct as_error *error);

/* AS_ERR_INTEGRITY: the index of the store's transaction names objects that the table, fresh
 * from store_replay, does not have, and by all evidence the index is right. Reads the log once
 * more where that is in doubt. */
enum as_err store_check_loss(struct as_store *store, struct as_error *error);

/* store_replay and store_check_loss; then write index and hints. */
enum as_err store_recover(struct as_store *store, bool full, struct as_error *error);

#endif
