/* Every problem of the table, raised by a repository that has it, and what the diagnosis makes of
 * it. */
#include "build-config.h"

#include "tests/support/borg_repo.h"
#include "tests/unit/check/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* ---- damages, one for each problem ---- */

static void config_missing(struct world *w) { unlink(path_of(w, "config")); }
static void config_version(struct world *w)
{
	rewrite_config(w,
		       "[repository]\nversion = 2\nsegments_per_dir = 4\nmax_segment_size = 1500\n"
		       "id = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
}
static void config_id(struct world *w)
{
	rewrite_config(
		w, "[repository]\nversion = 1\nsegments_per_dir = 4\nmax_segment_size = 1500\n");
}
/* ---- only Borg has these ---- */

static void foreign_format(struct world *w)
{
	borg_repo_make(w->builder);
	config_version(w);
}
static void upgrade_interrupted(struct world *w)
{
	char path[BUILDER_PATH];
	builder_segment_path(w->builder, 0, path);
	builder_patch(path, 0, "BORG_SEG", 8);
	builder_patch(index_path(w), 0, "BORG_IDX", 8);
}
/* The lock of Borg: a folder and a list. */
static void lock_name(struct world *w, const char *name)
{
	char path[BUILDER_PATH + 64];
	borg_repo_make(w->builder);
	setenv("BORG_HOST_ID", "here", 1);
	assert_int_equal(mkdir(path_of(w, "lock.exclusive"), 0700), 0);
	snprintf(path, sizeof(path), "lock.exclusive/%s", name);
	builder_write_file(path_of(w, path), "", 0);
}
static void lock_stale(struct world *w) { lock_name(w, "here.4194290-0"); }
static void lock_elsewhere(struct world *w) { lock_name(w, "there.7-0"); }
static void lock_alive(struct world *w) { lock_name(w, "here.1-0"); }
static void lock_damaged(struct world *w)
{
	borg_repo_make(w->builder);
	builder_write_file(path_of(w, "lock.roster"), "7", 1);
}
static const char *integrity_path(struct world *w)
{
	return path_of(w, "integrity.%u", builder_head(w->builder));
}
static void integrity_missing(struct world *w)
{
	borg_repo_make(w->builder);
	unlink(integrity_path(w));
}
static void integrity_folder(struct world *w)
{
	integrity_missing(w);
	assert_int_equal(mkdir(integrity_path(w), 0700), 0);
}
static void integrity_unreadable(struct world *w)
{
	static char name[32];
	borg_repo_make(w->builder);
	snprintf(name, sizeof(name), "integrity.%u", builder_head(w->builder));
	w->fault.open_path = name;
	w->fault.open_error = EIO;
	w->io = &w->fault.io;
}
static void integrity_format(struct world *w)
{
	borg_repo_make(w->builder);
	builder_truncate(integrity_path(w), 0);
}
static void integrity_version(struct world *w)
{
	borg_repo_make(w->builder);
	builder_patch(integrity_path(w), 9, "\x03", 1);
}
static void integrity_algorithm(struct world *w)
{
	borg_repo_make(w->builder);
	builder_patch(integrity_path(w), 33, "XXH65", 5);
}
/* Nothing but the digest tells. */
static void integrity_of_hints(struct world *w)
{
	size_t len;
	borg_repo_make(w->builder);
	free(builder_read_file(hints_path(w), &len));
	builder_flip(hints_path(w), len - 15, 1);	/* the use of a quota that there is not */
}
static void integrity_of_index(struct world *w)
{
	borg_repo_make(w->builder);
	builder_patch(index_path(w), empty_bucket(w), "x", 1);
}
static void integrity_old(struct world *w)
{
	borg_repo_make(w->builder);
	builder_write_file(path_of(w, "integrity.0"), "x", 1);
}
static void hints_quota(struct world *w)
{
	borg_repo_make_with(w->builder, 3, NULL);
	borg_repo_config(w->builder, "storage_quota = 1.5G\n");
}
static void hints_shadow(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	builder_key(3, key);
	borg_repo_make_with(w->builder, 0, key);
}
static void append_only(struct world *w)
{
	borg_repo_make(w->builder);
	borg_repo_config(w->builder, "append_only = 1\nstorage_quota = 0\n");
}
static void nonce(struct world *w)
{
	borg_repo_make(w->builder);
	builder_write_file(path_of(w, "nonce"), "0000000000000x00", 16);
}
/* A lone COMMIT is gone, and index, hints and integrity bear its number. */
static void lone_commit_gone(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	builder_key(77, key);
	builder_put_some(w->builder, key, 300);
	builder_close_segment(w->builder);
	builder_transaction(w->builder);
	borg_repo_make(w->builder);
	unlink(path_of(w, "data/%u/%u", builder_head(w->builder) / 4, builder_head(w->builder)));
}
static void config_limits(struct world *w)
{
	rewrite_config(w, "[repository]\nversion = 1\nsegments_per_dir = 4\nmax_segment_size = 0\n"
		       "id = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
}
static void config_syntax(struct world *w) { rewrite_config(w, "no section here\n"); }
static void config_folder(struct world *w)
{
	config_missing(w);
	assert_int_equal(mkdir(path_of(w, "config"), 0700), 0);
}

static void data_missing(struct world *w)
{
	const char *from = copy_of(path_of(w, "data"));
	assert_int_equal(rename(from, path_of(w, "elsewhere")), 0);
}
static void folder_unreadable(struct world *w)
{
	w->fault.open_path = "1";
	w->fault.open_error = EACCES;
	w->io = &w->fault.io;
}
static void folder_name(struct world *w)
{
	assert_int_equal(mkdir(path_of(w, "data/0/.AppleDouble"), 0700), 0);
}
static void segment_misplaced(struct world *w)
{
	assert_int_equal(mkdir(path_of(w, "data/77"), 0700), 0);
	const char *from = copy_of(path_of(w, "data/0/1"));
	assert_int_equal(rename(from, path_of(w, "data/77/1")), 0);
}
static void segment_duplicate(struct world *w)
{
	assert_int_equal(mkdir(path_of(w, "data/77"), 0700), 0);
	const char *from = copy_of(path_of(w, "data/0/1"));
	copy_file(from, path_of(w, "data/77/1"));
}
static void segment_name(struct world *w) { builder_write_file(path_of(w, "data/0/007"), "x", 1); }
static void not_a_file(struct world *w)
{
	assert_int_equal(mkfifo(path_of(w, "data/0/99"), 0600), 0);
}
static void stray_file(struct world *w) { builder_write_file(path_of(w, "data/0/1.tmp"), "x", 1); }
static void segment_missing_without_index(struct world *w)
{
	segment_missing(w);
	unlink(index_path(w));
}
static void segment_unreadable(struct world *w)
{
	w->fault.open_path = "data/0/1";
	w->fault.open_error = EACCES;
	w->io = &w->fault.io;
}
/* A link stands in a segment's place, and is not followed. */
static void segment_link(struct world *w)
{
	const char *from = copy_of(path_of(w, "data/0/1"));
	assert_int_equal(rename(from, path_of(w, "elsewhere")), 0);
	assert_int_equal(symlink("../../elsewhere", path_of(w, "data/0/1")), 0);
}
static void data_empty(struct world *w)
{
	for (unsigned i = 0; i <= builder_head(w->builder); i++)
		unlink(path_of(w, "data/%u/%u", i / 4, i));
}
static void index_denied(struct world *w)
{
	static char name[32];
	snprintf(name, sizeof(name), "index.%u", builder_head(w->builder));
	w->fault.open_path = name;
	w->fault.open_error = EACCES;
	w->io = &w->fault.io;
}
static void range_unreadable(struct world *w)
{
	builder_write_index(w->builder, builder_head(w->builder),
			    30); /* 1218 bytes: keep the index out of it */
	w->fault.bad_offset = 1300;
	w->fault.bad_length = 20;
	w->io = &w->fault.io;
}
/* A header that names its object, before bytes that cannot be read. */
static void range_unreadable_without_index(struct world *w)
{
	range_unreadable(w);
	unlink(path_of(w, "index.%u", builder_head(w->builder)));
}

static void magic_lost(struct world *w) { builder_flip(path_of(w, "data/0/1"), 3, 1); }
static void head_lost(struct world *w) { behead(w, "data/0/1", 5); }
static void magic_gone(struct world *w) { behead(w, "data/0/1", 8); }
/* The first entry is lost, and the second begins the file. */
static void first_entry_gone(struct world *w)
{
	uint32_t segment, offset;
	put_path(w, 5, &segment, &offset);
	assert_true(segment == 1);
	put_path(w, 6, &segment, &offset);
	assert_true(segment == 1);
	behead(w, "data/0/1", offset);
}
static void first_entry_gone_without_index(struct world *w)
{
	first_entry_gone(w);
	unlink(index_path(w));
	unlink(hints_path(w));
}
/* What stands in the magic is an object, but no place for an index. */
static void head_lost_and_mapped(struct world *w)
{
	static const uint8_t three[4] = { 3 };
	uint32_t segment, offset;
	put_path(w, 5, &segment, &offset);
	assert_true(segment == 1 && offset == 8);
	behead(w, "data/0/1", 5);
	builder_patch(index_path(w), bucket_of(w, 5) + 36, three, sizeof(three));
}
static void segment_empty(struct world *w) { builder_truncate(path_of(w, "data/0/1"), 0); }
static void size_small(struct world *w) { patch_put(w, 7, 4, "\x05\0\0\0", 4); }
static void size_large(struct world *w) { patch_put(w, 7, 4, "\xff\xff\xff\xff", 4); }
static void bad_tag(struct world *w) { patch_put(w, 7, 8, "\x09", 1); }
static void torn(struct world *w)
{
	struct stat st;
	const char *path = path_of(w, "data/0/1");
	assert_int_equal(stat(path, &st), 0);
	builder_truncate(path, (uint64_t)st.st_size - 10);
}
static void torn_between_entries(struct world *w)
{
	uint32_t segment, offset;
	const char *path = put_path(w, 7, &segment, &offset);
	builder_truncate(path, offset);
}
static void crc_without_index(struct world *w)
{
	crc(w);
	unlink(path_of(w, "index.%u", builder_head(w->builder)));
}
/* What is damaged is an old PUT of an object that was overwritten later. */
static void superseded_crc_without_index(struct world *w)
{
	uint8_t key[BUILDER_KEY], bytes[49 + BUILDER_KEY];
	uint64_t offset = 8;
	uint32_t size;
	builder_key(4, key);
	for (;;) {
		read_bytes(path_of(w, "data/0/0"), offset, bytes, sizeof(bytes));
		if (memcmp(bytes + 9, key, BUILDER_KEY) == 0)
			break;
		memcpy(&size, bytes + 4, 4);
		offset += size;
	}
	builder_flip(path_of(w, "data/0/0"), offset + 100, 1);
	unlink(path_of(w, "index.%u", builder_head(w->builder)));
}
/* Forty bytes of object 6 are gone: what follows in the segment lies elsewhere than the index says.
 */
static void shifted(struct world *w)
{
	uint32_t segment, offset;
	struct stat st;
	const char *path = put_path(w, 6, &segment, &offset);
	assert_int_equal(stat(path, &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	read_bytes(path, 0, bytes, (size_t)st.st_size);
	memmove(bytes + offset + 100, bytes + offset + 140, (size_t)st.st_size - offset - 140);
	builder_write_file(path, bytes, (size_t)st.st_size - 40);
	free(bytes);
}
static void newest_segment_and_index(struct world *w)
{
	unlink(path_of(w, "data/%u/%u", builder_head(w->builder) / 4, builder_head(w->builder)));
	unlink(path_of(w, "index.%u", builder_head(w->builder)));
}
static void suspect(struct world *w)
{
	uint8_t key[BUILDER_KEY], inner[60];
	builder_key(900, key);
	const size_t len = builder_encode(BUILDER_PUT, key, "inside", 6, inner);
	patch_put(w, 7, 100, inner, len);
}

/* In another segment bytes came in: what follows there has moved, whether up or down, and the index
 * is a witness all the same of what was deleted. */
static void delete_lost_beside_more_bytes(struct world *w)
{
	uint8_t bytes[8192];
	struct stat st;
	const char *path = path_of(w, "data/0/0");
	delete_lost(w);
	assert_int_equal(stat(path, &st), 0);
	assert_true((size_t)st.st_size + 5 <= sizeof(bytes));
	read_bytes(path, 0, bytes + 5, (size_t)st.st_size);
	memcpy(bytes, "abcde", 5);
	builder_write_file(path, bytes, (size_t)st.st_size + 5);
}

static void tail_torn(struct world *w)
{
	add_tail(w);
	builder_truncate(path_of(w, "data/%u/%u", (builder_head(w->builder) + 1) / 4,
				 builder_head(w->builder) + 1), 100);
}
/* The same behind a value that ends like a COMMIT. */
static void tail_like_commit(struct world *w)
{
	uint8_t key[BUILDER_KEY], value[100] = { 0 };
	memcpy(value + sizeof(value) - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER);
	builder_key(700, key);
	builder_put(w->builder, key, value, sizeof(value));
	builder_close_segment(w->builder);
}
/* Cut off inside such a value, right behind bytes of it that are those of a COMMIT. */
static void tail_torn_like_commit(struct world *w)
{
	const uint32_t tail = builder_head(w->builder) + 1;
	uint8_t key[BUILDER_KEY], value[100] = { 0 };
	memcpy(value + 50, segment_commit, SEGMENT_HEADER);
	builder_key(700, key);
	builder_put(w->builder, key, value, sizeof(value));
	builder_close_segment(w->builder);
	builder_truncate(path_of(w, "data/%u/%u", tail / 4, tail), 8 + 41 + 50 + SEGMENT_HEADER);
}
/* The same with the index of the transaction before, which is stale then. */
static void commit_flip_behind_an_older_index(struct world *w)
{
	char name[32];
	uint8_t end[9];
	uint32_t older = builder_head(w->builder);
	do {
		struct stat st;
		char path[BUILDER_PATH];
		builder_segment_path(w->builder, --older, path);
		assert_int_equal(stat(path, &st), 0);
		read_bytes(path, (uint64_t)st.st_size - 9, end, sizeof(end));
	} while (end[8] != BUILDER_COMMIT);
	for (unsigned i = OBJECTS; i < OBJECTS + 2; i++) /* it did not know the last transaction */
		builder_patch(index_path(w), bucket_of(w, i) + 32, "\xfe\xff\xff\xff", 4);
	const char *from = copy_of(index_path(w));
	snprintf(name, sizeof(name), "index.%u", older);
	assert_int_equal(rename(from, path_of(w, "%s", name)), 0);
	unlink(hints_path(w));
	commit_flip(w);
}
/* What a crash leaves of entries that were written and not synced: more zeros than a COMMIT has
 * bytes. */
static void zeros_for_entries(struct world *w)
{
	static const uint8_t zeros_bytes[41];
	uint8_t key[BUILDER_KEY];
	builder_key(700, key);
	builder_put_some(w->builder, key, 100);
	builder_append(w->builder, zeros_bytes, sizeof(zeros_bytes));
	builder_close_segment(w->builder);
}
static void only_magic(struct world *w)
{
	no_commit(w);
	unlink(path_of(w, "data/0/1"));
	builder_truncate(path_of(w, "data/0/0"), 8);
}

static void index_unreadable(struct world *w)
{
	index_missing(w);
	assert_int_equal(mkfifo(index_path(w), 0600), 0);
}
static void index_folder(struct world *w)
{
	index_missing(w);
	assert_int_equal(mkdir(index_path(w), 0700), 0);
}
static void index_block_unreadable(struct world *w)
{
	w->fault.bad_offset = 2200;	/* behind the end of every segment */
	w->fault.bad_length = 50;
	w->io = &w->fault.io;
}
static void index_name(struct world *w) { builder_write_file(path_of(w, "index.007"), "x", 1); }
/* A header that fits its file's length, and a length that no memory holds. */
static void index_enormous(struct world *w)
{
	const uint32_t buckets = 0x7fffffff;
	builder_patch(index_path(w), 12, &buckets, 4);
	assert_int_equal(truncate(index_path(w), 18 + (off_t)buckets * 40), 0);
}
static void index_header(struct world *w) { builder_patch(index_path(w), 0, "NOTANIDX", 8); }
static void index_length(struct world *w)
{
	builder_truncate(index_path(w), 18 + BUCKETS * 40 - 7);
}
static void index_too_new(struct world *w)
{
	const char *from = copy_of(index_path(w));
	assert_int_equal(rename(from, path_of(w, "index.4711")), 0);
}
static void index_old(struct world *w)
{
	const char *from = copy_of(index_path(w));
	copy_file(from, path_of(w, "index.2"));
}
static void index_count(struct world *w) { builder_flip(index_path(w), 8, 4); }
static void index_duplicate(struct world *w)
{
	uint8_t bucket[40];
	const uint64_t at = bucket_of(w, 5), free_at = empty_bucket(w);
	read_bytes(index_path(w), at, bucket, sizeof(bucket));
	builder_patch(index_path(w), free_at, bucket, sizeof(bucket));
}
/* An index of one used bucket of object 5, far from its home. */
static void index_unreachable(struct world *w)
{
	uint8_t bucket[40];
	const uint64_t at = bucket_of(w, 5);
	read_bytes(index_path(w), at, bucket, sizeof(bucket));
	uint32_t home;
	memcpy(&home, bucket, 4);
	const uint64_t far = 18 + (uint64_t)((home % BUCKETS + BUCKETS / 2) % BUCKETS) * 40;
	memset(bucket + 32, 0xff, 4);
	for (uint64_t i = 18; i < 18 + BUCKETS * 40; i += 40) {
		uint8_t empty[40] = { 0 };
		memset(empty + 32, 0xff, 4);
		builder_patch(index_path(w), i, empty, sizeof(empty));
	}
	uint32_t segment, offset;
	put_path(w, 5, &segment, &offset);
	memcpy(bucket + 32, &segment, 4);
	memcpy(bucket + 36, &offset, 4);
	builder_patch(index_path(w), far, bucket, sizeof(bucket));
}
/* Hundreds of thousands of keys of one home. */
static void index_degenerate(struct world *w)
{
	const uint32_t buckets = 200000;
	uint8_t *bytes = calloc(buckets, 40);
	uint8_t header[18] = "ATTICIDX";
	assert_non_null(bytes);
	memcpy(header + 8, &buckets, 4);
	memcpy(header + 12, &buckets, 4);
	header[16] = 32;
	header[17] = 8;
	for (uint32_t i = 0; i < buckets; i++)
		memcpy(bytes + (size_t)i * 40 + 4, &i, 4);
	FILE *file = fopen(index_path(w), "wb");
	assert_non_null(file);
	fwrite(header, 1, sizeof(header), file);
	fwrite(bytes, 40, buckets, file);
	fclose(file);
	free(bytes);
}
static void index_key_deleted(struct world *w)
{
	/* Object 3, deleted in the second transaction, is put back where it was in the first. */
	uint8_t key[BUILDER_KEY], bytes[49 + BUILDER_KEY], bucket[40];
	builder_key(3, key);
	uint64_t offset = 8;
	uint32_t size, zero = 0, at;
	for (;;) {
		read_bytes(path_of(w, "data/0/0"), offset, bytes, sizeof(bytes));
		if (memcmp(bytes + 9, key, BUILDER_KEY) == 0)
			break;
		memcpy(&size, bytes + 4, 4);
		offset += size;
	}
	at = (uint32_t)offset;
	memcpy(bucket, key, BUILDER_KEY);
	memcpy(bucket + 32, &zero, 4);
	memcpy(bucket + 36, &at, 4);
	/* A full run from its home, so that it can be found. */
	uint32_t home;
	memcpy(&home, key, 4);
	for (uint32_t i = 0; i < BUCKETS; i++) {
		uint8_t there[40];
		const uint64_t place = 18 + (uint64_t)((home + i) % BUCKETS) * 40;
		read_bytes(index_path(w), place, there, sizeof(there));
		if (memcmp(there + 32, "\xff\xff\xff\xff", 4) != 0)
			continue;
		builder_patch(index_path(w), place, bucket, sizeof(bucket));
		return;
	}
}

static void hints_missing(struct world *w) { unlink(hints_path(w)); }
static void hints_unreadable(struct world *w)
{
	hints_missing(w);
	assert_int_equal(mkfifo(hints_path(w), 0600), 0);
}
static void hints_folder(struct world *w)
{
	hints_missing(w);
	assert_int_equal(mkdir(hints_path(w), 0700), 0);
}
static void hints_format(struct world *w) { builder_write_file(hints_path(w), "garbage", 7); }
static void hints_version(struct world *w)
{
	/* {"version": 2, "segments": {}, "compact": []} */
	static const char bytes[] = "\x83\xa7version\x02\xa8segments\x80\xa7" "compact\x90";
	builder_write_file(hints_path(w), bytes, sizeof(bytes) - 1);
}
static void hints_stale(struct world *w)
{
	const char *from = copy_of(hints_path(w));
	assert_int_equal(rename(from, path_of(w, "hints.2")), 0);
}
static void hints_too_new(struct world *w)
{
	const char *from = copy_of(hints_path(w));
	assert_int_equal(rename(from, path_of(w, "hints.4711")), 0);
}
static void hints_old(struct world *w)
{
	const char *from = copy_of(hints_path(w));
	copy_file(from, path_of(w, "hints.2"));
}

/* Segments that are not there, and that no mapping leads to. */
static void hints_ghost(struct world *w)
{
	set_row(w, (struct hints_segment){ .segment = 300, .live = 5 });
}
static void hints_ghost_compact(struct world *w)
{
	set_row(w, (struct hints_segment){ .segment = 300, .is_compact = true });
}
/* The segment of an object that was deleted again, as a compaction leaves it that is killed before
 * it removes it. */
static void segment_emptied(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	builder_key(60, key);
	builder_put_some(w->builder, key, 300);
	builder_transaction(w->builder);
	const uint32_t emptied = builder_head(w->builder);
	builder_delete(w->builder, key);
	builder_transaction(w->builder);
	set_row(w, (struct hints_segment){ .segment = emptied });
}

static void undo_folder(struct world *w, const char *name)
{
	mkdir(path_of(w, "undo"), 0777);
	mkdir(path_of(w, "undo/20261122T221005Z-recover"), 0777);
	builder_write_file(path_of(w, name), "", 0);
}
static void undo_unreadable(struct world *w)
{
	undo_folder(w, "undo/20261122T221005Z-recover/index.2");
}
static void repair_interrupted(struct world *w)
{
	undo_folder(w, "undo/20261122T221005Z-recover/manifest");
}
static void undo_interrupted(struct world *w)
{
	repair_interrupted(w);
	undo_folder(w, "undo/20261122T221005Z-recover/undoing");
}

/* The first read of an entry sees a flipped bit, the second does not. */
static ssize_t unstable_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct fault *fault = io->context;
	const ssize_t got = io_system.pread(&io_system, fd, buffer, len, offset);
	/* Windows are read from the beginning of the segment; the config is not flipped. */
	if (got > 1000 && offset == 0 && memcmp(buffer, "ATTICSEG", 8) == 0 && fault->preads++ == 0)
		((uint8_t *)buffer)[500] ^= 1;
	return got;
}
static void unstable(struct world *w)
{
	w->fault.io.pread = unstable_pread;
	w->io = &w->fault.io;
}
static void write_meanwhile(struct world *w)
{
	builder_write_file(path_of(w, "index.tmp"), "x", 1);
}
/* Somebody else holds the exclusive lock: an open file description of its own is somebody else. */
static void writer(struct world *w)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	w->writer_fd = open(path_of(w, "config"), O_RDWR | O_CLOEXEC);
	assert_true(w->writer_fd >= 0);
	assert_int_equal(fcntl(w->writer_fd, F_OFD_SETLK, &lock), 0);
}
static void writer_and_damage(struct world *w)
{
	writer(w);
	crc(w);
}
/* The same, behind the first look at the lock: the file's state is asked for a moment later. */
static int fstatat_of_a_writer(const struct io *io, int dirfd, const char *path, struct stat *st,
			       int flags)
{
	struct world *w = io->context;
	if (w->writer_fd < 0 && strcmp(path, "data") == 0) {
		writer(w);
		add_tail(w);
	}
	return io_system.fstatat(&io_system, dirfd, path, st, flags);
}
static void writer_comes(struct world *w)
{
	w->writers_io = io_system;
	w->writers_io.fstatat = fstatat_of_a_writer;
	w->writers_io.context = w;
	w->io = &w->writers_io;
}
static void changed(struct world *w) { w->between = write_meanwhile; }

/* A segment of more than 4 GiB: the same 20 MiB PUT over and over. */
static uint8_t *huge_entry;
#define HUGE_ENTRY 20971520u
static off_t huge_length = 8 + (off_t)206 * HUGE_ENTRY;
static ssize_t huge_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct stat st;
	(void)io;
	if (io_system.fstat(&io_system, fd, &st) != 0 || st.st_size != 8)
		return io_system.pread(&io_system, fd, buffer, len, offset);
	if (offset < 8)
		return io_system.pread(&io_system, fd, buffer, 8, offset);
	const size_t at = (size_t)((offset - 8) % HUGE_ENTRY);
	if (offset >= huge_length)
		return 0;
	if (len > HUGE_ENTRY - at)
		len = HUGE_ENTRY - at;
	memcpy(buffer, huge_entry + at, len);
	return (ssize_t)len;
}
static int huge_fstat(const struct io *io, int fd, struct stat *st)
{
	(void)io;
	const int result = io_system.fstat(&io_system, fd, st);
	if (st->st_size == 8)
		st->st_size = huge_length;
	return result;
}
static void too_large(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	const uint32_t size = HUGE_ENTRY;
	free(huge_entry);
	huge_entry = calloc(1, HUGE_ENTRY);
	assert_non_null(huge_entry);
	builder_key(5, key);
	memcpy(huge_entry + 4, &size, 4);
	memcpy(huge_entry + 9, key, BUILDER_KEY);
	const uint32_t crc_value = (uint32_t)crc32(0, huge_entry + 4, size - 4);
	memcpy(huge_entry, &crc_value, 4);
	builder_truncate(path_of(w, "data/0/0"), 8);
	w->fault.io.pread = huge_pread;
	w->fault.io.fstat = huge_fstat;
	w->io = &w->fault.io;
}

/* The newest transaction is a COMMIT alone, in a segment whose number is moved. */
static void segment_number(struct world *w)
{
	char from[BUILDER_PATH];
	builder_transaction(w->builder);
	const uint32_t head = builder_head(w->builder);
	snprintf(from, sizeof(from), "%s", path_of(w, "data/%u/%u", head / 4, head));
	mkdir(path_of(w, "data/536870912"), 0700);
	assert_int_equal(rename(from, path_of(w, "data/536870912/2147483648")), 0);
	snprintf(from, sizeof(from), "%s", index_path(w));
	assert_int_equal(rename(from, path_of(w, "index.2147483648")), 0);
	snprintf(from, sizeof(from), "%s", hints_path(w));
	assert_int_equal(rename(from, path_of(w, "hints.2147483648")), 0);
}

/* ---- whom to believe ---- */

static void segment_copy_alone(struct world *w)
{
	const char *from = copy_of(path_of(w, "data/0/1"));
	assert_int_equal(mkdir(path_of(w, "data/0/.~tmp~"), 0700), 0);
	assert_int_equal(rename(from, path_of(w, "data/0/.~tmp~/1")), 0);
}
static void segments_swapped_and_head_lost(struct world *w)
{
	segments_swapped(w);
	behead(w, "data/0/1", 5);
}
/* Index and hints agree that object 5 was deleted, and nowhere can the DELETE have been. */
static void possibly_deleted(struct world *w)
{
	index_key_missing(w);
	set_row(w, (struct hints_segment){ .segment = 1, .live = 4, .is_compact = true });
}
/* The index says so alone, and a number without a file is a place for the DELETE. */
static void possibly_deleted_in_a_gap(struct world *w)
{
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	builder_key(5, key);
	builder_delete(w->builder, key);
	builder_segment_path(w->builder, builder_segment(w->builder), path);
	builder_transaction(w->builder);
	builder_key(61, key);
	builder_put_some(w->builder, key, 300);
	builder_transaction(w->builder);
	unlink(path);
	unlink(hints_path(w));
}

static const struct sample {
	const char *name;
	void (*damage)(struct world *world);
	enum problem problem;		/* must be found */
	enum repair repair;		/* must be recommended */
	unsigned lost;			/* objects that must be named lost */
} samples[] = {
	{ "foreign-format", foreign_format, PROBLEM_FOREIGN_FORMAT, REPAIR_NONE, 0 },
	{ "upgrade-interrupted", upgrade_interrupted, PROBLEM_UPGRADE_INTERRUPTED, REPAIR_SALVAGE,
	  0 },
	{ "integrity-missing", integrity_missing, PROBLEM_INTEGRITY_MISSING, REPAIR_RECOVER, 0 },
	{ "integrity-folder", integrity_folder, PROBLEM_NOT_A_FILE, REPAIR_NONE, 0 },
	{ "integrity-unreadable", integrity_unreadable, PROBLEM_INTEGRITY_UNREADABLE,
	  REPAIR_RECOVER, 0 },
	{ "integrity-format", integrity_format, PROBLEM_INTEGRITY_FORMAT, REPAIR_RECOVER, 0 },
	{ "integrity-version", integrity_version, PROBLEM_INTEGRITY_VERSION, REPAIR_RECOVER, 0 },
	{ "integrity-algorithm", integrity_algorithm, PROBLEM_INTEGRITY_VERSION, REPAIR_RECOVER,
	  0 },
	{ "integrity-of-hints", integrity_of_hints, PROBLEM_INTEGRITY_DIGEST, REPAIR_RECOVER, 0 },
	{ "integrity-of-index", integrity_of_index, PROBLEM_INTEGRITY_DIGEST, REPAIR_RECOVER, 0 },
	{ "integrity-old", integrity_old, PROBLEM_INTEGRITY_OLD, REPAIR_COMPACT, 0 },
	{ "hints-quota", hints_quota, PROBLEM_HINTS_QUOTA, REPAIR_RECOVER, 0 },
	{ "hints-shadow", hints_shadow, PROBLEM_HINTS_SHADOW, REPAIR_RECOVER, 0 },
	{ "append-only", append_only, PROBLEM_APPEND_ONLY, REPAIR_COMPACT, 0 },
	{ "nonce", nonce, PROBLEM_NONCE, REPAIR_COMPACT, 0 },
	{ "lone-commit-gone", lone_commit_gone, PROBLEM_TAIL_WAS_COMMITTED, REPAIR_SALVAGE, 0 },
	{ "config-missing", config_missing, PROBLEM_CONFIG_MISSING, REPAIR_NONE, 0 },
	{ "config-folder", config_folder, PROBLEM_CONFIG_UNREADABLE, REPAIR_NONE, 0 },
	{ "config-syntax", config_syntax, PROBLEM_CONFIG_SYNTAX, REPAIR_NONE, 0 },
	{ "config-version", config_version, PROBLEM_CONFIG_VERSION, REPAIR_NONE, 0 },
	{ "config-id", config_id, PROBLEM_CONFIG_ID, REPAIR_NONE, 0 },
	{ "config-limits", config_limits, PROBLEM_CONFIG_LIMITS, REPAIR_NONE, 0 },
	{ "data-missing", data_missing, PROBLEM_DATA_MISSING, REPAIR_NONE, 0 },
	{ "folder-unreadable", folder_unreadable, PROBLEM_FOLDER_UNREADABLE, REPAIR_NONE, 0 },
	{ "folder-name", folder_name, PROBLEM_FOLDER_NAME, REPAIR_COMPACT, 0 },
	{ "segment-misplaced", segment_misplaced, PROBLEM_SEGMENT_MISPLACED, REPAIR_SALVAGE, 0 },
	{ "segment-duplicate", segment_duplicate, PROBLEM_SEGMENT_DUPLICATE, REPAIR_SALVAGE, 0 },
	{ "segment-name", segment_name, PROBLEM_SEGMENT_NAME, REPAIR_NONE, 0 },
	{ "not-a-file", not_a_file, PROBLEM_NOT_A_FILE, REPAIR_NONE, 0 },
	{ "stray-file", stray_file, PROBLEM_STRAY_FILE, REPAIR_COMPACT, 0 },
	{ "segment-missing", segment_missing, PROBLEM_SEGMENT_MISSING, REPAIR_SALVAGE, 5 },
	{ "segment-missing-and-index", segment_missing_without_index, PROBLEM_SEGMENT_MISSING,
	  REPAIR_SALVAGE, 0 },
	{ "segment-unreadable", segment_unreadable, PROBLEM_SEGMENT_UNREADABLE, REPAIR_NONE, 0 },
	{ "segment-link", segment_link, PROBLEM_OBJECT_UNREADABLE, REPAIR_NONE, 0 },
	{ "data-empty", data_empty, PROBLEM_DATA_MISSING, REPAIR_NONE, 0 },
	{ "last-segment-unreadable", last_segment_unreadable, PROBLEM_SEGMENT_UNREADABLE,
	  REPAIR_NONE, 0 },
	{ "index-denied", index_denied, PROBLEM_INDEX_UNREADABLE, REPAIR_NONE, 0 },
	{ "range-unreadable", range_unreadable, PROBLEM_RANGE_UNREADABLE, REPAIR_SALVAGE, 0 },
	{ "range-unreadable-and-index", range_unreadable_without_index, PROBLEM_OBJECT_UNREADABLE,
	  REPAIR_SALVAGE, 0 },
	{ "object-unreadable", segment_unreadable, PROBLEM_OBJECT_UNREADABLE, REPAIR_NONE, 0 },
	{ "segment-too-large", too_large, PROBLEM_SEGMENT_TOO_LARGE, REPAIR_SALVAGE, 3 },
	{ "segment-number", segment_number, PROBLEM_SEGMENT_NUMBER, REPAIR_COMPACT, 0 },
	{ "segment-magic", magic_lost, PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE, 0 },
	{ "segment-head-lost", head_lost, PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE, 0 },
	{ "segment-magic-gone", magic_gone, PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE, 0 },
	{ "first-entry-gone", first_entry_gone, PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE, 1 },
	{ "first-entry-gone-without-index", first_entry_gone_without_index, PROBLEM_LOSS_UNKNOWN,
	  REPAIR_SALVAGE, 0 },
	{ "segment-head-lost-and-mapped", head_lost_and_mapped, PROBLEM_INDEX_MAPPING,
	  REPAIR_SALVAGE, 0 },
	{ "segment-empty", segment_empty, PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE, 5 },
	{ "size-small", size_small, PROBLEM_ENTRY_SIZE_SMALL, REPAIR_SALVAGE, 1 },
	{ "size-large", size_large, PROBLEM_ENTRY_SIZE_LARGE, REPAIR_SALVAGE, 1 },
	{ "bad-tag", bad_tag, PROBLEM_ENTRY_TAG, REPAIR_SALVAGE, 1 },
	{ "torn", torn, PROBLEM_ENTRY_TORN, REPAIR_SALVAGE, 1 },
	{ "torn-between-entries", torn_between_entries, PROBLEM_OBJECT_LOST, REPAIR_SALVAGE, 3 },
	{ "segment-short", torn_between_entries, PROBLEM_SEGMENT_SHORT, REPAIR_SALVAGE, 3 },
	{ "crc", crc, PROBLEM_ENTRY_CRC, REPAIR_SALVAGE, 1 },
	{ "crc-and-index", crc_without_index, PROBLEM_OBJECT_LOST, REPAIR_SALVAGE, 1 },
	{ "superseded-crc-and-index", superseded_crc_without_index, PROBLEM_ENTRY_CRC,
	  REPAIR_SALVAGE, 0 },
	{ "shifted", shifted, PROBLEM_INDEX_MAPPING, REPAIR_SALVAGE, 1 },
	{ "newest-segment-and-index", newest_segment_and_index, PROBLEM_SEGMENT_MISSING,
	  REPAIR_RECOVER, 0 },
	{ "zeros", zeros, PROBLEM_ENTRY_ZEROS, REPAIR_SALVAGE, 1 },
	{ "suspect", suspect, PROBLEM_ENTRY_SUSPECT, REPAIR_SALVAGE, 1 },
	{ "delete-lost", delete_lost, PROBLEM_DELETE_LOST, REPAIR_SALVAGE, 0 },
	{ "delete-lost-beside-more-bytes", delete_lost_beside_more_bytes, PROBLEM_DELETE_LOST,
	  REPAIR_SALVAGE, 0 },
	{ "tail", add_tail, PROBLEM_TAIL_UNCOMMITTED, REPAIR_ROLLBACK, 0 },
	{ "tail-torn", tail_torn, PROBLEM_TAIL_TORN, REPAIR_ROLLBACK, 0 },
	{ "tail-like-commit", tail_like_commit, PROBLEM_TAIL_LIKE_COMMIT, REPAIR_ROLLBACK, 0 },
	{ "tail-torn-like-commit", tail_torn_like_commit, PROBLEM_TAIL_LIKE_COMMIT, REPAIR_ROLLBACK,
	  0 },
	{ "commit-flip", commit_flip, PROBLEM_TAIL_WAS_COMMITTED, REPAIR_SALVAGE, 0 },
	{ "commit-flip-alone", commit_flip_alone, PROBLEM_TAIL_COMMIT_DAMAGED, REPAIR_SALVAGE, 0 },
	{ "commit-flip-and-older-index", commit_flip_behind_an_older_index,
	  PROBLEM_TAIL_COMMIT_DAMAGED, REPAIR_SALVAGE, 0 },
	{ "zeros-after-commit", zeros_after_commit, PROBLEM_TAIL_COMMIT_DAMAGED, REPAIR_SALVAGE,
	  0 },
	{ "zeros-for-entries", zeros_for_entries, PROBLEM_TAIL_UNCOMMITTED, REPAIR_ROLLBACK, 0 },
	{ "no-commit", no_commit, PROBLEM_NO_COMMIT, REPAIR_SALVAGE, 0 },
	{ "only-magic", only_magic, PROBLEM_TAIL_UNCOMMITTED, REPAIR_ROLLBACK, 0 },
	{ "index-missing", index_missing, PROBLEM_INDEX_MISSING, REPAIR_RECOVER, 0 },
	{ "index-unreadable", index_unreadable, PROBLEM_INDEX_UNREADABLE, REPAIR_RECOVER, 0 },
	{ "index-folder", index_folder, PROBLEM_NOT_A_FILE, REPAIR_NONE, 0 },
	{ "hints-folder", hints_folder, PROBLEM_NOT_A_FILE, REPAIR_NONE, 0 },
	{ "index-block-unreadable", index_block_unreadable, PROBLEM_INDEX_UNREADABLE,
	  REPAIR_RECOVER, 0 },
	{ "index-name", index_name, PROBLEM_INDEX_NAME, REPAIR_NONE, 0 },
	{ "index-enormous", index_enormous, PROBLEM_INDEX_UNREADABLE, REPAIR_RECOVER, 0 },
	{ "index-header", index_header, PROBLEM_INDEX_HEADER, REPAIR_RECOVER, 0 },
	{ "index-length", index_length, PROBLEM_INDEX_LENGTH, REPAIR_RECOVER, 0 },
	{ "index-stale", index_stale, PROBLEM_INDEX_STALE, REPAIR_RECOVER, 0 },
	{ "index-too-new", index_too_new, PROBLEM_INDEX_TOO_NEW, REPAIR_RECOVER, 0 },
	{ "index-old", index_old, PROBLEM_INDEX_OLD, REPAIR_COMPACT, 0 },
	{ "index-count", index_count, PROBLEM_INDEX_COUNT, REPAIR_RECOVER, 0 },
	{ "index-duplicate", index_duplicate, PROBLEM_INDEX_DUPLICATE, REPAIR_RECOVER, 0 },
	{ "index-unreachable", index_unreachable, PROBLEM_INDEX_UNREACHABLE, REPAIR_RECOVER, 0 },
	{ "index-degenerate", index_degenerate, PROBLEM_INDEX_DEGENERATE, REPAIR_RECOVER, 0 },
	{ "index-mapping", index_mapping, PROBLEM_INDEX_MAPPING, REPAIR_RECOVER, 0 },
	{ "index-key-missing", index_key_missing, PROBLEM_INDEX_KEY_MISSING, REPAIR_RECOVER, 0 },
	{ "index-key-deleted", index_key_deleted, PROBLEM_INDEX_KEY_DELETED, REPAIR_RECOVER, 0 },
	{ "hints-missing", hints_missing, PROBLEM_HINTS_MISSING, REPAIR_RECOVER, 0 },
	{ "hints-unreadable", hints_unreadable, PROBLEM_HINTS_UNREADABLE, REPAIR_RECOVER, 0 },
	{ "hints-format", hints_format, PROBLEM_HINTS_FORMAT, REPAIR_RECOVER, 0 },
	{ "hints-version", hints_version, PROBLEM_HINTS_VERSION, REPAIR_RECOVER, 0 },
	{ "hints-stale", hints_stale, PROBLEM_HINTS_STALE, REPAIR_RECOVER, 0 },
	{ "hints-too-new", hints_too_new, PROBLEM_HINTS_TOO_NEW, REPAIR_RECOVER, 0 },
	{ "hints-old", hints_old, PROBLEM_HINTS_OLD, REPAIR_COMPACT, 0 },
	{ "hints-count", hints_count, PROBLEM_HINTS_COUNT, REPAIR_RECOVER, 0 },
	{ "hints-ghost", hints_ghost, PROBLEM_HINTS_COUNT, REPAIR_RECOVER, 0 },
	{ "hints-ghost-compact", hints_ghost_compact, PROBLEM_HINTS_COUNT, REPAIR_RECOVER, 0 },
	{ "segment-emptied", segment_emptied, PROBLEM_SEGMENT_EMPTIED, REPAIR_COMPACT, 0 },
	{ "segment-copy", segment_copy, PROBLEM_SEGMENT_COPY, REPAIR_SALVAGE, 0 },
	{ "segment-copy-alone", segment_copy_alone, PROBLEM_SEGMENT_COPY, REPAIR_SALVAGE, 0 },
	{ "segment-returned", segment_returned, PROBLEM_SEGMENT_RETURNED, REPAIR_COMPACT, 0 },
	{ "segment-foreign", segment_foreign, PROBLEM_SEGMENT_FOREIGN, REPAIR_SALVAGE, 5 },
	{ "segments-swapped", segments_swapped, PROBLEM_SEGMENT_MISNAMED, REPAIR_SALVAGE, 0 },
	{ "segments-swapped-and-head-lost", segments_swapped_and_head_lost,
	  PROBLEM_OBJECT_OLDER, REPAIR_SALVAGE, 0 },
	{ "newest-version-damaged", newest_version_damaged, PROBLEM_OBJECT_OLDER, REPAIR_SALVAGE,
	  0 },
	{ "zeros-without-witness", zeros_without_witness, PROBLEM_LOSS_UNKNOWN, REPAIR_SALVAGE, 0 },
	{ "possibly-deleted", possibly_deleted, PROBLEM_OBJECT_POSSIBLY_DELETED, REPAIR_RECOVER,
	  0 },
	{ "possibly-deleted-in-a-gap", possibly_deleted_in_a_gap, PROBLEM_OBJECT_POSSIBLY_DELETED,
	  REPAIR_RECOVER, 0 },
	{ "delete-moved", delete_moved, PROBLEM_DELETE_MOVED, REPAIR_COMPACT, 0 },
	{ "index-of-elsewhere", index_of_elsewhere, PROBLEM_INDEX_FOREIGN, REPAIR_RECOVER, 0 },
	{ "index-empty", index_empty, PROBLEM_INDEX_FOREIGN, REPAIR_RECOVER, 0 },
	{ "index-of-an-earlier-time", index_of_an_earlier_time, PROBLEM_INDEX_FOREIGN,
	  REPAIR_RECOVER, 0 },
	{ "data-older", data_older, PROBLEM_OBJECT_LOST, REPAIR_RECOVER, 2 },
	{ "compact-pending", nothing, PROBLEM_COMPACT_PENDING, REPAIR_COMPACT, 0 },
	{ "repair-interrupted", repair_interrupted, PROBLEM_REPAIR_INTERRUPTED, REPAIR_COMPACT, 0 },
	{ "undo-interrupted", undo_interrupted, PROBLEM_UNDO_INTERRUPTED, REPAIR_COMPACT, 0 },
	{ "undo-unreadable", undo_unreadable, PROBLEM_UNDO_UNREADABLE, REPAIR_COMPACT, 0 },
	{ "unstable", unstable, PROBLEM_UNSTABLE_READ, REPAIR_NONE, 0 },
	{ "changed", changed, PROBLEM_CHANGED, REPAIR_NONE, 0 },
	{ "writer", writer, PROBLEM_WRITER, REPAIR_COMPACT, 0 },
	{ "lock-stale", lock_stale, PROBLEM_LOCK_STALE, REPAIR_COMPACT, 0 },
	{ "lock-elsewhere", lock_elsewhere, PROBLEM_LOCK_UNKNOWN, REPAIR_COMPACT, 0 },
	{ "lock-alive", lock_alive, PROBLEM_WRITER, REPAIR_COMPACT, 0 },
	{ "lock-damaged", lock_damaged, PROBLEM_LOCK_DAMAGED, REPAIR_NONE, 0 },
	{ "writer-comes", writer_comes, PROBLEM_WRITER, REPAIR_NONE, 0 },
	/* What is wrong may be what is not written yet. */
	{ "writer-and-damage", writer_and_damage, PROBLEM_WRITER, REPAIR_NONE, 1 },
};

static void print_findings(const struct world *world)
{
	char message[512];
	for (size_t i = 0; i < world->verify->findings.count; i++) {
		finding_message(&world->verify->findings.rows[i], message, sizeof(message));
		print_message("#   %s: %s\n",
			      problem_table[world->verify->findings.rows[i].problem].id, message);
	}
}

static bool sample_holds(const struct sample *sample, struct world *world)
{
	const bool is_info = problem_table[sample->problem].severity == SEVERITY_INFO;
	const bool has_info_only = is_info && sample->repair == REPAIR_COMPACT;
	return found(world, sample->problem) > 0 &&
	       (sample->repair == world->diagnosis.recommended ||
		/* Where hints cannot be read, nothing is known of compaction. */
		(sample->repair == REPAIR_COMPACT &&
		 world->diagnosis.recommended == REPAIR_NONE)) &&
	       world->diagnosis.clean == has_info_only &&
	       found(world, PROBLEM_OBJECT_LOST) == sample->lost &&
	       world->diagnosis.verdict[0] != '\0';
}

static void every_problem_is_found_and_named(void **state)
{
	bool raised[PROBLEM_COUNT] = { false };
	unsigned failures = 0;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		for (unsigned threads = 1; threads <= 3; threads += 2) {
			struct world world;
			world_new(&world);
			fault_init(&world.fault);
			samples[i].damage(&world);
			world_judge(&world, threads);
			raised[samples[i].problem] |= found(&world, samples[i].problem) > 0;
			if (!sample_holds(&samples[i], &world)) {
				const char *repair = repair_name(world.diagnosis.recommended);
				print_message("# %s: recommended %s, lost %d, clean %d\n",
					      samples[i].name, repair ? repair : "nothing",
					      (int)found(&world, PROBLEM_OBJECT_LOST),
					      world.diagnosis.clean);
				print_findings(&world);
				failures++;
			}
			world_free(&world);
		}
	}
	free(huge_entry);
	huge_entry = NULL;
	assert_int_equal(failures, 0);
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (!raised[problem])
			fail_msg("no sample raises %s", problem_table[problem].id);
	(void)state;
}

