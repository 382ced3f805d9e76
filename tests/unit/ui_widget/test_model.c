/* Rows of a table: their cells, and how one is searched for. */
#include "build-config.h"

#include "ui/widget/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_cell_keeps_its_text_and_style(void **state)
{
	struct row row = { .used = 0 };
	assert_string_equal(row_cell(&row, 3), "");
	row_set(&row, 3, STYLE_BAD, "%s %d", "tx", 46);
	row_set(&row, 0, STYLE_NORMAL, "first");
	row_mask(&row, 5, STYLE_FAINT, "a\tb\033");
	assert_string_equal(row_cell(&row, 3), "tx 46");
	assert_int_equal(row.cell_style[3], STYLE_BAD);
	assert_string_equal(row_cell(&row, 0), "first");
	assert_string_equal(row_cell(&row, 5), "a\\x09b\\x1b");
	assert_string_equal(row_cell(&row, 1), "");
	row_set(&row, 1, STYLE_BAD, "%s", "");		/* nothing to show is no cell */
	assert_int_equal(row.cell[1], 0);
	(void)state;
}

/* What has no room is cut off; cells after it stay empty, and nothing is overwritten. */
static void a_row_holds_a_thousand_bytes(void **state)
{
	struct row row = { .used = 0 };
	char text[600];
	memset(text, 'x', sizeof(text) - 1);
	text[599] = '\0';
	row_set(&row, 0, STYLE_NORMAL, "%s", text);
	row_set(&row, 1, STYLE_NORMAL, "%s", text);
	row_set(&row, 2, STYLE_NORMAL, "late");
	assert_int_equal(strlen(row_cell(&row, 0)), 599);
	assert_int_equal(strlen(row_cell(&row, 1)), ROW_TEXT - 1 - 600 - 1);
	assert_string_equal(row_cell(&row, 2), "");
	assert_int_equal(row.used, ROW_TEXT);
	row = (struct row){ .used = 0 };
	row_set(&row, 0, STYLE_NORMAL, "%1021s", "x");	/* one byte is left, for no text */
	row_set(&row, 1, STYLE_NORMAL, "late");
	assert_int_equal(row.cell[1], 0);
	assert_int_equal(strlen(row_cell(&row, 0)), 1021);
	(void)state;
}

static struct query query_of(const char *text)
{
	struct query query;
	assert_true(query_parse(text, &query));
	return query;
}

static void a_row_matches_by_a_cell_or_by_its_key(void **state)
{
	struct row row = { .used = 0 };
	const uint8_t key[KEY_SIZE] = { 0xab, 0xcd };
	struct query query = query_of("0");
	assert_false(row_matches(&row, &query));	/* it has no key, not one of zeros */
	query = query_of("abc");
	assert_false(row_matches(&row, &query));
	place_set_key(&row.place, key);
	assert_true(row_matches(&row, &query));
	query = query_of("abd");
	assert_false(row_matches(&row, &query));
	row_set(&row, 11, STYLE_NORMAL, "12 ABD 13");	/* the last cell, in any case */
	assert_true(row_matches(&row, &query));
	query = query_of("12abd");			/* not over the ends of cells */
	row_set(&row, 10, STYLE_NORMAL, "12");
	assert_false(row_matches(&row, &query));
	(void)state;
}

/* Row i has the text of its number. */
static void fill(struct model *model, uint64_t i, struct row *row)
{
	(void)model;
	row_set(row, 0, STYLE_NORMAL, "row %u.", (unsigned)i);
}

static bool find_seven(struct model *model, const struct query *query, uint64_t first,
		       uint64_t count, bool backward, uint64_t *row)
{
	(void)model;
	(void)query;
	(void)first;
	(void)count;
	(void)backward;
	*row = 7;
	return true;
}

static void fetch(struct model *model, uint64_t first, size_t count, struct row *rows)
{
	(void)model;
	for (size_t i = 0; i < count; i++)
		row_set(&rows[i], 0, STYLE_NORMAL, "%u of %u", (unsigned)(first + i),
			(unsigned)count);
}

static unsigned freed;
static void count_free(struct model *model)
{
	(void)model;
	freed++;
}

static void rows_are_filled_one_by_one_or_together(void **state)
{
	static const struct model_ops single = { .fill = fill }, many = { .fetch = fetch };
	struct model model = { .ops = &single };
	struct row rows[3];
	memset(rows, 0, sizeof(rows));
	model_fetch(&model, 5, 3, rows);
	assert_string_equal(row_cell(&rows[0], 0), "row 5.");
	assert_string_equal(row_cell(&rows[2], 0), "row 7.");
	model.ops = &many;
	memset(rows, 0, sizeof(rows));
	model_fetch(&model, 5, 3, rows);
	assert_string_equal(row_cell(&rows[1], 0), "6 of 3");
	(void)state;
}

static void the_first_or_the_last_row_that_matches_is_found(void **state)
{
	static const struct model_ops plain = { .fill = fill }, own = { .find = find_seven };
	struct model model = { .ops = &plain };
	const struct query query = query_of("1");
	uint64_t found = 99;
	assert_true(model_find(&model, &query, 0, 30, false, &found));
	assert_int_equal(found, 1);
	assert_true(model_find(&model, &query, 2, 28, false, &found));
	assert_int_equal(found, 10);
	assert_true(model_find(&model, &query, 0, 30, true, &found));
	assert_int_equal(found, 21);
	assert_true(model_find(&model, &query, 0, 21, true, &found));
	assert_int_equal(found, 19);
	assert_false(model_find(&model, &query, 2, 8, true, &found));
	assert_false(model_find(&model, &query, 2, 8, false, &found));
	assert_false(model_find(&model, &query, 0, 0, false, &found));
	model.ops = &own;
	assert_true(model_find(&model, &query, 20, 3, false, &found));
	assert_int_equal(found, 7);
	(void)state;
}

static void free_nothing(void *session)
{
	(void)session;
}

static void a_model_holds_its_session(void **state)
{
	static const struct model_ops ops = { .fill = fill, .free = count_free };
	struct session *session = ref_new(sizeof(*session), free_nothing);
	assert_non_null(session);
	struct model *model = model_new(&ops, sizeof(*model), session);
	assert_non_null(model);
	assert_int_equal(model_count(model), 0);
	assert_int_equal(model_count(NULL), 0);
	assert_int_equal(atomic_load(&session->ref.count), 2);
	freed = 0;
	ref_release(model);
	assert_int_equal(freed, 1);
	assert_int_equal(atomic_load(&session->ref.count), 1);
	ref_release(session);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_keeps_its_text_and_style),
		cmocka_unit_test(a_row_holds_a_thousand_bytes),
		cmocka_unit_test(a_row_matches_by_a_cell_or_by_its_key),
		cmocka_unit_test(rows_are_filled_one_by_one_or_together),
		cmocka_unit_test(the_first_or_the_last_row_that_matches_is_found),
		cmocka_unit_test(a_model_holds_its_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
