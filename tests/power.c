#include "build-config.h"

#include "tests/power_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void power_need(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "power: %s: %s\n", what, strerror(errno));
	abort();
}

void *power_grow(void *rows, size_t *capacity, size_t wanted, size_t size)
{
	if (wanted <= *capacity)
		return rows;
	*capacity = wanted + wanted / 2 + 16;
	rows = realloc(rows, *capacity * size);
	power_need(rows != NULL, "out of memory");
	return rows;
}

/* ---- names ---- */

struct power_name *power_find(const struct power_names *names, size_t parent, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->rows[i].parent == parent && strcmp(names->rows[i].name, name) == 0)
			return &names->rows[i];
	return NULL;
}

void power_name_set(struct power_names *names, size_t parent, const char *name, size_t node)
{
	struct power_name *row = power_find(names, parent, name);
	if (!row) {
		names->rows = power_grow(names->rows, &names->capacity, names->count + 1,
					 sizeof(*names->rows));
		row = &names->rows[names->count++];
		row->parent = parent;
		snprintf(row->name, sizeof(row->name), "%s", name);
	}
	row->node = node;
}

void power_name_clear(struct power_names *names, size_t parent, const char *name)
{
	struct power_name *row = power_find(names, parent, name);
	if (row)
		*row = names->rows[--names->count];
}

static size_t parent_of(const struct power *power, size_t node)
{
	for (size_t i = 0; i < power->now.count; i++)
		if (power->now.rows[i].node == node)
			return power->now.rows[i].parent;
	return NO_NODE;
}

/* A path taken apart: the folder it leads to, and the last name; the folder itself where that is
 * empty. */
struct place {
	size_t parent, node;
	char name[NAME_MAX + 1];
};

static size_t step(const struct power *power, size_t folder, const char *name)
{
	if (folder == NO_NODE || !*name || strcmp(name, ".") == 0)
		return folder;
	if (strcmp(name, "..") == 0)
		return parent_of(power, folder);
	const struct power_name *row = power_find(&power->now, folder, name);
	return row ? row->node : NO_NODE;
}

static bool begin_place(const struct power *power, int dirfd, const char **path, size_t *folder)
{
	const size_t len = strlen(power->disk);
	*folder = 0;
	if (dirfd == AT_FDCWD) {
		if (strncmp(*path, power->disk, len) != 0 || ((*path)[len] && (*path)[len] != '/'))
			return false;
		*path += len;
		return true;
	}
	if ((size_t)dirfd >= power->file_count)
		return false;
	*folder = power->files[dirfd];
	return true;
}

/* False: @path is none of this disk. */
static bool find_place(const struct power *power, int dirfd, const char *path, struct place *place)
{
	size_t folder;
	if (!begin_place(power, dirfd, &path, &folder))
		return false;
	*place = (struct place){ .parent = folder, .node = folder };
	while (*path) {
		const size_t len = strcspn(path, "/");
		place->parent = place->node;
		snprintf(place->name, sizeof(place->name), "%.*s", (int)len, path);
		place->node = step(power, place->parent, place->name);
		path += len;
		path += strspn(path, "/");
	}
	return place->parent != NO_NODE;
}

/* ---- the record ---- */

static size_t add_node(struct power *power, bool is_folder, mode_t mode)
{
	power->nodes = power_grow(power->nodes, &power->node_capacity, power->node_count + 1,
				  sizeof(*power->nodes));
	power->nodes[power->node_count] = (struct power_node){
		.is_folder = is_folder, .mode = mode & 07777,
	};
	return power->node_count++;
}

static struct power_change *add_change(struct power *power, enum power_kind kind, size_t node)
{
	power->changes = power_grow(power->changes, &power->change_capacity,
				    power->change_count + 1, sizeof(*power->changes));
	struct power_change *change = &power->changes[power->change_count++];
	*change = (struct power_change){ .kind = kind, .node = node };
	return change;
}

static struct power_change *add_named(struct power *power, enum power_kind kind, size_t node,
				      const struct place *place)
{
	struct power_change *change = add_change(power, kind, node);
	change->parent = place->parent;
	memcpy(change->name, place->name, sizeof(change->name));
	return change;
}

