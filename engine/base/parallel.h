/* engine/base/parallel.h - one function in several threads. */
#ifndef ATTICSCOPE_PARALLEL_H
#define ATTICSCOPE_PARALLEL_H

#define PARALLEL_MAX 64u

/* How many threads @wanted means: 0 is one for each processor; at most PARALLEL_MAX. */
unsigned parallel_threads(unsigned wanted);

/* Run @work(@context) in @threads threads, the caller's own among them, and return when all have.
 * When the system gives fewer threads, fewer do the work: @work must share it out itself. */
void parallel_run(unsigned threads, void (*work)(void *context), void *context);

#endif
