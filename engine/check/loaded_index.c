#include "build-config.h"

#include "check/check_internal.h"

#include "base/array.h"
#include "repo/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool verify_is_confirmed(const struct verify *verify, uint32_t bucket)
{
	return atomic_load_explicit(&verify->confirmed[bucket / 64], memory_order_relaxed) >>
	       (bucket % 64) & 1;
}

uint32_t verify_count_confirmed(const struct verify *verify, uint32_t buckets)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < buckets / 64 + 1; i++)
		count += (uint32_t)__builtin_popcountll(
			atomic_load_explicit(&verify->confirmed[i], memory_order_relaxed));
	return count;
}

enum as_err verify_check_index(struct verify_run *run)
{
	const struct index_file *file = &run->verify->index;
	const struct index_image *image = &run->index.image;
	struct index_census census;
	struct findings findings;
	enum as_err err;
	if (!image->bytes || run->verify->owns_index)
		return AS_OK;	/* opening has said what is wrong with it */
	findings_init(&findings);
	/* Where the scan found every mapping by looking up the key of a PUT that stands there, no
	 * bucket is out of reach, and none has the key of another: a census would find nothing.
	 * Where the record of a segment was believed its mappings are known, but not that look-ups
	 * find them. */
	if (run->index.is_loaded && run->verify->remembered == 0 &&
	    verify_count_confirmed(run->verify, image->buckets) == image->used) {
		run->index.is_whole = image->used == file->used;
		err = index_check_count(file, image->used, &findings);
	} else {
		err = index_census(file, image, run->threads, &census, &findings);
		run->index.is_whole = census.unreachable == 0 && census.duplicates == 0 &&
				      census.used == file->used;
	}
	pthread_mutex_lock(&run->verify->mutex);
	if (err == AS_OK)
		err = findings_merge(&run->verify->findings, &findings);
	pthread_mutex_unlock(&run->verify->mutex);
	findings_free(&findings);
	return err;
}

static enum as_err report_unreadable(struct verify_run *run, const char *why)
{
	struct finding finding = finding_of(PROBLEM_INDEX_UNREADABLE);
	snprintf(finding.detail, sizeof(finding.detail), "index.%" PRIu32 ": %s",
		 run->verify->index.transaction, why);
	return verify_add(run, &finding);
}

/* Load the open witness. */
static enum as_err load_witness(struct verify_run *run)
{
	const struct repo *repo = run->repo;
	struct verify *verify = run->verify;
	/* Marks must be the same in the next run, and on the next machine. */
	const bool has_marks = run->verify->scope.known || run->verify->scope.keep;
	struct key_hash hash;
	char why[64];
	if (has_marks)
		key_hash_derive(&hash, repo->config.id);
	enum as_err err = index_load(&verify->index, run->threads, has_marks ? &hash : NULL,
				     &run->index.image);
	if (err == AS_ERR_IO)
		return report_unreadable(run, "a block cannot be read");
	/* One damaged header must not prevent the verdict: the log is replayed without the index
	 * then. Where memory is short only for now, nothing is wrong with the index. */
	if (err == AS_ERR_MEMORY && !index_fits_memory(verify->index.buckets)) {
		snprintf(why, sizeof(why), "%" PRIu64 " bytes do not fit into memory",
			 verify->index.length);
		return report_unreadable(run, why);
	}
	if (err != AS_OK)
		return err;
	if (index_image_is_degenerate(&run->index.image)) {
		/* Look-ups would crawl: it is said, and the log replayed without it. */
		err = verify_check_index(run);
		index_image_free(&run->index.image);
		return err;
	}
	const size_t words = (size_t)run->index.image.buckets / 64 + 1;
	run->verify->confirmed = calloc(words, sizeof(*run->verify->confirmed));
	run->index.is_loaded = run->verify->confirmed != NULL;
	return run->verify->confirmed ? AS_OK : AS_ERR_MEMORY;
}

