#include "build-config.h"

#include "key_hash.h"

#include <sys/random.h>
#include <time.h>

void key_hash_draw(struct key_hash *hash)
{
	struct timespec now;

	if (getrandom(hash->seed, sizeof(hash->seed), GRND_NONBLOCK) ==
	    (ssize_t)sizeof(hash->seed))
		return;
	/* Early in the boot, or the call is forbidden: something that a file cannot foresee. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t state = (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)hash;
	for (unsigned i = 0; i < KEY_WORDS + 1; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		hash->seed[i] = state ^ state >> 29;
	}
}
