#include "build-config.h"

#include "tests/support/disk_model_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEARS_MAX 8u	/* places to tear a long write at, when all combinations are tried */

/* The fate of one pending change. With ZEROS, TORN_ZEROS and SCATTERED the file is as long as if
 * the write were there. */
enum fate { KEPT, LOST, BOTH_NAMES, ZEROS, TORN, TORN_ZEROS, SCATTERED };

static const char *const fate_names[] = {
	[KEPT] = "kept", [LOST] = "lost", [BOTH_NAMES] = "both names", [ZEROS] = "zeros",
	[TORN] = "torn", [TORN_ZEROS] = "torn, then zeros", [SCATTERED] = "some sectors",
};

struct pending {
	size_t change;
	bool is_certain;	/* the new name of a rename; the old one may be there too */
	bool may_be_both;
	size_t tears;		/* multiples of a sector inside a write */
	enum fate fate;
	size_t tear;		/* which of them, from 0 */
	uint64_t chance;	/* which sectors */
};

struct disk_crash {
	const struct disk_model *model;
	size_t point;
	struct pending *pending;
	size_t count;
};

/* ---- what is pending ---- */

/* Was @node synced between change @after and the point? */
static bool is_synced(const struct disk_crash *crash, size_t after, size_t node)
{
	for (size_t i = after + 1; i < crash->point; i++)
		if (crash->model->changes[i].kind == DISK_SYNC &&
		    crash->model->changes[i].node == node)
			return true;
	return false;
}

static size_t count_tears(const struct disk_change *change)
{
	const uint64_t first = change->offset / DISK_SECTOR;
	const uint64_t last = (change->offset + change->len - 1) / DISK_SECTOR;
	return (size_t)(last - first);
}

static void add_pending(struct disk_crash *crash, const struct pending *pending)
{
	crash->pending = realloc(crash->pending, (crash->count + 1) * sizeof(*pending));
	disk_model_need(crash->pending != NULL, "out of memory");
	crash->pending[crash->count++] = *pending;
}

static void add_rename(struct disk_crash *crash, size_t i)
{
	const struct disk_change *change = &crash->model->changes[i];
	const bool crosses = change->from != change->parent;
	const bool is_new_certain = is_synced(crash, i, change->parent);
	if (is_synced(crash, i, change->from))
		return;
	add_pending(crash, &(struct pending){
		.change = i, .is_certain = is_new_certain, .may_be_both = crosses,
	});
}

static void add_pending_change(struct disk_crash *crash, size_t i)
{
	const struct disk_change *change = &crash->model->changes[i];
	switch (change->kind) {
	case DISK_SYNC:
		return;
	case DISK_WRITE:
	case DISK_TRUNCATE:
		if (!is_synced(crash, i, change->node))
			add_pending(crash, &(struct pending){
				.change = i,
				.tears = change->kind == DISK_WRITE ? count_tears(change) : 0,
			});
		return;
	case DISK_RENAME:
		add_rename(crash, i);
		return;
	default:
		if (!is_synced(crash, i, change->parent))
			add_pending(crash, &(struct pending){ .change = i });
	}
}

struct disk_crash *disk_crash_new(const struct disk_model *model, size_t point)
{
	struct disk_crash *crash = calloc(1, sizeof(*crash));
	disk_model_need(crash != NULL, "out of memory");
	crash->model = model;
	crash->point = point;
	for (size_t i = 0; i < point; i++)
		add_pending_change(crash, i);
	return crash;
}

void disk_crash_free(struct disk_crash *crash)
{
	free(crash->pending);
	free(crash);
}

size_t disk_crash_pending(const struct disk_crash *crash)
{
	return crash->count;
}

/* ---- choosing ---- */

static bool is_write(const struct disk_crash *crash, const struct pending *pending)
{
	return crash->model->changes[pending->change].kind == DISK_WRITE;
}

static size_t tears_tried(const struct pending *pending)
{
	return pending->tears < TEARS_MAX ? pending->tears : TEARS_MAX;
}

static uint64_t fates_of(const struct disk_crash *crash, const struct pending *pending)
{
	if (is_write(crash, pending))
		return 3 + 2 * tears_tried(pending);
	return 1u + !pending->is_certain + pending->may_be_both;
}

