/* The store without memory, a file or random numbers, in the sizes at which its tables grow:
 * nothing is lost, and what failed can be done later. In stores of Attic and of Borg. */
#include "build-config.h"

#include "engine/base/key_hash.h"
#include "engine/repo/create.h"
#include "engine/store/store_internal.h"
#include "tests/support/expected_store.h"
#include "tests/support/fault.h"
#include "tests/support/malloc_failures.h"
#include "tests/support/scratch.h"
#include "tests/support/write_hints.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (600u * 1024u)	/* bytes; more than a reader's window */

struct world {
	struct scratch *scratch;
	enum as_dialect dialect;
	char path[BUILDER_PATH], kept[BUILDER_PATH];
	struct expected_store expected, kept_expected;
	struct fault fault;
	struct as_options options;
	struct as_store *store;
	struct as_error error;
};

/* ---- a system without random numbers ---- */

static bool has_no_random;

ssize_t __real_getrandom(void *buffer, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags)
{
	errno = ENOSYS;
	return has_no_random ? -1 : __real_getrandom(buffer, len, flags);
}

/* ---- a store ---- */

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	has_no_random = false;
	scratch_setup((void **)&world->scratch);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->scratch->path);
	snprintf(world->kept, sizeof(world->kept), "%.400s/kept", world->scratch->path);
	fault_init(&world->fault);
	*state = world;
	return 0;
}

static int setup_borg(void **state)
{
	setup(state);
	struct world *world = *state;
	world->dialect = AS_DIALECT_BORG;
	return 0;
}

static void close_store(struct world *world)
{
	as_close(world->store);
	world->store = NULL;
}

static int teardown(void **state)
{
	struct world *world = *state;
	close_store(world);
	assert_int_equal(world->fault.opens, world->fault.closes);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

static void reopen(struct world *world)
{
	close_store(world);
	const enum as_err err = store_open(world->path, &world->options, &world->fault.io,
					   &world->store, &world->error);
	if (err != AS_OK)
		fail_msg("%s", world->error.message);
}

static void create(struct world *world, uint32_t per_dir, uint32_t limit)
{
	const struct as_settings settings = {
		.segments_per_dir = per_dir, .max_segment_size = limit,
		.dialect = world->dialect,
	};
	assert_int_equal(store_create(world->path, &settings, &world->fault.io, NULL), AS_OK);
	reopen(world);
}

/* Keep a copy of the repository, to begin from it again. */
static void keep(struct world *world)
{
	close_store(world);
	builder_copy_folder(world->path, world->kept);
	world->kept_expected = world->expected;
}

static void begin_again(struct world *world)
{
	close_store(world);
	builder_remove_folder(world->path);
	builder_copy_folder(world->kept, world->path);
	world->expected = world->kept_expected;
	reopen(world);
}

static void refuse(struct world *world, enum fault_change kind, unsigned at, int error,
		   bool for_good)
{
	world->fault.scope = FAULT_CALLS;
	world->fault.fail_kind = kind;
	world->fault.changes = 0;
	world->fault.fail_at = at;
	world->fault.fail_error = error;
	world->fault.fail_for_good = for_good;
}

static void refuse_nothing(struct world *world)
{
	world->fault.fail_at = 0;
	world->fault.open_path = NULL;
	world->fault.open_error = 0;
}

static void put(struct world *world, unsigned number, size_t size, unsigned seed)
{
	expected_put(&world->expected, world->store, number, size, seed);
}

static void delete(struct world *world, unsigned number)
{
	expected_delete(&world->expected, world->store, number);
}

static void commit_only(struct world *world)
{
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
}

static void check(struct world *world)
{
	expected_check(&world->expected, world->store);
}

/* Finish what had failed, then check. */
static void check_repo(struct world *world)
{
	struct as_state state;
	as_get_state(world->store, &state);
	if (state.needs_recover)
		assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	if (state.dead)
		assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	check(world);
	assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_OK);
	check(world);
	close_store(world);
	expected_check_repo(&world->expected, world->path);
}

static struct as_state state_of(const struct world *world)
{
	struct as_state state;
	as_get_state(world->store, &state);
	return state;
}

static void path_of(const struct world *world, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/%.100s", world->path, name);
}

static bool is_there(const struct world *world, const char *name)
{
	char path[BUILDER_PATH];
	struct stat st;
	path_of(world, name, path);
	return lstat(path, &st) == 0;
}

static void flip(const struct world *world, const char *name, uint64_t offset)
{
	char path[BUILDER_PATH];
	path_of(world, name, path);
	builder_flip(path, offset, 1);
}

/* ---- changes without memory ---- */

static enum as_err put_first(struct world *world)
{
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	return as_put(world->store, key, sizeof(key), "x", 1, &world->error);
}

static enum as_err put_new(struct world *world)
{
	uint8_t key[BUILDER_KEY];
	builder_key(200, key);
	return as_put(world->store, key, sizeof(key), "x", 1, &world->error);
}

static enum as_err delete_first(struct world *world)
{
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	return as_delete(world->store, key, sizeof(key), &world->error);
}

/* Each segment of the log needs a row, or a compaction would miss it. */
static void expect_rows(const struct world *world)
{
	const struct listing *listing = &world->store->repo->listing;
	for (size_t i = 0; i < listing->count; i++)
		assert_non_null(hints_find(&world->store->hints, listing->segments[i].number));
}

