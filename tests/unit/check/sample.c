#include "build-config.h"

#include "tests/unit/check/sample.h"
#include "tests/support/write_hints.h"


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

void world_new(struct world *world)
{
	uint8_t key[BUILDER_KEY];
	*world = (struct world){ .io = &io_system, .writer_fd = -1 };
	builder_make_folder(world->folder);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->folder);
	world->builder = builder_new(world->path, 4, 1500);
	for (unsigned i = 0; i < OBJECTS; i++) {
		builder_key(i, key);
		builder_put_some(world->builder, key, 300);
	}
	builder_transaction(world->builder);
	builder_key(3, key);
	builder_delete(world->builder, key);
	builder_key(4, key);
	builder_put_some(world->builder, key, 310);
	builder_transaction(world->builder);
	for (unsigned i = OBJECTS; i < OBJECTS + 2; i++) {
		builder_key(i, key);
		builder_put_some(world->builder, key, 300);
	}
	builder_commit(world->builder);
	char path[BUILDER_PATH], name[32];
	snprintf(name, sizeof(name), "index.%u", builder_head(world->builder));
	for (unsigned i = 0; i < builder_head(world->builder); i++) {
		snprintf(name, sizeof(name), "index.%u", i);
		builder_path(world->builder, name, path);
		unlink(path);
		snprintf(name, sizeof(name), "hints.%u", i);
		builder_path(world->builder, name, path);
		unlink(path);
	}
	builder_write_index(world->builder, builder_head(world->builder), BUCKETS);
	builder_write_hints(world->builder, builder_head(world->builder));
}

void world_judge(struct world *world, unsigned threads)
{
	const struct repo_options options = { .no_lock = true, .io = world->io };
	struct verify_progress progress = { 0 };
	struct as_error error;
	assert_int_equal(repo_open(world->path, &options, &world->repo, &error), AS_OK);
	if (world->between)
		world->between(world);
	assert_int_equal(verify_run(world->repo, threads, &progress, &world->verify), AS_OK);
	assert_true(world->verify->complete);
	diagnose(world->repo, world->verify, &world->diagnosis);
}

void world_forget(struct world *world)
{
	verify_free(world->verify);
	repo_close(world->repo);
	world->verify = NULL;
	world->repo = NULL;
}

void world_free(struct world *world)
{
	if (world->repo)
		world_forget(world);
	if (world->writer_fd >= 0)
		close(world->writer_fd);
	builder_free(world->builder);
	builder_remove_folder(world->folder);
}

uint64_t found(const struct world *world, enum problem problem)
{
	return world->verify->findings.total[problem];
}

const struct finding *finding_row(const struct world *world, enum problem problem)
{
	for (size_t i = 0; i < world->verify->findings.count; i++)
		if (world->verify->findings.rows[i].problem == problem)
			return &world->verify->findings.rows[i];
	return NULL;
}

const char *path_of(const struct world *world, const char *format, ...)
{
	static char path[BUILDER_PATH];
	char name[64];
	va_list args;
	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	builder_path(world->builder, name, path);
	return path;
}

const char *index_path(const struct world *world)
{
	return path_of(world, "index.%u", builder_head(world->builder));
}

const char *hints_path(const struct world *world)
{
	return path_of(world, "hints.%u", builder_head(world->builder));
}

const char *put_path(const struct world *world, unsigned number, uint32_t *segment,
		     uint32_t *offset)
{
	static char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	assert_true(builder_find(world->builder, key, segment, offset));
	builder_segment_path(world->builder, *segment, path);
	return path;
}

void read_bytes(const char *path, uint64_t offset, void *out, size_t len)
{
	const int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, out, len, (off_t)offset), (ssize_t)len);
	close(fd);
}

uint64_t bucket_of(const struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY], bucket[40];
	builder_key(number, key);
	for (uint64_t at = 18; at < 18 + BUCKETS * 40; at += 40) {
		read_bytes(index_path(world), at, bucket, sizeof(bucket));
		if (memcmp(bucket, key, BUILDER_KEY) == 0)
			return at;
	}
	fail_msg("object %u is not in the index", number);
	return 0;
}

uint64_t empty_bucket(const struct world *world)
{
	uint8_t bucket[40];
	for (uint64_t at = 18; at < 18 + BUCKETS * 40; at += 40) {
		read_bytes(index_path(world), at, bucket, sizeof(bucket));
		if (memcmp(bucket + 32, "\xff\xff\xff\xff", 4) == 0)
			return at;
	}
	fail_msg("the index is full");
	return 0;
}

void rewrite_config(const struct world *world, const char *text)
{
	builder_write_file(path_of(world, "config"), text, strlen(text));
}

