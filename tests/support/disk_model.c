#include "build-config.h"

#include "tests/support/disk_model_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void disk_model_need(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "disk_model: %s: %s\n", what, strerror(errno));
	abort();
}

void *disk_model_grow(void *rows, size_t *capacity, size_t wanted, size_t size)
{
	if (wanted <= *capacity)
		return rows;
	*capacity = wanted + wanted / 2 + 16;
	rows = realloc(rows, *capacity * size);
	disk_model_need(rows != NULL, "out of memory");
	return rows;
}

/* ---- names ---- */

struct disk_name *disk_name_find(const struct disk_names *names, size_t parent, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->rows[i].parent == parent && strcmp(names->rows[i].name, name) == 0)
			return &names->rows[i];
	return NULL;
}

void disk_name_set(struct disk_names *names, size_t parent, const char *name, size_t node)
{
	struct disk_name *row = disk_name_find(names, parent, name);
	if (!row) {
		names->rows = disk_model_grow(names->rows, &names->capacity, names->count + 1,
					      sizeof(*names->rows));
		row = &names->rows[names->count++];
		row->parent = parent;
		snprintf(row->name, sizeof(row->name), "%s", name);
	}
	row->node = node;
}

void disk_name_clear(struct disk_names *names, size_t parent, const char *name)
{
	struct disk_name *row = disk_name_find(names, parent, name);
	if (row)
		*row = names->rows[--names->count];
}

static size_t parent_of(const struct disk_model *model, size_t node)
{
	for (size_t i = 0; i < model->now.count; i++)
		if (model->now.rows[i].node == node)
			return model->now.rows[i].parent;
	return NO_NODE;
}

/* A path taken apart: the folder that it leads to, and the last name, which is empty for the folder
 * itself. */
struct place {
	size_t parent, node;
	char name[NAME_MAX + 1];
};

static size_t step(const struct disk_model *model, size_t folder, const char *name)
{
	if (folder == NO_NODE || !*name || strcmp(name, ".") == 0)
		return folder;
	if (strcmp(name, "..") == 0)
		return parent_of(model, folder);
	const struct disk_name *row = disk_name_find(&model->now, folder, name);
	return row ? row->node : NO_NODE;
}

static bool begin_place(const struct disk_model *model, int dirfd, const char **path,
			size_t *folder)
{
	const size_t len = strlen(model->disk);
	*folder = 0;
	if (dirfd == AT_FDCWD) {
		if (strncmp(*path, model->disk, len) != 0 || ((*path)[len] && (*path)[len] != '/'))
			return false;
		*path += len;
		return true;
	}
	if ((size_t)dirfd >= model->file_count)
		return false;
	*folder = model->files[dirfd];
	return true;
}

/* False: @path is not on this disk. */
static bool find_place(const struct disk_model *model, int dirfd, const char *path,
		       struct place *place)
{
	size_t folder;
	if (!begin_place(model, dirfd, &path, &folder))
		return false;
	*place = (struct place){ .parent = folder, .node = folder };
	while (*path) {
		const size_t len = strcspn(path, "/");
		place->parent = place->node;
		snprintf(place->name, sizeof(place->name), "%.*s", (int)len, path);
		place->node = step(model, place->parent, place->name);
		path += len;
		path += strspn(path, "/");
	}
	return place->parent != NO_NODE;
}

/* ---- the record ---- */

static size_t add_node(struct disk_model *model, bool is_folder, mode_t mode)
{
	model->nodes = disk_model_grow(model->nodes, &model->node_capacity, model->node_count + 1,
				       sizeof(*model->nodes));
	model->nodes[model->node_count] = (struct disk_node){
		.is_folder = is_folder, .mode = mode & 07777,
	};
	return model->node_count++;
}

static struct disk_change *add_change(struct disk_model *model, enum disk_change_kind kind,
				      size_t node)
{
	model->changes = disk_model_grow(model->changes, &model->change_capacity,
					 model->change_count + 1, sizeof(*model->changes));
	struct disk_change *change = &model->changes[model->change_count++];
	*change = (struct disk_change){ .kind = kind, .node = node };
	return change;
}

static struct disk_change *add_named(struct disk_model *model, enum disk_change_kind kind,
				     size_t node, const struct place *place)
{
	struct disk_change *change = add_change(model, kind, node);
	change->parent = place->parent;
	memcpy(change->name, place->name, sizeof(change->name));
	return change;
}

