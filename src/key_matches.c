#include "build-config.h"

#include "src/key_matches.h"

#include "src/message.h"

#include <inttypes.h>
#include <string.h>

static void add(struct key_matches *matches, const uint8_t key[KEY_SIZE])
{
	if (matches->count < KEY_MATCHES_KEPT)
		memcpy(matches->keys[matches->count], key, KEY_SIZE);
	matches->count++;
}

static enum as_err match_bucket(void *context, const struct index_bucket *bucket)
{
	struct key_matches *matches = context;
	if (index_bucket_is_used(bucket) && key_prefix_matches(matches->prefix, bucket->key))
		add(matches, bucket->key);
	return AS_OK;
}

void key_matches_in_index(const struct repo *repo, const struct key_prefix *prefix,
			  struct key_matches *matches)
{
	uint32_t from = 0;
	*matches = (struct key_matches){ .prefix = prefix };
	if (repo->index.fd >= 0)
		index_each(&repo->index, &from, match_bucket, matches);
}

static enum as_err match_object(void *context, const uint8_t key[KEY_SIZE],
				enum verify_outcome outcome, const struct replay_event *place)
{
	struct key_matches *matches = context;
	(void)place;
	if (outcome == OUTCOME_NONE || !key_prefix_matches(matches->prefix, key))
		return AS_OK;
	/* A lost key can come more than once. */
	for (uint64_t i = 0; i < matches->count && i < KEY_MATCHES_KEPT; i++)
		if (outcome != OUTCOME_OBJECT && memcmp(matches->keys[i], key, KEY_SIZE) == 0)
			return AS_OK;
	add(matches, key);
	return AS_OK;
}

void key_matches_in_log(const struct verify *verify, const struct key_prefix *prefix,
			struct key_matches *matches)
{
	*matches = (struct key_matches){ .prefix = prefix };
	verify_each(verify, match_object, matches);
}

void key_matches_report(const struct key_matches *matches, const char *text)
{
	const uint64_t shown =
		matches->count < KEY_MATCHES_KEPT ? matches->count : KEY_MATCHES_KEPT;
	message("%s is the beginning of %" PRIu64 " keys:", text, matches->count);
	for (uint64_t i = 0; i < shown; i++) {
		char hex[KEY_HEX_SIZE];
		key_to_hex(matches->keys[i], hex);
		message("  %s%s", hex, key_note(matches->keys[i]));
	}
	if (shown < matches->count)
		message("  and %" PRIu64 " more", matches->count - shown);
}
