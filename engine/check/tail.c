#include "build-config.h"

#include "check/check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What one walk over a tail segment shows. */
struct tail_look {
	uint64_t whole;			/* entries */
	bool ends_torn;
	bool commit_is_damaged;
	bool follows_commit;		/* a whole COMMIT stands before the last row */
	struct segment_entry last;	/* the last row, when there is any */
	bool is_mapped;			/* the index maps a key to one of its PUTs */
	bool is_unopened;
};

/* Is the damaged last row what is left of a COMMIT, with everything before it whole? It has just
 * the length of one and does not look like the beginning of a longer entry; or zeros stand there,
 * at most as many as a COMMIT has bytes; or a whole COMMIT stands before it. More than that is what
 * a crash leaves of entries that were not synced, and without a witness those were not
 * committed. */
static bool was_commit(const struct tail_look *look, bool all_before_whole)
{
	const struct segment_entry *last = &look->last;
	if (!all_before_whole || look->whole == 0 || last->tag != SEGMENT_DAMAGED)
		return false;
	/* No client writes anything behind a COMMIT. */
	if (look->follows_commit)
		return true;
	if (last->cause == SEGMENT_ZEROS)
		return last->size <= SEGMENT_HEADER;
	const bool looks_longer = last->cause == SEGMENT_TORN && last->has_header &&
				  last->raw_tag < SEGMENT_COMMIT;
	return last->size == SEGMENT_HEADER && !looks_longer;
}

static enum as_err read_segment(struct verify_run *run, struct segment_reader *reader,
				size_t position, struct tail_look *look)
{
	char path[LISTING_PATH_MAX];
	struct verify_witness witness = { .run = run };
	const struct listing_segment *segment = &run->repo->listing.segments[position];
	*look = (struct tail_look){ 0 };
	listing_path(&run->repo->listing, position, path);
	enum as_err err = segment_open(reader, run->repo->fd, path, segment->number,
				       verify_find_witnesses, &witness);
	if (err != AS_OK) {
		look->is_unopened = true;	/* the scan reports it */
		return err == AS_ERR_MEMORY ? err : AS_OK;
	}
	bool before_whole = true;
	struct segment_entry entry;
	struct index_bucket bucket;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		if (look->last.tag == SEGMENT_DAMAGED)
			before_whole = false;
		look->follows_commit = look->last.tag == SEGMENT_COMMIT && look->whole > 0;
		look->last = entry;
		look->whole += entry.tag != SEGMENT_DAMAGED;
		if (entry.tag == SEGMENT_PUT && verify_find_mapping(run, entry.key, &bucket) &&
		    bucket.segment == segment->number && bucket.offset == entry.offset)
			look->is_mapped = true;
		if (verify_should_stop(run)) {
			const enum as_err failure = (enum as_err)atomic_load(&run->failure);
			err = failure == AS_OK ? AS_ERR_CANCELLED : failure;
			break;
		}
	}
	look->ends_torn = look->last.tag == SEGMENT_DAMAGED && look->last.cause == SEGMENT_TORN;
	look->commit_is_damaged = was_commit(look, before_whole);
	free(witness.rows);
	return err == AS_END ? AS_OK : err;
}

static enum as_err add_tail_finding(struct verify_run *run, enum problem problem, uint32_t segment,
				    const struct segment_entry *last, const char *detail)
{
	struct finding finding = finding_of(problem);
	finding.segment = segment;
	if (last && last->tag == SEGMENT_DAMAGED) {
		finding.offset = (int64_t)last->offset;
		finding.length = (int64_t)last->size;
	}
	snprintf(finding.detail, sizeof(finding.detail), "%s", detail);
	return verify_add(run, &finding);
}

struct tail_summary {
	uint64_t whole;			/* entries in all of the tail */
	size_t kept;			/* position behind the last segment that was committed */
	uint32_t end;			/* its number, or that of its COMMIT, whose file is gone */
	enum tail_kind kind;		/* of the kept part, or of the rest where nothing is kept */
	struct tail_look kept_look;
	struct tail_look last_look;
};

/* Is there an index, or are there hints, with anything in them, of a transaction above @number?
 * Then what lies there was committed before. */
static bool is_overtaken(const struct verify_run *run, uint32_t number)
{
	const struct repo *repo = run->repo;
	return (run->index.is_loaded && run->index.image.used > 0 &&
		run->verify->index.transaction > number) ||
	       (repo->hints.usable && repo->hints.segment_count > 0 &&
		repo->hints.transaction > number);
}

