/* engine/check/evidence.h - whom to believe.
 *
 * A whole entry in data/ is a fact. Index and hints are testimony: each earns its credit from the
 * facts before it is used, and then everything that log, index and hints say of one key goes
 * through evidence_decide. Pure functions; weigh.c counts the figures, compare.c asks for every
 * key. The rules are those of doc/reliability.md, by their numbers there.
 */
#ifndef ATTICSCOPE_EVIDENCE_H
#define ATTICSCOPE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* What a witness is worth, from nothing to all. */
enum credit {
	CREDIT_NONE,		/* there is none, or it was not weighed */
	CREDIT_DAMAGED,		/* it knows the log's keys, but many of its places are wrong */
	CREDIT_FOREIGN,		/* it shares next to nothing with the log */
	CREDIT_OLDER,		/* it fits an earlier time of the log */
	CREDIT_CREDIBLE
};
const char *credit_name(enum credit credit);	/* as in the JSON; "none" for CREDIT_NONE */

/* What an index and the log have in common. */
struct index_figures {
	uint64_t used;		/* mappings in all */
	uint64_t of;		/* those into segments that are there without a flaw, and those of
				 * keys that the log has a later PUT of */
	uint64_t confirmed;	/* of these: the PUT of the key stands there, and none later */
	uint64_t live;		/* objects that the log holds, up to the index's transaction */
	uint64_t known;		/* of these: the index has the key */
	uint64_t excused;	/* of the others: their DELETE can be lost, and the hints, where
				 * there are any, count them out as the index does */
	uint64_t searched;	/* PUTs that only searching found */
	uint64_t searched_known; /* of these: the index has the key */
	bool is_stale;		/* its transaction is below the end of the log */
	bool is_beyond;		/* it is above, and the index leads to segments above the end */
};
enum credit credit_of_index(const struct index_figures *figures);

/* What hints and the log have in common. */
struct hints_figures {
	uint64_t rows;		/* segments without a flaw that the hints or the log know PUTs in */
	uint64_t right;		/* of these: both count the same; or the hints count as a credible
				 * index does, which knows what a lost or moved DELETE did */
	bool is_elsewhere;	/* no segment that they list is there, or one is above their time */
	bool is_stale;		/* their transaction is below the end of the log */
	bool ends_early;	/* a segment with objects lies above all that they list */
};
enum credit credit_of_hints(const struct hints_figures *figures);

/* The newest event that the log has of a key, apart from the PUT that the index is right about. */
enum log_event { EVENT_NONE, EVENT_PUT, EVENT_DELETE, EVENT_KINDS };

/* Where the index's mapping of a key leads. */
enum mapping {
	MAPPING_NONE,		/* the index does not have the key */
	MAPPING_CONFIRMED,	/* to a whole PUT of the key */
	MAPPING_DAMAGED,	/* into a damaged stretch */
	MAPPING_GAP,		/* to a segment, or an end of one, that is not there and was */
	MAPPING_UNREADABLE,	/* to what the disk or a permission refuses to show */
	MAPPING_WRONG,		/* to anything else: that says nothing about the object */
	MAPPING_KINDS
};

/* All that is said of one key. */
struct testimony {
	enum log_event event;
	bool event_is_later;	/* than the place that the index maps the key to */
	bool event_is_searched;	/* only searching found it: perhaps it is part of a payload */
	bool delete_is_moved;	/* the event is a DELETE behind which nothing can be lost, and no
				 * client deletes this key for good */
	bool event_has_moved;	/* a PUT that only searching found, in the segment that the index
				 * maps the key to: bytes came or went before it */
	enum mapping mapping;
	bool key_is_damaged;	/* a few bits of the bucket's key are wrong: no such object was */
	enum credit index;
	bool index_knows_keys;	/* nearly all objects of the log are in it, at any place */
	bool index_is_beyond;	/* it is of a transaction above the end of the log */
	bool is_above_index;	/* the PUT lies above all that the index knows of */
	bool hints_are_credible;
	/* The hints' count for the PUT's segment is what the log says (for what only searching
	 * found: it is higher), or what the index says. Both may hold, or neither. */
	bool hints_like_log, hints_like_index;
	bool has_near_bucket;	/* a bucket has the key but for a few wrong bits */
	bool is_stranger;	/* the index knows nothing in the PUT's segment */
	bool is_contradicted;	/* index and hints agree on other objects in the PUT's segment */
	bool has_place;		/* for a DELETE behind the PUT: damage, or a missing file */
};

enum verdict {
	VERDICT_AGREED,		/* an object, where the index has it */
	VERDICT_DELETED,	/* none, and the index agrees */
	VERDICT_UNWITNESSED,	/* an object by the log; the index is no witness */
	VERDICT_UNINDEXED,	/* an object; the index has lost it */
	VERDICT_POSSIBLY_DELETED, /* an object, kept in doubt */
	VERDICT_DENIED,		/* a PUT in the log; both witnesses say that it was deleted */
	VERDICT_OUTDATED,	/* an object; the index maps it to an older place */
	VERDICT_UNDELETED,	/* deleted in the log after the place that the index maps it to */
	VERDICT_DELETE_MOVED,	/* an object; neither index nor hints know what the log has behind
				 * it: a DELETE that the writer moved, a PUT in a misplaced file */
	VERDICT_LOST,		/* a witness names it, and no whole version is in the log */
	VERDICT_OLDER,		/* its newest version is lost, an older one is whole */
	VERDICT_UNREADABLE,	/* the index maps it to where nothing can be read now */
	VERDICT_MOVED,		/* an object, behind damage in the segment that the index knows */
	VERDICT_MISDIRECTED,	/* an object; the index maps it to something else */
	VERDICT_PHANTOM,	/* only the index speaks of it, and there was no such object */
	VERDICT_COUNT
};

struct judgement {
	enum verdict verdict;
	unsigned rule;		/* of doc/reliability.md */
};
struct judgement evidence_decide(const struct testimony *testimony);

#endif
