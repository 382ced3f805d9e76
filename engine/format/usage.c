#include "build-config.h"

#include "format/usage.h"

#include "base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/pack.h>
#include <msgpack/sbuffer.h>

#define HINTS_VERSION 1

void usage_free(struct usage *usage)
{
	free(usage->rows);
	*usage = (struct usage){ NULL, 0, 0 };
}

/* Where a segment would be if none were missing: the right place nearly always. */
static size_t likely_place(const struct usage *usage, uint32_t segment)
{
	const uint32_t first = usage->count ? usage->rows[0].segment : 0;

	return segment < first ? 0 : segment - first;
}

/* The first row at or behind @segment: where it is, or where it belongs. */
static size_t place_of(const struct usage *usage, uint32_t segment)
{
	const size_t likely = likely_place(usage, segment);
	const size_t count = usage->count;

	if (likely < count && usage->rows[likely].segment == segment)
		return likely;
	if (count > 0 && usage->rows[count - 1].segment < segment)
		return count;
	return array_lower_bound(usage->rows, count, sizeof(*usage->rows), &segment,
				 array_compare_u32);
}

struct usage_segment *usage_find(const struct usage *usage, uint32_t segment)
{
	const size_t place = place_of(usage, segment);

	if (place == usage->count || usage->rows[place].segment != segment)
		return NULL;
	return &usage->rows[place];
}

struct usage_segment *usage_add(struct usage *usage, uint32_t segment)
{
	const size_t place = place_of(usage, segment);

	if (place < usage->count && usage->rows[place].segment == segment)
		return &usage->rows[place];
	if (!ARRAY_RESERVE(usage->rows, usage->count, usage->capacity))
		return NULL;
	struct usage_segment *row = &usage->rows[place];
	memmove(row + 1, row, (usage->count - place) * sizeof(*row));
	*row = (struct usage_segment){ .segment = segment, .live = 0, .compact = false };
	usage->count++;
	return row;
}

/* Both lists are ascending, so every row goes behind the last: whatever they hold, this is quick.
 */
static enum as_err merge(struct usage *usage, const struct hints *hints)
{
	size_t s = 0, c = 0;

	while (s < hints->segment_count || c < hints->compact_count) {
		const uint64_t counted =
			s < hints->segment_count ? hints->segments[s].segment : UINT64_MAX;
		const uint64_t compact = c < hints->compact_count ? hints->compact[c] : UINT64_MAX;
		struct usage_segment *row =
			usage_add(usage, (uint32_t)(counted < compact ? counted : compact));

		if (!row)
			return AS_ERR_MEMORY;
		if (row->segment == counted) {
			const int64_t live = hints->segments[s++].live;

			if (live < 0 || live > UINT32_MAX)
				return AS_ERR_INTEGRITY;
			row->live = (uint32_t)live;
		}
		if (row->segment == compact) {
			row->compact = true;
			c++;
		}
	}
	return AS_OK;
}

enum as_err usage_load(struct usage *usage, const struct hints *hints)
{
	const enum as_err err = merge(usage, hints);

	if (err)
		usage_free(usage);
	return err;
}

enum as_err usage_read(struct usage *usage, const struct io *io, int repo_fd, uint32_t transaction)
{
	struct findings findings;
	struct hints hints;

	findings_init(&findings);
	enum as_err err = hints_read(io, repo_fd, transaction, &hints, &findings);
	if (err == AS_OK)
		err = hints.usable ? usage_load(usage, &hints) : AS_ERR_INTEGRITY;
	hints_free(&hints);
	findings_free(&findings);
	return err;
}

void usage_remove(struct usage *usage, bool (*is_dropped)(void *context,
							   const struct usage_segment *row),
		  void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < usage->count; i++)
		if (!is_dropped(context, &usage->rows[i]))
			usage->rows[kept++] = usage->rows[i];
	usage->count = kept;
}

uint64_t usage_live(const struct usage *usage)
{
	uint64_t live = 0;

	for (size_t i = 0; i < usage->count; i++)
		live += usage->rows[i].live;
	return live;
}

/* Names this short have one encoding in the old family and in the new. */
static int pack_name(msgpack_packer *packer, const char *name)
{
	const size_t len = strlen(name);

	return msgpack_pack_str(packer, len) || msgpack_pack_str_body(packer, name, len);
}

static int pack_segments(msgpack_packer *packer, const struct usage *usage)
{
	if (pack_name(packer, "segments") || msgpack_pack_map(packer, usage->count))
		return -1;
	for (size_t i = 0; i < usage->count; i++)
		if (msgpack_pack_uint32(packer, usage->rows[i].segment) ||
		    msgpack_pack_uint32(packer, usage->rows[i].live))
			return -1;
	return 0;
}

static int pack_compact(msgpack_packer *packer, const struct usage *usage)
{
	size_t count = 0;

	for (size_t i = 0; i < usage->count; i++)
		count += usage->rows[i].compact;
	if (pack_name(packer, "compact") || msgpack_pack_array(packer, count))
		return -1;
	for (size_t i = 0; i < usage->count; i++)
		if (usage->rows[i].compact &&
		    msgpack_pack_uint32(packer, usage->rows[i].segment))
			return -1;
	return 0;
}

/* Only memory can be wanting. */
static int pack_hints(msgpack_packer *packer, const struct usage *usage)
{
	if (msgpack_pack_map(packer, 3) || pack_name(packer, "version") ||
	    msgpack_pack_uint32(packer, HINTS_VERSION))
		return -1;
	return pack_segments(packer, usage) || pack_compact(packer, usage) ? -1 : 0;
}

static int count_bytes(void *context, const char *bytes, size_t len)
{
	(void)bytes;
	*(uint64_t *)context += len;
	return 0;
}

uint64_t usage_size(const struct usage *usage)
{
	uint64_t size = 0;
	msgpack_packer packer;

	msgpack_packer_init(&packer, &size, count_bytes);
	pack_hints(&packer, usage);
	return size;
}

static enum as_err write_bytes(void *context, const struct permit *permit, int fd)
{
	const msgpack_sbuffer *bytes = context;

	return io_write_at(permit, fd, bytes->data, bytes->size, 0);
}

enum as_err usage_write(const struct usage *usage, const struct permit *permit,
			uint32_t transaction)
{
	char name[sizeof("hints.4294967295")], temporary[sizeof(name) + sizeof(".tmp")];
	msgpack_sbuffer bytes;
	msgpack_packer packer;
	enum as_err err = AS_ERR_MEMORY;

	snprintf(name, sizeof(name), "hints.%" PRIu32, transaction);
	snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	msgpack_sbuffer_init(&bytes);
	msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
	if (!pack_hints(&packer, usage))
		err = io_replace_file(permit, name, temporary, write_bytes, &bytes);
	msgpack_sbuffer_destroy(&bytes);
	return err;
}
