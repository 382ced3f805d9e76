/* Whom the engine believes: everything that can be said of one key, and the verdict on it; and how
 * index and hints earn their credit. The rules are those of doc/reliability.md, by number. */
#include "build-config.h"

#include "engine/base/error.h"
#include "engine/check/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- the verdicts ---- */

/* What a field of the testimony may be in a row of the table: any of these bits; without any bit,
 * anything. */
enum { NO = 1 << false, YES = 1 << true };
enum {
	NOTHING = 1 << EVENT_NONE,
	PUT = 1 << EVENT_PUT,
	DELETE = 1 << EVENT_DELETE,
};
enum {
	UNMAPPED = 1 << MAPPING_NONE,
	CONFIRMED = 1 << MAPPING_CONFIRMED,
	INTO_DAMAGE = 1 << MAPPING_DAMAGED,
	INTO_GAP = 1 << MAPPING_GAP,
	UNREADABLE = 1 << MAPPING_UNREADABLE,
	WRONG = 1 << MAPPING_WRONG,
	ELSEWHERE = INTO_DAMAGE | INTO_GAP | UNREADABLE | WRONG,
};
enum {
	NO_INDEX = 1 << CREDIT_NONE,
	DAMAGED = 1 << CREDIT_DAMAGED,
	FOREIGN = 1 << CREDIT_FOREIGN,
	OLDER = 1 << CREDIT_OLDER,
	CREDIBLE = 1 << CREDIT_CREDIBLE,
	DOUBTFUL = NO_INDEX | DAMAGED | FOREIGN | OLDER,
};

