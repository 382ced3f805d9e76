/* ui/session/fetch.h - the thread that reads from the disk what the screen wants to show.
 *
 * Only the newest wish counts: one that has not begun when the next arrives is dropped. The screen
 * never waits for longer than it says.
 */
#ifndef ATTICSCOPE_FETCH_H
#define ATTICSCOPE_FETCH_H

#include <stdbool.h>

/* The head of a request; whoever makes one puts what it needs behind it. */
struct fetch_request {
	void (*run)(struct fetch_request *request); /* in the fetch thread: may wait for a disk */
	void (*drop)(struct fetch_request *request);	/* free it, in any thread */
};

struct fetcher;

/* Writes to the eventfd @wake whenever a request is finished. NULL: no memory, no thread. */
struct fetcher *fetcher_new(int wake);

/* Hand @request over. */
void fetcher_submit(struct fetcher *fetcher, struct fetch_request *request);

/* The newest finished request, which is then the caller's; NULL where none is within @wait_ms. */
struct fetch_request *fetcher_collect(struct fetcher *fetcher, int wait_ms);

/* Forget what waits or is finished. What runs ends unseen. */
void fetcher_forget(struct fetcher *fetcher);

/* End the thread. False: it still waits for a disk after @wait_ms, and goes on living. */
bool fetcher_free(struct fetcher *fetcher, int wait_ms);

#endif
