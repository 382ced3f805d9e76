#include "build-config.h"

#include "tests/support/operations.h"

#include "engine/repair/undo.h"
#include "engine/repo/create.h"
#include "engine/store/store_internal.h"
#include "tests/support/expected_store.h"
#include "tests/support/fault.h"
#include "tests/support/follow_advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (300u * 1024u)	/* bytes; more than the log buffers */

static void need(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "operations: %s\n", what);
	abort();
}

/* ---- the store ---- */

static bool create_with(const char *repo, const struct io *io, enum as_dialect dialect,
			uint32_t max_segment_size)
{
	const struct as_settings settings = {
		.segments_per_dir = 3, .max_segment_size = max_segment_size, .dialect = dialect,
	};
	return store_create(repo, &settings, io, NULL) == AS_OK;
}

static bool create_attic(const char *repo, const struct io *io)
{
	return create_with(repo, io, AS_DIALECT_ATTIC, 300);
}

static bool create_borg(const char *repo, const struct io *io)
{
	return create_with(repo, io, AS_DIALECT_BORG, 300);
}

static struct as_store *open_store(const char *repo, const struct io *io)
{
	struct as_store *store;
	return store_open(repo, NULL, io, &store, NULL) == AS_OK ? store : NULL;
}

static bool put(struct as_store *store, unsigned number, size_t size, unsigned seed)
{
	uint8_t key[BUILDER_KEY];
	static uint8_t value[LARGE];	/* a test may refuse memory */
	expected_fill(value, size, seed);
	builder_key(number, key);
	return as_put(store, key, sizeof(key), value, size, NULL) == AS_OK;
}

static bool delete(struct as_store *store, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	return as_delete(store, key, sizeof(key), NULL) == AS_OK;
}

static bool commit(struct as_store *store, int flags)
{
	return as_commit(store, flags, NULL, NULL) == AS_OK;
}

static void make_with(const char *repo, enum as_dialect dialect, uint32_t max_segment_size,
		      bool (*fill)(struct as_store *store))
{
	struct fault fault;
	fault_init(&fault);
	need(create_with(repo, &fault.io, dialect, max_segment_size), "create");
	struct as_store *store = open_store(repo, &fault.io);
	need(store && fill(store), "fill");
	as_close(store);
}

static bool run_with(const char *repo, const struct io *io, bool (*change)(struct as_store *store))
{
	struct as_store *store = open_store(repo, io);
	const bool done = store && change(store);
	if (store)
		as_close(store);
	return done;
}

static bool put_some(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 12; i++)
		done = done && put(store, i, 100, i);
	return done;
}

static bool fill_nothing(struct as_store *store)
{
	(void)store;
	return true;
}

static bool fill_some(struct as_store *store)
{
	return put_some(store) && commit(store, 0) && put(store, 20, 50, 1) && delete(store, 3) &&
	       commit(store, 0);
}

/* Superseded entries that await compaction, and DELETEs that are still needed. */
static bool fill_sparse(struct as_store *store)
{
	bool done = put_some(store) && commit(store, AS_NO_COMPACT);
	for (unsigned i = 0; i < 12; i += 3)
		done = done && put(store, i, 60, i + 100);
	return done && put(store, 20, 50, 1) && delete(store, 1) && delete(store, 11) &&
	       commit(store, AS_NO_COMPACT);
}

static bool put_first(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 8; i++)
		done = done && put(store, i, 100, i);
	return done && commit(store, 0);
}

static bool overwrite(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 6; i += 2)
		done = done && put(store, i, 120, i + 50);
	return done && delete(store, 5) && delete(store, 20) && put(store, 30, 400, 7) &&
	       commit(store, 0);
}

static bool delete_all(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 12; i++)
		done = done && (i == 3 || delete(store, i));
	return done && commit(store, 0);
}

static bool delete_overwritten(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 12; i += 3)
		done = done && delete(store, i);
	return done && commit(store, 0);
}

/* One segment, written in several pieces; each may be lost alone. */
static bool put_large(struct as_store *store)
{
	return put(store, 39, 100, 1) && put(store, 40, LARGE, 1) && put(store, 41, 100, 2) &&
	       put(store, 42, 700, 3) && commit(store, 0);
}

/* Each write ends like a COMMIT, in the middle of a transaction. */
static bool put_like_commits(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 0; i < 6; i++) {
		uint8_t key[BUILDER_KEY];
		void *value = NULL;
		size_t size;
		builder_key(40 + i, key);
		done = done && put(store, 40 + i, i == 3 ? LARGE : 100, i | EXPECTED_LIKE_COMMIT) &&
		       as_get(store, key, sizeof(key), &value, &size, NULL) == AS_OK;
		free(value);
	}
	return done && delete(store, 4) && put(store, 50, 60, EXPECTED_LIKE_COMMIT) &&
	       commit(store, 0);
}

