#include "build-config.h"

#include "check/check_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* Does a credible witness cover every damaged or missing byte? Only then is it said that no object
 * is lost (rule 5). */

/* Could an object have been in the damage of a segment, or in one that is not there, that no
 * witness names? The hints count what was in it. */
static bool is_covered_by_hints(const struct verify *verify, uint32_t segment, int64_t named)
{
	/* Where an index contradicts the log, hints that nothing bears out settle nothing. */
	const bool have_earned = verify->hints_figures.rows > 0 || !verify->index_was_compared ||
				 verify->index_credit == CREDIT_CREDIBLE;
	return verify->hints_credit == CREDIT_CREDIBLE && have_earned &&
	       verify_hinted(verify, segment) == named;
}

/* Is any stretch too short for an entry that begins there, and not the end of the file? Then other
 * bytes were written across entries, and whole ones among them need not be ours. */
static bool has_edge(const struct verify *verify, const struct segment_facts *facts)
{
	size_t count;
	const struct verify_damage *damage = verify_damage_in(verify, facts->number, &count);
	for (size_t i = 0; i < count; i++)
		if (damage[i].length > SEGMENT_HEADER && damage[i].length < SEGMENT_KEYED &&
		    damage[i].cause != SEGMENT_TORN && damage[i].cause != SEGMENT_ZEROS)
			return true;
	return false;
}

/* Does damage of @facts leave room for a PUT that a copy beside it does not have? */
static bool has_room(const struct verify *verify, const struct segment_facts *facts)
{
	size_t count;
	const struct verify_damage *damage = verify_damage_in(verify, facts->number, &count);
	/* What was written across entries leaves a few bytes of damage at its edges. */
	const uint64_t least = verify->hints_credit == CREDIT_CREDIBLE ? SEGMENT_KEYED
								       : SEGMENT_HEADER + 1;
	if (facts->is_unopened || facts->is_cut)
		return true;
	for (; count > 0; count--, damage++) {
		/* Where the end or the head was cut off the length is not known. */
		const bool is_large = damage->length >= least ||
				      (damage->cause == SEGMENT_TORN &&
				       damage->raw_tag != SEGMENT_COMMIT) ||
				      (damage->cause == SEGMENT_BAD_MAGIC &&
				       damage->length < SEGMENT_MAGIC_SIZE);
		if (is_large && !verify_has_fill(verify, damage->segment, (uint32_t)damage->offset))
			return true;
	}
	return false;
}

/* Do hints that can be believed count something else than the log holds, where no index names
 * what? */
static bool hints_differ(const struct verify *verify)
{
	if (verify->hints_credit != CREDIT_CREDIBLE || verify->index_credit == CREDIT_CREDIBLE)
		return false;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		if (facts->is_committed && facts->role == ROLE_LOG &&
		    verify_hinted(verify, facts->number) != facts_by_log(facts) + facts->named)
			return true;
	}
	return false;
}

/* Do hints that can be believed count more in a segment than the index places there, and more than
 * is there? */
static bool index_lacks_any(const struct verify *verify)
{
	if (verify->hints_credit != CREDIT_CREDIBLE)
		return false;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		const int64_t hinted = verify_hinted(verify, facts->number);
		if (facts->is_committed && facts->role == ROLE_LOG &&
		    hinted > facts_by_index(facts) &&
		    (facts->damaged > 0 || hinted > (int64_t)facts->held))
			return true;
	}
	return false;
}

/* A number without a file above an intact index, or hints, of an earlier time, where nothing later
 * is left. */
static bool has_hole_above(const struct verify *verify, uint32_t *transaction)
{
	const struct listing *listing = &verify->repo->listing;
	const struct repo *repo = verify->repo;
	const struct { bool is_there; uint32_t transaction; } earlier[] = {
		{ verify->index_figures.is_stale, verify->index.transaction },
		{ repo->has_older_index, repo->older_index },
		{ repo->has_hints, repo->hints_transaction },
		{ repo->has_older_hints, repo->older_hints },
	};
	bool is_any = false;
	if (!verify->has_end || verify->hints_credit == CREDIT_CREDIBLE ||
	    (verify->index_credit == CREDIT_CREDIBLE && !verify->index_figures.is_stale))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(earlier); i++) {
		if (!earlier[i].is_there || earlier[i].transaction >= verify->end ||
		    (is_any && earlier[i].transaction < *transaction))
			continue;
		*transaction = earlier[i].transaction;
		is_any = true;
	}
	if (!is_any)
		return false;
	const size_t first = listing_from(listing, *transaction + 1);
	const size_t behind = listing_from(listing, verify->end) + 1;
	return behind - first < verify->end - *transaction;
}

