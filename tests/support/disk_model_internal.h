/* tests/support/disk_model_internal.h - the record, which disk_model.c makes and disk_model_state.c
 * reads.
 */
#ifndef ATTICSCOPE_TESTS_DISK_MODEL_INTERNAL_H
#define ATTICSCOPE_TESTS_DISK_MODEL_INTERNAL_H

#include "tests/support/builder.h"
#include "tests/support/disk_model.h"

#include <limits.h>
#include <pthread.h>

#define NO_NODE SIZE_MAX

enum disk_change_kind {
	DISK_CREATE, DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_FOLDER, DISK_RENAME,
	DISK_LINK, DISK_REMOVE, DISK_REMOVE_FOLDER
};

/* A file or a folder, independent of its names. */
struct disk_node {
	bool is_folder;
	mode_t mode;
	uint8_t *bytes;		/* of a file, when the record began */
	size_t len;
};

/* @node has the name @name in the folder @parent. */
struct disk_name {
	size_t parent, node;
	char name[NAME_MAX + 1];
};

struct disk_names {
	struct disk_name *rows;
	size_t count, capacity;
};

struct disk_change {
	enum disk_change_kind kind;
	size_t node;			/* that is written, synced or named */
	size_t parent;			/* of the name that is made or removed */
	char name[NAME_MAX + 1];
	size_t from;			/* rename: parent of the old name ... */
	char from_name[NAME_MAX + 1];	/* ... and that name */
	uint64_t offset;		/* write; truncation: the length */
	uint8_t *bytes;
	size_t len;
};

struct disk_model {
	struct io io;
	pthread_mutex_t mutex;
	char disk[BUILDER_PATH];
	struct disk_node *nodes;	/* the first is the disk itself */
	size_t node_count, node_capacity;
	struct disk_names start, now;
	struct disk_change *changes;
	size_t change_count, change_capacity, stop_at;
	size_t *files;			/* of each descriptor: its node, or NO_NODE */
	size_t file_count;
};

/* End the program unless @done. */
void disk_model_need(bool done, const char *what);

/* Return @rows with room for @wanted rows of @size bytes. */
void *disk_model_grow(void *rows, size_t *capacity, size_t wanted, size_t size);

/* The row of @name in the folder @parent, or NULL. */
struct disk_name *disk_name_find(const struct disk_names *names, size_t parent, const char *name);

/* Let @name in @parent lead to @node in place of anything else; or to nothing. */
void disk_name_set(struct disk_names *names, size_t parent, const char *name, size_t node);
void disk_name_clear(struct disk_names *names, size_t parent, const char *name);

#endif