static bool compact(struct as_store *store)
{
	return as_compact(store, NULL, NULL) == AS_OK;
}

static bool undo_changes(struct as_store *store)
{
	bool done = true;
	for (unsigned i = 40; i < 48; i++)
		done = done && put(store, i, 100, i);
	return done && as_rollback(store, 0, NULL) == AS_OK;
}

static bool undo_and_go_on(struct as_store *store)
{
	return undo_changes(store) && put(store, 50, 60, 5) && delete(store, 2) && commit(store, 0);
}

static bool recover(struct as_store *store)
{
	return as_recover(store, AS_FULL, NULL) == AS_OK;
}

static bool roll_back(struct as_store *store)
{
	return as_rollback(store, 0, NULL) == AS_OK;
}

#define STORE_WORK(name, limit, fill, change) \
	static void name##_make(const char *repo, enum as_dialect dialect) \
	{ \
		make_with(repo, dialect, limit, fill); \
	} \
	static bool name##_run(const char *repo, const struct io *io) \
	{ \
		return run_with(repo, io, change); \
	}
STORE_WORK(first, 300, fill_nothing, put_first)
STORE_WORK(overwriting, 300, fill_some, overwrite)
STORE_WORK(deleting, 300, fill_some, delete_all)
STORE_WORK(sparse, 300, fill_sparse, overwrite)
STORE_WORK(tombs, 300, fill_sparse, delete_overwritten)
STORE_WORK(large, 1u << 20, fill_some, put_large)
STORE_WORK(like_commits, 300, fill_some, put_like_commits)
STORE_WORK(compaction, 300, fill_sparse, compact)
STORE_WORK(giving_up, 300, fill_some, undo_changes)
STORE_WORK(going_on, 300, fill_some, undo_and_go_on)
STORE_WORK(recovering, 300, fill_some, recover)

static void write_segment(const char *repo, unsigned segment, const void *bytes, size_t len)
{
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/data/%u", repo, segment / 3);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%.400s/data/%u/%u", repo, segment / 3, segment);
	builder_write_file(path, bytes, len);
}

/* A tail without a COMMIT, as a killed writer leaves it. */
static void tail_make(const char *repo, enum as_dialect dialect)
{
	const uint8_t value[100] = { 1 };
	uint8_t bytes[8 + 141], key[BUILDER_KEY];
	struct as_state state;
	make_with(repo, dialect, 300, fill_some);
	memcpy(bytes, dialect == AS_DIALECT_BORG ? "BORG_SEG" : "ATTICSEG", 8);
	struct as_store *store = open_store(repo, &io_system);
	need(store != NULL, "open");
	as_get_state(store, &state);
	as_close(store);
	builder_key(60, key);
	builder_encode(BUILDER_PUT, key, value, sizeof(value), bytes + 8);
	for (unsigned i = state.transaction + 1; i < state.transaction + 4; i++)
		write_segment(repo, i, bytes, i == state.transaction + 3 ? 60 : sizeof(bytes));
}

static bool tail_run(const char *repo, const struct io *io)
{
	return run_with(repo, io, roll_back);
}

/* ---- the repairs ---- */

static struct builder *build_with(const char *repo, enum as_dialect dialect,
				  uint32_t segments_per_dir)
{
	struct builder *builder = builder_new(repo, segments_per_dir, 900);
	uint8_t key[BUILDER_KEY];
	if (dialect == AS_DIALECT_BORG)
		builder_use_borg(builder);
	for (unsigned i = 0; i < 24; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 20 + i * 9);
		if (i % 8 == 7)
			builder_commit(builder);
	}
	for (unsigned i = 3; i < 24; i += 7) {
		builder_key(i, key);
		builder_delete(builder, key);
	}
	builder_commit(builder);
	for (unsigned i = 5; i < 24; i += 7) {
		builder_key(i, key);
		builder_put_some(builder, key, 90 + i);
	}
	builder_transaction(builder);
	return builder;
}

static struct builder *build(const char *repo, enum as_dialect dialect)
{
	return build_with(repo, dialect, 5);
}

static void lose(const char *repo, const char *name)
{
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/%s", repo, name);
	need(unlink(path) == 0, path);
}

static void find_path(const struct builder *builder, unsigned number, char out[BUILDER_PATH])
{
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	builder_key(number, key);
	need(builder_find(builder, key, &segment, &offset), "no such object");
	builder_segment_path(builder, segment, out);
}

/* Two segments have wrong bytes. */
static void damaged_make(const char *repo, enum as_dialect dialect)
{
	char path[BUILDER_PATH];
	struct builder *builder = build(repo, dialect);
	find_path(builder, 8, path);
	builder_flip(path, 200, 4);
	find_path(builder, 16, path);
	builder_zero(path, 512, 128);
	builder_free(builder);
}

