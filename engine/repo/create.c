#include "build-config.h"

#include "repo/create.h"

#include "format/config.h"
#include "format/dialect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PRIVATE 0600	/* the clients' umask is 077 */
#define CONFIG_TEXT 256u	/* bytes; more than a config takes */

/* What was made so far, to be removed again after a failure. */
struct making {
	const struct dialect *dialect;
	const char *path;
	const struct io *io;
	struct permit *outside;		/* for the repository folder itself */
	struct permit *permit;
	int fd;				/* of the repository folder */
	bool made_folder, made_data, made_readme, made_config;
};

static enum as_err fail(const struct making *making, enum as_err err, const char *name,
			struct as_error *error)
{
	const int sys = err == AS_ERR_MEMORY ? 0 : errno;
	return as_fail(error, err, sys, "%s%s%s: cannot make it", making->path, name[0] ? "/" : "",
		       name);
}

static enum as_err refuse_name(void *context, const char *name, enum io_kind kind)
{
	(void)context;
	(void)name;
	(void)kind;
	return AS_ERR_ALREADY_EXISTS;
}

/* A folder of this name that holds nothing will do. */
static enum as_err make_folder(struct making *making, struct as_error *error)
{
	const struct io *io = making->io;
	enum as_err err = io_make_folder(making->outside, making->path);
	making->made_folder = err == AS_OK;
	if (err != AS_OK && err != AS_ERR_ALREADY_EXISTS)
		return fail(making, err, "", error);
	err = io_open_repository(io, making->path, &making->fd);
	if (err == AS_ERR_NOT_REGULAR)
		return as_fail(error, AS_ERR_ALREADY_EXISTS, 0, "%s: is not a folder",
			       making->path);
	if (err != AS_OK)
		return fail(making, err, "", error);
	err = io_list(io, making->fd, refuse_name, NULL);
	if (err == AS_ERR_ALREADY_EXISTS)
		return as_fail(error, err, 0, "%s: already exists and is not empty", making->path);
	if (err != AS_OK)
		return fail(making, err, "", error);
	making->permit = io_grant_permit(io, making->fd, PRIVATE);
	return making->permit ? AS_OK : fail(making, AS_ERR_MEMORY, "", error);
}

/* Under another name first: no crash leaves half a file under its own. */
static enum as_err write_file(struct making *making, const char *name, const char *text,
			      bool *is_made, struct as_error *error)
{
	char temporary[sizeof("README.tmp")];
	snprintf(temporary, sizeof(temporary), "%.6s.tmp", name);
	const enum as_err err = io_replace_bytes(making->permit, name, temporary, text,
						 strlen(text));
	*is_made = err == AS_OK;
	return err == AS_OK ? AS_OK : fail(making, err, name, error);
}

/* The config comes last, when all else is there for good: without it nothing takes the folder for a
 * repository. It is written as Python's RawConfigParser writes it. */
static enum as_err fill(struct making *making, const struct as_settings *settings,
			struct as_error *error)
{
	uint8_t id[KEY_SIZE];
	char hex[KEY_HEX_SIZE], config[CONFIG_TEXT];
	const struct dialect *dialect = making->dialect;
	enum as_err err = write_file(making, "README", dialect->readme, &making->made_readme,
				     error);
	if (err != AS_OK)
		return err;
	err = io_make_folder(making->permit, "data");
	if (err != AS_OK)
		return fail(making, err, "data", error);
	making->made_data = true;
	err = io_sync_folder(making->permit, ".");
	if (err != AS_OK)
		return fail(making, err, "", error);
	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return as_fail(error, AS_ERR_IO, errno, "%s: no random id", making->path);
	key_to_hex(id, hex);
	snprintf(config, sizeof(config),
		 "[repository]\nversion = 1\nsegments_per_dir = %" PRIu32
		 "\nmax_segment_size = %" PRIu32 "\n%sid = %s\n\n",
		 settings->segments_per_dir, settings->max_segment_size, dialect->has_options
		 ? "append_only = 0\nstorage_quota = 0\nadditional_free_space = 0\n" : "", hex);
	err = write_file(making, CONFIG_NAME, config, &making->made_config, error);
	if (err != AS_OK)
		return err;
	err = io_sync_folder(making->permit, ".");
	if (err == AS_OK && making->made_folder)
		err = io_sync_folder(making->permit, "..");
	if (err == AS_ERR_DENIED)	/* the parent may be written, but not read */
		err = AS_OK;
	return err == AS_OK ? AS_OK : fail(making, err, "", error);
}

static void take_back(const struct making *making)
{
	if (making->made_config)
		io_remove_file(making->permit, CONFIG_NAME);
	if (making->made_data)
		io_remove_folder(making->permit, "data");
	if (making->made_readme)
		io_remove_file(making->permit, "README");
	if (making->made_folder)
		io_remove_folder(making->outside, making->path);
}

enum as_err store_create(const char *path, const struct as_settings *given, const struct io *io,
			 struct as_error *error)
{
	const struct dialect *dialect =
		given && given->dialect == AS_DIALECT_BORG ? &dialect_borg : &dialect_attic;
	struct making making = { .dialect = dialect, .path = path, .io = io, .fd = -1 };
	struct as_settings settings = {
		.segments_per_dir = dialect->segments_per_dir,
		.max_segment_size = dialect->max_segment_size,
	};
	if (given && given->dialect != AS_DIALECT_ATTIC && given->dialect != AS_DIALECT_BORG)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: no such dialect", path);
	if (given && given->segments_per_dir > 0)
		settings.segments_per_dir = given->segments_per_dir;
	if (given && given->max_segment_size > 0)
		settings.max_segment_size = given->max_segment_size;
	if (settings.segments_per_dir > INT32_MAX || settings.max_segment_size > INT32_MAX)
		return as_fail(error, AS_ERR_USAGE, 0,
			       "%s: limits must lie between 1 and 2147483647", path);
	making.outside = io_grant_permit(io, AT_FDCWD, PRIVATE);
	if (!making.outside)
		return fail(&making, AS_ERR_MEMORY, "", error);
	enum as_err err = make_folder(&making, error);
	if (err == AS_OK)
		err = fill(&making, &settings, error);
	if (err != AS_OK)
		take_back(&making);
	if (making.fd >= 0)
		io_close(io, making.fd);
	io_revoke_permit(making.permit);
	io_revoke_permit(making.outside);
	return err;
}
