/* tests/support/scratch.h - a fresh folder for one test, and files of all kinds in it.
 *
 * Any failure ends the program with a message. */
#ifndef ATTICSCOPE_TESTS_SCRATCH_H
#define ATTICSCOPE_TESTS_SCRATCH_H

#include "tests/support/builder.h"

struct scratch {
	char path[BUILDER_PATH];
	int fd;			/* of the folder */
};

/* cmocka's setup and teardown: *@state is a struct scratch. The folder is removed with its
 * contents. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* @path is relative to the folder; the folders above it are made. */
void scratch_file(const struct scratch *scratch, const char *path, const void *data, size_t len);
void scratch_folder(const struct scratch *scratch, const char *path);
void scratch_link(const struct scratch *scratch, const char *path, const char *target);
void scratch_fifo(const struct scratch *scratch, const char *path);
void scratch_socket(const struct scratch *scratch, const char *path);

/* Run a shell command, which must succeed. */
void scratch_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
