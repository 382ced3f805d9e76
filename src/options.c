#include "build-config.h"

#include "src/options.h"

#include "engine/base/error.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256u
#define LOCK_WAIT_MAX 604800u	/* seconds: a week */
#define DURATION_MAX 31536000u	/* seconds: a year */
#define DAYS_MAX 36500u
#define SHARDS_MAX 1000000u
#define SETTING_MAX 2147483647u	/* of as_settings */

#define FIELD(name) offsetof(struct options, name)

bool number_parse(const char *text, unsigned min, unsigned max, unsigned *number)
{
	char *end;
	errno = 0;
	const unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno || value < min ||
	    value > max)
		return false;
	*number = (unsigned)value;
	return true;
}

/* The position of @word in @words, or @count. */
static size_t find_word(const char *const *words, size_t count, const char *word)
{
	size_t i = 0;
	while (i < count && strcmp(word, words[i]) != 0)
		i++;
	return i;
}

static bool set_color(struct options *options, const char *argument)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"
	};
	options->color = (enum color_mode)find_word(words, ARRAY_SIZE(words), argument);
	return options->color < ARRAY_SIZE(words);
}

static bool set_dialect(struct options *options, const char *argument)
{
	static const char *const words[] = {
		[AS_DIALECT_ATTIC] = "attic", [AS_DIALECT_BORG] = "borg",
	};
	options->dialect = (enum as_dialect)find_word(words, ARRAY_SIZE(words), argument);
	return options->dialect < ARRAY_SIZE(words);
}

/* Read two numbers with @mark between them, the first not above the second. */
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
	return number_parse(text, min, max, first) && number_parse(end + 1, min, max, second) &&
	       *first <= *second;
}

/* "17" or "17-40". */
static bool set_segments(struct options *options, const char *argument)
{
	if (read_pair(argument, '-', 0, UINT_MAX, &options->first, &options->last))
		return true;
	const bool is_one = number_parse(argument, 0, UINT_MAX, &options->first);
	options->last = options->first;
	return is_one;
}

static bool set_shard(struct options *options, const char *argument)
{
	return read_pair(argument, '/', 1, SHARDS_MAX, &options->shard, &options->shards);
}

