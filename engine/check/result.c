#include "build-config.h"

#include "check/check_internal.h"

#include <stdlib.h>

const char *tail_kind_name(enum tail_kind kind)
{
	static const char *const names[] = {
		[TAIL_NONE] = "none",
		[TAIL_UNCOMMITTED] = "uncommitted",
		[TAIL_TORN] = "torn",
		[TAIL_COMMIT_DAMAGED] = "commit damaged",
		[TAIL_WAS_COMMITTED] = "was committed",
	};
	return names[kind];
}

const char *entry_status_name(enum entry_status status)
{
	static const char *const names[] = {
		[STATUS_LIVE] = "live",
		[STATUS_SUPERSEDED] = "superseded",
		[STATUS_DELETED] = "deleted",
		[STATUS_TOMBSTONE] = "tombstone",
		[STATUS_COMMIT] = "commit",
		[STATUS_UNCOMMITTED] = "uncommitted",
		[STATUS_DAMAGED] = "damaged",
		[STATUS_OLDER] = "older",
	};
	return names[status];
}

void verify_fail(struct verify_run *run, enum as_err err)
{
	int none = AS_OK;
	atomic_compare_exchange_strong(&run->failure, &none, (int)err);
}

bool verify_should_stop(const struct verify_run *run)
{
	return atomic_load_explicit(&run->progress->cancel, memory_order_relaxed) ||
	       atomic_load_explicit(&run->failure, memory_order_relaxed) != AS_OK;
}

enum as_err verify_add(struct verify_run *run, const struct finding *finding)
{
	pthread_mutex_lock(&run->verify->mutex);
	const enum as_err err = findings_add(&run->verify->findings, finding);
	pthread_mutex_unlock(&run->verify->mutex);
	if (finding->severity != SEVERITY_INFO)
		atomic_fetch_add_explicit(&run->progress->problems, 1, memory_order_relaxed);
	return err;
}

enum as_err verify_copy_findings(struct verify *verify, struct findings *copy)
{
	findings_init(copy);
	pthread_mutex_lock(&verify->mutex);
	const enum as_err err = findings_merge(copy, &verify->findings);
	pthread_mutex_unlock(&verify->mutex);
	findings_sort(copy);
	return err;
}

enum as_err verify_begin_reading(struct verify *verify)
{
	replay_free(verify->replay);
	replay_free(verify->unanchored);
	replay_free(verify->apart);
	verify->replay = replay_new();
	verify->unanchored = replay_new();
	verify->apart = replay_new();
	verify->damage_count = verify->copy_count = verify->fill_count = 0;
	verify->key_sum = 0;
	return verify->replay && verify->unanchored && verify->apart ? AS_OK : AS_ERR_MEMORY;
}

enum as_err verify_new(const struct repo *repo, struct verify **out)
{
	/* The tail, and segments that the hints name and that are not there, are looked into now
	 * and described better than opening did. */
	static const enum problem dropped[] = {
		PROBLEM_TAIL_UNCOMMITTED, PROBLEM_TAIL_WAS_COMMITTED, PROBLEM_NO_COMMIT,
		PROBLEM_SEGMENT_MISSING,
	};
	struct verify *verify = calloc(1, sizeof(*verify));
	*out = NULL;
	if (!verify)
		return AS_ERR_MEMORY;
	verify->repo = repo;
	pthread_mutex_init(&verify->mutex, NULL);
	findings_init(&verify->findings);
	verify->index.fd = -1;
	verify->facts = calloc(repo->listing.count + 1, sizeof(*verify->facts));
	if (repo->hints.shadow_count > 0)
		verify->shadow_is_there =
			calloc(repo->hints.shadow_count, sizeof(*verify->shadow_is_there));
	if (!verify->facts || (repo->hints.shadow_count > 0 && !verify->shadow_is_there) ||
	    verify_begin_reading(verify) != AS_OK ||
	    findings_merge(&verify->findings, &repo->findings) != AS_OK) {
		verify_free(verify);
		return AS_ERR_MEMORY;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		findings_drop(&verify->findings, dropped[i]);
	for (size_t i = 0; i < repo->listing.count; i++)
		verify->facts[i].number = repo->listing.segments[i].number;
	*out = verify;
	return AS_OK;
}

void verify_free(struct verify *verify)
{
	if (!verify)
		return;
	pthread_mutex_destroy(&verify->mutex);
	findings_free(&verify->findings);
	replay_free(verify->replay);
	replay_free(verify->unanchored);
	replay_free(verify->apart);
	if (verify->owns_index)
		index_close(&verify->index);
	free(verify->facts);
	free(verify->shadow_is_there);
	free(verify->damage);
	free(verify->copies);
	free(verify->fills);
	free(verify->missing);
	free(verify->oddities);
	free(verify->strangers);
	free(verify->gone);
	free((void *)verify->confirmed);
	free(verify);
}

struct segment_facts *verify_facts(const struct verify *verify, uint32_t number)
{
	const size_t position = verify_position(verify, number);
	return position == LISTING_NONE ? NULL : &verify->facts[position];
}

size_t verify_position(const struct verify *verify, uint32_t number)
{
	const size_t position = listing_find(&verify->repo->listing, number);
	if (!verify->has_roles)
		return position;
	if (position != LISTING_NONE && verify->facts[position].number == number &&
	    verify->facts[position].role == ROLE_LOG)
		return position;
	for (size_t i = 0; i < verify->repo->listing.count; i++)
		if (verify->facts[i].number == number && verify->facts[i].role == ROLE_LOG)
			return i;
	return LISTING_NONE;
}
