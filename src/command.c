#include "build-config.h"

#include "src/command.h"

#include "src/help.h"
#include "src/message.h"

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "ui/ui.h"

#include <string.h>
#include <unistd.h>

/* Options of all commands; of those that read a repository; that may read all of it; that change
 * one; that show a plan first; of the repairs. */
#define COMMON (ACCEPTS(HELP) | ACCEPTS(VERSION) | ACCEPTS(COLOR) | ACCEPTS(JSON))
#define READS (COMMON | ACCEPTS(NO_LOCK))
#define READS_ALL (READS | ACCEPTS(THREADS))
#define CHANGES (COMMON | ACCEPTS(LOCK_WAIT) | ACCEPTS(BREAK_LOCK) | ACCEPTS(YES))
#define PLANS (CHANGES | ACCEPTS(DRY_RUN))
#define REPAIRS (PLANS | ACCEPTS(THREADS))

const struct command command_table[] = {
	{
		.arguments = "REPO",
		.help = "explore the repository on the terminal",
		.more = "Shows the repository in eight screens and changes nothing. Press ? for "
			"help and q to leave.",
		.options = ACCEPTS(HELP) | ACCEPTS(VERSION) | ACCEPTS(NO_LOCK) | ACCEPTS(THREADS) |
			   ACCEPTS(VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_terminal,
	}, {
		.name = "info", .arguments = "REPO",
		.help = "show settings, transactions, totals and the lock",
		.more = "Reads folder listings, config and hints, and at most a thousand entries "
			"that the index points to, to see whether the index fits the log. With "
			"--verify it reads all of the data, and compares index and hints with the "
			"log for every key. Use check for a verdict.",
		.options = READS_ALL | ACCEPTS(VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_info,
	}, {
		.name = "check", .arguments = "REPO [REPORT...]",
		.help = "read everything, say what is wrong and what to do",
		.more = "Verifies every entry of every segment, replays the log, and compares "
			"index and hints with it in both directions. Writes nothing. The exit "
			"status is 0 when the repository is clean and 4 when it is not.\n\n"
			"With --incremental, segments that an earlier check found whole are not "
			"read again as long as their size, times and inode are the same and the "
			"index maps the same objects into them. The results are kept in the cache "
			"folder, never in the repository. --older-than and --max-duration spread "
			"reading everything again over days, and imply --incremental.\n\n"
			"--segments and --shard read a part of the repository, on any machine, "
			"and do not compare it with the index. With --json their reports can be "
			"joined: check --merge REPO REPORT... reads the segments that no report "
			"found whole, and comes to the same verdict as one check of everything.\n\n"
			"--quiet is for cron: nothing when the repository is clean, else one line "
			"with the verdict and the command to run, or with --json the whole report.",
		.options = READS_ALL | ACCEPTS(ALL) | ACCEPTS(INCREMENTAL) | ACCEPTS(OLDER_THAN) |
			   ACCEPTS(MAX_DURATION) | ACCEPTS(QUIET) | ACCEPTS(SEGMENTS) |
			   ACCEPTS(SHARD) | ACCEPTS(MERGE),
		.min_args = 1, .max_args = ANY_NUMBER, .run = cmd_check,
	}, {
		.name = "segments", .arguments = "REPO",
		.help = "list the segments",
		.more = "Reads no data: sizes come from the files, live counts from the hints. "
			"With --verify it reads the whole repository, to know which entries are "
			"whole and which are live. --json does the same unless --no-verify is "
			"given; what only the data can tell is null then.",
		.options = READS_ALL | ACCEPTS(VERIFY) | ACCEPTS(NO_VERIFY),
		.min_args = 1, .max_args = 1, .run = cmd_segments,
	}, {
		.name = "entries", .arguments = "REPO SEGMENT",
		.help = "list the entries of a segment, damaged stretches included",
		.more = "The index says what became of an entry, as far as it can. Where it "
			"cannot, or with --verify, the whole log is read.",
		.options = READS_ALL | ACCEPTS(VERIFY),
		.min_args = 2, .max_args = 2, .run = cmd_entries,
	}, {
		.name = "index", .arguments = "REPO",
		.help = "list the used buckets of the index, and where they lead",
		.more = "Reads every entry that the index points to, and computes its checksum.",
		.options = READS | ACCEPTS(ALL),
		.min_args = 1, .max_args = 1, .run = cmd_index,
	}, {
		.name = "hints", .arguments = "REPO",
		.help = "show the hints' counts of live entries beside the true ones",
		.more = "Reads the whole repository to count.",
		.options = READS_ALL,
		.min_args = 1, .max_args = 1, .run = cmd_hints,
	}, {
		.name = "history", .arguments = "REPO KEY",
		.help = "list every entry of a key, oldest first",
		.more = "KEY is 64 hex digits, or as many of the first ones as match no other "
			"key. Reads the whole repository.",
		.options = READS_ALL,
		.min_args = 2, .max_args = 2, .run = cmd_history,
	}, {
		.name = "get", .arguments = "REPO KEY",
		.help = "write an object to standard output",
		.more = "KEY is 64 hex digits, or as many of the first ones as match no other "
			"key. The checksum is verified before the first byte is written. If the "
			"index is of no use, the log is searched. Binary data is written to a "
			"terminal only with --force. With --json: one object, the data in base64.",
		.options = READS_ALL | ACCEPTS(FORCE) | ACCEPTS(OLDER),
		.min_args = 2, .max_args = 2, .run = cmd_get,
	}, {
		.name = "create", .arguments = "REPO",
		.help = "make a new, empty repository",
		.more = "REPO must not exist, or must be an empty folder. Only its owner may read "
			"what is in it.",
		.options = COMMON | ACCEPTS(DIALECT) | ACCEPTS(MAX_SEGMENT_SIZE) |
			   ACCEPTS(SEGMENTS_PER_DIR),
		.min_args = 1, .max_args = 1, .run = cmd_create,
	}, {
		.name = "put", .arguments = "REPO KEY [FILE]",
		.help = "store or replace an object, and commit",
		.more = "KEY is all 64 hex digits. The data comes from FILE, or from standard "
			"input if FILE is missing or -; it has at most 20971479 bytes. With "
			"--batch, put many objects in one transaction, all of them or none: each "
			"line of LIST, or of standard input, is a key, blanks, and the path of a "
			"file.",
		.options = CHANGES | ACCEPTS(BATCH),
		.min_args = 1, .max_args = 3, .run = cmd_put,
	}, {
		.name = "delete", .arguments = "REPO KEY...",
		.help = "remove objects, all of them or none, and commit",
		.more = "Each KEY is all 64 hex digits: delete does not take the beginning of a "
			"key. If one of the objects does not exist, none is removed.",
		.options = CHANGES,
		.min_args = 2, .max_args = ANY_NUMBER, .run = cmd_delete,
	}, {
		.name = "recover", .arguments = "REPO",
		.help = "write new index and hints from the log",
		.more = "For a log that is whole. Changes no segment.",
		.options = REPAIRS | ACCEPTS(FULL) | ACCEPTS(DROP_READABLE),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "rollback", .arguments = "REPO",
		.help = "give up a transaction that was never committed",
		.more = "Moves the segments after the newest COMMIT aside. Where index and hints "
			"do not fit what is left, new ones are written. With --no-undo the "
			"segments are deleted for good, for a disk that has no room for an undo "
			"folder.",
		.options = REPAIRS | ACCEPTS(NO_UNDO),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "compact", .arguments = "REPO",
		.help = "copy live entries out of segments with superseded ones",
		.more = "The old segments are kept; 'undo --purge' frees the space.",
		.options = REPAIRS | ACCEPTS(DROP_READABLE),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "salvage", .arguments = "REPO",
		.help = "save what is whole out of a damaged log",
		.more = "Copies every live entry of the damaged segments to new ones, commits, "
			"writes hints and index, then moves the damaged segments aside. Lists "
			"what is lost. After the newest COMMIT it keeps what was committed, as "
			"far as that can be known.",
		.options = REPAIRS | ACCEPTS(KEEP_TAIL) | ACCEPTS(DROP_TAIL) |
			   ACCEPTS(NO_OLDER) | ACCEPTS(WITH_OLDER_MANIFEST) |
			   ACCEPTS(DROP_READABLE) |
			   ACCEPTS(WITH_SUSPECTS),
		.min_args = 1, .max_args = 1, .run = cmd_repair,
	}, {
		.name = "undo", .arguments = "REPO [NAME]",
		.help = "undo the last repair, or remove what repairs have kept",
		.more = "Restores every byte and name, as long as there was no later transaction. "
			"NAME, from the list that --list shows, is for --purge only.",
		.options = PLANS | ACCEPTS(LIST) | ACCEPTS(OLDER_THAN) | ACCEPTS(PURGE),
		.min_args = 1, .max_args = 2, .run = cmd_undo,
	}, {
		.name = "problems", .arguments = "",
		.help = "explain every kind of problem that check knows",
		.options = COMMON,
		.min_args = 0, .max_args = 0, .run = cmd_problems,
	}, {
		.name = "keys", .arguments = "",
		.help = "list the keys of the terminal, and the commands behind its \":\"",
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

const char *command_nearest(const char *name)
{
	struct nearest nearest = nearest_to(name, strlen(name));
	for (size_t i = 0; i < command_count; i++)
		if (command_table[i].name)
			nearest_try(&nearest, command_table[i].name);
	return nearest.best;
}

int cmd_help(struct request *request)
{
	const char *name = request->args[0];
	const struct command *command = name ? command_find(name) : command_table;
	if (command)
		return help_print(&request->out, command, command_table, command_count);
	const char *nearest = command_nearest(name);
	if (nearest)
		message("there is no command '%s'; did you mean '%s'?", name, nearest);
	else
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
	const int status = ui_run(request->args[0], &options);
	/* A mistyped command without arguments looks like the name of a repository. */
	const char *nearest = command_nearest(request->args[0]);
	if (status != EXIT_DONE && nearest && access(request->args[0], F_OK) != 0)
		message("did you mean the command '%s'?", nearest);
	return status;
}
