#include "build-config.h"

#include "check/check_internal.h"

#include "base/parallel.h"

#include <stdlib.h>

/* What the threads share. */
struct tally {
	struct verify *verify;
	_Atomic unsigned next;		/* part of the keys that nobody counts yet */
	_Atomic int failure;		/* enum as_err */
};

/* What one of them counts: adding to the facts for each object would wait for the other threads. */
struct counter {
	struct verify *verify;
	uint64_t objects, key_sum;
	struct counted { uint32_t live; uint64_t bytes; } *segments;	/* of the listing */
	uint32_t number;		/* of the segment that was met last, */
	size_t position;		/* and where it is */
};

static enum as_err count_object(void *context, const uint8_t key[KEY_SIZE],
				const struct replay_event *event)
{
	struct counter *counter = context;
	if (!event->is_put)
		return AS_OK;
	if (counter->position == LISTING_NONE || counter->number != event->segment) {
		counter->number = event->segment;
		counter->position = listing_find(&counter->verify->repo->listing, event->segment);
	}
	counter->objects++;
	counter->key_sum += key_value(key);
	if (counter->position == LISTING_NONE)
		return AS_OK;
	counter->segments[counter->position].live++;
	counter->segments[counter->position].bytes += event->size;
	return AS_OK;
}

static void count_parts(void *context)
{
	struct tally *tally = context;
	struct verify *verify = tally->verify;
	const size_t segments = verify->repo->listing.count;
	struct counter counter = {
		.verify = verify, .position = LISTING_NONE,
		.segments = calloc(segments + 1, sizeof(*counter.segments)),
	};
	unsigned part;
	if (!counter.segments) {
		tally->failure = AS_ERR_MEMORY;
		return;
	}
	while ((part = tally->next++) < REPLAY_PARTS)
		replay_each_of(verify->replay, part, count_object, &counter);
	pthread_mutex_lock(&verify->mutex);
	verify->objects += counter.objects;
	verify->key_sum += counter.key_sum;
	pthread_mutex_unlock(&verify->mutex);
	for (size_t i = 0; i < segments; i++) {
		verify->facts[i].live += counter.segments[i].live;
		verify->facts[i].live_bytes += counter.segments[i].bytes;
	}
	free(counter.segments);
}

enum as_err verify_tally_log(struct verify_run *run)
{
	struct tally tally = { .verify = run->verify, .failure = AS_OK };
	run->verify->objects = run->verify->key_sum = 0;
	for (size_t i = 0; i < run->repo->listing.count; i++) {
		run->verify->facts[i].live = 0;
		run->verify->facts[i].live_bytes = 0;
	}
	parallel_run(run->threads, count_parts, &tally);
	return (enum as_err)tally.failure;
}
