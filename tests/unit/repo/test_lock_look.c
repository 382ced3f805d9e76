#include "build-config.h"

#include "engine/repo/lock_look.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Process 4194290 is never there: above the largest number that Linux gives by default. */
#define GONE "here.4194290-0"

static int setup(void **state)
{
	setenv("BORG_HOST_ID", "here", 1);
	return scratch_setup(state);
}

static void put_roster(const struct scratch *scratch, const char *text)
{
	scratch_file(scratch, "lock.roster", text, strlen(text));
}

static void put_name(const struct scratch *scratch, const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "lock.exclusive/%s", name);
	scratch_file(scratch, path, "", 0);
}

static struct lock_look look(const struct scratch *scratch)
{
	struct lock_look found;
	struct fault fault;
	fault_init(&fault);
	assert_int_equal(lock_look(&fault.io, scratch->fd, &found), AS_OK);
	assert_int_equal(fault.changes, 0);
	assert_int_equal(fault.opens, fault.closes);
	return found;
}

static void expect(const struct scratch *scratch, enum lock_standing standing, size_t count,
		   const char *damage)
{
	struct lock_look found = look(scratch);
	if (lock_look_standing(&found) != standing || found.count != count)
		fail_msg("standing %d, %zu holders", lock_look_standing(&found), found.count);
	assert_int_equal(found.is_damaged, damage != NULL);
	assert_string_equal(found.damage, damage ? damage : "");
	lock_look_free(&found);
}

static void without_folder_and_roster_nobody_holds_it(void **state)
{
	struct lock_look found = look(*state);
	assert_false(found.has_folder || found.has_roster);
	lock_look_free(&found);
	expect(*state, STANDING_FREE, 0, NULL);
	put_roster(*state, "{\"exclusive\": [], \"shared\": []}");
	expect(*state, STANDING_FREE, 0, NULL);
}

static void a_holder_in_folder_and_roster_is_one(void **state)
{
	put_name(*state, GONE);
	put_roster(*state, "{\"exclusive\": [[\"here\", 4194290, 0]]}");
	expect(*state, STANDING_STALE, 1, NULL);
	struct lock_look found = look(*state);
	assert_true(found.has_folder && found.has_roster && !found.is_empty);
	assert_int_equal(found.names, 1);
	assert_true(found.rows[0].exclusive);
	assert_int_equal(found.rows[0].life, LOCK_LIFE_GONE);
	assert_true(found.rows[0].since > 0);
	lock_look_free(&found);
}

static void the_strongest_holder_comes_first(void **state)
{
	char text[300];
	struct lock_look found;
	put_name(*state, GONE);
	put_roster(*state, "{\"shared\": [[\"here\", 4194291, 0], [\"there\", 7, 0]]}");
	expect(*state, STANDING_UNKNOWN, 3, NULL);
	snprintf(text, sizeof(text),
		 "{\"shared\": [[\"there\", 7, 0], [\"here\", %ld, 0], [\"here\", 4194291, 0]]}",
		 (long)getpid());
	put_roster(*state, text);
	found = look(*state);
	assert_int_equal(lock_look_standing(&found), STANDING_HELD);
	assert_int_equal(found.count, 4);
	assert_int_equal(found.rows[0].pid, getpid());
	assert_false(found.rows[0].exclusive);
	assert_true(found.rows[1].is_elsewhere);
	assert_true(found.rows[2].exclusive);
	assert_int_equal(found.rows[3].pid, 4194291);
	lock_look_free(&found);
	put_name(*state, "there.8-0");
	found = look(*state);
	assert_true(found.rows[0].exclusive);
	assert_string_equal(found.rows[0].id.host, "there");
	lock_look_free(&found);
}

static void an_empty_folder_is_a_lock_of_nobody(void **state)
{
	scratch_folder(*state, "lock.exclusive");
	struct lock_look found = look(*state);
	assert_true(found.is_empty);
	assert_true(found.folder_time.tv_sec > 0);
	lock_look_free(&found);
	expect(*state, STANDING_STALE, 0, NULL);
}

static void a_roster_that_is_no_json_is_empty(void **state)
{
	put_roster(*state, "{\"exclusive\": [[");
	expect(*state, STANDING_FREE, 0, NULL);
	put_roster(*state, "");
	expect(*state, STANDING_FREE, 0, NULL);
}

/* ---- damage ---- */

static void a_name_that_is_no_holder_is_damage(void **state)
{
	put_name(*state, "somebody");
	expect(*state, STANDING_DAMAGED, 0, "lock.exclusive/somebody: names no process");
	put_name(*state, GONE);
	expect(*state, STANDING_DAMAGED, 1, "lock.exclusive/somebody: names no process");
	put_name(*state, "there.1-0");
	expect(*state, STANDING_UNKNOWN, 2, "lock.exclusive/somebody: names no process");
}

static void a_folder_or_a_link_in_the_place_of_a_holder_is_damage(void **state)
{
	scratch_folder(*state, "lock.exclusive/" GONE);
	expect(*state, STANDING_DAMAGED, 0, "lock.exclusive/" GONE ": names no process");
	scratch_run("rmdir '%s/lock.exclusive/" GONE "'", ((struct scratch *)*state)->path);
	scratch_link(*state, "lock.exclusive/" GONE, "/etc/passwd");
	expect(*state, STANDING_DAMAGED, 0, "lock.exclusive/" GONE ": names no process");
}