/* A set of testimonies, and what follows from each of them. */
static const struct row {
	unsigned event, mapping, index;
	unsigned later, searched, moved, delete_moved, key_damaged, beyond, above,
		knows_keys;
	unsigned hints_credible, like_log, like_index, place, stranger, near, contradicted;
	enum verdict verdict;
	unsigned rule;
	const char *why;
} rows[] = {
	/* The index does not have the key. */
	{ .event = NOTHING | DELETE, .mapping = UNMAPPED, .verdict = VERDICT_DELETED, .rule = 1,
	  .why = "log and index agree: no object" },
	{ .event = PUT, .mapping = UNMAPPED, .index = NO_INDEX | FOREIGN,
	  .verdict = VERDICT_UNWITNESSED, .rule = 2,
	  .why = "an index without credit does not speak against the log" },
	{ .event = PUT, .mapping = UNMAPPED, .index = DAMAGED, .knows_keys = NO,
	  .verdict = VERDICT_UNWITNESSED, .rule = 2,
	  .why = "an index without credit does not speak against the log" },
	{ .event = PUT, .mapping = UNMAPPED, .index = DAMAGED, .knows_keys = YES,
	  .searched = NO, .place = NO, .verdict = VERDICT_UNWITNESSED, .rule = 2,
	  .why = "the index alone says deleted, and it is damaged" },
	{ .event = PUT, .mapping = UNMAPPED, .index = DAMAGED, .knows_keys = YES,
	  .searched = NO, .place = YES, .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "an index with wrong places knows the keys, and the DELETE has a place" },
	{ .event = PUT, .mapping = UNMAPPED, .index = DAMAGED, .knows_keys = YES, .searched = YES,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "an index with wrong places knows the keys, and this may be part of a value" },
	{ .event = PUT, .mapping = UNMAPPED, .index = OLDER, .beyond = NO,
	  .verdict = VERDICT_UNWITNESSED, .rule = 2,
	  .why = "an older index does not speak against what came after it" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE | OLDER, .beyond = YES, .above = YES,
	  .verdict = VERDICT_UNWITNESSED, .rule = 9,
	  .why = "a newer index knows nothing of what lies above all that it knows" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE | OLDER, .beyond = YES, .above = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 9,
	  .why = "what a newer index no longer names is kept" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = YES,
	  .verdict = VERDICT_UNINDEXED, .rule = 4,
	  .why = "the index has the key, but for a few wrong bits" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = YES,
	  .like_index = NO, .place = NO, .searched = NO, .verdict = VERDICT_UNINDEXED, .rule = 4,
	  .why = "log and hints against the index" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = YES,
	  .like_index = NO, .place = NO, .searched = YES, .verdict = VERDICT_POSSIBLY_DELETED,
	  .rule = 4, .why = "the hints count one more in the damage, and do not say which" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = YES,
	  .like_index = NO, .place = YES, .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "log and hints against the index, and the DELETE has a place" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = YES,
	  .like_index = YES, .searched = NO, .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "the hints bear both out, and the index says deleted" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = YES,
	  .like_index = YES, .searched = YES, .verdict = VERDICT_DELETED, .rule = 4,
	  .why = "part of a payload: the hints bear out the index as well" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = YES, .place = YES, .above = NO,
	  .verdict = VERDICT_DENIED, .rule = 4,
	  .why = "both witnesses say deleted, and the DELETE has a place: given up" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = YES, .place = YES, .above = YES, .searched = YES,
	  .verdict = VERDICT_DENIED, .rule = 4, .why = "perhaps part of a payload" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = YES, .place = YES, .above = YES, .searched = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "above all that the index knows both can be of an earlier time" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = YES, .place = NO, .searched = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "both say deleted, but nowhere can the DELETE have been" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = NO, .searched = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "hints without credit are no second witness" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = NO, .place = YES, .searched = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "the index alone says deleted, and the DELETE has a place" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = NO, .place = NO, .stranger = YES, .searched = NO,
	  .verdict = VERDICT_POSSIBLY_DELETED, .rule = 4,
	  .why = "the index alone says deleted, and of all that is in the segment" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = NO, .place = NO, .stranger = NO, .searched = NO,
	  .verdict = VERDICT_UNINDEXED, .rule = 4,
	  .why = "the index alone says deleted, and no DELETE can have been" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = YES, .place = NO, .searched = YES,
	  .verdict = VERDICT_DELETED, .rule = 4, .why = "part of a payload: both say no object" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = YES, .hints_credible = NO, .searched = YES,
	  .verdict = VERDICT_DELETED, .rule = 4, .why = "part of a payload: the index says so" },
	{ .event = PUT, .mapping = UNMAPPED, .index = CREDIBLE, .beyond = NO, .near = NO,
	  .like_log = NO,
	  .like_index = NO, .searched = YES, .verdict = VERDICT_DELETED, .rule = 4,
	  .why = "part of a payload: the hints do not count it either" },

	/* The index maps the key to a whole PUT of it. */
	{ .mapping = CONFIRMED, .later = NO, .verdict = VERDICT_AGREED, .rule = 4,
	  .why = "the newest whole PUT, and the index knows it" },
	{ .mapping = CONFIRMED, .later = YES, .searched = YES, .verdict = VERDICT_AGREED, .rule = 4,
	  .why = "what only searching found is part of a payload: a credible index knows better" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = DOUBTFUL,
	  .verdict = VERDICT_OUTDATED, .rule = 1, .why = "the log has a newer version" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = YES, .like_index = NO, .verdict = VERDICT_OUTDATED, .rule = 1,
	  .why = "the log as it stands" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = YES, .like_index = YES, .like_log = YES, .verdict = VERDICT_OUTDATED,
	  .rule = 1, .why = "the log as it stands, and the hints bear both out" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = YES, .like_index = YES, .like_log = NO, .above = YES,
	  .verdict = VERDICT_OUTDATED, .rule = 1,
	  .why = "index and hints can be of a time before the newer version" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = YES, .like_index = YES, .like_log = NO, .above = NO, .stranger = NO,
	  .verdict = VERDICT_OUTDATED, .rule = 1,
	  .why = "the segment is one that the index knows" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = YES, .like_index = YES, .like_log = NO, .above = NO, .stranger = YES,
	  .verdict = VERDICT_DELETE_MOVED, .rule = 4,
	  .why = "witnesses of a later time know this PUT, and nothing where the later one is" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = NO, .hints_credible = NO, .verdict = VERDICT_OUTDATED, .rule = 1,
	  .why = "the index alone does not know the newer version" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = NO, .hints_credible = YES, .like_index = NO, .verdict = VERDICT_OUTDATED,
	  .rule = 1, .why = "the hints do not bear the index out" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = NO, .hints_credible = YES, .like_index = YES, .like_log = YES,
	  .contradicted = NO, .verdict = VERDICT_OUTDATED, .rule = 1,
	  .why = "the hints bear both out" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = NO, .hints_credible = YES, .like_index = YES, .like_log = YES,
	  .contradicted = YES, .verdict = VERDICT_DELETE_MOVED, .rule = 4,
	  .why = "both witnesses know other objects where the later PUT stands" },
	{ .event = PUT, .mapping = CONFIRMED, .later = YES, .searched = NO, .index = CREDIBLE,
	  .beyond = NO, .hints_credible = YES, .like_index = YES, .like_log = NO,
	  .verdict = VERDICT_DELETE_MOVED, .rule = 4,
	  .why = "both witnesses know this PUT: the later one is in a misplaced file" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .index = FOREIGN,
	  .verdict = VERDICT_UNDELETED, .rule = 1, .why = "a foreign index is no witness" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .searched = NO, .delete_moved = YES,
	  .index = DAMAGED | OLDER | CREDIBLE, .verdict = VERDICT_DELETE_MOVED, .rule = 8,
	  .why = "no client deletes it for good: the writer moved its DELETE" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = DAMAGED | OLDER,
	  .hints_credible = NO, .verdict = VERDICT_UNDELETED, .rule = 1,
	  .why = "deleted since the index was written" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = DAMAGED | OLDER,
	  .hints_credible = YES, .like_index = NO, .verdict = VERDICT_UNDELETED, .rule = 1,
	  .why = "the hints do not bear the index out" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = DAMAGED | OLDER,
	  .hints_credible = YES, .like_index = YES, .like_log = YES,
	  .verdict = VERDICT_UNDELETED, .rule = 1, .why = "the hints bear both out" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = DAMAGED | OLDER,
	  .hints_credible = YES, .like_index = YES, .like_log = NO,
	  .beyond = NO, .verdict = VERDICT_DELETE_MOVED, .rule = 4,
	  .why = "an index that is wrong elsewhere, borne out by credible hints" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = DAMAGED | OLDER,
	  .hints_credible = YES, .like_index = YES, .like_log = NO,
	  .beyond = YES, .verdict = VERDICT_UNDELETED, .rule = 1,
	  .why = "an index that is wrong elsewhere, and of another time" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = CREDIBLE, .beyond = YES,
	  .searched = NO, .verdict = VERDICT_POSSIBLY_DELETED, .rule = 9,
	  .why = "a newer index still knows the PUT: the writer may have moved the DELETE" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = CREDIBLE, .beyond = NO,
	  .searched = NO, .like_index = YES, .verdict = VERDICT_DELETE_MOVED, .rule = 4,
	  .why = "index and hints know the PUT as live: the writer moved its DELETE" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = CREDIBLE, .beyond = NO,
	  .searched = NO, .like_index = NO, .like_log = YES, .verdict = VERDICT_UNDELETED,
	  .rule = 4,
	  .why = "log and hints against the index" },
	{ .event = DELETE, .mapping = CONFIRMED, .later = YES, .delete_moved = NO,
	  .index = CREDIBLE, .beyond = NO,
	  .searched = NO, .like_index = NO, .like_log = NO, .verdict = VERDICT_POSSIBLY_DELETED,
	  .rule = 4, .why = "the index alone says that the DELETE was moved" },

	/* The index maps the key to where no whole PUT of it stands, and the log goes on. */
	{ .event = PUT, .mapping = ELSEWHERE, .moved = YES, .verdict = VERDICT_MOVED, .rule = 1,
	  .why = "behind bytes that came or went: the very PUT that the index means" },
	{ .event = PUT, .mapping = ELSEWHERE, .moved = NO, .later = YES,
	  .verdict = VERDICT_OUTDATED, .rule = 1, .why = "the log has a newer version" },
	{ .event = DELETE, .mapping = ELSEWHERE, .later = YES, .index = DOUBTFUL,
	  .verdict = VERDICT_UNDELETED, .rule = 1, .why = "deleted since the index was written" },
	{ .event = DELETE, .mapping = UNREADABLE | WRONG, .later = YES, .index = CREDIBLE,
	  .searched = NO, .verdict = VERDICT_UNDELETED, .rule = 1, .why = "deleted later" },
	{ .event = DELETE, .mapping = INTO_DAMAGE | INTO_GAP, .later = YES, .index = CREDIBLE,
	  .beyond = YES, .searched = NO, .verdict = VERDICT_UNDELETED, .rule = 1,
	  .why = "the log as it stands" },
	{ .event = DELETE, .mapping = INTO_DAMAGE | INTO_GAP, .later = YES, .index = CREDIBLE,
	  .beyond = NO, .searched = NO, .like_log = YES, .verdict = VERDICT_UNDELETED, .rule = 1,
	  .why = "log and hints against the index" },
	{ .event = DELETE, .mapping = INTO_DAMAGE | INTO_GAP, .later = YES, .index = CREDIBLE,
	  .beyond = NO, .searched = NO, .like_log = NO, .verdict = VERDICT_LOST, .rule = 5,
	  .why = "a credible index names it: the writer may have moved the DELETE" },
	{ .event = DELETE, .mapping = UNREADABLE, .later = YES, .searched = YES,
	  .verdict = VERDICT_UNREADABLE, .rule = 5,
	  .why = "a DELETE in a payload deletes nothing" },
	{ .event = DELETE, .mapping = INTO_DAMAGE | INTO_GAP, .later = YES, .searched = YES,
	  .beyond = NO, .verdict = VERDICT_LOST, .rule = 5,
	  .why = "a DELETE in a payload deletes nothing" },
	{ .event = DELETE, .mapping = INTO_DAMAGE | INTO_GAP, .later = YES, .searched = YES,
	  .beyond = YES, .verdict = VERDICT_LOST, .rule = 9,
	  .why = "a DELETE in a payload deletes nothing" },
	{ .event = DELETE, .mapping = WRONG, .later = YES, .searched = YES, .key_damaged = NO,
	  .verdict = VERDICT_LOST, .rule = 5, .why = "a DELETE in a payload deletes nothing" },
	{ .event = DELETE, .mapping = WRONG, .later = YES, .searched = YES, .key_damaged = YES,
	  .verdict = VERDICT_PHANTOM, .rule = 5,
	  .why = "a few wrong bits in the index name an object that never was" },

	/* ... and nothing in the log is later. */
	{ .mapping = UNREADABLE, .moved = NO, .later = NO,
	  .index = DAMAGED | OLDER | CREDIBLE, .verdict = VERDICT_UNREADABLE, .rule = 5,
	  .why = "it may be there: neither lost nor replaced by an older version" },
	{ .event = PUT, .mapping = UNREADABLE | INTO_DAMAGE, .moved = NO, .later = NO,
	  .index = FOREIGN, .verdict = VERDICT_UNWITNESSED, .rule = 2,
	  .why = "a foreign index places nothing" },
	{ .event = NOTHING | DELETE, .mapping = UNREADABLE | INTO_DAMAGE, .later = NO,
	  .index = FOREIGN, .verdict = VERDICT_PHANTOM, .rule = 2,
	  .why = "a foreign index names nothing" },
	{ .event = PUT, .mapping = INTO_DAMAGE, .moved = NO, .later = NO,
	  .index = DAMAGED | OLDER | CREDIBLE, .beyond = NO, .verdict = VERDICT_OLDER, .rule = 5,
	  .why = "its newest PUT is damaged, an older one is whole" },
	{ .event = PUT, .mapping = INTO_DAMAGE, .moved = NO, .later = NO,
	  .index = DAMAGED | OLDER | CREDIBLE, .beyond = YES, .verdict = VERDICT_OLDER, .rule = 9,
	  .why = "what a newer index names and an older PUT holds" },
	{ .event = NOTHING | DELETE, .mapping = INTO_DAMAGE, .later = NO,
	  .index = DAMAGED | OLDER | CREDIBLE, .beyond = NO, .verdict = VERDICT_LOST, .rule = 5,
	  .why = "named, and no whole PUT of it is there" },
	{ .event = NOTHING | DELETE, .mapping = INTO_DAMAGE, .later = NO,
	  .index = DAMAGED | OLDER | CREDIBLE, .beyond = YES, .verdict = VERDICT_LOST, .rule = 9,
	  .why = "what only a newer index names" },
	{ .event = PUT, .mapping = INTO_GAP, .moved = NO, .later = NO, .beyond = NO,
	  .verdict = VERDICT_OLDER, .rule = 5,
	  .why = "its newest PUT is missing, an older one is whole" },
	{ .event = PUT, .mapping = INTO_GAP, .moved = NO, .later = NO, .beyond = YES,
	  .verdict = VERDICT_OLDER, .rule = 9,
	  .why = "what a newer index names and an older PUT holds" },
	{ .event = NOTHING | DELETE, .mapping = INTO_GAP, .later = NO, .beyond = NO,
	  .verdict = VERDICT_LOST, .rule = 5, .why = "named, and its segment is gone" },
	{ .event = NOTHING | DELETE, .mapping = INTO_GAP, .later = NO, .beyond = YES,
	  .verdict = VERDICT_LOST, .rule = 9, .why = "what only a newer index names" },
	{ .event = PUT, .mapping = WRONG, .moved = NO, .later = NO, .index = CREDIBLE,
	  .verdict = VERDICT_MISDIRECTED, .rule = 4,
	  .why = "a wrong mapping says nothing about the object" },
	{ .event = PUT, .mapping = WRONG, .moved = NO, .later = NO, .index = DOUBTFUL,
	  .verdict = VERDICT_UNWITNESSED, .rule = 4,
	  .why = "a wrong mapping says nothing about the object" },
	{ .event = NOTHING | DELETE, .mapping = WRONG, .later = NO, .index = CREDIBLE,
	  .key_damaged = NO, .verdict = VERDICT_LOST, .rule = 5,
	  .why = "a credible index names the key, and no whole PUT of it is there" },
	{ .event = NOTHING | DELETE, .mapping = WRONG, .later = NO, .index = CREDIBLE,
	  .key_damaged = YES, .verdict = VERDICT_PHANTOM, .rule = 5,
	  .why = "a few wrong bits in the index name an object that never was" },
	{ .event = NOTHING | DELETE, .mapping = WRONG, .later = NO, .index = DOUBTFUL,
	  .verdict = VERDICT_PHANTOM, .rule = 5,
	  .why = "only a credible index names what it places wrongly" },
};

