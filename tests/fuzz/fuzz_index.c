/* REPO/index.N: any bytes. */
#include "build-config.h"

#include "engine/format/index_load.h"
#include "engine/format/index_table.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ram_io.h"
#include "tests/fuzz/seal.h"
#include "tests/support/memory_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TRANSACTION 7u
#define WRITTEN_MAX 64u		/* keys; writing makes at least 1024 buckets */

/* Does a look-up of its key, bucket by bucket, end at @bucket? */
enum way { WAY_HERE, WAY_ELSEWHERE, WAY_NOWHERE };
static enum way follow(const struct index_bucket *rows, uint32_t buckets, uint32_t number)
{
	bool was_there = false, is_cut = false;
	uint32_t at = index_home(rows[number].key, buckets);
	for (uint32_t i = 0; i < buckets && at != number; i++) {
		if (!is_cut && index_bucket_is_used(&rows[at]) &&
		    memcmp(rows[at].key, rows[number].key, KEY_SIZE) == 0)
			was_there = true;
		is_cut = is_cut || rows[at].segment == INDEX_EMPTY;
		at = (at + 1) % buckets;
	}
	return is_cut ? WAY_NOWHERE : was_there ? WAY_ELSEWHERE : WAY_HERE;
}

/* The census counts what walking from each key's home finds. */
static void check_census(const struct index_file *file, const struct index_bucket *rows,
			 const struct index_image *image, const struct index_census *census)
{
	uint32_t used = 0, deleted = 0, unreachable = 0;
	for (uint32_t i = 0; i < file->buckets; i++) {
		struct index_bucket found;
		used += index_bucket_is_used(&rows[i]);
		deleted += rows[i].segment == INDEX_DELETED;
		if (!index_bucket_is_used(&rows[i]))
			continue;
		const enum way way = follow(rows, file->buckets, i);
		const enum as_err err = index_lookup(file, rows[i].key, &found);
		unreachable += way == WAY_NOWHERE;
		if (way == WAY_HERE)
			need(err == AS_OK && found.number == i &&
			     index_image_find(image, rows[i].key) == i);
		if (way == WAY_ELSEWHERE)
			need(err == AS_OK && found.number != i);
	}
	need(census->used == used && image->used == used && census->deleted == deleted);
	need(census->unreachable == unreachable && !census->degenerate);
}

/* A sound index keeps its keys in memory, and when it is written and read again. */
static void write_again(const struct index_table *table)
{
	static struct ram *ram;
	struct index_table *again = NULL;
	struct index_file file;
	struct index_bucket bucket;
	if (!ram)
		ram = ram_new();
	const struct io *io = ram_io(ram);
	const int fd = io->open(io, AT_FDCWD, "/", 0);
	struct permit *permit = io_grant_permit(io, fd, 0600);
	need(permit && index_table_write(table, permit, "index.7") == AS_OK);
	need(index_open(io, fd, &dialect_attic, TRANSACTION, &file, NULL) == AS_OK);
	need(index_table_load(&file, &again) == AS_OK);
	need(index_table_count(again) == index_table_count(table));
	for (uint32_t at = 0; index_table_next(table, at, &bucket); at = bucket.number + 1) {
		uint32_t segment, offset;
		need(index_table_get(again, bucket.key, &segment, &offset));
		need(segment == bucket.segment && offset == bucket.offset);
	}
	index_table_free(again);
	index_close(&file);
	io_revoke_permit(permit);
	io_close(io, fd);
	ram_clear(ram);
}

static void check_table(const struct index_file *file, const struct index_census *census)
{
	struct index_table *table = NULL;
	const bool is_sound = census->used == file->used && census->unreachable == 0 &&
			      census->duplicates == 0;
	const enum as_err err = index_table_load(file, &table);
	need(err == (is_sound ? AS_OK : AS_ERR_INTEGRITY));
	if (err == AS_OK && census->used <= WRITTEN_MAX)
		write_again(table);
	if (err == AS_OK)
		index_table_free(table);
}

