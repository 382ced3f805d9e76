/* The model of power loss, compared with hand-written lists of all possible states.
 *
 * A state is written as its files with their bytes, "a:xyz b/c:", and folders "b/", in the order of
 * their names. A NUL byte is a dot, and "x*600" means 600 times x. */
#include "build-config.h"

#include "tests/support/disk_model.h"
#include "tests/support/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT 1024u
#define STATES_MAX 400u

/* ---- a folder as a text ---- */

static void add_bytes(const char *path, char text[TEXT])
{
	size_t len;
	uint8_t *bytes = builder_read_file(path, &len);
	for (size_t i = 0, end; i < len; i = end) {
		const char letter = bytes[i] ? (char)bytes[i] : '.';
		for (end = i; end < len && bytes[end] == bytes[i];)
			end++;
		const size_t used = strlen(text);
		if (end - i > 3)
			snprintf(text + used, TEXT - used, "%c*%zu", letter, end - i);
		else
			snprintf(text + used, TEXT - used, "%.*s", (int)(end - i),
				 (const char[]){ letter, letter, letter, '\0' });
	}
	free(bytes);
}

static void add_folder(const char *path, const char *prefix, char text[TEXT])
{
	struct dirent **names;
	const int count = scandir(path, &names, NULL, alphasort);
	assert_true(count >= 2);
	for (int i = 0; i < count; i++) {
		char below[2 * BUILDER_PATH], name[BUILDER_PATH];
		struct stat st;
		snprintf(below, sizeof(below), "%.600s/%.200s", path, names[i]->d_name);
		snprintf(name, sizeof(name), "%.200s%.200s", prefix, names[i]->d_name);
		assert_int_equal(lstat(below, &st), 0);
		const bool is_dots = strspn(names[i]->d_name, ".") == strlen(names[i]->d_name);
		const size_t used = strlen(text);
		free(names[i]);
		if (is_dots)
			continue;
		snprintf(text + used, TEXT - used, "%s%s%s", used > 0 ? " " : "", name,
			 S_ISDIR(st.st_mode) ? "/" : ":");
		strcat(name, "/");
		if (S_ISDIR(st.st_mode))
			add_folder(below, name, text);
		else
			add_bytes(below, text);
	}
	free(names);
}

/* ---- one disk ---- */

struct bench {
	struct scratch *scratch;
	char disk[BUILDER_PATH], state[BUILDER_PATH];
	struct disk_model *model;
	int fd;
	struct permit *permit;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	void *scratch;
	if (!bench || scratch_setup(&scratch) != 0)
		return -1;
	bench->scratch = scratch;
	scratch_folder(bench->scratch, "disk");
	snprintf(bench->disk, sizeof(bench->disk), "%.400s/disk", bench->scratch->path);
	snprintf(bench->state, sizeof(bench->state), "%.400s/state", bench->scratch->path);
	*state = bench;
	return 0;
}