static bool allows(unsigned bits, unsigned value)
{
	return bits == 0 || (bits >> value & 1) != 0;
}

static bool row_fits(const struct row *row, const struct testimony *t)
{
	return allows(row->event, t->event) && allows(row->mapping, t->mapping) &&
	       allows(row->index, t->index) && allows(row->later, t->event_is_later) &&
	       allows(row->searched, t->event_is_searched) &&
	       allows(row->moved, t->event_has_moved) &&
	       allows(row->delete_moved, t->delete_is_moved) &&
	       allows(row->knows_keys, t->index_knows_keys) &&
	       allows(row->key_damaged, t->key_is_damaged) &&
	       allows(row->beyond, t->index_is_beyond) && allows(row->above, t->is_above_index) &&
	       allows(row->hints_credible, t->hints_are_credible) &&
	       allows(row->like_log, t->hints_like_log) &&
	       allows(row->like_index, t->hints_like_index) && allows(row->place, t->has_place) &&
	       allows(row->stranger, t->is_stranger) && allows(row->near, t->has_near_bucket) &&
	       allows(row->contradicted, t->is_contradicted);
}

/* Can all this be said of one key? */
static bool can_occur(const struct testimony *t)
{
	const bool is_mapped = t->mapping != MAPPING_NONE;
	const bool is_confirmed = t->mapping == MAPPING_CONFIRMED;
	/* An event is later than a mapping: it takes both. */
	if (t->event_is_later && (t->event == EVENT_NONE || !is_mapped))
		return false;
	/* These are said of PUTs alone. */
	if (t->event != EVENT_PUT && (t->event_has_moved || t->is_above_index || t->has_place ||
				      t->is_stranger || t->is_contradicted || t->has_near_bucket))
		return false;
	/* ... and that of DELETEs at the end of the log, if the index knows nothing above it. */
	if (t->delete_is_moved && (t->event != EVENT_DELETE || t->index_is_beyond))
		return false;
	/* Such a bucket is looked for where none leads to a place of the key. */
	if (t->has_near_bucket && is_mapped)
		return false;
	/* Where no index is to be believed, what searching found is an event like any other, unless
	 * one that is wrong about places has nearly all keys and not this. */
	const bool is_missed = t->index == CREDIT_DAMAGED && t->index_knows_keys && !is_mapped;
	if (t->event_is_searched &&
	    (t->event == EVENT_NONE || (t->index != CREDIT_CREDIBLE && !is_missed)))
		return false;
	/* A PUT has moved when it is not where the index has it, and searching found it. */
	if (t->event_has_moved && (!t->event_is_searched || !is_mapped || is_confirmed))
		return false;
	/* No index, no mapping. */
	if (t->index == CREDIT_NONE && is_mapped)
		return false;
	/* That a segment is missing takes an index which is worth something. */
	if (t->mapping == MAPPING_GAP && t->index != CREDIT_OLDER && t->index != CREDIT_CREDIBLE)
		return false;
	/* A damaged key is one that the log does not hold, at the place of one much like
	 * it. */
	if (t->key_is_damaged && (t->mapping != MAPPING_WRONG || t->event == EVENT_PUT ||
				  t->index != CREDIT_CREDIBLE))
		return false;
	/* The hints are asked of a PUT that the index does not have, or that something later in the
	 * log speaks against. */
	const bool is_asked = t->event != EVENT_NONE && (!is_mapped || t->event_is_later);
	return is_asked || (!t->hints_are_credible && !t->hints_like_log && !t->hints_like_index);
}