static void more_names_than_a_lock_has_are_not_read(void **state)
{
	const struct scratch *scratch = *state;
	put_name(scratch, GONE);
	scratch_run("cd '%s/lock.exclusive' && seq -f here.%%.0f-1 1000 | xargs touch",
		    scratch->path);
	struct lock_look found = look(scratch);
	assert_true(found.is_damaged);
	assert_string_equal(found.damage, "lock.exclusive: holds more names than a lock has");
	assert_in_range(found.count, 1, 256);
	assert_int_equal(found.names, 257);
	lock_look_free(&found);
}

static void what_is_no_folder_is_damage(void **state)
{
	const struct scratch *scratch = *state;
	scratch_file(scratch, "lock.exclusive", "", 0);
	expect(scratch, STANDING_DAMAGED, 0, "lock.exclusive: is not a folder");
	scratch_run("rm '%s/lock.exclusive'", scratch->path);
	scratch_link(scratch, "lock.exclusive", "/");
	expect(scratch, STANDING_DAMAGED, 0, "lock.exclusive: is not a folder");
	scratch_run("rm '%s/lock.exclusive'", scratch->path);
	scratch_fifo(scratch, "lock.exclusive");
	expect(scratch, STANDING_DAMAGED, 0, "lock.exclusive: is not a folder");
}

static void what_is_no_file_is_no_roster(void **state)
{
	const struct scratch *scratch = *state;
	scratch_folder(scratch, "lock.roster");
	expect(scratch, STANDING_DAMAGED, 0, "lock.roster: is no regular file");
	scratch_run("rmdir '%s/lock.roster'", scratch->path);
	scratch_link(scratch, "lock.roster", "/etc/passwd");
	expect(scratch, STANDING_DAMAGED, 0, "lock.roster: is no regular file");
	scratch_run("rm '%s/lock.roster'", scratch->path);
	scratch_fifo(scratch, "lock.roster");
	expect(scratch, STANDING_DAMAGED, 0, "lock.roster: is no regular file");
}

static void a_hostile_roster_is_damage(void **state)
{
	const struct scratch *scratch = *state;
	put_roster(scratch, "{\"shared\": 7}");
	expect(scratch, STANDING_DAMAGED, 0, "lock.roster: is no list of locks");
	put_name(scratch, "odd");	/* the first damage is named */
	expect(scratch, STANDING_DAMAGED, 0, "lock.exclusive/odd: names no process");
	scratch_run("rm -r '%s/lock.exclusive'", scratch->path);
	scratch_run("truncate -s 1T '%s/lock.roster'", scratch->path);
	expect(scratch, STANDING_DAMAGED, 0, "lock.roster: is longer than a list of locks can be");
}

/* Only its owner may look: a living process may hold it. */
static void what_this_user_may_not_see_is_denied(void **state)
{
	static const char *const paths[] = { "lock.exclusive", "lock.roster" };
	struct scratch *scratch = *state;
	put_name(scratch, GONE);
	put_roster(scratch, "{}");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct lock_look look;
		struct fault fault;
		fault_init(&fault);
		fault.open_path = paths[i];
		fault.open_error = EACCES;
		assert_int_equal(lock_look(&fault.io, scratch->fd, &look), AS_OK);
		assert_true(look.is_denied);
		assert_int_equal(lock_look_standing(&look), STANDING_DAMAGED);
		assert_non_null(strstr(look.damage, paths[i]));
		lock_look_free(&look);
	}
}

static void what_cannot_be_read_is_damage(void **state)
{
	struct fault fault;
	struct lock_look found;
	put_name(*state, GONE);
	put_roster(*state, "{}");
	fault_init(&fault);
	fault.bad_listing = 1;
	fault.bad_length = 1;
	assert_int_equal(lock_look(&fault.io, ((struct scratch *)*state)->fd, &found), AS_OK);
	assert_true(found.is_damaged && !found.is_empty);
	assert_int_equal(strncmp(found.damage, "lock.exclusive: ", 16), 0);
	lock_look_free(&found);
	fault_init(&fault);
	fault.bad_length = 1;
	assert_int_equal(lock_look(&fault.io, ((struct scratch *)*state)->fd, &found), AS_OK);
	assert_true(found.is_damaged);
	assert_int_equal(strncmp(found.damage, "lock.roster: ", 13), 0);
	lock_look_free(&found);
	fault_init(&fault);
	fault.open_error = EACCES;
	assert_int_equal(lock_look(&fault.io, ((struct scratch *)*state)->fd, &found), AS_OK);
	assert_int_equal(lock_look_standing(&found), STANDING_DAMAGED);
	lock_look_free(&found);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(without_folder_and_roster_nobody_holds_it),
		with_folder(a_holder_in_folder_and_roster_is_one),
		with_folder(the_strongest_holder_comes_first),
		with_folder(an_empty_folder_is_a_lock_of_nobody),
		with_folder(a_roster_that_is_no_json_is_empty),
		with_folder(a_name_that_is_no_holder_is_damage),
		with_folder(a_folder_or_a_link_in_the_place_of_a_holder_is_damage),
		with_folder(more_names_than_a_lock_has_are_not_read),
		with_folder(what_is_no_folder_is_damage),
		with_folder(what_is_no_file_is_no_roster),
		with_folder(a_hostile_roster_is_damage),
		with_folder(what_this_user_may_not_see_is_denied),
		with_folder(what_cannot_be_read_is_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
