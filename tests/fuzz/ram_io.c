#include "build-config.h"

#include "tests/fuzz/ram_io.h"

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FIRST_FD 1000000	/* no descriptor of the system's */
#define FDS 256u
#define NAME_SIZE 256u
#define FILE_MAX (64u << 20)
#define ROOT 0u
#define NOTHING UINT32_MAX

struct node {
	bool is_folder;
	unsigned links, opens;
	uint8_t *bytes;
	size_t len, capacity;
	struct timespec changed;
};

struct name {
	uint32_t folder, node;		/* node is NOTHING after its removal */
	char text[NAME_SIZE];
};

struct open_node {
	uint32_t node;			/* NOTHING: free */
	uint32_t next;			/* of a listing */
};

struct ram {
	struct io io;
	pthread_mutex_t mutex;
	struct node nodes[RAM_NODES];
	struct name names[RAM_NAMES];
	struct open_node fds[FDS];
	uint32_t node_count, name_count;
	uint64_t changes;
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* ---- names ---- */

static uint32_t find_name(const struct ram *ram, uint32_t folder, const char *text, size_t len)
{
	for (uint32_t i = 0; i < ram->name_count; i++) {
		const struct name *name = &ram->names[i];
		if (name->folder == folder && name->node != NOTHING &&
		    strncmp(name->text, text, len) == 0 && name->text[len] == '\0')
			return i;
	}
	return NOTHING;
}

/* A path up to its last part: the folder of that part, and its name. */
struct place {
	uint32_t folder;
	const char *last;		/* empty: the folder itself is meant */
	uint32_t name;			/* NOTHING: there is none */
};

static uint32_t folder_of(const struct ram *ram, int dirfd)
{
	if (dirfd == AT_FDCWD)
		return ROOT;
	need(dirfd >= FIRST_FD && dirfd < FIRST_FD + (int)FDS);
	return ram->fds[dirfd - FIRST_FD].node;
}

static int walk(const struct ram *ram, int dirfd, const char *path, struct place *place)
{
	*place = (struct place){ folder_of(ram, dirfd), "", NOTHING };
	if (path[0] == '/' || strcmp(path, ".") == 0)
		return 0;
	for (;;) {
		const size_t len = strcspn(path, "/");
		/* The engine never asks for the folder above. */
		need(strncmp(path, "..", len) != 0 || len != 2);
		if (!ram->nodes[place->folder].is_folder)
			return fail(ENOTDIR);
		if (len >= NAME_SIZE)
			return fail(ENAMETOOLONG);
		place->last = path;
		place->name = find_name(ram, place->folder, path, len);
		if (path[len] == '\0')
			return 0;
		if (place->name == NOTHING)
			return fail(ENOENT);
		place->folder = ram->names[place->name].node;
		path += len + 1;
	}
}

/* The node that @path names, or NOTHING and errno. */
static uint32_t find(const struct ram *ram, int dirfd, const char *path)
{
	struct place place;
	if (walk(ram, dirfd, path, &place) != 0)
		return NOTHING;
	if (place.last[0] == '\0')
		return place.folder;
	if (place.name == NOTHING) {
		errno = ENOENT;
		return NOTHING;
	}
	return ram->names[place.name].node;
}

/* ---- changes ---- */

/* Times count the changes, so that no two are equal. */
static void touch(struct ram *ram, uint32_t node)
{
	ram->changes++;
	ram->nodes[node].changed = (struct timespec){ .tv_sec = (time_t)ram->changes };
}

static bool is_folder(const struct ram *ram, uint32_t node)
{
	return ram->nodes[node].is_folder;
}

static void release(struct ram *ram, uint32_t number)
{
	struct node *node = &ram->nodes[number];
	if (node->links > 0 || node->opens > 0)
		return;
	free(node->bytes);
	node->bytes = NULL;
}

static int give_name(struct ram *ram, const struct place *place, uint32_t node)
{
	if (ram->name_count == RAM_NAMES)
		return fail(ENOSPC);
	struct name *name = &ram->names[ram->name_count++];
	*name = (struct name){ .folder = place->folder, .node = node };
	snprintf(name->text, sizeof(name->text), "%s", place->last);
	ram->nodes[node].links++;
	touch(ram, node);
	touch(ram, place->folder);
	return 0;
}

static void drop_name(struct ram *ram, uint32_t number)
{
	struct name *name = &ram->names[number];
	const uint32_t node = name->node;
	name->node = NOTHING;
	ram->nodes[node].links--;
	touch(ram, node);
	touch(ram, name->folder);
	release(ram, node);
}

/* Make a file or folder in the place that walk found. */
static int make(struct ram *ram, const struct place *place, bool folder, uint32_t *node)
{
	if (place->last[0] == '\0' || place->name != NOTHING)
		return fail(EEXIST);
	if (ram->node_count == RAM_NODES)
		return fail(ENOSPC);
	*node = ram->node_count;
	ram->nodes[*node] = (struct node){ .is_folder = folder };
	if (give_name(ram, place, *node) != 0)
		return -1;
	ram->node_count++;
	return 0;
}

static bool is_empty(const struct ram *ram, uint32_t folder)
{
	for (uint32_t i = 0; i < ram->name_count; i++)
		if (ram->names[i].folder == folder && ram->names[i].node != NOTHING)
			return false;
	return true;
}

static int resize(struct node *node, size_t len)
{
	if (len > FILE_MAX)
		return fail(ENOSPC);
	if (len > node->capacity) {
		const size_t capacity = len > 2 * node->capacity ? len : 2 * node->capacity;
		uint8_t *bytes = realloc(node->bytes, capacity);
		if (!bytes)
			return fail(ENOSPC);
		node->bytes = bytes;
		node->capacity = capacity;
	}
	if (len > node->len)
		memset(node->bytes + node->len, 0, len - node->len);
	node->len = len;
	return 0;
}

/* ---- descriptors ---- */

static int open_node(struct ram *ram, uint32_t node)
{
	for (unsigned i = 0; i < FDS; i++) {
		if (ram->fds[i].node != NOTHING)
			continue;
		ram->fds[i] = (struct open_node){ .node = node };
		ram->nodes[node].opens++;
		return FIRST_FD + (int)i;
	}
	return fail(EMFILE);
}

static struct open_node *opened(struct ram *ram, int fd)
{
	need(fd >= FIRST_FD && fd < FIRST_FD + (int)FDS);
	struct open_node *open = &ram->fds[fd - FIRST_FD];
	need(open->node != NOTHING);
	return open;
}

static struct node *file_of(struct ram *ram, int fd)
{
	struct node *node = &ram->nodes[opened(ram, fd)->node];
	need(!node->is_folder);
	return node;
}

static struct ram *enter(const struct io *io)
{
	struct ram *ram = io->context;
	pthread_mutex_lock(&ram->mutex);
	return ram;
}

static int leave(struct ram *ram, int result)
{
	pthread_mutex_unlock(&ram->mutex);
	return result;
}

/* ---- the calls ---- */

static int ram_open(const struct io *io, int dirfd, const char *path, int flags)
{
	struct ram *ram = enter(io);
	const uint32_t node = find(ram, dirfd, path);
	if (node == NOTHING)
		return leave(ram, -1);
	if (flags & O_DIRECTORY && !is_folder(ram, node))
		return leave(ram, fail(ENOTDIR));
	return leave(ram, open_node(ram, node));
}

static int ram_close(const struct io *io, int fd)
{
	struct ram *ram = enter(io);
	struct open_node *open = opened(ram, fd);
	ram->nodes[open->node].opens--;
	release(ram, open->node);
	open->node = NOTHING;
	return leave(ram, 0);
}

static ssize_t ram_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct ram *ram = enter(io);
	const struct node *node = file_of(ram, fd);
	const size_t left = (size_t)offset < node->len ? node->len - (size_t)offset : 0;
	if (len > left)
		len = left;
	if (len > 0)
		memcpy(buffer, node->bytes + offset, len);
	leave(ram, 0);
	return (ssize_t)len;
}

