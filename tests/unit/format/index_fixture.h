/* tests/unit/format/index_fixture.h - an index that a test makes byte by byte, its file, and what
 * the engine makes of it.
 *
 * Knows the format on its own: 18 bytes of header, then buckets of 40 bytes. */
#ifndef ATTICSCOPE_INDEX_FIXTURE_H
#define ATTICSCOPE_INDEX_FIXTURE_H

#include "engine/format/index_load.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#define EMPTY 0xffffffffu
#define DELETED 0xfffffffeu

/* The bytes of an index file while a test makes them. */
struct test_table {
	uint8_t *bytes;
	size_t len;
	uint32_t buckets;
};
extern struct test_table table;

extern struct scratch *scratch;
extern struct fault fault;
extern struct index_file file;
extern struct index_image image;
extern struct findings findings;

/* For cmocka. After a test every file that it opened must be closed. */
int setup(void **state);
int teardown(void **state);

/* A key whose first four bytes are @start, and the rest @rest. Lives until the next call. */
const uint8_t *key_of(uint32_t start, uint8_t rest);

/* Begin a table of @buckets empty buckets. */
void table_new(uint32_t buckets);

/* Write a number at @at of its bytes. */
void put_u32(size_t at, uint32_t value);

/* Write exactly this bucket, wherever its key belongs. */
void table_set(uint32_t number, const uint8_t *key, uint32_t segment, uint32_t offset);

/* Insert as Attic does: in the first bucket from home that is not in use. Returns its number. */
uint32_t table_insert(const uint8_t *key, uint32_t segment, uint32_t offset);

/* Make a tombstone of a used bucket. */
void table_delete(uint32_t number);

/* The segment in bucket @number: EMPTY and DELETED are none. */
uint32_t table_segment(uint32_t number);

/* Write it as index.5; open that; or both, and load it. */
void table_write(void);
enum as_err open_index(void);
void use_table(void);

/* The disk and the memory give the same answer: bucket @number, or none where that is EMPTY. */
void expect_found(const uint8_t *key, uint32_t number);

#endif