/* The values of each field of a testimony, in the order of the enumeration. */
enum { BOOLEANS = 15, COMBINATIONS = 3 * 6 * 5 << BOOLEANS };

static struct testimony testimony_of(unsigned number)
{
	const unsigned bits = number & ((1u << BOOLEANS) - 1);
	number >>= BOOLEANS;
	return (struct testimony){
		.event = (enum log_event)(number % 3),
		.mapping = (enum mapping)(number / 3 % 6),
		.index = (enum credit)(number / 18),
		.event_is_later = bits & 1,
		.event_is_searched = bits >> 1 & 1,
		.event_has_moved = bits >> 2 & 1,
		.key_is_damaged = bits >> 3 & 1,
		.index_is_beyond = bits >> 4 & 1,
		.is_above_index = bits >> 5 & 1,
		.hints_are_credible = bits >> 6 & 1,
		.hints_like_log = bits >> 7 & 1,
		.hints_like_index = bits >> 8 & 1,
		.has_place = bits >> 9 & 1,
		.is_stranger = bits >> 10 & 1,
		.is_contradicted = bits >> 11 & 1,
		.has_near_bucket = bits >> 12 & 1,
		.delete_is_moved = bits >> 13 & 1,
		.index_knows_keys = bits >> 14 & 1,
	};
}

