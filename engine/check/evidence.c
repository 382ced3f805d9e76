#include "build-config.h"

#include "check/evidence.h"

const char *credit_name(enum credit credit)
{
	static const char *const names[] = {
		[CREDIT_NONE] = "none",
		[CREDIT_DAMAGED] = "damaged",
		[CREDIT_FOREIGN] = "foreign",
		[CREDIT_OLDER] = "older",
		[CREDIT_CREDIBLE] = "credible",
	};
	return names[credit];
}

/* Nine in ten; of fewer than ten all but one. */
static bool is_nearly_all(uint64_t part, uint64_t all)
{
	const uint64_t exceptions = all / 10 > 1 ? all / 10 : 1;
	return part + exceptions >= all;
}

enum credit credit_of_index(const struct index_figures *f)
{
	/* Nothing to compare it with: it can do no harm, and it alone names what is gone. */
	if (f->live == 0 && f->of == 0 && f->searched_known * 10 < f->searched)
		return CREDIT_FOREIGN;
	if (f->live == 0 && f->of == 0)
		return f->is_stale ? CREDIT_OLDER : CREDIT_CREDIBLE;
	if (f->known * 10 < f->live || (f->live == 0 && f->confirmed * 10 < f->of))
		return CREDIT_FOREIGN;
	const bool places_fit = is_nearly_all(f->confirmed, f->of);
	const bool keys_fit =
		is_nearly_all(f->known, f->live - f->excused) && f->known * 2 >= f->live;
	/* Where the data is older than the index, some objects are new and some were
	 * deleted since. */
	const bool shares_most = f->is_beyond && f->known * 2 >= f->live;
	if (places_fit && (keys_fit || shares_most))
		return f->is_stale ? CREDIT_OLDER : CREDIT_CREDIBLE;
	return places_fit ? CREDIT_OLDER : CREDIT_DAMAGED;
}

enum credit credit_of_hints(const struct hints_figures *f)
{
	const uint64_t wrong = f->rows - f->right;
	const uint64_t exceptions = f->rows / 5 > 2 ? f->rows / 5 : 2;
	if (f->is_elsewhere)
		return CREDIT_FOREIGN;
	if (f->rows == 0)
		return f->is_stale ? CREDIT_OLDER : CREDIT_CREDIBLE;
	if (f->right * 10 < f->rows)
		return CREDIT_FOREIGN;
	if (f->is_stale || f->ends_early || wrong > exceptions)
		return CREDIT_OLDER;
	return CREDIT_CREDIBLE;
}

/* The log holds the object, if anything of it at all, where no index has it. */
static struct judgement decide_unmapped(const struct testimony *t)
{
	if (t->event != EVENT_PUT)
		return (struct judgement){ VERDICT_DELETED, 1 };
	const bool fits_a_time = t->index == CREDIT_CREDIBLE ||
				 (t->index == CREDIT_OLDER && t->index_is_beyond);
	/* One that is wrong about places still knows which keys there are. */
	if (t->index == CREDIT_DAMAGED && t->index_knows_keys &&
	    (t->has_place || t->event_is_searched))
		return (struct judgement){ VERDICT_POSSIBLY_DELETED, 4 };
	if (!fits_a_time)
		return (struct judgement){ VERDICT_UNWITNESSED, 2 };
	if (t->index_is_beyond)
		return (struct judgement){ t->is_above_index ? VERDICT_UNWITNESSED
							     : VERDICT_POSSIBLY_DELETED, 9 };
	if (t->has_near_bucket)
		return (struct judgement){ VERDICT_UNINDEXED, 4 };
	/* Hints can be as wrong as an index: where a DELETE can have been, they decide nothing.
	 * Nor do they tell which object it is that they count in damage. */
	if (t->hints_like_log && !t->hints_like_index)
		return (struct judgement){ t->has_place || t->event_is_searched
						   ? VERDICT_POSSIBLY_DELETED
						   : VERDICT_UNINDEXED, 4 };
	/* Above all that the index knows both can be of an earlier time. */
	const bool is_newer = t->is_above_index && !t->event_is_searched;
	if (t->hints_like_index && !t->hints_like_log && t->hints_are_credible && t->has_place &&
	    !is_newer)
		return (struct judgement){ VERDICT_DENIED, 4 };
	if (t->event_is_searched)
		return (struct judgement){ VERDICT_DELETED, 4 };
	if (t->hints_like_index || t->has_place || t->is_stranger)
		return (struct judgement){ VERDICT_POSSIBLY_DELETED, 4 };
	return (struct judgement){ VERDICT_UNINDEXED, 4 };
}

