#include "build-config.h"

#include "src/command.h"

#include "src/help.h"
#include "src/message.h"

#include "engine/base/error.h"
#include "ui/ui.h"

#include <stdlib.h>
#include <string.h>

/* Everywhere; what reads a repository; what may read all of it; what changes one; what shows a plan
 * first; the repairs. */
#define COMMON (ACCEPTS(HELP) | ACCEPTS(VERSION) | ACCEPTS(COLOR) | ACCEPTS(JSON))
#define READS (COMMON | ACCEPTS(NO_LOCK))
#define READS_ALL (READS | ACCEPTS(THREADS))
#define CHANGES (COMMON | ACCEPTS(LOCK_WAIT))
#define PLANS (CHANGES | ACCEPTS(DRY_RUN) | ACCEPTS(YES))
#define REPAIRS (PLANS | ACCEPTS(THREADS))

const struct command command_table[] = {
	{
		.arguments = "REPO",
		.help = "look round on the terminal",
		.more = "Shows the repository in eight screens and changes nothing. Press ? for "
			"help and q to leave.",
		.options = ACCEPTS(HELP) | ACCEPTS(VERSION) | ACCEPTS(NO_LOCK) | ACCEPTS(THREADS) |
			   ACCEPTS(VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_terminal,
	}, {
		.name = "info", .arguments = "REPO",
		.help = "what the repository is: settings, transactions, totals, lock",
		.more = "Reads folder listings, config and hints, and looks at a thousand entries "
			"that the index leads to, at most, to tell whether it fits the log. With "
			"--verify all of the data is read, and index and hints are weighed to the "
			"last key. Use check for a verdict.",
		.options = READS_ALL | ACCEPTS(VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_info,
	}, {
		.name = "check", .arguments = "REPO [REPORT...]",
		.help = "read everything, tell what is wrong and what to do",
		.more = "Verifies every entry of every segment, replays the log, and compares "
			"index and hints with it in both directions. Writes nothing. The exit "
			"status is 0 when the repository is clean and 4 when it is not.\n\n"
			"With --incremental segments that were found whole before are not read "
			"again as long as their size, times and inode are the same and the index "
			"maps the same objects into them; what was found is kept in the cache "
			"folder, never in the repository. --older-than and --max-duration spread "
			"reading everything again over days, and imply --incremental.\n\n"
			"--segments and --shard read a part of the repository, whatever machine "
			"they run on, and compare nothing with the index yet; with --json their "
			"reports can be joined: check --merge REPO REPORT... reads what no report "
			"tells of, or tells nothing good of, and comes to the verdict that "
			"reading everything at once would have come to.",
		.options = READS_ALL | ACCEPTS(ALL) | ACCEPTS(INCREMENTAL) | ACCEPTS(OLDER_THAN) |
			   ACCEPTS(MAX_DURATION) | ACCEPTS(SEGMENTS) | ACCEPTS(SHARD) |
			   ACCEPTS(MERGE),
		.min_args = 1, .max_args = ANY_NUMBER, .run = cmd_check,
	}, {
		.name = "segments", .arguments = "REPO",
		.help = "a row for each segment",
		.more = "Reads no data: sizes are the files' own, live counts those of the hints. "
			"With --verify all of the repository is read, to know which entries are "
			"whole and which are live. --json does so unless --no-verify is given; "
			"what only the data tells is null then.",
		.options = READS_ALL | ACCEPTS(VERIFY) | ACCEPTS(NO_VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_segments,
	}, {
		.name = "entries", .arguments = "REPO SEGMENT",
		.help = "a row for each entry of a segment, damaged stretches included",
		.more = "What became of an entry is asked of the index as far as it can tell, "
			"and otherwise, or with --verify, of the whole log.",
		.options = READS_ALL | ACCEPTS(VERIFY),
		.min_args = 2, .max_args = 2, .run = cmd_entries,
	}, {
		.name = "index", .arguments = "REPO",
		.help = "a row for each used bucket of the index, and where it leads",
		.more = "Every entry that the index points to is read and its checksum "
			"computed.",
		.options = READS | ACCEPTS(ALL),
		.min_args = 1, .max_args = 1, .run = cmd_index,
	}, {
		.name = "hints", .arguments = "REPO",
		.help = "the hints' counts of live entries beside the true ones",
		.more = "Reads all of the repository, to count.",
		.options = READS_ALL,
		.min_args = 1, .max_args = 1, .run = cmd_hints,
	}, {
		.name = "history", .arguments = "REPO KEY",
		.help = "every entry of a key, oldest first",
		.more = "KEY is 64 hex digits, or as many of the first ones as fit no other "
			"key. Reads all of the repository.",
		.options = READS_ALL,
		.min_args = 2, .max_args = 2, .run = cmd_history,
	}, {
		.name = "get", .arguments = "REPO KEY",
		.help = "write an object to standard output",
		.more = "KEY is 64 hex digits, or as many of the first ones as fit no other "
			"key. The checksum is verified before the first byte is written. Where "
			"the index is of no use, the object is looked for in the log. Binary "
			"data is not written to a terminal unless forced. With --json: one "
			"object, the data in base64.",
		.options = READS_ALL | ACCEPTS(FORCE) | ACCEPTS(OLDER),
		.min_args = 2, .max_args = 2, .run = cmd_get,
	}, {
		.name = "create", .arguments = "REPO",
		.help = "make a new, empty repository",
		.more = "REPO must not exist, or be an empty folder. It and what is in it are for "
			"their owner alone.",
		.options = COMMON | ACCEPTS(MAX_SEGMENT_SIZE) | ACCEPTS(SEGMENTS_PER_DIR),
		.min_args = 1, .max_args = 1, .run = cmd_create,
	}, {
		.name = "put", .arguments = "REPO KEY [FILE]",
		.help = "store an object, over what is there, and commit",
		.more = "KEY is all 64 hex digits. The data is that of FILE, or of standard input, "
			"which is also meant by -; 20971479 bytes at most. With --batch: put many "
			"objects in one transaction, all of them or none. LIST (or standard input) "
			"then has lines of a key, blanks, and the path of a file.",
		.options = CHANGES | ACCEPTS(BATCH),
		.min_args = 1, .max_args = 3, .run = cmd_put,
	}, {
		.name = "delete", .arguments = "REPO KEY...",
		.help = "remove objects, all of them or none, and commit",
		.more = "KEY is all 64 hex digits: what destroys takes no beginning of a key. When "
			"one of the objects is not there, none is removed.",
		.options = CHANGES,
		.min_args = 2, .max_args = ANY_NUMBER, .run = cmd_delete,
	}, {
		.name = "recover", .arguments = "REPO",
		.help = "write index and hints anew from the log",
		.more = "For a log that is whole. Touches no segment.",
		.options = REPAIRS | ACCEPTS(FULL) | ACCEPTS(DROP_READABLE),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "rollback", .arguments = "REPO",
		.help = "give up what was begun and never committed",
		.more = "Moves the segments behind the newest COMMIT aside; where index and hints "
			"do not fit what is left, they are written anew. With --no-undo the "
			"segments are deleted for good, for a disk without room for a folder.",
		.options = REPAIRS | ACCEPTS(NO_UNDO),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "compact", .arguments = "REPO",
		.help = "copy what is live out of segments with superseded entries",
		.more = "The old segments are kept: 'undo --purge' frees the room.",
		.options = REPAIRS | ACCEPTS(DROP_READABLE),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "salvage", .arguments = "REPO",
		.help = "save what is whole out of a damaged log",
		.more = "Copies every live entry of the damaged segments to new ones, commits, "
			"writes hints and index, then moves the damaged segments aside. Names what "
			"is lost. Of what stands behind the newest COMMIT it keeps what was "
			"committed, as far as can be told.",
		.options = REPAIRS | ACCEPTS(KEEP_TAIL) | ACCEPTS(DROP_TAIL) |
			   ACCEPTS(NO_OLDER) | ACCEPTS(WITH_OLDER_MANIFEST) |
			   ACCEPTS(DROP_READABLE) |
			   ACCEPTS(WITH_SUSPECTS),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "undo", .arguments = "REPO [NAME]",
		.help = "take the last repair back, or remove what repairs have kept",
		.more = "Puts every byte back, as long as no later transaction came. NAME, one of "
			"those that --list names, goes with --purge.",
		.options = PLANS | ACCEPTS(LIST) | ACCEPTS(PURGE),
		.min_args = 1, .max_args = 2, .run = cmd_undo,
	}, {
		.name = "problems", .arguments = "",
		.help = "every kind of problem that check knows",
		.options = COMMON,
		.min_args = 0, .max_args = 0, .run = cmd_problems,
	}, {
		.name = "keys", .arguments = "",
		.help = "every key of the terminal, and the commands behind its \":\"",
		.options = COMMON, .min_args = 0, .max_args = 0, .run = cmd_keys,
	}, {
		.name = "help", .arguments = "[COMMAND]",
		.help = "explain a command",
		.options = ACCEPTS(HELP) | ACCEPTS(VERSION),
		.min_args = 0, .max_args = 1, .run = cmd_help,
	},
};
const size_t command_count = ARRAY_SIZE(command_table);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (command_table[i].name && strcmp(command_table[i].name, name) == 0)
			return &command_table[i];
	return NULL;
}

const struct command *command_terminal(void)
{
	return &command_table[0];
}

void request_free(struct request *request)
{
	free(request->args);
	request->args = NULL;
}

int cmd_help(struct request *request)
{
	const char *name = request->args[0];
	const struct command *command = name ? command_find(name) : command_terminal();
	if (command)
		return help_print(&request->out, command, command_table, command_count);
	message("there is no command '%s'; see 'atticscope help'", name);
	return EXIT_USAGE;
}

int cmd_terminal(struct request *request)
{
	const struct ui_options options = {
		.no_lock = request->options.no_lock,
		.verify = request->options.verify,
		.threads = request->options.threads,
	};
	return ui_run(request->args[0], &options);
}
