/* engine/check/replay.h - the newest event of each key, gathered in any order.
 *
 * The log's order of time is segment, then offset. The newest event wins, whatever order events are
 * added in, so worker threads may read segments as they please. Keys are kept in the parts of
 * index_part: a thread that walks one part of them needs one part of an index only.
 *
 * Takes 56 to 68 bytes a key. Events that wait to be merged take up to 46 MiB, or as much as the
 * keys where those take more.
 */
#ifndef ATTICSCOPE_REPLAY_H
#define ATTICSCOPE_REPLAY_H

#include "format/index.h"

#include <stdbool.h>

struct replay_event {
	uint32_t segment;
	uint32_t offset;
	uint32_t size;		/* of the entry, bytes; below 1 GiB */
	bool is_put;		/* else a DELETE */
};

static inline uint64_t replay_time(uint32_t segment, uint32_t offset)
{
	return (uint64_t)segment << 32 | offset;
}

/* How an event is kept. kind: bit 0 set for a PUT, and the size above it. */
struct replay_row {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t kind;
};

struct replay;

/* NULL: out of memory. */
struct replay *replay_new(void);
void replay_free(struct replay *replay);

/* Add an event. Safe in several threads at once. AS_ERR_MEMORY. */
enum as_err replay_add(struct replay *replay, const uint8_t key[KEY_SIZE],
		       const struct replay_event *event);

#define REPLAY_PARTS INDEX_PARTS

/* Many events, several times as fast: each thread gathers them in a batch of its own, which begins
 * as zeros, and hands it over at its end. The replay knows the events after replay_merge, which
 * must not run beside other functions. @threads: as of parallel_threads. AS_ERR_MEMORY. */
#define REPLAY_BATCH 32u	/* rows of a part */
struct replay_batch {
	uint8_t counts[REPLAY_PARTS];
	struct replay_row rows[REPLAY_PARTS][REPLAY_BATCH];
};
enum as_err replay_append(struct replay *replay, struct replay_batch *batch,
			  const uint8_t key[KEY_SIZE], const struct replay_event *event);
enum as_err replay_hand_over(struct replay *replay, struct replay_batch *batch);
enum as_err replay_merge(struct replay *replay, unsigned threads);

/* The functions below may run in several threads at once, but not beside those above. */

/* The newest event of @key; false when there is none. */
bool replay_find(const struct replay *replay, const uint8_t key[KEY_SIZE],
		 struct replay_event *event);

/* Call @each for every key, in no particular order, until it returns other than AS_OK; returns
 * that. */
enum as_err replay_each(const struct replay *replay,
			enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					    const struct replay_event *event),
			void *context);

/* The same for a part of the keys: those of @part, from 0, of REPLAY_PARTS. */
enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context);

size_t replay_count(const struct replay *replay);	/* keys */

#endif
