/* atticstore.h - libatticstore: a transactional key-value store in segment files.
 *
 * The store is a repository of Attic (0.16 and its like) or of Borg 1.0 to 1.4, byte for byte: what
 * these write is read here, and what is written here they read. Keys are 32 bytes, values up to
 * 20 MiB less 41 bytes. A folder REPO holds
 *
 *   config                 INI: version, segments_per_dir, max_segment_size, id
 *   data/<N/per dir>/<N>   segment N: PUT, DELETE and COMMIT entries, each with a CRC-32
 *   index.T                hash index of transaction T: key -> segment, offset
 *   hints.T                live PUTs per segment, and which segments hold something superseded
 *   integrity.T            of Borg 1.1 and later: digests of the two
 *
 * The library prints nothing, never exits, starts no process, installs no signal handler (a program
 * that may run under a file size limit should ignore SIGXFSZ) and keeps no global state: any number
 * of stores can be open in any number of threads. One store serves one thread at a time. Every file
 * is opened without following links below REPO.
 *
 * Errors are values: each function returns an enum as_err and, where the caller passes a struct
 * as_error, fills in the place and one line of text. *error is changed only when the function
 * fails. Every function may return AS_ERR_MEMORY; the other codes are listed at each. A failed
 * function leaves its output arguments zero or NULL, never half set.
 *
 * A store that is left in disorder (a writer was killed, the power went) is opened all the same,
 * and as_get_state tells what was found. Nothing is deleted or rebuilt unasked: the caller decides
 * on as_rollback and as_recover. Writing is refused until then. A damaged log needs more than these
 * two: use the program atticscope. */
#ifndef ATTICSTORE_H
#define ATTICSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AS_API __attribute__((visibility("default")))

/* Bytes of a key. Source: attic/repository.py, put_header_fmt '<IIB32s'. */
#define AS_KEY_SIZE 32

/* Bytes of the largest value: MAX_OBJECT_SIZE less the 41 bytes before the value. */
#define AS_VALUE_MAX (20u * 1024u * 1024u - 41u)

/* ---- errors ---- */

/* AS_OK is zero. Every other value names something that a caller can act on. */
enum as_err {
	AS_OK = 0,
	AS_END,			/* nothing more to read; not a failure */
	AS_ERR_MEMORY,		/* allocation failed */
	AS_ERR_IO,		/* the system refused to read or write; as_error.sys says why */
	AS_ERR_DENIED,		/* no permission */
	AS_ERR_DOES_NOT_EXIST,	/* no such repository or file */
	AS_ERR_ALREADY_EXISTS,	/* something is there already */
	AS_ERR_INVALID_REPOSITORY, /* there is something, but no repository that can be used */
	AS_ERR_NOT_REGULAR,	/* a link, FIFO, device, socket or folder where a file should be */
	AS_ERR_OBJECT_NOT_FOUND,/* no object has this key */
	AS_ERR_AMBIGUOUS,	/* a key prefix fits more than one key */
	AS_ERR_INTEGRITY,	/* the bytes do not fit the format or their checksum */
	AS_ERR_VERSION,		/* whole, but of a version this library does not know */
	AS_ERR_LOCK_FAILED,	/* another process holds a lock in the way */
	AS_ERR_NO_LOCK,		/* locks do not work here (read-only or remote media), or were not
				 * asked for */
	AS_ERR_CHANGED,		/* another process changed the repository: open it again */
	AS_ERR_CANCELLED,	/* the caller asked to stop */
	AS_ERR_LIMIT,		/* more than this library is willing to hold */
	AS_ERR_USAGE,		/* the call makes no sense here */
	AS_ERR_KEY_SIZE,	/* a key that is not 32 bytes */
	AS_ERR_TOO_LARGE,	/* a value above AS_VALUE_MAX */
	AS_ERR_FULL,		/* the next segment number would be 2^31, which Attic cannot
				 * read; or the index would outgrow 32 bits */
	AS_ERR_NO_SPACE,	/* the disk or the quota is full */
	AS_ERR_READ_ONLY,	/* the medium is, or the store was opened so */
	AS_ERR_UNCOMMITTED,	/* segments of an unfinished transaction lie behind the last one:
				 * as_rollback comes first */
	AS_ERR_INDEX,		/* index or hints are missing, stale, too new or damaged: as_recover
				 * comes first */
	AS_ERR_DEAD,		/* the open transaction failed and cannot go on: as_rollback */
	AS_ERR_COLLISION	/* the keys' first 4 bytes, which choose their buckets in the index,
				 * are so alike that no index of them would be of use */
};

