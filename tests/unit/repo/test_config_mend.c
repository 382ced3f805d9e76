#include "build-config.h"

#include "tests/support/scratch.h"
#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- from the folders ---- */

#define SEGMENTS_MAX 40

static const struct {
	const char *name;
	struct { uint32_t number; uint64_t folder; } segments[SEGMENTS_MAX];
	size_t count;
	uint32_t segments_per_dir, low, high;
	size_t misfits;
} cases[] = {
	{ "none", { { 0, 0 } }, 0, 10000, 1, INT32_MAX, 0 },
	{ "one folder", { { 0, 0 }, { 1, 0 }, { 7, 0 } }, 3, 10000, 8, INT32_MAX, 0 },
	{ "three a folder", { { 0, 0 }, { 2, 0 }, { 3, 1 }, { 5, 1 }, { 6, 2 } }, 5, 3, 3, 3, 0 },
	{ "several fit", { { 5, 0 }, { 12, 1 } }, 2, 7, 7, 12, 0 },
	{ "the default is one of them", { { 5, 0 }, { 12000, 1 } }, 2, 10000, 6001, 12000, 0 },
	{ "one a folder", { { 0, 0 }, { 1, 1 }, { 2, 2 } }, 3, 1, 1, 1, 0 },
	{ "one of them misplaced", { { 0, 0 }, { 2, 0 }, { 3, 1 }, { 5, 1 }, { 6, 2 }, { 8, 0 } },
	  6, 3, 3, 3, 1 },
	{ "a folder above all numbers", { { 0, 0 }, { 1, 1 }, { 2, UINT64_MAX } }, 3, 1, 1, 1, 1 },
	{ "a folder above its number", { { 3, 9 } }, 1, 10000, 1, INT32_MAX, 1 },
	{ "highest number, no number below 2^31 fits", { { UINT32_MAX, 1 } }, 1, 10000, 1,
	  INT32_MAX, 1 },
};

static void folders_say_how_many_they_hold(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listing_segment segments[SEGMENTS_MAX];
		struct listing_folder folders[SEGMENTS_MAX] = { { 0 } };
		const struct listing listing = { segments, cases[i].count, folders,
						 cases[i].count };
		struct config_mend mend = { .low = 0 };
		for (size_t j = 0; j < cases[i].count; j++) {
			segments[j] = (struct listing_segment){ cases[i].segments[j].number,
								(uint32_t)j };
			folders[j].number = cases[i].segments[j].folder;
		}
		assert_int_equal(config_mend_folders(&listing, &dialect_attic, &mend), AS_OK);
		if (mend.segments_per_dir != cases[i].segments_per_dir ||
		    mend.low != cases[i].low || mend.high != cases[i].high ||
		    mend.misfits != cases[i].misfits)
			fail_msg("%s: %u (%u to %u), %zu misfits", cases[i].name,
				 (unsigned)mend.segments_per_dir, (unsigned)mend.low,
				 (unsigned)mend.high, mend.misfits);
	}
	(void)state;
}

/* The number that made the folders is always among those that fit, whatever it was. */
static void what_made_the_folders_fits_them(void **state)
{
	for (uint32_t per_dir = 1; per_dir < 60; per_dir++) {
		struct listing_segment segments[SEGMENTS_MAX];
		struct listing_folder folders[SEGMENTS_MAX] = { { 0 } };
		const struct listing listing = { segments, SEGMENTS_MAX, folders, SEGMENTS_MAX };
		struct config_mend mend;
		for (uint32_t i = 0; i < SEGMENTS_MAX; i++) {
			segments[i] = (struct listing_segment){ i * i / 7, i };
			folders[i].number = i * i / 7 / per_dir;
		}
		assert_int_equal(config_mend_folders(&listing, &dialect_attic, &mend), AS_OK);
		assert_int_equal(mend.misfits, 0);
		assert_in_range(per_dir, mend.low, mend.high);
	}
	(void)state;
}

/* ---- whole repositories ---- */

static int setup(void **state)
{
	const struct small_repo *world = small_repo_new(state, 3, 500, 30);
	builder_transaction(world->builder);
	return 0;
}

static void look(struct small_repo *world)
{
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	diagnose(world->repo, NULL, &world->diagnosis);
}

static void write_config(const struct small_repo *world, const char *text)
{
	char path[BUILDER_PATH];
	builder_path(world->builder, "config", path);
	builder_write_file(path, text, strlen(text));
}

#define ID "id = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

