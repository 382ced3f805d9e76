/* ui/app/command.h - the argument of a command, which a key or a name runs. */
#ifndef ATTICSCOPE_UI_COMMAND_H
#define ATTICSCOPE_UI_COMMAND_H

struct call {
	int value;		/* from its row of the key table */
	const char *argument;	/* typed after its name; NULL: none, or a key was pressed */
};

#endif
