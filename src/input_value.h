/* src/input_value.h - read a value to store: a file, a pipe, standard input. */
#ifndef ATTICSCOPE_INPUT_VALUE_H
#define ATTICSCOPE_INPUT_VALUE_H

#include "engine/atticstore.h"

#include <stddef.h>
#include <stdint.h>

/* The name of standard input in messages. */
#define INPUT_VALUE_STDIN "standard input"

/* All zero is empty. */
struct input_value {
	uint8_t *data;
	size_t len, capacity;
};

/* Read the whole file @path, or standard input if it is NULL, into @value, replacing what that
 * held. At most AS_VALUE_MAX + 1 bytes are read. *@error names the file. AS_ERR_TOO_LARGE;
 * AS_ERR_CANCELLED: an interrupt came; AS_ERR_MEMORY; else the codes of as_code_of_errno. */
enum as_err input_value_read(const char *path, struct input_value *value, struct as_error *error);

void input_value_free(struct input_value *value);

#endif
