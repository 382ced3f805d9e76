/* tests/unit/format/segment_fixture.h - a segment that a test makes byte by byte, and a walk over
 * it.
 *
 * Knows the format on its own. Any failure fails the test. */
#ifndef ATTICSCOPE_SEGMENT_FIXTURE_H
#define ATTICSCOPE_SEGMENT_FIXTURE_H

#include "engine/format/segment.h"
#include "tests/support/memory_io.h"

/* A segment being put together, independent of the engine's own constants. The test frees bytes. */
struct image {
	uint8_t *bytes;
	size_t len;
};

/* Begin one: the magic alone. */
struct image image_new(void);

void append(struct image *image, const void *bytes, size_t len);

/* Append an entry with the given tag, a key of 32 bytes @key, and @len bytes @payload behind it;
 * returns its offset. A COMMIT has neither. */
size_t add(struct image *image, uint8_t tag, uint8_t key, const void *payload, size_t len);

/* A PUT of @len made-up bytes. */
size_t add_put(struct image *image, uint8_t key, size_t len);

/* Give the @size bytes at @entry the checksum that they should have. */
void seal(uint8_t *entry, uint32_t size);

/* Overwrite the size of the entry at @offset and, unless it is negative, its tag. */
void put_header(struct image *image, size_t offset, uint32_t size, int tag);

/* Drop the first @len bytes. */
void behead(struct image *image, size_t len);

/* What a walk over an image found. Set witnesses and the faults of file before. */
struct walk {
	struct segment_entry rows[256];
	size_t count;
	struct memory_file file;
	struct segment_witness witnesses[8];
	size_t witness_count;
};

/* Walk over @image as segment 17. The rows must leave no hole. */
void do_walk(struct walk *walk, const struct image *image);

void expect_row(const struct walk *walk, size_t i, size_t offset, size_t size, uint8_t tag,
		enum segment_cause cause);

#define DAMAGED 255

#endif
