#include "build-config.h"

#include "tests/unit/format/index_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct test_table table;

struct scratch *scratch;
struct fault fault;
struct index_file file;
struct index_image image;
struct findings findings;

int setup(void **state)
{
	fault_init(&fault);
	findings_init(&findings);
	memset(&image, 0, sizeof(image));
	file.fd = -1;
	scratch_setup(state);
	scratch = *state;
	return 0;
}

int teardown(void **state)
{
	index_image_free(&image);
	if (file.fd >= 0)
		index_close(&file);
	findings_free(&findings);
	free(table.bytes);
	table.bytes = NULL;
	return scratch_teardown(state) || fault.opens != fault.closes;
}

void put_u32(size_t at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		table.bytes[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

void table_new(uint32_t buckets)
{
	free(table.bytes);
	table.buckets = buckets;
	table.len = 18 + (size_t)buckets * 40;
	table.bytes = malloc(table.len);
	assert_non_null(table.bytes);
	memset(table.bytes, 0xff, table.len);
	memcpy(table.bytes, "ATTICIDX", 8);
	put_u32(8, 0);
	put_u32(12, buckets);
	table.bytes[16] = 32;
	table.bytes[17] = 8;
}

const uint8_t *key_of(uint32_t start, uint8_t rest)
{
	static uint8_t key[KEY_SIZE];

	memset(key, rest, sizeof(key));
	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(start >> 8 * i);
	return key;
}

static void table_count(int by)
{
	put_u32(8, get_u32le(table.bytes + 8) + (uint32_t)by);
}

void table_set(uint32_t number, const uint8_t *key, uint32_t segment, uint32_t offset)
{
	const size_t at = 18 + (size_t)number * 40;

	memcpy(table.bytes + at, key, KEY_SIZE);
	put_u32(at + 32, segment);
	put_u32(at + 36, offset);
	if (segment < DELETED)
		table_count(1);
}

uint32_t table_segment(uint32_t number)
{
	return get_u32le(table.bytes + 18 + (size_t)number * 40 + 32);
}

uint32_t table_insert(const uint8_t *key, uint32_t segment, uint32_t offset)
{
	uint32_t number = get_u32le(key) % table.buckets;

	while (table_segment(number) < DELETED)
		number = (number + 1) % table.buckets;
	table_set(number, key, segment, offset);
	return number;
}

void table_delete(uint32_t number)
{
	put_u32(18 + (size_t)number * 40 + 32, DELETED);
	table_count(-1);
}

void table_write(void)
{
	scratch_file(scratch, "index.5", table.bytes, table.len);
}

enum as_err open_index(void)
{
	return index_open(&fault.io, scratch->fd, &dialect_attic, 5, &file, &findings);
}

void use_table(void)
{
	table_write();
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(index_load(&file, 2, NULL, &image), AS_OK);
}

void expect_found(const uint8_t *key, uint32_t number)
{
	struct index_bucket bucket;

	assert_int_equal(index_image_find(&image, key), number);
	const enum as_err err = index_lookup(&file, key, &bucket);
	assert_int_equal(err, number == EMPTY ? AS_ERR_OBJECT_NOT_FOUND : AS_OK);
	if (err)
		return;
	assert_int_equal(bucket.number, number);
	assert_memory_equal(bucket.key, key, KEY_SIZE);
	assert_int_equal(bucket.segment, table_segment(number));
}