uint64_t disk_crash_combinations(const struct disk_crash *crash)
{
	uint64_t product = 1;
	for (size_t i = 0; i < crash->count; i++)
		if (__builtin_mul_overflow(product, fates_of(crash, &crash->pending[i]), &product))
			return UINT64_MAX;
	return product;
}

static void set_fate(const struct disk_crash *crash, struct pending *pending, uint64_t number)
{
	static const enum fate of_write[] = { KEPT, LOST, ZEROS };
	if (!is_write(crash, pending)) {
		const enum fate of_name[] = { KEPT, pending->is_certain ? BOTH_NAMES : LOST,
					      BOTH_NAMES };
		pending->fate = of_name[number];
		return;
	}
	if (number < 3) {
		pending->fate = of_write[number];
		return;
	}
	const size_t tried = tears_tried(pending);
	pending->fate = number - 3 < tried ? TORN : TORN_ZEROS;
	/* Spread over the whole of a long write. */
	pending->tear = (size_t)((number - 3) % tried) * pending->tears / tried;
}

void disk_crash_choose(struct disk_crash *crash, uint64_t number)
{
	for (size_t i = 0; i < crash->count; i++) {
		const uint64_t fates = fates_of(crash, &crash->pending[i]);
		set_fate(crash, &crash->pending[i], number % fates);
		number /= fates;
	}
}

/* splitmix64 */
static uint64_t draw(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void draw_fate(const struct disk_crash *crash, struct pending *pending, uint64_t *random)
{
	static const enum fate fates[] = { KEPT, LOST, ZEROS, TORN, TORN_ZEROS, SCATTERED };
	if (!is_write(crash, pending)) {
		set_fate(crash, pending, draw(random) % fates_of(crash, pending));
		return;
	}
	pending->fate = fates[draw(random) % (pending->tears > 0 ? ARRAY_SIZE(fates) : 3)];
	pending->tear = pending->tears > 0 ? (size_t)(draw(random) % pending->tears) : 0;
	pending->chance = draw(random);
}

static void set_all(struct disk_crash *crash, bool kept)
{
	for (size_t i = 0; i < crash->count; i++)
		set_fate(crash, &crash->pending[i], 0);
	for (size_t i = 0; !kept && i < crash->count; i++)
		if (fates_of(crash, &crash->pending[i]) > 1)
			set_fate(crash, &crash->pending[i], 1);
}

/* Two kinds of chance take turns: either all changes up to one are kept, as with one journal for
 * all, except for some around it; or each has a random fate. */
static void draw_all(struct disk_crash *crash, uint64_t number)
{
	uint64_t random = number * 1000003 + crash->point;
	const size_t end = (size_t)(draw(&random) % (crash->count + 1));
	const uint64_t own = number % 2 ? 100 : draw(&random) % 50;
	for (size_t i = 0; i < crash->count; i++) {
		struct pending *pending = &crash->pending[i];
		if (draw(&random) % 100 < own)
			draw_fate(crash, pending, &random);
		else
			set_fate(crash, pending, i >= end && fates_of(crash, pending) > 1);
	}
}

void disk_crash_sample(struct disk_crash *crash, uint64_t number)
{
	if (number < 2) {
		set_all(crash, number == 0);
		return;
	}
	if (number - 2 >= 2 * crash->count) {
		draw_all(crash, number);
		return;
	}
	const size_t one = (size_t)(number - 2) % crash->count;
	const bool is_lost = number - 2 < crash->count;
	set_all(crash, is_lost);
	if (fates_of(crash, &crash->pending[one]) > 1)
		set_fate(crash, &crash->pending[one], is_lost);
}

/* ---- the names of the state ---- */

static const struct pending *find_pending(const struct disk_crash *crash, size_t change)
{
	for (size_t i = 0; i < crash->count; i++)
		if (crash->pending[i].change == change)
			return &crash->pending[i];
	return NULL;
}

static enum fate fate_of(const struct disk_crash *crash, size_t change)
{
	const struct pending *pending = find_pending(crash, change);
	return pending ? pending->fate : KEPT;
}

/* Can the folder @node be reached by a path? */
static bool is_reached(const struct disk_names *names, size_t node)
{
	while (node != 0) {
		size_t i = 0;
		while (i < names->count && names->rows[i].node != node)
			i++;
		if (i == names->count)
			return false;
		node = names->rows[i].parent;
	}
	return true;
}

static bool is_empty(const struct disk_names *names, size_t folder)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->rows[i].parent == folder)
			return false;
	return true;
}

