/* A value to be stored, from a file or from standard input. */
#include "build-config.h"

#include "src/input_value.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void path_of(const struct scratch *scratch, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/%s", scratch->path, name);
}

static void each_file_replaces_what_was_read_before(void **state)
{
	const struct scratch *scratch = *state;
	static uint8_t large[200000];
	struct input_value value = { .data = NULL };
	struct as_error error;
	char path[BUILDER_PATH];
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i * 7 + i / 256);
	scratch_file(scratch, "large", large, sizeof(large));
	scratch_file(scratch, "small", "a\0b", 3);
	scratch_file(scratch, "empty", "", 0);
	path_of(scratch, "large", path);
	assert_int_equal(input_value_read(path, &value, &error), AS_OK);
	assert_int_equal(value.len, sizeof(large));
	assert_memory_equal(value.data, large, sizeof(large));
	path_of(scratch, "small", path);
	assert_int_equal(input_value_read(path, &value, &error), AS_OK);
	assert_int_equal(value.len, 3);
	assert_memory_equal(value.data, "a\0b", 3);
	path_of(scratch, "empty", path);
	assert_int_equal(input_value_read(path, &value, &error), AS_OK);
	assert_int_equal(value.len, 0);
	input_value_free(&value);
	assert_null(value.data);
}

/* 20 MiB less 41 bytes, the header and key of an entry. */
static void the_largest_value_is_read_and_one_byte_more_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct input_value value = { .data = NULL };
	struct as_error error;
	char path[BUILDER_PATH];
	scratch_file(scratch, "sparse", "", 0);
	path_of(scratch, "sparse", path);
	assert_int_equal(truncate(path, 20971479), 0);
	assert_int_equal(input_value_read(path, &value, &error), AS_OK);
	assert_int_equal(value.len, 20971479);
	assert_int_equal(truncate(path, 20971480), 0);
	assert_int_equal(input_value_read(path, &value, &error), AS_ERR_TOO_LARGE);
	assert_non_null(strstr(error.message, "/sparse: more than 20971479 bytes"));
	input_value_free(&value);
}

static void what_cannot_be_read_is_named(void **state)
{
	const struct scratch *scratch = *state;
	struct input_value value = { .data = NULL };
	struct as_error error;
	char path[BUILDER_PATH];
	path_of(scratch, "none", path);
	assert_int_equal(input_value_read(path, &value, &error), AS_ERR_DOES_NOT_EXIST);
	assert_non_null(strstr(error.message, path));
	assert_int_not_equal(input_value_read(scratch->path, &value, &error), AS_OK);
	assert_non_null(strstr(error.message, scratch->path));
	input_value_free(&value);
}

/* Through a pipe it comes in pieces. */
static void standard_input_is_read_to_its_end(void **state)
{
	static uint8_t bytes[70000];
	struct input_value value = { .data = NULL };
	struct as_error error;
	int ends[2];
	(void)state;
	memset(bytes, 0x5a, sizeof(bytes));
	const int kept = dup(STDIN_FILENO);
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (size_t at = 0; at < sizeof(bytes); at += 1000)
			if (write(ends[1], bytes + at, 1000) != 1000)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	const enum as_err err = input_value_read(NULL, &value, &error);
	dup2(kept, STDIN_FILENO);
	close(kept);
	assert_int_equal(err, AS_OK);
	assert_int_equal(value.len, sizeof(bytes));
	assert_memory_equal(value.data, bytes, sizeof(bytes));
	input_value_free(&value);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_file_replaces_what_was_read_before),
		TEST(the_largest_value_is_read_and_one_byte_more_refused),
		TEST(what_cannot_be_read_is_named),
		TEST(standard_input_is_read_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