/* What is wrong with the entry that an AS_ERR_INTEGRITY names. */
enum as_damage {
	AS_DAMAGE_NONE,
	AS_DAMAGE_SEGMENT_HEADER,	/* the segment's first 8 bytes */
	AS_DAMAGE_SIZE,			/* the entry's size field, or it is cut off */
	AS_DAMAGE_CHECKSUM,
	AS_DAMAGE_ENTRY_HEADER,		/* an unknown tag, or not a PUT of the key wanted */
	AS_DAMAGE_MISSING		/* the segment is not there */
};

/* Where and why. Owned by the caller; holds no pointers. */
struct as_error {
	enum as_err code;
	int sys;		/* errno value, 0 where none applies */
	bool has_place;		/* segment and offset are set */
	enum as_damage damage;	/* with AS_ERR_INTEGRITY */
	uint32_t segment;
	uint64_t offset;	/* bytes from the start of the segment's file */
	char message[512];	/* one line, no newline, names file, segment and offset
				 * where they are known. May contain bytes from the disk
				 * (file names): mask before showing on a terminal. */
};

/* The stable name of @code: "ok", "does-not-exist", "already-exists", "object-not-found",
 * "integrity", "lock-failed" ... Never NULL. */
AS_API const char *as_err_name(enum as_err code);

/* A short fixed phrase for @code, for callers that have no message. Never NULL. */
AS_API const char *as_err_text(enum as_err code);

/* The version of the library: "0.1". */
AS_API const char *as_version(void);

/* ---- making, opening, closing ---- */

/* Whose repository it is. */
enum as_dialect {
	AS_DIALECT_ATTIC,
	AS_DIALECT_BORG			/* Borg 1.0 to 1.4 */
};

struct as_settings {
	/* segments per folder, 1 to 2^31-1; 0: 10000, of Borg 1000 */
	uint32_t segments_per_dir;
	/* bytes after which no further entry begins in a segment, 1 to 2^31-1; 0: 5 MiB, of Borg
	 * 500 MB. A segment may overshoot by one entry, and goes on behind one whose last bytes
	 * are those of a COMMIT; none grows beyond 2^31-1 bytes, because Attic cannot read what
	 * lies there. */
	uint32_t max_segment_size;
	enum as_dialect dialect;
};

/* Make an empty repository at @path, which must not exist or be an empty folder; its parent must
 * exist. @settings may be NULL. The id is 32 bytes from the system's random source. Files and
 * folders are for their owner alone (modes 0600, 0700). All of it is durable when AS_OK is
 * returned; after a failure what was made is removed again. AS_ERR_ALREADY_EXISTS,
 * AS_ERR_DOES_NOT_EXIST (the parent), AS_ERR_DENIED, AS_ERR_NO_SPACE, AS_ERR_READ_ONLY, AS_ERR_IO,
 * AS_ERR_USAGE (settings out of range). */
AS_API enum as_err as_create(const char *path, const struct as_settings *settings,
			     struct as_error *error);

/* All zero is the default. */
struct as_options {
	bool read_only;		/* never write: config is opened for reading only */
	bool no_lock;		/* take no lock; implies read_only */
	/* Milliseconds that the first change waits for the exclusive lock; 0: not at all. */
	unsigned lock_wait;
	/* Segment files held open for reading, at most; 0: 100. */
	unsigned descriptors;
	/* Asked now and then while the library waits or works for long, in the caller's thread;
	 * non-zero: stop with AS_ERR_CANCELLED. May be NULL. */
	int (*interrupt)(void *context);
	void *context;
};

struct as_store;

/* Open the repository @path under a shared lock, without waiting. *@store is the caller's until
 * as_close. Reads folder listings, config, the header of the index, the hints, the ends of the last
 * segments and the headers of the newest one's entries; and what up to 64 mappings of the index
 * lead to. @options may be NULL. AS_ERR_DOES_NOT_EXIST, AS_ERR_INVALID_REPOSITORY (no repository,
 * or its config cannot be used), AS_ERR_DENIED, AS_ERR_LOCK_FAILED (the message names who holds
 * it), AS_ERR_IO. Disorder and damage elsewhere are no errors: see as_get_state. Borg's lock is not
 * taken before the first change: beside a writer disorder may be what that has not finished yet. */
AS_API enum as_err as_open(const char *path, const struct as_options *options,
			   struct as_store **store, struct as_error *error);

/* Roll back what was not committed (its files are removed, as far as that is possible), give the
 * lock back and free everything. NULL is allowed. */
AS_API void as_close(struct as_store *store);

