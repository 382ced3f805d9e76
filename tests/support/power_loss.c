#include "build-config.h"

#include "tests/support/power_loss.h"

#include "tests/support/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digests of the states seen so far, as a hash table; 0 is an empty place. */
struct seen {
	uint64_t *digests;
	size_t count, capacity;
};

static bool put(uint64_t *digests, size_t capacity, uint64_t digest)
{
	size_t at = (size_t)(digest % capacity);
	while (digests[at] != 0 && digests[at] != digest)
		at = (at + 1) % capacity;
	if (digests[at] == digest)
		return false;
	digests[at] = digest;
	return true;
}

static void grow(struct seen *seen)
{
	const size_t capacity = 2 * seen->capacity + 1024;
	uint64_t *digests = calloc(capacity, sizeof(*digests));
	if (!digests)
		abort();
	for (size_t i = 0; i < seen->capacity; i++)
		if (seen->digests[i] != 0)
			put(digests, capacity, seen->digests[i]);
	free(seen->digests);
	seen->digests = digests;
	seen->capacity = capacity;
}

/* False: it was seen before. */
static bool is_new(struct seen *seen, uint64_t digest)
{
	if (2 * seen->count >= seen->capacity)
		grow(seen);
	const bool is_first = put(seen->digests, seen->capacity, digest ? digest : 1);
	seen->count += is_first;
	return is_first;
}

/* The name decides: a digest differs from run to run where a file name holds the time. */
static bool is_drawn(const struct power_loss *loss, const struct power_loss_state *state)
{
	char name[48];
	snprintf(name, sizeof(name), "%zu,%llu", state->point, (unsigned long long)state->number);
	if (loss->only)
		return strcmp(loss->only, name) == 0;
	uint64_t mixed = (state->point * 1000003 + state->number + loss->seed * 7919u) ^ 0x5bd1;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return loss->one_in <= 1 || (mixed >> 32) % loss->one_in == 0;
}

static void visit(struct power_loss *loss, struct seen *seen, const struct disk_crash *crash,
		    struct power_loss_state *state,
		    void (*each)(void *context, const struct power_loss_state *state),
		    void *context)
{
	char fates[DISK_TEXT];
	if (!is_drawn(loss, state))
		return;
	/* An equal state after the end is another one: it must hold more. */
	if (!is_new(seen, disk_crash_digest(crash) ^ state->is_done))
		return;
	disk_crash_describe(crash, fates);
	state->fates = fates;
	disk_crash_write(crash, loss->folder);
	each(context, state);
	builder_remove_folder(loss->folder);
	loss->states++;
}

static void visit_point(struct power_loss *loss, struct seen *seen, size_t point,
			void (*each)(void *context, const struct power_loss_state *state),
			void *context)
{
	struct disk_crash *crash = disk_crash_new(loss->model, point);
	const uint64_t combinations = disk_crash_combinations(crash);
	const bool is_few = combinations <= POWER_LOSS_ALL;
	struct power_loss_state state = {
		.folder = loss->folder, .point = point, .is_done = point >= loss->done,
	};
	for (uint64_t i = 0; i < (is_few ? combinations : loss->samples); i++) {
		state.number = i;
		if (is_few)
			disk_crash_choose(crash, i);
		else
			disk_crash_sample(crash, i);
		visit(loss, seen, crash, &state, each, context);
	}
	loss->points++;
	if (loss->pending_max < disk_crash_pending(crash))
		loss->pending_max = disk_crash_pending(crash);
	disk_crash_free(crash);
}

void power_loss_walk(struct power_loss *loss,
		     void (*each)(void *context, const struct power_loss_state *state),
		     void *context)
{
	struct seen seen = { .count = 0 };
	for (size_t point = loss->first; point <= disk_model_changes(loss->model); point++)
		visit_point(loss, &seen, point, each, context);
	free(seen.digests);
}