/* Attic reads offsets as signed: of 20 MiB PUTs back to back the 103rd begins below 2 GiB, the next
 * beyond. */
static void what_begins_beyond_2_gib_is_named(void **state)
{
	const off_t length = huge_length;
	for (unsigned count = 103; count <= 104; count++) {
		struct world world;
		world_new(&world);
		fault_init(&world.fault);
		too_large(&world);
		huge_length = 8 + (off_t)count * HUGE_ENTRY;
		world_judge(&world, 0);
		assert_int_equal(found(&world, PROBLEM_SEGMENT_TOO_LARGE), count - 103);
		assert_int_equal(world.verify->facts[0].puts, count);
		assert_int_equal(world.verify->facts[0].is_too_large, count == 104);
		if (count == 104)
			assert_int_equal(finding_row(&world, PROBLEM_SEGMENT_TOO_LARGE)->offset,
					 8 + INT64_C(103) * HUGE_ENTRY);
		world_free(&world);
	}
	huge_length = length;
	(void)state;
}

/* A sparse file costs its maker nothing. Offsets in the index have 32 bits. */
static void a_file_of_any_length_is_read_as_far_as_an_index_leads(void **state)
{
	struct world world;
	const off_t length = huge_length;
	world_new(&world);
	fault_init(&world.fault);
	too_large(&world);
	huge_length = INT64_MAX;
	world_judge(&world, 0);
	assert_true(found(&world, PROBLEM_SEGMENT_TOO_LARGE) > 0);
	assert_int_equal(world.diagnosis.recommended, REPAIR_SALVAGE);
	assert_int_equal(world.verify->facts[0].size, INT64_MAX);
	assert_int_equal(world.verify->facts[0].puts, 206);
	world_free(&world);
	huge_length = length;
	(void)state;
}