/* Call number @at for memory fails: the change is made or not. False: there were fewer calls. */
static bool change_without(struct world *world, enum as_err (*change)(struct world *world),
			   unsigned at)
{
	begin_again(world);
	malloc_failures_arm(at, false);
	const enum as_err err = change(world);
	if (malloc_failures_disarm() < at) {
		assert_int_equal(err, AS_OK);
		return false;
	}
	if (err != AS_OK) {
		assert_int_equal(err, AS_ERR_MEMORY);
		assert_int_equal(world->error.code, AS_ERR_MEMORY);
		check(world);
		assert_false(state_of(world).dead);
		assert_int_equal(change(world), AS_OK);
	}
	expect_rows(world);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	check_repo(world);
	return true;
}

/* Each segment that a change begins needs a row, and the table is full. */
static void a_change_without_memory_is_not_made(void **state)
{
	struct world *world = *state;
	static enum as_err (*const changes[])(struct world *world) = {
		put_first, put_new, delete_first,
	};
	create(world, 100, 1);	/* a segment for each entry */
	for (unsigned i = 0; i < 14; i++)
		put(world, i, 10, i);
	commit_only(world);
	for (unsigned more = 14; more < 18; more++) {
		keep(world);
		for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
			for (unsigned at = 1; change_without(world, changes[i], at); at++)
				;
		begin_again(world);
		put(world, more, 10, more);
		commit_only(world);
		builder_remove_folder(world->kept);
	}
	check_repo(world);
}

static enum as_err put_numbered(struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	return as_put(world->store, key, sizeof(key), "x", 1, &world->error);
}

static void an_index_that_cannot_grow_refuses_the_put(void **state)
{
	struct world *world = *state;
	uint64_t length = 0;
	unsigned count = 0, refused = 0;
	create(world, 100, 1u << 20);
	assert_int_equal(put_numbered(world, count++), AS_OK);
	for (; count < 2000; count++) {
		malloc_failures_arm(1, true);
		enum as_err err = put_numbered(world, count);
		malloc_failures_disarm();
		if (err != AS_OK) {
			assert_int_equal(err, AS_ERR_MEMORY);
			refused++;
			assert_int_equal(as_len(world->store, &length, NULL), AS_OK);
			assert_int_equal(length, count);
			assert_int_equal(put_numbered(world, count), AS_OK);
		}
	}
	assert_true(refused > 0);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
	reopen(world);
	assert_int_equal(as_len(world->store, &length, NULL), AS_OK);
	assert_int_equal(length, count);
}

