#include "build-config.h"

#include "src/message.h"
#include "src/out_table.h"
#include "src/out_text.h"
#include "src/repository.h"

#include <inttypes.h>

static const struct column columns[] = {
	{ "segment", "segment", 10, false, false },
	{ "stored", "stored", 10, false, false },
	{ "counted", "counted", 10, false, false },
	{ "agree", "agree", 5, true, false },
	{ "compact", "to compact", 10, true, false },
	{ "freeable", "to free", 10, false, true },
};

/* Merges two sorted lists of segments: those of the hints, and the files. */
struct merge {
	const struct repo *repo;
	const struct verify *verify;
	size_t hint, file;	/* next positions */
};

struct hints_row {
	uint32_t segment;
	bool is_stored, is_counted, is_compact;
	bool is_unknown;		/* its file cannot be opened, so nothing was counted */
	int64_t stored, freeable;
	uint32_t counted;
};

static bool next_row(struct merge *merge, struct hints_row *row)
{
	const struct hints *hints = &merge->repo->hints;
	const struct listing *listing = &merge->repo->listing;
	uint64_t least = UINT64_MAX;
	if (merge->hint < hints->count)
		least = hints->rows[merge->hint].segment;
	if (merge->file < listing->count && listing->segments[merge->file].number < least)
		least = listing->segments[merge->file].number;
	if (least == UINT64_MAX)
		return false;
	*row = (struct hints_row){ .segment = (uint32_t)least };
	if (merge->hint < hints->count && hints->rows[merge->hint].segment == least) {
		row->is_stored = hints->rows[merge->hint].is_counted;
		row->is_compact = hints->rows[merge->hint].is_compact;
		row->freeable = hints->rows[merge->hint].freeable;
		row->stored = hints->rows[merge->hint++].live;
	}
	if (merge->file < listing->count && listing->segments[merge->file].number == least) {
		/* The file that is the segment, whatever its name. */
		const size_t position = verify_position(merge->verify, (uint32_t)least);
		merge->file++;
		if (position == LISTING_NONE)
			return true;
		const struct segment_facts *facts = &merge->verify->facts[position];
		row->is_counted = !facts->is_unopened;
		row->is_unknown = facts->is_unopened;
		row->counted = facts->live;
	}
	return true;
}

static bool write_row(struct out *out, const struct hints_row *row)
{
	/* A segment that is missing on one side counts as 0 there. */
	const bool agree = row->stored == (int64_t)row->counted;
	struct cell cells[ARRAY_SIZE(columns)] = {
		cell_number(row->segment),
		row->is_stored ? cell_number((uint64_t)row->stored) : cell_none(),
		row->is_counted ? cell_number(row->counted) : cell_none(),
		row->is_unknown ? cell_none() : cell_flag(agree),
		cell_flag(row->is_compact),
		row->freeable > 0 ? cell_number((uint64_t)row->freeable) : cell_none(),
	};
	cells[3].tone = agree ? TONE_GOOD : TONE_BAD;
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static void write_hints(struct out *out, const struct repo *repo, const struct verify *verify)
{
	struct merge merge = { .repo = repo, .verify = verify };
	struct hints_row row;
	if (!repo->hints.usable)
		message("there are no usable hints: only the true counts are shown");
	else if (!out->json)
		text_line(out, TONE_STRONG,
			  "hints.%" PRIu32 ": version %" PRIu32 ", %zu segments, %zu to compact",
			  repo->hints_transaction, repo->hints.version, repo->hints.segment_count,
			  repo->hints.compact_count);
	out_titles(out, columns, ARRAY_SIZE(columns));
	while (next_row(&merge, &row) && write_row(out, &row))
		;
}

int cmd_hints(struct request *request)
{
	struct repo *repo;
	struct verify *verify;
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	err = repository_verify(request, repo, NULL, &verify);
	if (err == AS_OK) {
		write_hints(&request->out, repo, verify);
		verify_free(verify);
	}
	repository_close(repo);
	return message_status(err);
}
