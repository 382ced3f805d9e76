/* The bytes of a segment or of the index, as they are on the disk. */
#include "build-config.h"

#include "ui/session/raw_file.h"

#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Open the segment that holds object 6 in its second version; where its PUT lies. */
static struct raw open_segment(struct small_repo *world, const struct io *io, uint32_t *offset)
{
	uint8_t key[BUILDER_KEY];
	uint32_t segment;
	struct raw raw;
	builder_key(6, key);
	assert_true(builder_find(world->builder, key, &segment, offset));
	assert_int_equal(small_repo_open(world, io), AS_OK);
	assert_int_equal(raw_open(world->repo, listing_find(&world->repo->listing, segment), &raw),
			 AS_OK);
	return raw;
}

static void a_segment_is_read_as_it_is(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	uint8_t bytes[16];
	uint32_t offset;
	fault_init(&fault);
	struct raw raw = open_segment(world, &fault.io, &offset);
	const unsigned closes = fault.closes;
	assert_false(raw.borrowed);
	/* The magic, two DELETEs, the PUT, the COMMIT. */
	assert_int_equal(raw.length, 8 + 41 + 41 + 47 + 9);
	assert_int_equal(raw_read(&raw, 0, bytes, 8), 8);
	assert_memory_equal(bytes, "ATTICSEG", 8);
	assert_int_equal(raw_read(&raw, raw.length - 5, bytes, sizeof(bytes)), 5);
	assert_int_equal(raw_read(&raw, raw.length, bytes, sizeof(bytes)), 0);
	raw_close(&raw);
	assert_int_equal(raw.fd, -1);
	raw_close(&raw);				/* once more does no harm */
	assert_int_equal(fault.closes, closes + 1);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
}

static void reading_ends_before_a_bad_sector(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	uint8_t bytes[64];
	uint32_t offset;
	fault_init(&fault);
	struct raw raw = open_segment(world, &fault.io, &offset);
	fault.bad_offset = 40;
	fault.bad_length = 10;
	assert_in_range(raw_read(&raw, 0, bytes, sizeof(bytes)), 0, 40);
	assert_int_equal(raw_read(&raw, 0, bytes, 40), 40);
	assert_int_equal(raw_read(&raw, 45, bytes, 4), 0);
	raw_close(&raw);
	fault.bad_length = 0;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
}

static void a_header_has_a_key_unless_it_is_a_commits(void **state)
{
	struct small_repo *world = *state;
	struct segment_entry entry;
	uint8_t key[BUILDER_KEY];
	uint32_t offset;
	struct raw raw = open_segment(world, NULL, &offset);
	builder_key(6, key);
	assert_true(raw_read_header(&raw, offset, &entry));
	assert_int_equal(entry.tag, SEGMENT_PUT);
	assert_int_equal(entry.size, 41 + 6);
	assert_int_equal(entry.offset, offset);
	assert_true(entry.has_key && entry.has_header);
	assert_memory_equal(entry.key, key, BUILDER_KEY);
	assert_true(raw_read_header(&raw, raw.length - 9, &entry));
	assert_int_equal(entry.tag, SEGMENT_COMMIT);
	assert_false(entry.has_key);
	assert_int_equal(entry.crc_stored, entry.crc_computed);
	assert_false(raw_read_header(&raw, raw.length - 8, &entry));
	/* What follows a COMMIT is not its key. */
	char path[BUILDER_PATH];
	builder_segment_path(world->builder, builder_head(world->builder), path);
	builder_patch(path, offset + 8, "\x02", 1);
	assert_true(raw_read_header(&raw, offset, &entry));
	assert_false(entry.has_key);
	raw_close(&raw);
}

/* The file became shorter since its entries were listed. */
static void a_put_without_a_whole_key_is_refused(void **state)
{
	struct small_repo *world = *state;
	struct segment_entry entry;
	uint32_t offset;
	struct raw raw = open_segment(world, NULL, &offset);
	char path[BUILDER_PATH];
	builder_segment_path(world->builder, builder_head(world->builder), path);
	builder_truncate(path, offset + 40);
	assert_false(raw_read_header(&raw, offset, &entry));
	builder_truncate(path, offset + 41);
	assert_true(raw_read_header(&raw, offset, &entry));
	raw_close(&raw);
}

static void the_index_is_borrowed(void **state)
{
	struct small_repo *world = *state;
	struct raw raw;
	uint8_t bytes[8];
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(raw_open(world->repo, RAW_INDEX, &raw), AS_OK);
	assert_int_equal(raw.length, world->repo->index.length);
	raw_close(&raw);
	assert_int_equal(raw_open(world->repo, RAW_INDEX, &raw), AS_OK);
	assert_int_equal(raw_read(&raw, 0, bytes, 8), 8);	/* it was not closed */
	assert_memory_equal(bytes, "ATTICIDX", 8);
	raw_close(&raw);
	const int fd = world->repo->index.fd;
	world->repo->index.fd = -1;
	assert_int_equal(raw_open(world->repo, RAW_INDEX, &raw), AS_ERR_DOES_NOT_EXIST);
	raw_close(&raw);
	world->repo->index.fd = fd;
}

static void a_segment_that_is_gone_is_said(void **state)
{
	struct small_repo *world = *state;
	struct raw raw;
	char path[BUILDER_PATH];
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	builder_segment_path(world->builder, 0, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(raw_open(world->repo, 0, &raw), AS_ERR_DOES_NOT_EXIST);
	raw_close(&raw);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_segment_is_read_as_it_is),
		TEST(reading_ends_before_a_bad_sector),
		TEST(a_header_has_a_key_unless_it_is_a_commits),
		TEST(a_put_without_a_whole_key_is_refused),
		TEST(the_index_is_borrowed),
		TEST(a_segment_that_is_gone_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
