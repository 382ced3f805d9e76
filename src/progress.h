/* src/progress.h - a progress bar on standard error, where that is a terminal. */
#ifndef ATTICSCOPE_PROGRESS_H
#define ATTICSCOPE_PROGRESS_H

#include "engine/repair/repair.h"

struct progress;

/* Draw @figures, of work on all of @repo, labelled @label, from a thread until progress_end. All
 * three must live until then. An interrupt sets @figures->cancel. NULL where standard error is no
 * terminal or no thread could be started; nothing is drawn then. */
struct progress *progress_begin(const char *label, const struct repo *repo,
				struct verify_progress *figures);

/* The same for a repair or an undo, labelled with its current step. No interrupt is watched. */
struct progress *progress_begin_repair(const struct repair_progress *repair);

/* Remove the bar, and stop watching for interrupts. @progress may be NULL. */
void progress_end(struct progress *progress);

/* Sum of the sizes of all segments. Asks the system about each file and opens none. */
uint64_t repository_bytes(const struct repo *repo);

/* What is drawn, for progress_line. */
struct progress_figures {
	uint64_t bytes_done, bytes_total;
	uint64_t segments_done, segments;	/* left out if segments is 0 */
	uint64_t elapsed_ms;
};

/* Format a line of at most @width columns: label, bar, percent, segments, rate, time left. Pure. */
void progress_line(char *out, size_t size, unsigned width, const char *label,
		   const struct progress_figures *figures);

#endif