static void fail_of(const struct testimony *t, const char *what, const char *why)
{
	fail_msg("%s (%s): event %d, later %d, searched %d, moved %d, mapping %d, key damaged %d, "
		 "index %d, beyond %d, above %d, hints credible %d, like log %d, like index %d, "
		 "place %d, stranger %d, contradicted %d, near %d, delete moved %d, knows keys %d",
		 what, why, t->event, t->event_is_later, t->event_is_searched, t->event_has_moved,
		 t->mapping, t->key_is_damaged, t->index, t->index_is_beyond, t->is_above_index,
		 t->hints_are_credible, t->hints_like_log, t->hints_like_index, t->has_place,
		 t->is_stranger, t->is_contradicted, t->has_near_bucket, t->delete_is_moved,
		 t->index_knows_keys);
}

static void every_testimony_has_the_verdict_of_its_row(void **state)
{
	unsigned used[ARRAY_SIZE(rows)] = { 0 };
	assert_int_equal(EVENT_KINDS, 3);
	assert_int_equal(MAPPING_KINDS, 6);
	assert_int_equal(CREDIT_CREDIBLE, 4);
	for (unsigned i = 0; i < COMBINATIONS; i++) {
		const struct testimony t = testimony_of(i);
		const struct row *row = NULL;
		if (!can_occur(&t))
			continue;
		for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
			if (!row_fits(&rows[r], &t))
				continue;
			if (row)
				fail_of(&t, row->why, rows[r].why);
			row = &rows[r];
			used[r]++;
		}
		if (!row) {
			fail_of(&t, "no row", "");
			return;
		}
		const struct judgement judgement = evidence_decide(&t);
		if (judgement.verdict != row->verdict)
			fail_of(&t, "another verdict", row->why);
		if (judgement.rule != row->rule)
			fail_of(&t, "another rule", row->why);
	}
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++)
		if (used[r] == 0)
			fail_msg("nothing fits row %zu: %s", r, rows[r].why);
	(void)state;
}