static void lose_index(const char *repo, const struct builder *builder)
{
	char name[32];
	snprintf(name, sizeof(name), "index.%u", builder_head(builder));
	lose(repo, name);
}

static void damaged_without_index_make(const char *repo, enum as_dialect dialect)
{
	char path[BUILDER_PATH];
	struct builder *builder = build(repo, dialect);
	find_path(builder, 15, path);
	builder_truncate(path, 500);
	lose_index(repo, builder);
	builder_free(builder);
}

static void indexless_make(const char *repo, enum as_dialect dialect)
{
	struct builder *builder = build(repo, dialect);
	lose_index(repo, builder);
	builder_free(builder);
}

/* Index and hints exist, with wrong size and count: they are replaced, not made. */
static void wrong_index_make(const char *repo, enum as_dialect dialect)
{
	char name[32], path[BUILDER_PATH];
	struct builder *builder = build(repo, dialect);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), i ? "hints.%u" : "index.%u", builder_head(builder));
		builder_path(builder, name, path);
		builder_truncate(path, 10);
	}
	builder_free(builder);
}

static struct builder *build_with_tail(const char *repo, enum as_dialect dialect)
{
	uint8_t key[BUILDER_KEY];
	struct builder *builder = build(repo, dialect);
	for (unsigned i = 60; i < 68; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 300);
	}
	builder_close_segment(builder);
	return builder;
}

static void uncommitted_make(const char *repo, enum as_dialect dialect)
{
	builder_free(build_with_tail(repo, dialect));
}

static void damaged_with_tail_make(const char *repo, enum as_dialect dialect)
{
	char path[BUILDER_PATH];
	struct builder *builder = build_with_tail(repo, dialect);
	find_path(builder, 8, path);
	builder_flip(path, 200, 4);
	builder_free(builder);
}

static void whole_make(const char *repo, enum as_dialect dialect)
{
	builder_free(build(repo, dialect));
}

static bool run_repair(const char *repo, const struct io *io, enum repair action)
{
	char text[ADVICE_TEXT];
	return !advice_repair(repo, io, action, text);
}

static bool salvage_run(const char *repo, const struct io *io)
{
	return run_repair(repo, io, REPAIR_SALVAGE);
}

static bool recover_run(const char *repo, const struct io *io)
{
	return run_repair(repo, io, REPAIR_RECOVER);
}

static bool rollback_run(const char *repo, const struct io *io)
{
	return run_repair(repo, io, REPAIR_ROLLBACK);
}

static bool compact_run(const char *repo, const struct io *io)
{
	return run_repair(repo, io, REPAIR_COMPACT);
}

/* ---- after a repair ---- */

static void make_and_repair(const char *repo, enum as_dialect dialect,
			    void (*make)(const char *repo, enum as_dialect dialect),
			    enum repair action)
{
	struct fault fault;
	fault_init(&fault);
	make(repo, dialect);
	need(run_repair(repo, &fault.io, action), repo);
}

static void salvaged_make(const char *repo, enum as_dialect dialect)
{
	make_and_repair(repo, dialect, damaged_make, REPAIR_SALVAGE);
}

static void recovered_make(const char *repo, enum as_dialect dialect)
{
	make_and_repair(repo, dialect, wrong_index_make, REPAIR_RECOVER);
}

static void rolled_back_make(const char *repo, enum as_dialect dialect)
{
	make_and_repair(repo, dialect, uncommitted_make, REPAIR_ROLLBACK);
}

static void compacted_make(const char *repo, enum as_dialect dialect)
{
	make_and_repair(repo, dialect, whole_make, REPAIR_COMPACT);
}

static void scattered_make(const char *repo, enum as_dialect dialect)
{
	builder_free(build_with(repo, dialect, 1));
}

/* Each segment had its own folder, and somebody removed the empty ones. */
static void tidied_make(const char *repo, enum as_dialect dialect)
{
	char path[BUILDER_PATH];
	unsigned gone = 0;
	make_and_repair(repo, dialect, scattered_make, REPAIR_COMPACT);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "%.400s/data/%u", repo, i);
		gone += rmdir(path) == 0;
	}
	need(gone > 0, "no folder is empty");
}

static bool undo_operation_run(const char *repo, const struct io *io)
{
	char text[ADVICE_TEXT];
	return !advice_undo(repo, io, text);
}

static bool purge(const struct repo *opened, const struct permit *permit)
{
	struct undo_entry *entries;
	size_t count;
	uint64_t freed;
	bool done = undo_list(opened->io, opened->fd, &entries, &count) == AS_OK;
	for (size_t i = 0; done && i < count; i++)
		done = undo_purge(permit, entries[i].name, &freed, NULL) == AS_OK;
	free(entries);
	return done;
}

