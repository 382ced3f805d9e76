#include "build-config.h"

#include "engine/repo/lock_timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int count_down(void *context)
{
	unsigned *left = context;
	return *left == 0 || --*left == 0;
}

static void without_a_wait_there_is_no_second_attempt(void **state)
{
	const struct lock_wait wait = { .ms = 0 };
	const struct lock_timer timer = lock_timer_begin(&wait);
	assert_int_equal(lock_timer_pause(&timer), AS_END);
	assert_in_range(lock_timer_passed(&timer), 0, 1000);
	(void)state;
}

/* A pause takes 20 ms at least. On a busy machine it takes more, and there are fewer. */
static void attempts_go_on_until_the_time_is_over(void **state)
{
	const struct lock_wait wait = { .ms = 50 };
	const struct lock_timer timer = lock_timer_begin(&wait);
	int64_t before = 0;
	unsigned pauses = 0;
	while (lock_timer_pause(&timer) == AS_OK) {
		assert_true(lock_timer_passed(&timer) >= before + 19);
		before = lock_timer_passed(&timer);
		pauses++;
	}
	assert_in_range(pauses, 1, 3);
	assert_int_equal(lock_timer_pause(&timer), AS_END);
	assert_true(lock_timer_passed(&timer) >= 50);
	(void)state;
}

static void an_interrupt_ends_the_wait(void **state)
{
	unsigned left = 3;
	const struct lock_wait wait = {
		.ms = 3600000, .interrupt = count_down, .context = &left,
	};
	const struct lock_timer timer = lock_timer_begin(&wait);
	assert_int_equal(lock_timer_pause(&timer), AS_OK);
	assert_int_equal(lock_timer_pause(&timer), AS_OK);
	assert_int_equal(lock_timer_pause(&timer), AS_ERR_CANCELLED);
	(void)state;
}

/* The person's wish counts more than the time, which is over as well. */
static void an_interrupt_comes_first(void **state)
{
	unsigned left = 0;
	const struct lock_wait wait = { .interrupt = count_down, .context = &left };
	const struct lock_timer timer = lock_timer_begin(&wait);
	assert_int_equal(lock_timer_pause(&timer), AS_ERR_CANCELLED);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_wait_there_is_no_second_attempt),
		cmocka_unit_test(attempts_go_on_until_the_time_is_over),
		cmocka_unit_test(an_interrupt_ends_the_wait),
		cmocka_unit_test(an_interrupt_comes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
