/* Text that a person saves from the terminal: never into the repository, never over a file. */
#include "build-config.h"

#include "ui/app/app.h"
#include "ui/app/export.h"
#include "ui/widget/lines.h"

#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct repo repo;

static void free_nothing(void *object)
{
	(void)object;
}

/* The repository is "repo" of the scratch folder, which is the home of the person, too. */
struct world {
	struct scratch *scratch;
	struct app app;
	struct lines *lines;
	char name[BUILDER_PATH + 64];	/* as it was given last */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	scratch_folder(world->scratch, "repo/data");
	setenv("HOME", world->scratch->path, 1);
	assert_int_equal(io_open_folder(&io_system, world->scratch->fd, "repo", &repo.fd), AS_OK);
	world->app.session = ref_new(sizeof(struct session), free_nothing);
	assert_non_null(world->app.session);
	world->app.session->repo = &repo;
	world->app.jobs.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world->lines = lines_new();
	assert_non_null(world->lines);
	lines_add(world->lines, STYLE_NORMAL, "one");
	lines_add(world->lines, STYLE_BAD, "");
	lines_add(world->lines, STYLE_NORMAL, "three");
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	assert_true(jobs_end(&world->app.jobs, 10000));
	ref_release(world->lines);
	ref_release(world->app.session);
	close(world->app.jobs.wake);
	close(repo.fd);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

/* Save as @name, in the scratch folder unless it begins with "~", and say what is said then. */
static const char *export(struct world *world, const char *name)
{
	if (name[0] == '~')
		snprintf(world->name, sizeof(world->name), "%s", name);
	else
		snprintf(world->name, sizeof(world->name), "%s/%s", world->scratch->path, name);
	world->app.message[0] = '\0';
	export_start(&world->app, world->lines, world->name);
	job_wait(world->app.jobs.first, -1);
	jobs_collect(&world->app.jobs, &world->app);
	return world->app.message;
}

static void expect_file(const struct world *world, const char *name, const char *text)
{
	char path[BUILDER_PATH + 64];
	size_t len;
	snprintf(path, sizeof(path), "%s/%s", world->scratch->path, name);
	uint8_t *bytes = builder_read_file(path, &len);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
	free(bytes);
}

static void lines_are_written_to_a_new_file(void **state)
{
	struct world *world = *state;
	struct stat st;
	assert_non_null(strstr(export(world, "plan.txt"), "/plan.txt"));
	assert_memory_equal(world->app.message, "written: ", 9);
	expect_file(world, "plan.txt", "one\n\nthree\n");
	assert_int_equal(fstatat(world->scratch->fd, "plan.txt", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);	/* what is lost is nobody else's business */
	export(world, "~/home.txt");
	assert_memory_equal(world->app.message, "written: ", 9);
	expect_file(world, "home.txt", "one\n\nthree\n");
}

static void nothing_is_overwritten(void **state)
{
	struct world *world = *state;
	scratch_file(world->scratch, "there", "precious", 8);
	scratch_link(world->scratch, "link", "there");
	assert_non_null(strstr(export(world, "there"), ": not written: File exists"));
	assert_non_null(strstr(export(world, "link"), ": not written: File exists"));
	expect_file(world, "there", "precious");
	assert_non_null(strstr(export(world, "no/where"),
			       ": not written: No such file or directory"));
}

static void nothing_is_written_into_the_repository(void **state)
{
	static const char *const names[] = { "repo/plan.txt", "repo/data/plan.txt", "link/plan.txt",
					     "repo/data/../plan.txt", "~/repo/plan.txt" };
	struct world *world = *state;
	scratch_link(world->scratch, "link", "repo/data");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strstr(export(world, names[i]), " lies in the repository: choose another"))
			fail_msg("%s: %s", names[i], world->app.message);
		scratch_run("test -z \"$(find %s/repo -type f)\"", world->scratch->path);
	}
	assert_memory_equal(export(world, "repo/../plan.txt"), "written: ", 9);
	scratch_folder(world->scratch, "repository");	/* a name that begins like it */
	assert_memory_equal(export(world, "repository/plan.txt"), "written: ", 9);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines_are_written_to_a_new_file),
		TEST(nothing_is_overwritten),
		TEST(nothing_is_written_into_the_repository),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
