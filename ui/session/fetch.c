#include "build-config.h"

#include "session/fetch.h"

#include "session/thread.h"

#include <stdlib.h>
#include <time.h>

struct fetcher {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;	/* something below */
	struct fetch_request *waiting, *finished;
	bool forget;		/* the one that runs is no longer wanted */
	bool end, ended;
	int wake;
};

static void drop(struct fetch_request **request)
{
	if (*request)
		(*request)->drop(*request);
	*request = NULL;
}

static void *serve(void *context)
{
	struct fetcher *fetcher = context;
	pthread_mutex_lock(&fetcher->mutex);
	while (!fetcher->end) {
		struct fetch_request *request = fetcher->waiting;
		if (!request) {
			pthread_cond_wait(&fetcher->changed, &fetcher->mutex);
			continue;
		}
		fetcher->waiting = NULL;
		fetcher->forget = false;
		pthread_mutex_unlock(&fetcher->mutex);
		request->run(request);
		pthread_mutex_lock(&fetcher->mutex);
		drop(&fetcher->finished);
		fetcher->finished = request;
		if (fetcher->forget)
			drop(&fetcher->finished);
		pthread_cond_broadcast(&fetcher->changed);
		wake_up(fetcher->wake);
	}
	fetcher->ended = true;
	pthread_cond_broadcast(&fetcher->changed);
	pthread_mutex_unlock(&fetcher->mutex);
	return NULL;
}

static void destroy(struct fetcher *fetcher)
{
	drop(&fetcher->waiting);
	drop(&fetcher->finished);
	pthread_cond_destroy(&fetcher->changed);
	pthread_mutex_destroy(&fetcher->mutex);
	free(fetcher);
}

struct fetcher *fetcher_new(int wake)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	pthread_condattr_t attributes;
	if (!fetcher)
		return NULL;
	fetcher->wake = wake;
	pthread_mutex_init(&fetcher->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&fetcher->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (thread_start(&fetcher->thread, serve, fetcher))
		return fetcher;
	destroy(fetcher);
	return NULL;
}

void fetcher_submit(struct fetcher *fetcher, struct fetch_request *request)
{
	pthread_mutex_lock(&fetcher->mutex);
	drop(&fetcher->waiting);
	fetcher->waiting = request;
	pthread_cond_broadcast(&fetcher->changed);
	pthread_mutex_unlock(&fetcher->mutex);
}

static struct timespec in_ms(int ms)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

struct fetch_request *fetcher_collect(struct fetcher *fetcher, int wait_ms)
{
	const struct timespec end = in_ms(wait_ms);
	pthread_mutex_lock(&fetcher->mutex);
	while (wait_ms > 0 && !fetcher->finished)
		if (pthread_cond_timedwait(&fetcher->changed, &fetcher->mutex, &end) != 0)
			break;
	struct fetch_request *request = fetcher->finished;
	fetcher->finished = NULL;
	pthread_mutex_unlock(&fetcher->mutex);
	return request;
}

void fetcher_forget(struct fetcher *fetcher)
{
	pthread_mutex_lock(&fetcher->mutex);
	drop(&fetcher->waiting);
	drop(&fetcher->finished);
	fetcher->forget = true;
	pthread_mutex_unlock(&fetcher->mutex);
}

bool fetcher_free(struct fetcher *fetcher, int wait_ms)
{
	const struct timespec end = in_ms(wait_ms);
	if (!fetcher)
		return true;
	pthread_mutex_lock(&fetcher->mutex);
	fetcher->end = true;
	pthread_cond_broadcast(&fetcher->changed);
	while (!fetcher->ended)
		if (pthread_cond_timedwait(&fetcher->changed, &fetcher->mutex, &end) != 0)
			break;
	const bool ended = fetcher->ended;
	pthread_mutex_unlock(&fetcher->mutex);
	if (!ended)
		return false;
	pthread_join(fetcher->thread, NULL);
	destroy(fetcher);
	return true;
}
