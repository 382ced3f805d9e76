#include "build-config.h"

#include "engine/store/store_internal.h"
#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A SIGN_ATTIC
#define B SIGN_BORG
#define N SIGN_NONE

/* ---- what signs add up to ---- */

static const struct {
	const char *name;
	unsigned segments;
	enum sign oldest, newest, index, readme;
	const char *more;	/* o: options, i: integrity.N, 2: version 2, f: config is folder */
	const struct dialect *dialect;
} cases[] = {
	{ "nothing at all", 0, N, N, N, N, "", &dialect_attic },
	{ "Attic", 2, A, A, A, A, "", &dialect_attic },
	{ "Attic, empty", 0, N, N, N, A, "", &dialect_attic },
	{ "Attic, only data", 2, A, A, N, N, "", &dialect_attic },
	{ "Attic, newest magic damaged", 2, A, N, A, A, "", &dialect_attic },
	{ "Attic, all magics damaged", 2, N, N, N, A, "", &dialect_attic },
	{ "Attic, newest segment of Borg", 2, A, B, A, A, "", &dialect_attic },
	{ "Attic, oldest segment of Borg", 2, B, A, A, A, "", &dialect_attic },
	{ "Attic, only data, newest segment of Borg", 2, A, B, N, N, "", &dialect_attic },
	{ "Attic, only data, oldest segment of Borg", 2, B, A, N, N, "", &dialect_attic },
	{ "Attic, newest of Borg, a stray integrity", 2, A, B, A, N, "i", &dialect_attic },
	{ "Attic, one segment and that of Borg", 1, B, B, A, A, "", &dialect_attic },
	{ "Attic, index of Borg", 2, A, A, B, A, "", &dialect_attic },
	{ "Attic, all else of Borg", 2, A, A, B, B, "oi", &dialect_attic },
	{ "Attic, one damaged and one of Borg", 2, N, B, N, N, "", &dialect_attic },
	{ "Attic of version 2", 2, A, A, A, A, "2", &dialect_attic },
	{ "Borg", 2, B, B, B, B, "oi", &dialect_borg },
	{ "Borg 1.0", 2, B, B, B, B, "", &dialect_borg },
	{ "Borg, empty", 0, N, N, N, B, "o", &dialect_borg },
	{ "Borg, empty, no README", 0, N, N, N, N, "o", &dialect_borg },
	{ "Borg, only data", 2, B, B, N, N, "", &dialect_borg },
	{ "Borg, only one segment", 1, B, B, N, N, "", &dialect_borg },
	{ "Borg, both magics damaged", 2, N, N, B, B, "oi", &dialect_borg },
	{ "Borg, newest segment of Attic", 2, B, A, B, B, "oi", &dialect_borg },
	{ "Borg, oldest segment of Attic", 2, A, B, B, B, "oi", &dialect_borg },
	{ "upgraded, old README", 2, B, B, B, A, "", &dialect_borg },
	{ "half upgraded", 2, B, A, B, A, "", &dialect_mixed },
	{ "half upgraded, no README", 2, B, A, B, N, "", &dialect_mixed },
	{ "Borg 2, a beta", 2, B, B, B, B, "oi2", &dialect_borg2 },
	{ "Borg 2, its store", 0, N, N, N, N, "f", &dialect_borg2 },
};

static void signs_add_up(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct origin_signs signs = {
			.segments = cases[i].segments,
			.oldest = cases[i].oldest, .newest = cases[i].newest,
			.index = cases[i].index, .readme = cases[i].readme,
			.has_options = strchr(cases[i].more, 'o'),
			.has_integrity = strchr(cases[i].more, 'i'),
			.is_version_2 = strchr(cases[i].more, '2'),
			.config_is_folder = strchr(cases[i].more, 'f'),
		};
		if (origin_of(&signs) != cases[i].dialect)
			fail_msg("%s: %s", cases[i].name, origin_of(&signs)->name);
	}
	(void)state;
}

