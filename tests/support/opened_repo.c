#include "build-config.h"

#include "tests/support/opened_repo.h"

enum as_err opened_repo_open_through(struct opened_repo *opened, const char *repo,
				     const struct io *io, struct as_error *error)
{
	const struct repo_options options = { .may_write = true, .io = io };
	struct verify_progress progress = { .cancel = false };
	opened->verify = NULL;	/* verify_run may set it and fail */
	enum as_err err = repo_open(repo, &options, &opened->repo, error);
	if (err != AS_OK)
		return err;
	err = verify_run(opened->repo, 1, &progress, &opened->verify);
	if (err != AS_OK)
		opened_repo_close(opened);
	else
		diagnose(opened->repo, opened->verify, &opened->diagnosis);
	return err;
}

bool opened_repo_open(struct opened_repo *opened, const char *repo)
{
	fault_init(&opened->fault);	/* syncs take too long, and prove nothing here */
	return opened_repo_open_through(opened, repo, &opened->fault.io, NULL) == AS_OK;
}

void opened_repo_close(struct opened_repo *opened)
{
	verify_free(opened->verify);
	repo_close(opened->repo);
}

static const char *check_rows(const struct opened_repo *opened, unsigned *emptied)
{
	const struct listing *listing = &opened->repo->listing;
	const struct hints *hints = &opened->repo->hints;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &opened->verify->facts[i];
		const uint32_t number = listing->segments[i].number;
		const struct hints_segment *row = hints_find(hints, number);
		if (!facts->is_committed || facts->puts + facts->deletes == 0)
			continue;
		/* Hints with digests are not written once more when the segments are gone. */
		if (!row && opened->repo->dialect->has_integrity && facts->live == 0) {
			++*emptied;
			continue;
		}
		if (!row)
			return "the hints have no row of a segment";
		if (row->live != (int64_t)facts->live)
			return "a count in the hints is wrong";
		*emptied += row->live == 0 && !hints_is_compact(hints, number);
	}
	return NULL;
}

const char *opened_repo_check_hints(const struct opened_repo *opened, uint32_t since,
				    unsigned *emptied)
{
	const struct verify *verify = opened->verify;
	const struct listing *listing = &opened->repo->listing;
	const struct hints *hints = &opened->repo->hints;
	*emptied = 0;
	if (!hints->usable || !verify->has_end || hints->transaction != verify->end ||
	    hints->transaction <= since || verify->damage_count > 0)
		return NULL;
	for (size_t i = 0; i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		if (listing_find(listing, row->segment) != LISTING_NONE)
			continue;
		if (row->live != 0)
			return "the hints count objects in a segment that is not there";
		if (row->is_compact)
			return "the hints list a segment to be compacted that is not there";
	}
	const char *wrong = check_rows(opened, emptied);
	uint64_t named = verify->findings.total[PROBLEM_SEGMENT_EMPTIED];
	if (opened->repo->dialect->has_integrity)
		named += verify->findings.total[PROBLEM_SEGMENT_RETURNED];
	if (!wrong && *emptied != named)
		wrong = "check does not name the emptied segments";
	return wrong;
}

const struct permit *opened_repo_upgrade(struct opened_repo *opened)
{
	const struct lock_wait wait = { .ms = 0 };
	struct lock *lock = repo_lock(opened->repo);
	return lock_upgrade(lock, &wait, NULL) == AS_OK ? lock_permit(lock) : NULL;
}
