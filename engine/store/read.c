#include "build-config.h"

#include "store/store_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum as_err fail_index(const struct as_store *store, enum as_err err, struct as_error *error)
{
	const int sys = err == AS_ERR_IO ? errno : 0;
	if (err == AS_ERR_LIMIT || err == AS_ERR_INTEGRITY)
		err = AS_ERR_INDEX;
	return as_fail(error, err, sys, "%s/index.%" PRIu32 ": %s", store->repo->path,
		       store->transaction,
		       err == AS_ERR_IO ? "cannot read" : as_err_text(err));
}

/* Can the index be asked at all? */
static enum as_err check_index(const struct as_store *store, struct as_error *error)
{
	if (store->table || store->index.fd >= 0 || (!store->has_transaction &&
						      !store->needs_recover))
		return AS_OK;
	return store_refuse(store, AS_ERR_INDEX, error);
}

/* The bucket of @key, in memory or on the disk. */
static enum as_err find(const struct as_store *store, const uint8_t key[KEY_SIZE],
			struct index_bucket *bucket, struct as_error *error)
{
	enum as_err err = check_index(store, error);
	if (err != AS_OK)
		return err;
	if (store->table) {
		bucket->number = index_table_find(store->table, key);
		if (bucket->number == INDEX_EMPTY)
			return store_fail_missing(store, key, error);
		index_table_get(store->table, key, &bucket->segment, &bucket->offset);
		return AS_OK;
	}
	if (store->index.fd < 0)
		return store_fail_missing(store, key, error);
	err = index_lookup(&store->index, key, bucket);
	if (err == AS_ERR_OBJECT_NOT_FOUND)
		return store_fail_missing(store, key, error);
	return err == AS_OK ? AS_OK : fail_index(store, err, error);
}

enum as_err store_read_at(struct as_store *store, const uint8_t key[KEY_SIZE],
			  const struct index_bucket *bucket, uint8_t **value, size_t *size,
			  struct as_error *error)
{
	char path[LISTING_PATH_MAX];
	const struct object_place place = {
		.segment = bucket->segment, .offset = bucket->offset, .path = path,
		.fds = &store->fds,
	};
	if (store->log.fd >= 0 && bucket->segment == store->log.segment) {
		const enum as_err err = log_flush(&store->log, error);
		if (err != AS_OK)
			return err;
	}
	store_segment_path(store, bucket->segment, path);
	return object_read(store->repo, key, &place, value, size, error);
}

enum as_err as_get(struct as_store *store, const void *key, size_t key_size, void **value,
		   size_t *value_size, struct as_error *error)
{
	struct index_bucket place;
	uint8_t *bytes = NULL;
	*value = NULL;
	*value_size = 0;
	enum as_err err = store_check_key(store, key_size, error);
	if (err == AS_OK)
		err = find(store, key, &place, error);
	if (err == AS_OK)
		err = store_read_at(store, key, &place, &bytes, value_size, error);
	*value = bytes;
	return err;
}

enum as_err as_get_many(struct as_store *store, const void *keys, size_t count,
			int (*each)(void *context, size_t number, const void *value,
				    size_t value_size),
			void *context, struct as_error *error)
{
	for (size_t i = 0; i < count; i++) {
		void *value;
		size_t size;
		const enum as_err err = as_get(store, (const uint8_t *)keys + i * KEY_SIZE,
					       KEY_SIZE, &value, &size, error);
		if (err != AS_OK)
			return err;
		const int stop = each(context, i, value, size);
		free(value);
		if (stop)
			return store_fail(store, AS_ERR_CANCELLED, error);
	}
	return AS_OK;
}

enum as_err as_contains(struct as_store *store, const void *key, size_t key_size, bool *found,
			struct as_error *error)
{
	struct index_bucket bucket;
	struct as_error missing = { .code = AS_OK };
	*found = false;
	enum as_err err = store_check_key(store, key_size, error);
	if (err != AS_OK)
		return err;
	err = find(store, key, &bucket, &missing);
	*found = err == AS_OK;
	if (err == AS_OK || err == AS_ERR_OBJECT_NOT_FOUND)
		return AS_OK;
	if (error)
		*error = missing;
	return err;
}

enum as_err as_len(struct as_store *store, uint64_t *count, struct as_error *error)
{
	*count = 0;
	const enum as_err err = check_index(store, error);
	if (err == AS_OK && store->table)
		*count = index_table_count(store->table);
	else if (err == AS_OK && store->index.fd >= 0)
		*count = store->index.used;
	return err;
}

/* ---- walking over the keys ---- */

/* Call @each for the buckets from number @from on: of the table in memory, or of the file. */
static enum as_err each_bucket(const struct as_store *store, uint32_t from,
			       enum as_err (*each)(void *context,
						   const struct index_bucket *bucket),
			       void *context)
{
	struct index_bucket bucket;
	enum as_err err = AS_OK;
	if (!store->table)
		return store->index.fd < 0 ? AS_OK
					   : index_each(&store->index, &from, each, context);
	while (err == AS_OK && index_table_next(store->table, from, &bucket)) {
		err = each(context, &bucket);
		from = bucket.number + 1;
	}
	return err;
}

struct list {
	uint8_t *keys;
	size_t count, limit;
};

static enum as_err list_key(void *context, const struct index_bucket *bucket)
{
	struct list *list = context;
	if (!index_bucket_is_used(bucket))
		return AS_OK;
	memcpy(list->keys + list->count++ * KEY_SIZE, bucket->key, KEY_SIZE);
	return list->count < list->limit ? AS_OK : AS_END;
}

enum as_err as_list(struct as_store *store, const void *marker, size_t limit, void *keys,
		    size_t *count, struct as_error *error)
{
	struct list list = { .keys = keys, .limit = limit };
	struct index_bucket bucket = { .number = 0 };
	uint32_t from = 0;
	*count = 0;
	enum as_err err = check_index(store, error);
	if (err == AS_OK && marker) {
		err = find(store, marker, &bucket, error);
		from = bucket.number + 1;
	}
	if (err != AS_OK || limit == 0)
		return err;
	err = each_bucket(store, from, list_key, &list);
	if (err != AS_OK && err != AS_END)
		return fail_index(store, err, error);
	*count = list.count;
	return AS_OK;
}

struct key_walk {
	int (*each)(void *context, const uint8_t key[AS_KEY_SIZE]);
	void *context;
};

static enum as_err give_key(void *context, const struct index_bucket *bucket)
{
	const struct key_walk *walk = context;
	return index_bucket_is_used(bucket) && walk->each(walk->context, bucket->key) != 0
		? AS_ERR_CANCELLED : AS_OK;
}

enum as_err as_each_key(struct as_store *store,
			int (*each)(void *context, const uint8_t key[AS_KEY_SIZE]), void *context,
			struct as_error *error)
{
	struct key_walk walk = { each, context };
	enum as_err err = check_index(store, error);
	if (err != AS_OK)
		return err;
	err = each_bucket(store, 0, give_key, &walk);
	if (err == AS_ERR_CANCELLED || err == AS_ERR_MEMORY)
		return store_fail(store, err, error);
	return err == AS_OK ? AS_OK : fail_index(store, err, error);
}