static void a_whole_repository_is_clean(void **state)
{
	struct world world;
	world_new(&world);
	world_judge(&world, 2);
	assert_true(world.diagnosis.clean);
	assert_int_equal(world.verify->objects, 25);
	assert_int_equal(world.verify->superseded, 2);
	assert_int_equal(world.verify->end, builder_head(world.builder));
	assert_int_equal(world.verify->tail, TAIL_NONE);
	assert_true(world.verify->index_was_compared);
	assert_int_equal(world.verify->index_credit, CREDIT_CREDIBLE);
	assert_int_equal(world.verify->hints_credit, CREDIT_CREDIBLE);
	uint64_t puts = 0, live = 0, bytes = 0;
	for (size_t i = 0; i < world.repo->listing.count; i++) {
		puts += world.verify->facts[i].puts;
		live += world.verify->facts[i].live;
		bytes += world.verify->facts[i].size;
	}
	assert_int_equal(puts, 27);
	assert_int_equal(live, 25);
	assert_int_equal(bytes, world.verify->bytes);
	world_free(&world);
	(void)state;
}

static char *describe(const struct world *world)
{
	char *text = NULL, message[512];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	for (size_t i = 0; i < world->verify->findings.count; i++) {
		finding_message(&world->verify->findings.rows[i], message, sizeof(message));
		fprintf(out, "%s\n", message);
	}
	for (size_t i = 0; i < world->repo->listing.count; i++) {
		const struct segment_facts *f = &world->verify->facts[i];
		fprintf(out, "%u %u %u %u %u %llu %llu\n", f->puts, f->deletes, f->commits,
			f->damaged, (unsigned)f->live, (unsigned long long)f->live_bytes,
			(unsigned long long)f->damaged_bytes);
	}
	fprintf(out, "%llu %llu %s\n", (unsigned long long)world->verify->objects,
		(unsigned long long)world->verify->superseded, world->diagnosis.verdict);
	fclose(out);
	return text;
}

