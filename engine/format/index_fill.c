#include "build-config.h"

#include "format/index_fill.h"

#include "base/array.h"
#include "format/index_table_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BATCH (sizeof(((struct index_filler *)NULL)->batch) / sizeof(struct index_mapping))

/* Odd, so that groups begun together lie far apart: when two threads touch one new huge page at
 * once, the system fills it twice. */
#define TURN_STEP 29u
#define PASSED_NOT_ADDED 100000u	/* buckets passed before they are added to the total */

struct index_fill {
	struct index_table *table;
	_Atomic unsigned turn;		/* at most so many groups, and once more for each thread */
	_Atomic uint32_t used;
	_Atomic uint64_t passed;	/* buckets of others */
	pthread_mutex_t mutex;
	struct index_mapping *waiting;	/* those that found their stripe full */
	size_t waiting_count, waiting_capacity;
};

struct index_fill *index_fill_new(const struct dialect *dialect, uint64_t keys)
{
	const uint64_t buckets = index_table_buckets_for(dialect, keys);
	struct index_fill *fill = buckets <= INT32_MAX ? calloc(1, sizeof(*fill)) : NULL;

	if (!fill)
		return NULL;
	fill->table = index_table_new_raw(dialect, (uint32_t)buckets);
	if (!fill->table) {
		free(fill);
		return NULL;
	}
	pthread_mutex_init(&fill->mutex, NULL);
	return fill;
}

void index_fill_free(struct index_fill *fill)
{
	if (!fill)
		return;
	index_table_free(fill->table);
	pthread_mutex_destroy(&fill->mutex);
	free(fill->waiting);
	free(fill);
}

static uint32_t stripe_size(const struct index_fill *fill)
{
	const uint32_t buckets = fill->table->image.buckets;

	/* One thread fills a table that stripes do not divide. */
	return buckets % INDEX_STRIPE ? buckets : INDEX_STRIPE;
}

static uint32_t stripe_count(const struct index_fill *fill)
{
	return fill->table->image.buckets / stripe_size(fill);
}

unsigned index_fill_groups(const struct index_fill *fill)
{
	const uint32_t stripes = stripe_count(fill);

	return stripes < INDEX_PARTS ? stripes : INDEX_PARTS;
}

bool index_filler_begin(struct index_filler *filler, struct index_fill *fill, unsigned *group)
{
	const unsigned groups = index_fill_groups(fill);
	const unsigned turn = fill->turn++;
	const uint32_t size = stripe_size(fill);

	if (turn >= groups)
		return false;
	*group = turn * TURN_STEP % groups;
	filler->fill = fill;
	filler->batched = 0;
	filler->used = 0;
	filler->passed = 0;
	for (uint32_t stripe = *group; stripe < stripe_count(fill); stripe += groups)
		make_empty(fill->table, stripe * size, stripe * size + size);
	return true;
}

/* False: its stripe is full from its home to the end. */
static bool put_in_stripe(struct index_filler *filler, const struct index_mapping *mapping)
{
	const struct index_fill *fill = filler->fill;
	const uint32_t size = stripe_size(fill);
	const uint32_t home = index_home(mapping->key, fill->table->image.buckets);
	uint8_t *p = bucket_at(fill->table, home);

	for (uint32_t left = size - home % size; left; left--, p += INDEX_BUCKET) {
		const bool is_free = get_u32le(p + KEY_SIZE) == INDEX_EMPTY;

		if (is_free || !memcmp(p, mapping->key, KEY_SIZE)) {
			fill_bucket(p, mapping->key, mapping->segment, mapping->offset);
			filler->used += is_free;
			return true;
		}
		filler->passed++;
	}
	return false;
}

/* Seldom, because other threads read the same cache line. */
static enum as_err add_up(struct index_filler *filler)
{
	struct index_fill *fill = filler->fill;

	fill->used += filler->used;
	const uint64_t passed = atomic_fetch_add(&fill->passed, filler->passed) + filler->passed;
	filler->used = 0;
	filler->passed = 0;
	return is_degenerating(passed, fill->table->image.buckets) ? AS_ERR_COLLISION : AS_OK;
}

static enum as_err put_batch(struct index_filler *filler)
{
	struct index_fill *fill = filler->fill;
	bool has_room = true;

	for (unsigned i = 0; i < filler->batched && has_room; i++) {
		if (put_in_stripe(filler, &filler->batch[i]))
			continue;
		pthread_mutex_lock(&fill->mutex);
		has_room = ARRAY_RESERVE(fill->waiting, fill->waiting_count,
					 fill->waiting_capacity);
		if (has_room)
			fill->waiting[fill->waiting_count++] = filler->batch[i];
		pthread_mutex_unlock(&fill->mutex);
	}
	filler->batched = 0;
	if (!has_room)
		return AS_ERR_MEMORY;
	return filler->passed >= PASSED_NOT_ADDED ? add_up(filler) : AS_OK;
}

enum as_err index_filler_put(struct index_filler *filler, const uint8_t key[KEY_SIZE],
			     uint32_t segment, uint32_t offset)
{
	struct index_mapping *mapping = &filler->batch[filler->batched++];

	index_table_prefetch(filler->fill->table, key);
	memcpy(mapping->key, key, KEY_SIZE);
	mapping->segment = segment;
	mapping->offset = offset;
	return filler->batched == BATCH ? put_batch(filler) : AS_OK;
}

enum as_err index_filler_end(struct index_filler *filler)
{
	const enum as_err err = put_batch(filler);

	return err ? err : add_up(filler);
}

enum as_err index_fill_end(struct index_fill *fill, struct index_table **table)
{
	enum as_err err = AS_OK;

	fill->table->image.used = fill->used;
	fill->table->image.passed = fill->passed;
	for (size_t i = 0; i < fill->waiting_count && !err; i++) {
		const struct index_mapping *mapping = &fill->waiting[i];

		err = index_table_put(fill->table, mapping->key, mapping->segment,
				      mapping->offset);
	}
	*table = NULL;
	if (!err) {
		*table = fill->table;
		fill->table = NULL;
	}
	index_fill_free(fill);
	return err;
}