static enum as_err read_tail(struct verify_run *run, struct tail_summary *summary)
{
	const struct repo *repo = run->repo;
	uint32_t named_end;
	const bool has_named_end = repo_log_end(repo, &named_end);
	struct segment_reader *reader = segment_reader_new(repo->io, repo->dialect);
	enum as_err err = reader ? AS_OK : AS_ERR_MEMORY;
	if (reader)
		segment_reader_watch(reader, &run->progress->cancel);
	for (size_t i = repo->tail; err == AS_OK && i < repo->listing.count; i++) {
		struct tail_look look;
		err = read_segment(run, reader, i, &look);
		summary->whole += look.whole;
		summary->last_look = look;
		if (look.is_unopened && !run->tail_is_unknown)
			run->tail_unopened = i;
		run->tail_is_unknown = run->tail_is_unknown || look.is_unopened;
		const uint32_t number = repo->listing.segments[i].number;
		const bool is_named = has_named_end && (number == named_end ||
			(number < named_end && i == repo->listing.count - 1));
		/* A COMMIT at the end, behind an entry that may have been cut short, can be the end
		 * of its value. */
		const bool was_committed =
			is_named || look.is_mapped ||
			(look.last.tag == SEGMENT_COMMIT && is_overtaken(run, number));
		if (!was_committed && !look.commit_is_damaged)
			continue;
		summary->kept = i + 1;
		summary->end = is_named ? named_end : number;
		summary->kept_look = look;
		summary->kind = was_committed ? TAIL_WAS_COMMITTED : TAIL_COMMIT_DAMAGED;
	}
	segment_reader_free(reader);
	return err;
}

/* No COMMIT is left at all, but entries are: everything counts, since a rollback would empty the
 * repository. */
static enum as_err keep_everything(struct verify_run *run, struct tail_summary *summary)
{
	const struct repo *repo = run->repo;
	const struct listing_segment *last = &repo->listing.segments[repo->listing.count - 1];
	struct finding finding = finding_of(PROBLEM_NO_COMMIT);
	snprintf(finding.detail, sizeof(finding.detail),
		 "%zu segment%s with %" PRIu64 " whole entries", repo->listing.count,
		 repo->listing.count == 1 ? "" : "s", summary->whole);
	run->verify->has_end = true;
	if (summary->kept <= repo->tail)
		run->verify->end = last->number;
	return verify_add(run, &finding);
}

static enum as_err report_rest(struct verify_run *run, const struct tail_summary *summary)
{
	const struct repo *repo = run->repo;
	const size_t count = repo->listing.count, rest = count - summary->kept;
	char detail[FINDING_DETAIL_MAX];
	snprintf(detail, sizeof(detail), "%zu segment%s above the last commit", rest,
		 rest == 1 ? "" : "s");
	const bool torn = summary->last_look.ends_torn;
	return add_tail_finding(run, torn ? PROBLEM_TAIL_TORN : PROBLEM_TAIL_UNCOMMITTED,
				torn ? repo->listing.segments[count - 1].number
				     : repo->listing.segments[summary->kept].number,
				torn ? &summary->last_look.last : NULL, detail);
}

/* The end of the log that was asked for, whatever the tail looks like. */
static void choose_end(struct verify *verify)
{
	const struct repo *repo = verify->repo;
	if (verify->tail_choice == TAIL_KEPT && repo->tail < repo->listing.count) {
		verify->has_end = true;
		verify->end = repo->listing.segments[repo->listing.count - 1].number;
	} else if (verify->tail_choice == TAIL_DROPPED) {
		verify->has_end = repo->has_transaction;
		verify->end = repo->transaction;
	}
}

enum as_err verify_check_tail(struct verify_run *run)
{
	const struct repo *repo = run->repo;
	struct verify *verify = run->verify;
	struct tail_summary summary = { .kept = repo->tail };
	verify->has_end = repo->has_transaction;
	verify->end = repo->transaction;
	verify->tail = TAIL_NONE;
	if (repo->tail == repo->listing.count)
		return AS_OK;
	enum as_err err = read_tail(run, &summary);
	if (err != AS_OK)
		return err;
	/* What cannot be read is not uncommitted, nor is its COMMIT damaged: take what index and
	 * hints say. */
	if (run->tail_is_unknown) {
		verify->has_end = repo_log_end(repo, &verify->end);
		choose_end(verify);
		return AS_OK;
	}
	if (summary.kept > repo->tail) {
		const uint32_t end = summary.end;
		verify->has_end = true;
		verify->end = end;
		err = add_tail_finding(
			run,
			summary.kind == TAIL_WAS_COMMITTED ? PROBLEM_TAIL_WAS_COMMITTED
							   : PROBLEM_TAIL_COMMIT_DAMAGED,
			end, &summary.kept_look.last,
			segment_cause_text((enum segment_cause)summary.kept_look.last.cause));
	}
	if (err == AS_OK && !repo->has_transaction && summary.whole > 0)
		err = keep_everything(run, &summary);
	if (!verify->has_end || summary.kept > repo->tail || repo->has_transaction)
		if (err == AS_OK && summary.kept < repo->listing.count)
			err = report_rest(run, &summary);
	verify->tail = summary.kept > repo->tail ? summary.kind
		: summary.last_look.ends_torn ? TAIL_TORN : TAIL_UNCOMMITTED;
	choose_end(verify);
	return err;
}

enum as_err verify_report_unknown_tail(struct verify_run *run)
{
	const struct verify *verify = run->verify;
	if (!run->tail_is_unknown || verify->facts[run->tail_unopened].is_unopened)
		return AS_OK;
	return add_tail_finding(run, PROBLEM_SEGMENT_UNREADABLE,
				run->repo->listing.segments[run->tail_unopened].number, NULL,
				"it could not be opened, and then it could: whether it ends in a "
				"COMMIT is not known");
}
