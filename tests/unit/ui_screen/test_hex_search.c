/* The search for bytes, whose rows are the bytes of a file. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/hex_search.h"
#include "ui/session/raw_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In the newest segment: the magic, two DELETEs, the PUT of "second", the COMMIT; 146 bytes. */
static struct model *search_model(struct world *world)
{
	open_session(world);
	struct model *model = hex_search_model(world->app.session,
					       world->app.session->repo->listing.count - 1, 146);
	assert_non_null(model);
	assert_int_equal(model_count(model), 146);
	return model;
}

/* Where @text begins in [@first, @first + @count); -1: nowhere. */
static int64_t find(struct model *model, const char *text, uint64_t first, uint64_t count,
		    bool backward)
{
	struct query query;
	uint64_t found = 0;
	assert_true(query_parse(text, &query));
	return model_find(model, &query, first, count, backward, &found) ? (int64_t)found : -1;
}

static void bytes_are_found_where_they_begin(void **state)
{
	struct model *model = search_model(*state);
	assert_int_equal(find(model, "\"ATTICSEG\"", 0, 146, false), 0);
	assert_int_equal(find(model, "\"second\"", 0, 146, false), 131);
	assert_int_equal(find(model, "x736563", 0, 146, false), 131);
	assert_int_equal(find(model, "\"nothing\"", 0, 146, false), -1);
	/* What begins in the batch may end behind it. */
	assert_int_equal(find(model, "\"second\"", 100, 32, false), 131);
	assert_int_equal(find(model, "\"second\"", 100, 31, false), -1);
	assert_int_equal(find(model, "\"second\"", 132, 14, false), -1);
	ref_release(model);
}

static void the_last_match_is_the_first_backward(void **state)
{
	struct model *model = search_model(*state);
	assert_int_equal(find(model, "\"T\"", 0, 8, false), 1);
	assert_int_equal(find(model, "\"T\"", 0, 8, true), 2);
	assert_int_equal(find(model, "\"T\"", 0, 2, true), 1);
	ref_release(model);
}

static void the_index_is_searched_too(void **state)
{
	struct world *world = *state;
	open_session(world);
	struct model *model = hex_search_model(world->app.session, RAW_INDEX,
					       world->app.session->repo->index.length);
	assert_int_equal(find(model, "\"ATTICIDX\"", 0, 100, false), 0);
	ref_release(model);
}

/* A batch is read into a window, which holds 64 KiB. */
static void each_batch_is_read(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY], *data = calloc(1, 200000);
	assert_non_null(data);
	memcpy(data + 150000, "needle", 6);
	builder_key(50, key);
	builder_put(world->small->builder, key, data, 200000);
	builder_transaction(world->small->builder);
	free(data);
	open_session(world);
	struct model *model = hex_search_model(world->app.session,
					       world->app.session->repo->listing.count - 1, 200049);
	assert_int_equal(find(model, "\"ATTICSEG\"", 0, 1000, false), 0);
	assert_int_equal(find(model, "\"needle\"", 150000, 1000, false), 8 + 41 + 150000);
	assert_int_equal(find(model, "\"ATTICSEG\"", 0, 1000, true), 0);
	ref_release(model);
}

static void a_file_that_is_gone_holds_nothing(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct model *model = search_model(world);
	builder_segment_path(world->small->builder, builder_head(world->small->builder), path);
	assert_int_equal(remove(path), 0);
	assert_int_equal(find(model, "\"ATTICSEG\"", 0, 146, false), -1);
	ref_release(model);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_found_where_they_begin),
		TEST(the_last_match_is_the_first_backward),
		TEST(the_index_is_searched_too),
		TEST(each_batch_is_read),
		TEST(a_file_that_is_gone_holds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
