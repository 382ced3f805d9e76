/* src/status.h - exit statuses, as fsck(8) defines them. */
#ifndef ATTICSCOPE_STATUS_H
#define ATTICSCOPE_STATUS_H

enum exit_status {
	EXIT_DONE = 0,		/* done, and nothing is wrong */
	EXIT_REPAIRED = 1,	/* problems were repaired */
	EXIT_PROBLEMS = 4,	/* problems are left */
	EXIT_FAILED = 8,	/* could not run */
	EXIT_USAGE = 16,
	EXIT_CANCELLED = 32
};

#endif
