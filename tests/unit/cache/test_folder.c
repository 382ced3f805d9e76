#include "build-config.h"

#include "engine/base/error.h"
#include "engine/cache/folder.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static int open_folder(const struct scratch *scratch, const char *path)
{
	const int fd = openat(scratch->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void a_folder_is_within_itself_and_those_above_it(void **state)
{
	static const struct { const char *path; bool is_within; } cases[] = {
		{ "repo", true }, { "repo/data", true }, { "repo/data/0", true }, { ".", false },
		{ "repository", false }, { "beside/repo", false }, { "/", false },
		{ "link", true }, { "beside/out", false }, { "repo/..", false },
		{ "repo/data/..", true },
	};
	const struct scratch *scratch = *state;
	scratch_folder(scratch, "repo/data/0");
	scratch_folder(scratch, "repository");
	scratch_folder(scratch, "beside/repo");
	scratch_link(scratch, "link", "repo/data");
	scratch_link(scratch, "beside/out", "../repository");
	const int repo = open_folder(scratch, "repo");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const int fd = open_folder(scratch, cases[i].path);
		if (folder_is_within(fd, repo) != cases[i].is_within)
			fail_msg("%s", cases[i].path);
		assert_true(fcntl(fd, F_GETFD) >= 0);	/* it stays open */
		close(fd);
	}
	close(repo);
}

/* Nobody may list the folder between; that is no reason to take it for another place. */
static void a_folder_that_cannot_be_listed_is_passed(void **state)
{
	const struct scratch *scratch = *state;
	scratch_folder(scratch, "repo/between/below");
	const int repo = open_folder(scratch, "repo");
	const int below = open_folder(scratch, "repo/between/below");
	scratch_run("chmod 0111 %s/repo/between", scratch->path);
	assert_true(folder_is_within(below, repo));
	scratch_run("chmod 0700 %s/repo/between", scratch->path);
	close(below);
	close(repo);
}

static void what_cannot_be_found_out_counts_as_within(void **state)
{
	const struct scratch *scratch = *state;
	assert_true(folder_is_within(scratch->fd, -1));
	assert_true(folder_is_within(-1, scratch->fd));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_is_within_itself_and_those_above_it),
		TEST(a_folder_that_cannot_be_listed_is_passed),
		TEST(what_cannot_be_found_out_counts_as_within),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
