/* tests/power_private.h - the record, as power.c makes it and power_state.c reads it. */
#ifndef ATTICSCOPE_TESTS_POWER_PRIVATE_H
#define ATTICSCOPE_TESTS_POWER_PRIVATE_H

#include "tests/builder.h"
#include "tests/power.h"

#include <limits.h>
#include <pthread.h>

#define NO_NODE SIZE_MAX

enum power_kind {
	POWER_CREATE, POWER_WRITE, POWER_TRUNCATE, POWER_SYNC, POWER_FOLDER, POWER_RENAME,
	POWER_LINK, POWER_REMOVE, POWER_REMOVE_FOLDER
};

/* A file or a folder, whatever its names are. */
struct power_node {
	bool is_folder;
	mode_t mode;
	uint8_t *bytes;		/* of a file, when the record began */
	size_t len;
};

/* @node stands in the folder @parent under @name. */
struct power_name {
	size_t parent, node;
	char name[NAME_MAX + 1];
};

struct power_names {
	struct power_name *rows;
	size_t count, capacity;
};

struct power_change {
	enum power_kind kind;
	size_t node;			/* that is written, synced or named */
	size_t parent;			/* of the name that is made or removed */
	char name[NAME_MAX + 1];
	size_t from;			/* rename: parent of the old name ... */
	char from_name[NAME_MAX + 1];	/* ... and that name */
	uint64_t offset;		/* write; truncation: the length */
	uint8_t *bytes;
	size_t len;
};

struct power {
	struct io io;
	pthread_mutex_t mutex;
	char disk[BUILDER_PATH];
	struct power_node *nodes;	/* the first is the disk itself */
	size_t node_count, node_capacity;
	struct power_names start, now;
	struct power_change *changes;
	size_t change_count, change_capacity, stop_at;
	size_t *files;			/* of each descriptor: its node or NO_NODE */
	size_t file_count;
};

/* End the program unless @done. */
void power_need(bool done, const char *what);

/* @rows with room for @wanted rows of @size bytes. */
void *power_grow(void *rows, size_t *capacity, size_t wanted, size_t size);

/* The row of @name in the folder @parent, or NULL. */
struct power_name *power_find(const struct power_names *names, size_t parent, const char *name);

/* Let @name in @parent stand for @node, whatever it stood for; for nothing. */
void power_name_set(struct power_names *names, size_t parent, const char *name, size_t node);
void power_name_clear(struct power_names *names, size_t parent, const char *name);

#endif
