#include "build-config.h"

#include "ui/session/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A job that began @seconds ago. */
static struct job begun(time_t seconds)
{
	struct job job = { .verb = "verifying", .unit = "segments" };
	clock_gettime(CLOCK_MONOTONIC, &job.started);
	job.started.tv_sec -= seconds;
	return job;
}

static void progress_grows_with_what_is_known(void **state)
{
	struct job job = begun(0);
	char text[128];
	job.unit = NULL;
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying");
	job.unit = "segments";
	atomic_store(&job.progress.segments_done, 412);
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying 412 segments");
	atomic_store(&job.total, 1204);
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying 412/1,204 segments  34 %");
	(void)state;
}

static void the_time_that_is_left_follows_from_the_time_that_has_passed(void **state)
{
	struct job job = begun(20);
	char text[128];
	atomic_store(&job.total, 8);
	atomic_store(&job.progress.segments_done, 2);
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying 2/8 segments  25 %  1:00 left");
	atomic_store(&job.progress.segments_done, 8);
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying 8/8 segments  100 %");
	(void)state;
}

static void bytes_have_a_rate(void **state)
{
	const struct job job = begun(10);
	char text[128];
	job_bytes_text(&job, "copying", 5, 0, text, sizeof(text));
	assert_string_equal(text, "copying");
	job_bytes_text(&job, "copying", 0, 1024 * 1024, text, sizeof(text));
	assert_string_equal(text, "copying 0 B of 1.0 MiB  0 %");
	job_bytes_text(&job, "copying", 512 * 1024, 1024 * 1024, text, sizeof(text));
	assert_non_null(strstr(text, "copying 512 KiB of 1.0 MiB  50 %  51"));
	assert_non_null(strstr(text, " KiB/s  0:10 left"));
	(void)state;
}

static void a_text_that_does_not_fit_is_cut_off(void **state)
{
	struct job job = begun(20);
	char text[16];
	atomic_store(&job.total, 8);
	atomic_store(&job.progress.segments_done, 2);
	job_progress_text(&job, text, sizeof(text));
	assert_string_equal(text, "verifying 2/8 s");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(progress_grows_with_what_is_known),
		cmocka_unit_test(the_time_that_is_left_follows_from_the_time_that_has_passed),
		cmocka_unit_test(bytes_have_a_rate),
		cmocka_unit_test(a_text_that_does_not_fit_is_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
