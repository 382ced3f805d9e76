#include "build-config.h"

#include "store/store_internal.h"

uint32_t store_size_at(struct as_store *store, uint32_t segment, uint32_t offset)
{
	char path[LISTING_PATH_MAX];
	uint8_t bytes[4];
	uint64_t length;
	size_t got = 0;
	int fd;
	store_segment_path(store, segment, path);
	if (fd_cache_get(&store->fds, store->fd, path, segment, &fd, &length) != AS_OK ||
	    io_read_at(store->io, fd, bytes, sizeof(bytes), offset + 4ull, &got) != AS_OK ||
	    got < sizeof(bytes))
		return SEGMENT_KEYED;
	const uint32_t size = get_u32le(bytes);
	return size >= SEGMENT_KEYED && size <= store->repo->dialect->entry_max ? size
										: SEGMENT_KEYED;
}

void store_leave(struct as_store *store, const uint8_t key[KEY_SIZE], uint32_t segment,
		 uint32_t offset)
{
	struct hints_segment *row = hints_find(&store->hints, segment);
	if (!row)
		return;
	row->live -= row->live > 0;
	row->is_compact = true;
	if (store->repo->dialect->hints_version < 2)
		return;
	row->freeable += store_size_at(store, segment, offset);
	hints_add_older(&store->hints, key, segment);
}

void store_count_delete(struct as_store *store, uint32_t segment)
{
	struct hints_segment *row = hints_find(&store->hints, segment);
	row->is_compact = true;
	row->freeable += SEGMENT_KEYED;
}
