/* engine/repo/origin.h - which program wrote a repository.
 *
 * Borg 1.x kept Attic's layout and changed the magics, the config and the README. This version
 * reads and writes Attic's dialect alone: a repository in another one is recognised, named and left
 * as it is. One sign never decides: a flipped bit or one segment of another repository must not
 * make an Attic repository a foreign one.
 */
#ifndef ATTICSCOPE_ORIGIN_H
#define ATTICSCOPE_ORIGIN_H

#include "format/config.h"
#include "format/dialect.h"
#include "repo/listing.h"

/* What one place says. SIGN_NONE: nothing is there, it was not read, or it speaks for neither. */
enum sign { SIGN_NONE, SIGN_ATTIC, SIGN_BORG };

struct origin_signs {
	unsigned segments;	/* looked at: none, one, or the oldest and the newest */
	enum sign oldest, newest; /* their magics; the same where there is one */
	enum sign index;	/* magic of the newest index */
	enum sign readme;
	bool has_options;	/* config holds options that Borg alone writes */
	bool has_integrity;	/* a file integrity.N */
	bool is_version_2;	/* config says so */
	bool config_is_folder;	/* and holds what Borg 2 puts there */
};

/* The row of the dialect that @signs add up to. Pure. */
const struct dialect *origin_of(const struct origin_signs *signs);

/* Look for signs, at most eight bytes of two segments among them. README and index are read only
 * where these do not both speak for Attic. @index is the path of the newest index or NULL. What
 * cannot be read is no sign. */
struct origin_signs origin_look(const struct io *io, int repo_fd, const struct config *config,
				const struct listing *listing, const char *index,
				bool has_integrity);

/* Where the signs of Borg were seen, for a person: "segment 0, the index, README". */
void origin_evidence(const struct origin_signs *signs, const struct listing *listing, char *out,
		     size_t size);

#endif
