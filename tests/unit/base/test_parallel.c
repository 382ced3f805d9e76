#include "build-config.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static unsigned threads_left;	/* that the system still gives */

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*run)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*run)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*run)(void *argument), void *argument)
{
	if (threads_left == 0)
		return EAGAIN;
	threads_left--;
	return __real_pthread_create(id, attributes, run, argument);
}

static void the_number_of_threads_has_bounds(void **state)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	assert_int_equal(parallel_threads(0), processors > 64 ? 64 : processors);
	assert_int_equal(parallel_threads(1), 1);
	assert_int_equal(parallel_threads(63), 63);
	assert_int_equal(parallel_threads(64), 64);
	assert_int_equal(parallel_threads(65), 64);
	assert_int_equal(parallel_threads(UINT_MAX), 64);
	(void)state;
}

/* What several threads share: who was there, and how many have returned. */
struct work {
	atomic_uint begun, ended;
	atomic_bool callers_own;
	pthread_t caller;
};

static void work(void *context)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct work *shared = context;
	atomic_fetch_add(&shared->begun, 1);
	if (pthread_equal(pthread_self(), shared->caller))
		atomic_store(&shared->callers_own, true);
	else
		nanosleep(&moment, NULL);	/* the caller has to wait */
	atomic_fetch_add(&shared->ended, 1);
}

/* Let @threads work where the system gives @given besides the caller's own. */
static void expect_workers(unsigned threads, unsigned given, unsigned workers)
{
	struct work shared = { .caller = pthread_self() };
	threads_left = given;
	parallel_run(threads, work, &shared);
	assert_int_equal(atomic_load(&shared.ended), workers);
	assert_int_equal(atomic_load(&shared.begun), workers);
	assert_true(atomic_load(&shared.callers_own));
}

static void each_thread_works_once_and_is_waited_for(void **state)
{
	static const unsigned counts[] = { 1, 2, 3, 7, 64 };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		expect_workers(counts[i], 100, counts[i]);
	(void)state;
}

static void fewer_threads_than_wanted_do_the_work(void **state)
{
	expect_workers(8, 3, 4);
	expect_workers(8, 0, 1);
	expect_workers(1, 0, 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_of_threads_has_bounds),
		cmocka_unit_test(each_thread_works_once_and_is_waited_for),
		cmocka_unit_test(fewer_threads_than_wanted_do_the_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