static void describe(const struct ram *ram, uint32_t number, struct stat *st)
{
	const struct node *node = &ram->nodes[number];
	*st = (struct stat){
		.st_mode = node->is_folder ? S_IFDIR | 0700 : S_IFREG | 0600,
		.st_size = (off_t)node->len, .st_ino = number + 1, .st_dev = 1,
		.st_nlink = node->links, .st_mtim = node->changed, .st_ctim = node->changed,
	};
}

static int ram_fstat(const struct io *io, int fd, struct stat *st)
{
	struct ram *ram = enter(io);
	describe(ram, opened(ram, fd)->node, st);
	return leave(ram, 0);
}

static int ram_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st, int flags)
{
	struct ram *ram = enter(io);
	const uint32_t node = find(ram, dirfd, path);
	(void)flags;
	if (node != NOTHING)
		describe(ram, node, st);
	return leave(ram, node != NOTHING ? 0 : -1);
}

static ssize_t ram_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	struct ram *ram = enter(io);
	struct open_node *open = opened(ram, fd);
	size_t done = 0;
	for (; open->next < ram->name_count; open->next++) {
		const struct name *name = &ram->names[open->next];
		const size_t size = (offsetof(struct dirent64, d_name) + strlen(name->text) + 8) &
				    ~(size_t)7;
		if (name->folder != open->node || name->node == NOTHING)
			continue;
		if (size > len - done)
			break;
		struct dirent64 *entry = (struct dirent64 *)(void *)((char *)buffer + done);
		entry->d_ino = name->node + 1;
		entry->d_off = open->next;
		entry->d_reclen = (unsigned short)size;
		entry->d_type = is_folder(ram, name->node) ? DT_DIR : DT_REG;
		strcpy(entry->d_name, name->text);
		done += size;
	}
	leave(ram, 0);
	return (ssize_t)done;
}