static void every_verdict_is_in_the_table(void **state)
{
	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		bool is_there = false;
		for (size_t r = 0; r < ARRAY_SIZE(rows); r++)
			is_there = is_there || rows[r].verdict == (enum verdict)verdict;
		if (!is_there)
			fail_msg("verdict %d", verdict);
	}
	(void)state;
}

/* Rule 4, tried on every combination: a whole PUT that is no part of a payload is an object, unless
 * two credible witnesses say that it was deleted, or a witness with credit places the key later. */
static void a_whole_put_is_given_up_for_two_reasons_only(void **state)
{
	for (unsigned i = 0; i < COMBINATIONS; i++) {
		const struct testimony t = testimony_of(i);
		if (!can_occur(&t) || t.event != EVENT_PUT || t.event_is_searched)
			continue;
		const enum verdict verdict = evidence_decide(&t).verdict;
		const bool is_denied = t.mapping == MAPPING_NONE && t.index == CREDIT_CREDIBLE &&
				       t.hints_are_credible && t.hints_like_index &&
				       !t.hints_like_log && t.has_place;
		const bool is_older = !t.event_is_later && t.index != CREDIT_FOREIGN &&
				      (t.mapping == MAPPING_DAMAGED || t.mapping == MAPPING_GAP ||
				       t.mapping == MAPPING_UNREADABLE);
		switch (verdict) {
		case VERDICT_DENIED:
			if (!is_denied)
				fail_of(&t, "denied", "by fewer than two");
			break;
		case VERDICT_OLDER:
		case VERDICT_UNREADABLE:
			if (!is_older)
				fail_of(&t, "an older version", "and nothing places it later");
			break;
		case VERDICT_DELETED:
		case VERDICT_UNDELETED:
		case VERDICT_LOST:
		case VERDICT_PHANTOM:
			fail_of(&t, "given up", "though the log's newest event is a PUT");
			break;
		default:
			break;
		}
	}
	(void)state;
}

/* ---- credit ---- */

