#include "build-config.h"

#include "format/range_crc.h"

#include "base/crc.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MIN 4096u
#define RUNGS_MAX (1u << 20)
#define BLOCK 4096u		/* what the page cache reads at once, bytes */

/* Put [@offset, @offset + @length), in which nothing is listed yet, into the list at @at. */
static enum as_err note_bad(struct ladder *ladder, size_t at, uint64_t offset, uint64_t length)
{
	struct ladder_range *last = at > 0 ? &ladder->bad[at - 1] : NULL;
	if (last && last->offset + last->length == offset) {
		last->length += length;
		return AS_OK;
	}
	/* Grow at every power of two. */
	if ((ladder->bad_count & (ladder->bad_count - 1)) == 0) {
		const size_t room = ladder->bad_count ? ladder->bad_count * 2 : 1;
		struct ladder_range *grown = realloc(ladder->bad, room * sizeof(*grown));
		if (!grown)
			return AS_ERR_MEMORY;
		ladder->bad = grown;
	}
	memmove(ladder->bad + at + 1, ladder->bad + at,
		(ladder->bad_count - at) * sizeof(*ladder->bad));
	ladder->bad[at] = (struct ladder_range){ offset, length };
	ladder->bad_count++;
	return AS_OK;
}

static size_t read_some(struct ladder *ladder, uint8_t *buffer, size_t len, uint64_t offset)
{
	size_t got;
	io_read_twice(ladder->io, ladder->fd, buffer, len, offset, &got, &ladder->doubt);
	return got;
}

/* Fill @buffer with [@offset, @offset + @len), zeros where the disk refuses or the file ended
 * early. */
static enum as_err read_around(struct ladder *ladder, uint8_t *buffer, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		done += read_some(ladder, buffer + done, len - done, offset + done);
		if (done == len)
			break;
		size_t skip = BLOCK - (size_t)((offset + done) % BLOCK);
		if (skip > len - done)
			skip = len - done;
		memset(buffer + done, 0, skip);
		const enum as_err err = note_bad(ladder, ladder->bad_count, offset + done,
					    skip);
		if (err != AS_OK)
			return err;
		done += skip;
	}
	return AS_OK;
}

enum as_err ladder_build(struct ladder *ladder, const struct io *io, int fd, uint64_t length,
			 const _Atomic bool *cancel)
{
	*ladder = (struct ladder){
		.io = io, .fd = fd, .length = length, .step = STEP_MIN, .doubt = IO_NO_DOUBT,
	};
	while (length / ladder->step >= RUNGS_MAX && ladder->step < 1u << 30)
		ladder->step *= 2;
	const size_t count = (size_t)(length / ladder->step) + 1;
	enum as_err err = AS_ERR_MEMORY;
	ladder->rungs = calloc(count, sizeof(*ladder->rungs));
	ladder->scratch = malloc((size_t)2 * ladder->step);
	if (!ladder->rungs || !ladder->scratch)
		goto fail;
	for (size_t i = 1; i < count; i++) {
		err = AS_ERR_CANCELLED;
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			goto fail;
		err = read_around(ladder, ladder->scratch, ladder->step,
				  (uint64_t)(i - 1) * ladder->step);
		if (err != AS_OK)
			goto fail;
		ladder->rungs[i] =
			crc32_update(ladder->rungs[i - 1], ladder->scratch, ladder->step);
	}
	/* What lies behind the last rung is read only to find out whether it can be. */
	const uint64_t last = (uint64_t)(count - 1) * ladder->step;
	err = read_around(ladder, ladder->scratch, (size_t)(length - last), last);
	if (err != AS_OK)
		goto fail;
	return AS_OK;
fail:
	ladder_free(ladder);
	return err;
}

void ladder_free(struct ladder *ladder)
{
	free(ladder->rungs);
	free(ladder->scratch);
	free(ladder->bad);
	*ladder = (struct ladder){ .fd = -1 };
}

/* The number of the first range that ends after @from. */
static size_t bad_from(const struct ladder *ladder, uint64_t from)
{
	size_t low = 0, high = ladder->bad_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct ladder_range *range = &ladder->bad[middle];
		if (range->offset + range->length <= from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ladder_range *ladder_bad_in(const struct ladder *ladder, uint64_t from, uint64_t to)
{
	const size_t i = bad_from(ladder, from);
	return i < ladder->bad_count && ladder->bad[i].offset < to ? &ladder->bad[i] : NULL;
}

void ladder_lose(struct ladder *ladder, uint64_t offset)
{
	const size_t at = bad_from(ladder, offset);
	uint64_t end = offset - offset % BLOCK + BLOCK;
	if (at < ladder->bad_count && ladder->bad[at].offset < end)
		end = ladder->bad[at].offset;
	if (end <= offset)
		return;
	if (offset < ladder->doubt)
		ladder->doubt = offset;
	if (note_bad(ladder, at, offset, end - offset) != AS_OK)
		ladder->lacks_memory = true;
}

/* Read what could be read a moment ago. */
static bool read_once_more(struct ladder *ladder, uint8_t *buffer, size_t len, uint64_t offset)
{
	const size_t got = read_some(ladder, buffer, len, offset);
	if (got < len)
		ladder_lose(ladder, offset + got);
	return got == len;
}

/* The CRC of [0, @end). */
static bool prefix_crc(struct ladder *ladder, uint64_t end, uint32_t *crc)
{
	const uint64_t rung = end / ladder->step;
	const size_t rest = (size_t)(end % ladder->step);
	*crc = ladder->rungs[rung];
	if (rest == 0)
		return true;
	/* Behind an unreadable block the rung holds zeros for it: read around it in the same way.
	 */
	const uint64_t from = rung * ladder->step;
	const struct ladder_range *bad = ladder_bad_in(ladder, from, end);
	size_t done = 0;
	while (done < rest) {
		const size_t skip_at = bad && bad->offset > from + done
			? (size_t)(bad->offset - from) : bad ? done : rest;
		const size_t until = skip_at < rest ? skip_at : rest;
		if (!read_once_more(ladder, ladder->scratch + done, until - done, from + done))
			return false;
		done = until;
		if (!bad || done == rest)
			break;
		const uint64_t bad_end = bad->offset + bad->length - from;
		const size_t zeros_end = bad_end < rest ? (size_t)bad_end : rest;
		memset(ladder->scratch + done, 0, zeros_end - done);
		done = zeros_end;
		bad = ladder_bad_in(ladder, from + done, end);
	}
	*crc = crc32_update(*crc, ladder->scratch, rest);
	return true;
}

bool ladder_crc(struct ladder *ladder, uint64_t from, uint64_t to, uint32_t *crc)
{
	if (from > to || to > ladder->length || ladder_bad_in(ladder, from, to))
		return false;
	const uint64_t len = to - from;
	if (len <= (uint64_t)2 * ladder->step) {
		if (!read_once_more(ladder, ladder->scratch, (size_t)len, from))
			return false;
		*crc = crc32_update(0, ladder->scratch, (size_t)len);
		return true;
	}
	uint32_t crc_from, crc_to;
	if (!prefix_crc(ladder, from, &crc_from) || !prefix_crc(ladder, to, &crc_to))
		return false;
	*crc = crc32_between(crc_from, crc_to, len);
	return true;
}
