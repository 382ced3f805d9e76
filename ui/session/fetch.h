/* ui/session/fetch.h - the thread that reads from the disk what the screen shows.
 *
 * Only the newest request counts: one that has not begun when the next arrives is dropped. The
 * screen never waits longer than it asks for.
 */
#ifndef ATTICSCOPE_FETCH_H
#define ATTICSCOPE_FETCH_H

#include <stdbool.h>

/* The head of a request. Its maker embeds it at the beginning of a struct of its own. */
struct fetch_request {
	void (*run)(struct fetch_request *request);	/* in the fetch thread; it may wait */
	void (*drop)(struct fetch_request *request);	/* free it, in any thread */
};

struct fetcher;

/* Start the thread. It writes to the eventfd @wake whenever a request is finished. NULL: out of
 * memory or threads. */
struct fetcher *fetcher_new(int wake);

/* Pass @request to the thread. */
void fetcher_submit(struct fetcher *fetcher, struct fetch_request *request);

/* The newest finished request, which passes to the caller. NULL: none finished within @wait_ms. */
struct fetch_request *fetcher_collect(struct fetcher *fetcher, int wait_ms);

/* Drop the requests that wait or are finished. The one that runs is dropped when it ends. */
void fetcher_forget(struct fetcher *fetcher);

/* End the thread and free everything. False: it still waits for a disk after @wait_ms, and nothing
 * is freed. */
bool fetcher_free(struct fetcher *fetcher, int wait_ms);

#endif
