/* mksample FOLDER - make a repository in FOLDER that shows the most common kinds of damage. */
#include "build-config.h"

#include "tests/support/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS 240u
#define NEW_LATER 20u	/* objects that each later transaction adds */

/* Sizes from empty to about a quarter of a segment, without order. */
static size_t size_of(unsigned number)
{
	return number % 37 == 0 ? 0 : 40 + (number * 2654435761u >> 8) % 3600;
}

static void put(struct builder *builder, unsigned number, size_t more)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	builder_put_some(builder, key, size_of(number) + more);
}

static void drop(struct builder *builder, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	builder_delete(builder, key);
}

/* Four transactions: the first stores, the others replace, delete and add. */
static void fill(struct builder *builder)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		put(builder, i, 0);
	builder_transaction(builder);
	for (unsigned turn = 1; turn <= 3; turn++) {
		for (unsigned i = turn; i < OBJECTS; i += 11 * turn)
			put(builder, i, turn);
		for (unsigned i = 4 * turn; i < OBJECTS; i += 53)
			drop(builder, i);
		for (unsigned i = 0; i < NEW_LATER; i++)
			put(builder, OBJECTS + turn * NEW_LATER + i, 0);
		builder_transaction(builder);
	}
}

/* A transaction that ends inside its third entry. */
static void leave_torn_tail(struct builder *builder)
{
	uint8_t key[BUILDER_KEY], entry[41 + 600] = { 0 };
	put(builder, 9001, 0);
	put(builder, 9002, 0);
	builder_key(9003, key);
	const size_t size = builder_encode(BUILDER_PUT, key, entry + 41, 600, entry);
	builder_append(builder, entry, size - 217);
}

static void damage(struct builder *builder)
{
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char path[BUILDER_PATH];

	builder_key(52, key);		/* a bit of a payload */
	if (builder_find(builder, key, &segment, &offset)) {
		builder_segment_path(builder, segment, path);
		builder_flip(path, offset + 41 + 12, 0x10);
	}
	builder_key(203, key);		/* the size in a header */
	if (builder_find(builder, key, &segment, &offset)) {
		builder_segment_path(builder, segment, path);
		builder_zero(path, offset + 4, 4);
	}
	builder_segment_path(builder, 17, path);	/* a page that never reached the disk */
	builder_zero(path, 4096, 4096);
	builder_segment_path(builder, 5, path);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), ".beforerecover");
	builder_write_file(path, "ATTICSEG", 8);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: mksample FOLDER\n");
		return 16;
	}
	struct builder *builder = builder_new(argv[1], 10, 12000);
	fill(builder);
	leave_torn_tail(builder);
	damage(builder);
	builder_free(builder);
	return 0;
}