static void what_is_not_written_says_why(void **state)
{
	static const struct dialect *const written[] = {
		&dialect_attic, &dialect_borg, &dialect_borg_1_0,
	};
	static const struct { const struct dialect *row; const char *name; } others[] = {
		{ &dialect_mixed, "mixed" }, { &dialect_borg2, "borg2" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		assert_null(written[i]->refusal);
		assert_null(written[i]->by_hand);
		assert_false(dialect_is_only_read(written[i]));
	}
	assert_false(dialect_is_only_read(&dialect_mixed));
	assert_true(dialect_is_only_read(&dialect_borg2));
	assert_string_equal(dialect_borg.name, "borg");
	assert_true(dialect_borg.is_read && dialect_mixed.is_read && !dialect_borg2.is_read);
	assert_string_equal(dialect_attic.name, "attic");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_string_equal(others[i].row->name, others[i].name);
		assert_non_null(strstr(others[i].row->refusal, "Borg"));
		assert_non_null(strstr(others[i].row->by_hand, "Borg"));
		assert_non_null(strstr(others[i].row->title, "Borg"));
	}
	assert_non_null(strstr(dialect_mixed.by_hand, "half upgraded"));
	assert_non_null(strstr(dialect_mixed.by_hand, "borg upgrade, run again"));
	(void)state;
}

/* ---- whole repositories ---- */

/* An Attic repository of several segments. */
static int setup(void **state)
{
	const struct small_repo *world = small_repo_new(state, 3, 500, 10);
	builder_transaction(world->builder);
	return 0;
}

static const struct repo *look(struct small_repo *world)
{
	const struct repo_options options = { .may_write = true };
	repo_close(world->repo);
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	return world->repo;
}

static void name_segment(const struct small_repo *world, uint32_t segment, const char *magic)
{
	char path[BUILDER_PATH];
	builder_segment_path(world->builder, segment, path);
	builder_patch(path, 0, magic, 8);
}

/* What borg upgrade does, in its order, up to @segments of them; the README only at the end. */
static void upgrade(const struct small_repo *world, uint32_t segments)
{
	static const char readme[] = "This is a Borg Backup repository.\n";
	char path[BUILDER_PATH], name[32];
	const uint32_t head = builder_head(world->builder);
	snprintf(name, sizeof(name), "index.%u", (unsigned)head);
	builder_path(world->builder, name, path);
	builder_patch(path, 0, "BORG_IDX", 8);
	for (uint32_t i = 0; i < segments; i++)
		name_segment(world, i, "BORG_SEG");
	builder_path(world->builder, "README", path);
	if (segments > head)
		builder_write_file(path, readme, sizeof(readme) - 1);
}

/* It is read, and nothing but what an upgrade left half done is wrong with it. */
static void expect_read(const struct repo *opened, const struct dialect *dialect)
{
	const bool is_mixed = dialect == &dialect_mixed;
	assert_ptr_equal(opened->dialect, dialect);
	assert_true(opened->has_transaction && opened->index.fd >= 0 && opened->hints.usable);
	assert_int_equal(opened->findings.total[PROBLEM_UPGRADE_INTERRUPTED], is_mixed);
	assert_int_equal(opened->findings.total[PROBLEM_FOREIGN_FORMAT], 0);
	for (size_t i = 0; i < opened->findings.count; i++)
		assert_true(opened->findings.rows[i].problem == PROBLEM_UPGRADE_INTERRUPTED ||
			    opened->findings.rows[i].severity == SEVERITY_INFO);
}

static void expect_foreign(const struct repo *opened, const struct dialect *dialect)
{
	struct diagnosis diagnosis;
	assert_ptr_equal(opened->dialect, dialect);
	assert_int_equal(opened->findings.count, 1);
	assert_int_equal(opened->findings.rows[0].problem, PROBLEM_FOREIGN_FORMAT);
	assert_non_null(strstr(opened->findings.rows[0].detail, dialect->title));
	diagnose(opened, NULL, &diagnosis);
	assert_false(diagnosis.clean);
	assert_int_equal(diagnosis.recommended, REPAIR_NONE);
	assert_string_equal(diagnosis.by_hand, dialect->by_hand);
}

