/* tests/unit/check/sample.h - a small repository, opened and checked, and ways to damage it. */
#ifndef ATTICSCOPE_TESTS_SAMPLE_H
#define ATTICSCOPE_TESTS_SAMPLE_H

#include "engine/check/diagnose.h"
#include "engine/format/hints.h"
#include "tests/support/builder.h"
#include "tests/support/fault.h"

#define OBJECTS 24u
#define BUCKETS 64u

/* A repository of three transactions: objects 0 to 23 of 300 bytes; then 3 deleted and 4
 * overwritten; then 24 and 25. Segments are of about 1500 bytes. Objects 0 to 25 but 3 are live. */
struct world {
	char folder[BUILDER_PATH], path[BUILDER_PATH];
	struct builder *builder;
	struct fault fault;
	struct io writers_io;
	const struct io *io;
	struct repo *repo;
	struct verify *verify;
	struct diagnosis diagnosis;
	int writer_fd;				/* holds the exclusive lock, -1: nobody does */
	void (*between)(struct world *world);	/* after opening, before verifying */
};

void world_new(struct world *world);
void world_judge(struct world *world, unsigned threads);
void world_forget(struct world *world);
void world_free(struct world *world);
uint64_t found(const struct world *world, enum problem problem);
const struct finding *finding_row(const struct world *world, enum problem problem);
const char *path_of(const struct world *world, const char *format, ...);
const char *index_path(const struct world *world);
const char *hints_path(const struct world *world);
/* Path of the segment that holds the live PUT of object @number, and the PUT's offset. */
const char *put_path(const struct world *world, unsigned number, uint32_t *segment,
		     uint32_t *offset);
void read_bytes(const char *path, uint64_t offset, void *out, size_t len);
/* Offset in the index file of the bucket that holds object @number. */
uint64_t bucket_of(const struct world *world, unsigned number);
uint64_t empty_bucket(const struct world *world);
void rewrite_config(const struct world *world, const char *text);
void copy_file(const char *from, const char *to);
const char *copy_of(const char *path);
void patch_put(const struct world *world, unsigned number, uint32_t at, const void *bytes,
	       size_t len);

/* Let the file @name begin @len bytes later. */
void behead(struct world *w, const char *name, size_t len);
/* Change a row of the hints. */
void set_row(struct world *w, struct hints_segment row);

/* Damage, by the name of what is wrong afterwards. */
void segment_missing(struct world *w);
void last_segment_unreadable(struct world *w);
void crc(struct world *w);
void zeros(struct world *w);
void delete_lost(struct world *w);
void add_tail(struct world *w);
void commit_flip(struct world *w);
void commit_flip_alone(struct world *w);
void zeros_after_commit(struct world *w);
void no_commit(struct world *w);
void only_commit_flip(struct world *w);
void index_missing(struct world *w);
void index_mapping(struct world *w);
void index_stale(struct world *w);
void hints_count(struct world *w);
void index_key_missing(struct world *w);
void index_of_elsewhere(struct world *w);
/* As large as ours, and it shares no key with the log. */
void index_of_another_repository(struct world *w);
void index_empty(struct world *w);
/* It knows 18 of 25 objects, all of them right. */
void index_of_an_earlier_time(struct world *w);
/* A copy of the segment that is damaged then. */
void segment_copy(struct world *w);
/* A compaction had removed two segments: one with an object, and one with its DELETE, which became
 * head again without it. The first comes back. */
void segment_returned(struct world *w);
/* Another repository's segment 1, whole, in the place of ours. */
void segment_foreign(struct world *w);
void segments_swapped(struct world *w);
void newest_version_damaged(struct world *w);
void zeros_without_witness(struct world *w);
void data_older(struct world *w);
/* A DELETE of an older version, which the writer's compaction moved behind the PUT. */
void delete_moved(struct world *w);
void nothing(struct world *w);

#endif
