/* engine/check/witness.h - the credit of index and hints with its figures, as info and the terminal
 * show it.
 *
 * A complete verification has weighed them to the last key (evidence.h). Without one a sample of
 * the index's mappings is looked at, which takes a second: that shows an index of elsewhere, but
 * not one that only lacks keys.
 */
#ifndef ATTICSCOPE_WITNESS_H
#define ATTICSCOPE_WITNESS_H

#include "check/check.h"

#define WITNESS_PROBES 1000u	/* mappings that are looked at, at most */
#define WITNESS_TEXT 160u
#define WITNESSES_MAX 3u	/* the index, one older index, the hints */

struct witness {
	char file[24];			/* "index.14", "hints.14" */
	enum credit credit;		/* CREDIT_NONE: not known */
	bool is_hints;
	bool has_figures;
	/* For an index: mappings that were compared with the log, and those that lead to the PUT of
	 * their key. For hints: segments that were compared, and those whose count is right. */
	uint64_t of, confirmed;
	bool is_sample;			/* not all mappings were looked at */
	bool has_keys;			/* of an index that was weighed to the last key: */
	uint64_t objects, known;	/* what the log holds at its time; of that, what it knows */
};

/* The witnesses of @repo into @out; returns how many there are. With @verify (complete) the exact
 * figures, with NULL those of a sample; @cancel (may be NULL) ends looking at it early. */
size_t witness_list(const struct repo *repo, const struct verify *verify,
		    const _Atomic bool *cancel, struct witness out[WITNESSES_MAX]);

/* The newest index alone. False: there is none. */
bool witness_of_index(const struct repo *repo, const struct verify *verify,
		      const _Atomic bool *cancel, struct witness *out);

/* The hints alone. */
bool witness_of_hints(const struct repo *repo, const struct verify *verify, struct witness *out);

/* "0 of 50 mappings confirmed"; empty where there are no figures. */
void witness_figures(const struct witness *witness, char out[WITNESS_TEXT]);

/* "foreign, 0 of 50 mappings confirmed" */
void witness_text(const struct witness *witness, char out[WITNESS_TEXT]);

#endif
