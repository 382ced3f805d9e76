#include "build-config.h"

#include "check/check_internal.h"

bool verify_lookup(const struct verify *verify, const uint8_t key[KEY_SIZE],
		   struct replay_event *place)
{
	struct index_bucket bucket;
	if (!verify->index_was_compared)
		return replay_find(verify->replay, key, place) && place->is_put;
	const bool has_bucket = index_lookup(&verify->index, key, &bucket) == AS_OK;
	const enum verdict verdict =
		verify_find_verdict_of_key(verify, key, has_bucket ? &bucket : NULL, place);
	return verdict_table[verdict].is_object;
}

struct walk {
	const struct verify *verify;
	verify_each_fn *each;
	void *context;
};

static enum verify_outcome outcome_of_gone(const struct verify_gone *gone,
					   struct replay_event *place)
{
	*place = gone->has_older ? gone->older : (struct replay_event){
		.segment = gone->segment, .offset = gone->offset, .is_put = true,
	};
	if (gone->has_older)
		return OUTCOME_OLDER;
	return gone->is_unreadable ? OUTCOME_UNREADABLE : OUTCOME_LOST;
}

/* @place is that of the object, where the verdict is one. */
static enum as_err call(const struct walk *walk, const uint8_t key[KEY_SIZE], enum verdict verdict,
			struct replay_event *place)
{
	enum verify_outcome outcome = OUTCOME_OBJECT;
	if (!verdict_table[verdict].is_object) {
		const struct verify_gone *gone = verify_find_gone(walk->verify, key);
		outcome = gone ? outcome_of_gone(gone, place) : OUTCOME_NONE;
	}
	return walk->each(walk->context, key, outcome, place);
}

static enum as_err walk_bucket(void *context, const struct index_bucket *bucket)
{
	const struct walk *walk = context;
	const struct verify *verify = walk->verify;
	struct index_bucket found;
	struct replay_event place = { .is_put = true };
	if (!index_bucket_is_used(bucket))
		return AS_OK;
	/* A second bucket of the same key is not the one that a look-up finds. */
	if (!verify_is_confirmed(verify, bucket->number) &&
	    (index_lookup(&verify->index, bucket->key, &found) != AS_OK ||
	     found.number != bucket->number || bucket->offset < SEGMENT_MAGIC_SIZE))
		return AS_OK;
	const enum verdict verdict =
		verify_find_verdict_of_key(verify, bucket->key, bucket, &place);
	return call(walk, bucket->key, verdict, &place);
}

/* The keys that the index does not have. */
static enum as_err walk_event(void *context, const uint8_t key[KEY_SIZE],
			      const struct replay_event *event)
{
	const struct walk *walk = context;
	const struct verify *verify = walk->verify;
	struct index_bucket bucket;
	struct replay_event place = *event;
	if (!verify->index_was_compared)
		return call(walk, key, event->is_put ? VERDICT_UNWITNESSED : VERDICT_DELETED,
			    &place);
	const bool has_bucket = index_lookup(&verify->index, key, &bucket) == AS_OK;
	if (has_bucket && bucket.offset >= SEGMENT_MAGIC_SIZE)
		return AS_OK;
	const enum verdict verdict = verify_find_verdict(verify, key, has_bucket ? &bucket : NULL,
							 event, &place);
	return call(walk, key, verdict, &place);
}

static enum as_err walk_unanchored(void *context, const uint8_t key[KEY_SIZE],
				   const struct replay_event *event)
{
	const struct walk *walk = context;
	struct replay_event sound;
	return replay_find(walk->verify->replay, key, &sound) ? AS_OK
							      : walk_event(context, key, event);
}

/* What neither the index nor the replay has: damaged entries alone name it. */
static enum as_err walk_gone(void *context, const uint8_t key[KEY_SIZE],
			     enum verify_outcome outcome, const struct replay_event *place)
{
	const struct walk *walk = context;
	const struct verify *verify = walk->verify;
	struct index_bucket bucket;
	struct replay_event event;
	if (replay_find(verify->replay, key, &event) ||
	    (verify->index_was_compared &&
	     index_lookup(&verify->index, key, &bucket) == AS_OK))
		return AS_OK;
	return walk->each(walk->context, key, outcome, place);
}

enum as_err verify_each_of(const struct verify *verify, unsigned part, verify_each_fn *each,
			   void *context)
{
	struct walk walk = { .verify = verify, .each = each, .context = context };
	uint32_t from = 0;
	enum as_err err = AS_OK;
	if (part == 0 && verify->index_was_compared)
		err = index_each(&verify->index, &from, walk_bucket, &walk);
	if (part == 0 && err == AS_OK)
		err = verify_each_gone(verify, walk_gone, &walk);
	if (err == AS_OK)
		err = replay_each_of(verify->replay, part, walk_event, &walk);
	if (err == AS_OK)
		err = replay_each_of(verify->unanchored, part, walk_unanchored, &walk);
	return err;
}

enum as_err verify_each(const struct verify *verify, verify_each_fn *each, void *context)
{
	enum as_err err = AS_OK;
	for (unsigned part = 0; err == AS_OK && part < VERIFY_PARTS; part++)
		err = verify_each_of(verify, part, each, context);
	return err;
}

enum as_err verify_each_gone(const struct verify *verify, verify_each_fn *each, void *context)
{
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->gone_count; i++) {
		struct replay_event place;
		const enum verify_outcome outcome = outcome_of_gone(&verify->gone[i], &place);
		err = each(context, verify->gone[i].key, outcome, &place);
	}
	return err;
}