static void the_result_does_not_depend_on_the_threads(void **state)
{
	static void (*const damages[])(struct world *) = { crc, zeros, index_missing, delete_lost,
							   segment_missing, hints_count };
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct world world;
		char *first = NULL;
		world_new(&world);
		damages[i](&world);
		static const unsigned threads[] = { 1, 2, 7 };
		for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
			world_judge(&world, threads[t]);
			char *text = describe(&world);
			if (first)
				assert_string_equal(text, first);
			else
				first = strdup(text);
			free(text);
			world_forget(&world);
		}
		free(first);
		world_free(&world);
	}
	(void)state;
}

static void a_cancelled_run_says_so_and_is_not_complete(void **state)
{
	struct world world;
	struct verify_progress progress = { .cancel = true };
	const struct repo_options options = { .no_lock = true };
	struct as_error error;
	world_new(&world);
	assert_int_equal(repo_open(world.path, &options, &world.repo, &error), AS_OK);
	assert_int_equal(verify_run(world.repo, 2, &progress, &world.verify), AS_ERR_CANCELLED);
	assert_false(world.verify->complete);
	world_free(&world);
	(void)state;
}

static void progress_ends_at_all_bytes_and_segments(void **state)
{
	struct world world;
	struct verify_progress progress = { 0 };
	const struct repo_options options = { .no_lock = true };
	struct as_error error;
	world_new(&world);
	crc(&world);
	assert_int_equal(repo_open(world.path, &options, &world.repo, &error), AS_OK);
	assert_int_equal(verify_run(world.repo, 2, &progress, &world.verify), AS_OK);
	assert_int_equal(progress.bytes_done, world.verify->bytes);
	assert_int_equal(progress.bytes_total, world.verify->bytes);
	assert_int_equal(progress.segments_done, world.repo->listing.count);
	assert_true(progress.problems >= 2);
	struct findings copy;
	assert_int_equal(verify_copy_findings(world.verify, &copy), AS_OK);
	assert_int_equal(copy.count, world.verify->findings.count);
	findings_free(&copy);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_begins_beyond_2_gib_is_named),
		cmocka_unit_test(a_file_of_any_length_is_read_as_far_as_an_index_leads),
		cmocka_unit_test(a_whole_repository_is_clean),
		cmocka_unit_test(every_problem_is_found_and_named),
		cmocka_unit_test(the_result_does_not_depend_on_the_threads),
		cmocka_unit_test(a_cancelled_run_says_so_and_is_not_complete),
		cmocka_unit_test(progress_ends_at_all_bytes_and_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
