/* tests/support/power_loss.h - every state that a power loss may leave of one recorded operation,
 * each once.
 *
 * At every point of the record: all combinations if they are few, else a sample. A state is named
 * by its point and number, and can be made again from them. */
#ifndef ATTICSCOPE_TESTS_POWER_LOSS_H
#define ATTICSCOPE_TESTS_POWER_LOSS_H

#include "tests/support/disk_model.h"

#define POWER_LOSS_ALL 256u	/* combinations at a point that are still few */

struct power_loss_state {
	const char *folder;	/* the disk as the power loss leaves it */
	size_t point;
	uint64_t number;
	bool is_done;		/* all changes had returned, and so had the operation */
	const char *fates;	/* what became of each change, in words */
};

struct power_loss {
	const struct disk_model *model;
	size_t done;		/* changes after which the operation returned */
	const char *folder;	/* where states are written; absent before and after */
	uint64_t samples;	/* how many at a point with many combinations */
	unsigned one_in;	/* a random one of this many states; 1: all */
	unsigned seed;		/* of that choice */
	size_t first;		/* the point to begin at */
	const char *only;	/* "POINT,NUMBER": that state alone; or NULL */

	/* counted */
	size_t points, pending_max;
	uint64_t states;	/* different ones */
};

/* Call @each for every state. */
void power_loss_walk(struct power_loss *loss,
		     void (*each)(void *context, const struct power_loss_state *state),
		     void *context);

#endif
