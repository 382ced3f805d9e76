/* engine/check/parcels.h - entries that one worker has read, on their way to another one that looks
 * them up in the index.
 *
 * Where there are fewer segments than workers, as with Borg's of 500 MiB, some workers have nothing
 * to read; they help those that read. Reading never waits for a helper: what nobody has taken
 * when PARCELS_WAITING parcels wait, the reader keeps.
 */
#ifndef ATTICSCOPE_PARCELS_H
#define ATTICSCOPE_PARCELS_H

#include "base/bytes.h"
#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PARCEL_EVENTS 1024u
#define PARCELS_WAITING 4u

struct parcel_event {
	uint8_t key[KEY_SIZE];
	uint32_t offset, size;
	bool is_put;
	bool is_unanchored;
};

/* What the helpers found in the parcels of one reader. It begins as zeros, and belongs to
 * parcels.c. */
struct parcel_account {
	unsigned open;			/* parcels given and not finished */
	uint32_t live;
	uint64_t live_bytes;
	enum as_err err;		/* the first failure */
};

struct parcel {
	struct parcel *next;
	struct parcel_account *account;	/* of the reader */
	uint32_t segment;
	unsigned count;
	struct parcel_event events[PARCEL_EVENTS];
};

struct parcels {
	pthread_mutex_t mutex;
	pthread_cond_t given;		/* or nobody reads */
	pthread_cond_t finished;
	struct parcel *first, *last;	/* they wait */
	unsigned waiting, readers;
	_Atomic unsigned helpers;
};

void parcels_init(struct parcels *parcels);
void parcels_destroy(struct parcels *parcels);

/* Each worker reads first, and helps afterwards. */
void parcels_begin_reading(struct parcels *parcels);
void parcels_begin_helping(struct parcels *parcels);

/* Does a worker help? It does then until the last reader has become a helper. */
static inline bool parcels_have_helper(struct parcels *parcels)
{
	return atomic_load_explicit(&parcels->helpers, memory_order_relaxed) > 0;
}

/* Give @parcel, whose account is set, to the helpers, who free it. False: there is none, or enough
 * of them wait; the caller keeps it. */
bool parcels_give(struct parcels *parcels, struct parcel *parcel);

/* For a helper: wait for a parcel. NULL: nobody reads, and it no longer helps. */
struct parcel *parcels_take(struct parcels *parcels);

/* Enter what a helper found in @parcel, and free it. */
void parcels_finish(struct parcels *parcels, struct parcel *parcel, uint32_t live,
		    uint64_t live_bytes, enum as_err err);

/* Wait until all parcels of @account are finished, return it, and clear it for the next ones. */
struct parcel_account parcels_collect(struct parcels *parcels, struct parcel_account *account);

#endif
