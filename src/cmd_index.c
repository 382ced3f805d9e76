#include "build-config.h"

#include "src/message.h"
#include "src/out_table.h"
#include "src/out_text.h"
#include "src/repository.h"

#include "engine/repo/object.h"

#include <inttypes.h>
#include <stdlib.h>

#define BUCKETS_AT_ONCE 1024u
#define BUCKETS_SKIPPED 103u	/* where the disk refuses one, 4 KiB of them are passed over */

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

static const char *state_name(const struct index_bucket *bucket)
{
	return bucket->segment == INDEX_EMPTY ? "empty" : "deleted";
}

/* *@err is why a mapping could not be judged. */
static bool write_used(struct out *out, const struct repo *repo, const struct index_bucket *bucket,
		       enum as_err *err)
{
	enum index_target target;
	const uint32_t buckets = repo->index.buckets;
	*err = object_target(repo, bucket, &target);
	if (*err != AS_OK)
		return false;
	const struct cell cells[ARRAY_SIZE(columns)] = {
		cell_number(bucket->number),
		cell_key(bucket->key),
		cell_number(bucket->segment),
		cell_number(bucket->offset),
		cell_number(index_home(bucket->key, buckets)),
		cell_number(index_distance(bucket, buckets)),
		cell_text(index_target_name(target), target == TARGET_OK ? TONE_GOOD : TONE_BAD),
		cell_text("used", TONE_PLAIN),
	};
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static bool write_unused(struct out *out, const struct index_bucket *bucket)
{
	struct cell cells[ARRAY_SIZE(columns)] = { cell_number(bucket->number) };
	cells[ARRAY_SIZE(columns) - 1] = cell_text(state_name(bucket), TONE_PLAIN);
	if (!out->json)		/* text has no column of states */
		cells[1] = cell_text(state_name(bucket), TONE_FAINT);
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static bool write_block(struct request *request, const struct repo *repo,
			const struct index_bucket *rows, uint32_t count, enum as_err *err)
{
	bool goes_on = true;
	for (uint32_t i = 0; i < count && goes_on; i++) {
		if (index_bucket_is_used(&rows[i]))
			goes_on = write_used(&request->out, repo, &rows[i], err);
		else if (request->options.all)
			goes_on = write_unused(&request->out, &rows[i]);
	}
	return goes_on;
}

static enum as_err write_buckets(struct request *request, const struct repo *repo,
				 struct index_bucket *rows)
{
	enum as_err result = AS_OK;
	uint64_t first = 0;
	while (first < repo->index.buckets) {
		uint32_t got;
		const enum as_err err =
			index_read(&repo->index, (uint32_t)first, BUCKETS_AT_ONCE, rows, &got);
		enum as_err why = AS_OK;
		if (!write_block(request, repo, rows, got, &why)) {
			if (why == AS_OK)
				break;
			message_failure(why, NULL);
			return why;
		}
		first += got;
		if (err == AS_OK && got > 0)
			continue;
		message("index.%" PRIu32 ": buckets from %" PRIu64
			" on cannot be read; going on %u later",
			repo->index_transaction, first, BUCKETS_SKIPPED);
		first += BUCKETS_SKIPPED;
		result = AS_ERR_IO;
	}
	return result;
}

static void write_title(struct out *out, const struct index_file *index)
{
	if (!out->json)
		text_line(out, TONE_STRONG, "index.%" PRIu32 ": %" PRIu32 " of %" PRIu32
			  " buckets used (%.1f %%), %" PRIu64 " bytes",
			  index->transaction, index->used, index->buckets,
			  100.0 * index->used / index->buckets, index->length);
	out_titles(out, columns, ARRAY_SIZE(columns));
}

/* Why there is no index to show: what opening found, if anything. */
static enum as_err refuse(const struct repo *repo)
{
	for (size_t i = 0; i < repo->findings.count; i++) {
		char sentence[1024];
		const struct finding *finding = &repo->findings.rows[i];
		if (finding->problem < PROBLEM_INDEX_MISSING ||
		    finding->problem > PROBLEM_INDEX_LENGTH)
			continue;
		finding_message(finding, sentence, sizeof(sentence));
		message("%s", sentence);
		return AS_ERR_INTEGRITY;
	}
	message("there is no index");
	return AS_ERR_DOES_NOT_EXIST;
}

static enum as_err show_index(struct request *request, const struct repo *repo)
{
	if (repo->index.fd < 0)
		return refuse(repo);
	struct index_bucket *rows = malloc(BUCKETS_AT_ONCE * sizeof(*rows));
	if (!rows) {
		message_failure(AS_ERR_MEMORY, NULL);
		return AS_ERR_MEMORY;
	}
	write_title(&request->out, &repo->index);
	const enum as_err err = write_buckets(request, repo, rows);
	free(rows);
	return err;
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
