#include "build-config.h"

#include "repair/undo_internal.h"

#include <stdint.h>
#include <stdio.h>

struct tree {
	const struct permit *permit;
	const char *folder;
	unsigned depth;		/* how many levels of folders below it are synced, too */
};

static enum as_err sync_tree(const struct tree *tree);

static enum as_err sync_name(void *context, const char *name, enum io_kind kind)
{
	const struct tree *outer = context;
	char path[UNDO_PATH_MAX];
	if ((kind != IO_KIND_FOLDER && kind != IO_KIND_UNKNOWN) ||
	    snprintf(path, sizeof(path), "%s/%s", outer->folder, name) >= (int)sizeof(path))
		return AS_OK;
	const struct tree inner = {
		.permit = outer->permit, .folder = path, .depth = outer->depth - 1,
	};
	return sync_tree(&inner);
}

/* A folder comes before those in it: what was moved must have arrived. One that cannot be opened
 * has no names that anybody saw. */
static enum as_err sync_tree(const struct tree *tree)
{
	const struct io *io = io_of(tree->permit);
	int fd;
	enum as_err err = io_sync_folder(tree->permit, tree->folder);
	if (err == AS_ERR_DOES_NOT_EXIST || err == AS_ERR_NOT_REGULAR || err == AS_ERR_DENIED)
		return AS_OK;
	if (err != AS_OK || tree->depth == 0 ||
	    io_open_folder(io, io_folder_of(tree->permit), tree->folder, &fd) != AS_OK)
		return err;
	err = io_list(io, fd, sync_name, (void *)(uintptr_t)tree);
	io_close(io, fd);
	return err;
}

enum as_err repair_make_durable(const struct repo *repo, const struct permit *permit,
				struct as_error *error)
{
	/* The ways to all folders before what was moved between them, back or forth. */
	const struct tree trees[] = {
		{ .permit = permit, .folder = "." },
		{ .permit = permit, .folder = "data" },
		{ .permit = permit, .folder = UNDO_FOLDER, .depth = 3 },	/* NAME/data/N */
		{ .permit = permit, .folder = "data", .depth = 1 },
	};
	enum as_err err = AS_OK;
	/* The tail, and the last COMMIT, which may be written and not synced. A repair finds out by
	 * itself what cannot be opened. */
	for (size_t i = repo->tail > 0 ? repo->tail - 1 : 0;
	     err == AS_OK && i < repo->listing.count; i++) {
		char path[LISTING_PATH_MAX];
		int fd;
		listing_path(&repo->listing, i, path);
		if (io_open_file(repo->io, repo->fd, path, &fd, NULL) != AS_OK)
			continue;
		err = io_sync(permit, fd);
		io_close(repo->io, fd);
	}
	for (size_t i = 0; err == AS_OK && i < ARRAY_SIZE(trees); i++)
		err = sync_tree(&trees[i]);
	return err == AS_OK ? AS_OK : undo_fail_path(err, "make durable what is there", repo->path,
						     error);
}
