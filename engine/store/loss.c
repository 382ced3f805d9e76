#include "build-config.h"

#include "store/store_internal.h"

#include "check/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Does the index place the key of @bucket where the table does, or before? */
static bool has_mapping(const struct as_store *store, const struct index_bucket *bucket)
{
	uint32_t segment, offset;
	return index_table_get(store->table, bucket->key, &segment, &offset) &&
	       (segment > bucket->segment ||
		(segment == bucket->segment && offset >= bucket->offset));
}

/* Does the index name an object, or a newer version of one, that the table does not have? */
static enum as_err names_more(void *context, const struct index_bucket *bucket)
{
	return index_bucket_is_used(bucket) && !has_mapping(context, bucket) ? AS_END : AS_OK;
}

struct loss {
	const struct as_store *store;
	uint64_t readable;	/* objects that the table does not have, or elsewhere */
	uint64_t named;		/* lost ones and older versions, which only the index names */
};

static enum as_err count_loss(void *context, const uint8_t key[KEY_SIZE],
			      enum verify_outcome outcome, const struct replay_event *place)
{
	struct loss *loss = context;
	uint32_t segment, offset;
	if (outcome == OUTCOME_OBJECT)
		loss->readable += !index_table_get(loss->store->table, key, &segment, &offset) ||
				  segment != place->segment || offset != place->offset;
	else if (outcome != OUTCOME_NONE)
		loss->named++;
	return AS_OK;
}

enum as_err store_check_named(struct as_store *store, const struct index_table *before,
			      struct as_error *error)
{
	struct index_bucket bucket;
	uint64_t gone = 0;
	for (uint32_t from = 0; index_table_next(before, from, &bucket); from = bucket.number + 1) {
		uint8_t *value = NULL;
		size_t size;
		if (has_mapping(store, &bucket))
			continue;
		const enum as_err err = store_read_at(store, bucket.key, &bucket, &value, &size,
						      NULL);
		free(value);
		if (err != AS_OK && err != AS_ERR_INTEGRITY)
			return store_fail(store, err, error);
		gone += err == AS_OK;
	}
	if (gone == 0)
		return AS_OK;
	return as_fail(error, AS_ERR_INTEGRITY, 0, "%s: the log alone does not give %" PRIu64
		       " object%s that can be read, and that the newest index knows",
		       store->repo->path, gone, gone == 1 ? "" : "s");
}

enum as_err store_check_loss(struct as_store *store, struct as_error *error)
{
	struct loss loss = { .store = store };
	struct index_file index;
	struct verify_progress progress = { .cancel = false };
	struct verify *verify;
	uint32_t from = 0;
	enum as_err err;
	/* One that this store wrote itself is in order. */
	if (store->transaction != store->repo->transaction ||
	    index_open(store->io, store->fd, store->repo->dialect, store->transaction, &index,
		       NULL) != AS_OK)
		return AS_OK;
	/* What cannot be read of it names nothing. */
	while ((err = index_each(&index, &from, names_more, store)) == AS_ERR_IO)
		from += INDEX_BUCKETS_SKIPPED;
	index_close(&index);
	if (err == AS_OK)
		return AS_OK;
	if (err == AS_END)
		err = verify_new(store->repo, &verify);
	if (err != AS_OK)
		return store_fail(store, err, error);
	err = verify_work(verify, 0, &progress);
	if (err == AS_OK)
		err = verify_each(verify, count_loss, &loss);
	verify_free(verify);
	if (err != AS_OK)
		return store_fail(store, err, error);
	if (loss.readable == 0 && loss.named == 0)
		return AS_OK;
	return as_fail(error, AS_ERR_INTEGRITY, 0, "%s: the log alone does not give %" PRIu64
		       " objects that can be read, nor name %" PRIu64 " that are lost: 'atticscope "
		       "check' says what saves them", store->repo->path, loss.readable, loss.named);
}
