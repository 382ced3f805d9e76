#include "build-config.h"

#include "tests/look.h"

bool look_at(struct look *look, const char *repo)
{
	struct verify_progress progress = { .cancel = false };
	fault_init(&look->fault);	/* the syncs take too long, and prove nothing here */
	const struct view_options options = { .may_write = true, .io = &look->fault.io };
	if (view_open(repo, &options, &look->view, NULL) != AS_OK)
		return false;
	if (verify_run(look->view, 1, &progress, &look->verify) != AS_OK) {
		look_away(look);
		return false;
	}
	diagnose(look->view, look->verify, &look->diagnosis);
	return true;
}

void look_away(struct look *look)
{
	verify_free(look->verify);
	view_close(look->view);
}

static const char *look_rows(const struct look *look, unsigned *emptied)
{
	const struct listing *listing = &look->view->listing;
	const struct hints *hints = &look->view->hints;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &look->verify->facts[i];
		const uint32_t number = listing->segments[i].number;
		const struct hints_segment *row = hints_find(hints, number);
		if (!facts->is_committed || facts->puts + facts->deletes == 0)
			continue;
		if (!row)
			return "the hints have no row of a segment";
		if (row->live != (int64_t)facts->live)
			return "a count in the hints is wrong";
		*emptied += row->live == 0 && !hints_is_compact(hints, number);
	}
	return NULL;
}

const char *look_hints(const struct look *look, uint32_t since, unsigned *emptied)
{
	const struct verify *verify = look->verify;
	const struct listing *listing = &look->view->listing;
	const struct hints *hints = &look->view->hints;
	*emptied = 0;
	if (!hints->usable || !verify->has_end || hints->transaction != verify->end ||
	    hints->transaction <= since || verify->damage_count > 0)
		return NULL;
	for (size_t i = 0; i < hints->segment_count; i++)
		if (hints->segments[i].live != 0 &&
		    listing_find(listing, hints->segments[i].segment) == LISTING_NONE)
			return "the hints count objects in a segment that is not there";
	for (size_t i = 0; i < hints->compact_count; i++)
		if (listing_find(listing, hints->compact[i]) == LISTING_NONE)
			return "the hints list a segment to be compacted that is not there";
	const char *wrong = look_rows(look, emptied);
	if (!wrong && *emptied != verify->findings.total[PROBLEM_SEGMENT_EMPTIED])
		wrong = "emptied segments are not named";
	return wrong;
}

struct permit *look_upgrade(struct look *look)
{
	const struct lock_wait wait = { .ms = 0 };
	struct permit *permit;
	struct view *view = look->view;
	return lock_upgrade(view->io, view->fd, view->path, &view->lock, &wait, &permit, NULL) ==
		       AS_OK ? permit : NULL;
}
