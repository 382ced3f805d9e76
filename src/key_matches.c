#include "build-config.h"

#include "src/key_matches.h"

#include "src/message.h"

#include <inttypes.h>
#include <string.h>

static void add(struct candidates *candidates, const uint8_t key[KEY_SIZE])
{
	if (candidates->count < CANDIDATES_KEPT)
		memcpy(candidates->keys[candidates->count], key, KEY_SIZE);
	candidates->count++;
}

struct search {
	const struct key_prefix *prefix;
	struct candidates *candidates;
};

static enum as_err match_bucket(void *context, const struct index_bucket *bucket)
{
	const struct search *search = context;
	if (index_bucket_is_used(bucket) && key_prefix_matches(search->prefix, bucket->key))
		add(search->candidates, bucket->key);
	return AS_OK;
}

void candidates_from_index(const struct repo *repo, const struct key_prefix *prefix,
			   struct candidates *candidates)
{
	struct search search = { prefix, candidates };
	uint32_t from = 0;
	*candidates = (struct candidates){ .count = 0 };
	if (repo->index.fd >= 0)
		index_each(&repo->index, &from, match_bucket, &search);
}

static bool is_listed(const struct candidates *candidates, const uint8_t key[KEY_SIZE])
{
	for (uint64_t i = 0; i < candidates->count && i < CANDIDATES_KEPT; i++)
		if (memcmp(candidates->keys[i], key, KEY_SIZE) == 0)
			return true;
	return false;
}

/* What is lost can come more than once. */
static enum as_err consider(void *context, const uint8_t key[KEY_SIZE],
			    enum verify_outcome outcome, const struct replay_event *place)
{
	const struct search *search = context;
	(void)place;
	if (outcome != OUTCOME_NONE && key_prefix_matches(search->prefix, key) &&
	    (outcome == OUTCOME_OBJECT || !is_listed(search->candidates, key)))
		add(search->candidates, key);
	return AS_OK;
}

void candidates_from_log(const struct verify *verify, const struct key_prefix *prefix,
			 struct candidates *candidates)
{
	struct search search = { prefix, candidates };
	*candidates = (struct candidates){ .count = 0 };
	verify_each(verify, consider, &search);
}

void candidates_report(const struct candidates *candidates, const char *text)
{
	const uint64_t shown =
		candidates->count < CANDIDATES_KEPT ? candidates->count : CANDIDATES_KEPT;
	message("%s is the beginning of %" PRIu64 " keys:", text, candidates->count);
	for (uint64_t i = 0; i < shown; i++) {
		char hex[KEY_HEX_SIZE];
		key_to_hex(candidates->keys[i], hex);
		message("  %s%s", hex, key_note(candidates->keys[i]));
	}
	if (shown < candidates->count)
		message("  and %" PRIu64 " more", candidates->count - shown);
}