static void every_step_of_an_upgrade_is_recognised(void **state)
{
	struct small_repo *world = *state;
	const uint32_t count = builder_head(world->builder) + 1;
	assert_true(count >= 4);
	upgrade(world, 0);	/* the index alone: the log is still Attic's, and so is the rest */
	assert_ptr_equal(look(world)->dialect, &dialect_attic);
	for (uint32_t done = 1; done < count; done++) {
		upgrade(world, done);
		expect_read(look(world), &dialect_mixed);
	}
	upgrade(world, count);
	expect_read(look(world), &dialect_borg_1_0);
}

static void no_flipped_bit_and_no_lone_segment_makes_it_foreign(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	const uint32_t ends[] = { 0, builder_head(world->builder) };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		builder_segment_path(world->builder, ends[i], path);
		for (unsigned bit = 0; bit < 64; bit++) {
			builder_flip(path, bit / 8, (uint8_t)(1u << bit % 8));
			assert_ptr_equal(look(world)->dialect, &dialect_attic);
			builder_flip(path, bit / 8, (uint8_t)(1u << bit % 8));
		}
		name_segment(world, ends[i], "BORG_SEG");
		assert_ptr_equal(look(world)->dialect, &dialect_attic);
		name_segment(world, ends[i], "ATTICSEG");
	}
}

static void borg2_is_told_by_its_config(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH], id[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/config/version", world->path);
	snprintf(id, sizeof(id), "%.400s/config/id", world->path);
	*strrchr(path, '/') = '\0';
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_ptr_equal(look(world)->dialect, &dialect_attic);	/* a folder that says nothing */
	path[strlen(path)] = '/';
	builder_write_file(path, "3", 1);
	builder_write_file(id, "00", 2);
	expect_foreign(look(world), &dialect_borg2);
}

/* Each of these alone, beside segments whose magics are gone, is no more than one sign; two are. */
static void config_and_integrity_are_signs(void **state)
{
	static const char options[] = "append_only = 0\n";
	struct small_repo *world = *state;
	char path[BUILDER_PATH], config[512];
	name_segment(world, 0, "????????");
	name_segment(world, builder_head(world->builder), "????????");
	builder_path(world->builder, "README", path);
	unlink(path);
	snprintf(config, sizeof(config), "index.%u", (unsigned)builder_head(world->builder));
	builder_path(world->builder, config, path);
	unlink(path);
	builder_path(world->builder, "integrity.3", path);
	builder_write_file(path, "x", 1);
	assert_ptr_equal(look(world)->dialect, &dialect_attic);
	snprintf(config, sizeof(config), "[repository]\nversion = 1\nsegments_per_dir = 3\n"
		 "max_segment_size = 500\n%sid = %064d\nkey = a\n\tb\n", options, 0);
	builder_path(world->builder, "config", path);
	builder_write_file(path, config, strlen(config));
	assert_true(look(world)->config.has_borg_options);
	assert_string_equal(look(world)->dialect->name, "borg");
	builder_path(world->builder, "integrity.3", path);
	unlink(path);
	assert_ptr_equal(look(world)->dialect, &dialect_attic);
}

static void what_is_half_upgraded_is_only_read_by_the_library(void **state)
{
	struct small_repo *world = *state;
	struct as_error error;
	struct as_store *store;
	upgrade(world, 1);
	const struct as_options reads = { .read_only = true }, writes = { .read_only = false };
	assert_int_equal(as_open(world->path, &writes, &store, &error), AS_ERR_INVALID_REPOSITORY);
	assert_null(store);
	assert_non_null(strstr(error.message, "Borg"));
	assert_int_equal(as_open(world->path, &reads, &store, &error), AS_OK);
	uint8_t key[BUILDER_KEY];
	void *data;
	size_t len;
	builder_key(0, key);
	assert_int_equal(as_get(store, key, sizeof(key), &data, &len, &error), AS_OK);
	assert_int_equal(len, 200);
	free(data);
	as_close(store);
}

