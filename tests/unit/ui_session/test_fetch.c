/* The thread that reads for the screen: the newest request counts, and nothing is lost or freed
 * twice. */
#include "build-config.h"

#include "ui/session/fetch.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_MS 20000	/* nothing here takes so long */

/* A request that may wait for a disk until it is told to go on. */
struct test_request {
	struct fetch_request head;
	atomic_int begun, may_end, runs, drops;
};

static void run(struct fetch_request *head)
{
	struct test_request *request = (struct test_request *)head;
	atomic_store(&request->begun, 1);
	while (!atomic_load(&request->may_end))
		poll(NULL, 0, 1);
	atomic_fetch_add(&request->runs, 1);
}

static void drop(struct fetch_request *head)
{
	atomic_fetch_add(&((struct test_request *)head)->drops, 1);
}

static struct test_request quick(void)
{
	return (struct test_request){ .head = { .run = run, .drop = drop }, .may_end = 1 };
}

static struct test_request slow(void)
{
	return (struct test_request){ .head = { .run = run, .drop = drop } };
}

static void wait_for(const atomic_int *value)
{
	for (int ms = 0; !atomic_load(value) && ms < LONG_MS; ms++)
		poll(NULL, 0, 1);
	assert_true(atomic_load(value));
}

static int wake;

static int setup(void **state)
{
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*state = fetcher_new(wake);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	const bool has_ended = fetcher_free(*state, LONG_MS);
	close(wake);
	return has_ended ? 0 : -1;
}

static void a_request_is_run_and_comes_back(void **state)
{
	struct fetcher *fetcher = *state;
	struct test_request request = quick();
	uint64_t count = 0;
	assert_null(fetcher_collect(fetcher, 0));
	fetcher_submit(fetcher, &request.head);
	assert_ptr_equal(fetcher_collect(fetcher, LONG_MS), &request.head);
	assert_int_equal(request.runs, 1);
	assert_int_equal(request.drops, 0);
	assert_null(fetcher_collect(fetcher, 0));
	struct pollfd woken = { .fd = wake, .events = POLLIN };
	assert_int_equal(poll(&woken, 1, LONG_MS), 1);
	assert_int_equal(read(wake, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
}

static void only_the_newest_that_waits_is_run(void **state)
{
	struct fetcher *fetcher = *state;
	struct test_request first = slow(), second = quick(), third = quick();
	fetcher_submit(fetcher, &first.head);
	wait_for(&first.begun);
	fetcher_submit(fetcher, &second.head);
	fetcher_submit(fetcher, &third.head);
	assert_int_equal(second.drops, 1);
	assert_null(fetcher_collect(fetcher, 1));	/* it waits no longer than told */
	atomic_store(&first.may_end, 1);
	wait_for(&third.runs);
	struct fetch_request *request = fetcher_collect(fetcher, LONG_MS);
	if (request == &first.head)
		request = fetcher_collect(fetcher, LONG_MS);
	else
		wait_for(&first.drops);			/* a newer one is finished */
	assert_ptr_equal(request, &third.head);
	assert_int_equal(second.runs, 0);
	assert_int_equal(third.drops, 0);
}

static void what_is_forgotten_does_not_come_back(void **state)
{
	struct fetcher *fetcher = *state;
	struct test_request first = slow(), second = quick(), third = quick();
	fetcher_submit(fetcher, &first.head);
	wait_for(&first.begun);
	fetcher_submit(fetcher, &second.head);
	fetcher_forget(fetcher);
	assert_int_equal(second.drops, 1);
	atomic_store(&first.may_end, 1);
	wait_for(&first.drops);
	assert_null(fetcher_collect(fetcher, 0));
	assert_int_equal(second.runs, 0);
	fetcher_submit(fetcher, &third.head);		/* one after it is wanted again */
	assert_ptr_equal(fetcher_collect(fetcher, LONG_MS), &third.head);
	fetcher_submit(fetcher, &third.head);
	struct pollfd woken = { .fd = wake, .events = POLLIN };
	while (atomic_load(&third.runs) < 2)
		poll(&woken, 1, 1);
	fetcher_forget(fetcher);
	wait_for(&third.drops);
	assert_null(fetcher_collect(fetcher, 0));
}

static void ending_does_not_wait_for_a_disk_that_hangs(void **state)
{
	struct fetcher *fetcher = *state;
	struct test_request first = slow(), second = quick();
	fetcher_submit(fetcher, &first.head);
	wait_for(&first.begun);
	assert_false(fetcher_free(fetcher, 1));
	fetcher_submit(fetcher, &second.head);
	atomic_store(&first.may_end, 1);
	assert_true(fetcher_free(fetcher, LONG_MS));
	assert_int_equal(first.runs, 1);
	assert_int_equal(first.drops, 1);
	assert_int_equal(second.runs, 0);
	assert_int_equal(second.drops, 1);
	*state = NULL;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_run_and_comes_back),
		TEST(only_the_newest_that_waits_is_run),
		TEST(what_is_forgotten_does_not_come_back),
		TEST(ending_does_not_wait_for_a_disk_that_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