static int ram_create(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct ram *ram = enter(io);
	struct place place;
	uint32_t node;
	(void)mode;
	if (walk(ram, dirfd, path, &place) != 0 || make(ram, &place, false, &node) != 0)
		return leave(ram, -1);
	return leave(ram, open_node(ram, node));
}

static ssize_t ram_pwrite(const struct io *io, int fd, const void *data, size_t len, off_t offset)
{
	struct ram *ram = enter(io);
	struct node *node = file_of(ram, fd);
	const size_t end = (size_t)offset + len;
	if (end > node->len && resize(node, end) != 0)
		return leave(ram, -1);
	if (len > 0)
		memcpy(node->bytes + offset, data, len);
	touch(ram, opened(ram, fd)->node);
	leave(ram, 0);
	return (ssize_t)len;
}

static int ram_ftruncate(const struct io *io, int fd, off_t len)
{
	struct ram *ram = enter(io);
	touch(ram, opened(ram, fd)->node);
	return leave(ram, resize(file_of(ram, fd), (size_t)len));
}

static int ram_fsync(const struct io *io, int fd)
{
	struct ram *ram = enter(io);
	opened(ram, fd);
	return leave(ram, 0);
}

static int ram_mkdirat(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct ram *ram = enter(io);
	struct place place;
	uint32_t node;
	(void)mode;
	if (walk(ram, dirfd, path, &place) != 0)
		return leave(ram, -1);
	return leave(ram, make(ram, &place, true, &node));
}

/* May the file or folder @from be renamed to @to, replacing what is there? */
static int check_rename(const struct ram *ram, uint32_t from, uint32_t to)
{
	if (to == NOTHING)
		return 0;
	if (is_folder(ram, to) != is_folder(ram, from))
		return fail(is_folder(ram, to) ? EISDIR : ENOTDIR);
	return is_folder(ram, to) && !is_empty(ram, to) ? fail(ENOTEMPTY) : 0;
}

static int move(struct ram *ram, int dirfd, const char *from, const char *to)
{
	struct place old, new;
	if (walk(ram, dirfd, from, &old) != 0 || walk(ram, dirfd, to, &new) != 0)
		return -1;
	if (old.name == NOTHING)
		return fail(ENOENT);
	const uint32_t node = ram->names[old.name].node;
	const uint32_t other = new.name != NOTHING ? ram->names[new.name].node : NOTHING;
	if (node == other)
		return 0;
	if (check_rename(ram, node, other) != 0 || give_name(ram, &new, node) != 0)
		return -1;
	drop_name(ram, old.name);
	if (other != NOTHING)
		drop_name(ram, new.name);
	return 0;
}

static int ram_renameat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct ram *ram = enter(io);
	return leave(ram, move(ram, dirfd, from, to));
}

static int ram_linkat(const struct io *io, int dirfd, const char *from, const char *to)
{
	struct ram *ram = enter(io);
	struct place place;
	const uint32_t node = find(ram, dirfd, from);
	if (node == NOTHING || walk(ram, dirfd, to, &place) != 0)
		return leave(ram, -1);
	if (place.name != NOTHING)
		return leave(ram, fail(EEXIST));
	if (is_folder(ram, node))
		return leave(ram, fail(EPERM));
	return leave(ram, give_name(ram, &place, node));
}

static int ram_unlinkat(const struct io *io, int dirfd, const char *path, int flags)
{
	struct ram *ram = enter(io);
	struct place place;
	if (walk(ram, dirfd, path, &place) != 0)
		return leave(ram, -1);
	if (place.name == NOTHING)
		return leave(ram, fail(ENOENT));
	const uint32_t node = ram->names[place.name].node;
	if (is_folder(ram, node) != ((flags & AT_REMOVEDIR) != 0))
		return leave(ram, fail(is_folder(ram, node) ? EISDIR : ENOTDIR));
	if (is_folder(ram, node) && !is_empty(ram, node))
		return leave(ram, fail(ENOTEMPTY));
	drop_name(ram, place.name);
	return leave(ram, 0);
}

static int ram_fstatvfs(const struct io *io, int fd, struct statvfs *st)
{
	(void)io, (void)fd;
	*st = (struct statvfs){ .f_bsize = 4096, .f_frsize = 4096,
				  .f_blocks = 1u << 21, .f_bavail = 1u << 20 };
	return 0;
}