static void set_file(struct disk_model *model, int fd, size_t node)
{
	const size_t wanted = (size_t)fd + 1;
	if (wanted > model->file_count) {
		model->files = realloc(model->files, wanted * sizeof(*model->files));
		disk_model_need(model->files != NULL, "out of memory");
	}
	for (; model->file_count < wanted; model->file_count++)
		model->files[model->file_count] = NO_NODE;
	model->files[fd] = node;
}

static size_t node_of(const struct disk_model *model, int fd)
{
	return fd >= 0 && (size_t)fd < model->file_count ? model->files[fd] : NO_NODE;
}

static bool is_stopped(const struct disk_model *model)
{
	errno = EIO;
	return model->change_count >= model->stop_at;
}

/* Every change must be recorded: one that is missed would make all states wrong. */
static void need_place(const struct disk_model *model, int dirfd, const char *path,
		       struct place *place)
{
	disk_model_need(find_place(model, dirfd, path, place), path);
}

/* ---- the calls ---- */

static int disk_open(const struct io *io, int dirfd, const char *path, int flags)
{
	struct disk_model *model = io->context;
	struct place place;
	pthread_mutex_lock(&model->mutex);
	const int fd = io_system.open(&io_system, dirfd, path, flags);
	if (fd >= 0)
		set_file(model, fd,
			 find_place(model, dirfd, path, &place) ? place.node : NO_NODE);
	pthread_mutex_unlock(&model->mutex);
	return fd;
}

static int disk_close(const struct io *io, int fd)
{
	struct disk_model *model = io->context;
	pthread_mutex_lock(&model->mutex);
	if (fd >= 0)
		set_file(model, fd, NO_NODE);
	const int result = io_system.close(&io_system, fd);
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static ssize_t disk_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	(void)io;
	return io_system.pread(&io_system, fd, buffer, len, offset);
}

static int disk_fstat(const struct io *io, int fd, struct stat *st)
{
	(void)io;
	return io_system.fstat(&io_system, fd, st);
}

static int disk_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st,
			int flags)
{
	(void)io;
	return io_system.fstatat(&io_system, dirfd, path, st, flags);
}

static ssize_t disk_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	(void)io;
	return io_system.getdents64(&io_system, fd, buffer, len);
}

static int disk_fstatvfs(const struct io *io, int fd, struct statvfs *st)
{
	(void)io;
	return io_system.fstatvfs(&io_system, fd, st);
}

static int disk_create(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct disk_model *model = io->context;
	struct place place;
	struct stat st;
	pthread_mutex_lock(&model->mutex);
	const int fd = is_stopped(model) ? -1 : io_system.create(&io_system, dirfd, path, mode);
	if (fd >= 0) {
		need_place(model, dirfd, path, &place);
		disk_model_need(fstat(fd, &st) == 0, path);
		const size_t node = add_node(model, false, st.st_mode);
		add_named(model, DISK_CREATE, node, &place);
		disk_name_set(&model->now, place.parent, place.name, node);
		set_file(model, fd, node);
	}
	pthread_mutex_unlock(&model->mutex);
	return fd;
}

static ssize_t disk_pwrite(const struct io *io, int fd, const void *data, size_t len, off_t offset)
{
	struct disk_model *model = io->context;
	pthread_mutex_lock(&model->mutex);
	const ssize_t done =
		is_stopped(model) ? -1 : io_system.pwrite(&io_system, fd, data, len, offset);
	if (done > 0) {
		const size_t node = node_of(model, fd);
		disk_model_need(node != NO_NODE, "a write to an unknown file");
		struct disk_change *change = add_change(model, DISK_WRITE, node);
		change->offset = (uint64_t)offset;
		change->len = (size_t)done;
		change->bytes = malloc(change->len);
		disk_model_need(change->bytes != NULL, "out of memory");
		memcpy(change->bytes, data, change->len);
	}
	pthread_mutex_unlock(&model->mutex);
	return done;
}

static int disk_ftruncate(const struct io *io, int fd, off_t len)
{
	struct disk_model *model = io->context;
	pthread_mutex_lock(&model->mutex);
	const int result = is_stopped(model) ? -1 : io_system.ftruncate(&io_system, fd, len);
	if (result == 0) {
		const size_t node = node_of(model, fd);
		disk_model_need(node != NO_NODE, "a truncation of an unknown file");
		add_change(model, DISK_TRUNCATE, node)->offset = (uint64_t)len;
	}
	pthread_mutex_unlock(&model->mutex);
	return result;
}