/* Remove the rows without live objects from the last transaction's hints. */
static void forget_dead_rows(struct world *world)
{
	struct hints usage = { .count = 0 };
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	const int fd = open(world->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(hints_load(&usage, &world->fault.io, fd, &dialect_attic, last), AS_OK);
	size_t kept = 0;
	for (size_t i = 0; i < usage.count; i++)
		if (usage.rows[i].live > 0)
			usage.rows[kept++] = usage.rows[i];
	usage.count = kept;
	struct permit *permit = io_grant_permit(&world->fault.io, fd, 0600);
	assert_int_equal(write_hints(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
	reopen(world);
}

/* Rows for segments that the hints do not list are added to those that they do. */
static void segments_unknown_to_the_hints_need_memory_too(void **state)
{
	struct world *world = *state;
	create(world, 100, 1);
	for (unsigned i = 0; i < 17; i++)
		put(world, i, 10, i);
	delete(world, 8);
	commit_only(world);
	forget_dead_rows(world);
	keep(world);
	for (unsigned at = 1; change_without(world, put_new, at); at++)
		;
}

static void a_listing_without_memory_lists_nothing(void **state)
{
	struct world *world = *state;
	uint8_t keys[4 * BUILDER_KEY];
	size_t count = 7;
	create(world, 100, 1000);
	put(world, 0, 10, 0);
	commit_only(world);
	reopen(world);		/* the index is read from the disk; a table needs no memory */
	malloc_failures_arm(1, true);
	assert_int_equal(as_list(world->store, NULL, 4, keys, &count, &world->error),
			 AS_ERR_MEMORY);
	malloc_failures_disarm();
	assert_int_equal(count, 0);
	assert_int_equal(as_list(world->store, NULL, 4, keys, &count, NULL), AS_OK);
	assert_int_equal(count, 1);
	commit_only(world);
	check_repo(world);
}

/* No hints are written, wherever memory runs out. */
static void hints_without_memory_are_not_written(void **state)
{
	struct world *world = *state;
	struct hints usage = { .count = 0 };
	unsigned refused = 0;
	create(world, 4, 1000);
	struct permit *permit = io_grant_permit(&world->fault.io, world->store->fd, 0600);
	for (uint32_t i = 0; i < 1500; i++)
		hints_add(&usage, 70000 + i)->is_compact = i % 2;
	/* The packer's buffer grows at another place with each row. */
	for (; usage.count > 400; usage.count--)
		for (unsigned at = 1; at < 3; at++) {
			malloc_failures_arm(at, false);
			const enum as_err err = write_hints(&usage, permit, 7);
			const bool was_reached = malloc_failures_disarm() >= at;
			assert_int_equal(err, was_reached ? AS_ERR_MEMORY : AS_OK);
			assert_int_equal(is_there(world, "hints.7"), !was_reached);
			assert_false(is_there(world, "hints.7.tmp"));
			io_remove_file(permit, "hints.7");
			refused += was_reached;
		}
	assert_true(refused > 1000);
	io_revoke_permit(permit);
	hints_free(&usage);
}

/* Several findings, and more options than the first buffer for their names holds. */
static void a_config_without_memory_is_not_judged(void **state)
{
	static const char text[] =
		"garbage\n[repository]\nversion = 2\nsegments_per_dir = x\nmax_segment_size = 0\n"
		"id = 0\na=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1\nn=1\n";
	size_t wanted = 0;
	unsigned refused = 0;
	bool was_reached = true;
	(void)state;
	for (unsigned at = 0; was_reached; at++) {	/* first without */
		struct config config;
		struct findings findings;
		findings_init(&findings);
		malloc_failures_arm(at, false);
		const enum as_err err = config_parse(text, strlen(text), &dialect_attic,
						    &config, &findings);
		was_reached = malloc_failures_disarm() >= at && (at == 0 || err != AS_OK);
		if (at == 0)
			wanted = findings.count;
		if (err == AS_OK)
			assert_int_equal(findings.count, wanted);
		else
			assert_int_equal(err, AS_ERR_MEMORY);
		refused += err != AS_OK;
		findings_free(&findings);
	}
	assert_true(wanted >= 5);
	assert_true(refused >= 2);
}

/* ---- creating ---- */

static void expect_not_created(struct world *world, enum as_err err, const char *text)
{
	struct stat st;
	assert_int_equal(store_create(world->path, NULL, &world->fault.io, &world->error), err);
	if (!strstr(world->error.message, text))
		fail_msg("%s", world->error.message);
	assert_int_equal(lstat(world->path, &st), -1);
}

static void a_failed_create_leaves_nothing(void **state)
{
	struct world *world = *state;
	const struct as_settings absurd = { .max_segment_size = 0x80000000u };
	assert_int_equal(store_create(world->path, &absurd, &world->fault.io, NULL),
			 AS_ERR_USAGE);
	has_no_random = true;
	expect_not_created(world, AS_ERR_IO, "no random id");
	has_no_random = false;
	refuse(world, FAULT_LIST, 1, EIO, false);
	expect_not_created(world, AS_ERR_IO, "cannot make it");
	refuse(world, FAULT_OPEN, 1, EIO, false);
	expect_not_created(world, AS_ERR_IO, "cannot make it");
	refuse_nothing(world);
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	check_repo(world);
}

static void a_repository_can_be_created_where_the_parent_cannot_be_read(void **state)
{
	struct world *world = *state;
	world->fault.open_path = "..";
	world->fault.open_error = EACCES;
	create(world, 4, 1000);
	refuse_nothing(world);
	put(world, 1, 10, 1);
	check_repo(world);
}

/* As early in the boot, or where a filter forbids the call. */
static void without_random_numbers_keys_are_still_found(void **state)
{
	struct world *world = *state;
	struct key_hash one = { { 0 } }, other = { { 0 } };
	create(world, 4, 1000);
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 10, i);
	has_no_random = true;
	key_hash_draw(&one);
	key_hash_draw(&other);
	assert_memory_not_equal(&one, &other, sizeof(one));
	for (unsigned i = 1; i < KEY_WORDS + 1; i++)
		assert_true(one.seed[i] != one.seed[i - 1]);
	check_repo(world);
}

/* ---- reading ---- */

static enum as_err get(struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	builder_key(number, key);
	const enum as_err err = as_get(world->store, key, sizeof(key), &value, &size,
				       &world->error);
	if (err != AS_OK)
		assert_null(value);
	free(value);
	return err;
}

/* A fresh PUT lies in memory, and is written before it is read. */
static void an_object_that_cannot_be_written_yet_cannot_be_read_yet(void **state)
{
	struct world *world = *state;
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	refuse(world, FAULT_WRITE, 1, ENOSPC, true);
	assert_int_equal(get(world, 1), AS_ERR_NO_SPACE);
	assert_non_null(strstr(world->error.message, "data/0/0: cannot write segment 0"));
	refuse_nothing(world);
	assert_int_equal(get(world, 1), AS_OK);
	check_repo(world);
}

static void a_folder_in_place_of_a_segment_is_named(void **state)
{
	struct world *world = *state;
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	commit_only(world);
	reopen(world);
	world->fault.open_path = "data/0/0";
	world->fault.open_error = ENOMEM;
	assert_int_equal(get(world, 1), AS_ERR_MEMORY);
	assert_int_equal(world->error.sys, 0);
	refuse_nothing(world);
	scratch_run("cd '%s' && mv data/0/0 aside && mkdir data/0/0", world->path);
	assert_int_equal(get(world, 1), AS_ERR_INTEGRITY);
	assert_non_null(strstr(world->error.message, "data/0/0: segment 0 (wanted at offset 8)"));
	assert_int_equal(world->error.damage, AS_DAMAGE_MISSING);
	scratch_run("cd '%s' && rmdir data/0/0 && mv aside data/0/0", world->path);
	check_repo(world);
}

/* The index leads to a DELETE, to a COMMIT, and to an object with another key. */
static void an_entry_that_is_not_a_put_of_the_key_is_not_returned(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	create(world, 4, 1000);
	put(world, 1, 10, 1);			/* at 8 */
	put(world, 2, 10, 2);			/* at 59 */
	put(world, 3, 10, 3);			/* at 110 */
	delete(world, 3);			/* at 161 */
	commit_only(world);			/* at 202 */
	put(world, 4, 10, 4);
	builder_key(1, key);
	assert_true(index_table_get(world->store->table, key, &segment, &offset));
	static const uint32_t places[] = { 59, 202 };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		index_table_put(world->store->table, key, 0, places[i]);
		assert_int_equal(get(world, 1), AS_ERR_INTEGRITY);
		assert_int_equal(world->error.offset, places[i]);
		assert_int_equal(world->error.damage, AS_DAMAGE_ENTRY_HEADER);
	}
	index_table_put(world->store->table, key, segment, offset);
	builder_key(3, key);
	index_table_put(world->store->table, key, 0, 161);
	assert_int_equal(get(world, 3), AS_ERR_INTEGRITY);
	assert_int_equal(world->error.offset, 161);
	index_table_remove(world->store->table, key);
	check_repo(world);
}

static void a_descriptor_that_fails_is_opened_again(void **state)
{
	struct world *world = *state;
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	commit_only(world);
	assert_int_equal(get(world, 1), AS_OK);
	refuse(world, FAULT_ASK, 1, EIO, false);
	const unsigned opens = world->fault.opens;
	assert_int_equal(get(world, 1), AS_OK);
	assert_int_equal(world->fault.opens, opens + 1);
	refuse_nothing(world);
	check_repo(world);
}

static int count_keys(void *context, const uint8_t key[AS_KEY_SIZE])
{
	(void)key;
	++*(unsigned *)context;
	return 0;
}

/* Half a listing would look like a whole one. */
static void an_incomplete_listing_is_an_error(void **state)
{
	struct world *world = *state;
	static uint8_t keys[200 * BUILDER_KEY];
	unsigned seen = 0;
	size_t count;
	create(world, 4, 1000);
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 10, i);
	commit_only(world);
	reopen(world);
	world->fault.bad_offset = (off_t)index_bucket_offset(300) + 7;
	world->fault.bad_length = 40;
	assert_int_equal(as_each_key(world->store, count_keys, &seen, &world->error), AS_ERR_IO);
	assert_true(seen > 0 && seen < 100);
	assert_int_equal(as_list(world->store, NULL, 200, keys, &count, NULL), AS_ERR_IO);
	assert_int_equal(count, 0);
	world->fault.bad_length = 0;
	check_repo(world);
}

