/* src/help.h - --help and --version, made from the tables. */
#ifndef ATTICSCOPE_HELP_H
#define ATTICSCOPE_HELP_H

#include <stddef.h>

struct command;
struct out;

/* Explain @command; the one without a name stands for the program and its @count commands @all.
 * Returns EXIT_DONE. */
int help_print(struct out *out, const struct command *command, const struct command *all,
	       size_t count);

int help_version(struct out *out);

#endif
