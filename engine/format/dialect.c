#include "build-config.h"

#include "format/dialect.h"

/* Sources: attic/repository.py, MAGIC, MAX_OBJECT_SIZE, DEFAULT_SEGMENTS_PER_DIR,
 * DEFAULT_MAX_SEGMENT_SIZE, Repository.create and write_index; attic/_hashindex.c, MAGIC,
 * hashindex_set and hashindex_delete. */
const struct dialect dialect_attic = {
	.name = "attic",
	.title = "Attic",
	.readme = "This is an Attic repository\n",
	.segment_magic = "ATTICSEG",
	.index_magic = "ATTICIDX",
	.entry_max = 20u * 1024 * 1024,
	.hints_version = 1,
	.index_buckets_min = 1024,
	.index_growth = 2,
	.index_used_max = 90,
	.index_used_min = 25,
	.segments_per_dir = 10000,
	.max_segment_size = 5u * 1024 * 1024,
	.lock_kind = LOCK_KIND_FILE,
};