/* Two threads load what one has loaded, and report the same. The keys of unused buckets do not
 * matter. */
static void load_with_two(const struct index_file *file, const struct key_hash *hash,
			  const struct index_image *image)
{
	struct index_image other;
	struct index_census one = { 0 }, two = { 0 };
	need(index_load(file, 2, hash, &other) == AS_OK);
	need(index_census(file, image, 1, &one, NULL) == AS_OK);
	need(index_census(file, &other, 2, &two, NULL) == AS_OK);
	need(one.used == two.used && one.unreachable == two.unreachable &&
	     one.duplicates == two.duplicates && one.longest == two.longest);
	for (uint32_t i = 0; i < file->buckets; i++) {
		const uint8_t *row = index_image_row(image, i);
		const uint8_t *again = index_image_row(&other, i);
		need(memcmp(row + INDEX_SHORT_KEY, again + INDEX_SHORT_KEY, 8) == 0);
		need(get_u32le(row + INDEX_SHORT_KEY) >= INDEX_DELETED ||
		     memcmp(row, again, INDEX_SHORT_KEY) == 0);
	}
	index_image_free(&other);
}

static void check_index(const struct index_file *file, struct findings *findings)
{
	struct index_image image;
	struct index_census census = { 0 };
	struct key_hash hash;
	uint32_t got;
	key_hash_derive(&hash, (const uint8_t *)"one name of thirty-two characters");
	struct index_bucket *rows = malloc(file->buckets * sizeof(*rows));
	need(rows && index_read(file, 0, file->buckets, rows, &got) == AS_OK);
	need(got == file->buckets);
	need(index_load(file, 1, &hash, &image) == AS_OK);
	if (file->buckets % 8 == 0)
		load_with_two(file, &hash, &image);
	need(index_census(file, &image, 1, &census, findings) == AS_OK);
	check_census(file, rows, &image, &census);
	need((findings->count == 0) == (census.unreachable == 0 && census.duplicates == 0 &&
					census.used == file->used));
	check_table(file, &census);
	index_image_free(&image);
	free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_file memory = { .bytes = data, .len = size };
	const struct io io = memory_io(&memory);
	struct index_file file;
	struct findings findings;
	findings_init(&findings);
	const enum as_err err = index_open(&io, -1, &dialect_attic, TRANSACTION, &file, &findings);
	need((err == AS_OK) == (findings.count == 0));
	need(err == AS_OK || err == AS_ERR_INTEGRITY);
	if (err == AS_OK) {
		need(size == INDEX_HEADER + (uint64_t)file.buckets * INDEX_BUCKET);
		check_index(&file, &findings);
	}
	index_close(&file);
	findings_free(&findings);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t random = seed;
	const uint32_t buckets = size > INDEX_HEADER ? (uint32_t)(size / INDEX_BUCKET) : 0;
	size = LLVMFuzzerMutate(data, size, max);
	if (buckets > 1 && fuzz_below(&random, 4) > 0) {
		/* another bucket's key, or a place that holds nothing */
		uint8_t *one = data + INDEX_HEADER + fuzz_below(&random, buckets) * INDEX_BUCKET;
		uint8_t *two = data + INDEX_HEADER + fuzz_below(&random, buckets) * INDEX_BUCKET;
		const bool fits = one + INDEX_BUCKET <= data + size &&
				  two + INDEX_BUCKET <= data + size;
		if (fits && fuzz_below(&random, 2) == 0)
			memmove(one, two, fuzz_below(&random, 2) ? INDEX_BUCKET : KEY_SIZE);
		else if (fits)
			put_u32le(one + KEY_SIZE, INDEX_DELETED + fuzz_below(&random, 3));
	}
	if (fuzz_below(&random, 4) > 0) {
		if (size > INDEX_HEADER + INDEX_BUCKET)
			size -= (size - INDEX_HEADER) % INDEX_BUCKET;
		seal_index(data, size);
	}
	return size;
}
