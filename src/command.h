/* src/command.h - the one table of commands. */
#ifndef ATTICSCOPE_COMMAND_H
#define ATTICSCOPE_COMMAND_H

#include "src/options.h"
#include "src/out.h"
#include "src/status.h"

#include <limits.h>
#include <stddef.h>

#define ANY_NUMBER INT_MAX

struct command;

/* A parsed command line. */
struct request {
	const struct command *command;
	struct options options;
	char **args;		/* the words after the command's name; NULL at the end */
	int arg_count;
	struct out out;		/* standard output */
};

struct command {
	const char *name;	/* NULL: the terminal interface, which has no name */
	const char *arguments;
	const char *help;	/* one line */
	const char *more;	/* further paragraphs for --help, or NULL */
	uint64_t options;	/* ACCEPTS() bits */
	int min_args, max_args;	/* ANY_NUMBER: no limit */
	int (*run)(struct request *request); /* returns an exit_status */
};

/* In the order in which help lists them; the terminal interface is the first. */
extern const struct command command_table[];
extern const size_t command_count;

/* The row of @name, or NULL. */
const struct command *command_find(const char *name);

/* The name of the command that @name may be meant for, or NULL. */
const char *command_nearest(const char *name);

int cmd_check(struct request *request);
int cmd_create(struct request *request);
int cmd_delete(struct request *request);
int cmd_entries(struct request *request);
int cmd_get(struct request *request);
int cmd_help(struct request *request);
int cmd_hints(struct request *request);
int cmd_history(struct request *request);
int cmd_index(struct request *request);
int cmd_info(struct request *request);
int cmd_keys(struct request *request);
int cmd_problems(struct request *request);
int cmd_put(struct request *request);
int cmd_repair(struct request *request);
int cmd_segments(struct request *request);
int cmd_terminal(struct request *request);
int cmd_undo(struct request *request);

#endif
