#include "build-config.h"

#include "base/parallel.h"

#include <pthread.h>
#include <unistd.h>

struct call {
	void (*work)(void *context);
	void *context;
};

static void *run_call(void *argument)
{
	const struct call *call = argument;
	call->work(call->context);
	return NULL;
}

unsigned parallel_threads(unsigned wanted)
{
	const long count = wanted ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
	if (count < 1)
		return 1;
	return count > (long)PARALLEL_MAX ? PARALLEL_MAX : (unsigned)count;
}

void parallel_run(unsigned threads, void (*work)(void *context), void *context)
{
	pthread_t ids[PARALLEL_MAX];
	struct call call = { work, context };
	unsigned started = 0;
	while (started + 1 < threads && started < PARALLEL_MAX &&
	       pthread_create(&ids[started], NULL, run_call, &call) == 0)
		started++;
	work(context);
	while (started > 0)
		pthread_join(ids[--started], NULL);
}