/* Start recording: everything on the disk is durable now. */
static void begin(struct bench *bench)
{
	bench->model = disk_model_new(bench->disk);
	const struct io *io = disk_model_io(bench->model);
	bench->fd = io->open(io, AT_FDCWD, bench->disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(bench->fd >= 0);
	bench->permit = io_grant_permit(io, bench->fd, 0644);
	assert_non_null(bench->permit);
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	if (bench->permit) {
		io_close(disk_model_io(bench->model), bench->fd);
		io_revoke_permit(bench->permit);
		disk_model_free(bench->model);
	}
	void *scratch = bench->scratch;
	free(bench);
	return scratch_teardown(&scratch);
}

static void state_text(const struct bench *bench, const struct disk_crash *crash, char text[TEXT])
{
	disk_crash_write(crash, bench->state);
	text[0] = '\0';
	add_folder(bench->state, "", text);
	builder_remove_folder(bench->state);
}

/* All different states possible at @point, each followed by "; ", in alphabetical order. */
static void all_states(const struct bench *bench, size_t point, char *out, size_t size)
{
	static char texts[STATES_MAX][TEXT];
	struct disk_crash *crash = disk_crash_new(bench->model, point);
	const uint64_t combinations = disk_crash_combinations(crash);
	size_t count = 0;
	assert_true(combinations <= STATES_MAX);
	for (uint64_t i = 0; i < combinations; i++) {
		size_t at = 0;
		disk_crash_choose(crash, i);
		state_text(bench, crash, texts[count]);
		while (strcmp(texts[at], texts[count]) != 0)
			at++;
		count += at == count;
	}
	disk_crash_free(crash);
	qsort(texts, count, sizeof(texts[0]), (int (*)(const void *, const void *))strcmp);
	out[0] = '\0';
	for (size_t i = 0, len = 0; i < count; i++) {
		const int written = snprintf(out + len, size - len, "%s; ", texts[i]);
		assert_in_range(written, 0, size - len - 1);
		len += (size_t)written;
	}
}

static void assert_states_at(const struct bench *bench, size_t point, const char *expected)
{
	static char found[64 * TEXT];
	all_states(bench, point, found, sizeof(found));
	assert_string_equal(found, expected);
}

static void assert_states(const struct bench *bench, const char *expected)
{
	assert_states_at(bench, disk_model_changes(bench->model), expected);
}

/* ---- changes ---- */

static int create(const struct bench *bench, const char *path)
{
	int fd;
	assert_int_equal(io_create_file(bench->permit, path, &fd), AS_OK);
	return fd;
}

static void fill(const struct bench *bench, int fd, char letter, size_t len, uint64_t offset)
{
	char bytes[4096];
	memset(bytes, letter, len);
	assert_int_equal(io_write_at(bench->permit, fd, bytes, len, offset), AS_OK);
}

static void sync_file(const struct bench *bench, int fd)
{
	assert_int_equal(io_sync(bench->permit, fd), AS_OK);
}

static void shut(const struct bench *bench, int fd)
{
	io_close(disk_model_io(bench->model), fd);
}

static void sync_names(const struct bench *bench, const char *path)
{
	assert_int_equal(io_sync_folder(bench->permit, path), AS_OK);
}

static void make_folder(const struct bench *bench, const char *path)
{
	assert_int_equal(io_make_folder(bench->permit, path), AS_OK);
}

static void move(const struct bench *bench, const char *from, const char *to)
{
	assert_int_equal(io_rename(bench->permit, from, to), AS_OK);
}

static void cut_away(const struct bench *bench, const char *path)
{
	assert_int_equal(io_remove_file(bench->permit, path), AS_OK);
}

static void durable(const struct bench *bench, const char *path, const char *bytes)
{
	char below[64];
	snprintf(below, sizeof(below), "disk/%.50s", path);
	scratch_file(bench->scratch, below, bytes, strlen(bytes));
}

/* A whole file; its bytes are durable, its name is not. */
static void whole_file(const struct bench *bench, const char *path, char letter)
{
	const int fd = create(bench, path);
	fill(bench, fd, letter, 1, 0);
	sync_file(bench, fd);
	shut(bench, fd);
}

/* ---- bytes ---- */

static void a_new_file_may_be_absent_empty_zero_or_whole(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	const int fd = create(bench, "f");
	fill(bench, fd, 'x', 2, 0);
	assert_states_at(bench, 0, "; ");
	assert_states_at(bench, 1, "; f:; ");
	assert_states(bench, "; f:; f:..; f:xx; ");
	sync_file(bench, fd);
	assert_states(bench, "; f:xx; ");
	sync_names(bench, ".");
	assert_states(bench, "f:xx; ");
	shut(bench, fd);
}

static void a_durable_name_does_not_make_bytes_durable(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	const int fd = create(bench, "f");
	fill(bench, fd, 'x', 2, 0);
	sync_names(bench, ".");
	assert_states(bench, "f:; f:..; f:xx; ");
	shut(bench, fd);
}

static void a_write_tears_at_every_sector_and_nowhere_else(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	const int fd = create(bench, "f");
	sync_names(bench, ".");
	fill(bench, fd, 'x', 1100, 0);
	assert_states(bench, "f:; f:.*1100; f:x*1024; f:x*1024.*76; f:x*1100; f:x*512; "
			     "f:x*512.*588; ");
	shut(bench, fd);
}

static void a_write_across_a_sector_tears_there(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	const int fd = create(bench, "f");
	sync_names(bench, ".");
	fill(bench, fd, 'a', 510, 0);
	sync_file(bench, fd);
	fill(bench, fd, 'b', 3, 510);
	assert_states(bench, "f:a*510; f:a*510...; f:a*510bb; f:a*510bb.; f:a*510bbb; ");
	sync_file(bench, fd);
	fill(bench, fd, 'c', 2, 0);
	assert_states(bench, "f:a*510bbb; f:cca*508bbb; ");
	shut(bench, fd);
}

static void each_write_has_its_own_fate(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	const int fd = create(bench, "f");
	sync_names(bench, ".");
	fill(bench, fd, 'x', 1, 0);
	fill(bench, fd, 'y', 1, 1);
	assert_states(bench, "f:; f:.; f:..; f:.y; f:x; f:x.; f:xy; ");
	sync_file(bench, fd);
	assert_int_equal(io_truncate(bench->permit, fd, 1), AS_OK);
	assert_states(bench, "f:x; f:xy; ");
	shut(bench, fd);
}

static void a_sample_scatters_sectors_too(void **state)
{
	struct bench *bench = *state;
	char text[TEXT];
	bool is_seen = false;
	begin(bench);
	const int fd = create(bench, "f");
	sync_names(bench, ".");
	fill(bench, fd, 'x', 1536, 0);
	shut(bench, fd);
	struct disk_crash *crash = disk_crash_new(bench->model, disk_model_changes(bench->model));
	for (uint64_t i = 0; i < 300; i++) {
		disk_crash_sample(crash, i);
		state_text(bench, crash, text);
		is_seen = is_seen || strcmp(text, "f:x*512.*512x*512") == 0;
	}
	disk_crash_free(crash);
	assert_true(is_seen);
}

/* ---- names ---- */

static void a_rename_leaves_the_old_file_or_the_new_one(void **state)
{
	struct bench *bench = *state;
	durable(bench, "f", "old");
	begin(bench);
	whole_file(bench, "t", 'n');
	sync_names(bench, ".");
	move(bench, "t", "f");
	assert_states(bench, "f:n; f:old t:n; ");
	sync_names(bench, ".");
	assert_states(bench, "f:n; ");
}

static void a_rename_of_unsynced_bytes_may_lose_them(void **state)
{
	struct bench *bench = *state;
	durable(bench, "f", "old");
	begin(bench);
	const int fd = create(bench, "t");
	fill(bench, fd, 'n', 1, 0);
	move(bench, "t", "f");
	shut(bench, fd);
	sync_names(bench, ".");
	assert_states(bench, "f:; f:.; f:n; ");
}

static void a_rename_between_folders_may_leave_both(void **state)
{
	struct bench *bench = *state;
	durable(bench, "a/f", "x");
	durable(bench, "b/g", "y");
	begin(bench);
	move(bench, "a/f", "b/f");
	assert_states(bench, "a/ a/f:x b/ b/f:x b/g:y; a/ a/f:x b/ b/g:y; a/ b/ b/f:x b/g:y; ");
	sync_names(bench, "b");
	assert_states(bench, "a/ a/f:x b/ b/f:x b/g:y; a/ b/ b/f:x b/g:y; ");
	sync_names(bench, "a");
	assert_states(bench, "a/ b/ b/f:x b/g:y; ");
}

static void the_old_folder_alone_makes_a_rename_durable_too(void **state)
{
	struct bench *bench = *state;
	durable(bench, "a/f", "x");
	durable(bench, "b/g", "y");
	begin(bench);
	move(bench, "a/f", "b/f");
	sync_names(bench, "a");
	assert_states(bench, "a/ b/ b/f:x b/g:y; ");
}

static void a_lost_folder_loses_what_is_in_it(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	make_folder(bench, "d");
	whole_file(bench, "d/f", 'x');
	assert_states(bench, "; d/; d/ d/f:x; ");
	sync_names(bench, "d");
	assert_states(bench, "; d/ d/f:x; ");
	sync_names(bench, ".");
	assert_states(bench, "d/ d/f:x; ");
}

static void a_rename_into_a_lost_folder_is_lost(void **state)
{
	struct bench *bench = *state;
	durable(bench, "f", "x");
	begin(bench);
	make_folder(bench, "d");
	move(bench, "f", "d/f");
	assert_states(bench, "d/ d/f:x; d/ d/f:x f:x; d/ f:x; f:x; ");
}

static void a_file_is_lost_when_only_the_way_to_it_is_not_durable(void **state)
{
	struct bench *bench = *state;
	durable(bench, "a/f", "x");
	durable(bench, "b/g", "y");
	begin(bench);
	make_folder(bench, "b/d");
	move(bench, "a/f", "b/d/f");
	sync_names(bench, "b/d");
	sync_names(bench, "a");
	assert_states(bench, "a/ b/ b/d/ b/d/f:x b/g:y; a/ b/ b/g:y; ");
}

static void a_folder_goes_only_when_its_files_do(void **state)
{
	struct bench *bench = *state;
	durable(bench, "d/f", "x");
	begin(bench);
	cut_away(bench, "d/f");
	assert_int_equal(io_remove_folder(bench->permit, "d"), AS_OK);
	assert_states(bench, "; d/; d/ d/f:x; ");
	sync_names(bench, ".");
	assert_states(bench, "; d/ d/f:x; ");
}

static void a_name_made_removed_and_made_again(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	whole_file(bench, "f", 'x');
	cut_away(bench, "f");
	whole_file(bench, "f", 'y');
	assert_states(bench, "; f:x; f:y; ");
	sync_names(bench, ".");
	assert_states(bench, "f:y; ");
}

static void a_lost_second_name_saves_nothing(void **state)
{
	struct bench *bench = *state;
	durable(bench, "f", "old");
	durable(bench, "k/g", "y");
	begin(bench);
	whole_file(bench, "t", 'n');
	sync_names(bench, ".");
	assert_int_equal(io_link(bench->permit, "f", "k/f"), AS_OK);
	move(bench, "t", "f");
	assert_states(bench, "f:n k/ k/f:old k/g:y; f:n k/ k/g:y; "
			     "f:old k/ k/f:old k/g:y t:n; f:old k/ k/g:y t:n; ");
	sync_names(bench, "k");
	assert_states(bench, "f:n k/ k/f:old k/g:y; f:old k/ k/f:old k/g:y t:n; ");
}

static void two_names_stay_names_of_one_file(void **state)
{
	struct bench *bench = *state;
	struct stat a, b;
	char path[2 * BUILDER_PATH];
	durable(bench, "f", "x");
	begin(bench);
	assert_int_equal(io_link(bench->permit, "f", "g"), AS_OK);
	assert_int_equal(io_rename(bench->permit, "f", "g"), AS_OK);	/* does nothing */
	struct disk_crash *crash = disk_crash_new(bench->model, disk_model_changes(bench->model));
	disk_crash_sample(crash, 0);
	disk_crash_write(crash, bench->state);
	disk_crash_free(crash);
	snprintf(path, sizeof(path), "%s/f", bench->state);
	assert_int_equal(stat(path, &a), 0);
	snprintf(path, sizeof(path), "%s/g", bench->state);
	assert_int_equal(stat(path, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	builder_remove_folder(bench->state);
}

/* ---- samples ---- */

static void a_sample_begins_with_all_none_and_one(void **state)
{
	static const char *const expected[] = {
		"a:x b:y c:z", "", "b:y c:z", "a:x c:z", "a:x b:y", "a:x", "b:y", "c:z",
	};
	struct bench *bench = *state;
	char text[TEXT];
	begin(bench);
	whole_file(bench, "a", 'x');
	whole_file(bench, "b", 'y');
	whole_file(bench, "c", 'z');
	struct disk_crash *crash = disk_crash_new(bench->model, disk_model_changes(bench->model));
	assert_int_equal(disk_crash_pending(crash), 3);
	assert_int_equal(disk_crash_combinations(crash), 8);
	for (uint64_t i = 0; i < ARRAY_SIZE(expected); i++) {
		disk_crash_sample(crash, i);
		state_text(bench, crash, text);
		assert_string_equal(text, expected[i]);
	}
	disk_crash_free(crash);
}

static void the_same_number_gives_the_same_state_and_digest(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	for (char name[] = "a"; name[0] <= 'h'; name[0]++)
		whole_file(bench, name, name[0]);
	struct disk_crash *crash = disk_crash_new(bench->model, disk_model_changes(bench->model));
	unsigned different = 0;
	for (uint64_t i = 100; i < 150; i++) {
		char first[TEXT], second[TEXT], other[TEXT];
		disk_crash_sample(crash, i);
		const uint64_t digest = disk_crash_digest(crash);
		state_text(bench, crash, first);
		disk_crash_sample(crash, i + 1);
		state_text(bench, crash, other);
		assert_int_equal(digest == disk_crash_digest(crash), strcmp(first, other) == 0);
		different += strcmp(first, other) != 0;
		disk_crash_sample(crash, i);
		state_text(bench, crash, second);
		assert_string_equal(first, second);
		assert_true(digest == disk_crash_digest(crash));
	}
	disk_crash_free(crash);
	assert_true(different > 30);
}

/* ---- the record ---- */

static void change_something(const struct bench *bench, unsigned random)
{
	static const char *const paths[] = { "a", "b", "c", "d/a", "d/b", "e/a" };
	const char *path = paths[random / 8 % ARRAY_SIZE(paths)];
	const char *other = paths[random / 64 % ARRAY_SIZE(paths)];
	int fd;
	switch (random % 8) {
	case 0:
	case 1:
		if (io_create_file(bench->permit, path, &fd) == AS_OK) {
			fill(bench, fd, (char)('a' + random % 26), random % 1500, 0);
			shut(bench, fd);
		}
		return;
	case 2:
		if (io_reopen_file(bench->permit, path, &fd) == AS_OK) {
			fill(bench, fd, (char)('A' + random % 26), random % 700, random % 900);
			assert_int_equal(io_truncate(bench->permit, fd, random % 1000), AS_OK);
			shut(bench, fd);
		}
		return;
	case 3:
		io_rename(bench->permit, path, other);
		return;
	case 4:
		io_link(bench->permit, path, other);
		return;
	case 5:
		io_remove_file(bench->permit, path);
		return;
	case 6:
		io_make_folder(bench->permit, random / 8 % 2 ? "d" : "e");
		return;
	default:
		io_remove_folder(bench->permit, random / 8 % 2 ? "d" : "e");
	}
}

/* Everything that goes through the io is recorded: with all changes kept the state is the folder.
 */
static void the_record_misses_nothing(void **state)
{
	struct bench *bench = *state;
	uint32_t random = 12345;
	durable(bench, "d/a", "first");
	begin(bench);
	for (unsigned i = 0; i < 300; i++) {
		char built[TEXT], real[TEXT] = "";
		random = random * 1664525 + 1013904223;
		change_something(bench, random >> 8);
		struct disk_crash *crash =
			disk_crash_new(bench->model, disk_model_changes(bench->model));
		disk_crash_sample(crash, 0);
		state_text(bench, crash, built);
		disk_crash_free(crash);
		add_folder(bench->disk, "", real);
		assert_string_equal(built, real);
	}
	assert_true(disk_model_changes(bench->model) > 150);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_may_be_absent_empty_zero_or_whole),
		TEST(a_durable_name_does_not_make_bytes_durable),
		TEST(a_write_tears_at_every_sector_and_nowhere_else),
		TEST(a_write_across_a_sector_tears_there),
		TEST(each_write_has_its_own_fate),
		TEST(a_sample_scatters_sectors_too),
		TEST(a_rename_leaves_the_old_file_or_the_new_one),
		TEST(a_rename_of_unsynced_bytes_may_lose_them),
		TEST(a_rename_between_folders_may_leave_both),
		TEST(the_old_folder_alone_makes_a_rename_durable_too),
		TEST(a_lost_folder_loses_what_is_in_it),
		TEST(a_rename_into_a_lost_folder_is_lost),
		TEST(a_file_is_lost_when_only_the_way_to_it_is_not_durable),
		TEST(a_folder_goes_only_when_its_files_do),
		TEST(a_name_made_removed_and_made_again),
		TEST(a_lost_second_name_saves_nothing),
		TEST(two_names_stay_names_of_one_file),
		TEST(a_sample_begins_with_all_none_and_one),
		TEST(the_same_number_gives_the_same_state_and_digest),
		TEST(the_record_misses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