enum as_err verify_load_index(struct verify_run *run)
{
	const struct repo *repo = run->repo;
	struct verify *verify = run->verify;
	pthread_mutex_init(&run->index.mutex, NULL);
	verify->index = repo->index;
	verify->owns_index = false;
	if (repo->index.fd >= 0)
		return load_witness(run);
	/* Where the header is damaged, the buckets behind it can be searched if the length is that
	 * of an index. */
	if (repo->has_index && index_open_buckets(repo->io, repo->fd, repo->index_transaction,
						  &verify->index) == AS_OK)
		verify->index_is_inferred = verify->owns_index = true;
	else if (repo->has_older_index &&
		 index_open(repo->io, repo->fd, repo->dialect, repo->older_index, &verify->index,
			    NULL) == AS_OK)
		verify->owns_index = true;
	return verify->owns_index ? load_witness(run) : AS_OK;
}

enum as_err verify_compare_digest(struct verify_run *run)
{
	const struct repo *repo = run->repo;
	const struct integrity *integrity = &repo->integrity;
	struct finding finding = finding_of(PROBLEM_INTEGRITY_DIGEST);
	char name[sizeof("index.4294967295")];
	bool fits;
	if (integrity->state != INTEGRITY_READ || integrity->index.state == DIGEST_UNKNOWN ||
	    repo->index.fd < 0 || repo->index_transaction != integrity->transaction)
		return AS_OK;
	snprintf(name, sizeof(name), "index.%" PRIu32, repo->index_transaction);
	const enum as_err err =
		integrity_compare(repo->io, repo->fd, name, INDEX_HEADER, &integrity->index,
				  &run->progress->cancel, &fits);
	if (err == AS_ERR_MEMORY || err == AS_ERR_CANCELLED)
		return err;
	if (err != AS_OK || fits)
		return AS_OK;	/* that it cannot be read is found when it is loaded */
	snprintf(finding.detail, sizeof(finding.detail), "%s", name);
	return verify_add(run, &finding);
}

static void unload(struct verify_run *run)
{
	index_image_free(&run->index.image);
	free(run->index.group_start);
	free(run->index.group);
	free(run->index.marks);
}

enum as_err verify_use_older_index(struct verify_run *run, bool *again)
{
	const struct repo *repo = run->repo;
	struct verify *verify = run->verify;
	struct index_file older;
	*again = false;
	if (!run->index.is_loaded || verify->index_credit != CREDIT_FOREIGN || !verify->has_end ||
	    verify->index.transaction <= verify->end || !repo->has_older_index ||
	    repo->older_index > verify->end ||
	    index_open(repo->io, repo->fd, repo->dialect, repo->older_index, &older, NULL) != AS_OK)
		return AS_OK;
	unload(run);
	run->index = (struct verify_index){ .mutex = run->index.mutex };
	free((void *)verify->confirmed);
	verify->confirmed = NULL;
	if (verify->owns_index)
		index_close(&verify->index);
	verify->index = older;
	verify->owns_index = true;
	verify->index_is_inferred = false;
	run->has_index_last = false;
	*again = true;
	return load_witness(run);
}

void verify_free_index(struct verify_run *run)
{
	pthread_mutex_destroy(&run->index.mutex);
	unload(run);
}

bool verify_find_mapping(const struct verify_run *run, const uint8_t key[KEY_SIZE],
			 struct index_bucket *bucket)
{
	const struct index_image *image = &run->index.image;
	if (!run->index.is_loaded)
		return false;
	bucket->number = index_image_find(image, key);
	if (bucket->number == INDEX_EMPTY)
		return false;
	index_image_place(image, bucket->number, &bucket->segment, &bucket->offset);
	memcpy(bucket->key, key, KEY_SIZE);
	return true;
}

size_t verify_mapped_position(const struct verify_run *run, uint32_t number)
{
	uint32_t segment, offset;
	index_image_place(&run->index.image, number, &segment, &offset);
	return segment < INDEX_DELETED ? listing_find(&run->repo->listing, segment) : LISTING_NONE;
}

