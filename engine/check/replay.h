/* engine/check/replay.h - the newest event of each key, gathered in any order.
 *
 * The log's order of time is segment, then offset. Since the newest event wins whatever order they
 * are told in, worker threads may read segments as they please. Keys are kept in the parts of
 * index_part, so whoever walks one part of them meets one part of an index.
 *
 * An event is either noted, and is known at once; or told by way of a teller, which is for many: it
 * is written down, and settled with all others of its part when that can be done without waiting
 * for the memory. Holds one row a key, of 56 to 68 bytes; of what is told and not yet settled as
 * many again at most, or 66 MiB.
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

struct replay;

/* NULL: out of memory. */
struct replay *replay_new(void);
void replay_free(struct replay *replay);

/* Note an event. Safe in several threads at once. AS_ERR_MEMORY. */
enum as_err replay_note(struct replay *replay, const uint8_t key[KEY_SIZE],
			const struct replay_event *event);

/* One thread's way to tell of many events. NULL: out of memory. */
struct replay_teller;
struct replay_teller *replay_teller_new(struct replay *replay);

/* Tell of an event. AS_ERR_MEMORY. */
enum as_err replay_tell(struct replay_teller *teller, const uint8_t key[KEY_SIZE],
			const struct replay_event *event);

/* Hand over all that was told: before replay_settle. AS_ERR_MEMORY. */
enum as_err replay_teller_end(struct replay_teller *teller);
void replay_teller_free(struct replay_teller *teller);	/* NULL is no teller */

/* Settle, with @threads threads (0: one for each processor), what was told: to be done when all
 * was, and before anything is asked. AS_ERR_MEMORY. */
enum as_err replay_settle(struct replay *replay, unsigned threads);

/* The newest event of @key; false when there is none. Several threads may ask at once. */
bool replay_find(const struct replay *replay, const uint8_t key[KEY_SIZE],
		 struct replay_event *event);

/* Call @each for every key, in no particular order, until it returns other than AS_OK; returns
 * that. */
enum as_err replay_each(const struct replay *replay,
			enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					    const struct replay_event *event),
			void *context);

/* The same for a part of the keys: those of @part, from 0, of REPLAY_PARTS. */
#define REPLAY_PARTS INDEX_PARTS
enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context);

size_t replay_count(const struct replay *replay);	/* keys */

#endif