/* What is known of a store. */
struct as_state {
	enum as_dialect dialect;
	uint8_t id[32];
	uint32_t segments_per_dir;
	uint32_t max_segment_size;	/* bytes */
	bool has_transaction;		/* false: nothing was ever committed */
	uint32_t transaction;		/* number of the newest committed segment */
	bool in_transaction;		/* something was put or deleted since the last commit */
	bool dead;			/* and it failed: only as_rollback helps */
	bool can_write;			/* the exclusive lock is held */
	/* Found when opening, or left by a failure. */
	bool needs_rollback;		/* an uncommitted tail */
	uint32_t tail_segments;		/* segments in that tail */
	/* Index or hints do not fit: they are missing, damaged, of another transaction, or not
	 * files; or the hints count another number of objects than the index holds, or list a
	 * segment to be compacted that is not there; or what as_open looks at of both is not of
	 * this log (of another repository, empty, or older than their number says): then reading is
	 * refused too, as it is without an index. A few wrong places in an index are not found in
	 * this way. */
	bool needs_recover;
	char why[256];			/* of the two above, in words; may be empty. Mask it. */
	/* The process runs as root, and the repository is another user's. What is made is given to
	 * that user, as far as the file system allows it. */
	bool has_other_owner;
	uint32_t owner;			/* number of that user */
};

AS_API void as_get_state(const struct as_store *store, struct as_state *state);

/* ---- reading ----
 *
 * Inside a transaction its own changes are seen. Without a usable index every one of these returns
 * AS_ERR_INDEX. All may return AS_ERR_IO; AS_ERR_KEY_SIZE where @key_size is not 32. */

/* The value of @key in fresh memory, verified against its checksum; the caller frees it with
 * free(). An empty value gives a pointer that is not NULL. AS_ERR_OBJECT_NOT_FOUND,
 * AS_ERR_INTEGRITY. */
AS_API enum as_err as_get(struct as_store *store, const void *key, size_t key_size, void **value,
			  size_t *value_size, struct as_error *error);

/* as_get of @count keys of 32 bytes each, back to back at @keys, in that order. A value is valid
 * until @each returns; non-zero from it ends the walk with AS_ERR_CANCELLED. The first error ends
 * it too. */
AS_API enum as_err as_get_many(struct as_store *store, const void *keys, size_t count,
			       int (*each)(void *context, size_t number, const void *value,
					   size_t value_size),
			       void *context, struct as_error *error);

/* Is there an object @key? Looks into the index alone. */
AS_API enum as_err as_contains(struct as_store *store, const void *key, size_t key_size,
			       bool *found, struct as_error *error);

/* How many objects there are, by the index. */
AS_API enum as_err as_len(struct as_store *store, uint64_t *count, struct as_error *error);

/* Up to @limit keys of 32 bytes each, back to back, into @keys; *@count says how many. They come in
 * the index's order: those behind @marker (32 bytes), or the first ones where @marker is NULL. The
 * last key of one call is the marker of the next; no change may come between.
 * AS_ERR_OBJECT_NOT_FOUND: there is no object @marker. */
AS_API enum as_err as_list(struct as_store *store, const void *marker, size_t limit, void *keys,
			   size_t *count, struct as_error *error);

/* Call @each with every key, in the order of as_list; non-zero from it ends the walk with
 * AS_ERR_CANCELLED. @each may read the store and must not change it. */
AS_API enum as_err as_each_key(struct as_store *store,
			       int (*each)(void *context, const uint8_t key[AS_KEY_SIZE]),
			       void *context, struct as_error *error);

/* ---- changing ----
 *
 * The first change takes the exclusive lock, and begins a transaction. Nothing of a transaction is
 * seen by others, or survives as_close or a crash, before as_commit. Besides what is listed at
 * each, a change may return
 *   AS_ERR_READ_ONLY, AS_ERR_DENIED, AS_ERR_NO_LOCK   it is not allowed here
 *   AS_ERR_LOCK_FAILED    another process reads or writes, or waits to write itself: the two would
 *                         wait for each other for ever. The shared lock is kept
 *   AS_ERR_CHANGED        another process changed the repository since it was opened
 *   AS_ERR_UNCOMMITTED, AS_ERR_INDEX   see struct as_state
 *   AS_ERR_CANCELLED      as_options.interrupt said so
 *   AS_ERR_USAGE          unknown flags; or this process is the child of the one that opened the
 *                         store: it can read and close, which leaves the parent's store as it is
 *   AS_ERR_NO_SPACE, AS_ERR_IO, AS_ERR_FULL, AS_ERR_KEY_SIZE
 *   AS_ERR_COLLISION      the index is of no use with one key more of that kind: keys should be
 *                         hashes, or differ in their first four bytes
 *   AS_ERR_DEAD           an earlier change failed in such a way that nothing can be said of what
 *                         is in the files: only as_rollback and as_close are possible
 * After any other error of as_put and as_delete nothing of that call has happened, and the
 * transaction can go on: as_state.dead tells the two apart. */

/* Store @value_size bytes under @key, over what is there. AS_ERR_TOO_LARGE; AS_ERR_NO_SPACE also
 * where the storage quota of a repository of Borg would be exceeded. */
