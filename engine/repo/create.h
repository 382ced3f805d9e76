/* engine/repo/create.h - make a new repository. */
#ifndef ATTICSCOPE_CREATE_H
#define ATTICSCOPE_CREATE_H

#include "base/error.h"
#include "base/io.h"

/* as_create through another io. */
enum as_err store_create(const char *path, const struct as_settings *settings, const struct io *io,
			 struct as_error *error);

#endif
