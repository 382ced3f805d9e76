#include "build-config.h"

#include "repo/config_mend.h"

#include "base/array.h"
#include "base/text.h"
#include "format/dialect.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A segment is closed before the first entry that would begin beyond the limit, so it is larger by
 * one entry at most (MAX_OBJECT_SIZE). */
#define OVERSHOOT 20971520u
#define CLEAR_MIN 3u	/* fewer segments say too little against a line that is there */

/* ---- from the folders ---- */

/* The numbers d for which n / d == folder. False: there are none. */
static bool find_fits(const struct listing *listing, const struct listing_segment *segment,
		      uint32_t *low, uint32_t *high)
{
	const struct listing_folder *folder = &listing->folders[segment->folder];
	const uint64_t n = segment->number;
	if (folder->name || folder->number > UINT32_MAX)
		return false;
	const uint64_t from = n / (folder->number + 1) + 1;
	const uint64_t to = folder->number == 0 ? INT32_MAX : n / folder->number;
	*low = (uint32_t)from;
	*high = to > INT32_MAX ? INT32_MAX : (uint32_t)to;
	return from <= *high;
}

/* How many of the @count numbers, which ascend, are at most @limit (below 2^32 - 1). */
static size_t count_up_to(const uint32_t *numbers, size_t count, uint32_t limit)
{
	const uint32_t above = limit + 1;
	return array_lower_bound(numbers, count, sizeof(*numbers), &above, array_compare_u32);
}

/* How many of the intervals, whose ends ascend, hold @value. */
static size_t count_fits(const uint32_t *lows, const uint32_t *highs, size_t count, uint32_t value)
{
	return count_up_to(lows, count, value) - count_up_to(highs, count, value - 1);
}

enum as_err config_mend_folders(const struct listing *listing, const struct dialect *dialect,
				struct config_mend *mend)
{
	uint32_t *lows = calloc(listing->count + 1, sizeof(*lows));
	uint32_t *highs = calloc(listing->count + 1, sizeof(*highs));
	uint32_t best = dialect->segments_per_dir;
	size_t count = 0;
	enum as_err err = AS_ERR_MEMORY;
	mend->dialect = dialect;
	if (!lows || !highs)
		goto out;
	for (size_t i = 0; i < listing->count; i++)
		count += find_fits(listing, &listing->segments[i], &lows[count], &highs[count]);
	array_sort(lows, count, sizeof(*lows), array_compare_u32);
	array_sort(highs, count, sizeof(*highs), array_compare_u32);
	/* Choose the value that the most intervals hold. Where many do so the first is at a low
	 * end. */
	size_t fits = count_fits(lows, highs, count, best);
	for (size_t i = 0; i < count; i++) {
		const size_t here = count_fits(lows, highs, count, lows[i]);
		if (here > fits) {
			fits = here;
			best = lows[i];
		}
	}
	const size_t begun = count_up_to(lows, count, best);
	const size_t ended = count_up_to(highs, count, best - 1);
	mend->segments_per_dir = best;
	mend->low = begun > 0 ? lows[begun - 1] : 1;
	mend->high = ended < count ? highs[ended] : INT32_MAX;
	mend->misfits = listing->count - fits;
	err = AS_OK;
out:
	free(lows);
	free(highs);
	return err;
}

bool config_mend_contradicts(const struct config_mend *mend, const struct listing *listing,
			     uint32_t segments_per_dir, uint64_t misplaced)
{
	return listing->count >= CLEAR_MIN && 2 * misplaced > listing->count &&
	       10 * (uint64_t)mend->misfits <= listing->count &&
	       (segments_per_dir < mend->low || segments_per_dir > mend->high);
}

/* ---- from the sizes ---- */

void config_mend_sizes(const struct io *io, int repo_fd, const struct listing *listing,
		       struct config_mend *mend)
{
	struct listing_walk walk = listing_walk_begin(listing, io, repo_fd);
	uint64_t largest = 0;
	for (size_t i = 0; i < listing->count; i++) {
		struct stat st;
		if (listing_walk_stat(&walk, i, &st) && (uint64_t)st.st_size > largest)
			largest = (uint64_t)st.st_size;
	}
	listing_walk_end(&walk);
	const uint32_t limit = mend->dialect->max_segment_size_limit;
	mend->max_segment_size = mend->dialect->max_segment_size;
	mend->max_size_is_guess = largest > mend->max_segment_size + (uint64_t)OVERSHOOT;
	if (mend->max_size_is_guess)
		mend->max_segment_size = largest - OVERSHOOT > limit
						 ? limit : (uint32_t)(largest - OVERSHOOT);
}

/* ---- in words ---- */

static const struct finding *find(const struct findings *findings, enum problem problem)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].problem == problem)
			return &findings->rows[i];
	return NULL;
}

/* Which of the lines have to be written. */
struct wanted {
	bool all, version, per_dir, max_size, id;
};

/* Does a line below a damaged header agree with the folders? */
static bool fits_stray(const struct config *config, const struct config_mend *mend)
{
	const uint32_t number = config->stray.segments_per_dir;
	return !mend->per_dir_is_wrong && number >= mend->low && number <= mend->high && number > 0;
}