static void set_file(struct power *power, int fd, size_t node)
{
	const size_t wanted = (size_t)fd + 1;
	if (wanted > power->file_count) {
		power->files = realloc(power->files, wanted * sizeof(*power->files));
		power_need(power->files != NULL, "out of memory");
	}
	for (; power->file_count < wanted; power->file_count++)
		power->files[power->file_count] = NO_NODE;
	power->files[fd] = node;
}

static size_t node_of(const struct power *power, int fd)
{
	return fd >= 0 && (size_t)fd < power->file_count ? power->files[fd] : NO_NODE;
}

static bool is_stopped(const struct power *power)
{
	errno = EIO;
	return power->change_count >= power->stop_at;
}

/* Every change must be seen: one that goes by unrecorded would make all states wrong. */
static void need_place(const struct power *power, int dirfd, const char *path, struct place *place)
{
	power_need(find_place(power, dirfd, path, place), path);
}

/* ---- the calls ---- */

static int power_open(const struct io *io, int dirfd, const char *path, int flags)
{
	struct power *power = io->context;
	struct place place;
	pthread_mutex_lock(&power->mutex);
	const int fd = io_system.open(&io_system, dirfd, path, flags);
	if (fd >= 0)
		set_file(power, fd,
			 find_place(power, dirfd, path, &place) ? place.node : NO_NODE);
	pthread_mutex_unlock(&power->mutex);
	return fd;
}

static int power_close(const struct io *io, int fd)
{
	struct power *power = io->context;
	pthread_mutex_lock(&power->mutex);
	if (fd >= 0)
		set_file(power, fd, NO_NODE);
	const int result = io_system.close(&io_system, fd);
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static ssize_t power_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	(void)io;
	return io_system.pread(&io_system, fd, buffer, len, offset);
}

static int power_fstat(const struct io *io, int fd, struct stat *st)
{
	(void)io;
	return io_system.fstat(&io_system, fd, st);
}

static int power_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st,
			 int flags)
{
	(void)io;
	return io_system.fstatat(&io_system, dirfd, path, st, flags);
}

static ssize_t power_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	(void)io;
	return io_system.getdents64(&io_system, fd, buffer, len);
}

static int power_fstatvfs(const struct io *io, int fd, struct statvfs *st)
{
	(void)io;
	return io_system.fstatvfs(&io_system, fd, st);
}

static int power_create(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct power *power = io->context;
	struct place place;
	struct stat st;
	pthread_mutex_lock(&power->mutex);
	const int fd = is_stopped(power) ? -1 : io_system.create(&io_system, dirfd, path, mode);
	if (fd >= 0) {
		need_place(power, dirfd, path, &place);
		power_need(fstat(fd, &st) == 0, path);
		const size_t node = add_node(power, false, st.st_mode);
		add_named(power, POWER_CREATE, node, &place);
		power_name_set(&power->now, place.parent, place.name, node);
		set_file(power, fd, node);
	}
	pthread_mutex_unlock(&power->mutex);
	return fd;
}

static ssize_t power_pwrite(const struct io *io, int fd, const void *data, size_t len, off_t offset)
{
	struct power *power = io->context;
	pthread_mutex_lock(&power->mutex);
	const ssize_t done =
		is_stopped(power) ? -1 : io_system.pwrite(&io_system, fd, data, len, offset);
	if (done > 0) {
		const size_t node = node_of(power, fd);
		power_need(node != NO_NODE, "a write to a file that is not known");
		struct power_change *change = add_change(power, POWER_WRITE, node);
		change->offset = (uint64_t)offset;
		change->len = (size_t)done;
		change->bytes = malloc(change->len);
		power_need(change->bytes != NULL, "out of memory");
		memcpy(change->bytes, data, change->len);
	}
	pthread_mutex_unlock(&power->mutex);
	return done;
}

static int power_ftruncate(const struct io *io, int fd, off_t len)
{
	struct power *power = io->context;
	pthread_mutex_lock(&power->mutex);
	const int result = is_stopped(power) ? -1 : io_system.ftruncate(&io_system, fd, len);
	if (result == 0) {
		const size_t node = node_of(power, fd);
		power_need(node != NO_NODE, "a truncation of a file that is not known");
		add_change(power, POWER_TRUNCATE, node)->offset = (uint64_t)len;
	}
	pthread_mutex_unlock(&power->mutex);
	return result;
}

