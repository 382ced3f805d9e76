#include "build-config.h"

#include "src/options.h"

#include "src/command.h"
#include "src/message.h"

#include <errno.h>
#include <getopt.h>
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
#define LONG_ONLY 256		/* getopt's value of an option without a letter: this and its row */

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

/* What getopt_long wants to know, made from the table. */
struct grammar {
	char letters[2 + 2 * OPTION_COUNT + 1];
	struct option names[OPTION_COUNT + 1];
};

static void build_grammar(struct grammar *grammar)
{
	char *p = grammar->letters;
	*p++ = '-';	/* give the arguments in their places, whatever POSIXLY_CORRECT says */
	*p++ = ':';	/* and leave the messages to us */
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		grammar->names[i] = (struct option){
			.name = row->name, .has_arg = row->argument != NULL, .val = LONG_ONLY + i
		};
		if (!row->letter)
			continue;
		*p++ = (char)row->letter;
		if (row->argument)
			*p++ = ':';
	}
	*p = '\0';
	grammar->names[OPTION_COUNT] = (struct option){ NULL, 0, NULL, 0 };
}

/* The row of what getopt_long returned, or OPTION_COUNT. */
static int find_row(int value)
{
	if (value >= LONG_ONLY)
		return value - LONG_ONLY;
	int i = 0;
	while (i < OPTION_COUNT && option_table[i].letter != value)
		i++;
	return i;
}

/* Every argument passes here; the first one may be the name of a command. */
static void take_argument(struct request *request, char *argument)
{
	if (!request->command) {
		request->command = command_find(argument);
		if (request->command)
			return;
		request->command = command_terminal();
	}
	request->args[request->arg_count++] = argument;
}

static bool refuse_option(int value, char **argv)
{
	const char *word = argv[optind - 1];
	if (value == ':')
		message("option '%s' needs an argument", word);
	else if (optopt >= LONG_ONLY)
		message("option '%s' takes no argument", word);
	else if (optopt == 0)
		message("unknown or ambiguous option '%s'", word);
	else
		message("unknown option '-%c'", optopt);
	return false;
}

/* Gather options into request->options, and into *@given a bit for each that was there. */
static bool read_words(int argc, char **argv, struct request *request, uint64_t *given)
{
	struct grammar grammar;
	int value;
	build_grammar(&grammar);
	opterr = 0;
	while ((value = getopt_long(argc, argv, grammar.letters, grammar.names, NULL)) != -1) {
		if (value == 1) {
			take_argument(request, optarg);
			continue;
		}
		const int i = value == '?' || value == ':' ? OPTION_COUNT : find_row(value);
		if (i == OPTION_COUNT)
			return refuse_option(value, argv);
		if (!option_table[i].set(&request->options, optarg)) {
			message("'%s' is no argument for --%s", optarg, option_table[i].name);
			return false;
		}
		*given |= UINT64_C(1) << i;
	}
	while (optind < argc)
		take_argument(request, argv[optind++]);
	return true;
}

static bool check_options(const struct request *request, uint64_t given)
{
	const struct command *command = request->command;
	const uint64_t foreign = given & ~command->options;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!(foreign >> i & 1))
			continue;
		if (command->name)
			message("%s takes no option --%s", command->name, option_table[i].name);
		else
			message("option --%s needs a command", option_table[i].name);
		return false;
	}
	return true;
}

static bool check_arguments(const struct request *request)
{
	const struct command *command = request->command;
	if (request->arg_count >= command->min_args && request->arg_count <= command->max_args)
		return true;
	const bool too_many = request->arg_count > command->max_args;
	if (command->name && too_many)
		message("%s: one argument too many: '%s'", command->name,
			request->args[command->max_args]);
	else if (command->name)
		message("%s needs %s", command->name, command->arguments);
	else if (too_many)
		message("there is no command '%s'", request->args[0]);
	else
		message("name a repository, or a command and a repository");
	return false;
}

static bool parse(int argc, char **argv, struct request *request)
{
	uint64_t given = 0;
	if (!read_words(argc, argv, request, &given))
		return false;
	if (!request->command)
		request->command = command_terminal();
	if (request->options.help || request->options.version)
		return true;
	return check_options(request, given) && check_arguments(request);
}

bool options_parse(int argc, char **argv, struct request *request)
{
	*request = (struct request){ .args = calloc((size_t)argc + 1, sizeof(*request->args)) };
	if (!request->args) {
		message_failure(AS_ERR_MEMORY, NULL);
		return false;
	}
	if (parse(argc, argv, request))
		return true;
	const char *name = request->command ? request->command->name : NULL;
	message("see 'atticscope help%s%s'", name ? " " : "", name ? name : "");
	return false;
}
