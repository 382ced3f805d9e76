/* engine/base/key_hash.h - a hash of keys that the disk cannot foresee.
 *
 * Keys come from the disk and may be made to collide, so the hash must not be known beforehand.
 * This is the pair-multiply-shift of Dietzfelbinger and Thorup: universal in its upper 32 bits.
 */
#ifndef ATTICSCOPE_KEY_HASH_H
#define ATTICSCOPE_KEY_HASH_H

#include "base/bytes.h"

#define KEY_WORDS (KEY_SIZE / 4)

_Static_assert(KEY_WORDS == 8, "key_hash has a line for each two");

struct key_hash { uint64_t seed[KEY_WORDS + 1]; };

/* Draw a hash at random. */
void key_hash_draw(struct key_hash *hash);

/* Always the same for the same @name: for what is kept from one run to the next. Who knows the name
 * can foresee it. */
void key_hash_derive(struct key_hash *hash, const uint8_t name[KEY_SIZE]);

/* Eight bytes of a key. */
static inline uint64_t key_hash_pair(const uint64_t seed[2], const uint8_t bytes[8])
{
	return (seed[0] + get_u32le(bytes + 4)) * (seed[1] + get_u32le(bytes));
}

/* A line for each pair: out of a loop the compiler makes vectors, which cannot multiply so well. */
static inline uint32_t key_hash(const struct key_hash *hash, const uint8_t key[KEY_SIZE])
{
	const uint64_t *seed = hash->seed;
	const uint64_t sum = seed[KEY_WORDS] +
			     key_hash_pair(seed, key) +
			     key_hash_pair(seed + 2, key + 8) +
			     key_hash_pair(seed + 4, key + 16) +
			     key_hash_pair(seed + 6, key + 24);

	return (uint32_t)(sum >> 32);
}

#endif
