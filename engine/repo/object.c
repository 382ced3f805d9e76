#include "build-config.h"

#include "repo/object.h"

#include "base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum as_err fail_at(uint32_t segment, uint64_t offset, enum as_damage damage,
			   struct as_error *error)
{
	if (error) {
		error->has_place = true;
		error->segment = segment;
		error->offset = offset;
		error->damage = damage;
	}
	return AS_ERR_INTEGRITY;
}

enum as_err object_fail_damage(const struct repo *repo, const char *path, uint32_t segment,
			       const struct segment_entry *entry, struct as_error *error)
{
	static const enum as_damage damages[SEGMENT_CAUSES] = {
		[SEGMENT_WHOLE] = AS_DAMAGE_ENTRY_HEADER,	/* but not the entry wanted */
		[SEGMENT_BAD_MAGIC] = AS_DAMAGE_SEGMENT_HEADER,
		[SEGMENT_ZEROS] = AS_DAMAGE_SIZE,
		[SEGMENT_SIZE_SMALL] = AS_DAMAGE_SIZE,
		[SEGMENT_SIZE_LARGE] = AS_DAMAGE_SIZE,
		[SEGMENT_BAD_TAG] = AS_DAMAGE_ENTRY_HEADER,
		[SEGMENT_TORN] = AS_DAMAGE_SIZE,
		[SEGMENT_CRC_MISMATCH] = AS_DAMAGE_CHECKSUM,
		[SEGMENT_BEYOND] = AS_DAMAGE_SIZE,
	};
	const enum segment_cause cause = (enum segment_cause)entry->cause;
	if (cause == SEGMENT_UNREADABLE) {
		as_fail(error, AS_ERR_IO, EIO, "%s/%s: segment %" PRIu32 ", offset %" PRIu64,
			repo->path, path, segment, entry->offset);
		fail_at(segment, entry->offset, AS_DAMAGE_NONE, error);
		return AS_ERR_IO;
	}
	as_fail(error, AS_ERR_INTEGRITY, 0, "%s/%s: segment %" PRIu32 ", offset %" PRIu64 ": %s",
		repo->path, path, segment, entry->offset,
		cause == SEGMENT_WHOLE ? "the entry is not a PUT of this key"
				       : segment_cause_text(cause));
	return fail_at(segment, entry->offset, damages[cause], error);
}

static enum as_err fail_file(const struct repo *repo, const char *path,
			     const struct object_place *place, enum as_err err,
			     struct as_error *error)
{
	const int sys = err == AS_ERR_MEMORY ? 0 : errno;
	if (err == AS_ERR_MEMORY || err == AS_ERR_IO || err == AS_ERR_DENIED)
		return as_fail(error, err, sys, "%s/%s: cannot read segment %" PRIu32, repo->path,
			       path, place->segment);
	as_fail(error, AS_ERR_INTEGRITY, 0, "%s/%s: segment %" PRIu32 " (wanted at offset %" PRIu32
		"): %s", repo->path, path, place->segment, place->offset,
		err == AS_ERR_DOES_NOT_EXIST ? "it is missing" : as_err_text(err));
	return fail_at(place->segment, place->offset, AS_DAMAGE_MISSING, error);
}

enum as_err object_read(const struct repo *repo, const uint8_t key[KEY_SIZE],
			const struct object_place *place, uint8_t **data, size_t *len,
			struct as_error *error)
{
	char listed[LISTING_PATH_MAX];
	struct segment_entry entry;
	const char *path = place->path;
	uint64_t length;
	struct stat st;
	int fd;
	enum as_err err;
	*data = NULL;
	*len = 0;
	if (!path) {
		const size_t at = listing_find(&repo->listing, place->segment);
		if (at == LISTING_NONE) {
			as_fail(error, AS_ERR_INTEGRITY, 0, "%s: segment %" PRIu32 " is missing "
				"(wanted at offset %" PRIu32 ")", repo->path, place->segment,
				place->offset);
			return fail_at(place->segment, place->offset, AS_DAMAGE_MISSING, error);
		}
		listing_path(&repo->listing, at, listed);
		path = listed;
	}
	if (place->fds) {
		err = fd_cache_get(place->fds, repo->fd, path, place->segment, &fd, &length);
	} else {
		err = io_open_file(repo->io, repo->fd, path, &fd, &st);
		length = err == AS_OK ? (uint64_t)st.st_size : 0;
	}
	if (err != AS_OK)
		return fail_file(repo, path, place, err, error);
	err = segment_read_entry_at(repo->io, fd, length, place->offset, &entry, data);
	if (!place->fds)
		io_close(repo->io, fd);
	if (err == AS_ERR_MEMORY)
		return fail_file(repo, path, place, err, error);
	if (err == AS_OK && entry.tag == SEGMENT_PUT && memcmp(entry.key, key, KEY_SIZE) == 0) {
		*len = (size_t)(entry.size - SEGMENT_KEYED);
		return AS_OK;
	}
	free(*data);
	*data = NULL;
	return object_fail_damage(repo, path, place->segment, &entry, error);
}

struct key_search {
	const struct key_prefix *prefix;
	struct index_bucket found;
	unsigned count;
};

