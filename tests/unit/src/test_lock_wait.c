/* --lock-wait. Its time begins with the first question of a process, so each test is a child. */
#include "build-config.h"

#include "src/interrupt.h"
#include "src/lock_wait.h"
#include "tests/unit/src/messages.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A clock that only pauses move on. */
static int64_t now_ms = 1000;

int __wrap_clock_gettime(clockid_t id, struct timespec *time);
int __wrap_clock_gettime(clockid_t id, struct timespec *time)
{
	*time = (struct timespec){ now_ms / 1000, (long)(now_ms % 1000) * 1000000 };
	return id == CLOCK_MONOTONIC ? 0 : -1;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	now_ms += (int64_t)wanted->tv_sec * 1000 + wanted->tv_nsec / 1000000;
	return 0;
}

/* The exit status of a child: the number of what went wrong, or 0. */
static int run(int (*body)(const struct request *request), unsigned seconds)
{
	const struct request request = { .options = { .lock_wait = seconds } };
	int status;
	const pid_t pid = fork();
	if (pid == 0)
		_exit(body(&request));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int not_at_all(const struct request *request)
{
	if (lock_wait_left(request) != 0)
		return 1;
	if (lock_wait_pause(request))
		return 2;
	/* The one of two writers that may stay waits for the other to give way. */
	return lock_wait_to_write(request) == 500 ? 0 : 3;
}

static void without_the_option_nobody_waits_but_a_writer(void **state)
{
	assert_int_equal(run(not_at_all, 0), 0);
	(void)state;
}

static int two_seconds(const struct request *request)
{
	if (lock_wait_left(request) != 2000)
		return 1;
	if (!lock_wait_pause(request))
		return 2;
	const int64_t left = lock_wait_left(request);
	if (left < 2000 - 99 || left > 2000 - 50)
		return 3;
	if (lock_wait_to_write(request) != (unsigned)left)
		return 4;
	now_ms += left - 499;
	if (lock_wait_to_write(request) != 500)		/* although less is left */
		return 5;
	now_ms += 498;
	if (!lock_wait_pause(request))
		return 6;
	return lock_wait_left(request) == 0 && !lock_wait_pause(request) ? 0 : 7;
}

static void the_time_runs_from_the_first_question(void **state)
{
	assert_int_equal(run(two_seconds, 2), 0);
	(void)state;
}

static int interrupted(const struct request *request)
{
	interrupt_catch();
	if (lock_wait_is_interrupted(NULL))
		return 1;
	raise(SIGINT);
	if (lock_wait_pause(request))
		return 2;
	return lock_wait_is_interrupted(NULL) ? 0 : 3;
}

static void an_interrupt_ends_it(void **state)
{
	assert_int_equal(run(interrupted, 60), 0);
	(void)state;
}

static void the_option_is_named_where_it_would_have_helped(void **state)
{
	struct request request = { .options = { .lock_wait = 0 } };
	const struct as_error error = { .message = "held by another" };
	messages_begin();
	assert_int_equal(lock_wait_report(&request, AS_OK, &error), AS_OK);
	assert_string_equal(messages_end(), "");
	messages_begin();
	assert_int_equal(lock_wait_report(&request, AS_ERR_LOCK_FAILED, &error),
			 AS_ERR_LOCK_FAILED);
	assert_string_equal(messages_end(), "atticscope: held by another\n"
			    "atticscope: --lock-wait=SECONDS waits for it\n");
	messages_begin();
	assert_int_equal(lock_wait_report(&request, AS_ERR_DENIED, &error), AS_ERR_DENIED);
	assert_string_equal(messages_end(), "atticscope: held by another\n");
	request.options.lock_wait = 3;
	messages_begin();
	lock_wait_report(&request, AS_ERR_LOCK_FAILED, &error);
	assert_string_equal(messages_end(), "atticscope: held by another\n");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_option_nobody_waits_but_a_writer),
		cmocka_unit_test(the_time_runs_from_the_first_question),
		cmocka_unit_test(an_interrupt_ends_it),
		cmocka_unit_test(the_option_is_named_where_it_would_have_helped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
