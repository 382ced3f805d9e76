/* The end of the log by itself: what an append that fails leaves behind.
 *
 * Everything is done twice, to a log through an io that fails where it is told to, and to its twin
 * that only takes what succeeds. Their files must be alike. */
#include "build-config.h"

#include "engine/repo/log.h"
#include "tests/support/expected_store.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 1000u
#define PER_DIR 4u

struct side {
	const char *name;	/* of the repository folder */
	int fd;
	struct permit *permit;
	struct log log;
};

struct pair {
	struct scratch *scratch;
	struct fault fault;
	struct side side, twin;
	struct as_error error;
};

static void open_side(const struct pair *pair, struct side *side, const char *name,
		      const struct io *io, const struct dialect *dialect)
{
	char path[64];
	side->name = name;
	snprintf(path, sizeof(path), "%s/data", name);
	scratch_folder(pair->scratch, path);
	side->fd = openat(pair->scratch->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(side->fd >= 0);
	side->permit = io_grant_permit(io, side->fd, 0600);
	assert_non_null(side->permit);
	assert_int_equal(log_init(&side->log, side->permit, dialect, name, LIMIT, PER_DIR, 0),
			 AS_OK);
}

static void close_side(struct side *side)
{
	log_free(&side->log);
	io_revoke_permit(side->permit);
	close(side->fd);
}

static int setup_dialect(void **state, const struct dialect *dialect)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	assert_non_null(pair);
	scratch_setup((void **)&pair->scratch);
	fault_init(&pair->fault);
	open_side(pair, &pair->side, "side", &pair->fault.io, dialect);
	open_side(pair, &pair->twin, "twin", &io_system, dialect);
	*state = pair;
	return 0;
}

static int setup(void **state)
{
	return setup_dialect(state, &dialect_attic);
}

static int setup_borg(void **state)
{
	return setup_dialect(state, &dialect_borg);
}

static int teardown(void **state)
{
	struct pair *pair = *state;
	close_side(&pair->side);
	close_side(&pair->twin);
	assert_int_equal(pair->fault.opens, pair->fault.closes);
	scratch_teardown((void **)&pair->scratch);
	free(pair);
	return 0;
}

static enum as_err put_to(struct side *side, unsigned number, size_t size, struct as_error *error)
{
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(size, number);
	uint32_t segment, offset;
	builder_key(number, key);
	const enum as_err err = log_put(&side->log, key, value, size, &segment, &offset, error);
	free(value);
	return err;
}

static void put(struct pair *pair, unsigned number, size_t size)
{
	assert_int_equal(put_to(&pair->side, number, size, &pair->error), AS_OK);
	assert_int_equal(put_to(&pair->twin, number, size, NULL), AS_OK);
}

static enum as_err try_put(struct pair *pair, unsigned number, size_t size)
{
	return put_to(&pair->side, number, size, &pair->error);
}

static void commit(struct pair *pair)
{
	uint32_t transaction, wanted;
	assert_int_equal(log_commit(&pair->twin.log, &wanted, NULL), AS_OK);
	assert_int_equal(log_commit(&pair->side.log, &transaction, &pair->error), AS_OK);
	assert_int_equal(transaction, wanted);
}

static void compare(const struct pair *pair)
{
	scratch_run("cd '%s' && diff -r side/data twin/data", pair->scratch->path);
}

