/* Ctrl-C. What has come stays, so each test runs in a child process. */
#include "build-config.h"

#include "engine/base/error.h"
#include "src/interrupt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The wait status of a child that exits with what @body returns: the number of what went wrong, or
 * 0. */
static int run(int (*body)(void))
{
	int status;
	const pid_t pid = fork();
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int remember_each(void)
{
	static _Atomic bool cancel;
	interrupt_catch();
	if (interrupt_came())
		return 1;
	interrupt_watch(&cancel);
	if (cancel)
		return 2;
	raise(SIGTERM);
	if (!interrupt_came())
		return 3;
	return cancel ? 0 : 4;
}

static void the_first_is_only_remembered(void **state)
{
	assert_int_equal(run(remember_each), 0);
	(void)state;
}

static int watch_late(void)
{
	static _Atomic bool late, dropped;
	interrupt_catch();
	interrupt_watch(&dropped);
	interrupt_watch(NULL);
	raise(SIGINT);
	if (dropped)
		return 1;
	interrupt_watch(&late);
	return late ? 0 : 2;
}

static void who_watches_late_is_told_at_once(void **state)
{
	assert_int_equal(run(watch_late), 0);
	(void)state;
}

static int raise_twice(void)
{
	interrupt_catch();
	raise(SIGINT);
	raise(SIGTERM);		/* another one: it was not asked for twice */
	raise(SIGHUP);
	if (!interrupt_came())
		return 1;
	raise(SIGINT);
	return 2;
}

static void the_second_kills(void **state)
{
	const int status = run(raise_twice);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	(void)state;
}

static int ignore_hangup(void)
{
	signal(SIGHUP, SIG_IGN);
	interrupt_catch();
	raise(SIGHUP);
	raise(SIGHUP);
	return interrupt_came();
}

/* As nohup wants it. */
static void what_was_ignored_stays_ignored(void **state)
{
	assert_int_equal(run(ignore_hangup), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_only_remembered),
		cmocka_unit_test(who_watches_late_is_told_at_once),
		cmocka_unit_test(the_second_kills),
		cmocka_unit_test(what_was_ignored_stays_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
