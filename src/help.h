/* src/help.h - --help and --version, made from the tables. */
#ifndef ATTICSCOPE_HELP_H
#define ATTICSCOPE_HELP_H

struct command;
struct out;

/* Explain @command, or the program where it is the one without a name. Returns EXIT_DONE. */
int help_print(struct out *out, const struct command *command);

int help_version(struct out *out);

#endif
