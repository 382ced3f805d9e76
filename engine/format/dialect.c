#include "build-config.h"

#include "format/dialect.h"

/* Sources: attic/repository.py, MAGIC, MAX_OBJECT_SIZE, DEFAULT_SEGMENTS_PER_DIR,
 * DEFAULT_MAX_SEGMENT_SIZE, Repository.create and write_index; attic/_hashindex.c, MAGIC,
 * hashindex_set and hashindex_delete. */
const struct dialect dialect_attic = {
	.name = "attic",
	.title = "Attic",
	.is_read = true,
	.readme = "This is an Attic repository\n",
	.readme_start = "This is an Attic",
	.segment_magic = "ATTICSEG",
	.index_magic = "ATTICIDX",
	.entry_max = 20u * 1024 * 1024,
	.hints_version = 1,
	.hints_version_max = 1,
	.index_buckets_min = 1024,
	.index_growth = 2,
	.index_used_max = 90,
	.index_used_min = 25,
	.segments_per_dir = 10000,
	.max_segment_size = 5u * 1024 * 1024,
	.lock_kind = LOCK_KIND_FILE,
};

const struct dialect dialect_borg = {
	.name = "borg",
	.title = "Borg 1.x",
	.refusal = "this is a Borg repository, and this program changes Attic repositories only",
	.by_hand = "This is a Borg 1.x repository. This program reads Attic repositories only and "
		   "changes nothing here. Use Borg itself: run borg check on it.",
	.readme_start = "This is a Borg",
	.segment_magic = "BORG_SEG",
	.index_magic = "BORG_IDX",
	.hints_version = 2,
	.hints_version_max = 2,
	.lock_kind = LOCK_KIND_FOLDER,
};

const struct dialect dialect_mixed = {
	.name = "mixed",
	.title = "Attic, half upgraded to Borg",
	.refusal = "this Attic repository is half upgraded to Borg: run borg upgrade again to "
		   "finish that",
	.by_hand = "This Attic repository is half upgraded to Borg: borg upgrade was interrupted. "
		   "Run borg upgrade again on it, with the same options; that finishes the "
		   "upgrade. Until then run neither Attic nor Borg on it for anything else. This "
		   "program changes nothing here.",
	.lock_kind = LOCK_KIND_FOLDER,	/* as "borg upgrade" takes it */
};

const struct dialect dialect_borg2 = {
	.name = "borg2",
	.title = "Borg 2",
	.refusal = "this is a Borg 2 repository, and this program changes Attic repositories only",
	.by_hand = "This is a Borg 2 repository. This program reads Attic repositories only and "
		   "changes nothing here. Use Borg 2 itself: run borg check on it.",
};