void copy_file(const char *from, const char *to)
{
	struct stat st;
	assert_int_equal(stat(from, &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	read_bytes(from, 0, bytes, (size_t)st.st_size);
	builder_write_file(to, bytes, (size_t)st.st_size);
	free(bytes);
}

const char *copy_of(const char *path)
{
	static char copy[BUILDER_PATH];
	snprintf(copy, sizeof(copy), "%s", path);
	return copy;
}

void patch_put(const struct world *world, unsigned number, uint32_t at, const void *bytes,
	       size_t len)
{
	uint32_t segment, offset;
	const char *path = put_path(world, number, &segment, &offset);
	builder_patch(path, offset + at, bytes, len);
}

void segment_missing(struct world *w) { unlink(path_of(w, "data/0/1")); }

/* Nobody knows whether the newest segment ends in a COMMIT: that is neither a damaged COMMIT nor a
 * tail. */
void last_segment_unreadable(struct world *w)
{
	static char path[64];
	snprintf(path, sizeof(path), "data/%u/%u", builder_head(w->builder) / 4,
		 builder_head(w->builder));
	w->fault.open_path = path;
	w->fault.open_error = EACCES;
	w->io = &w->fault.io;
}

void crc(struct world *w) { patch_put(w, 7, 100, "????", 4); }

void zeros(struct world *w)
{
	uint32_t segment, offset;
	const char *path = put_path(w, 7, &segment, &offset);
	builder_zero(path, offset, 341);
}

void delete_lost(struct world *w)
{
	/* The DELETE of object 3 is the first entry behind the first transaction. */
	uint8_t bytes[41];
	for (unsigned segment = 0; segment <= builder_head(w->builder); segment++) {
		char path[BUILDER_PATH];
		builder_segment_path(w->builder, segment, path);
		struct stat st;
		if (stat(path, &st) != 0 || st.st_size < 49)
			continue;
		read_bytes(path, 8, bytes, sizeof(bytes));
		if (bytes[8] == BUILDER_DELETE) {
			builder_flip(path, 8 + 20, 1);
			return;
		}
	}
	fail_msg("no DELETE at the beginning of a segment");
}

void add_tail(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	builder_key(700, key);
	builder_put_some(w->builder, key, 100);
	builder_close_segment(w->builder);
}

void commit_flip(struct world *w)
{
	char path[BUILDER_PATH];
	struct stat st;
	builder_segment_path(w->builder, builder_head(w->builder), path);
	assert_int_equal(stat(path, &st), 0);
	builder_flip(path, (uint64_t)st.st_size - 3, 0x40);
}

/* The last COMMIT damaged before index and hints of its transaction were written. */
void commit_flip_alone(struct world *w)
{
	unlink(index_path(w));
	unlink(hints_path(w));
	commit_flip(w);
}

void zeros_after_commit(struct world *w)
{
	static const uint8_t zeros_bytes[4096];
	char path[BUILDER_PATH];
	unlink(index_path(w));
	unlink(hints_path(w));
	builder_segment_path(w->builder, builder_head(w->builder), path);
	FILE *file = fopen(path, "ab");
	assert_non_null(file);
	assert_int_equal(fwrite(zeros_bytes, 1, sizeof(zeros_bytes), file), sizeof(zeros_bytes));
	fclose(file);
}

void no_commit(struct world *w)
{
	/* Only the very first segments, and none of them is complete. */
	for (unsigned i = 2; i <= builder_head(w->builder); i++)
		unlink(path_of(w, "data/%u/%u", i / 4, i));
	unlink(index_path(w));
	unlink(hints_path(w));
}

/* Only the first transaction, and its COMMIT damaged: there is no other to go back to. */
void only_commit_flip(struct world *w)
{
	uint8_t end[9] = { 0 };
	uint32_t first = 0;
	for (; end[8] != BUILDER_COMMIT; first++) {
		struct stat st;
		const char *path = path_of(w, "data/%u/%u", first / 4, first);
		assert_int_equal(stat(path, &st), 0);
		read_bytes(path, (uint64_t)st.st_size - sizeof(end), end, sizeof(end));
		if (end[8] == BUILDER_COMMIT)
			builder_flip(path, (uint64_t)st.st_size - 3, 0x40);
	}
	for (uint32_t i = first; i <= builder_head(w->builder); i++)
		unlink(path_of(w, "data/%u/%u", i / 4, i));
	unlink(index_path(w));
	unlink(hints_path(w));
}

void index_missing(struct world *w) { unlink(index_path(w)); }

void index_mapping(struct world *w) { builder_flip(index_path(w), bucket_of(w, 5) + 36, 1); }

void index_stale(struct world *w)
{
	const char *from = copy_of(index_path(w));
	assert_int_equal(rename(from, path_of(w, "index.2")), 0);
}

void hints_count(struct world *w)
{
	/* {"version": 1, "segments": {0: 99}, "compact": []} */
	static const char bytes[] = "\x83\xa7version\x01\xa8segments\x81\x00\x63\xa7" "compact\x90";
	builder_write_file(hints_path(w), bytes, sizeof(bytes) - 1);
}

void behead(struct world *w, const char *name, size_t len)
{
	uint8_t bytes[4096];
	struct stat st;
	const char *path = path_of(w, "%s", name);
	assert_int_equal(stat(path, &st), 0);
	assert_true((size_t)st.st_size <= sizeof(bytes));
	read_bytes(path, 0, bytes, (size_t)st.st_size);
	builder_write_file(path, bytes + len, (size_t)st.st_size - len);
}

void index_key_missing(struct world *w)
{
	uint8_t deleted[4] = { 0xfe, 0xff, 0xff, 0xff };
	builder_patch(index_path(w), bucket_of(w, 5) + 32, deleted, sizeof(deleted));
}

void set_row(struct world *w, struct hints_segment row)
{
	struct hints usage = { .count = 0 };
	const uint32_t last = builder_head(w->builder);
	const int fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct permit *permit = io_grant_permit(&io_system, fd, 0600);
	assert_int_equal(hints_load(&usage, &io_system, fd, &dialect_attic, last), AS_OK);
	row.is_counted = true;
	*hints_add(&usage, row.segment) = row;
	assert_int_equal(write_hints(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
}

void segment_copy(struct world *w)
{
	const char *from = copy_of(path_of(w, "data/0/1"));
	copy_file(from, path_of(w, "data/0/1.beforerecover"));
	crc(w);
}

static bool is_removed(void *context, const struct hints_segment *row)
{
	const uint32_t *first = context;
	return row->segment == first[0] || row->segment == first[0] + 1;
}

void segment_returned(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	struct hints usage = { .count = 0 };
	builder_key(60, key);
	builder_put_some(w->builder, key, 300);
	builder_transaction(w->builder);
	uint32_t emptied = builder_head(w->builder);
	builder_delete(w->builder, key);
	builder_transaction(w->builder);
	builder_key(61, key);
	builder_put_some(w->builder, key, 300);
	builder_transaction(w->builder);
	unlink(path_of(w, "data/%u/%u", (emptied + 1) / 4, emptied + 1));
	const uint32_t last = builder_head(w->builder);
	const int fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct permit *permit = io_grant_permit(&io_system, fd, 0600);
	assert_int_equal(hints_load(&usage, &io_system, fd, &dialect_attic, last), AS_OK);
	hints_remove(&usage, is_removed, &emptied);
	assert_int_equal(write_hints(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
}

void segment_foreign(struct world *w)
{
	uint8_t bytes[8 + 5 * (41 + 317)] = "ATTICSEG", key[BUILDER_KEY];
	const uint8_t value[317] = { 0 };
	size_t len = 8;
	for (unsigned i = 800; i < 805; i++) {
		builder_key(i, key);
		len += builder_encode(BUILDER_PUT, key, value, sizeof(value), bytes + len);
	}
	builder_write_file(path_of(w, "data/0/1"), bytes, len);
}

void segments_swapped(struct world *w)
{
	const char *from = copy_of(path_of(w, "data/0/1"));
	assert_int_equal(rename(from, path_of(w, "elsewhere")), 0);
	from = copy_of(path_of(w, "data/0/2"));
	assert_int_equal(rename(from, path_of(w, "data/0/1")), 0);
	from = copy_of(path_of(w, "elsewhere"));
	assert_int_equal(rename(from, path_of(w, "data/0/2")), 0);
}

void newest_version_damaged(struct world *w) { patch_put(w, 4, 100, "????", 4); }

void zeros_without_witness(struct world *w)
{
	zeros(w);
	unlink(index_path(w));
	unlink(hints_path(w));
}

void index_of_elsewhere(struct world *w)
{
	for (unsigned i = 0; i < OBJECTS + 2; i++)
		if (i != 3)
			builder_flip(index_path(w), bucket_of(w, i) + 13, 0x40);
}

void index_of_another_repository(struct world *w)
{
	char path[BUILDER_PATH], from[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	snprintf(path, sizeof(path), "%.400s/another", w->folder);
	struct builder *another = builder_new(path, 4, 1500);
	for (unsigned i = 500; i < 525; i++) {
		builder_key(i, key);
		builder_put_some(another, key, 300);
	}
	builder_commit(another);
	builder_write_index(another, builder_head(w->builder), BUCKETS);
	snprintf(path, sizeof(path), "index.%u", builder_head(w->builder));
	builder_path(another, path, from);
	assert_int_equal(rename(from, index_path(w)), 0);
	builder_free(another);
}

void index_empty(struct world *w)
{
	static const uint8_t zero[4];
	builder_patch(index_path(w), 8, zero, sizeof(zero));
	for (uint64_t at = 18; at < 18 + BUCKETS * 40; at += 40)
		builder_patch(index_path(w), at + 32, "\xff\xff\xff\xff", 4);
}

void index_of_an_earlier_time(struct world *w)
{
	for (unsigned i = 5; i < 12; i++)
		builder_patch(index_path(w), bucket_of(w, i) + 32, "\xfe\xff\xff\xff", 4);
}

void data_older(struct world *w)
{
	const uint32_t head = builder_head(w->builder);
	unlink(path_of(w, "data/%u/%u", head / 4, head));
}

void delete_moved(struct world *w)
{
	uint8_t key[BUILDER_KEY], bytes[41];
	builder_key(7, key);
	builder_append(w->builder, bytes, builder_encode(BUILDER_DELETE, key, NULL, 0, bytes));
	builder_transaction(w->builder);
}

void nothing(struct world *w) { (void)w; }
