#include "build-config.h"

#include "check/row_blocks.h"

#include "base/huge_pages.h"

#include <stdbool.h>
#include <stdlib.h>

#define FIRST_CHUNK ((size_t)128 << 10)
#define FIRST_CHUNKS 16u

struct row_chunk {
	struct row_chunk *next;
};

void row_blocks_init(struct row_blocks *blocks)
{
	*blocks = (struct row_blocks){ .chunks = NULL };
	pthread_mutex_init(&blocks->lock, NULL);
}

void row_blocks_free(struct row_blocks *blocks)
{
	while (blocks->chunks) {
		struct row_chunk *next = blocks->chunks->next;

		free(blocks->chunks);
		blocks->chunks = next;
	}
	pthread_mutex_destroy(&blocks->lock);
}

static bool add_chunk(struct row_blocks *blocks, struct row_source *source)
{
	const bool is_small = blocks->chunk_count < FIRST_CHUNKS;
	const size_t size = is_small ? FIRST_CHUNK : 2 * HUGE_PAGE;
	struct row_chunk *chunk = is_small ? malloc(size) : huge_pages_new(size);

	if (!chunk)
		return false;
	chunk->next = blocks->chunks;
	blocks->chunks = chunk;
	blocks->chunk_count++;
	source->blocks = (union row_block *)(void *)(chunk + 1);
	source->count = (uint32_t)((size - sizeof(*chunk)) / sizeof(union row_block));
	return true;
}

static union row_block *take_fresh(struct row_source *source)
{
	source->count--;
	return source->blocks++;
}

static union row_block *take_any(struct row_blocks *blocks, struct row_source *source)
{
	union row_block *block = blocks->spare;

	if (block)
		blocks->spare = block->next;
	else if (source->count || add_chunk(blocks, source))
		block = take_fresh(source);
	return block;
}

union row_block *row_blocks_take(struct row_blocks *blocks, struct row_source *own)
{
	if (own && own->count)
		return take_fresh(own);
	pthread_mutex_lock(&blocks->lock);
	union row_block *block = take_any(blocks, own ? own : &blocks->source);
	pthread_mutex_unlock(&blocks->lock);
	return block;
}

void row_blocks_give_back(struct row_blocks *blocks, union row_block **rows, uint32_t count)
{
	pthread_mutex_lock(&blocks->lock);
	for (uint32_t i = 0; i < count; i++) {
		rows[i]->next = blocks->spare;
		blocks->spare = rows[i];
	}
	pthread_mutex_unlock(&blocks->lock);
}
