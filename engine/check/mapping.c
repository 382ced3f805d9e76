#include "build-config.h"

#include "check/check_internal.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

/* Bits of two keys that may differ for one to be the other, damaged. */
#define KEY_BITS_DAMAGED 8u
/* Bytes at the end of both that are enough where a zeroed sector has the others. */
#define KEY_BYTES_LEFT 8u

bool verify_may_be_elsewhere(const struct repo *repo, uint32_t segment)
{
	return listing_is_partial(&repo->findings) || listing_has_other(&repo->findings, segment);
}

enum aim verify_aim(const struct verify *verify, const struct index_bucket *bucket)
{
	const struct segment_facts *facts = verify_facts(verify, bucket->segment);
	uint8_t cause;
	if (bucket->offset < SEGMENT_MAGIC_SIZE)
		return AIM_NOWHERE;
	if (!facts)
		return verify_may_be_elsewhere(verify->repo, bucket->segment) ? AIM_UNREADABLE
									      : AIM_MISSING;
	if (facts->is_unopened)
		return AIM_UNREADABLE;
	if (verify_damage_at(verify, bucket->segment, bucket->offset, &cause))
		return cause == SEGMENT_UNREADABLE ? AIM_UNREADABLE : AIM_DAMAGED;
	return (uint64_t)bucket->offset + SEGMENT_KEYED > facts->size ? AIM_BEYOND : AIM_WRONG;
}

bool verify_was_searched(const struct verify *verify, const uint8_t key[KEY_SIZE],
			 const struct replay_event *event)
{
	struct replay_event found;
	return replay_find(verify->unanchored, key, &found) && found.segment == event->segment &&
	       found.offset == event->offset;
}

bool verify_has_moved(const struct verify *verify, const struct index_bucket *bucket,
		      const struct replay_event *event)
{
	return event->is_put && event->segment == bucket->segment &&
	       verify_was_searched(verify, bucket->key, event);
}

const struct verify_oddity *verify_find_oddity(const struct verify *verify, uint32_t bucket)
{
	return array_find(verify->oddities, verify->oddity_count, sizeof(*verify->oddities),
			  &bucket, array_compare_u32);
}

bool verify_find_event(const struct verify *verify, const uint8_t key[KEY_SIZE],
		       const struct index_bucket *bucket, bool is_confirmed,
		       struct replay_event *event)
{
	struct replay_event found;
	const bool has_sound = replay_find(verify->replay, key, event);
	if (is_confirmed || !replay_find(verify->unanchored, key, &found))
		return has_sound;
	const bool is_supported = bucket && found.is_put && found.segment == bucket->segment;
	if (has_sound && !(is_supported && replay_time(found.segment, found.offset) >
					   replay_time(event->segment, event->offset)))
		return true;
	*event = found;
	return true;
}

bool verify_keys_are_near(const uint8_t a[KEY_SIZE], const uint8_t b[KEY_SIZE])
{
	unsigned bits = 0, end = KEY_SIZE;
	for (unsigned i = 0; i < KEY_SIZE; i++)
		bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
	while (end > 0 && a[end - 1] == b[end - 1])
		end--;
	return bits <= KEY_BITS_DAMAGED ||
	       (end <= KEY_SIZE - KEY_BYTES_LEFT && (memcmp(a, key_of_manifest, end) == 0 ||
						     memcmp(b, key_of_manifest, end) == 0));
}

bool verify_is_near_bucket(const struct verify *verify, const uint8_t key[KEY_SIZE])
{
	for (size_t i = 0; i < verify->stranger_count; i++)
		if (verify->strangers[i].is_near &&
		    memcmp(verify->strangers[i].key, key, KEY_SIZE) == 0)
			return true;
	return false;
}