/* Full, and larger than a look-up walks. */
static void an_index_with_endless_probing_is_an_error_of_the_index(void **state)
{
	struct world *world = *state;
	const uint32_t buckets = INDEX_PROBES_MAX + 1;
	const size_t size = (size_t)index_bucket_offset(buckets);
	uint8_t *image = calloc(1, size);
	char path[BUILDER_PATH];
	bool found;
	assert_non_null(image);
	create(world, 4, 1000);
	put(world, 2, 10, 2);
	put(world, 1, 10, 1);
	commit_only(world);
	close_store(world);
	index_encode_header(&dialect_attic, 2, buckets, image);
	for (uint32_t i = 0; i < buckets; i++) {
		builder_key(2, image + index_bucket_offset(i));
		put_u32le(image + index_bucket_offset(i) + 36, 8);	/* segment 0, offset 8 */
	}
	path_of(world, "index.0", path);
	builder_write_file(path, image, size);
	free(image);
	reopen(world);
	assert_int_equal(get(world, 1), AS_ERR_INDEX);
	assert_non_null(strstr(world->error.message, "index.0: "));
	assert_int_equal(world->error.sys, 0);
	uint8_t key[BUILDER_KEY];
	builder_key(1, key);
	assert_int_equal(as_contains(world->store, key, sizeof(key), &found, NULL), AS_ERR_INDEX);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_OK);
	check_repo(world);
}

/* ---- other processes ---- */

/* Another process removes each segment and each old index just before the store does. */
static void remove_before(void *context, enum fault_change kind, const char *path)
{
	const struct world *world = context;
	char whole[BUILDER_PATH];
	if (kind != FAULT_REMOVE || strcmp(path, "index.tmp") == 0)
		return;
	path_of(world, path, whole);
	unlink(whole);
}

static void files_removed_meanwhile_do_no_harm(void **state)
{
	struct world *world = *state;
	create(world, 4, 100);
	for (unsigned i = 0; i < 12; i++)
		put(world, i, 100, i);
	commit_only(world);
	world->fault.watch_context = world;
	world->fault.watch = remove_before;
	for (unsigned i = 0; i < 12; i += 2)
		delete(world, i);
	assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_OK);
	check(world);
	const struct expected_store committed = world->expected;
	for (unsigned i = 20; i < 25; i++)
		put(world, i, 100, i);
	world->expected = committed;
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	check_repo(world);
}

static void a_tail_removed_meanwhile_is_rolled_back(void **state)
{
	struct world *world = *state;
	create(world, 4, 100);
	put(world, 1, 10, 1);
	commit_only(world);
	const struct expected_store committed = world->expected;
	for (unsigned i = 20; i < 25; i++)
		put(world, i, 100, i);
	refuse(world, FAULT_REMOVE, 1, EACCES, true);
	close_store(world);
	refuse_nothing(world);
	world->expected = committed;
	reopen(world);
	assert_true(state_of(world).needs_rollback);
	world->fault.watch_context = world;
	world->fault.watch = remove_before;
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	check_repo(world);
}

/* ---- failures after a change ---- */