/* Do the hints count in each segment what a foreign index of their time places there? Then they may
 * be of one repository, and it is by chance that the log's counts fit too. */
static bool hints_fit_foreign_index(const struct verify *verify)
{
	if (verify->index_credit != CREDIT_FOREIGN || verify->index_figures.used == 0 ||
	    verify->repo->hints.transaction != verify->index.transaction)
		return false;
	for (size_t i = 0; i < verify->repo->listing.count; i++)
		if (verify->facts[i].is_committed &&
		    !verify_hints_like_index(verify, &verify->facts[i]))
			return false;
	return true;
}

/* Do the hints, or index and hints of one time, speak against all of the log, and no credible
 * witness for it? They may be right, and the files not ours. */
static bool is_contradicted(const struct verify *verify)
{
	const struct hints *hints = &verify->repo->hints;
	if (!hints->usable || hints->segment_count == 0 ||
	    verify->index_credit == CREDIT_CREDIBLE ||
	    (verify->hints_credit == CREDIT_CREDIBLE && !hints_fit_foreign_index(verify)))
		return false;
	if (!verify->has_end)
		return verify->index_was_compared &&
		       verify->index.transaction == hints->transaction;
	return hints->transaction == verify->end;
}

/* Is there an index, or are there hints, of a later time than the log's, and no index of that time
 * that is to be believed? What came between was lost, or they are not ours. An empty one was made
 * while data/ could not be seen. */
static bool is_overtaken(const struct verify *verify)
{
	const struct repo *repo = verify->repo;
	const struct index_figures *figures = &verify->index_figures;
	const bool is_later = repo->has_index && repo->index_transaction > verify->end &&
			      (verify->index.transaction < repo->index_transaction ||
			       figures->used > 0);
	const bool has_hints = repo->hints.usable && repo->hints.segment_count > 0 &&
			       repo->hints.transaction > verify->end;
	/* Where the tail was to be dropped, what is of its time was to be overtaken. */
	return (is_later || has_hints) && verify->tail_choice == TAIL_AS_FOUND &&
	       !(verify->index_credit == CREDIT_CREDIBLE && figures->is_beyond);
}

/* Does no COMMIT say where the log ends, and no credible index of its last file either? */
static bool is_end_unknown(const struct verify *verify)
{
	const struct listing *listing = &verify->repo->listing;
	return !verify->repo->has_transaction && listing->count > 0 &&
	       !(verify->index_was_compared && verify->index_credit == CREDIT_CREDIBLE &&
		 verify->index.transaction == listing->segments[listing->count - 1].number);
}

/* Is anything named as lost by an index whose keys are damaged? It can be another key's name. */
static bool is_named_in_doubt(const struct verify *verify)
{
	for (size_t i = 0; verify->gone_count > 0 && i < verify->oddity_count; i++)
		if (verify->oddities[i].key_is_damaged)
			return true;
	return false;
}

struct earlier_keys {
	const struct verify_run *run;
	uint64_t known, unknown;	/* does the newest index or the log have the key? */
};

static enum as_err count_earlier(void *context, const struct index_bucket *bucket)
{
	struct earlier_keys *keys = context;
	struct index_bucket newest;
	struct replay_event event;
	if (!index_bucket_is_used(bucket))
		return AS_OK;
	if (verify_find_mapping(keys->run, bucket->key, &newest) ||
	    verify_find_event(keys->run->verify, bucket->key, NULL, false, &event))
		keys->known++;
	else
		keys->unknown++;
	return AS_OK;
}

/* Does an older index beside the newest name a key that neither that nor the log speaks of, while a
 * segment with objects is missing? The newest may have lost it. One that shares less than half is
 * not heard. */
