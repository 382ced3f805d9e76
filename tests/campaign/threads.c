/* Several threads at once under ThreadSanitizer, which fails the program on a race. */
#include "build-config.h"

#include "engine/atticstore.h"
#include "engine/check/check.h"
#include "tests/support/builder.h"
#include "tests/support/scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 2u
#define WORKERS 4u		/* of each verify_run */
#define OBJECTS 300u
#define ROUNDS 6u

struct job {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	enum as_dialect dialect;
	enum as_err err;
	uint64_t objects;
	size_t findings, remembered;
};

/* OBJECTS objects in small segments, the first damaged. */
static void job_new(struct job *job)
{
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	builder_make_folder(job->folder);
	snprintf(job->repo, sizeof(job->repo), "%.400s/repo", job->folder);
	struct builder *builder = builder_new(job->repo, 10, 3000);
	if (job->dialect == AS_DIALECT_BORG)
		builder_use_borg(builder);
	for (unsigned i = 0; i < OBJECTS; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 100 + i);
	}
	builder_transaction(builder);
	builder_segment_path(builder, 0, path);
	builder_flip(path, 8 + 41 + 12, 0x10);
	builder_free(builder);
}

static void verify_scope(struct job *job, const struct verify_scope *scope)
{
	struct repo *opened = NULL;
	struct verify *result = NULL;
	struct verify_progress progress = { 0 };
	job->err = repo_open(job->repo, NULL, &opened, NULL);
	if (job->err == AS_OK)
		job->err = verify_new(opened, &result);
	if (job->err == AS_OK) {
		result->scope = *scope;
		job->err = verify_work(result, WORKERS, &progress);
		job->objects = result->objects;
		job->findings = result->findings.count;
		job->remembered = result->remembered;
	}
	verify_free(result);
	repo_close(opened);
}

static void *verify(void *argument)
{
	const struct verify_scope everything = { .has_range = false };
	verify_scope(argument, &everything);
	return NULL;
}

static void two_repositories_are_verified_at_once(void **state)
{
	struct job jobs[THREADS] = {
		{ .dialect = AS_DIALECT_ATTIC }, { .dialect = AS_DIALECT_BORG },
	};
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		job_new(&jobs[i]);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify, &jobs[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		builder_remove_folder(jobs[i].folder);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(jobs[i].err, AS_OK);
		assert_int_equal(jobs[i].objects, OBJECTS - 1);
		assert_int_equal(jobs[i].findings, 2);
	}
	(void)state;
}

/* All that workers share: the records that they collect and use, and without an index all events of
 * the log. */
static void verify_in_every_way(enum as_dialect dialect)
{
	struct job job = { .dialect = dialect };
	struct verify_records records = { .rows = NULL };
	const struct verify_scope keep = { .keep = &records }, know = { .known = &records };
	job_new(&job);
	scratch_run("find '%s/data' -type f -exec touch -d 2001-01-01 {} +", job.repo);
	verify_scope(&job, &keep);
	assert_int_equal(job.err, AS_OK);
	assert_int_equal(job.findings, 2);
	assert_true(records.count > 10);
	verify_records_sort(&records);
	verify_scope(&job, &know);
	assert_int_equal(job.err, AS_OK);
	assert_int_equal(job.findings, 2);
	assert_int_equal(job.remembered, records.count);
	verify_records_free(&records);
	scratch_run("cd '%s' && rm -f index.* hints.* integrity.*", job.repo);
	verify(&job);
	assert_int_equal(job.err, AS_OK);
	assert_int_equal(job.objects, OBJECTS - 1);
	builder_remove_folder(job.folder);
}

static void a_repository_is_verified_in_every_way(void **state)
{
	verify_in_every_way(AS_DIALECT_ATTIC);
	verify_in_every_way(AS_DIALECT_BORG);
	(void)state;
}

/* One transaction: some objects overwritten, some deleted, all read. */
static enum as_err live_a_round(struct as_store *store, unsigned round)
{
	uint8_t key[BUILDER_KEY], value[200] = { 0 };
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < OBJECTS; i++) {
		builder_key(i, key);
		value[0] = (uint8_t)round;
		if ((i + round) % 3 != 0)
			err = as_put(store, key, sizeof(key), value, 1 + i % sizeof(value), NULL);
		else if (round > 0)
			err = as_delete(store, key, sizeof(key), NULL);
	}
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static enum as_err read_all(struct as_store *store, uint64_t *objects)
{
	enum as_err err = as_len(store, objects, NULL);
	for (unsigned i = 0; err == AS_OK && i < OBJECTS; i++) {
		uint8_t key[BUILDER_KEY];
		void *value;
		size_t size;
		builder_key(i, key);
		err = as_get(store, key, sizeof(key), &value, &size, NULL);
		free(value);
		if (err == AS_ERR_OBJECT_NOT_FOUND)
			err = AS_OK;
	}
	return err;
}

static void *live(void *argument)
{
	struct job *job = argument;
	const struct as_settings settings = {
		.segments_per_dir = 3, .max_segment_size = 4000, .dialect = job->dialect,
	};
	struct as_store *store = NULL;
	job->err = as_create(job->repo, &settings, NULL);
	for (unsigned round = 0; job->err == AS_OK && round < ROUNDS; round++) {
		job->err = as_open(job->repo, NULL, &store, NULL);
		if (job->err == AS_OK)
			job->err = live_a_round(store, round);
		if (job->err == AS_OK)
			job->err = read_all(store, &job->objects);
		if (job->err == AS_OK && round % 2 == 1)
			job->err = as_recover(store, AS_FULL, NULL);
		as_close(store);
		store = NULL;
	}
	return NULL;
}

static void two_stores_are_written_at_once(void **state)
{
	struct job jobs[THREADS] = {
		{ .dialect = AS_DIALECT_ATTIC }, { .dialect = AS_DIALECT_BORG },
	};
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		char folder[BUILDER_PATH];
		builder_make_folder(folder);
		memcpy(jobs[i].folder, folder, sizeof(folder));
		snprintf(jobs[i].repo, sizeof(jobs[i].repo), "%.400s/repo", folder);
		assert_int_equal(pthread_create(&threads[i], NULL, live, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		struct job check = jobs[i];
		assert_int_equal(jobs[i].err, AS_OK);
		assert_int_equal(jobs[i].objects, OBJECTS / 3 * 2);
		verify(&check);
		assert_int_equal(check.err, AS_OK);
		assert_int_equal(check.objects, OBJECTS / 3 * 2);
		/* Stores of Borg keep what was replaced, which is said. */
		assert_int_equal(check.findings, check.dialect == AS_DIALECT_BORG);
		builder_remove_folder(jobs[i].folder);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_repositories_are_verified_at_once),
		cmocka_unit_test(a_repository_is_verified_in_every_way),
		cmocka_unit_test(two_stores_are_written_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