/* Recorded but not done: real syncs would make the tests slow. */
static int disk_fsync(const struct io *io, int fd)
{
	struct disk_model *model = io->context;
	pthread_mutex_lock(&model->mutex);
	const size_t node = node_of(model, fd);
	const int result = is_stopped(model) ? -1 : 0;
	disk_model_need(node != NO_NODE, "a sync of an unknown file");
	if (result == 0)
		add_change(model, DISK_SYNC, node);
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static int disk_mkdirat(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct disk_model *model = io->context;
	struct place place;
	pthread_mutex_lock(&model->mutex);
	const int result =
		is_stopped(model) ? -1 : io_system.mkdirat(&io_system, dirfd, path, mode);
	if (result == 0) {
		need_place(model, dirfd, path, &place);
		const size_t node = add_node(model, true, mode);
		add_named(model, DISK_FOLDER, node, &place);
		disk_name_set(&model->now, place.parent, place.name, node);
	}
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static int disk_renameat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct disk_model *model = io->context;
	struct place old, new;
	pthread_mutex_lock(&model->mutex);
	const int result = is_stopped(model) ? -1 : io_system.renameat(&io_system, dirfd, from, to);
	if (result == 0) {
		need_place(model, dirfd, from, &old);
		need_place(model, dirfd, to, &new);
	}
	/* Renaming onto another name of the same file does nothing, and both stay. */
	if (result == 0 && old.node != new.node) {
		struct disk_change *change = add_named(model, DISK_RENAME, old.node, &new);
		change->from = old.parent;
		memcpy(change->from_name, old.name, sizeof(change->from_name));
		disk_name_clear(&model->now, old.parent, old.name);
		disk_name_set(&model->now, new.parent, new.name, old.node);
	}
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static int disk_linkat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct disk_model *model = io->context;
	struct place old, new;
	pthread_mutex_lock(&model->mutex);
	const int result = is_stopped(model) ? -1 : io_system.linkat(&io_system, dirfd, from, to);
	if (result == 0) {
		need_place(model, dirfd, from, &old);
		need_place(model, dirfd, to, &new);
		add_named(model, DISK_LINK, old.node, &new);
		disk_name_set(&model->now, new.parent, new.name, old.node);
	}
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static int disk_unlinkat(const struct io *io, int dirfd, const char *path, int flags)
{
	struct disk_model *model = io->context;
	struct place place;
	pthread_mutex_lock(&model->mutex);
	const int result =
		is_stopped(model) ? -1 : io_system.unlinkat(&io_system, dirfd, path, flags);
	if (result == 0) {
		need_place(model, dirfd, path, &place);
		add_named(model, flags & AT_REMOVEDIR ? DISK_REMOVE_FOLDER : DISK_REMOVE,
			  place.node, &place);
		disk_name_clear(&model->now, place.parent, place.name);
	}
	pthread_mutex_unlock(&model->mutex);
	return result;
}

static const struct io disk_calls = {
	.open = disk_open,
	.close = disk_close,
	.pread = disk_pread,
	.fstat = disk_fstat,
	.fstatat = disk_fstatat,
	.getdents64 = disk_getdents64,
	.create = disk_create,
	.pwrite = disk_pwrite,
	.ftruncate = disk_ftruncate,
	.fsync = disk_fsync,
	.begin_sync = NULL,
	.mkdirat = disk_mkdirat,
	.renameat = disk_renameat,
	.linkat = disk_linkat,
	.unlinkat = disk_unlinkat,
	.fstatvfs = disk_fstatvfs,
	.context = NULL,
};

/* ---- the beginning ---- */

/* A file with several names is one node. */
struct seen {
	dev_t device;
	ino_t inode;
	size_t node;
};

struct snapshot {
	struct disk_model *model;
	struct seen *seen;
	size_t seen_count, seen_capacity;
};

static size_t load_file(struct snapshot *snapshot, const char *path, const struct stat *st)
{
	struct disk_model *model = snapshot->model;
	for (size_t i = 0; i < snapshot->seen_count; i++)
		if (snapshot->seen[i].device == st->st_dev && snapshot->seen[i].inode == st->st_ino)
			return snapshot->seen[i].node;
	const size_t node = add_node(model, false, st->st_mode);
	uint8_t *bytes = malloc((size_t)st->st_size + 1);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	disk_model_need(bytes && fd >= 0 && read(fd, bytes, (size_t)st->st_size) == st->st_size,
			path);
	close(fd);
	model->nodes[node].bytes = bytes;
	model->nodes[node].len = (size_t)st->st_size;
	snapshot->seen = disk_model_grow(snapshot->seen, &snapshot->seen_capacity,
					 snapshot->seen_count + 1, sizeof(*snapshot->seen));
	snapshot->seen[snapshot->seen_count++] = (struct seen){
		.device = st->st_dev, .inode = st->st_ino, .node = node,
	};
	return node;
}

static void load_folder(struct snapshot *snapshot, const char *path, size_t folder)
{
	struct disk_model *model = snapshot->model;
	DIR *names = opendir(path);
	const struct dirent *entry;
	disk_model_need(names != NULL, path);
	while ((entry = readdir(names)) != NULL) {
		char below[2 * BUILDER_PATH];
		struct stat st;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		disk_model_need(snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) <
				(int)sizeof(below), "a long path");
		disk_model_need(lstat(below, &st) == 0, below);
		disk_model_need(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode), below);
		const size_t node = S_ISDIR(st.st_mode) ? add_node(model, true, st.st_mode)
							: load_file(snapshot, below, &st);
		disk_name_set(&model->start, folder, entry->d_name, node);
		if (S_ISDIR(st.st_mode))
			load_folder(snapshot, below, node);
	}
	closedir(names);
}

