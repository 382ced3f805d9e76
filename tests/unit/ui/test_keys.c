#include "build-config.h"

#include "screen/screens.h"
#include "ui/keys.h"
#include "ui/screen_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void no_key_has_two_meanings_on_a_screen(void **state)
{
	for (size_t a = 0; a < key_count; a++)
		for (size_t b = a; b < key_count; b++)
			for (size_t i = 0; i < KEYS_MAX; i++)
				for (size_t k = a == b ? i + 1 : 0; k < KEYS_MAX; k++)
					if (key_table[a].keys[i] &&
					    key_table[a].keys[i] == key_table[b].keys[k] &&
					    key_table[a].screens & key_table[b].screens)
						fail_msg("key %d: \"%s\" and \"%s\"",
							 key_table[a].keys[i], key_table[a].help,
							 key_table[b].help);
	(void)state;
}

static void every_row_is_whole(void **state)
{
	for (size_t i = 0; i < key_count; i++) {
		const struct key_row *row = &key_table[i];
		assert_true(row->help && row->help[0]);
		assert_true(strlen(row->help) <=
			    46); /* the help screen's column at 80 characters */
		assert_true(row->screens != 0 && (row->screens & ~ON_ALL) == 0);
		assert_true(row->keys[0] ? row->label && row->label[0] : row->name != NULL);
		assert_true(!row->label || strlen(row->label) <= 7);
		assert_true(!row->hint || row->hint[0]);
		assert_true(!row->argument || row->name);
		assert_non_null(row->run);
	}
	(void)state;
}

static void names_are_found_whole_and_by_their_beginning(void **state)
{
	for (size_t i = 0; i < key_count; i++)
		if (key_table[i].name)
			assert_ptr_equal(keys_find_name(key_table[i].name), &key_table[i]);
	assert_string_equal(keys_find_name("seg")->name, "segments");
	assert_string_equal(keys_find_name("q")->name, "quit");
	assert_null(keys_find_name("h"));	/* help, hex, hints, history */
	assert_null(keys_find_name("nonsense"));
	(void)state;
}

static void the_prompt_knows_the_commands_of_the_command_line(void **state)
{
	static const char *const names[] = {
		"info", "segments", "entries", "index", "hints", "check", "history", "help",
		"recover", "rollback", "compact", "salvage", "undo", "undo-list", "undo-purge"
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(keys_find_name(names[i]));
	(void)state;
}

static void every_screen_is_complete_and_every_view_has_its_digit_everywhere(void **state)
{
	for (int kind = 0; kind < SCREEN_KINDS; kind++) {
		const struct screen_ops *ops = screen_table[kind];
		assert_non_null(ops);
		assert_true(ops->title && ops->draw);
		assert_true(ops->size >= (ops->columns ? sizeof(struct table_screen)
						       : sizeof(struct screen)));
		for (int from = 0; ops->digit && from < SCREEN_KINDS; from++) {
			const struct key_row *row = keys_find(ops->digit, (enum screen_kind)from);
			assert_non_null(row);
			assert_int_equal(row->value, kind);
		}
	}
	(void)state;
}

/* Entry and Help have no digit: Enter in the list of entries and "?" lead there. */
static void every_screen_can_be_left_and_explains_itself(void **state)
{
	for (int kind = 0; kind < SCREEN_KINDS; kind++) {
		assert_non_null(keys_find('q', (enum screen_kind)kind));
		assert_non_null(keys_find(27, (enum screen_kind)kind));
		assert_non_null(keys_find('?', (enum screen_kind)kind));
		assert_non_null(keys_find('x', (enum screen_kind)kind));
	}
	assert_int_equal(entries_screen.opens, SCREEN_ENTRY);
	(void)state;
}

static void enter_does_something_wherever_it_is_bound(void **state)
{
	for (int kind = 0; kind < SCREEN_KINDS; kind++)
		assert_int_equal(keys_find('\n', (enum screen_kind)kind) != NULL,
				 screen_table[kind]->enter || screen_table[kind]->opens);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_has_two_meanings_on_a_screen),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(names_are_found_whole_and_by_their_beginning),
		cmocka_unit_test(the_prompt_knows_the_commands_of_the_command_line),
		cmocka_unit_test(every_screen_is_complete_and_every_view_has_its_digit_everywhere),
		cmocka_unit_test(every_screen_can_be_left_and_explains_itself),
		cmocka_unit_test(enter_does_something_wherever_it_is_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
