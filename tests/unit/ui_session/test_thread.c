#include "build-config.h"

#include "ui/session/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static void *read_mask(void *mask)
{
	pthread_sigmask(SIG_BLOCK, NULL, mask);
	return NULL;
}

/* The main thread handles Ctrl-C and a new size of the terminal; a crash has to end every thread.
 */
static void a_thread_gets_no_signals_but_those_of_a_crash(void **state)
{
	sigset_t before, after, inside;
	pthread_t thread;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	assert_true(thread_start(&thread, read_mask, &inside));
	pthread_join(thread, NULL);
	assert_true(sigismember(&inside, SIGINT) && sigismember(&inside, SIGTERM));
	assert_true(sigismember(&inside, SIGWINCH) && sigismember(&inside, SIGTSTP));
	assert_false(sigismember(&inside, SIGSEGV) || sigismember(&inside, SIGBUS));
	assert_false(sigismember(&inside, SIGABRT) || sigismember(&inside, SIGFPE));
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int number = 1; number < 32; number++)
		assert_int_equal(sigismember(&after, number), sigismember(&before, number));
	(void)state;
}

static void waking_up_adds_one_and_never_waits(void **state)
{
	const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t count = 0;
	assert_true(wake >= 0);
	wake_up(wake);
	wake_up(wake);
	assert_int_equal(read(wake, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 2);
	count = UINT64_MAX - 1;			/* as much as it can hold */
	assert_int_equal(write(wake, &count, sizeof(count)), sizeof(count));
	wake_up(wake);
	assert_int_equal(read(wake, &count, sizeof(count)), sizeof(count));
	assert_true(count == UINT64_MAX - 1);
	close(wake);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_gets_no_signals_but_those_of_a_crash),
		cmocka_unit_test(waking_up_adds_one_and_never_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
