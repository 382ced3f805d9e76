#include "build-config.h"

#include "engine/repo/lock_folder.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define GONE "here.4194290-0"		/* no process has this number */
#define FOREIGN "there.7-0"

/* A lock of this process, and the calls that it makes. */
struct world {
	const struct scratch *scratch;
	struct fault fault;
	struct permit *permit;
	struct lock_folder lock;
	struct lock_wait wait;
	struct as_error error;
	const char *intruder;	/* a name that appears once the folder is in its place */
	bool has_strayed;	/* something was changed whose name does not begin with "lock." */
	char own[64];		/* the path of this process's file */
};

static void put_name(const struct scratch *scratch, const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "lock.exclusive/%s", name);
	scratch_file(scratch, path, "", 0);
}

static void watch(void *context, enum fault_change kind, const char *path)
{
	struct world *world = context;
	const size_t len = strlen(world->scratch->path);
	if (kind == FAULT_SYNC && strcmp(path, world->scratch->path) == 0 && world->intruder) {
		put_name(world->scratch, world->intruder);
		world->intruder = NULL;
	}
	if (strncmp(path, world->scratch->path, len) == 0)	/* that of a descriptor */
		path += path[len] ? len + 1 : len;
	if (*path && strncmp(path, "lock.", 5) != 0)
		world->has_strayed = true;
}

static int setup(void **state)
{
	setenv("BORG_HOST_ID", "here", 1);
	if (scratch_setup(state) != 0)
		return -1;
	scratch_file(*state, "config", "[repository]\n", 13);
	return 0;
}

static void begin(struct world *world, const struct scratch *scratch)
{
	*world = (struct world){ .scratch = scratch };
	fault_init(&world->fault);
	world->fault.watch = watch;
	world->fault.watch_context = world;
	world->permit = io_grant_permit(&world->fault.io, scratch->fd, 0600);
	assert_non_null(world->permit);
	snprintf(world->own, sizeof(world->own), "lock.exclusive/here.%ld-0", (long)getpid());
}

static void end(struct world *world)
{
	io_revoke_permit(world->permit);
	assert_false(world->has_strayed);
	assert_int_equal(world->fault.opens, world->fault.closes);
}

static enum as_err take(struct world *world)
{
	return lock_folder_take(&world->lock, world->permit, "repo", &world->wait, &world->error);
}