/* What is wrong in config, and the lines that must be written: all of these and no other. */
static const struct {
	const char *config;		/* NULL: it is gone */
	const char *lines;
	bool tells_of_id;
} texts[] = {
	{ NULL, "    [repository]\n    version = 1\n    segments_per_dir = 3\n"
	  "    max_segment_size = 5242880\n    id = <64 hex digits>\n", true },
	{ "[repository]\nsegments_per_dir = 3\nmax_segment_size = 500\n" ID, "    version = 1\n",
	  false },
	{ "[repository]\nversion = 2\nsegments_per_dir = 3\nmax_segment_size = 500\n" ID,
	  "    version = 1\n", false },
	{ "[repository]\nversion = 1\nmax_segment_size = 500\n" ID, "    segments_per_dir = 3\n",
	  false },
	{ "[repository]\nversion = 1\nsegments_per_dir = x\nmax_segment_size = 500\n" ID,
	  "    segments_per_dir = 3\n", false },
	{ "[repository]\nversion = 1\nsegments_per_dir = 10000\nmax_segment_size = 500\n" ID,
	  "    segments_per_dir = 3\n", false },
	{ "[repository]\nversion = 1\nsegments_per_dir = 3\n" ID,
	  "    max_segment_size = 5242880\n", false },
	{ "[repository]\nversion = 1\nsegments_per_dir = 3\nmax_segment_size = 500\n",
	  "    id = <64 hex digits>\n", true },
	{ "[repository]\nversion = 1\nversion = 1\nsegments_per_dir = 3\nmax_segment_size = 500\n"
	  ID, "    [repository]\n    version = 1\n    segments_per_dir = 3\n"
	  "    max_segment_size = 500\n    " ID, false },
	{ "nothing that could be read", "    [repository]\n    version = 1\n"
	  "    segments_per_dir = 3\n    max_segment_size = 5242880\n    id = <64 hex digits>\n",
	  true },
};

/* The indented lines of @by_hand. */
static void lines_of(const char *by_hand, char *out)
{
	out[0] = '\0';
	while (*by_hand) {
		const size_t len = strcspn(by_hand, "\n");
		if (*by_hand == ' ')
			sprintf(out + strlen(out), "%.*s\n", (int)len, by_hand);
		by_hand += len + (by_hand[len] == '\n');
	}
}

static void the_lines_to_write_are_named(void **state)
{
	struct small_repo *world = *state;
	char lines[2048], path[BUILDER_PATH];
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		builder_path(world->builder, "config", path);
		if (texts[i].config)
			write_config(world, texts[i].config);
		else
			unlink(path);
		look(world);
		const struct diagnosis *d = &world->diagnosis;
		lines_of(d->by_hand, lines);
		if (strcmp(lines, texts[i].lines) != 0)
			fail_msg("case %zu: %s", i, d->by_hand);
		assert_int_equal(d->recommended, REPAIR_NONE);
		assert_false(d->clean);
		assert_int_equal(strstr(d->by_hand, "ATTIC_CACHE_DIR") != NULL,
				 texts[i].tells_of_id);
		assert_int_equal(world->repo->findings.total[PROBLEM_SEGMENT_MISPLACED], 0);
		assert_false(world->repo->config.usable);
		assert_int_equal(world->repo->config.segments_per_dir, 3);
	}
}

static void a_whole_config_needs_no_hand(void **state)
{
	struct small_repo *world = *state;
	look(world);
	assert_string_equal(world->diagnosis.by_hand, "");
	assert_false(world->repo->mend.per_dir_is_wrong);
}

static void what_comes_next_is_said(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH], name[32];
	builder_path(world->builder, "config", path);
	unlink(path);
	snprintf(name, sizeof(name), "index.%u", (unsigned)builder_head(world->builder));
	builder_path(world->builder, name, path);
	unlink(path);
	look(world);
	assert_int_equal(world->diagnosis.recommended, REPAIR_NONE);
	assert_non_null(strstr(world->diagnosis.by_hand, "recover comes next"));
}

