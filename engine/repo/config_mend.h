/* engine/repo/config_mend.h - which lines a person has to write into REPO/config.
 *
 * Segment n lies in data/<n / segments_per_dir>, so the folders say what segments_per_dir was. The
 * sizes of the segments bound max_segment_size from below. Nothing else in the repository holds the
 * id.
 */
#ifndef ATTICSCOPE_CONFIG_MEND_H
#define ATTICSCOPE_CONFIG_MEND_H

#include "format/config.h"
#include "repo/listing.h"

struct config_mend {
	const struct dialect *dialect;	/* whose defaults and words are meant */
	/* config says another segments_per_dir than the folders do */
	bool per_dir_is_wrong;
	uint32_t per_dir_before;	/* what config says then */
	uint32_t segments_per_dir;	/* to be written */
	uint32_t low, high;		/* all numbers from low to high fit the folders as well */
	size_t misfits;			/* segments that lie elsewhere all the same */
	uint32_t max_segment_size;	/* to be written, bytes */
	bool max_size_is_guess;		/* the default does not fit */
};

/* Find the segments_per_dir that fits the most segments of @listing: the default of @dialect where
 * that is one of several, else the lowest. AS_ERR_MEMORY. */
enum as_err config_mend_folders(const struct listing *listing, const struct dialect *dialect,
				struct config_mend *mend);

/* Is @segments_per_dir contradicted by the folders, when it leaves @misplaced segments of @listing
 * in the wrong folder and @mend is what config_mend_folders found? Clear cases only: a few
 * misplaced segments are misplaced. */
bool config_mend_contradicts(const struct config_mend *mend, const struct listing *listing,
			     uint32_t segments_per_dir, uint64_t misplaced);

/* After config_mend_folders: find a max_segment_size that fits the sizes of all segments. Asks for
 * the state of each file. */
void config_mend_sizes(const struct io *io, int repo_fd, const struct listing *listing,
		       struct config_mend *mend);

/* What to write, for a person, when @findings hold problems of config: lines apart by LF, those to
 * be written to the file indented by four blanks. Empty when there is nothing to be written. */
void config_mend_text(const struct config *config, const struct config_mend *mend,
		      const struct findings *findings, char *out, size_t size);

#endif