static void a_first_put_that_cannot_be_undone_kills_the_transaction(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY], *value = expected_value(LARGE, 1);
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	commit_only(world);
	builder_key(2, key);
	/* The segment is made, and can be neither written to nor removed. */
	refuse(world, FAULT_ANY, 2, EIO, true);
	world->fault.scope = FAULT_CHANGES;
	assert_int_equal(as_put(world->store, key, sizeof(key), value, LARGE, &world->error),
			 AS_ERR_IO);
	free(value);
	assert_true(state_of(world).dead);
	assert_true(state_of(world).in_transaction);
	assert_true(is_there(world, "data/0/1"));
	check(world);
	refuse_nothing(world);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	assert_false(is_there(world, "data/0/1"));
	put(world, 2, 10, 2);
	check_repo(world);
}

static void emptied_segments_that_stayed_are_removed_by_the_next_commit(void **state)
{
	struct world *world = *state;
	struct as_report report;
	create(world, 4, 100);
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 100, i);
	commit_only(world);
	delete(world, 2);
	refuse(world, FAULT_REMOVE, 1, EACCES, true);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_DENIED);
	assert_non_null(strstr(world->error.message, "data/0/2: cannot remove"));
	assert_true(report.committed);
	assert_true(report.indexed);
	assert_int_equal(report.segments_left, 2);
	assert_true(is_there(world, "data/0/2"));
	/* The next one reports it again, leaves one more, and does not empty them a second time. */
	put(world, 7, 10, 7);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_DENIED);
	assert_true(report.indexed);
	assert_int_equal(report.segments_left, 3);
	assert_int_equal(report.entries_copied, 0);
	refuse_nothing(world);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_OK);
	assert_true(report.committed);
	assert_int_equal(report.segments_left, 0);
	assert_true(report.segments_compacted > 0);
	assert_false(is_there(world, "data/0/2"));
	check_repo(world);
}

/* Its segment is neither in the log nor in the hints. */
static void an_object_in_no_segment_can_be_overwritten(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	create(world, 4, 1000);
	for (unsigned i = 0; i < 4; i++)
		put(world, i, 10, i);
	commit_only(world);
	put(world, 5, 10, 5);
	builder_key(1, key);
	index_table_put(world->store->table, key, 300, 8);
	assert_int_equal(get(world, 1), AS_ERR_INTEGRITY);
	put(world, 1, 20, 9);
	check(world);
	commit_only(world);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_OK);
	check_repo(world);
}

/* ---- compactions ---- */

/* Many segments with space to free: small objects, others, and a large one. */
static void fill_sparse(struct world *world)
{
	create(world, 4, 1000);
	for (unsigned i = 0; i < 80; i++)
		put(world, i, 10, i);
	put(world, 190, 10, 190);	/* in the segment of the large one */
	put(world, 80, LARGE, 80);
	for (unsigned i = 81; i < 180; i++)
		put(world, i, 100, i);
	commit_only(world);
	for (unsigned i = 0; i < 180; i += 5)
		if (i != 80)
			delete(world, i);
	delete(world, 190);
	put(world, 79, 20, 1);
	put(world, 81, 20, 1);
	commit_only(world);
}

static void *damage_none(struct world *world)
{
	(void)world;
	return NULL;
}

/* In the first segment, which then stays: DELETEs of its objects are carried over. */
static void *damage_first(struct world *world)
{
	flip(world, "data/0/0", 8 + 51 + 45);
	return world;
}

static void mend(struct world *world, const void *damaged)
{
	if (damaged)
		damage_first(world);
}

/* What damage or a refusal kept from being compacted is compacted later. */
static void expect_compacted(struct world *world, const void *damaged)
{
	struct as_report report;
	if (state_of(world).needs_recover) {
		mend(world, damaged);
		assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
		damaged = NULL;
	}
	mend(world, damaged);
	check(world);
	reopen(world);
	if (state_of(world).needs_rollback)
		assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	if (state_of(world).needs_recover)
		assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_int_equal(report.segments_skipped, 0);
	check_repo(world);
}

static bool compact_without(struct world *world, void *(*damage)(struct world *world), unsigned at,
			    bool for_good)
{
	struct as_report report;
	begin_again(world);
	const void *damaged = damage(world);
	malloc_failures_arm(at, for_good);
	const enum as_err err = as_compact(world->store, &report, &world->error);
	const bool was_reached = malloc_failures_disarm() >= at;
	if (err != AS_OK)
		assert_int_equal(err, AS_ERR_MEMORY);
	assert_true(report.segments_skipped <= (damaged != NULL));
	expect_compacted(world, damaged);
	return was_reached;
}

static void a_compaction_without_memory_loses_nothing(void **state)
{
	struct world *world = *state;
	fill_sparse(world);
	keep(world);
	for (unsigned at = 1; compact_without(world, damage_none, at, false); at++)
		;
	for (unsigned at = 1; compact_without(world, damage_first, at, false); at++)
		;
	for (unsigned at = 1; compact_without(world, damage_first, at, true); at++)
		;
}

/* A failing call of @kind skips one segment, or ends the compaction. */
static bool compact_refused(struct world *world, void *(*damage)(struct world *world),
			    enum fault_change kind, unsigned at, int error)
{
	struct as_report report;
	begin_again(world);
	const void *damaged = damage(world);
	refuse(world, kind, at, error, false);
	const enum as_err err = as_compact(world->store, &report, &world->error);
	const bool was_reached = world->fault.changes >= at;
	refuse_nothing(world);
	if (err != AS_OK)
		assert_true(world->error.message[0] != '\0');
	expect_compacted(world, damaged);
	return was_reached;
}