/* Count, then place: two walks over the buckets, four bytes each. */
static void group_buckets(struct verify_run *run)
{
	struct verify_index *index = &run->index;
	const size_t segments = run->repo->listing.count;
	index->is_grouped = true;
	index->group_start = calloc(segments + 2, sizeof(*index->group_start));
	index->group = malloc((size_t)index->image.used * sizeof(*index->group) + 1);
	if (!index->group_start || !index->group) {
		index->group_failed = true;
		return;
	}
	/* Counted two places further on, so that placing moves each start to where it belongs. */
	uint32_t *start = index->group_start;
	for (uint32_t i = 0; i < index->image.buckets; i++) {
		const size_t position = verify_mapped_position(run, i);
		if (position != LISTING_NONE)
			start[position + 2]++;
	}
	for (size_t i = 2; i < segments + 2; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 0; i < index->image.buckets; i++) {
		const size_t position = verify_mapped_position(run, i);
		if (position != LISTING_NONE)
			index->group[start[position + 1]++] = i;
	}
}

void verify_find_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	struct verify_witness *witness = context;
	struct verify_index *index = &witness->run->index;
	const size_t position = listing_find(&witness->run->repo->listing, segment);
	*out = (struct segment_witnesses){ 0 };
	if (!index->is_loaded || position == LISTING_NONE)
		return;
	pthread_mutex_lock(&index->mutex);
	if (!index->is_grouped)
		group_buckets(witness->run);
	pthread_mutex_unlock(&index->mutex);
	if (index->group_failed) {
		verify_fail(witness->run, AS_ERR_MEMORY);
		return;
	}
	const uint32_t first = index->group_start[position];
	const size_t count = index->group_start[position + 1] - first;
	if (count > witness->capacity) {
		struct segment_witness *grown = realloc(witness->rows, count * sizeof(*grown));
		if (!grown) {
			verify_fail(witness->run, AS_ERR_MEMORY);
			return;
		}
		witness->rows = grown;
		witness->capacity = count;
	}
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		struct index_bucket bucket;
		if (index_image_bucket(&index->image, &witness->run->verify->index,
				       index->group[first + i], &bucket) != AS_OK)
			continue;	/* comparing meets it again, and says so */
		witness->rows[known].offset = bucket.offset;
		memcpy(witness->rows[known++].key, bucket.key, KEY_SIZE);
	}
	array_sort(witness->rows, known, sizeof(*witness->rows), witness_compare);
	*out = (struct segment_witnesses){ witness->rows, known };
}

/* ---- walks over it ---- */

enum as_err verify_each_unconfirmed(struct verify_run *run,
				    enum as_err (*each)(void *context,
							const struct index_bucket *bucket),
				    void *context)
{
	const struct index_image *image = &run->index.image;
	struct index_bucket bucket;
	enum as_err err = AS_OK;
	char why[64];
	for (uint32_t i = 0; err == AS_OK && i < image->buckets; i++) {
		if (i % 65536 == 0 && verify_should_stop(run))
			return AS_ERR_CANCELLED;
		if (verify_is_confirmed(run->verify, i))
			continue;
		index_image_place(image, i, &bucket.segment, &bucket.offset);
		/* A second bucket of the same key: the census names it, and no look-up finds it. */
		if (!index_bucket_is_used(&bucket) || index_image_find_again(image, i) != i)
			continue;
		if (index_image_bucket(image, &run->verify->index, i, &bucket) == AS_OK) {
			err = each(context, &bucket);
		} else if (!run->is_weighed) {
			snprintf(why, sizeof(why),
				 "bucket %" PRIu32 " cannot be read again, or has changed", i);
			err = report_unreadable(run, why);
		}
	}
	return err;
}

void verify_find_index_last(struct verify_run *run)
{
	const struct index_image *image = &run->index.image;
	uint32_t segment, offset, last = 0;
	if (run->has_index_last)
		return;
	run->has_index_last = true;
	for (uint32_t i = 0; i < image->buckets; i++) {
		index_image_place(image, i, &segment, &offset);
		if (segment <= run->verify->index.transaction && segment > last)
			last = segment;
	}
	run->verify->index_last = last;
}
