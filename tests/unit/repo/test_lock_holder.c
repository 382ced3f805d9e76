#include "build-config.h"

#include "engine/base/error.h"
#include "engine/repo/lock_holder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static pid_t dead_process(void)
{
	const pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void only_thread_0_of_a_process_of_this_machine_can_be_gone(void **state)
{
	const pid_t gone = dead_process();
	const struct {
		const char *host;
		int64_t pid, thread;
		bool is_elsewhere;
		enum lock_life life;
	} cases[] = {
		{ "here", gone, 0, false, LOCK_LIFE_GONE },
		{ "here", gone, 1, false, LOCK_LIFE_UNKNOWN },
		{ "there", gone, 0, true, LOCK_LIFE_UNKNOWN },
		{ "", gone, 0, true, LOCK_LIFE_UNKNOWN },
		{ "here", getpid(), 0, false, LOCK_LIFE_ALIVE },
		{ "there", getpid(), 0, true, LOCK_LIFE_UNKNOWN },
		{ "here", 0, 0, false, LOCK_LIFE_UNKNOWN },
		{ "here", INT64_C(1) << 32, 0, false, LOCK_LIFE_UNKNOWN },
		{ "here", (INT64_C(1) << 32) + gone, 0, false, LOCK_LIFE_UNKNOWN },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lock_id id = { .pid = cases[i].pid, .thread = cases[i].thread };
		strcpy(id.host, cases[i].host);
		const struct lock_holder holder = lock_holder_of_id(&id, true, "here", 0);
		if (!holder.known || !holder.exclusive || holder.life != cases[i].life ||
		    holder.is_elsewhere != cases[i].is_elsewhere || holder.is_reused)
			fail_msg("case %zu", i);
		assert_int_equal(lock_holder_of_id(&id, true, NULL, 0).life, LOCK_LIFE_UNKNOWN);
	}
	(void)state;
}

static void a_process_that_began_after_the_lock_is_another_one(void **state)
{
	const struct lock_id id = { .host = "here", .pid = getpid() };
	const int64_t now = (int64_t)time(NULL);
	assert_true(lock_holder_of_id(&id, true, "here", now - 100000).is_reused);
	assert_false(lock_holder_of_id(&id, true, "here", now).is_reused);
	assert_false(lock_holder_of_id(&id, true, "there", now - 100000).is_reused);
	(void)state;
}

static void a_process_is_named_by_its_number(void **state)
{
	const struct lock_holder own = lock_holder_of_process(getpid(), true);
	assert_true(own.known);
	assert_int_equal(own.pid, getpid());
	assert_string_equal(own.program, "test_lock_holde");	/* 15 bytes at most */
	assert_int_equal(own.life, LOCK_LIFE_ALIVE);
	const struct lock_holder gone = lock_holder_of_process(dead_process(), false);
	assert_false(gone.known);
	assert_int_equal(gone.pid, 0);
	assert_false(lock_holder_of_process(-1, false).known);
	(void)state;
}

static void a_holder_is_put_into_words(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct lock_holder here = {
		.known = true, .pid = 4711, .program = "borg", .life = LOCK_LIFE_ALIVE,
		.id = { .host = "nas@1", .pid = 4711 }, .since = 1796049185,
	};
	struct lock_holder cases[] = {
		here, here, here, here, { .known = false }, { .known = true },
		{ .known = true, .pid = 12, .program = "attic" }, here,
	};
	static const char *const words[] = {
		"process 4711 (borg), since 2026-11-30 14:33:05",
		"process 4711, which is gone, since 2026-11-30 14:33:05",
		"process 4711 on nas@1, since 2026-11-30 14:33:05",
		"process 4711 (name unknown)",
		"another process, perhaps on another machine",
		"another process, perhaps on another machine",
		"process 12 (attic)",
		"process 9999999999 on nas@1",
	};
	cases[1].life = LOCK_LIFE_GONE;
	cases[2].is_elsewhere = true;
	cases[3].program[0] = '\0';
	cases[3].since = 0;
	cases[7].id.pid = 9999999999;
	cases[7].pid = 0;
	cases[7].is_elsewhere = true;
	cases[7].since = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[LOCK_HOLDER_TEXT];
		lock_holder_text(&cases[i], text);
		assert_string_equal(text, words[i]);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_thread_0_of_a_process_of_this_machine_can_be_gone),
		cmocka_unit_test(a_process_that_began_after_the_lock_is_another_one),
		cmocka_unit_test(a_process_is_named_by_its_number),
		cmocka_unit_test(a_holder_is_put_into_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