static bool earlier_index_names_more(const struct verify_run *run)
{
	const struct verify *verify = run->verify;
	const struct repo *repo = verify->repo;
	struct earlier_keys keys = { .run = run };
	struct index_file older;
	uint32_t from = 0;
	bool is_any = false;
	for (size_t i = 0; i < verify->missing_count; i++)
		is_any = is_any || verify->missing[i].lost > 0;
	if (!is_any || !repo->has_older_index || verify->hints_credit == CREDIT_CREDIBLE ||
	    verify->index.transaction <= repo->older_index ||
	    index_open(repo->io, repo->fd, repo->dialect, repo->older_index, &older, NULL) != AS_OK)
		return false;
	index_each(&older, &from, count_earlier, &keys);
	index_close(&older);
	return keys.unknown > 0 && keys.known > keys.unknown;
}

static bool is_loss_unknown(const struct verify_run *run, const struct verify_unnamed *unnamed)
{
	const struct verify *verify = run->verify;
	const struct index_figures *figures = &verify->index_figures;
	if (is_end_unknown(verify) || is_overtaken(verify) || index_lacks_any(verify) ||
	    is_named_in_doubt(verify) || earlier_index_names_more(run))
		return true;
	/* An index that knows every object of the log also knows every one that is gone. */
	if (verify->index_credit == CREDIT_CREDIBLE && figures->known == figures->live &&
	    figures->confirmed + figures->searched_known > 0 && run->index.is_whole &&
	    !verify->index_is_inferred && unnamed->phantoms == 0)
		return false;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		if (!facts->is_committed)
			continue;
		if (has_edge(verify, facts))
			return true;
		if ((facts->role == ROLE_FOREIGN || has_room(verify, facts)) &&
		    !is_covered_by_hints(verify, facts->number,
					 facts_by_log(facts) + facts->named))
			return true;
	}
	if (is_contradicted(verify) || unnamed->manifest)
		return true;
	/* Nothing in the log says what became of a key that an earlier index has. */
	if (verify->index_credit == CREDIT_OLDER && unnamed->phantoms > 0)
		return true;
	/* What an index that is half wrong names and the log does not have may have been there; the
	 * hints can count another object in its place. */
	if (verify->index_credit == CREDIT_DAMAGED && unnamed->phantoms > 0 &&
	    (verify->hints_credit != CREDIT_CREDIBLE || figures->known < figures->live ||
	     verify->hints_figures.right < verify->hints_figures.rows))
		return true;
	/* A damaged entry may show a key that is damaged too. */
	if (unnamed->by_damage > 0)
		return true;
	for (size_t i = 0; i < verify->missing_count; i++)
		if (verify->missing[i].lost > 0 &&
		    !is_covered_by_hints(verify, verify->missing[i].segment,
					 (int64_t)verify->missing[i].mapped +
						 verify_count_filled(verify,
								     verify->missing[i].segment)))
			return true;
	uint32_t transaction;
	return unnamed->by_hints > 0 || hints_differ(verify) ||
	       has_hole_above(verify, &transaction);
}

enum as_err verify_report_unknown(struct verify_run *run, const struct verify_unnamed *unnamed)
{
	struct verify *verify = run->verify;
	struct finding finding = finding_of(PROBLEM_LOSS_UNKNOWN);
	uint32_t transaction;
	uint64_t bytes = 0;
	verify->loss_is_unknown = is_loss_unknown(run, unnamed);
	if (!verify->loss_is_unknown)
		return AS_OK;
	for (size_t i = 0; i < verify->damage_count; i++)
		bytes += verify->damage[i].length;
	if (bytes > 0)
		snprintf(finding.detail, sizeof(finding.detail),
			 "%zu damaged place%s, %" PRIu64 " bytes", verify->damage_count,
			 verify->damage_count == 1 ? "" : "s", bytes);
	else if (has_hole_above(verify, &transaction))
		snprintf(finding.detail, sizeof(finding.detail),
			 "segments above transaction %" PRIu32 " are not there", transaction);
	if (verify->damage_count == 0)
		finding.repair = REPAIR_RECOVER;
	return verify_add(run, &finding);
}
