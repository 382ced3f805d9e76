/* The keys that begin with a prefix, in the index and in the log. */
#include "build-config.h"

#include "src/key_matches.h"
#include "tests/support/opened_repo.h"
#include "tests/support/small_repo.h"
#include "tests/unit/src/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many of the small repository's objects begin with the first @nibbles of object @number's
 * key. */
static unsigned expected(unsigned number, unsigned nibbles)
{
	const struct key_prefix prefix = small_repo_prefix(number, nibbles);
	unsigned count = 0;
	for (unsigned i = 0; i < 20; i++) {
		uint8_t key[BUILDER_KEY];
		builder_key(i, key);
		count += i != 5 && key_prefix_matches(&prefix, key);
	}
	return count;
}

static void expect_matches(const struct key_matches *matches, unsigned count)
{
	assert_int_equal(matches->count, count);
	for (unsigned i = 0; i < count && i < KEY_MATCHES_KEPT; i++) {
		assert_true(key_prefix_matches(matches->prefix, matches->keys[i]));
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(matches->keys[i], matches->keys[j], KEY_SIZE);
	}
}

static void index_and_log_know_the_same(void **state)
{
	struct small_repo *world = *state;
	struct opened_repo opened;
	struct key_matches matches;
	assert_true(opened_repo_open(&opened, world->path));
	for (unsigned number = 0; number < 20; number++)
		for (unsigned nibbles = 1; nibbles <= 64; nibbles += 21) {
			const struct key_prefix prefix = small_repo_prefix(number, nibbles);
			key_matches_in_index(opened.repo, &prefix, &matches);
			expect_matches(&matches, expected(number, nibbles));
			key_matches_in_log(opened.verify, &prefix, &matches);
			expect_matches(&matches, expected(number, nibbles));
		}
	opened_repo_close(&opened);
}

/* All are counted, and the first four are kept. */
static void more_than_four_are_counted(void **state)
{
	struct small_repo *world = *state;
	const struct key_prefix every = { .nibbles = 0 };
	struct { struct key_matches matches; uint8_t behind[KEY_SIZE * 20]; } room;
	memset(&room, 0x5a, sizeof(room));
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	key_matches_in_index(world->repo, &every, &room.matches);
	expect_matches(&room.matches, 19);
	for (size_t i = 0; i < sizeof(room.behind); i++)
		assert_int_equal(room.behind[i], 0x5a);
}

static void without_an_index_there_are_none_in_it(void **state)
{
	struct small_repo *world = *state;
	struct key_matches matches;
	const struct key_prefix prefix = small_repo_prefix(6, 64);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	key_matches_in_index(world->repo, &prefix, &matches);
	assert_int_equal(matches.count, 1);
	index_close(&world->repo->index);
	world->repo->index.fd = -1;
	key_matches_in_index(world->repo, &prefix, &matches);
	assert_int_equal(matches.count, 0);
}

/* A person may ask for what is lost, too. */
static void a_lost_key_is_one_of_the_log(void **state)
{
	struct small_repo *world = *state;
	struct opened_repo opened;
	struct key_matches matches;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char path[BUILDER_PATH];
	const struct key_prefix prefix = small_repo_prefix(7, 64);
	builder_key(7, key);
	assert_true(builder_find(world->builder, key, &segment, &offset));
	builder_segment_path(world->builder, segment, path);
	builder_flip(path, offset + 100, 1);
	assert_true(opened_repo_open(&opened, world->path));
	assert_int_equal(opened.verify->lost, 1);
	key_matches_in_log(opened.verify, &prefix, &matches);
	expect_matches(&matches, 1);
	opened_repo_close(&opened);
}

static void the_first_four_are_listed(void **state)
{
	struct key_matches matches = { .count = 2, .keys = { { 0xab }, { 0 } } };
	messages_begin();
	key_matches_report(&matches, "a");
	assert_string_equal(messages_end(),
		"atticscope: a is the beginning of 2 keys:\n"
		"atticscope:   ab00000000000000000000000000000000000000000000000000000000000000\n"
		"atticscope:   0000000000000000000000000000000000000000000000000000000000000000 "
		"(the manifest)\n");
	matches.count = 4;
	messages_begin();
	key_matches_report(&matches, "a");
	assert_null(strstr(messages_end(), " more"));
	matches.count = 7;
	messages_begin();
	key_matches_report(&matches, "a");
	const char *said = messages_end();
	assert_non_null(strstr(said, "is the beginning of 7 keys:\n"));
	assert_non_null(strstr(said, "atticscope:   and 3 more\n"));
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(index_and_log_know_the_same),
		TEST(more_than_four_are_counted),
		TEST(without_an_index_there_are_none_in_it),
		TEST(a_lost_key_is_one_of_the_log),
		cmocka_unit_test(the_first_four_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