/* A rename into a folder that is not there did not happen either, unless the old folder was synced:
 * then the old name is gone, and the file is lost with the path to it. */
static void rename_in(const struct disk_crash *crash, struct disk_names *names, size_t i,
		      enum fate fate)
{
	const struct disk_change *change = &crash->model->changes[i];
	if (!is_synced(crash, i, change->from) && !is_reached(names, change->parent))
		return;
	const struct disk_name *old = disk_name_find(names, change->from, change->from_name);
	if (fate != BOTH_NAMES && old && old->node == change->node)
		disk_name_clear(names, change->from, change->from_name);
	disk_name_set(names, change->parent, change->name, change->node);
}

static void name_in(const struct disk_crash *crash, struct disk_names *names, size_t i)
{
	const struct disk_change *change = &crash->model->changes[i];
	const enum fate fate = fate_of(crash, i);
	if (fate == LOST)
		return;
	switch (change->kind) {
	case DISK_CREATE:
	case DISK_FOLDER:
	case DISK_LINK:
		disk_name_set(names, change->parent, change->name, change->node);
		return;
	case DISK_RENAME:
		rename_in(crash, names, i, fate);
		return;
	case DISK_REMOVE_FOLDER:
		if (is_empty(names, change->node))
			disk_name_clear(names, change->parent, change->name);
		return;
	case DISK_REMOVE:
		disk_name_clear(names, change->parent, change->name);
		return;
	default:
		return;
	}
}

static void names_of(const struct disk_crash *crash, struct disk_names *names)
{
	const struct disk_names *start = &crash->model->start;
	*names = (struct disk_names){ .count = 0 };
	for (size_t i = 0; i < start->count; i++)
		disk_name_set(names, start->rows[i].parent, start->rows[i].name,
			      start->rows[i].node);
	for (size_t i = 0; i < crash->point; i++)
		name_in(crash, names, i);
}

/* ---- the bytes of the state ---- */

struct image {
	uint8_t *bytes;
	size_t len, capacity;
};

static void set_length(struct image *image, size_t len)
{
	image->bytes = disk_model_grow(image->bytes, &image->capacity, len + 1, 1);
	if (len > image->len)
		memset(image->bytes + image->len, 0, len - image->len);
	image->len = len;
}

static void put_bytes(struct image *image, const struct disk_change *change, size_t from, size_t to)
{
	if (to <= from)
		return;
	if (image->len < change->offset + to)
		set_length(image, (size_t)change->offset + to);
	memcpy(image->bytes + change->offset + from, change->bytes + from, to - from);
}

/* Where sector number @sector of those that a write touches ends in its bytes. */
static size_t sector_end(const struct disk_change *change, size_t sector)
{
	const uint64_t first = change->offset / DISK_SECTOR;
	const uint64_t end = (first + sector + 1) * DISK_SECTOR - change->offset;
	return end < change->len ? (size_t)end : change->len;
}

static void scatter(struct image *image, const struct disk_change *change,
		    const struct pending *pending)
{
	uint64_t random = pending->chance;
	size_t from = 0;
	for (size_t sector = 0; sector <= pending->tears; sector++) {
		const size_t to = sector_end(change, sector);
		if (draw(&random) % 2)
			put_bytes(image, change, from, to);
		from = to;
	}
}

static void write_in(struct image *image, const struct disk_change *change,
		     const struct pending *pending)
{
	const enum fate fate = pending ? pending->fate : KEPT;
	const size_t end = (size_t)change->offset + change->len;
	if (fate == KEPT)
		put_bytes(image, change, 0, change->len);
	if (fate == TORN || fate == TORN_ZEROS)
		put_bytes(image, change, 0, sector_end(change, pending->tear));
	if (fate == SCATTERED)
		scatter(image, change, pending);
	if ((fate == ZEROS || fate == TORN_ZEROS || fate == SCATTERED) && image->len < end)
		set_length(image, end);
}

