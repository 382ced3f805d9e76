#include "build-config.h"

#include "base/key_hash.h"

#include <sys/random.h>
#include <time.h>

/* The generator of Knuth's MMIX; its upper bits are the good ones. */
static uint64_t next_seed(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state ^ *state >> 29;
}

void key_hash_derive(struct key_hash *hash, const uint8_t name[KEY_SIZE])
{
	uint64_t state = 0;

	for (unsigned i = 0; i < KEY_SIZE; i++)
		state = next_seed(&state) + name[i];
	for (unsigned i = 0; i < KEY_WORDS + 1; i++)
		hash->seed[i] = next_seed(&state);
}

void key_hash_draw(struct key_hash *hash)
{
	struct timespec now;

	if (getrandom(hash->seed, sizeof(hash->seed), GRND_NONBLOCK) ==
	    (ssize_t)sizeof(hash->seed))
		return;
	/* Early in the boot, or the call is forbidden: something that a file cannot foresee. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t state = (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)hash;
	for (unsigned i = 0; i < KEY_WORDS + 1; i++)
		hash->seed[i] = next_seed(&state);
}
