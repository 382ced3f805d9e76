#include "build-config.h"

#include "engine/format/range_crc.h"
#include "tests/support/memory_io.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define LENGTH 200003u

struct world {
	uint8_t bytes[LENGTH];
	struct memory_file file;
	struct io io;
	struct range_crc crcs;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	if (!world)
		return -1;
	uint32_t random = 1;
	for (size_t i = 0; i < LENGTH; i++) {
		random = random * 1664525u + 1013904223u;
		world->bytes[i] = (uint8_t)(random >> 24);
	}
	world->file = (struct memory_file){ .bytes = world->bytes, .len = LENGTH };
	world->io = memory_io(&world->file);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	range_crc_free(&world->crcs);
	free(world);
	return 0;
}

static void build(struct world *world)
{
	assert_int_equal(range_crc_build(&world->crcs, &world->io, -1, LENGTH, NULL), AS_OK);
}

static uint32_t truth(const struct world *world, size_t from, size_t to)
{
	return (uint32_t)crc32(0, world->bytes + from, (uInt)(to - from));
}

static void any_stretch_has_the_checksum_that_zlib_computes(void **state)
{
	struct world *world = *state;
	static const size_t places[] = { 0, 1, 4095, 4096, 4097, 8191, 12288, 50000, 65536, 131072,
					 196608, 200000, 200002, LENGTH };
	uint32_t crc;
	build(world);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (size_t j = i; j < ARRAY_SIZE(places); j++) {
			assert_true(range_crc_between(&world->crcs, places[i], places[j], &crc));
			assert_int_equal(crc, truth(world, places[i], places[j]));
		}
	assert_false(range_crc_between(&world->crcs, 10, 9, &crc));
	assert_false(range_crc_between(&world->crcs, 0, LENGTH + 1, &crc));
}

static void a_stretch_costs_the_same_whatever_its_length(void **state)
{
	struct world *world = *state;
	uint32_t crc;
	build(world);
	world->file.bytes_read = 0;
	assert_true(range_crc_between(&world->crcs, 5, 199999, &crc));
	assert_true(world->file.bytes_read <= 2 * 4096);
}

static void unreadable_blocks_are_known_and_stop_only_what_holds_them(void **state)
{
	struct world *world = *state;
	uint32_t crc;
	world->file.bad_offset = 20000;
	world->file.bad_length = 9000;	/* blocks 4 to 7: 16384 to 32768 */
	build(world);
	assert_int_equal(world->crcs.bad_count, 1);
	/* The first bytes of a bad block were there; the rest of it counts as bad. */
	assert_int_equal(world->crcs.bad[0].offset, 20000);
	assert_int_equal(world->crcs.bad[0].offset + world->crcs.bad[0].length, 32768);
	assert_null(range_crc_bad_in(&world->crcs, 0, 20000));
	assert_null(range_crc_bad_in(&world->crcs, 32768, LENGTH));
	assert_non_null(range_crc_bad_in(&world->crcs, 19999, 20001));
	assert_non_null(range_crc_bad_in(&world->crcs, 30000, 30001));
	assert_false(range_crc_between(&world->crcs, 19990, 20001, &crc));
	assert_false(range_crc_between(&world->crcs, 0, LENGTH, &crc));
	/* Before and behind, also where a prefix was reached through the zeros. */
	assert_true(range_crc_between(&world->crcs, 3, 19999, &crc));
	assert_int_equal(crc, truth(world, 3, 19999));
	assert_true(range_crc_between(&world->crcs, 32769, 199000, &crc));
	assert_int_equal(crc, truth(world, 32769, 199000));
}

static void a_block_that_is_bad_in_its_middle_does_not_spoil_what_follows(void **state)
{
	struct world *world = *state;
	uint32_t crc;
	world->file.bad_offset = 8192;
	world->file.bad_length = 4096;
	world->crcs.step = 0;
	build(world);
	world->file.bad_length = 0;	/* the disk answers again: what was bad stays out */
	assert_false(range_crc_between(&world->crcs, 8000, 60000, &crc));
	assert_true(range_crc_between(&world->crcs, 12288, 60000, &crc));
	assert_int_equal(crc, truth(world, 12288, 60000));
}