static enum as_err match_bucket(void *context, const struct index_bucket *bucket)
{
	struct key_search *search = context;
	if (!index_bucket_is_used(bucket) || !key_prefix_matches(search->prefix, bucket->key))
		return AS_OK;
	if (search->count > 0 && memcmp(search->found.key, bucket->key, KEY_SIZE) != 0)
		return AS_ERR_AMBIGUOUS;
	search->found = *bucket;
	search->count++;
	return AS_OK;
}

enum as_err object_find(const struct repo *repo, const struct key_prefix *prefix,
			  struct index_bucket *bucket, struct as_error *error)
{
	if (repo->index.fd < 0)
		return as_fail(error, AS_ERR_INTEGRITY, 0, "%s: there is no usable index to search",
			       repo->path);
	struct key_search search = { .prefix = prefix };
	uint32_t from = 0;
	enum as_err err;
	if (prefix->nibbles == 2 * KEY_SIZE) {
		err = index_lookup(&repo->index, prefix->bytes, &search.found);
		search.count = err == AS_OK;
	} else {
		err = index_each(&repo->index, &from, match_bucket, &search);
	}
	if (err == AS_OK && search.count == 0)
		err = AS_ERR_OBJECT_NOT_FOUND;
	if (err == AS_ERR_IO)
		return as_fail(error, err, errno, "%s/index.%" PRIu32 ": cannot read", repo->path,
			       repo->index_transaction);
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
	*bucket = search.found;
	return AS_OK;
}

/* ---- witnesses ---- */

struct witness_search {
	uint32_t segment;
	struct segment_witness *rows;
	size_t count, capacity;
};

static enum as_err add_witness(void *context, const struct index_bucket *bucket)
{
	struct witness_search *search = context;
	if (bucket->segment != search->segment)
		return AS_OK;
	if (!ARRAY_RESERVE(search->rows, search->count, search->capacity))
		return AS_ERR_MEMORY;
	struct segment_witness *row = &search->rows[search->count++];
	row->offset = bucket->offset;
	memcpy(row->key, bucket->key, KEY_SIZE);
	return AS_OK;
}

int witness_compare(const void *a, const void *b)
{
	const struct segment_witness *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return memcmp(x->key, y->key, KEY_SIZE);
}

enum as_err repo_witnesses(const struct repo *repo, uint32_t segment, struct segment_witness **rows,
			   size_t *count)
{
	struct witness_search search = { .segment = segment };
	uint32_t from = 0;
	*rows = NULL;
	*count = 0;
	if (!repo_index_fits(repo))
		return AS_OK;
	const enum as_err err = index_each(&repo->index, &from, add_witness, &search);
	if (err == AS_ERR_MEMORY) {
		free(search.rows);
		return err;
	}
	array_sort(search.rows, search.count, sizeof(*search.rows), witness_compare);
	*rows = search.rows;
	*count = search.count;
	return AS_OK;
}

void repo_give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	struct repo_witness *witness = context;
	free(witness->rows);
	*out = (struct segment_witnesses){ 0 };
	if (repo_witnesses(witness->repo, segment, &witness->rows, &out->count) == AS_OK)
		out->rows = witness->rows;
}

/* ---- index targets ---- */

const char *index_target_name(enum index_target target)
{
	static const char *const names[] = {
		[TARGET_OK] = "ok",
		[TARGET_NO_SEGMENT] = "no-segment",
		[TARGET_NOT_A_PUT] = "not-a-put",
		[TARGET_OTHER_KEY] = "other-key",
		[TARGET_DAMAGED] = "damaged",
		[TARGET_OUT_OF_RANGE] = "out-of-range",
		[TARGET_UNREADABLE] = "unreadable",
	};
	return names[target];
}

enum as_err object_target(const struct repo *repo, const struct index_bucket *bucket,
			enum index_target *target)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	struct stat st;
	const size_t at = listing_find(&repo->listing, bucket->segment);
	*target = TARGET_UNREADABLE;
	if (at == LISTING_NONE) {
		if (!listing_is_partial(&repo->findings))
			*target = TARGET_NO_SEGMENT;
		return AS_OK;
	}
	listing_path(&repo->listing, at, path);
	const enum as_err err = segment_read_entry(repo->io, repo->fd, path, bucket->offset, &entry,
						   NULL);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err == AS_ERR_DENIED || err == AS_ERR_IO || entry.cause == SEGMENT_UNREADABLE)
		return AS_OK;
	if (err != AS_OK) {
		const bool has_state =
			repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		const uint64_t end = (uint64_t)bucket->offset + SEGMENT_KEYED;
		const bool is_beyond = has_state && end > (uint64_t)st.st_size;
		*target = is_beyond || bucket->offset < SEGMENT_MAGIC_SIZE ? TARGET_OUT_OF_RANGE
									   : TARGET_DAMAGED;
	} else if (entry.tag != SEGMENT_PUT) {
		*target = TARGET_NOT_A_PUT;
	} else {
		const bool is_same = memcmp(entry.key, bucket->key, KEY_SIZE) == 0;
		*target = is_same ? TARGET_OK : TARGET_OTHER_KEY;
	}
	return AS_OK;
}
