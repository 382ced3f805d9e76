#include "build-config.h"

#include "src/input_value.h"

#include "engine/base/error.h"
#include "src/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_MAX ((size_t)AS_VALUE_MAX + 1)	/* one byte more shows that it is too much */
#define FIRST_CAPACITY 65536u			/* bytes */

static enum as_err fail(struct as_error *error, const char *name)
{
	const int sys = errno;
	if (interrupt_came())
		return as_fail(error, AS_ERR_CANCELLED, 0, "cancelled");
	return as_fail(error, as_code_of_errno(sys), sys, "%s", name);
}

static enum as_err read_all(int fd, const char *name, struct input_value *value,
			    struct as_error *error)
{
	for (;;) {
		if (value->len == value->capacity) {
			size_t capacity = value->capacity ? 2 * value->capacity : FIRST_CAPACITY;
			if (capacity > READ_MAX)
				capacity = READ_MAX;
			uint8_t *data = realloc(value->data, capacity);
			if (!data)
				return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", name);
			value->data = data;
			value->capacity = capacity;
		}
		const ssize_t got =
			read(fd, value->data + value->len, value->capacity - value->len);
		if (got == 0)
			return AS_OK;
		if (got < 0 && (errno != EINTR || interrupt_came()))
			return fail(error, name);
		if (got > 0)
			value->len += (size_t)got;
		if (value->len == READ_MAX)
			return as_fail(error, AS_ERR_TOO_LARGE, 0,
				       "%s: more than %u bytes, which is the most that an object "
				       "can hold", name, AS_VALUE_MAX);
	}
}

enum as_err input_value_read(const char *path, struct input_value *value, struct as_error *error)
{
	const char *name = path ? path : INPUT_VALUE_STDIN;
	value->len = 0;
	if (!path)
		return read_all(STDIN_FILENO, name, value, error);
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(error, name);
	const enum as_err err = read_all(fd, name, value, error);
	close(fd);
	return err;
}

void input_value_free(struct input_value *value)
{
	free(value->data);
	*value = (struct input_value){ 0 };
}