static bool exists(const struct world *world, const char *path)
{
	struct stat st;
	return fstatat(world->scratch->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void expect_roster(const struct world *world, const char *expected)
{
	char path[BUILDER_PATH + 16], text[512] = "";
	size_t len;
	snprintf(path, sizeof(path), "%s/lock.roster", world->scratch->path);
	uint8_t *bytes = builder_read_file(path, &len);
	assert_in_range(len, 1, sizeof(text) - 1);
	memcpy(text, bytes, len);
	free(bytes);
	assert_string_equal(text, expected);
}

/* It is taken in Borg's form, and nothing is left of it afterwards. */
static void expect_taken(struct world *world)
{
	char roster[128];
	const enum as_err err = take(world);
	if (err != AS_OK)
		fail_msg("%s", world->error.message);
	assert_true(exists(world, world->own));
	snprintf(roster, sizeof(roster), "{\"exclusive\": [[\"here\", %ld, 0]]}", (long)getpid());
	expect_roster(world, roster);
	assert_true(lock_folder_is_held(&world->lock, &world->fault.io, world->scratch->fd));
	scratch_run("test \"$(ls -A '%s' | tr '\\n' ' ')\" = 'config lock.exclusive lock.roster '",
		    world->scratch->path);
}

static void expect_left(struct world *world)
{
	lock_folder_leave(&world->lock, world->permit);
	assert_false(lock_folder_is_held(&world->lock, &world->fault.io, world->scratch->fd));
	scratch_run("test \"$(ls -A '%s')\" = config", world->scratch->path);
}

static void expect_refused(struct world *world, enum as_err code, const char *words)
{
	assert_int_equal(take(world), code);
	if (!strstr(world->error.message, words))
		fail_msg("%s", world->error.message);
	assert_false(lock_folder_is_held(&world->lock, &world->fault.io, world->scratch->fd));
	assert_int_equal(world->lock.stale_count, 0);
	scratch_run("! ls '%s' | grep -q tmp", world->scratch->path);
}

static void put_roster(const struct scratch *scratch, const char *text)
{
	scratch_file(scratch, "lock.roster", text, strlen(text));
}

static void a_free_lock_is_taken_and_left(void **state)
{
	struct world world;
	begin(&world, *state);
	for (int twice = 0; twice < 2; twice++) {
		expect_taken(&world);
		assert_int_equal(world.lock.stale_count, 0);
		expect_left(&world);
	}
	end(&world);
}

static void what_processes_that_are_gone_have_left_is_removed(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch);
	put_name(scratch, GONE);
	put_name(scratch, "here.04194291-00");	/* not as Borg spells it */
	put_roster(scratch, "{\"exclusive\": [[\"here\", 4194290, 0]], "
			    "\"shared\": [[\"here\", 4194292, 0]]}");
	expect_taken(&world);
	assert_int_equal(world.lock.stale_count, 3);
	assert_true(world.lock.stale.exclusive);
	expect_left(&world);
	put_roster(scratch, "{\"shared\": [[\"here\", 4194292, 0]]}");
	expect_taken(&world);
	assert_int_equal(world.lock.stale_count, 1);
	assert_false(world.lock.stale.exclusive);
	expect_left(&world);
	put_roster(scratch, "{\"exclusive\": [[");
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

static void a_holder_that_may_live_refuses_it_and_is_named(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	char text[128];
	begin(&world, scratch);
	snprintf(text, sizeof(text), "here.%ld-0", (long)getppid());
	put_name(scratch, text);
	snprintf(text, sizeof(text), "repo: the exclusive lock is held by process %ld (",
		 (long)getppid());
	expect_refused(&world, AS_ERR_LOCK_FAILED, text);
	assert_non_null(strstr(world.error.message, ", since 20"));
	scratch_run("rm -r '%s/lock.exclusive'", scratch->path);
	put_name(scratch, FOREIGN);
	put_name(scratch, GONE);
	expect_refused(&world, AS_ERR_LOCK_FAILED,
		       "repo: the exclusive lock is held by process 7 on there, since 20");
	assert_true(exists(&world, "lock.exclusive/" GONE));
	scratch_run("rm -r '%s/lock.exclusive'", scratch->path);
	put_roster(scratch, "{\"shared\": [[\"there\", 8, 0]]}");
	expect_refused(&world, AS_ERR_LOCK_FAILED,
		       "repo: a shared lock is held by process 8 on there; only there");
	put_roster(scratch, "{\"shared\": 8}");
	expect_refused(&world, AS_ERR_LOCK_FAILED, "repo/lock.roster: is no list of locks: nobody");
	scratch_run("rm '%s/lock.roster'", scratch->path);
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

static void a_process_with_the_number_of_an_older_one_is_said_to_be_another(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	char name[64];
	begin(&world, scratch);
	snprintf(name, sizeof(name), "here.%ld-0", (long)getppid());
	put_name(scratch, name);
	scratch_run("touch -d '2001-02-03 04:05' '%s/lock.exclusive/%s'", scratch->path, name);
	expect_refused(&world, AS_ERR_LOCK_FAILED, "that process began after the lock was taken");
	assert_int_equal(lock_folder_break(world.permit, "repo", &world.error), AS_OK);
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

/* In a container, where numbers are small, a process may find its own number. */
static void an_older_process_may_have_had_the_number_of_this_one(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	char text[64];
	begin(&world, scratch);
	scratch_file(scratch, world.own, "", 0);
	snprintf(text, sizeof(text), "{\"exclusive\": [[\"here\", %ld, 0]]}", (long)getpid());
	put_roster(scratch, text);
	expect_taken(&world);
	/* The lock of this process itself refuses another. */
	struct lock_folder second;
	const int fd = openat(scratch->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct permit *permit = io_grant_permit(&io_system, fd, 0600);
	assert_int_equal(lock_folder_take(&second, permit, "repo", &world.wait, &world.error),
			 AS_ERR_LOCK_FAILED);
	io_revoke_permit(permit);
	close(fd);
	expect_left(&world);
	end(&world);
}

static void an_empty_folder_is_left_alone_while_it_is_young(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch);
	scratch_folder(scratch, "lock.exclusive");
	expect_refused(&world, AS_ERR_LOCK_FAILED, "another process is taking the lock right now");
	assert_true(exists(&world, "lock.exclusive"));
	scratch_run("touch -d '1 minute ago' '%s/lock.exclusive'", scratch->path);
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

/* Borg 1.1 may have made the folder that this process replaced, and then puts its file there. */
static void a_second_name_in_the_folder_wins(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch);
	world.intruder = FOREIGN;
	expect_refused(&world, AS_ERR_LOCK_FAILED, "process 7 on there");
	assert_true(exists(&world, "lock.exclusive/" FOREIGN));
	assert_false(exists(&world, world.own));
	scratch_run("rm -r '%s/lock.exclusive'", scratch->path);
	world.intruder = GONE;
	expect_refused(&world, AS_ERR_LOCK_FAILED, "another process is taking the lock right now");
	assert_true(exists(&world, "lock.exclusive/" GONE));
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

/* The holder leaves while the process waits. */
static int let_go(void *context)
{
	struct world *world = context;
	if (exists(world, "lock.exclusive"))
		scratch_run("rm -r '%s/lock.exclusive'", world->scratch->path);
	return 0;
}

static int give_up(void *context)
{
	(void)context;
	return 1;
}

static void a_lock_is_waited_for(void **state)
{
	struct world world;
	begin(&world, *state);
	put_name(*state, FOREIGN);
	world.wait = (struct lock_wait){ .ms = 50 };
	expect_refused(&world, AS_ERR_LOCK_FAILED, "process 7 on there");
	world.wait = (struct lock_wait){ .ms = 60000, .interrupt = give_up };
	expect_refused(&world, AS_ERR_CANCELLED, "repo: ");
	world.wait = (struct lock_wait){ .ms = 60000, .interrupt = let_go, .context = &world };
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

static void a_broken_lock_is_no_longer_held_nor_left(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch);
	expect_taken(&world);
	scratch_run("rm -r '%s/lock.exclusive'", scratch->path);
	put_name(scratch, FOREIGN);
	put_roster(scratch, "{\"exclusive\": [[\"there\", 7, 0]]}");
	assert_false(lock_folder_is_held(&world.lock, &world.fault.io, scratch->fd));
	lock_folder_leave(&world.lock, world.permit);
	assert_true(exists(&world, "lock.exclusive/" FOREIGN));
	expect_roster(&world, "{\"exclusive\": [[\"there\", 7, 0]]}");
	end(&world);
}

static void a_machine_whose_name_fits_no_file_takes_no_lock(void **state)
{
	struct world world;
	begin(&world, *state);
	setenv("BORG_HOST_ID", "a/b", 1);
	expect_refused(&world, AS_ERR_USAGE, "BORG_HOST_ID");
	setenv("BORG_HOST_ID", "\xff", 1);
	expect_refused(&world, AS_ERR_USAGE, "repo/lock.roster");
	setenv("BORG_HOST_ID", "here", 1);
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

/* Each change fails once: the lock is not taken, and nothing is left of it. */
static void a_change_that_fails_leaves_nothing(void **state)
{
	const struct scratch *scratch = *state;
	enum as_err err = AS_ERR_NO_SPACE;
	unsigned at;
	for (at = 1; err != AS_OK; at++) {
		struct world world;
		begin(&world, scratch);
		put_name(scratch, GONE);
		put_roster(scratch, "{\"exclusive\": [[\"here\", 4194290, 0]]}");
		world.fault.fail_at = at;
		world.fault.fail_error = ENOSPC;
		err = take(&world);
		world.fault.fail_at = 0;
		if (err == AS_OK)
			lock_folder_leave(&world.lock, world.permit);
		else
			assert_int_equal(err, AS_ERR_NO_SPACE);
		assert_false(exists(&world, world.own));
		scratch_run("! ls '%s' | grep -q tmp", scratch->path);
		end(&world);
		scratch_run("rm -rf '%s/lock.exclusive' '%s/lock.roster'", scratch->path,
			    scratch->path);
	}
	assert_in_range(at, 10, 100);
}

/* The process dies before each change: what it leaves is no lock, or one that is taken over. */
static void a_crash_leaves_what_can_be_taken(void **state)
{
	const struct scratch *scratch = *state;
	for (unsigned at = 1, last = 2; at < last; at++) {
		struct world world;
		int status;
		begin(&world, scratch);
		const pid_t pid = fork();
		if (pid == 0) {
			world.fault.fail_at = at;
			world.fault.fail_for_good = true;
			if (take(&world) == AS_OK)
				lock_folder_leave(&world.lock, world.permit);
			_exit(world.fault.changes < at ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		last = at + 1 + (WEXITSTATUS(status) == 0);
		scratch_run("touch -c -d '1 minute ago' '%s'/lock.*",
			    scratch->path);
		scratch_run("rm -rf '%s'/lock.*.tmp", scratch->path);
		expect_taken(&world);
		expect_left(&world);
		end(&world);
	}
}

/* ---- breaking it ---- */

static void a_lock_that_nobody_can_vouch_for_is_broken(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch);
	put_name(scratch, FOREIGN);
	put_name(scratch, "odd");
	put_roster(scratch, "{\"shared\": 8}");
	assert_int_equal(lock_folder_break(world.permit, "repo", &world.error), AS_OK);
	assert_false(exists(&world, "lock.exclusive") || exists(&world, "lock.roster"));
	scratch_link(scratch, "lock.exclusive", "/");
	scratch_link(scratch, "lock.roster", "config");
	assert_int_equal(lock_folder_break(world.permit, "repo", &world.error), AS_OK);
	assert_true(exists(&world, "config"));
	assert_int_equal(lock_folder_break(world.permit, "repo", &world.error), AS_OK);
	expect_taken(&world);
	expect_left(&world);
	end(&world);
}

static void the_lock_of_a_living_process_is_not_broken(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	char text[64];
	begin(&world, scratch);
	put_name(scratch, FOREIGN);
	snprintf(text, sizeof(text), "{\"shared\": [[\"here\", %ld, 0]]}", (long)getppid());
	put_roster(scratch, text);
	assert_int_equal(lock_folder_break(world.permit, "repo", &world.error),
			 AS_ERR_LOCK_FAILED);
	snprintf(text, sizeof(text), "a shared lock is held by process %ld (", (long)getppid());
	assert_non_null(strstr(world.error.message, text));
	assert_true(exists(&world, "lock.exclusive/" FOREIGN));
	assert_true(exists(&world, "lock.roster"));
	end(&world);
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_config(a_free_lock_is_taken_and_left),
		with_config(what_processes_that_are_gone_have_left_is_removed),
		with_config(a_holder_that_may_live_refuses_it_and_is_named),
		with_config(a_process_with_the_number_of_an_older_one_is_said_to_be_another),
		with_config(an_older_process_may_have_had_the_number_of_this_one),
		with_config(an_empty_folder_is_left_alone_while_it_is_young),
		with_config(a_second_name_in_the_folder_wins),
		with_config(a_lock_is_waited_for),
		with_config(a_broken_lock_is_no_longer_held_nor_left),
		with_config(a_machine_whose_name_fits_no_file_takes_no_lock),
		with_config(a_change_that_fails_leaves_nothing),
		with_config(a_crash_leaves_what_can_be_taken),
		with_config(a_lock_that_nobody_can_vouch_for_is_broken),
		with_config(the_lock_of_a_living_process_is_not_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
