#include "build-config.h"

#include "engine/check/parcels.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct parcel *parcel_new(struct parcel_account *account, uint32_t segment)
{
	struct parcel *parcel = malloc(sizeof(*parcel));
	assert_non_null(parcel);
	parcel->account = account;
	parcel->segment = segment;
	parcel->count = 0;
	return parcel;
}

static void the_reader_keeps_what_nobody_will_look_up(void **state)
{
	struct parcels parcels;
	struct parcel_account account = { .open = 0 };
	struct parcel *parcel = parcel_new(&account, 0);
	parcels_init(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_reading(&parcels);
	assert_false(parcels_have_helper(&parcels));
	assert_false(parcels_give(&parcels, parcel));
	parcels_begin_helping(&parcels);
	assert_true(parcels_have_helper(&parcels));
	for (uint32_t i = 0; i < 4; i++)
		assert_true(parcels_give(&parcels, parcel_new(&account, i)));
	assert_false(parcels_give(&parcels, parcel));
	assert_int_equal(account.open, 4);
	for (uint32_t i = 0; i < 4; i++) {
		struct parcel *taken = parcels_take(&parcels);
		assert_int_equal(taken->segment, i);
		parcels_finish(&parcels, taken, 1, 100, AS_OK);
	}
	assert_true(parcels_give(&parcels, parcel));
	parcels_finish(&parcels, parcels_take(&parcels), 0, 0, AS_OK);
	parcels_destroy(&parcels);
	(void)state;
}

static void helping_ends_when_nobody_reads_and_nothing_waits(void **state)
{
	struct parcels parcels;
	struct parcel_account account = { .open = 0 };
	parcels_init(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_helping(&parcels);
	assert_true(parcels_give(&parcels, parcel_new(&account, 7)));
	parcels_begin_helping(&parcels);
	struct parcel *taken = parcels_take(&parcels);
	assert_int_equal(taken->segment, 7);
	parcels_finish(&parcels, taken, 0, 0, AS_OK);
	assert_null(parcels_take(&parcels));
	assert_true(parcels_have_helper(&parcels));
	assert_null(parcels_take(&parcels));
	assert_false(parcels_have_helper(&parcels));
	parcels_destroy(&parcels);
	(void)state;
}

static void an_account_has_the_sum_and_the_first_failure(void **state)
{
	struct parcels parcels;
	struct parcel_account account = { .open = 0 }, other = { .open = 0 };
	parcels_init(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_helping(&parcels);
	assert_true(parcels_give(&parcels, parcel_new(&account, 0)));
	assert_true(parcels_give(&parcels, parcel_new(&other, 1)));
	assert_true(parcels_give(&parcels, parcel_new(&account, 0)));
	assert_true(parcels_give(&parcels, parcel_new(&account, 0)));
	parcels_finish(&parcels, parcels_take(&parcels), 3, 300, AS_OK);
	parcels_finish(&parcels, parcels_take(&parcels), 50, 5000, AS_OK);
	parcels_finish(&parcels, parcels_take(&parcels), 1, 100, AS_ERR_MEMORY);
	parcels_finish(&parcels, parcels_take(&parcels), 2, 200, AS_ERR_IO);
	const struct parcel_account collected = parcels_collect(&parcels, &account);
	assert_int_equal(collected.live, 6);
	assert_int_equal(collected.live_bytes, 600);
	assert_int_equal(collected.err, AS_ERR_MEMORY);
	assert_int_equal(parcels_collect(&parcels, &account).live, 0);
	assert_int_equal(account.err, AS_OK);
	assert_int_equal(other.live, 50);
	assert_int_equal(other.err, AS_OK);
	parcels_destroy(&parcels);
	(void)state;
}

static void *help(void *context)
{
	struct parcels *parcels = context;
	struct parcel *parcel;
	parcels_begin_helping(parcels);
	while ((parcel = parcels_take(parcels)) != NULL)
		parcels_finish(parcels, parcel, parcel->segment, 0, AS_OK);
	return NULL;
}

static void a_helper_in_another_thread_finishes_all_that_it_was_given(void **state)
{
	struct parcels parcels;
	struct parcel_account account = { .open = 0 };
	pthread_t thread;
	uint64_t kept = 0;
	parcels_init(&parcels);
	parcels_begin_reading(&parcels);
	parcels_begin_reading(&parcels);
	assert_int_equal(pthread_create(&thread, NULL, help, &parcels), 0);
	while (!parcels_have_helper(&parcels))
		sched_yield();
	for (uint32_t i = 0; i < 1000; i++) {
		struct parcel *parcel = parcel_new(&account, i);
		if (parcels_give(&parcels, parcel))
			continue;
		kept += i;
		free(parcel);
	}
	const struct parcel_account collected = parcels_collect(&parcels, &account);
	assert_int_equal(collected.live + kept, 999 * 1000 / 2);
	parcels_begin_helping(&parcels);
	assert_null(parcels_take(&parcels));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(parcels_have_helper(&parcels));
	parcels_destroy(&parcels);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reader_keeps_what_nobody_will_look_up),
		cmocka_unit_test(helping_ends_when_nobody_reads_and_nothing_waits),
		cmocka_unit_test(an_account_has_the_sum_and_the_first_failure),
		cmocka_unit_test(a_helper_in_another_thread_finishes_all_that_it_was_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
