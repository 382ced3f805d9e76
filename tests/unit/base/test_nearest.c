/* Which word a person meant. */
#include "build-config.h"

#include "engine/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {
	"check", "compact", "create", "delete", "recover", "rollback", "salvage", "segments"
};

static const char *nearest_of(const char *word)
{
	struct nearest nearest = nearest_to(word, strlen(word));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_try(&nearest, words[i]);
	return nearest.best;
}

static void a_mistyped_word_is_known(void **state)
{
	static const struct { const char *typed, *meant; } cases[] = {
		{ "check", "check" }, { "chek", "check" }, { "chekc", "check" },
		{ "hceck", "check" }, { "checks", "check" }, { "chexk", "check" },
		{ "slavage", "salvage" }, { "salvge", "salvage" }, { "recove", "recover" },
		{ "rolback", "rollback" }, { "compakt", "compact" }, { "segmnts", "segments" },
		{ "craete", "create" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *best = nearest_of(cases[i].typed);
		if (!best || strcmp(best, cases[i].meant) != 0)
			fail_msg("%s: %s", cases[i].typed, best ? best : "none");
	}
	(void)state;
}

static void what_is_near_to_nothing_is_left_alone(void **state)
{
	static const char *const others[] = {
		"", "c", "repo", "backup", "check-everything", "/srv/repo", "xyz", "rm",
		"a word that is longer than any word that can be near to it",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (nearest_of(others[i]))
			fail_msg("%s: %s", others[i], nearest_of(others[i]));
	(void)state;
}

static void of_two_the_nearer_one_counts_and_only_so_many_bytes(void **state)
{
	struct nearest nearest = nearest_to("chack=5", 5);
	nearest_try(&nearest, "crack");
	assert_string_equal(nearest.best, "crack");
	nearest_try(&nearest, "shuck");
	assert_string_equal(nearest.best, "crack");
	nearest = nearest_to("segmants=5", 8);
	nearest_try(&nearest, "sediments");
	nearest_try(&nearest, "segments");
	assert_string_equal(nearest.best, "segments");
	assert_int_equal(nearest.distance, 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistyped_word_is_known),
		cmocka_unit_test(what_is_near_to_nothing_is_left_alone),
		cmocka_unit_test(of_two_the_nearer_one_counts_and_only_so_many_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