static struct image bytes_of(const struct disk_crash *crash, size_t node)
{
	const struct disk_model *model = crash->model;
	struct image image = { .len = 0 };
	set_length(&image, model->nodes[node].len);
	if (image.len > 0)
		memcpy(image.bytes, model->nodes[node].bytes, image.len);
	for (size_t i = 0; i < crash->point; i++) {
		const struct disk_change *change = &model->changes[i];
		if (change->node != node)
			continue;
		if (change->kind == DISK_WRITE)
			write_in(&image, change, find_pending(crash, i));
		if (change->kind == DISK_TRUNCATE && fate_of(crash, i) != LOST)
			set_length(&image, (size_t)change->offset);
	}
	return image;
}

/* ---- the state ---- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < len; i++)
		digest = (digest ^ at[i]) * 0x100000001b3;
	return digest;
}

static int compare_names(const void *left, const void *right)
{
	const struct disk_name *a = left, *b = right;
	if (a->parent != b->parent)
		return (a->parent > b->parent) - (a->parent < b->parent);
	return strcmp(a->name, b->name);
}

uint64_t disk_crash_digest(const struct disk_crash *crash)
{
	struct disk_names names;
	uint64_t digest = 0xcbf29ce484222325;
	names_of(crash, &names);
	if (names.count > 0)
		qsort(names.rows, names.count, sizeof(*names.rows), compare_names);
	for (size_t i = 0; i < names.count; i++) {
		const struct disk_name *row = &names.rows[i];
		if (!is_reached(&names, row->parent))
			continue;
		digest = mix(digest, row->name, strlen(row->name) + 1);
		digest = mix(digest, &row->parent, sizeof(row->parent));
		digest = mix(digest, &row->node, sizeof(row->node));
		if (crash->model->nodes[row->node].is_folder)
			continue;
		const struct image image = bytes_of(crash, row->node);
		digest = mix(digest, &image.len, sizeof(image.len));
		digest = mix(digest, image.bytes, image.len);
		free(image.bytes);
	}
	free(names.rows);
	return digest;
}

struct writing {
	const struct disk_crash *crash;
	struct disk_names names;
	char (*written)[2 * BUILDER_PATH];	/* of each node: a path that was written for it */
};

static void write_file(const struct writing *writing, size_t node, const char *path)
{
	const struct image image = bytes_of(writing->crash, node);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	disk_model_need(fd >= 0 && write(fd, image.bytes, image.len) == (ssize_t)image.len &&
			fchmod(fd, writing->crash->model->nodes[node].mode) == 0, path);
	close(fd);
	free(image.bytes);
}

static void write_folder(struct writing *writing, size_t folder, const char *path)
{
	for (size_t i = 0; i < writing->names.count; i++) {
		const struct disk_name *row = &writing->names.rows[i];
		char below[2 * BUILDER_PATH];
		if (row->parent != folder)
			continue;
		disk_model_need(snprintf(below, sizeof(below), "%s/%s", path, row->name) <
				(int)sizeof(below), "a long path");
		if (writing->crash->model->nodes[row->node].is_folder) {
			disk_model_need(mkdir(below, 0700) == 0, below);
			write_folder(writing, row->node, below);
		} else if (writing->written[row->node][0] != '\0') {
			disk_model_need(link(writing->written[row->node], below) == 0, below);
		} else {
			write_file(writing, row->node, below);
			memcpy(writing->written[row->node], below, sizeof(below));
		}
	}
}

void disk_crash_write(const struct disk_crash *crash, const char *folder)
{
	struct writing writing = { .crash = crash };
	names_of(crash, &writing.names);
	writing.written = calloc(crash->model->node_count, sizeof(*writing.written));
	disk_model_need(writing.written && mkdir(folder, 0700) == 0, folder);
	write_folder(&writing, 0, folder);
	free(writing.written);
	free(writing.names.rows);
}

void disk_crash_describe(const struct disk_crash *crash, char out[DISK_TEXT])
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < crash->count && len < DISK_TEXT; i++) {
		char change[DISK_TEXT];
		const struct pending *pending = &crash->pending[i];
		disk_model_describe(crash->model, pending->change, change);
		const int added = snprintf(out + len, DISK_TEXT - len, "%s%.300s: %s",
					   i > 0 ? "; " : "", change, fate_names[pending->fate]);
		len += (size_t)added;
		if (pending->fate == TORN || pending->fate == TORN_ZEROS)
			len += (size_t)snprintf(out + (len < DISK_TEXT ? len : DISK_TEXT - 1),
						len < DISK_TEXT ? DISK_TEXT - len : 1,
						" after sector %zu", pending->tear);
	}
}