/* Never really: the tests would take their time from the disk. */
static int power_fsync(const struct io *io, int fd)
{
	struct power *power = io->context;
	pthread_mutex_lock(&power->mutex);
	const size_t node = node_of(power, fd);
	const int result = is_stopped(power) ? -1 : 0;
	power_need(node != NO_NODE, "a sync of a file that is not known");
	if (result == 0)
		add_change(power, POWER_SYNC, node);
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static int power_mkdirat(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct power *power = io->context;
	struct place place;
	pthread_mutex_lock(&power->mutex);
	const int result =
		is_stopped(power) ? -1 : io_system.mkdirat(&io_system, dirfd, path, mode);
	if (result == 0) {
		need_place(power, dirfd, path, &place);
		const size_t node = add_node(power, true, mode);
		add_named(power, POWER_FOLDER, node, &place);
		power_name_set(&power->now, place.parent, place.name, node);
	}
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static int power_renameat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct power *power = io->context;
	struct place old, new;
	pthread_mutex_lock(&power->mutex);
	const int result = is_stopped(power) ? -1 : io_system.renameat(&io_system, dirfd, from, to);
	if (result == 0) {
		need_place(power, dirfd, from, &old);
		need_place(power, dirfd, to, &new);
	}
	/* Onto another name of the same file it does nothing, and both stay. */
	if (result == 0 && old.node != new.node) {
		struct power_change *change = add_named(power, POWER_RENAME, old.node, &new);
		change->from = old.parent;
		memcpy(change->from_name, old.name, sizeof(change->from_name));
		power_name_clear(&power->now, old.parent, old.name);
		power_name_set(&power->now, new.parent, new.name, old.node);
	}
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static int power_linkat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct power *power = io->context;
	struct place old, new;
	pthread_mutex_lock(&power->mutex);
	const int result = is_stopped(power) ? -1 : io_system.linkat(&io_system, dirfd, from, to);
	if (result == 0) {
		need_place(power, dirfd, from, &old);
		need_place(power, dirfd, to, &new);
		add_named(power, POWER_LINK, old.node, &new);
		power_name_set(&power->now, new.parent, new.name, old.node);
	}
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static int power_unlinkat(const struct io *io, int dirfd, const char *path, int flags)
{
	struct power *power = io->context;
	struct place place;
	pthread_mutex_lock(&power->mutex);
	const int result =
		is_stopped(power) ? -1 : io_system.unlinkat(&io_system, dirfd, path, flags);
	if (result == 0) {
		need_place(power, dirfd, path, &place);
		add_named(power, flags & AT_REMOVEDIR ? POWER_REMOVE_FOLDER : POWER_REMOVE,
			  place.node, &place);
		power_name_clear(&power->now, place.parent, place.name);
	}
	pthread_mutex_unlock(&power->mutex);
	return result;
}

static const struct io power_calls = {
	.open = power_open,
	.close = power_close,
	.pread = power_pread,
	.fstat = power_fstat,
	.fstatat = power_fstatat,
	.getdents64 = power_getdents64,
	.create = power_create,
	.pwrite = power_pwrite,
	.ftruncate = power_ftruncate,
	.fsync = power_fsync,
	.begin_sync = NULL,
	.mkdirat = power_mkdirat,
	.renameat = power_renameat,
	.linkat = power_linkat,
	.unlinkat = power_unlinkat,
	.fstatvfs = power_fstatvfs,
	.context = NULL,
};

/* ---- the beginning ---- */

/* Files with several names are one node. */
struct seen {
	dev_t device;
	ino_t inode;
	size_t node;
};

struct snapshot {
	struct power *power;
	struct seen *seen;
	size_t seen_count, seen_capacity;
};

static size_t take_file(struct snapshot *snapshot, const char *path, const struct stat *st)
{
	struct power *power = snapshot->power;
	for (size_t i = 0; i < snapshot->seen_count; i++)
		if (snapshot->seen[i].device == st->st_dev && snapshot->seen[i].inode == st->st_ino)
			return snapshot->seen[i].node;
	const size_t node = add_node(power, false, st->st_mode);
	uint8_t *bytes = malloc((size_t)st->st_size + 1);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	power_need(bytes && fd >= 0 && read(fd, bytes, (size_t)st->st_size) == st->st_size, path);
	close(fd);
	power->nodes[node].bytes = bytes;
	power->nodes[node].len = (size_t)st->st_size;
	snapshot->seen = power_grow(snapshot->seen, &snapshot->seen_capacity,
				    snapshot->seen_count + 1, sizeof(*snapshot->seen));
	snapshot->seen[snapshot->seen_count++] = (struct seen){
		.device = st->st_dev, .inode = st->st_ino, .node = node,
	};
	return node;
}

static void take_folder(struct snapshot *snapshot, const char *path, size_t folder)
{
	struct power *power = snapshot->power;
	DIR *names = opendir(path);
	const struct dirent *entry;
	power_need(names != NULL, path);
	while ((entry = readdir(names)) != NULL) {
		char below[2 * BUILDER_PATH];
		struct stat st;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		power_need(snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) <
			   (int)sizeof(below), "a long path");
		power_need(lstat(below, &st) == 0, below);
		power_need(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode), below);
		const size_t node = S_ISDIR(st.st_mode) ? add_node(power, true, st.st_mode)
							: take_file(snapshot, below, &st);
		power_name_set(&power->start, folder, entry->d_name, node);
		if (S_ISDIR(st.st_mode))
			take_folder(snapshot, below, node);
	}
	closedir(names);
}