static void a_compaction_that_cannot_read_something_loses_nothing(void **state)
{
	struct world *world = *state;
	fill_sparse(world);
	keep(world);
	for (unsigned at = 1; compact_refused(world, damage_none, FAULT_READ, at, EIO); at++)
		;
	for (unsigned at = 1; compact_refused(world, damage_none, FAULT_OPEN, at, ENOMEM); at++)
		;
	for (unsigned at = 1; compact_refused(world, damage_first, FAULT_OPEN, at, EACCES); at++)
		;
}

/* A compaction that leaves segment 0 as it is. */
static void expect_skipped(struct world *world, enum as_err err, const char *text)
{
	struct as_report report;
	const enum as_err compacted = as_compact(world->store, &report, &world->error);
	if (compacted != AS_OK)
		fail_msg("%s", world->error.message);
	assert_int_equal(report.segments_skipped, 1);
	assert_int_equal(report.skipped.code, err);
	if (!strstr(report.skipped.message, text))
		fail_msg("%s", report.skipped.message);
	assert_true(report.segments_compacted > 0);
}

/* Without its index the store holds the same: no DELETE was dropped that a remaining entry needs.
 */
static void expect_deletes_kept(struct world *world)
{
	close_store(world);
	scratch_run("rm '%s'/index.* '%s'/hints.*", world->path, world->path);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check_repo(world);
}

static void a_segment_that_cannot_be_opened_is_skipped_and_its_deletes_stay(void **state)
{
	struct world *world = *state;
	static const struct { int sys; enum as_err err; } refusals[] = {
		{ EIO, AS_ERR_IO }, { EACCES, AS_ERR_DENIED }, { ELOOP, AS_ERR_NOT_REGULAR },
	};
	fill_sparse(world);
	keep(world);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		begin_again(world);
		world->fault.open_path = "data/0/0";
		world->fault.open_error = refusals[i].sys;
		expect_skipped(world, refusals[i].err, "data/0/0: cannot read segment 0");
		refuse_nothing(world);
		check(world);
		expect_deletes_kept(world);
	}
}

static void a_missing_segment_with_live_objects_is_skipped(void **state)
{
	struct world *world = *state;
	fill_sparse(world);
	put(world, 200, 10, 200);
	scratch_run("mv '%s/data/0/0' '%s/aside'", world->path, world->path);
	commit_only(world);
	expect_skipped(world, AS_ERR_DOES_NOT_EXIST, "data/0/0: cannot read segment 0");
	scratch_run("mkdir -p '%s/data/0' && mv '%s/aside' '%s/data/0/0'", world->path,
		    world->path, world->path);
	check(world);
	reopen(world);
	check(world);
}

/* They held nothing live, and their folder is gone as well. */
static void missing_segments_without_live_objects_are_forgotten(void **state)
{
	struct world *world = *state;
	struct as_report report;
	create(world, 4, 100);
	for (unsigned i = 0; i < 20; i++)
		put(world, i, 100, i);
	commit_only(world);
	for (unsigned i = 0; i < 8; i++)
		delete(world, i);
	commit_only(world);
	scratch_run("rm -r '%s/data/0' && rm '%s/data/1/5'", world->path, world->path);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_int_equal(report.segments_skipped, 0);
	check_repo(world);
}

/* Entries may hide behind an entry with a wrong size: any key can come back. */
static void every_delete_stays_when_damage_has_no_known_end(void **state)
{
	struct world *world = *state;
	fill_sparse(world);
	delete(world, 3);
	commit_only(world);
	flip(world, "data/0/0", 8 + 51 * 3 + 6);
	expect_skipped(world, AS_ERR_INTEGRITY, "data/0/0: segment 0, offset 161");
	flip(world, "data/0/0", 8 + 51 * 3 + 6);
	check(world);
	expect_deletes_kept(world);
}

/* The index leads to another object's place. */
static void a_segment_without_an_indexed_object_is_skipped(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset, old_segment, old_offset;
	fill_sparse(world);
	put(world, 200, 10, 200);
	struct index_table *table = world->store->table;
	builder_key(2, key);
	assert_true(index_table_get(table, key, &segment, &offset));
	builder_key(1, key);
	assert_true(index_table_get(table, key, &old_segment, &old_offset));
	assert_int_equal(segment, 0);
	assert_int_equal(old_segment, 0);
	index_table_put(table, key, segment, offset);
	commit_only(world);
	expect_skipped(world, AS_ERR_INTEGRITY,
		       "data/0/0: segment 0 should hold 16 live objects, and holds 15");
	assert_true(is_there(world, "data/0/0"));
	index_table_put(world->store->table, key, old_segment, old_offset);
	check(world);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	check_repo(world);
}

/* Copying a DELETE from one segment into the next, again and again, would gain nothing. */
static void a_delete_that_is_needed_stays_where_it_is(void **state)
{
	struct world *world = *state;
	struct as_report report;
	create(world, 4, 1000);
	for (unsigned i = 0; i < 4; i++)
		put(world, i, 100, i);
	commit_only(world);
	delete(world, 3);
	commit_only(world);		/* segment 1: the DELETE, and the COMMIT */
	put(world, 5, 10, 5);
	commit_only(world);
	flip(world, "data/0/0", 100);
	for (unsigned i = 0; i < 3; i++) {
		const unsigned before = world->fault.changes;
		assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
		assert_int_equal(report.segments_skipped, 1);
		assert_int_equal(report.bytes_copied, 0);
		assert_false(report.committed);
		assert_true(is_there(world, "data/0/1"));
		assert_true(i == 0 || world->fault.changes - before < 20);
	}
	flip(world, "data/0/0", 100);
	expect_deletes_kept(world);
}

