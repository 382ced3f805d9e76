#include "build-config.h"

#include "src/message.h"
#include "src/out_table.h"
#include "src/out_text.h"
#include "src/repository.h"

#include "engine/repo/object.h"

#include <inttypes.h>

static const struct column columns[] = {
	{ "bucket", "bucket", 9, false, false },
	{ "key", "key", 0, true, true },
	{ "segment", "segment", 8, false, false },
	{ "offset", "offset", 10, false, false },
	{ "home", "home", 9, false, false },
	{ "distance", "distance", 8, false, false },
	{ "target", "target", 12, true, false },
	{ "state", NULL, 0, false, false },
};

struct listing_job {
	const struct repo *repo;
	struct request *request;
	enum as_err failure;	/* why a mapping could not be checked */
};

static bool write_used(struct listing_job *job, const struct index_bucket *bucket)
{
	enum index_target target;
	const uint32_t buckets = job->repo->index.buckets;
	const uint32_t home = index_home(bucket->key, buckets);
	job->failure = object_target(job->repo, bucket, &target);
	if (job->failure != AS_OK)
		return false;
	const struct cell cells[ARRAY_SIZE(columns)] = {
		cell_number(bucket->number),
		cell_key(bucket->key),
		cell_number(bucket->segment),
		cell_number(bucket->offset),
		cell_number(home),
		cell_number(index_distance(home, bucket->number, buckets)),
		cell_text(index_target_name(target), target == TARGET_OK ? TONE_GOOD : TONE_BAD),
		cell_text("used", TONE_PLAIN),
	};
	return out_row(&job->request->out, columns, cells, ARRAY_SIZE(columns));
}

static bool write_unused(struct out *out, const struct index_bucket *bucket)
{
	const char *state = bucket->segment == INDEX_EMPTY ? "empty" : "deleted";
	struct cell cells[ARRAY_SIZE(columns)] = { cell_number(bucket->number) };
	cells[ARRAY_SIZE(columns) - 1] = cell_text(state, TONE_PLAIN);
	if (!out->json)		/* text has no column of states */
		cells[1] = cell_text(state, TONE_FAINT);
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static enum as_err write_bucket(void *context, const struct index_bucket *bucket)
{
	struct listing_job *job = context;
	bool goes_on = true;
	if (index_bucket_is_used(bucket))
		goes_on = write_used(job, bucket);
	else if (job->request->options.all)
		goes_on = write_unused(&job->request->out, bucket);
	return goes_on ? AS_OK : AS_END;
}

/* Buckets that cannot be read are skipped. */
static enum as_err write_buckets(struct request *request, const struct repo *repo)
{
	struct listing_job job = { .repo = repo, .request = request };
	enum as_err result = AS_OK, err;
	uint32_t from = 0;
	while ((err = index_each(&repo->index, &from, write_bucket, &job)) == AS_ERR_IO) {
		message("index.%" PRIu32 ": buckets from %" PRIu32
			" on cannot be read; continuing %u later",
			repo->index_transaction, from, INDEX_BUCKETS_SKIPPED);
		from += INDEX_BUCKETS_SKIPPED;
		result = AS_ERR_IO;
	}
	if (err == AS_END)
		err = job.failure;
	if (err == AS_OK)
		return result;
	message_failure(err, NULL);
	return err;
}

/* Print why there is no index to show. */
static enum as_err refuse(const struct repo *repo)
{
	for (size_t i = 0; i < repo->findings.count; i++) {
		char sentence[1024];
		const struct finding *finding = &repo->findings.rows[i];
		if (finding->problem < PROBLEM_INDEX_MISSING ||
		    finding->problem > PROBLEM_INDEX_LENGTH)
			continue;
		finding_message(finding, sentence, sizeof(sentence));
		dialect_reword(repo->dialect, sentence, sizeof(sentence));
		message("%s", sentence);
		return AS_ERR_INTEGRITY;
	}
	message("there is no index");
	return AS_ERR_DOES_NOT_EXIST;
}

static enum as_err show_index(struct request *request, const struct repo *repo)
{
	const struct index_file *index = &repo->index;
	if (index->fd < 0)
		return refuse(repo);
	if (!request->out.json)
		text_line(&request->out, TONE_STRONG, "index.%" PRIu32 ": %" PRIu32 " of %" PRIu32
			  " buckets used (%.1f %%), %" PRIu64 " bytes",
			  index->transaction, index->used, index->buckets,
			  100.0 * index->used / index->buckets, index->length);
	out_titles(&request->out, columns, ARRAY_SIZE(columns));
	return write_buckets(request, repo);
}

int cmd_index(struct request *request)
{
	struct repo *repo;
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	err = show_index(request, repo);
	repository_close(repo);
	return message_status(err);
}