static void borg_2_is_not_read(void **state)
{
	static const char config[] = "[repository]\nversion = 2\nappend_only = 0\n";
	struct small_repo *world = *state;
	struct verify_progress progress = { .cancel = false };
	struct as_error error;
	struct as_store *store;
	struct verify *verify;
	struct fault fault;
	char path[BUILDER_PATH];
	upgrade(world, builder_head(world->builder) + 1);
	builder_path(world->builder, "config", path);
	builder_write_file(path, config, sizeof(config) - 1);
	const struct as_options reads = { .read_only = true };
	assert_int_equal(as_open(world->path, &reads, &store, &error), AS_ERR_INVALID_REPOSITORY);
	assert_non_null(strstr(error.message, "Borg 2"));
	fault_init(&fault);
	const struct repo_options options = { .no_lock = true, .io = &fault.io };
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	expect_foreign(world->repo, &dialect_borg2);
	const unsigned before = (unsigned)fault.preads;
	assert_int_equal(verify_run(world->repo, 1, &progress, &verify), AS_OK);
	assert_true(verify->complete);
	assert_int_equal(verify->findings.count, 1);
	assert_int_equal(fault.preads, before);
	verify_free(verify);
	repo_close(world->repo);	/* before the io that it reads through */
	world->repo = NULL;
}

/* Readers of Borg take and leave its lock all the time. */
static void the_lock_of_others_is_no_change(void **state)
{
	struct small_repo *world = *state;
	static const char *const names[] = { "index.tmp", "lock.roster" };
	char path[BUILDER_PATH];
	struct lock_seen seen;
	upgrade(world, builder_head(world->builder) + 1);
	builder_path(world->builder, "lock.exclusive", path);
	const struct repo *opened = look(world);
	assert_int_equal(lock_state(repo_lock(world->repo), NULL), LOCK_DEFERRED);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_false(repo_is_changed(opened));
	assert_int_equal(lock_see(repo_lock(world->repo), &seen), AS_OK);
	assert_true(seen.has_folder);
	assert_int_equal(rmdir(path), 0);
	assert_false(repo_is_changed(opened));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		builder_path(world->builder, names[i], path);
		builder_write_file(path, "x", 1);
		assert_int_equal(repo_is_changed(opened), i == 0);
		assert_int_equal(unlink(path), 0);
		assert_false(repo_is_changed(opened));
	}
	builder_path(world->builder, "README", path);
	builder_patch(path, 0, "T", 1);
	assert_true(repo_is_changed(opened));
}

static void opening_looks_at_two_segments_and_no_more(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	fault_init(&fault);
	const struct repo_options options = { .no_lock = true, .io = &fault.io };
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	const unsigned opens = (unsigned)fault.opens;
	const struct origin_signs signs =
		origin_look(&fault.io, world->repo->fd, &world->repo->config,
			    &world->repo->listing, "index.0", false);
	assert_int_equal(signs.segments, 2);
	assert_int_equal(signs.oldest, SIGN_ATTIC);
	assert_int_equal(signs.newest, SIGN_ATTIC);
	assert_int_equal(fault.opens - opens, 2);
	repo_close(world->repo);
	world->repo = NULL;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_add_up),
		cmocka_unit_test(what_is_not_written_says_why),
		CASE(every_step_of_an_upgrade_is_recognised),
		CASE(no_flipped_bit_and_no_lone_segment_makes_it_foreign),
		CASE(borg2_is_told_by_its_config),
		CASE(config_and_integrity_are_signs),
		CASE(what_is_half_upgraded_is_only_read_by_the_library),
		CASE(borg_2_is_not_read),
		CASE(the_lock_of_others_is_no_change),
		CASE(opening_looks_at_two_segments_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