AS_API enum as_err as_put(struct as_store *store, const void *key, size_t key_size,
			  const void *value, size_t value_size, struct as_error *error);

/* Remove the object @key. AS_ERR_OBJECT_NOT_FOUND. */
AS_API enum as_err as_delete(struct as_store *store, const void *key, size_t key_size,
			     struct as_error *error);

/* What as_commit and as_compact did. */
struct as_report {
	/* The transaction is durable, whatever came later. */
	bool committed;
	uint32_t transaction;		/* number of the newest committed segment afterwards */
	uint32_t segments_compacted;	/* emptied and removed */
	uint64_t entries_copied;
	uint64_t bytes_copied;		/* of entries, headers included */
	uint64_t bytes_freed;		/* of the files removed, less bytes_copied */
	/* Candidates that were left alone because they are damaged or cannot be read now; the first
	 * of them, and why. */
	uint32_t segments_skipped;
	struct as_error skipped;
	/* Index and hints of @transaction are written: an error concerns only what they made
	 * superfluous. */
	bool indexed;
	/* Emptied segments that could not be removed; the error says why. Their rows in the hints
	 * are 0, and a later as_commit or as_compact tries again. */
	uint32_t segments_left;
};

enum {
	AS_NO_COMPACT = 1,	/* as_commit: leave superseded entries where they are */
	AS_FULL = 2,		/* as_recover: replay the whole log, believe no index */
	AS_FORCE = 4		/* as_rollback: also a tail that looks committed */
};

/* Make the transaction durable, copy what is live out of the segments that hold something
 * superseded and remove those, and write index and hints. Borg's repositories are compacted by
 * as_compact alone. Without changes since the last commit nothing happens. @flags: 0 or
 * AS_NO_COMPACT. @report may be NULL; it is filled in also after an error.
 *
 * Each step is durable before the next begins: the entries; their COMMIT; what compaction copied,
 * and its COMMIT; hints, in which the emptied segments have rows of 0; index; the removal of
 * emptied segments; hints without those rows; the removal of older hints and indexes. For Borg
 * integrity.N comes before hints and index, and the hints have no such rows. A crash at any point
 * leaves a store with the transaction whole or not at all.
 *
 * AS_ERR_NO_SPACE also where Borg's config wants more space to stay free. In append-only mode the
 * transaction is written down in the file transactions, as Borg does.
 *
 * After an error with report.committed the transaction is durable, but something behind it is not
 * done: compaction, index and hints, or the removal of emptied segments. A further as_commit tries
 * again what is needed of that; otherwise as_recover does after the next as_open.
 * AS_ERR_NOT_REGULAR: a folder is in the place of index.N or hints.N. After an error with
 * report.committed false the transaction is not committed; struct as_state says whether it can go
 * on, so that as_commit may be tried again, or is dead. Damaged segments are skipped by compaction
 * and reported, and so are those that hold an older version of an object whose newest is damaged or
 * missing. AS_ERR_INTEGRITY: what compaction copied, read back, is not what was to be copied; the
 * copies are removed again and the segments stay. */
AS_API enum as_err as_commit(struct as_store *store, int flags, struct as_report *report,
			     struct as_error *error);

/* Forget the open transaction and remove its segments. Without one, remove the uncommitted tail
 * that was found when opening; where the index does not fit the log then, as_recover follows by
 * itself. A tail that looks as if it had been committed (index or hints bear its number, or only
 * its COMMIT is damaged) is removed only with AS_FORCE in @flags: else AS_ERR_INTEGRITY.
 * AS_ERR_NOT_REGULAR as for as_recover. */
AS_API enum as_err as_rollback(struct as_store *store, int flags, struct as_error *error);

/* Copy what is live out of the segments that hold something superseded, and remove those. For Borg
 * a tenth of a segment must be to be freed at least, and a COMMIT alone always stays.
 * AS_ERR_USAGE inside a transaction; AS_ERR_DENIED: the repository is append-only. @report may be
 * NULL. */
AS_API enum as_err as_compact(struct as_store *store, struct as_report *report,
			      struct as_error *error);

/* Replay the log from the newest index that can be trusted, or from nothing (@flags: AS_FULL), and
 * write index and hints. No segment is touched. AS_ERR_USAGE inside a transaction;
 * AS_ERR_UNCOMMITTED: as_rollback comes first; AS_ERR_INTEGRITY: the log is damaged, or its replay
 * would not give all that can be read, or would forget what is lost: with AS_FULL also what an
 * older index gives, which a replay without it keeps. Nothing was written then, and
 * the program atticscope says what to do; AS_ERR_NOT_REGULAR: a folder, named in the message,
 * is in the place of index.N or hints.N of this transaction or a later one. */
AS_API enum as_err as_recover(struct as_store *store, int flags, struct as_error *error);

#ifdef __cplusplus
}
#endif

#endif