struct power *power_new(const char *disk)
{
	struct power *power = calloc(1, sizeof(*power));
	power_need(power != NULL, "out of memory");
	struct snapshot snapshot = { .power = power };
	power->io = power_calls;
	power->io.context = power;
	power->stop_at = SIZE_MAX;
	pthread_mutex_init(&power->mutex, NULL);
	snprintf(power->disk, sizeof(power->disk), "%s", disk);
	add_node(power, true, 0700);
	take_folder(&snapshot, disk, 0);
	free(snapshot.seen);
	for (size_t i = 0; i < power->start.count; i++)
		power_name_set(&power->now, power->start.rows[i].parent,
			       power->start.rows[i].name, power->start.rows[i].node);
	return power;
}

void power_free(struct power *power)
{
	for (size_t i = 0; i < power->node_count; i++)
		free(power->nodes[i].bytes);
	for (size_t i = 0; i < power->change_count; i++)
		free(power->changes[i].bytes);
	free(power->nodes);
	free(power->changes);
	free(power->start.rows);
	free(power->now.rows);
	free(power->files);
	pthread_mutex_destroy(&power->mutex);
	free(power);
}

const struct io *power_io(struct power *power)
{
	return &power->io;
}

void power_stop_at(struct power *power, size_t change)
{
	power->stop_at = change;
}

size_t power_changes(const struct power *power)
{
	return power->change_count;
}

/* ---- in words ---- */

/* The newest name that the record gives @node. */
static const char *name_of(const struct power *power, size_t node)
{
	if (node == 0)
		return ".";
	for (size_t i = power->change_count; i-- > 0;)
		if (power->changes[i].node == node && power->changes[i].name[0] != '\0')
			return power->changes[i].name;
	for (size_t i = 0; i < power->start.count; i++)
		if (power->start.rows[i].node == node)
			return power->start.rows[i].name;
	return "?";
}

void power_describe(const struct power *power, size_t number, char out[POWER_TEXT])
{
	static const char *const verbs[] = {
		[POWER_CREATE] = "create", [POWER_WRITE] = "write", [POWER_TRUNCATE] = "truncate",
		[POWER_SYNC] = "sync", [POWER_FOLDER] = "mkdir", [POWER_RENAME] = "rename",
		[POWER_LINK] = "link", [POWER_REMOVE] = "unlink", [POWER_REMOVE_FOLDER] = "rmdir",
	};
	const struct power_change *change = &power->changes[number];
	const char *verb = verbs[change->kind];
	if (change->kind == POWER_WRITE)
		snprintf(out, POWER_TEXT, "%s %s %llu+%zu", verb, name_of(power, change->node),
			 (unsigned long long)change->offset, change->len);
	else if (change->kind == POWER_TRUNCATE || change->kind == POWER_SYNC)
		snprintf(out, POWER_TEXT, "%s %s", verb, name_of(power, change->node));
	else if (change->kind == POWER_RENAME)
		snprintf(out, POWER_TEXT, "%s %s/%s to %s/%s", verb, name_of(power, change->from),
			 change->from_name, name_of(power, change->parent), change->name);
	else
		snprintf(out, POWER_TEXT, "%s %s/%s", verb, name_of(power, change->parent),
			 change->name);
}