/* Half of a segment is copied into the next when the rest cannot be read, and the copies cannot be
 * removed either. */
static void copies_that_cannot_be_removed_end_the_compaction(void **state)
{
	struct world *world = *state;
	struct as_state before;
	create(world, 100, 1300);
	for (unsigned i = 0; i < 20; i++)
		put(world, i, 300, i);	/* four to a segment */
	commit_only(world);
	for (unsigned i = 0; i < 20; i += 4)
		delete(world, i);
	commit_only(world);
	before = state_of(world);
	reopen(world);
	/* Three from segment 0, two from segment 1 (the second begins another), then damage. */
	flip(world, "data/0/1", 8 + 3 * 341 + 100);
	refuse(world, FAULT_REMOVE, 2, EACCES, true);	/* the first one is index.tmp */
	assert_int_equal(as_compact(world->store, NULL, &world->error), AS_ERR_IO);
	assert_non_null(strstr(world->error.message, "cannot take back what was copied"));
	assert_true(state_of(world).dead);
	refuse_nothing(world);
	flip(world, "data/0/1", 8 + 3 * 341 + 100);
	check(world);
	reopen(world);
	assert_int_equal(state_of(world).transaction, before.transaction);
	assert_false(state_of(world).needs_rollback);	/* closing removed them */
	check(world);
	assert_int_equal(as_compact(world->store, NULL, &world->error), AS_OK);
	check_repo(world);
}

/* ---- recovering ---- */

/* Many entries in a segment, and old indexes with something to replay after them. */
static void fill_behind_indexes(struct world *world)
{
	create(world, 4, 20000);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 150; i++)
			put(world, i + round * 30, 10, i + round);
		delete(world, round);
		commit_only(world);
		if (round < 2)
			scratch_run("cp '%s'/index.* '%s'/hints.* '%s'", world->path, world->path,
				    world->scratch->path);
	}
	close_store(world);
	scratch_run("cd '%s' && rm index.* hints.* && mv ../index.* ../hints.* .", world->path);
}

/* A recovery that fails leaves everything for the next. */
static void expect_recovered(struct world *world, enum as_err err, bool was_refused)
{
	if (!was_refused)
		assert_int_equal(err, AS_OK);
	if (err != AS_OK)
		assert_true(world->error.message[0] != '\0');
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check_repo(world);
}

static bool recover_without(struct world *world, int flags, unsigned at)
{
	begin_again(world);
	malloc_failures_arm(at, false);
	const enum as_err err = as_recover(world->store, flags, &world->error);
	const bool was_reached = malloc_failures_disarm() >= at;
	assert_true(err == AS_OK || err == AS_ERR_MEMORY);
	expect_recovered(world, err, was_reached);
	return was_reached;
}

static void a_recovery_without_memory_can_be_repeated(void **state)
{
	struct world *world = *state;
	fill_behind_indexes(world);
	keep(world);
	for (unsigned at = 1; recover_without(world, 0, at); at++)
		;
	for (unsigned at = 1; recover_without(world, AS_FULL, at); at++)
		;
}

static bool recover_refused(struct world *world, int flags, enum fault_change kind, unsigned at)
{
	begin_again(world);
	refuse(world, kind, at, EIO, false);
	const enum as_err err = as_recover(world->store, flags, &world->error);
	const bool was_reached = world->fault.changes >= at;
	refuse_nothing(world);
	expect_recovered(world, err, was_reached);
	return was_reached;
}

static void a_recovery_that_cannot_read_something_can_be_repeated(void **state)
{
	struct world *world = *state;
	static const enum fault_change kinds[] = { FAULT_READ, FAULT_OPEN, FAULT_LIST };
	fill_behind_indexes(world);
	keep(world);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (unsigned at = 1; recover_refused(world, 0, kinds[i], at); at++)
			;
		for (unsigned at = 1; recover_refused(world, AS_FULL, kinds[i], at); at++)
			;
	}
}

/* Enough that the index grows while the log is replayed. */
static void a_recovery_whose_index_cannot_grow_can_be_repeated(void **state)
{
	struct world *world = *state;
	unsigned refused = 0;
	bool was_reached = true;
	create(world, 4, 1u << 20);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(put_numbered(world, i), AS_OK);
	commit_only(world);
	close_store(world);
	scratch_run("rm '%s'/index.* '%s'/hints.*", world->path, world->path);
	keep(world);
	for (unsigned at = 1; was_reached; at++) {
		uint64_t length;
		begin_again(world);
		malloc_failures_arm(at, false);
		const enum as_err err = as_recover(world->store, 0, &world->error);
		was_reached = malloc_failures_disarm() >= at;
		refused += err != AS_OK;
		if (err != AS_OK) {
			assert_int_equal(err, AS_ERR_MEMORY);
			assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
		}
		assert_int_equal(as_len(world->store, &length, NULL), AS_OK);
		assert_int_equal(length, 2000);
	}
	assert_true(refused > 5);
}

static int stop_at_once(void *context)
{
	(void)context;
	return 1;
}

static void a_recovery_can_be_stopped(void **state)
{
	struct world *world = *state;
	fill_behind_indexes(world);
	world->options.interrupt = stop_at_once;
	reopen(world);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_CANCELLED);
	world->options.interrupt = NULL;
	reopen(world);
	assert_true(state_of(world).needs_recover);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	check_repo(world);
}