/* A later PUT that neither witness of the same time knows is in a file that is not in its place.
 * Witnesses of a later time know all that lies below what they lead to. */
static bool is_misplaced(const struct testimony *t)
{
	if (t->index != CREDIT_CREDIBLE || !t->hints_like_index)
		return false;
	if (t->index_is_beyond)
		return t->is_stranger && !t->is_above_index && !t->hints_like_log;
	return t->hints_are_credible && (!t->hints_like_log || t->is_contradicted);
}

static struct judgement decide_confirmed(const struct testimony *t)
{
	if (t->event == EVENT_NONE || !t->event_is_later || t->event_is_searched)
		return (struct judgement){ VERDICT_AGREED, 4 };
	if (t->event == EVENT_PUT)
		return is_misplaced(t) ? (struct judgement){ VERDICT_DELETE_MOVED, 4 }
				       : (struct judgement){ VERDICT_OUTDATED, 1 };
	if (t->delete_is_moved && t->index != CREDIT_FOREIGN)
		return (struct judgement){ VERDICT_DELETE_MOVED, 8 };
	/* An index that is wrong elsewhere is right here where hints that can be believed bear it
	 * out. */
	const bool is_borne_out = t->hints_are_credible && t->hints_like_index &&
				  !t->hints_like_log && t->index != CREDIT_FOREIGN;
	if (t->index != CREDIT_CREDIBLE && (t->index_is_beyond || !is_borne_out))
		return (struct judgement){ VERDICT_UNDELETED, 1 };
	if (t->index_is_beyond)
		return (struct judgement){ VERDICT_POSSIBLY_DELETED, 9 };
	if (t->hints_like_index)
		return (struct judgement){ VERDICT_DELETE_MOVED, 4 };
	return (struct judgement){ t->hints_like_log ? VERDICT_UNDELETED
						     : VERDICT_POSSIBLY_DELETED, 4 };
}

/* Nothing whole stands where the index leads, and the log has nothing later. */
static struct judgement decide_lacking(const struct testimony *t)
{
	const bool is_named = t->index == CREDIT_CREDIBLE || t->index == CREDIT_OLDER ||
			      t->index == CREDIT_DAMAGED;
	if (!is_named)
		return (struct judgement){ t->event == EVENT_PUT ? VERDICT_UNWITNESSED
								 : VERDICT_PHANTOM, 2 };
	return (struct judgement){ t->event == EVENT_PUT ? VERDICT_OLDER : VERDICT_LOST,
				   t->index_is_beyond ? 9 : 5 };
}

struct judgement evidence_decide(const struct testimony *t)
{
	const bool is_credible = t->index == CREDIT_CREDIBLE;
	if (t->mapping == MAPPING_NONE)
		return decide_unmapped(t);
	if (t->mapping == MAPPING_CONFIRMED)
		return decide_confirmed(t);
	if (t->event == EVENT_PUT && t->event_has_moved)
		return (struct judgement){ VERDICT_MOVED, 1 };
	/* A DELETE behind a damaged PUT that a credible index means may have been moved there: then
	 * the object is lost, unless the hints say that it was deleted. */
	const bool has_doubt = t->event == EVENT_DELETE && is_credible && !t->index_is_beyond &&
			       !t->hints_like_log &&
			       (t->mapping == MAPPING_DAMAGED || t->mapping == MAPPING_GAP);
	if (t->event_is_later && !has_doubt && (t->event == EVENT_PUT || !t->event_is_searched))
		return (struct judgement){ t->event == EVENT_PUT ? VERDICT_OUTDATED
								 : VERDICT_UNDELETED, 1 };
	if (t->mapping == MAPPING_UNREADABLE && t->index != CREDIT_FOREIGN)
		return (struct judgement){ VERDICT_UNREADABLE, 5 };
	if (t->mapping != MAPPING_WRONG)
		return decide_lacking(t);
	if (t->event == EVENT_PUT)
		return (struct judgement){ is_credible ? VERDICT_MISDIRECTED
						       : VERDICT_UNWITNESSED, 4 };
	return (struct judgement){ is_credible && !t->key_is_damaged ? VERDICT_LOST
								     : VERDICT_PHANTOM, 5 };
}
