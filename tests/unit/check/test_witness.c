#include "build-config.h"

#include "engine/check/witness.h"
#include "tests/support/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	struct builder *builder;
};

/* @count objects from number @first on, in a repository @name. */
static struct builder *make(const struct world *world, const char *name, unsigned first,
			    unsigned count, char path[BUILDER_PATH])
{
	uint8_t key[BUILDER_KEY];
	snprintf(path, BUILDER_PATH, "%.400s/%s", world->folder, name);
	struct builder *builder = builder_new(path, 100, 10000);
	for (unsigned i = first; i < first + count; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 100);
	}
	builder_transaction(builder);
	return builder;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	builder_make_folder(world->folder);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	builder_free(world->builder);
	builder_remove_folder(world->folder);
	free(world);
	return 0;
}

static void look(const struct world *world, bool verified, struct witness list[WITNESSES_MAX],
		 size_t count)
{
	const struct repo_options options = { .no_lock = true };
	struct verify_progress progress = { .cancel = false };
	struct verify *verify = NULL;
	struct repo *opened;
	struct as_error error;
	assert_int_equal(repo_open(world->repo, &options, &opened, &error), AS_OK);
	if (verified)
		assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	assert_int_equal(witness_list(opened, verify, NULL, list), count);
	verify_free(verify);
	repo_close(opened);
}

static void says(const struct witness *witness, const char *file, const char *expected)
{
	char text[WITNESS_TEXT];
	witness_text(witness, text);
	assert_string_equal(witness->file, file);
	assert_string_equal(text, expected);
}

/* Put the index of repository @other in the place of ours. */
static void borrow_index(const struct world *world, const char *other, const char *name)
{
	char from[2 * BUILDER_PATH], to[2 * BUILDER_PATH];
	snprintf(from, sizeof(from), "%s/%s", other, name);
	snprintf(to, sizeof(to), "%s/%s", world->repo, name);
	assert_int_equal(rename(from, to), 0);
}

static void an_index_that_fits_is_credible(void **state)
{
	struct world *world = *state;
	struct witness list[WITNESSES_MAX];
	world->builder = make(world, "repo", 0, 50, world->repo);
	look(world, false, list, 2);
	says(&list[0], "index.0", "credible, 50 of 50 mappings confirmed");
	says(&list[1], "hints.0", "not known without verifying all");
	assert_false(list[0].is_sample);
	look(world, true, list, 2);
	says(&list[0], "index.0", "credible, 50 of 50 mappings confirmed, knows 50 of 50 objects");
	says(&list[1], "hints.0", "credible, 1 of 1 count right");
}

static void an_index_of_elsewhere_is_foreign_at_a_glance(void **state)
{
	struct world *world = *state;
	struct witness list[WITNESSES_MAX];
	char other[BUILDER_PATH];
	world->builder = make(world, "repo", 0, 50, world->repo);
	builder_free(make(world, "other", 1000, 40, other));
	borrow_index(world, other, "index.0");
	look(world, false, list, 2);
	says(&list[0], "index.0", "foreign, 0 of 40 mappings confirmed");
	look(world, true, list, 2);
	says(&list[0], "index.0", "foreign, 0 of 40 mappings confirmed, knows 0 of 50 objects");
}

/* Nothing contradicts an empty index: that is no credit. */
static void an_empty_index_beside_a_full_log_is_foreign(void **state)
{
	struct world *world = *state;
	struct witness list[WITNESSES_MAX];
	char other[BUILDER_PATH], hints[2 * BUILDER_PATH];
	world->builder = make(world, "repo", 0, 50, world->repo);
	builder_free(make(world, "other", 0, 0, other));
	borrow_index(world, other, "index.0");
	look(world, false, list, 2);
	says(&list[0], "index.0", "foreign, 0 of 0 mappings confirmed");
	snprintf(hints, sizeof(hints), "%s/hints.0", world->repo);
	assert_int_equal(unlink(hints), 0);
	look(world, false, list, 1);
	assert_int_equal(list[0].credit, CREDIT_NONE);
}

static void of_a_large_index_a_sample_is_looked_at(void **state)
{
	struct world *world = *state;
	struct witness list[WITNESSES_MAX];
	char name[24];
	world->builder = make(world, "repo", 0, 3000, world->repo);
	look(world, false, list, 2);
	snprintf(name, sizeof(name), "index.%u", builder_head(world->builder));
	says(&list[0], name, "credible, 1,000 of 1,000 looked at confirmed");
	assert_true(list[0].is_sample);
	/* One that is too large to be read whole has its mappings far apart. */
	builder_write_index(world->builder, builder_head(world->builder), 100003);
	look(world, false, list, 2);
	assert_true(list[0].is_sample);
	assert_int_equal(list[0].confirmed, list[0].of);
	assert_in_range(list[0].of, 500, WITNESS_PROBES);
	assert_int_equal(list[0].credit, CREDIT_CREDIBLE);
}

/* Damage in the log is no fault of the index; what is older or unusable is said to be so. */
static void damage_costs_no_credit(void **state)
{
	struct world *world = *state;
	struct witness list[WITNESSES_MAX];
	uint8_t key[BUILDER_KEY];
	char path[2 * BUILDER_PATH];
	world->builder = make(world, "repo", 0, 50, world->repo);
	builder_segment_path(world->builder, 0, path);
	builder_zero(path, 8 + 10 * 141, 20 * 141);
	look(world, false, list, 2);
	says(&list[0], "index.0", "credible, 30 of 30 mappings confirmed");
	builder_key(7, key);
	builder_put_some(world->builder, key, 10);
	builder_commit(world->builder);
	look(world, false, list, 2);
	assert_int_equal(list[0].credit, CREDIT_OLDER);
	says(&list[1], "hints.0", "older");
	snprintf(path, sizeof(path), "%s/index.0", world->repo);
	builder_flip(path, 0, 0xff);
	look(world, false, list, 2);
	says(&list[0], "index.0", "damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_index_that_fits_is_credible, setup, teardown),
		cmocka_unit_test_setup_teardown(an_index_of_elsewhere_is_foreign_at_a_glance, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_index_beside_a_full_log_is_foreign, setup,
						teardown),
		cmocka_unit_test_setup_teardown(of_a_large_index_a_sample_is_looked_at, setup,
						teardown),
		cmocka_unit_test_setup_teardown(damage_costs_no_credit, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
