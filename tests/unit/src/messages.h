/* tests/unit/src/messages.h - what is written to standard error, for a test to compare. */
#ifndef ATTICSCOPE_MESSAGES_H
#define ATTICSCOPE_MESSAGES_H

/* Keep what is written from now on, instead of showing it. */
void messages_begin(void);

/* What was written since, which lives until the next call. Standard error is again what it was, so
 * that a failure of the test is shown. */
const char *messages_end(void);

#endif