/* Write index and hints as if @transaction held one object more than it does. */
static void write_phantom(struct world *world, uint32_t transaction)
{
	struct as_store *store = world->store;
	uint8_t key[BUILDER_KEY];
	builder_key(250, key);
	index_table_put(store->table, key, 0, 8);
	hints_find(&store->hints, 0)->live++;
	const struct index_files files = {
		.dialect = &dialect_attic, .table = store->table, .hints = &store->hints,
		.transaction = transaction,
	};
	char name[INDEX_FILES_NAME];
	assert_int_equal(index_files_write(&files, store->permit, name), AS_OK);
}

/* Names that only look like an index, an index that is too new, and one of a segment without a
 * COMMIT: none of them is used. */
static void an_index_that_does_not_fit_the_log_is_not_used(void **state)
{
	struct world *world = *state;
	static const char *const names[] = {
		"index.!", "index.a", "index.0x", "index.99999999999", "hints.99999999999",
	};
	char path[BUILDER_PATH];
	create(world, 4, 1000);
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 100, i);
	commit_only(world);
	const uint32_t first = state_of(world).transaction;
	assert_true(first > 1);
	write_phantom(world, first - 1);
	close_store(world);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_of(world, names[i], path);
		builder_write_file(path, "x", 1);
	}
	scratch_run("cd '%s' && rm index.%u hints.%u", world->path, first, first);
	reopen(world);
	assert_true(state_of(world).needs_recover);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(is_there(world, names[i]), i < 3);
	scratch_run("cd '%s' && rm index.! index.a index.0x", world->path);
	check_repo(world);
}

/* Hints that count the objects of one segment to another with the same number. */
static void hints_of_another_segment_are_not_used(void **state)
{
	struct world *world = *state;
	struct hints usage = { .count = 0 };
	create(world, 4, 100000);
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit_only(world);
	scratch_run("cp '%s/index.0' '%s'", world->path, world->scratch->path);
	put(world, 3, 20, 3);
	delete(world, 4);
	commit_only(world);
	close_store(world);
	scratch_run("cd '%s' && rm index.* hints.* && mv ../index.0 .", world->path);
	const int fd = open(world->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	hints_add(&usage, 300)->live = 10;
	struct permit *permit = io_grant_permit(&world->fault.io, fd, 0600);
	assert_int_equal(write_hints(&usage, permit, 0), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check_repo(world);
}

static void a_recovery_waits_for_the_end_of_the_transaction(void **state)
{
	struct world *world = *state;
	create(world, 4, 1000);
	put(world, 1, 10, 1);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_USAGE);
	assert_int_equal(as_compact(world->store, NULL, &world->error), AS_ERR_USAGE);
	refuse(world, FAULT_SYNC, 1, EIO, false);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_IO);
	refuse_nothing(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_USAGE);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[1].is_there = false;
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);	/* nothing is left */
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	put(world, 2, 10, 2);
	check_repo(world);
}

int main(void)
{
	/* Some know the segments or the bytes of Attic. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BOTH(name) TEST(name), { "Borg: " #name, name, setup_borg, teardown, NULL }
	const struct CMUnitTest tests[] = {
		BOTH(a_change_without_memory_is_not_made),
		BOTH(an_index_that_cannot_grow_refuses_the_put),
		BOTH(a_listing_without_memory_lists_nothing),
		TEST(segments_unknown_to_the_hints_need_memory_too),
		TEST(hints_without_memory_are_not_written),
		TEST(a_config_without_memory_is_not_judged),
		TEST(a_failed_create_leaves_nothing),
		BOTH(a_repository_can_be_created_where_the_parent_cannot_be_read),
		BOTH(without_random_numbers_keys_are_still_found),
		BOTH(an_object_that_cannot_be_written_yet_cannot_be_read_yet),
		BOTH(a_folder_in_place_of_a_segment_is_named),
		TEST(an_entry_that_is_not_a_put_of_the_key_is_not_returned),
		BOTH(a_descriptor_that_fails_is_opened_again),
		BOTH(an_incomplete_listing_is_an_error),
		TEST(an_index_with_endless_probing_is_an_error_of_the_index),
		BOTH(files_removed_meanwhile_do_no_harm),
		BOTH(a_tail_removed_meanwhile_is_rolled_back),
		TEST(a_first_put_that_cannot_be_undone_kills_the_transaction),
		TEST(emptied_segments_that_stayed_are_removed_by_the_next_commit),
		BOTH(an_object_in_no_segment_can_be_overwritten),
		BOTH(a_compaction_without_memory_loses_nothing),
		BOTH(a_compaction_that_cannot_read_something_loses_nothing),
		BOTH(a_segment_that_cannot_be_opened_is_skipped_and_its_deletes_stay),
		TEST(a_missing_segment_with_live_objects_is_skipped),
		BOTH(missing_segments_without_live_objects_are_forgotten),
		BOTH(every_delete_stays_when_damage_has_no_known_end),
		BOTH(a_segment_without_an_indexed_object_is_skipped),
		BOTH(a_delete_that_is_needed_stays_where_it_is),
		BOTH(copies_that_cannot_be_removed_end_the_compaction),
		BOTH(a_recovery_without_memory_can_be_repeated),
		BOTH(a_recovery_that_cannot_read_something_can_be_repeated),
		BOTH(a_recovery_whose_index_cannot_grow_can_be_repeated),
		BOTH(a_recovery_can_be_stopped),
		BOTH(an_index_that_does_not_fit_the_log_is_not_used),
		TEST(hints_of_another_segment_are_not_used),
		BOTH(a_recovery_waits_for_the_end_of_the_transaction),
	};
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
