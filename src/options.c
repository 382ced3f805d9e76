#include "build-config.h"

#include "src/options.h"

#include "engine/base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256u
#define LOCK_WAIT_MAX 604800u	/* seconds: a week */
#define DURATION_MAX 31536000u	/* seconds: a year */
#define DAYS_MAX 36500u
#define SHARDS_MAX 1000000u
#define SETTING_MAX 2147483647u	/* of as_settings */

/* Read a decimal number from @min to @max, and nothing else. */
static bool read_number(const char *argument, unsigned min, unsigned max, unsigned *number)
{
	char *end;
	errno = 0;
	const unsigned long value = strtoul(argument, &end, 10);
	if (argument[0] < '0' || argument[0] > '9' || *end != '\0' || errno || value < min ||
	    value > max)
		return false;
	*number = (unsigned)value;
	return true;
}

static bool set_all(struct options *options, const char *argument)
{
	(void)argument;
	return options->all = true;
}

static bool set_batch(struct options *options, const char *argument)
{
	(void)argument;
	return options->batch = true;
}

static bool set_color(struct options *options, const char *argument)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(argument, words[i]) == 0) {
			options->color = (enum color_mode)i;
			return true;
		}
	}
	return false;
}

static bool set_drop_tail(struct options *options, const char *argument)
{
	(void)argument;
	return options->drop_tail = true;
}

static bool set_dry_run(struct options *options, const char *argument)
{
	(void)argument;
	return options->dry_run = true;
}

static bool set_force(struct options *options, const char *argument)
{
	(void)argument;
	return options->force = true;
}

static bool set_full(struct options *options, const char *argument)
{
	(void)argument;
	return options->full = true;
}

static bool set_help(struct options *options, const char *argument)
{
	(void)argument;
	return options->help = true;
}

static bool set_incremental(struct options *options, const char *argument)
{
	(void)argument;
	return options->incremental = true;
}

static bool set_json(struct options *options, const char *argument)
{
	(void)argument;
	return options->json = true;
}

static bool set_keep_tail(struct options *options, const char *argument)
{
	(void)argument;
	return options->keep_tail = true;
}

static bool set_list(struct options *options, const char *argument)
{
	(void)argument;
	return options->list = true;
}

static bool set_lock_wait(struct options *options, const char *argument)
{
	return read_number(argument, 0, LOCK_WAIT_MAX, &options->lock_wait);
}

static bool set_max_duration(struct options *options, const char *argument)
{
	return read_number(argument, 1, DURATION_MAX, &options->max_duration);
}

static bool set_max_segment_size(struct options *options, const char *argument)
{
	return read_number(argument, 1, SETTING_MAX, &options->max_segment_size);
}

static bool set_merge(struct options *options, const char *argument)
{
	(void)argument;
	return options->merge = true;
}

static bool set_no_lock(struct options *options, const char *argument)
{
	(void)argument;
	return options->no_lock = true;
}

static bool set_no_undo(struct options *options, const char *argument)
{
	(void)argument;
	return options->no_undo = true;
}

static bool set_no_verify(struct options *options, const char *argument)
{
	(void)argument;
	return options->no_verify = true;
}

static bool set_older_than(struct options *options, const char *argument)
{
	options->has_older_than = true;
	return read_number(argument, 0, DAYS_MAX, &options->older_than);
}

static bool set_purge(struct options *options, const char *argument)
{
	(void)argument;
	return options->purge = true;
}

/* Two numbers with @mark between them. */
static bool read_pair(const char *argument, char mark, unsigned min, unsigned max, unsigned *first,
		      unsigned *second)
{
	char text[32];
	if (snprintf(text, sizeof(text), "%s", argument) >= (int)sizeof(text))
		return false;
	char *end = strchr(text, mark);
	if (!end)
		return false;
	*end = '\0';
	return read_number(text, min, max, first) && read_number(end + 1, min, max, second) &&
	       *first <= *second;
}

/* "17" or "17-40". */
static bool set_segments(struct options *options, const char *argument)
{
	options->has_segments = true;
	if (read_pair(argument, '-', 0, UINT_MAX, &options->first, &options->last))
		return true;
	const bool is_one = read_number(argument, 0, UINT_MAX, &options->first);
	options->last = options->first;
	return is_one;
}

static bool set_segments_per_dir(struct options *options, const char *argument)
{
	return read_number(argument, 1, SETTING_MAX, &options->segments_per_dir);
}

static bool set_shard(struct options *options, const char *argument)
{
	return read_pair(argument, '/', 1, SHARDS_MAX, &options->shard, &options->shards);
}

static bool set_threads(struct options *options, const char *argument)
{
	return read_number(argument, 0, THREADS_MAX, &options->threads);
}

static bool set_verify(struct options *options, const char *argument)
{
	(void)argument;
	return options->verify = true;
}

static bool set_version(struct options *options, const char *argument)
{
	(void)argument;
	return options->version = true;
}

static bool set_with_suspects(struct options *options, const char *argument)
{
	(void)argument;
	return options->with_suspects = true;
}

static bool set_drop_readable(struct options *options, const char *argument)
{
	(void)argument;
	return options->drop_readable = true;
}

static bool set_no_older(struct options *options, const char *argument)
{
	(void)argument;
	return options->no_older = true;
}

static bool set_older(struct options *options, const char *argument)
{
	(void)argument;
	return options->older = true;
}

static bool set_with_older_manifest(struct options *options, const char *argument)
{
	(void)argument;
	return options->with_older_manifest = true;
}

