#include "build-config.h"

#include "engine/repo/lock.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A lock of the kind that is a folder. */
struct world {
	const struct scratch *scratch;
	struct fault fault;
	struct lock *lock;
	struct lock_wait wait;
	struct as_error error;
	unsigned before_permit;	/* changes of other files while there was no permit */
};

static void watch(void *context, enum fault_change kind, const char *path)
{
	struct world *world = context;
	const size_t len = strlen(world->scratch->path);
	(void)kind;
	if (strncmp(path, world->scratch->path, len) == 0)
		path += path[len] ? len + 1 : len;
	world->before_permit += *path && strncmp(path, "lock.", 5) != 0;
}

static int setup(void **state)
{
	setenv("BORG_HOST_ID", "here", 1);
	if (scratch_setup(state) != 0)
		return -1;
	scratch_file(*state, "config", "[repository]\n", 13);
	return 0;
}

static void begin(struct world *world, const struct scratch *scratch, enum lock_use use)
{
	*world = (struct world){ .scratch = scratch };
	fault_init(&world->fault);
	world->fault.watch = watch;
	world->fault.watch_context = world;
	assert_int_equal(lock_open(&world->fault.io, scratch->fd, "repo", use, &world->lock, NULL),
			 AS_OK);
	assert_int_equal(lock_choose(world->lock, scratch->fd, LOCK_KIND_FOLDER, NULL), AS_OK);
	assert_int_equal(world->fault.changes, 0);
	assert_null(lock_permit(world->lock));
}

static void end(struct world *world)
{
	lock_release(world->lock);
	assert_int_equal(world->before_permit, 0);
	assert_int_equal(world->fault.opens, world->fault.closes);
	scratch_run("test ! -e '%s/lock.exclusive'", world->scratch->path);
}

static enum as_err upgrade(struct world *world)
{
	return lock_upgrade(world->lock, &world->wait, &world->error);
}

static void put_name(const struct scratch *scratch, const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "lock.exclusive/%s", name);
	scratch_file(scratch, path, "", 0);
}

