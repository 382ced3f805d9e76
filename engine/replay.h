/* engine/replay.h - the newest event of each key, gathered in any order.
 *
 * The log's order of time is segment, then offset. Since the newest event wins whatever order they
 * are told in, worker threads may read segments as they please. Holds one row a key, never one an
 * entry: 54 to 72 bytes a key once there are a million.
 */
#ifndef ATTICSCOPE_REPLAY_H
#define ATTICSCOPE_REPLAY_H

#include "bytes.h"
#include "error.h"

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

/* About so many keys are to come in all. An aid only: what grows then grows at once to that, and
 * to no more than a few MiB for nothing. Safe in several threads at once. */
void replay_expect(struct replay *replay, uint64_t keys);

/* Tell of an event. Safe in several threads at once. AS_ERR_MEMORY. */
enum as_err replay_note(struct replay *replay, const uint8_t key[KEY_SIZE],
			const struct replay_event *event);

/* Have the memory come that telling of @key will want. Safe in several threads at once. */
void replay_prefetch(const struct replay *replay, const uint8_t key[KEY_SIZE]);

/* The newest event told of @key; false when none was. Only after all were told. */
bool replay_find(const struct replay *replay, const uint8_t key[KEY_SIZE],
		 struct replay_event *event);

/* Call @each for every key, in no particular order, until it returns other than AS_OK; returns
 * that. Only after all were told. */
enum as_err replay_each(const struct replay *replay,
			enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					    const struct replay_event *event),
			void *context);

/* The same for a part of the keys: those of @part, from 0, of REPLAY_PARTS. */
#define REPLAY_PARTS 32u
enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context);

size_t replay_count(const struct replay *replay);	/* keys */

#endif