struct disk_model *disk_model_new(const char *disk)
{
	struct disk_model *model = calloc(1, sizeof(*model));
	disk_model_need(model != NULL, "out of memory");
	struct snapshot snapshot = { .model = model };
	model->io = disk_calls;
	model->io.context = model;
	model->stop_at = SIZE_MAX;
	pthread_mutex_init(&model->mutex, NULL);
	snprintf(model->disk, sizeof(model->disk), "%s", disk);
	add_node(model, true, 0700);
	load_folder(&snapshot, disk, 0);
	free(snapshot.seen);
	for (size_t i = 0; i < model->start.count; i++)
		disk_name_set(&model->now, model->start.rows[i].parent,
			      model->start.rows[i].name, model->start.rows[i].node);
	return model;
}

void disk_model_free(struct disk_model *model)
{
	for (size_t i = 0; i < model->node_count; i++)
		free(model->nodes[i].bytes);
	for (size_t i = 0; i < model->change_count; i++)
		free(model->changes[i].bytes);
	free(model->nodes);
	free(model->changes);
	free(model->start.rows);
	free(model->now.rows);
	free(model->files);
	pthread_mutex_destroy(&model->mutex);
	free(model);
}

const struct io *disk_model_io(struct disk_model *model)
{
	return &model->io;
}

void disk_model_stop_at(struct disk_model *model, size_t change)
{
	model->stop_at = change;
}

size_t disk_model_changes(const struct disk_model *model)
{
	return model->change_count;
}

/* ---- in words ---- */

/* The newest name of @node in the record. */
static const char *name_of(const struct disk_model *model, size_t node)
{
	if (node == 0)
		return ".";
	for (size_t i = model->change_count; i-- > 0;)
		if (model->changes[i].node == node && model->changes[i].name[0] != '\0')
			return model->changes[i].name;
	for (size_t i = 0; i < model->start.count; i++)
		if (model->start.rows[i].node == node)
			return model->start.rows[i].name;
	return "?";
}

void disk_model_describe(const struct disk_model *model, size_t number, char out[DISK_TEXT])
{
	static const char *const verbs[] = {
		[DISK_CREATE] = "create", [DISK_WRITE] = "write", [DISK_TRUNCATE] = "truncate",
		[DISK_SYNC] = "sync", [DISK_FOLDER] = "mkdir", [DISK_RENAME] = "rename",
		[DISK_LINK] = "link", [DISK_REMOVE] = "unlink", [DISK_REMOVE_FOLDER] = "rmdir",
	};
	const struct disk_change *change = &model->changes[number];
	const char *verb = verbs[change->kind];
	if (change->kind == DISK_WRITE)
		snprintf(out, DISK_TEXT, "%s %s %llu+%zu", verb, name_of(model, change->node),
			 (unsigned long long)change->offset, change->len);
	else if (change->kind == DISK_TRUNCATE || change->kind == DISK_SYNC)
		snprintf(out, DISK_TEXT, "%s %s", verb, name_of(model, change->node));
	else if (change->kind == DISK_RENAME)
		snprintf(out, DISK_TEXT, "%s %s/%s to %s/%s", verb, name_of(model, change->from),
			 change->from_name, name_of(model, change->parent), change->name);
	else
		snprintf(out, DISK_TEXT, "%s %s/%s", verb, name_of(model, change->parent),
			 change->name);
}