static void an_index_earns_its_credit(void **state)
{
	static const struct {
		const char *what;
		struct index_figures figures;
		enum credit credit;
	} cases[] = {
		{ "all fits", { .of = 182, .confirmed = 182, .live = 182, .known = 182 },
		  CREDIT_CREDIBLE },
		/* Nine in ten. */
		{ "90 of 100 places", { .of = 100, .confirmed = 90, .live = 100, .known = 100 },
		  CREDIT_CREDIBLE },
		{ "89 of 100 places", { .of = 100, .confirmed = 89, .live = 100, .known = 100 },
		  CREDIT_DAMAGED },
		{ "90 of 100 keys", { .of = 90, .confirmed = 90, .live = 100, .known = 90 },
		  CREDIT_CREDIBLE },
		{ "89 of 100 keys", { .of = 89, .confirmed = 89, .live = 100, .known = 89 },
		  CREDIT_OLDER },
		{ "18 of 20 places", { .of = 20, .confirmed = 18, .live = 20, .known = 20 },
		  CREDIT_CREDIBLE },
		{ "17 of 20 places", { .of = 20, .confirmed = 17, .live = 20, .known = 20 },
		  CREDIT_DAMAGED },
		{ "18 of 19 places", { .of = 19, .confirmed = 18, .live = 19, .known = 19 },
		  CREDIT_CREDIBLE },
		{ "17 of 19 places", { .of = 19, .confirmed = 17, .live = 19, .known = 19 },
		  CREDIT_DAMAGED },
		/* All but one, of fewer than ten. */
		{ "8 of 9 places", { .of = 9, .confirmed = 8, .live = 9, .known = 9 },
		  CREDIT_CREDIBLE },
		{ "7 of 9 places", { .of = 9, .confirmed = 7, .live = 9, .known = 9 },
		  CREDIT_DAMAGED },
		{ "8 of 9 keys", { .of = 8, .confirmed = 8, .live = 9, .known = 8 },
		  CREDIT_CREDIBLE },
		{ "7 of 9 keys", { .of = 7, .confirmed = 7, .live = 9, .known = 7 }, CREDIT_OLDER },
		{ "1 of 2 keys", { .of = 1, .confirmed = 1, .live = 2, .known = 1 },
		  CREDIT_CREDIBLE },
		{ "the only place is wrong", { .of = 1, .confirmed = 0, .live = 1, .known = 1 },
		  CREDIT_CREDIBLE },
		/* Places and keys are asked for each on its own. */
		{ "both at the edge", { .of = 100, .confirmed = 90, .live = 100, .known = 90 },
		  CREDIT_CREDIBLE },
		{ "neither", { .of = 100, .confirmed = 89, .live = 100, .known = 89 },
		  CREDIT_DAMAGED },
		/* One in ten shared. */
		{ "1 of 10 keys", { .of = 1, .confirmed = 1, .live = 10, .known = 1 },
		  CREDIT_OLDER },
		{ "1 of 11 keys", { .of = 1, .confirmed = 1, .live = 11, .known = 1 },
		  CREDIT_FOREIGN },
		{ "10 of 100 keys", { .of = 10, .confirmed = 10, .live = 100, .known = 10 },
		  CREDIT_OLDER },
		{ "9 of 100 keys", { .of = 9, .confirmed = 9, .live = 100, .known = 9 },
		  CREDIT_FOREIGN },
		{ "0 of 182, as many others",
		  { .of = 182, .confirmed = 0, .live = 182, .known = 0 },
		  CREDIT_FOREIGN },
		/* An empty index beside a full log, however many objects that has. */
		{ "empty beside 182", { .live = 182 }, CREDIT_FOREIGN },
		{ "empty beside 9", { .live = 9 }, CREDIT_FOREIGN },
		{ "empty beside 1", { .live = 1 }, CREDIT_FOREIGN },
		{ "empty beside 9, beyond", { .live = 9, .is_beyond = true }, CREDIT_FOREIGN },
		{ "empty beside 9, excused", { .live = 9, .excused = 9 }, CREDIT_FOREIGN },
		{ "empty beside an empty log", { .live = 0 }, CREDIT_CREDIBLE },
		/* A log without an object. */
		{ "all that it knows is damaged", { .used = 5, .of = 0, .live = 0 },
		  CREDIT_CREDIBLE },
		{ "the same, stale", { .used = 5, .is_stale = true }, CREDIT_OLDER },
		{ "0 of 10 places, no object", { .of = 10, .confirmed = 0 }, CREDIT_FOREIGN },
		{ "1 of 10 places, no object", { .of = 10, .confirmed = 1 }, CREDIT_DAMAGED },
		/* Below the end of the log. */
		{ "stale, all fits",
		  { .of = 40, .confirmed = 40, .live = 40, .known = 40, .is_stale = true },
		  CREDIT_OLDER },
		{ "stale, wrong places",
		  { .of = 40, .confirmed = 35, .live = 40, .known = 40, .is_stale = true },
		  CREDIT_DAMAGED },
		{ "stale, shares nothing",
		  { .of = 40, .confirmed = 0, .live = 40, .known = 3, .is_stale = true },
		  CREDIT_FOREIGN },
		/* Above it: half of the keys do. */
		{ "beyond, 10 of 20 keys",
		  { .of = 10, .confirmed = 10, .live = 20, .known = 10, .is_beyond = true },
		  CREDIT_CREDIBLE },
		{ "beyond, 9 of 20 keys",
		  { .of = 9, .confirmed = 9, .live = 20, .known = 9, .is_beyond = true },
		  CREDIT_OLDER },
		{ "beyond, wrong places",
		  { .of = 20, .confirmed = 17, .live = 20, .known = 20, .is_beyond = true },
		  CREDIT_DAMAGED },
		/* The exceptions lie where a DELETE may be lost, but for half at the most. */
		{ "15 of 20, 5 excused",
		  { .of = 15, .confirmed = 15, .live = 20, .known = 15, .excused = 5 },
		  CREDIT_CREDIBLE },
		{ "15 of 20, 4 excused",
		  { .of = 15, .confirmed = 15, .live = 20, .known = 15, .excused = 4 },
		  CREDIT_CREDIBLE },
		{ "15 of 20, 3 excused",
		  { .of = 15, .confirmed = 15, .live = 20, .known = 15, .excused = 3 },
		  CREDIT_OLDER },
		{ "10 of 20, 10 excused",
		  { .of = 10, .confirmed = 10, .live = 20, .known = 10, .excused = 10 },
		  CREDIT_CREDIBLE },
		{ "9 of 20, 11 excused",
		  { .of = 9, .confirmed = 9, .live = 20, .known = 9, .excused = 11 },
		  CREDIT_OLDER },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const enum credit credit = credit_of_index(&cases[i].figures);
		if (credit != cases[i].credit)
			fail_msg("%s: %s", cases[i].what, credit_name(credit));
	}
	(void)state;
}