const struct option_row option_table[OPTION_COUNT] = {
	[OPTION_ALL] = {
		.letter = 'a', .name = "all", .flag = FIELD(all),
		.help = "leave nothing out: empty buckets (index), every place (check)",
	},
	[OPTION_BATCH] = {
		.name = "batch", .flag = FIELD(batch),
		.help = "put many: REPO [LIST], lines of a key and a file's path",
	},
	[OPTION_BREAK_LOCK] = {
		.name = "break-lock", .flag = FIELD(break_lock),
		.help = "remove a lock that nobody can vouch for, after asking",
	},
	[OPTION_COLOR] = {
		.name = "color", .argument = "WHEN", .set = set_color,
		.help = "auto (on a terminal), always or never",
	},
	[OPTION_DIALECT] = {
		.name = "dialect", .argument = "NAME", .set = set_dialect,
		.help = "attic, the default, or borg, for Borg 1.x",
	},
	[OPTION_DROP_READABLE] = {
		.name = "drop-readable", .flag = FIELD(drop_readable),
		.help = "go on although objects that can be read now are given up",
	},
	[OPTION_DROP_TAIL] = {
		.name = "drop-tail", .flag = FIELD(drop_tail),
		.help = "give up what comes after the newest whole COMMIT",
	},
	[OPTION_DRY_RUN] = {
		.name = "dry-run", .flag = FIELD(dry_run),
		.help = "show the plan and change nothing",
	},
	[OPTION_FORCE] = {
		.letter = 'f', .name = "force", .flag = FIELD(force),
		.help = "write binary data even to a terminal",
	},
	[OPTION_FULL] = {
		.name = "full", .flag = FIELD(full),
		.help = "no effect: recover never trusts the index",
	},
	[OPTION_HELP] = {
		.letter = 'h', .name = "help", .flag = FIELD(help),
		.help = "show this help",
	},
	[OPTION_INCREMENTAL] = {
		.name = "incremental", .flag = FIELD(incremental),
		.help = "do not read again what an earlier check found whole",
	},
	[OPTION_JSON] = {
		.name = "json", .flag = FIELD(json),
		.help = "write JSON for programs instead of text for people",
	},
	[OPTION_KEEP_TAIL] = {
		.name = "keep-tail", .flag = FIELD(keep_tail),
		.help = "keep what comes after the newest whole COMMIT",
	},
	[OPTION_LIST] = {
		.name = "list", .flag = FIELD(list),
		.help = "list what can be taken back",
	},
	[OPTION_LOCK_WAIT] = {
		.name = "lock-wait", .argument = "SECONDS",
		.number = FIELD(lock_wait), .min = 0, .max = LOCK_WAIT_MAX,
		.help = "wait this long for a lock that others hold; 0 by default",
	},
	[OPTION_MAX_DURATION] = {
		.name = "max-duration", .argument = "SECONDS",
		.number = FIELD(max_duration), .min = 1, .max = DURATION_MAX,
		.help = "stop reading after that; what was read longest ago comes first",
	},
	[OPTION_MAX_SEGMENT_SIZE] = {
		.name = "max-segment-size", .argument = "BYTES",
		.number = FIELD(max_segment_size), .min = 1, .max = SETTING_MAX,
		.help = "begin a new segment above this; 5242880, or 524288000 of Borg",
	},
	[OPTION_MERGE] = {
		.name = "merge", .flag = FIELD(merge),
		.help = "join the JSON reports of parts, REPO REPORT...",
	},
	[OPTION_NO_LOCK] = {
		.name = "no-lock", .flag = FIELD(no_lock),
		.help = "take no lock; data that is being written may look damaged",
	},
	[OPTION_NO_OLDER] = {
		.name = "no-older", .flag = FIELD(no_older),
		.help = "leave out older versions of what is lost",
	},
	[OPTION_NO_UNDO] = {
		.name = "no-undo", .flag = FIELD(no_undo),
		.help = "delete for good; this cannot be undone",
	},
	[OPTION_NO_VERIFY] = {
		.name = "no-verify", .flag = FIELD(no_verify),
		.help = "read no data, not even with --json",
	},
	[OPTION_OLDER] = {
		.name = "older", .flag = FIELD(older),
		.help = "if the newest version is lost, write an older one that is whole",
	},
	[OPTION_OLDER_THAN] = {
		.name = "older-than", .argument = "DAYS",
		.flag = FIELD(has_older_than),
		.number = FIELD(older_than), .min = 0, .max = DAYS_MAX,
		.help = "check reads older results again; undo purges older folders",
	},
	[OPTION_PURGE] = {
		.name = "purge", .flag = FIELD(purge),
		.help = "remove what repairs have kept: all, or NAME",
	},
	[OPTION_QUIET] = {
		.letter = 'q', .name = "quiet", .flag = FIELD(quiet),
		.help = "say nothing when all is well, and else one line",
	},
	[OPTION_SEGMENTS] = {
		.name = "segments", .argument = "A-B",
		.flag = FIELD(has_segments), .set = set_segments,
		.help = "check the segments from A to B only",
	},
	[OPTION_SEGMENTS_PER_DIR] = {
		.name = "segments-per-dir", .argument = "N",
		.number = FIELD(segments_per_dir), .min = 1, .max = SETTING_MAX,
		.help = "segments in each folder below data; 10000, or 1000 of Borg",
	},
	[OPTION_SHARD] = {
		.name = "shard", .argument = "K/N", .set = set_shard,
		.help = "check part K of N only",
	},
	[OPTION_THREADS] = {
		.letter = 'j', .name = "threads", .argument = "N",
		.number = FIELD(threads), .min = 0, .max = THREADS_MAX,
		.help = "read with N threads; 0, the default: one per processor",
	},
	[OPTION_VERIFY] = {
		.name = "verify", .flag = FIELD(verify),
		.help = "read and verify everything at once",
	},
	[OPTION_VERSION] = {
		.letter = 'V', .name = "version", .flag = FIELD(version),
		.help = "show the version",
	},
	[OPTION_WITH_OLDER_MANIFEST] = {
		.name = "with-older-manifest", .flag = FIELD(with_older_manifest),
		.help = "keep an older manifest although newer objects are whole",
	},
	[OPTION_WITH_SUSPECTS] = {
		.name = "with-suspects", .flag = FIELD(with_suspects),
		.help = "bring back entries that are found only inside damaged ones",
	},
	[OPTION_YES] = {
		.letter = 'y', .name = "yes", .flag = FIELD(yes),
		.help = "do it without asking",
	},
};

bool option_set(const struct option_row *row, struct options *options, const char *argument)
{
	if (row->flag) {
		bool *flag = (void *)((char *)options + row->flag);
		*flag = true;
	}
	if (row->number) {
		unsigned *number = (void *)((char *)options + row->number);
		return number_parse(argument, row->min, row->max, number);
	}
	return !row->set || row->set(options, argument);
}