static void add_lines(struct text *text, const struct wanted *wanted, const struct config *config,
		      const struct config_mend *mend)
{
	char id[KEY_HEX_SIZE] = "<64 hex digits>";
	if (config->has_id || config->stray.has_id)
		key_to_hex(config->has_id ? config->id : config->stray.id, id);
	if (wanted->all)
		text_append(text, "\n    [repository]");
	if (wanted->all || wanted->version)
		text_append(text, "\n    version = 1");
	if (wanted->all || wanted->per_dir)
		text_append(text, "\n    segments_per_dir = %" PRIu32,
			    !wanted->per_dir ? config->segments_per_dir
			    : fits_stray(config, mend) ? config->stray.segments_per_dir
						       : mend->segments_per_dir);
	if (wanted->all || wanted->max_size)
		text_append(text, "\n    max_segment_size = %" PRIu32,
			    !wanted->max_size ? config->max_segment_size
			    : config->stray.max_segment_size ? config->stray.max_segment_size
							     : mend->max_segment_size);
	if (wanted->all || wanted->id)
		text_append(text, "\n    id = %s", id);
}

static void explain(struct text *text, const struct wanted *wanted, const struct config *config,
		    const struct config_mend *mend)
{
	const bool keeps_size = config->stray.max_segment_size > 0;
	const bool keeps_id = !config->has_id && config->stray.has_id;
	const bool keeps_per_dir = fits_stray(config, mend);
	const bool is_default = mend->segments_per_dir == mend->dialect->segments_per_dir;
	const bool explains_per_dir = wanted->per_dir && !keeps_per_dir;
	if (wanted->all && (keeps_size || keeps_id || keeps_per_dir))
		text_append(text, "\nThe lines that can be read are as they are in config now.");
	if (explains_per_dir && mend->per_dir_is_wrong)
		text_append(text, "\nconfig says segments_per_dir = %" PRIu32 " now, and the "
			    "folders below data say otherwise.", mend->per_dir_before);
	if (explains_per_dir && mend->low == mend->high)
		text_append(text, "\nThe folders below data fit segments_per_dir = %" PRIu32
			    " and no other number.", mend->low);
	else if (explains_per_dir)
		text_append(text, "\nsegments_per_dir is a guess: the folders below data fit every "
			    "number from %" PRIu32 " to %" PRIu32 "%s%s%s.", mend->low, mend->high,
			    is_default ? ", and " : "", is_default ? mend->dialect->client : "",
			    is_default ? "'s default is one of them" : "");
	if (wanted->max_size && !keeps_size && mend->max_size_is_guess)
		text_append(text, "\nmax_segment_size is a guess: the smallest that fits the "
			    "largest segment.");
	else if (wanted->max_size && !keeps_size)
		text_append(text, "\nmax_segment_size is %s's default, which fits all "
			    "segments. It only says how large new segments get.",
			    mend->dialect->client);
	if ((wanted->all || wanted->id) && !config->has_id && !keeps_id)
		text_append(text, "\nThe id is the name of the folder that a client keeps in its "
			    "cache: %s. Take the one of this repository.",
			    mend->dialect->id_places);
	if (wanted->all && mend->dialect->has_options)
		text_append(text, "\nA repository with a key in config has a line key as well, "
			    "which goes on in the next lines. Without it no archive can be read: "
			    "take it from a copy, or from what borg key export has written.");
}

void config_mend_text(const struct config *config, const struct config_mend *mend,
		      const struct findings *findings, char *out, size_t size)
{
	const struct finding *unread = find(findings, PROBLEM_CONFIG_UNREADABLE);
	const struct finding *syntax = find(findings, PROBLEM_CONFIG_SYNTAX);
	struct text text = { .bytes = NULL };
	const struct wanted wanted = {
		.all = unread || syntax || find(findings, PROBLEM_CONFIG_MISSING),
		.version = config->version != 1,
		.per_dir = !config->has_segments_per_dir || mend->per_dir_is_wrong,
		.max_size = !config->has_max_segment_size,
		.id = !config->has_id,
	};
	out[0] = '\0';
	if (unread && unread->cause == CAUSE_DENIED)	/* nothing may be wrong with it */
		return;
	if (!wanted.all && !wanted.version && !wanted.per_dir && !wanted.max_size && !wanted.id)
		return;
	if (unread)
		text_append(&text, "The file config cannot be read: %s. Make it readable; or move "
			    "away what is there, and write a new file config with these lines:",
			    unread->detail);
	else if (syntax)
		text_append(&text, "The file config has an error: %s. Keep a copy of it, and "
			    "write it with these lines:", syntax->detail);
	else if (wanted.all)
		text_append(&text, "The file config is missing. Restore it from a copy, or write "
			    "it with these lines:");
	else
		text_append(&text, "Write into the file config, below the line [repository], in "
			    "the place of any line of that name:");
	add_lines(&text, &wanted, config, mend);
	explain(&text, &wanted, config, mend);
	if (text.bytes)
		snprintf(out, size, "%s", text.bytes);
	free(text.bytes);
}
