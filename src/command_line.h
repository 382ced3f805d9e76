/* src/command_line.h - parse the command line. */
#ifndef ATTICSCOPE_COMMAND_LINE_H
#define ATTICSCOPE_COMMAND_LINE_H

#include <stdbool.h>

struct request;

/* Read the whole command line into *@request: command, options and arguments, in any order. False:
 * it is wrong, and a message was printed. The arguments are borrowed from @argv; the caller frees
 * request->args in any case. */
bool options_parse(int argc, char **argv, struct request *request);

#endif
