/* engine/key_hash.h - a hash of keys that the disk cannot foresee.
 *
 * Keys come from the disk and may be made to collide, so the hash must not be known beforehand.
 * This is the pair-multiply-shift of Dietzfelbinger and Thorup: universal in its upper 32 bits.
 */
#ifndef ATTICSCOPE_KEY_HASH_H
#define ATTICSCOPE_KEY_HASH_H

#include "bytes.h"

#define KEY_WORDS (KEY_SIZE / 4)

struct key_hash { uint64_t seed[KEY_WORDS + 1]; };

/* Draw a hash at random. */
void key_hash_draw(struct key_hash *hash);

/* Always the same for the same @name: for what is kept from one run to the next. Who knows the name
 * can foresee it. */
void key_hash_derive(struct key_hash *hash, const uint8_t name[KEY_SIZE]);

static inline uint32_t key_hash(const struct key_hash *hash, const uint8_t key[KEY_SIZE])
{
	const uint64_t *seed = hash->seed;
	uint64_t sum = seed[KEY_WORDS];

	for (unsigned i = 0; i < KEY_WORDS; i += 2)
		sum += (seed[i] + get_u32le(key + 4 * i + 4)) *
		       (seed[i + 1] + get_u32le(key + 4 * i));
	return (uint32_t)(sum >> 32);
}

#endif