static bool set_yes(struct options *options, const char *argument)
{
	(void)argument;
	return options->yes = true;
}

const struct option_row option_table[OPTION_COUNT] = {
	[OPTION_ALL] = {
		.letter = 'a', .name = "all", .set = set_all,
		.help = "leave nothing out: empty buckets (index), every place (check)",
	},
	[OPTION_BATCH] = {
		.name = "batch", .set = set_batch,
		.help = "put many: REPO [LIST], lines of a key and a file's path",
	},
	[OPTION_COLOR] = {
		.name = "color", .argument = "WHEN", .set = set_color,
		.help = "auto (on a terminal), always or never",
	},
	[OPTION_DROP_READABLE] = {
		.name = "drop-readable", .set = set_drop_readable,
		.help = "go on although objects are given up that can be read now",
	},
	[OPTION_DROP_TAIL] = {
		.name = "drop-tail", .set = set_drop_tail,
		.help = "give up what stands behind the newest whole COMMIT",
	},
	[OPTION_DRY_RUN] = {
		.name = "dry-run", .set = set_dry_run,
		.help = "show the plan and change nothing",
	},
	[OPTION_FORCE] = {
		.letter = 'f', .name = "force", .set = set_force,
		.help = "write binary data even to a terminal",
	},
	[OPTION_FULL] = {
		.name = "full", .set = set_full,
		.help = "trust no index: what recover does in any case",
	},
	[OPTION_HELP] = {
		.letter = 'h', .name = "help", .set = set_help,
		.help = "show this help",
	},
	[OPTION_INCREMENTAL] = {
		.name = "incremental", .set = set_incremental,
		.help = "do not read again what an earlier check found whole",
	},
	[OPTION_JSON] = {
		.name = "json", .set = set_json,
		.help = "write JSON for programs instead of text for people",
	},
	[OPTION_KEEP_TAIL] = {
		.name = "keep-tail", .set = set_keep_tail,
		.help = "keep what stands behind the newest whole COMMIT",
	},
	[OPTION_LIST] = {
		.name = "list", .set = set_list,
		.help = "list what can be taken back",
	},
	[OPTION_LOCK_WAIT] = {
		.name = "lock-wait", .argument = "SECONDS", .set = set_lock_wait,
		.help = "wait so long for others that hold a lock; 0, the default: not at all",
	},
	[OPTION_MAX_DURATION] = {
		.name = "max-duration", .argument = "SECONDS", .set = set_max_duration,
		.help = "stop reading then; what was read longest ago comes first",
	},
	[OPTION_MAX_SEGMENT_SIZE] = {
		.name = "max-segment-size", .argument = "BYTES", .set = set_max_segment_size,
		.help = "begin a new segment when one is larger; 5242880 by default",
	},
	[OPTION_MERGE] = {
		.name = "merge", .set = set_merge,
		.help = "join the JSON reports of parts, REPO REPORT...",
	},
	[OPTION_NO_LOCK] = {
		.name = "no-lock", .set = set_no_lock,
		.help = "take no lock; what is being written may look damaged",
	},
	[OPTION_NO_OLDER] = {
		.name = "no-older", .set = set_no_older,
		.help = "leave out older versions of what is lost",
	},
	[OPTION_NO_UNDO] = {
		.name = "no-undo", .set = set_no_undo,
		.help = "delete for good; there is no way back then",
	},
	[OPTION_NO_VERIFY] = {
		.name = "no-verify", .set = set_no_verify,
		.help = "read no data, with --json either",
	},
	[OPTION_OLDER] = {
		.name = "older", .set = set_older,
		.help = "where the newest version is lost, write the older one that is whole",
	},
	[OPTION_OLDER_THAN] = {
		.name = "older-than", .argument = "DAYS", .set = set_older_than,
		.help = "read again what was read longer ago than that",
	},
	[OPTION_PURGE] = {
		.name = "purge", .set = set_purge,
		.help = "remove what repairs have kept: all, or NAME",
	},
	[OPTION_SEGMENTS] = {
		.name = "segments", .argument = "A-B", .set = set_segments,
		.help = "check the segments from A to B only",
	},
	[OPTION_SEGMENTS_PER_DIR] = {
		.name = "segments-per-dir", .argument = "N", .set = set_segments_per_dir,
		.help = "segments a folder below data; 10000 by default",
	},
	[OPTION_SHARD] = {
		.name = "shard", .argument = "K/N", .set = set_shard,
		.help = "check part K of N only",
	},
	[OPTION_THREADS] = {
		.letter = 'j', .name = "threads", .argument = "N", .set = set_threads,
		.help = "read with N threads; 0, the default: one per processor",
	},
	[OPTION_VERIFY] = {
		.name = "verify", .set = set_verify,
		.help = "read and verify everything at once",
	},
	[OPTION_VERSION] = {
		.letter = 'V', .name = "version", .set = set_version,
		.help = "show the version",
	},
	[OPTION_WITH_OLDER_MANIFEST] = {
		.name = "with-older-manifest", .set = set_with_older_manifest,
		.help = "keep an older manifest although newer objects are whole",
	},
	[OPTION_WITH_SUSPECTS] = {
		.name = "with-suspects", .set = set_with_suspects,
		.help = "bring back what is found only inside damaged entries",
	},
	[OPTION_YES] = {
		.letter = 'y', .name = "yes", .set = set_yes,
		.help = "do it unasked",
	},
};