static bool is_locked(const struct world *world)
{
	struct stat st;
	char path[64];
	snprintf(path, sizeof(path), "lock.exclusive/here.%ld-0", (long)getpid());
	return fstatat(world->scratch->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void to_read_none_is_taken(void **state)
{
	static const struct { enum lock_use use; enum lock_state state; } cases[] = {
		{ LOCK_TO_LOOK, LOCK_NONE }, { LOCK_TO_READ, LOCK_DEFERRED },
		{ LOCK_TO_WRITE, LOCK_DEFERRED },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		int sys = 7;
		begin(&world, *state, cases[i].use);
		assert_int_equal(lock_state(world.lock, &sys), cases[i].state);
		assert_int_equal(sys, 0);
		assert_false(is_locked(&world));
		end(&world);
	}
}

static void to_write_it_is_taken_and_given_back(void **state)
{
	struct world world;
	begin(&world, *state, LOCK_TO_READ);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(upgrade(&world), AS_OK);
		assert_int_equal(lock_state(world.lock, NULL), LOCK_EXCLUSIVE);
		assert_non_null(lock_permit(world.lock));
		assert_true(is_locked(&world));
		assert_true(lock_is_on(world.lock, world.scratch->fd));
		assert_int_equal(lock_holders(world.lock, NULL, 0), 0);
		lock_lower(world.lock);
		assert_int_equal(lock_state(world.lock, NULL), LOCK_DEFERRED);
		assert_null(lock_permit(world.lock));
		assert_false(is_locked(&world));
		assert_false(lock_is_on(world.lock, world.scratch->fd));
		lock_lower(world.lock);
	}
	assert_int_equal(upgrade(&world), AS_OK);
	end(&world);
}

static void without_a_config_it_can_be_taken(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	assert_int_equal(unlinkat(scratch->fd, "config", 0), 0);
	begin(&world, scratch, LOCK_TO_READ);
	assert_int_equal(lock_state(world.lock, NULL), LOCK_DEFERRED);
	assert_int_equal(upgrade(&world), AS_OK);
	assert_true(lock_is_on(world.lock, scratch->fd));
	end(&world);
}

static void who_only_looks_does_not_write(void **state)
{
	struct world world;
	begin(&world, *state, LOCK_TO_LOOK);
	assert_int_equal(upgrade(&world), AS_ERR_NO_LOCK);
	assert_int_equal(lock_break(world.lock, &world.error), AS_ERR_NO_LOCK);
	end(&world);
	begin(&world, *state, LOCK_TO_READ);
	lock_refuse(world.lock, "it is not ours");
	assert_int_equal(upgrade(&world), AS_ERR_INVALID_REPOSITORY);
	assert_string_equal(world.error.message, "repo: it is not ours");
	end(&world);
}

static void holders_are_seen_and_refuse_an_upgrade(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	struct lock_holder writer, rows[2];
	struct lock_seen seen;
	begin(&world, scratch, LOCK_TO_READ);
	assert_int_equal(lock_see(world.lock, &seen), AS_OK);
	assert_int_equal(seen.standing, STANDING_FREE);
	assert_false(lock_find_writer(world.lock, &writer));
	put_name(scratch, "here.4194290-0");
	assert_int_equal(lock_see(world.lock, &seen), AS_OK);
	assert_int_equal(seen.standing, STANDING_STALE);
	assert_int_equal(seen.holder.life, LOCK_LIFE_GONE);
	assert_true(seen.has_folder && !seen.has_roster);
	assert_false(lock_find_writer(world.lock, &writer));
	assert_int_equal(lock_holders(world.lock, rows, 2), 0);
	put_name(scratch, "there.7-0");
	assert_int_equal(lock_see(world.lock, &seen), AS_OK);
	assert_int_equal(seen.standing, STANDING_UNKNOWN);
	assert_true(seen.holder.is_elsewhere);
	assert_true(lock_find_writer(world.lock, &writer));
	assert_int_equal(writer.pid, 7);
	assert_int_equal(lock_holders(world.lock, rows, 2), 1);
	assert_string_equal(rows[0].id.host, "there");
	assert_int_equal(upgrade(&world), AS_ERR_LOCK_FAILED);
	assert_non_null(strstr(world.error.message, "process 7 on there"));
	assert_int_equal(lock_state(world.lock, NULL), LOCK_DEFERRED);
	assert_null(lock_permit(world.lock));
	assert_int_equal(lock_break(world.lock, &world.error), AS_OK);
	assert_int_equal(upgrade(&world), AS_OK);
	end(&world);
}

static void readers_are_no_writers(void **state)
{
	static const char text[] = "{\"shared\": [[\"there\", 7, 0]]}";
	const struct scratch *scratch = *state;
	struct world world;
	struct lock_holder holder;
	begin(&world, scratch, LOCK_TO_READ);
	scratch_file(scratch, "lock.roster", text, sizeof(text) - 1);
	assert_false(lock_find_writer(world.lock, &holder));
	assert_int_equal(lock_holders(world.lock, &holder, 1), 1);
	assert_false(holder.exclusive);
	assert_int_equal(upgrade(&world), AS_ERR_LOCK_FAILED);
	end(&world);
}

static void what_was_stale_is_told_after_the_upgrade(void **state)
{
	struct world world;
	struct lock_holder one;
	begin(&world, *state, LOCK_TO_READ);
	put_name(*state, "here.4194290-0");
	assert_int_equal(lock_count_stale(world.lock, &one), 0);
	assert_int_equal(upgrade(&world), AS_OK);
	assert_int_equal(lock_count_stale(world.lock, &one), 1);
	assert_int_equal(one.pid, 4194290);
	end(&world);
}

static void a_lock_that_was_broken_is_on_nothing(void **state)
{
	const struct scratch *scratch = *state;
	struct world world;
	begin(&world, scratch, LOCK_TO_READ);
	assert_int_equal(upgrade(&world), AS_OK);
	scratch_run("rm -r '%s/lock.exclusive' '%s/lock.roster'", scratch->path, scratch->path);
	assert_false(lock_is_on(world.lock, scratch->fd));
	end(&world);
}

static void a_damaged_lock_is_seen(void **state)
{
	struct world world;
	struct lock_seen seen;
	begin(&world, *state, LOCK_TO_READ);
	scratch_fifo(*state, "lock.roster");
	assert_int_equal(lock_see(world.lock, &seen), AS_OK);
	assert_int_equal(seen.standing, STANDING_DAMAGED);
	assert_string_equal(seen.damage, "lock.roster: is no regular file");
	assert_false(seen.holder.known);
	end(&world);
}

static void the_child_of_a_fork_leaves_it_to_its_parent(void **state)
{
	struct world world;
	int status;
	begin(&world, *state, LOCK_TO_READ);
	assert_int_equal(upgrade(&world), AS_OK);
	const pid_t pid = fork();
	if (pid == 0) {
		lock_release(world.lock);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_locked(&world));
	end(&world);
}

static void a_file_that_is_locked_to_write_stays_so(void **state)
{
	const struct scratch *scratch = *state;
	const struct lock_wait no_wait = { .ms = 0 };
	struct lock *lock;
	struct lock_seen seen;
	assert_int_equal(lock_open(&io_system, scratch->fd, "repo", LOCK_TO_WRITE, &lock, NULL),
			 AS_OK);
	assert_int_equal(lock_choose(lock, scratch->fd, LOCK_KIND_FILE, NULL), AS_OK);
	assert_int_equal(lock_break(lock, NULL), AS_ERR_USAGE);
	assert_int_equal(lock_see(lock, &seen), AS_OK);
	assert_int_equal(seen.standing, STANDING_FREE);
	assert_int_equal(lock_upgrade(lock, &no_wait, NULL), AS_OK);
	assert_int_equal(lock_choose(lock, scratch->fd, LOCK_KIND_FOLDER, NULL), AS_ERR_CHANGED);
	assert_int_equal(lock_state(lock, NULL), LOCK_EXCLUSIVE);
	lock_lower(lock);
	assert_int_equal(lock_choose(lock, scratch->fd, LOCK_KIND_FOLDER, NULL), AS_OK);
	assert_int_equal(lock_choose(lock, scratch->fd, LOCK_KIND_FILE, NULL), AS_ERR_CHANGED);
	lock_release(lock);
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_config(to_read_none_is_taken),
		with_config(to_write_it_is_taken_and_given_back),
		with_config(without_a_config_it_can_be_taken),
		with_config(who_only_looks_does_not_write),
		with_config(holders_are_seen_and_refuse_an_upgrade),
		with_config(readers_are_no_writers),
		with_config(what_was_stale_is_told_after_the_upgrade),
		with_config(a_lock_that_was_broken_is_on_nothing),
		with_config(a_damaged_lock_is_seen),
		with_config(the_child_of_a_fork_leaves_it_to_its_parent),
		with_config(a_file_that_is_locked_to_write_stays_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
