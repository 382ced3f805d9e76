/* Every bit of every file of a small repository is flipped in turn, and every file is cut at every
 * length: of Attic, and of Borg. */
#include "build-config.h"

#include "engine/check/diagnose.h"
#include "tests/support/builder.h"
#include "tests/support/campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES_MAX 16

struct file {
	char path[BUILDER_PATH];
	uint8_t *bytes;
	size_t len;
	bool is_segment;
};

struct world {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	bool is_borg;
	struct file files[FILES_MAX];
	size_t count;
};

static void load(struct world *world, const struct builder *builder, const char *name,
		 bool is_segment)
{
	struct file *file = &world->files[world->count++];
	assert_true(world->count <= FILES_MAX);
	builder_path(builder, name, file->path);
	file->bytes = builder_read_file(file->path, &file->len);
	file->is_segment = is_segment;
}

/* Two transactions in four segments of data: PUTs, one of them empty, a DELETE, an overwritten key.
 */
static int setup_as(void **state, bool is_borg)
{
	static const char *const others[] = { "index", "hints", "integrity" };
	struct world *world = calloc(1, sizeof(*world));
	uint8_t key[BUILDER_KEY];
	char name[64];
	assert_non_null(world);
	builder_make_folder(world->folder);
	snprintf(world->repo, sizeof(world->repo), "%.400s/repo", world->folder);
	struct builder *builder = builder_new(world->repo, 2, 100);
	world->is_borg = is_borg;
	if (is_borg)
		builder_use_borg(builder);
	for (unsigned i = 0; i < 4; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, i * 11);
	}
	builder_commit(builder);
	builder_key(1, key);
	builder_delete(builder, key);
	builder_key(2, key);
	builder_put_some(builder, key, 17);
	builder_commit(builder);
	builder_write_index(builder, builder_head(builder), 8);
	builder_write_hints(builder, builder_head(builder));
	for (unsigned i = 0; i <= builder_head(builder); i++) {
		snprintf(name, sizeof(name), "data/%u/%u", i / 2, i);
		load(world, builder, name, true);
	}
	for (unsigned i = 0; i < (is_borg ? 3 : 2); i++) {
		snprintf(name, sizeof(name), "%s.%u", others[i], builder_head(builder));
		load(world, builder, name, false);
	}
	load(world, builder, "config", false);
	load(world, builder, "README", false);
	builder_free(builder);
	*state = world;
	return 0;
}

static int setup(void **state)
{
	return setup_as(state, false);
}

static int setup_borg(void **state)
{
	return setup_as(state, true);
}

static int teardown(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < world->count; i++)
		free(world->files[i].bytes);
	builder_remove_folder(world->folder);
	free(world);
	return 0;
}

/* Checking has changed no file. */
static void assert_unchanged(const struct world *world, const struct file *damaged,
			     const struct timespec *mtime)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct file *file = &world->files[i];
		struct stat st;
		assert_int_equal(stat(file->path, &st), 0);
		if (file != damaged)
			assert_int_equal(st.st_size, file->len);
		else
			assert_true(st.st_mtim.tv_sec == mtime->tv_sec &&
				    st.st_mtim.tv_nsec == mtime->tv_nsec);
	}
}

/* Open, verify, diagnose. True when anything is wrong. A segment that ends between two entries and
 * has lost nothing live counts too: its length only hints that it was cut. */
static bool check(struct world *world, const struct file *damaged)
{
	const struct repo_options options = { .no_lock = true };
	struct verify_progress progress = { 0 };
	struct as_error error;
	struct repo *opened;
	struct verify *verify;
	struct diagnosis diagnosis;
	struct stat st;
	assert_int_equal(stat(damaged->path, &st), 0);
	assert_int_equal(repo_open(world->repo, &options, &opened, &error), AS_OK);
	assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	diagnose(opened, verify, &diagnosis);
	assert_true(verify->objects <= 4);
	assert_true(diagnosis.verdict[0] != '\0');
	/* Every damage to the data has a repair. */
	if (!diagnosis.clean && damaged->is_segment)
		assert_int_not_equal(diagnosis.recommended, REPAIR_NONE);
	const bool is_short = verify->findings.total[PROBLEM_SEGMENT_SHORT] > 0;
	verify_free(verify);
	repo_close(opened);
	assert_unchanged(world, damaged, &st.st_mtim);
	return !diagnosis.clean || is_short;
}

static void write_damaged(const struct file *file, size_t len)
{
	builder_write_file(file->path, file->bytes, len);
}

static void the_repository_itself_is_clean(void **state)
{
	struct world *world = *state;
	assert_false(check(world, &world->files[0]));
}

static void every_flipped_bit_is_survived_and_reported_in_a_segment(void **state)
{
	struct world *world = *state;
	uint64_t bits = 0;
	for (size_t i = 0; i < world->count; i++) {
		struct file *file = &world->files[i];
		bits += file->len * 8;
		for (size_t bit = 0; bit < file->len * 8; bit++) {
			file->bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			write_damaged(file, file->len);
			file->bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			if (!check(world, file) && file->is_segment)
				fail_msg("%s: bit %zu of byte %zu was not reported", file->path,
					 bit % 8, bit / 8);
		}
		write_damaged(file, file->len);
		assert_false(check(world, file));
	}
	campaign_figure("bits flipped", bits);
}

/* Attic itself writes full segments without a COMMIT, followed by later transactions. Borg ends
 * segments early as well: where object 1, which was deleted, is cut off behind object 0 nothing
 * tells, nor where the COMMIT is that is not the newest. */
static bool is_as_written(const struct world *world, const struct file *file, size_t len)
{
	if (world->is_borg)
		return file == &world->files[0] ? len == 8 + 41
						: file[1].is_segment && file->len == 17 && len == 8;
	return file[1].is_segment && len == file->len - 9 && len > 100;
}

static void every_truncation_is_survived_and_reported_in_a_segment(void **state)
{
	struct world *world = *state;
	uint64_t lengths = 0;
	for (size_t i = 0; i < world->count; i++) {
		const struct file *file = &world->files[i];
		lengths += file->len;
		for (size_t len = 0; len < file->len; len++) {
			write_damaged(file, len);
			if (!check(world, file) && file->is_segment &&
			    !is_as_written(world, file, len))
				fail_msg("%s: cut at %zu was not reported", file->path, len);
		}
		write_damaged(file, file->len);
		assert_false(check(world, file));
	}
	campaign_figure("lengths cut to", lengths);
}

static void bits_of_a_used_bucket_are_reported(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < world->count; i++) {
		struct file *file = &world->files[i];
		if (!strstr(file->path, "/index."))
			continue;
		for (size_t at = 18; at < file->len; at += 40) {
			if (memcmp(file->bytes + at + 32, "\xff\xff\xff\xff", 4) == 0)
				continue;
			for (size_t bit = 0; bit < 320; bit++) {
				file->bytes[at + bit / 8] ^= (uint8_t)(1u << (bit % 8));
				write_damaged(file, file->len);
				file->bytes[at + bit / 8] ^= (uint8_t)(1u << (bit % 8));
				if (!check(world, file))
					fail_msg("bucket %zu, bit %zu was not reported",
						 (at - 18) / 40, bit);
			}
		}
		write_damaged(file, file->len);
	}
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown), \
	{ "Borg: " #name, name, setup_borg, teardown, NULL }
	const struct CMUnitTest tests[] = {
		TEST(the_repository_itself_is_clean),
		TEST(every_flipped_bit_is_survived_and_reported_in_a_segment),
		TEST(every_truncation_is_survived_and_reported_in_a_segment),
		TEST(bits_of_a_used_bucket_are_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