static void a_block_that_fails_later_gives_no_checksum(void **state)
{
	struct world *world = *state;
	uint32_t crc;
	build(world);
	world->file.bad_offset = 100000;
	world->file.bad_length = 10;
	assert_null(range_crc_bad_in(&world->crcs, 0, LENGTH));
	assert_false(range_crc_between(&world->crcs, 5, 100020, &crc));
	assert_false(range_crc_between(&world->crcs, 99990, 100020, &crc));
	/* It is listed from then on, in its place, and doubted. */
	world->file.bad_offset = 50000;
	assert_false(range_crc_between(&world->crcs, 49990, 50020, &crc));
	assert_int_equal(world->crcs.bad_count, 2);
	assert_int_equal(world->crcs.bad[0].offset, 50000);
	assert_int_equal(world->crcs.bad[0].offset + world->crcs.bad[0].length, 53248);
	assert_int_equal(world->crcs.bad[1].offset, 100000);
	assert_int_equal(world->crcs.doubt, 50000);
}

static void a_block_that_is_refused_once_is_good_and_doubted(void **state)
{
	struct world *world = *state;
	uint32_t crc;
	world->file.refused_from = 3;	/* the third block */
	world->file.refused_count = 1;
	build(world);
	assert_int_equal(world->crcs.bad_count, 0);
	assert_int_equal(world->crcs.doubt, 8192);
	assert_true(range_crc_between(&world->crcs, 3, 60000, &crc));
	assert_int_equal(crc, truth(world, 3, 60000));
}

static void a_file_that_has_shrunk_is_unreadable_at_its_end(void **state)
{
	struct world *world = *state;
	world->file.len = 100000;
	build(world);
	assert_non_null(range_crc_bad_in(&world->crcs, 100000, 100001));
	assert_non_null(range_crc_bad_in(&world->crcs, LENGTH - 1, LENGTH));
}

static void building_can_be_cancelled(void **state)
{
	struct world *world = *state;
	const _Atomic bool cancel = true;
	assert_int_equal(range_crc_build(&world->crcs, &world->io, -1, LENGTH, &cancel),
			 AS_ERR_CANCELLED);
}

/* A file of one byte again and again, as long as one likes, whose first block cannot be read. */
static ssize_t pread_same(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	(void)io;
	(void)fd;
	if (offset < 4096) {
		errno = EIO;
		return -1;
	}
	memset(buffer, 0x5a, len);
	return (ssize_t)len;
}

/* With fewer prefixes than blocks a bad block may lie between the end of a prefix and a place that
 * is asked for. */
static void a_long_file_has_no_more_prefixes_and_the_same_checksums(void **state)
{
	struct world *world = *state;
	const uint64_t length = UINT64_C(1) << 32;
	uint8_t same[20000];
	uint32_t crc;
	memset(same, 0x5a, sizeof(same));
	world->io.pread = pread_same;
	assert_int_equal(range_crc_build(&world->crcs, &world->io, -1, length, NULL), AS_OK);
	assert_int_equal(world->crcs.step, 8192);
	assert_int_equal(world->crcs.bad_count, 1);
	assert_true(range_crc_between(&world->crcs, 4096, 4096 + sizeof(same), &crc));
	assert_int_equal(crc, crc32(0, same, sizeof(same)));
	assert_true(range_crc_between(&world->crcs, 5000, 7000, &crc));
	assert_int_equal(crc, crc32(0, same, 2000));
	assert_false(range_crc_between(&world->crcs, 4095, 7000, &crc));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(any_stretch_has_the_checksum_that_zlib_computes),
		CASE(a_stretch_costs_the_same_whatever_its_length),
		CASE(unreadable_blocks_are_known_and_stop_only_what_holds_them),
		CASE(a_block_that_is_bad_in_its_middle_does_not_spoil_what_follows),
		CASE(a_block_that_fails_later_gives_no_checksum),
		CASE(a_block_that_is_refused_once_is_good_and_doubted),
		CASE(a_file_that_has_shrunk_is_unreadable_at_its_end),
		CASE(building_can_be_cancelled),
		CASE(a_long_file_has_no_more_prefixes_and_the_same_checksums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
