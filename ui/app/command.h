/* ui/app/command.h - how a command behind a key, or behind a name, is called. */
#ifndef ATTICSCOPE_UI_COMMAND_H
#define ATTICSCOPE_UI_COMMAND_H

struct call {
	int value;		/* of its row */
	const char *argument;	/* typed behind its name; NULL: none, or a key was pressed */
};

#endif
