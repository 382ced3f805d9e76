#include "build-config.h"

#include "engine/base/error.h"
#include "engine/base/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	return unsetenv("BORG_HOST_ID");
}

static void a_machine_is_called_by_its_host_and_its_address(void **state)
{
	char name[MACHINE_NAME_SIZE], again[MACHINE_NAME_SIZE];
	assert_true(machine_name(name));
	const char *address = strrchr(name, '@');
	assert_non_null(address);
	assert_true(address > name);
	assert_true(address[1] != '\0');
	assert_int_equal(strspn(address + 1, "0123456789"), strlen(address + 1));
	assert_true(machine_name(again));
	if (!(strtoull(address + 1, NULL, 10) >> 40 & 1))	/* not drawn at random */
		assert_string_equal(name, again);
	(void)state;
}

static void the_environment_can_name_the_machine(void **state)
{
	char name[MACHINE_NAME_SIZE], text[400];
	setenv("BORG_HOST_ID", "a machine", 1);
	assert_true(machine_name(name));
	assert_string_equal(name, "a machine");
	setenv("BORG_HOST_ID", "", 1);
	assert_true(machine_name(name));
	assert_non_null(strchr(name, '@'));
	memset(text, 'x', sizeof(text));
	text[255] = '\0';
	setenv("BORG_HOST_ID", text, 1);
	assert_true(machine_name(name));
	assert_string_equal(name, text);
	text[255] = 'x';
	text[256] = '\0';
	setenv("BORG_HOST_ID", text, 1);
	assert_false(machine_name(name));
	(void)state;
}

/* The id of a process that was there and is gone. */
static pid_t dead_process(void)
{
	const pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void a_process_is_there_until_it_ended(void **state)
{
	assert_false(process_is_gone(getpid()));
	assert_false(process_is_gone(1));	/* perhaps another user's */
	assert_true(process_is_gone(dead_process()));
	assert_false(process_is_gone(0));
	assert_false(process_is_gone(-1));
	(void)state;
}

static void a_process_has_a_name_and_a_beginning(void **state)
{
	char name[64];
	int64_t start;
	const int64_t now = (int64_t)time(NULL);
	assert_true(process_name(getpid(), name, sizeof(name)));
	assert_string_equal(name, "test_machine");
	assert_true(process_start(getpid(), &start));
	assert_in_range(start, now - 600, now + 2);
	const pid_t dead = dead_process();
	assert_false(process_name(dead, name, sizeof(name)));
	assert_string_equal(name, "");
	assert_false(process_start(dead, &start));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_machine_is_called_by_its_host_and_its_address, setup),
		cmocka_unit_test_setup(the_environment_can_name_the_machine, setup),
		cmocka_unit_test(a_process_is_there_until_it_ended),
		cmocka_unit_test(a_process_has_a_name_and_a_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