static bool purge_run(const char *repo, const struct io *io)
{
	const struct repo_options options = { .may_write = true, .io = io };
	const struct lock_wait wait = { .ms = 0 };
	struct repo *opened;
	if (repo_open(repo, &options, &opened, NULL) != AS_OK)
		return false;
	const bool done = lock_upgrade(repo_lock(opened), &wait, NULL) == AS_OK &&
			  purge(opened, lock_permit(repo_lock(opened)));
	repo_close(opened);
	return done;
}

/* The lock that is a folder, as repositories of Borg have it. */
static bool lock_run(const char *repo, const struct io *io)
{
	const struct lock_wait wait = { .ms = 0 };
	struct lock *lock = NULL;
	int fd;
	if (io_open_repository(io, repo, &fd) != AS_OK)
		return false;
	bool done = lock_open(io, fd, repo, LOCK_TO_WRITE, &lock, NULL) == AS_OK &&
		    lock_choose(lock, fd, LOCK_KIND_FOLDER, NULL) == AS_OK &&
		    lock_upgrade(lock, &wait, NULL) == AS_OK;
	if (done)
		lock_lower(lock);
	/* What processes that are gone, or this one, have left is taken over. */
	done = done && lock_upgrade(lock, &wait, NULL) == AS_OK;
	lock_release(lock);
	io_close(io, fd);
	return done;
}

/* The rows of one dialect. A name begins with @of. */
#define ROWS(of, dialect, create) \
	{ of "create", dialect, NULL, create, BACK_TO_FOUND, false }, \
	{ of "first transaction", dialect, first_make, first_run, BACK_TO_FOUND, true }, \
	{ of "overwriting and deleting", dialect, overwriting_make, overwriting_run, \
	  BACK_TO_FOUND, false }, \
	{ of "deleting everything", dialect, deleting_make, deleting_run, BACK_TO_FOUND, false }, \
	{ of "overwriting in sparse segments", dialect, sparse_make, sparse_run, \
	  BACK_TO_FOUND, false }, \
	{ of "deleting what was overwritten", dialect, tombs_make, tombs_run, \
	  BACK_TO_FOUND, false }, \
	{ of "large objects", dialect, large_make, large_run, BACK_TO_FOUND, false }, \
	{ of "values that end like a COMMIT", dialect, like_commits_make, like_commits_run, \
	  BACK_TO_FOUND, false }, \
	{ of "compaction of the store", dialect, compaction_make, compaction_run, \
	  BACK_TO_FOUND, false }, \
	{ of "rolling back a transaction", dialect, giving_up_make, giving_up_run, \
	  BACK_TO_FOUND, false }, \
	{ of "rolling back, and going on", dialect, going_on_make, going_on_run, \
	  BACK_TO_FOUND, false }, \
	{ of "recover of the store", dialect, recovering_make, recovering_run, \
	  BACK_TO_FOUND, false }, \
	{ of "rollback of the store", dialect, tail_make, tail_run, BACK_TO_FOUND, false }, \
	{ of "salvage", dialect, damaged_make, salvage_run, BACK_TO_ORIGIN, false }, \
	{ of "salvage without an index", dialect, damaged_without_index_make, salvage_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "salvage beside a tail", dialect, damaged_with_tail_make, salvage_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "recover", dialect, indexless_make, recover_run, BACK_TO_ORIGIN, false }, \
	{ of "recover over a wrong index", dialect, wrong_index_make, recover_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "rollback", dialect, uncommitted_make, rollback_run, BACK_TO_ORIGIN, false }, \
	{ of "compact", dialect, whole_make, compact_run, BACK_TO_ORIGIN, false }, \
	{ of "compact of many folders", dialect, scattered_make, compact_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "undo of a salvage", dialect, salvaged_make, undo_operation_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "undo of a recover", dialect, recovered_make, undo_operation_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "undo of a rollback", dialect, rolled_back_make, undo_operation_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "undo of a compact", dialect, compacted_make, undo_operation_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "undo without empty folders", dialect, tidied_make, undo_operation_run, \
	  BACK_TO_ORIGIN, false }, \
	{ of "purge of a salvage", dialect, salvaged_make, purge_run, BACK_WHOLE_OR_NOT, false }, \
	{ of "purge of a rollback", dialect, rolled_back_make, purge_run, \
	  BACK_WHOLE_OR_NOT, false }

const struct operation operations[] = {
	ROWS("", AS_DIALECT_ATTIC, create_attic),
	ROWS("Borg: ", AS_DIALECT_BORG, create_borg),
	{ "Borg: lock in a folder", AS_DIALECT_BORG, whole_make, lock_run, BACK_TO_FOUND, false },
};
const size_t operation_count = sizeof(operations) / sizeof(operations[0]);