/* One segment in another folder is misplaced, and no reason to doubt config. */
static void one_misplaced_segment_is_misplaced(void **state)
{
	struct small_repo *world = *state;
	char from[BUILDER_PATH], to[BUILDER_PATH];
	builder_segment_path(world->builder, 4, from);
	builder_path(world->builder, "data/0/4", to);
	assert_int_equal(rename(from, to), 0);
	look(world);
	assert_true(world->repo->config.usable);
	assert_int_equal(world->repo->findings.total[PROBLEM_SEGMENT_MISPLACED], 1);
	assert_int_equal(world->diagnosis.recommended, REPAIR_SALVAGE);
	/* Nor does it hide a line that is wrong. */
	write_config(world, "[repository]\nversion = 1\nsegments_per_dir = 10000\n"
		     "max_segment_size = 500\n" ID);
	look(world);
	assert_true(world->repo->mend.per_dir_is_wrong);
	assert_int_equal(world->repo->mend.segments_per_dir, 3);
	assert_int_equal(world->repo->findings.total[PROBLEM_SEGMENT_MISPLACED], 1);
	assert_int_equal(world->diagnosis.recommended, REPAIR_NONE);
}

static void a_limit_fits_the_largest_segment(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	write_config(world, "[repository]\nversion = 1\nsegments_per_dir = 3\n" ID);
	builder_segment_path(world->builder, 1, path);
	assert_int_equal(truncate(path, 5242880 + 20971520), 0);
	look(world);
	assert_int_equal(world->repo->mend.max_segment_size, 5242880);
	assert_false(world->repo->mend.max_size_is_guess);
	assert_int_equal(truncate(path, 5242880 + 20971520 + 7), 0);
	look(world);
	assert_int_equal(world->repo->mend.max_segment_size, 5242887);
	assert_true(world->repo->mend.max_size_is_guess);
	assert_non_null(strstr(world->diagnosis.by_hand, "    max_segment_size = 5242887\n"));
	assert_non_null(strstr(world->diagnosis.by_hand, "guess"));
}

/* ---- what stands in a file's place ---- */

static const struct {
	const char *name;	/* %u: the transaction */
	char kind;		/* of what stands there: d folder, l link, p pipe */
	const char *says;	/* the line of by_hand that names it */
} places[] = {
	{ "config", 'd', "cannot be read: not a regular file" },
	{ "config", 'l', "cannot be read: not a regular file" },
	{ "index.%u", 'd', "    index.%u is a folder\n" },
	{ "hints.%u", 'd', "    hints.%u is a folder\n" },
	{ "index.0", 'd', "    index.0 is a folder\n" },
	{ "index.tmp", 'd', "    index.tmp is a folder\n" },
	{ "hints.3.tmp", 'd', "    hints.3.tmp is a folder\n" },
	{ "data/1/4", 'd', "    data/1/4 is a folder\n" },
	{ "data/1/4", 'l', "    data/1/4 is a symbolic link\n" },
	{ "data/1/4", 'p', "    data/1/4 is a FIFO\n" },
	{ "data/1", 'l', "    data/1 is a symbolic link, not a folder\n" },
	{ "data", 'l', "    data is not a folder" },
	{ "data", 'p', "    data is not a folder" },
	{ "undo", 'l', "    undo: is not a folder\n" },
	{ "undo", 'p', "    undo: is not a folder\n" },
	{ "data/0/007", 'f', "    data/0/007: " },
};

static void what_stands_in_the_way_is_named_and_no_repair_recommended(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct small_repo *world;
		char name[64], says[128], path[BUILDER_PATH];
		setup((void **)&world);
		const unsigned head = builder_head(world->builder);
		snprintf(name, sizeof(name), places[i].name, head);
		snprintf(says, sizeof(says), places[i].says, head);
		builder_path(world->builder, name, path);
		scratch_run("mv '%s' '%s.away' 2>/dev/null; rm -rf '%s'", path,
			    world->folder, path);
		if (places[i].kind == 'd')
			scratch_run("mkdir '%s'", path);
		else if (places[i].kind == 'l')
			scratch_run("ln -s /nowhere '%s'", path);
		else if (places[i].kind == 'p')
			scratch_run("mkfifo '%s'", path);
		else
			builder_write_file(path, "x", 1);
		look(world);
		if (!strstr(world->diagnosis.by_hand, says) ||
		    world->diagnosis.recommended != REPAIR_NONE)
			fail_msg("%s: recommended %s, by hand: %s", name,
				 repair_name(world->diagnosis.recommended),
				 world->diagnosis.by_hand);
		small_repo_teardown((void **)&world);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_say_how_many_they_hold),
		cmocka_unit_test(what_made_the_folders_fits_them),
		CASE(the_lines_to_write_are_named),
		CASE(a_whole_config_needs_no_hand),
		CASE(what_comes_next_is_said),
		CASE(one_misplaced_segment_is_misplaced),
		CASE(a_limit_fits_the_largest_segment),
		cmocka_unit_test(what_stands_in_the_way_is_named_and_no_repair_recommended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
