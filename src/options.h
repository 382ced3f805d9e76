/* src/options.h - the one table of options, which the parser and the help read. */
#ifndef ATTICSCOPE_OPTIONS_H
#define ATTICSCOPE_OPTIONS_H

#include "engine/atticstore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_id {
	OPTION_ALL,
	OPTION_BATCH,
	OPTION_BREAK_LOCK,
	OPTION_COLOR,
	OPTION_DIALECT,
	OPTION_DROP_READABLE,
	OPTION_DROP_TAIL,
	OPTION_DRY_RUN,
	OPTION_FORCE,
	OPTION_FULL,
	OPTION_HELP,
	OPTION_INCREMENTAL,
	OPTION_JSON,
	OPTION_KEEP_TAIL,
	OPTION_LIST,
	OPTION_LOCK_WAIT,
	OPTION_MAX_DURATION,
	OPTION_MAX_SEGMENT_SIZE,
	OPTION_MERGE,
	OPTION_NO_LOCK,
	OPTION_NO_OLDER,
	OPTION_NO_UNDO,
	OPTION_NO_VERIFY,
	OPTION_OLDER,
	OPTION_OLDER_THAN,
	OPTION_PURGE,
	OPTION_QUIET,
	OPTION_SEGMENTS,
	OPTION_SEGMENTS_PER_DIR,
	OPTION_SHARD,
	OPTION_THREADS,
	OPTION_VERIFY,
	OPTION_VERSION,
	OPTION_WITH_OLDER_MANIFEST,
	OPTION_WITH_SUSPECTS,
	OPTION_YES,
	OPTION_COUNT
};

/* A command accepts the options whose bits are set in its row. */
#define ACCEPTS(option) (UINT64_C(1) << OPTION_##option)

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* The options given. All zero is the default. The color comes first, so that offset 0 can mean no
 * field in option_row. */
struct options {
	enum color_mode color;
	enum as_dialect dialect;
	bool all, batch, break_lock, drop_tail, dry_run, force, full, help, incremental, json;
	bool keep_tail, list, drop_readable, merge, no_lock, no_older, no_undo, no_verify, older;
	bool purge, quiet, verify, version, with_older_manifest, with_suspects, yes;
	bool has_segments, has_older_than;
	unsigned first, last;		/* segments to check, both included; with has_segments */
	unsigned shard, shards;		/* 1 to shards; 0 of 0: no shard */
	unsigned max_duration;		/* seconds; 0: no limit */
	unsigned older_than;		/* days */
	unsigned lock_wait;		/* seconds */
	unsigned max_segment_size;	/* bytes; 0: the default of as_create */
	unsigned segments_per_dir;	/* 0: the default of as_create */
	unsigned threads;		/* 0: one for each processor */
};

struct option_row {
	int letter;		/* 0: none */
	const char *name;
	const char *argument;	/* its name in help; NULL: the option takes none */
	const char *help;
	size_t flag;		/* offset in struct options of a bool that becomes true; 0: none */
	size_t number;		/* offset of an unsigned that the argument is read into; 0: none */
	unsigned min, max;	/* of the number */
	/* Reads an argument of another kind, or NULL. False: the argument is wrong. */
	bool (*set)(struct options *options, const char *argument);
};
extern const struct option_row option_table[OPTION_COUNT];

/* Read a decimal number from @min to @max. False: @text is anything else. */
bool number_parse(const char *text, unsigned min, unsigned max, unsigned *number);

/* Enter the option of @row into @options. @argument is NULL where it takes none. False: the
 * argument is wrong. */
bool option_set(const struct option_row *row, struct options *options, const char *argument);

#endif
