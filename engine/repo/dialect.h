/* engine/repo/dialect.h - which program wrote a repository.
 *
 * Borg 1.x kept Attic's layout and changed the magics, the config and the README. This version
 * reads and writes Attic's dialect alone: a repository in another one is recognised, named and left
 * as it is. One sign never decides: a flipped bit or one segment of another repository must not
 * make an Attic repository a foreign one.
 */
#ifndef ATTICSCOPE_DIALECT_H
#define ATTICSCOPE_DIALECT_H

#include "format/config.h"
#include "repo/listing.h"

enum dialect {
	DIALECT_ATTIC,
	DIALECT_BORG,	/* Borg 1.x */
	DIALECT_MIXED,	/* Attic's, and "borg upgrade" was interrupted */
	DIALECT_BORG2
};

/* "attic", "borg", "mixed", "borg2", as in the JSON. */
const char *dialect_name(enum dialect dialect);

/* "Borg 1.x", for a person. */
const char *dialect_title(enum dialect dialect);

/* Why nothing is changed in a repository of @dialect, one sentence without a full stop; NULL for
 * Attic's. */
const char *dialect_refusal(enum dialect dialect);

/* What a person can do with a repository of @dialect. NULL for Attic's. */
const char *dialect_by_hand(enum dialect dialect);

/* What one place says. SIGN_NONE: nothing is there, it was not read, or it speaks for neither. */
enum sign { SIGN_NONE, SIGN_ATTIC, SIGN_BORG };

struct dialect_signs {
	unsigned segments;	/* looked at: none, one, or the oldest and the newest */
	enum sign oldest, newest; /* their magics; the same where there is one */
	enum sign index;	/* magic of the newest index */
	enum sign readme;
	bool has_options;	/* config holds options that Borg alone writes */
	bool has_integrity;	/* a file integrity.N */
	bool is_version_2;	/* config says so */
	bool config_is_folder;	/* and holds what Borg 2 puts there */
};

/* The dialect that @signs add up to. Pure. */
enum dialect dialect_of(const struct dialect_signs *signs);

/* Look for signs, at most eight bytes of two segments among them. README and index are read only
 * where these do not both speak for Attic. @index is the path of the newest index or NULL. What
 * cannot be read is no sign. */
struct dialect_signs dialect_look(const struct io *io, int repo_fd, const struct config *config,
				  const struct listing *listing, const char *index,
				  bool has_integrity);

/* Where the signs of Borg were seen, for a person: "segment 0, the index, README". */
void dialect_evidence(const struct dialect_signs *signs, const struct listing *listing, char *out,
		      size_t size);

#endif
