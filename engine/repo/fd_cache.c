#include "build-config.h"

#include "repo/fd_cache.h"

#include <errno.h>
#include <stdlib.h>

enum as_err descriptors_init(struct descriptors *d, const struct io *io, unsigned capacity)
{
	*d = (struct descriptors){
		.io = io, .capacity = capacity ? capacity : DESCRIPTORS_DEFAULT,
	};
	d->rows = malloc(d->capacity * sizeof(*d->rows));
	return d->rows ? AS_OK : AS_ERR_MEMORY;
}

void descriptors_free(struct descriptors *d)
{
	for (size_t i = 0; i < d->count; i++)
		io_close(d->io, d->rows[i].fd);
	free(d->rows);
	*d = (struct descriptors){ .io = d->io };
}

static void forget(struct descriptors *d, size_t row)
{
	io_close(d->io, d->rows[row].fd);
	d->rows[row] = d->rows[--d->count];
}

static struct descriptor *find(struct descriptors *d, uint32_t number)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->rows[i].segment == number)
			return &d->rows[i];
	return NULL;
}

void descriptors_drop(struct descriptors *d, uint32_t number)
{
	const struct descriptor *row = find(d, number);
	if (row)
		forget(d, (size_t)(row - d->rows));
}

static void make_room(struct descriptors *d)
{
	size_t oldest = 0;
	if (d->count < d->capacity)
		return;
	for (size_t i = 1; i < d->count; i++)
		if (d->rows[i].used < d->rows[oldest].used)
			oldest = i;
	forget(d, oldest);
}

enum as_err descriptors_get(struct descriptors *d, int dirfd, const char *path, uint32_t number,
			    int *fd, uint64_t *length)
{
	struct stat st;
	struct descriptor *row = find(d, number);
	if (row && (d->io->fstat(d->io, row->fd, &st) != 0 || st.st_nlink == 0)) {
		forget(d, (size_t)(row - d->rows));
		row = NULL;
	}
	if (!row) {
		int opened;
		const enum as_err err = io_open_file(d->io, dirfd, path, &opened, &st);
		if (err != AS_OK)
			return err;
		make_room(d);
		row = &d->rows[d->count++];
		*row = (struct descriptor){ .segment = number, .fd = opened };
	}
	row->used = ++d->uses;
	*fd = row->fd;
	*length = (uint64_t)st.st_size;
	return AS_OK;
}
