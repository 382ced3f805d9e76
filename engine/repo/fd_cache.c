#include "build-config.h"

#include "repo/fd_cache.h"

#include <errno.h>
#include <stdlib.h>

enum as_err fd_cache_init(struct fd_cache *cache, const struct io *io, unsigned capacity)
{
	*cache = (struct fd_cache){
		.io = io, .capacity = capacity ? capacity : FD_CACHE_DEFAULT,
	};
	cache->rows = malloc(cache->capacity * sizeof(*cache->rows));
	return cache->rows ? AS_OK : AS_ERR_MEMORY;
}

void fd_cache_free(struct fd_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		io_close(cache->io, cache->rows[i].fd);
	free(cache->rows);
	*cache = (struct fd_cache){ .io = cache->io };
}

static void forget(struct fd_cache *cache, size_t row)
{
	io_close(cache->io, cache->rows[row].fd);
	cache->rows[row] = cache->rows[--cache->count];
}

static struct cached_fd *find(struct fd_cache *cache, uint32_t number)
{
	for (size_t i = 0; i < cache->count; i++)
		if (cache->rows[i].segment == number)
			return &cache->rows[i];
	return NULL;
}

void fd_cache_close(struct fd_cache *cache, uint32_t number)
{
	const struct cached_fd *row = find(cache, number);
	if (row)
		forget(cache, (size_t)(row - cache->rows));
}

enum as_err fd_cache_get(struct fd_cache *cache, int dirfd, const char *path, uint32_t number,
			 int *fd, uint64_t *length)
{
	struct stat st;
	struct cached_fd *row = find(cache, number);
	if (row && (cache->io->fstat(cache->io, row->fd, &st) != 0 || st.st_nlink == 0)) {
		forget(cache, (size_t)(row - cache->rows));
		row = NULL;
	}
	if (!row) {
		int opened;
		size_t oldest = 0;
		const enum as_err err = io_open_file(cache->io, dirfd, path, &opened, &st);
		if (err != AS_OK)
			return err;
		for (size_t i = 1; i < cache->count; i++)
			if (cache->rows[i].used < cache->rows[oldest].used)
				oldest = i;
		if (cache->count == cache->capacity)
			forget(cache, oldest);
		row = &cache->rows[cache->count++];
		*row = (struct cached_fd){ .segment = number, .fd = opened };
	}
	row->used = ++cache->uses;
	*fd = row->fd;
	*length = (uint64_t)st.st_size;
	return AS_OK;
}