static void hints_earn_their_credit(void **state)
{
	static const struct {
		const char *what;
		struct hints_figures figures;
		enum credit credit;
	} cases[] = {
		{ "all fits", { .rows = 12, .right = 12 }, CREDIT_CREDIBLE },
		/* Four in five; of few all but two, as long as any is right. */
		{ "80 of 100", { .rows = 100, .right = 80 }, CREDIT_CREDIBLE },
		{ "79 of 100", { .rows = 100, .right = 79 }, CREDIT_OLDER },
		{ "12 of 15", { .rows = 15, .right = 12 }, CREDIT_CREDIBLE },
		{ "11 of 15", { .rows = 15, .right = 11 }, CREDIT_OLDER },
		{ "8 of 10", { .rows = 10, .right = 8 }, CREDIT_CREDIBLE },
		{ "7 of 10", { .rows = 10, .right = 7 }, CREDIT_OLDER },
		{ "1 of 3", { .rows = 3, .right = 1 }, CREDIT_CREDIBLE },
		{ "1 of 4", { .rows = 4, .right = 1 }, CREDIT_OLDER },
		{ "0 of 2", { .rows = 2, .right = 0 }, CREDIT_FOREIGN },
		{ "0 of 1", { .rows = 1, .right = 0 }, CREDIT_FOREIGN },
		/* One in ten shared. */
		{ "2 of 20", { .rows = 20, .right = 2 }, CREDIT_OLDER },
		{ "1 of 20", { .rows = 20, .right = 1 }, CREDIT_FOREIGN },
		{ "1 of 10", { .rows = 10, .right = 1 }, CREDIT_OLDER },
		{ "1 of 11", { .rows = 11, .right = 1 }, CREDIT_FOREIGN },
		/* They are of another time, whatever they count. */
		{ "stale", { .rows = 12, .right = 12, .is_stale = true }, CREDIT_OLDER },
		{ "stale and foreign", { .rows = 12, .right = 1, .is_stale = true },
		  CREDIT_FOREIGN },
		{ "objects above all that they list",
		  { .rows = 12, .right = 12, .ends_early = true }, CREDIT_OLDER },
		/* Nothing to count. */
		{ "no rows", { .rows = 0 }, CREDIT_CREDIBLE },
		{ "no rows, stale", { .rows = 0, .is_stale = true }, CREDIT_OLDER },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const enum credit credit = credit_of_hints(&cases[i].figures);
		if (credit != cases[i].credit)
			fail_msg("%s: %s", cases[i].what, credit_name(credit));
	}
	(void)state;
}

static void each_credit_has_its_name(void **state)
{
	assert_string_equal(credit_name(CREDIT_NONE), "none");
	assert_string_equal(credit_name(CREDIT_DAMAGED), "damaged");
	assert_string_equal(credit_name(CREDIT_FOREIGN), "foreign");
	assert_string_equal(credit_name(CREDIT_OLDER), "older");
	assert_string_equal(credit_name(CREDIT_CREDIBLE), "credible");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_testimony_has_the_verdict_of_its_row),
		cmocka_unit_test(every_verdict_is_in_the_table),
		cmocka_unit_test(a_whole_put_is_given_up_for_two_reasons_only),
		cmocka_unit_test(an_index_earns_its_credit),
		cmocka_unit_test(hints_earn_their_credit),
		cmocka_unit_test(each_credit_has_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