/* ---- for the target ---- */

struct ram *ram_new(void)
{
	struct ram *ram = malloc(sizeof(*ram));
	need(ram);
	ram->io = (struct io){
		.open = ram_open, .close = ram_close, .pread = ram_pread, .fstat = ram_fstat,
		.fstatat = ram_fstatat, .getdents64 = ram_getdents64, .create = ram_create,
		.pwrite = ram_pwrite, .ftruncate = ram_ftruncate, .fsync = ram_fsync,
		.mkdirat = ram_mkdirat, .renameat = ram_renameat, .linkat = ram_linkat,
		.unlinkat = ram_unlinkat, .fstatvfs = ram_fstatvfs, .begin_sync = NULL,
		.context = ram,
	};
	pthread_mutex_init(&ram->mutex, NULL);
	for (unsigned i = 0; i < FDS; i++)
		ram->fds[i].node = NOTHING;
	ram->node_count = 0;
	ram_clear(ram);
	return ram;
}

void ram_clear(struct ram *ram)
{
	need(ram_open_count(ram) == 0);
	for (uint32_t i = 0; i < ram->node_count; i++)
		free(ram->nodes[i].bytes);
	ram->nodes[ROOT] = (struct node){ .is_folder = true, .links = 1 };
	ram->node_count = 1;
	ram->name_count = 0;
	ram->changes = 0;
}

const struct io *ram_io(struct ram *ram)
{
	return &ram->io;
}

uint64_t ram_changes(const struct ram *ram)
{
	return ram->changes;
}

unsigned ram_open_count(const struct ram *ram)
{
	unsigned count = 0;
	for (unsigned i = 0; i < FDS; i++)
		count += ram->fds[i].node != NOTHING;
	return count;
}

static bool is_sound(const char *path)
{
	size_t len;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if (len == 0 || len >= NAME_SIZE || (len <= 2 && strspn(path, ".") >= len))
			return false;
		if (path[len] == '\0')
			return true;
	}
}

/* Make the folders above @path, as far as they are missing. */
static void make_parents(struct ram *ram, const char *path)
{
	char parent[RAM_PATH];
	struct place place;
	uint32_t node;
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		if (walk(ram, AT_FDCWD, parent, &place) != 0 ||
		    (place.name == NOTHING && make(ram, &place, true, &node) != 0))
			return;
	}
}

bool ram_put(struct ram *ram, const char *path, const uint8_t *bytes, size_t len)
{
	struct place place;
	uint32_t node;
	if (!is_sound(path) || strlen(path) >= RAM_PATH)
		return false;
	make_parents(ram, path);
	if (walk(ram, AT_FDCWD, path, &place) != 0 || make(ram, &place, !bytes, &node) != 0)
		return false;
	if (!bytes)
		return true;
	need(resize(&ram->nodes[node], len) == 0);
	if (len > 0)
		memcpy(ram->nodes[node].bytes, bytes, len);
	return true;
}

static int compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Write "PATH SIZE CRC" lines from the root down to the name @number. */
static char *describe_name(const struct ram *ram, uint32_t number)
{
	char path[4 * RAM_PATH] = "";
	char *line;
	const struct node *node = &ram->nodes[ram->names[number].node];
	const uint32_t crc =
		node->len > 0 ? (uint32_t)crc32(0, node->bytes, (uInt)node->len) : 0;
	for (uint32_t i = number;;) {
		char longer[sizeof(path)];
		snprintf(longer, sizeof(longer), "/%s%.*s", ram->names[i].text,
			 (int)sizeof(path) - (int)NAME_SIZE - 2, path);
		memcpy(path, longer, sizeof(path));
		const uint32_t folder = ram->names[i].folder;
		if (folder == ROOT)
			break;
		for (i = 0; ram->names[i].node != folder; i++)
			;
	}
	need(asprintf(&line, "%s %s %zu %08x\n", path, node->is_folder ? "folder" : "file",
		      node->len, (unsigned)crc) >= 0);
	return line;
}

char *ram_listing(const struct ram *ram)
{
	char **lines = calloc(ram->name_count + 1, sizeof(*lines));
	size_t count = 0, len = 1;
	need(lines);
	for (uint32_t i = 0; i < ram->name_count; i++) {
		if (ram->names[i].node == NOTHING)
			continue;
		lines[count] = describe_name(ram, i);
		len += strlen(lines[count++]);
	}
	qsort(lines, count, sizeof(*lines), compare_lines);
	char *text = malloc(len);
	need(text);
	text[0] = '\0';
	for (size_t i = 0, at = 0; i < count; i++) {
		strcpy(text + at, lines[i]);
		at += strlen(lines[i]);
		free(lines[i]);
	}
	free(lines);
	return text;
}