static bool is_there(const struct pair *pair, const char *path)
{
	struct stat st;
	return fstatat(pair->side.fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* From now on this call of @kind fails, and with @for_good all after it. */
static void refuse(struct pair *pair, enum fault_change kind, unsigned at, int error, bool for_good)
{
	pair->fault.fail_kind = kind;
	pair->fault.changes = 0;
	pair->fault.fail_at = at;
	pair->fault.fail_error = error;
	pair->fault.fail_for_good = for_good;
}

static void refuse_nothing(struct pair *pair)
{
	pair->fault.fail_at = 0;
	pair->fault.open_error = 0;
	pair->fault.open_path = NULL;
}

/* ---- beginning a segment ---- */

static void a_segment_that_cannot_be_made_is_named_and_made_later(void **state)
{
	struct pair *pair = *state;
	static const struct { int sys; enum as_err err; int told; } refusals[] = {
		{ ENOSPC, AS_ERR_NO_SPACE, ENOSPC }, { EROFS, AS_ERR_READ_ONLY, EROFS },
		{ EMFILE, AS_ERR_IO, EMFILE }, { ENFILE, AS_ERR_IO, ENFILE },
		{ ENOMEM, AS_ERR_MEMORY, 0 }, { ELOOP, AS_ERR_NOT_REGULAR, 0 },
	};
	uint32_t transaction;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refuse(pair, FAULT_CREATE, 1, refusals[i].sys, true);
		assert_int_equal(try_put(pair, 1, 10), refusals[i].err);
		assert_non_null(strstr(pair->error.message,
				       "side/data/0/0: cannot make segment 0"));
		assert_int_equal(pair->error.sys, refusals[i].told);
		assert_int_equal(log_commit(&pair->side.log, &transaction, &pair->error),
				 refusals[i].err);
		assert_false(pair->side.log.dead);
		assert_true(log_is_empty(&pair->side.log));
	}
	refuse_nothing(pair);
	put(pair, 1, 10);
	commit(pair);
	compare(pair);
}

static void segments_end_with_the_highest_number_that_attic_reads(void **state)
{
	struct pair *pair = *state;
	struct log log;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	builder_key(1, key);
	assert_int_equal(log_init(&log, pair->side.permit, &dialect_attic, "side", LIMIT, PER_DIR,
				  LOG_SEGMENT_LAST + 1), AS_OK);
	assert_int_equal(log_put(&log, key, "x", 1, &segment, &offset, &pair->error), AS_ERR_FULL);
	assert_string_equal(pair->error.message, "side: segment numbers end at 2147483647, "
			    "the highest that Attic can read");
	log_free(&log);
	scratch_run("test -z \"$(ls '%s/side/data')\"", pair->scratch->path);
}

static enum as_err put_bytes(struct side *side, const uint8_t *key, const void *value, size_t size,
			     uint32_t *segment, uint32_t *offset)
{
	return log_put(&side->log, key, value, size, segment, offset, NULL);
}

/* As if the open segment had so many bytes: they are a hole in its file. */
static void pretend_length(struct log *log, uint64_t length, bool is_like)
{
	log->offset = log->flushed = log->high = length;
	log->like_commit = is_like ? length : 0;
}

static uint64_t length_of(const struct pair *pair, const char *path)
{
	struct stat st;
	assert_int_equal(fstatat(pair->side.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return (uint64_t)st.st_size;
}

/* A run of values that end like a COMMIT keeps a segment open, but no longer than Attic can read:
 * its offsets are signed. A DELETE of a key that nothing has ends it then. */
static void no_segment_grows_beyond_2_gib(void **state)
{
	struct pair *pair = *state;
	struct log *log = &pair->side.log;
	static const uint8_t key[BUILDER_KEY] = { 1 };
	const uint64_t fits = 2147483647u - 41 - 9 - 50;
	uint8_t value[9], last[2][41];
	uint32_t segment, offset;
	memcpy(value, segment_commit, sizeof(value));
	for (uint32_t i = 0; i < 2; i++) {
		char path[32];
		put(pair, 1, 10);
		pretend_length(log, fits, true);
		assert_int_equal(put_bytes(&pair->side, key, value, 9, &segment, &offset), AS_OK);
		assert_int_equal(segment, 2 * i);
		assert_int_equal(offset, fits);
		assert_int_equal(put_bytes(&pair->side, key, value, 9, &segment, &offset), AS_OK);
		assert_int_equal(segment, 2 * i + 1);
		assert_int_equal(offset, 8);
		snprintf(path, sizeof(path), "data/0/%u", 2 * i);
		assert_int_equal(length_of(pair, path), fits + 50 + 41);
		const int fd = openat(pair->side.fd, path, O_RDONLY);
		assert_int_equal(pread(fd, last[i], 41, (off_t)fits + 50), 41);
		close(fd);
		assert_int_equal(last[i][8], SEGMENT_DELETE);
		uint32_t transaction;
		assert_int_equal(log_commit(log, &transaction, NULL), AS_OK);
		assert_int_equal(transaction, 2 * i + 1);
	}
	/* The key is another one each time: nothing may ever be stored under it. */
	assert_memory_not_equal(last[0] + 9, last[1] + 9, 32);
}

/* With max_segment_size at or above 2 GiB. */
static void no_limit_lets_a_segment_grow_beyond_2_gib(void **state)
{
	struct pair *pair = *state;
	struct log *log = &pair->side.log;
	static const uint8_t key[BUILDER_KEY] = { 1 };
	static const uint32_t limits[] = { 2147483647u, 2147483648u, UINT32_MAX };
	uint32_t segment, offset, transaction;
	for (uint32_t i = 0; i < ARRAY_SIZE(limits); i++) {
		log->limit = limits[i];
		put(pair, 1, 10);
		pretend_length(log, 2147483647u - 41 - 9 - 51, false);
		assert_int_equal(put_bytes(&pair->side, key, "0123456789", 10, &segment, &offset),
				 AS_OK);
		assert_int_equal(segment, 2 * i);
		assert_int_equal(put_bytes(&pair->side, key, "0123456789", 10, &segment, &offset),
				 AS_OK);
		assert_int_equal(segment, 2 * i + 1);
		assert_int_equal(log_commit(log, &transaction, NULL), AS_OK);
	}
}

/* What Attic would see of the open segment if the process were killed now. */
static void expect_no_false_commit(const struct pair *pair)
{
	char path[LISTING_PATH_MAX];
	bool is_like;
	log_segment_path(PER_DIR, pair->side.log.segment, path);
	assert_int_equal(segment_ends_like_commit(&io_system, pair->side.fd, path, &is_like),
			 AS_OK);
	assert_false(is_like);
}

/* Whether the nine bytes are a value's, a key's or of both, and however they come to be written. */
static void no_file_ends_like_a_commit_before_it_is_committed(void **state)
{
	struct pair *pair = *state;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	for (size_t in_value = 0; in_value <= 9; in_value++) {
		const uint8_t *value = segment_commit + 9 - in_value;
		struct side *const sides[] = { &pair->side, &pair->twin };
		memset(key, (int)in_value, sizeof(key));
		memcpy(key + 32 - (9 - in_value), segment_commit, 9 - in_value);
		for (size_t i = 0; i < 2; i++) {
			struct log *log = &sides[i]->log;
			assert_int_equal(log_put(log, key, value, in_value, &segment, &offset,
						 NULL), AS_OK);
			assert_int_equal(log->like_commit, log->offset);
			if (i == 0 && in_value % 3 == 0)
				assert_int_equal(log_flush(log, NULL), AS_OK);
			if (i == 0 && in_value % 3 == 0)
				expect_no_false_commit(pair);
		}
		if (in_value % 2 == 0)
			put(pair, 30, 500);
	}
	memset(key, 7, sizeof(key));
	memcpy(key + 23, segment_commit, 9);
	assert_int_equal(log_delete(&pair->side.log, key, &segment, &offset, NULL), AS_OK);
	assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
	expect_no_false_commit(pair);
	assert_int_equal(log_delete(&pair->twin.log, key, &segment, &offset, NULL), AS_OK);
	commit(pair);
	compare(pair);
}

/* Taking back what came behind such a value. */
static void a_return_behind_a_value_that_ends_like_a_commit_keeps_it_in_mind(void **state)
{
	struct pair *pair = *state;
	static const uint8_t key[BUILDER_KEY] = { 1 };
	uint8_t value[1200] = { 0 };
	uint32_t segment, offset;
	memcpy(value + sizeof(value) - 9, segment_commit, 9);
	for (unsigned flushed = 0; flushed < 2; flushed++) {
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(put_bytes(i ? &pair->twin : &pair->side, key, value,
						   sizeof(value), &segment, &offset), AS_OK);
		if (flushed)
			assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
		const struct log_mark mark = log_mark(&pair->side.log);
		assert_int_equal(put_bytes(&pair->side, key, value, sizeof(value), &segment,
					   &offset), AS_OK);
		if (flushed)
			assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
		log_return(&pair->side.log, &mark);
		assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
		expect_no_false_commit(pair);
		assert_int_equal(pair->side.log.like_commit, pair->side.log.offset);
		put(pair, 5, 30);
		commit(pair);
		compare(pair);
	}
}

/* What a write that failed left behind such a value is cut off; the COMMIT follows the value. */
static void a_commit_follows_a_value_that_ends_like_one(void **state)
{
	struct pair *pair = *state;
	static const uint8_t key[BUILDER_KEY] = { 1 };
	uint32_t segment, offset;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(put_bytes(i ? &pair->twin : &pair->side, key, segment_commit, 9,
					   &segment, &offset), AS_OK);
	assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
	refuse(pair, FAULT_WRITE, 2, ENOSPC, false);
	assert_int_equal(try_put(pair, 3, 300000), AS_ERR_NO_SPACE);
	refuse_nothing(pair);
	assert_true(pair->side.log.high > pair->side.log.offset + 1);
	commit(pair);
	compare(pair);
}

/* The same entries, of sizes about the limit. Some end like a COMMIT. */
static void a_forecast_says_where_the_log_puts_entries(void **state)
{
	struct pair *pair = *state;
	struct log_forecast forecast = { .dialect = pair->side.log.dialect, .limit = LIMIT };
	uint8_t key[BUILDER_KEY], value[3 * LIMIT] = { 0 };
	uint32_t segment, offset, transaction;
	struct stat st;
	for (unsigned i = 0; i < 60; i++) {
		const size_t size = i * 7919 % (2 * LIMIT) + 9;
		const bool is_like = i % 3 == 0;
		char path[64];
		builder_key(i, key);
		memset(value, 7, sizeof(value));
		if (is_like)
			memcpy(value + size - 9, segment_commit, 9);
		const uint32_t before = forecast.segment;
		const uint64_t closed = log_forecast_append(&forecast, size + 41, is_like);
		assert_int_equal(put_bytes(&pair->side, key, value, size, &segment, &offset),
				 AS_OK);
		assert_int_equal(segment, forecast.segment);
		assert_int_equal(offset + size + 41, forecast.offset);
		assert_int_equal(closed > 0, forecast.segment > before);
		if (closed == 0)
			continue;
		snprintf(path, sizeof(path), "data/%u/%u", before / PER_DIR, before);
		assert_int_equal(fstatat(pair->side.fd, path, &st, 0), 0);
		assert_int_equal(st.st_size, closed);
	}
	const uint64_t closed = log_forecast_commit(&forecast);
	const uint64_t end = offset + 41 + 59 * 7919 % (2 * LIMIT) + 9;
	const bool is_lone = pair->side.log.dialect->has_lone_commits;
	assert_int_equal(log_commit(&pair->side.log, &transaction, NULL), AS_OK);
	assert_int_equal(transaction, forecast.segment);
	assert_int_equal(closed, is_lone ? end : 0);
	assert_int_equal(forecast.offset, is_lone ? 17 : end + 9);
}

/* The segment @transaction holds nothing but the COMMIT. */
static void expect_lone_commit(const struct pair *pair, uint32_t transaction)
{
	static const char whole[] = "BORG_SEG\x40\xf4\x3c\x25\x09\0\0\0\x02";
	char path[64], bytes[64];
	snprintf(path, sizeof(path), "data/%u/%u", transaction / PER_DIR, transaction);
	const int fd = openat(pair->side.fd, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 17);
	close(fd);
	assert_memory_equal(bytes, whole, 17);
}

static void the_commit_of_borg_has_a_segment_of_its_own(void **state)
{
	struct pair *pair = *state;
	uint32_t transaction;
	put(pair, 1, 10);
	commit(pair);
	assert_int_equal(length_of(pair, "data/0/0"), 8 + 41 + 10);
	expect_lone_commit(pair, 1);
	put(pair, 2, 2000);
	put(pair, 3, 10);
	commit(pair);
	expect_lone_commit(pair, 4);
	assert_int_equal(log_commit(&pair->side.log, &transaction, NULL), AS_OK);
	assert_int_equal(transaction, 5);
	expect_lone_commit(pair, 5);
}

/* Nothing was synced then: the same transaction is committed later, and its COMMIT stands alone all
 * the same. */
static void a_lone_commit_without_room_is_tried_again(void **state)
{
	/* The first write is that of the entries. */
	static const struct { enum fault_change kind; unsigned at; } refusals[] = {
		{ FAULT_CREATE, 1 }, { FAULT_WRITE, 2 },
	};
	struct pair *pair = *state;
	uint32_t transaction;
	for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
		put(pair, i, 10);
		refuse(pair, refusals[i].kind, refusals[i].at, ENOSPC, false);
		assert_int_equal(log_commit(&pair->side.log, &transaction, NULL),
				 AS_ERR_NO_SPACE);
		assert_false(pair->side.log.dead);
		refuse_nothing(pair);
		commit(pair);
		expect_lone_commit(pair, 2 * i + 1);
		compare(pair);
	}
}

/* Who may write to a folder and not read it can still make segments there. */
static void a_folder_that_cannot_be_read_can_be_written_to(void **state)
{
	struct pair *pair = *state;
	put(pair, 1, 1000);
	pair->fault.open_path = "data/0";
	pair->fault.open_error = EACCES;
	pair->side.log.has_folder = false;
	put(pair, 2, 10);
	refuse_nothing(pair);
	commit(pair);
	compare(pair);
}

/* Another process made it in the moment between. */
static void a_folder_that_came_meanwhile_is_used(void **state)
{
	struct pair *pair = *state;
	scratch_folder(pair->scratch, "side/data/0");
	pair->fault.open_path = "data/0";
	pair->fault.open_error = ENOENT;
	put(pair, 1, 10);
	refuse_nothing(pair);
	commit(pair);
	compare(pair);
}

/* What the files hold is no longer known: nothing is appended, and what is there goes when it is
 * discarded. */
static void expect_dead(struct pair *pair)
{
	uint32_t transaction;
	const struct log_mark mark = log_mark(&pair->side.log);
	assert_true(pair->side.log.dead);
	assert_int_equal(try_put(pair, 9, 10), AS_ERR_DEAD);
	assert_non_null(strstr(pair->error.message, "side: "));
	assert_int_equal(log_commit(&pair->side.log, &transaction, &pair->error), AS_ERR_DEAD);
	log_return(&pair->side.log, &mark);
	assert_true(pair->side.log.dead);
	refuse_nothing(pair);
	pair->fault.scope = FAULT_CHANGES;
	assert_int_equal(log_discard(&pair->side.log, &pair->error), AS_OK);
	assert_false(pair->side.log.dead);
	for (unsigned i = 0; i < 4; i++) {
		char path[32];
		snprintf(path, sizeof(path), "data/0/%u", i);
		assert_false(is_there(pair, path));
	}
	assert_int_equal(log_discard(&pair->twin.log, NULL), AS_OK);
	put(pair, 7, 10);
	commit(pair);
	compare(pair);
}

/* Nothing is written behind the guard before it is durable. */
static void a_guard_that_cannot_be_synced_kills_the_log(void **state)
{
	struct pair *pair = *state;
	static const uint8_t key[BUILDER_KEY] = { 1 };
	uint32_t segment, offset;
	assert_int_equal(put_bytes(&pair->side, key, segment_commit, 9, &segment, &offset), AS_OK);
	refuse(pair, FAULT_SYNC, 1, EIO, false);
	assert_int_equal(log_flush(&pair->side.log, &pair->error), AS_ERR_IO);
	assert_int_equal(length_of(pair, "data/0/0"), 8 + 50 + 1);
	expect_dead(pair);
}

/* ---- without descriptors ---- */

/* Those that wait for their fsync are open. */
static void segments_that_wait_are_synced_when_descriptors_run_out(void **state)
{
	struct pair *pair = *state;
	static const int errors[] = { EMFILE, ENFILE };
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		for (unsigned number = 0; number < 3; number++)
			put(pair, number, 1000);
		assert_int_equal(pair->side.log.unsynced_count, 2);
		const unsigned open = pair->fault.opens - pair->fault.closes;
		refuse(pair, FAULT_CREATE, 1, errors[i], false);
		put(pair, 3, 1000);
		refuse_nothing(pair);
		assert_int_equal(pair->side.log.unsynced_count, 0);
		assert_int_equal(pair->fault.opens - pair->fault.closes, open - 2);
		commit(pair);
		compare(pair);
	}
}

/* The segments of before cannot be made durable, now or later. */
static void a_sync_that_fails_for_want_of_descriptors_kills_the_log(void **state)
{
	struct pair *pair = *state;
	put(pair, 0, 1000);
	put(pair, 1, 1000);
	/* The second is written to; then the third cannot be made, nor the first be synced. */
	refuse(pair, FAULT_ANY, 2, EMFILE, true);
	assert_int_equal(try_put(pair, 2, 1000), AS_ERR_IO);
	assert_true(strncmp(pair->fault.failed, "fsync", 5) == 0);
	expect_dead(pair);
}

/* ---- taking back ---- */

/* A put that began another segment. Nothing of it may stay. With @descriptors run out the
 * segment before was closed for good. */
static struct log_mark begin_another(struct pair *pair, bool run_out)
{
	put(pair, 0, 1000);
	put(pair, 1, 500);
	put(pair, 2, 600);
	const struct log_mark mark = log_mark(&pair->side.log);
	refuse(pair, FAULT_CREATE, run_out ? 1 : 0, EMFILE, false);
	assert_int_equal(try_put(pair, 3, 1000), AS_OK);
	assert_int_equal(try_put(pair, 4, 1000), AS_OK);
	refuse_nothing(pair);
	assert_true(is_there(pair, "data/0/2") && is_there(pair, "data/0/3"));
	return mark;
}

static void take_back_segments(struct pair *pair, bool run_out)
{
	const struct log_mark mark = begin_another(pair, run_out);
	log_return(&pair->side.log, &mark);
	assert_false(pair->side.log.dead);
	assert_int_equal(pair->side.log.segment, mark.segment);
	assert_false(is_there(pair, "data/0/2") || is_there(pair, "data/0/3"));
	put(pair, 5, 30);
	put(pair, 6, 30);
	commit(pair);
	compare(pair);
}

static void what_began_other_segments_is_taken_back(void **state)
{
	take_back_segments(*state, false);
}

static void the_segment_before_is_opened_again_where_it_was_closed(void **state)
{
	take_back_segments(*state, true);
}

/* The mark is of a log that had nothing open: the segment that was made since goes as well. */
static void a_return_to_the_beginning_leaves_no_segment(void **state)
{
	struct pair *pair = *state;
	const struct log_mark mark = log_mark(&pair->side.log);
	assert_int_equal(try_put(pair, 0, 1000), AS_OK);
	refuse(pair, FAULT_CREATE, 1, ENOSPC, false);
	assert_int_equal(try_put(pair, 1, 10), AS_ERR_NO_SPACE);
	log_return(&pair->side.log, &mark);
	assert_false(pair->side.log.dead);
	assert_true(log_is_empty(&pair->side.log));
	assert_false(is_there(pair, "data/0/0"));
	put(pair, 2, 10);
	commit(pair);
	compare(pair);
}

static void a_segment_that_cannot_be_removed_again_kills_the_log(void **state)
{
	struct pair *pair = *state;
	const struct log_mark mark = begin_another(pair, false);
	refuse(pair, FAULT_REMOVE, 1, EACCES, true);
	log_return(&pair->side.log, &mark);
	assert_true(is_there(pair, "data/0/3"));
	expect_dead(pair);
}

static void a_segment_that_cannot_be_opened_again_kills_the_log(void **state)
{
	struct pair *pair = *state;
	const struct log_mark mark = begin_another(pair, true);
	pair->fault.open_path = "data/0/1";
	pair->fault.open_error = EIO;
	log_return(&pair->side.log, &mark);
	expect_dead(pair);
}

static int fail_fstat(const struct io *io, int fd, struct stat *st)
{
	(void)io;
	(void)fd;
	(void)st;
	errno = EIO;
	return -1;
}

static void a_segment_whose_length_is_not_told_kills_the_log(void **state)
{
	struct pair *pair = *state;
	const struct log_mark mark = begin_another(pair, true);
	const struct io io = pair->fault.io;
	pair->fault.io.fstat = fail_fstat;
	log_return(&pair->side.log, &mark);
	pair->fault.io = io;
	expect_dead(pair);
}

/* Where another process removed it already there is nothing left to be done. */
static void a_segment_that_went_meanwhile_is_no_hindrance_to_discarding(void **state)
{
	struct pair *pair = *state;
	begin_another(pair, false);
	scratch_run("rm '%s/side/data/0/2'", pair->scratch->path);
	assert_int_equal(log_discard(&pair->side.log, &pair->error), AS_OK);
	assert_true(log_is_empty(&pair->side.log));
	assert_false(is_there(pair, "data/0/0"));
}

static void flushing_what_is_not_there_writes_nothing(void **state)
{
	struct pair *pair = *state;
	assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
	put(pair, 1, 10);
	assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
	pair->fault.changes = 0;
	assert_int_equal(log_flush(&pair->side.log, NULL), AS_OK);
	assert_int_equal(pair->fault.changes, 0);
	commit(pair);
	compare(pair);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_BORG(name) cmocka_unit_test_setup_teardown(name, setup_borg, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_segment_that_cannot_be_made_is_named_and_made_later),
		TEST(segments_end_with_the_highest_number_that_attic_reads),
		TEST(no_segment_grows_beyond_2_gib),
		TEST(no_limit_lets_a_segment_grow_beyond_2_gib),
		TEST(no_file_ends_like_a_commit_before_it_is_committed),
		TEST(a_return_behind_a_value_that_ends_like_a_commit_keeps_it_in_mind),
		TEST(a_commit_follows_a_value_that_ends_like_one),
		TEST(a_forecast_says_where_the_log_puts_entries),
		TEST_BORG(a_forecast_says_where_the_log_puts_entries),
		TEST_BORG(the_commit_of_borg_has_a_segment_of_its_own),
		TEST_BORG(a_lone_commit_without_room_is_tried_again),
		TEST(a_guard_that_cannot_be_synced_kills_the_log),
		TEST(a_folder_that_cannot_be_read_can_be_written_to),
		TEST(a_folder_that_came_meanwhile_is_used),
		TEST(segments_that_wait_are_synced_when_descriptors_run_out),
		TEST(a_sync_that_fails_for_want_of_descriptors_kills_the_log),
		TEST(what_began_other_segments_is_taken_back),
		TEST(the_segment_before_is_opened_again_where_it_was_closed),
		TEST(a_return_to_the_beginning_leaves_no_segment),
		TEST(a_segment_that_cannot_be_removed_again_kills_the_log),
		TEST(a_segment_that_cannot_be_opened_again_kills_the_log),
		TEST(a_segment_whose_length_is_not_told_kills_the_log),
		TEST(a_segment_that_went_meanwhile_is_no_hindrance_to_discarding),
		TEST(flushing_what_is_not_there_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
