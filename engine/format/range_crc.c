#include "build-config.h"

#include "format/range_crc.h"

#include "base/array.h"
#include "base/crc.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MIN 4096u
#define STEPS_MAX (1u << 20)
#define BLOCK 4096u		/* what the page cache reads at once, bytes */

/* Put [@offset, @offset + @length), in which nothing is listed yet, into the list at @at. */
static enum as_err insert_bad(struct range_crc *crcs, size_t at, uint64_t offset, uint64_t length)
{
	struct bad_range *last = at > 0 ? &crcs->bad[at - 1] : NULL;
	if (last && last->offset + last->length == offset) {
		last->length += length;
		return AS_OK;
	}
	if (!ARRAY_RESERVE(crcs->bad, crcs->bad_count, crcs->bad_capacity))
		return AS_ERR_MEMORY;
	memmove(crcs->bad + at + 1, crcs->bad + at,
		(crcs->bad_count - at) * sizeof(*crcs->bad));
	crcs->bad[at] = (struct bad_range){ offset, length };
	crcs->bad_count++;
	return AS_OK;
}

/* Fill @buffer with [@offset, @offset + @len), zeros where the disk refuses or the file ended
 * early. */
static enum as_err read_around(struct range_crc *crcs, uint8_t *buffer, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		size_t got;
		io_read_twice(crcs->io, crcs->fd, buffer + done, len - done, offset + done, &got,
			      &crcs->doubt);
		done += got;
		if (done == len)
			break;
		size_t skip = BLOCK - (size_t)((offset + done) % BLOCK);
		if (skip > len - done)
			skip = len - done;
		memset(buffer + done, 0, skip);
		const enum as_err err = insert_bad(crcs, crcs->bad_count, offset + done, skip);
		if (err != AS_OK)
			return err;
		done += skip;
	}
	return AS_OK;
}

enum as_err range_crc_build(struct range_crc *crcs, const struct io *io, int fd, uint64_t length,
			    const _Atomic bool *cancel)
{
	*crcs = (struct range_crc){
		.io = io, .fd = fd, .length = length, .step = STEP_MIN, .doubt = IO_NO_DOUBT,
	};
	while (length / crcs->step >= STEPS_MAX && crcs->step < 1u << 30)
		crcs->step *= 2;
	const size_t count = (size_t)(length / crcs->step) + 1;
	enum as_err err = AS_ERR_MEMORY;
	crcs->prefixes = calloc(count, sizeof(*crcs->prefixes));
	crcs->scratch = malloc((size_t)2 * crcs->step);
	if (!crcs->prefixes || !crcs->scratch)
		goto fail;
	for (size_t i = 1; i < count; i++) {
		err = AS_ERR_CANCELLED;
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			goto fail;
		err = read_around(crcs, crcs->scratch, crcs->step,
				  (uint64_t)(i - 1) * crcs->step);
		if (err != AS_OK)
			goto fail;
		crcs->prefixes[i] =
			crc32_update(crcs->prefixes[i - 1], crcs->scratch, crcs->step);
	}
	/* What lies behind the last step is read only to find out whether it can be. */
	const uint64_t last = (uint64_t)(count - 1) * crcs->step;
	err = read_around(crcs, crcs->scratch, (size_t)(length - last), last);
	if (err != AS_OK)
		goto fail;
	return AS_OK;
fail:
	range_crc_free(crcs);
	return err;
}

void range_crc_free(struct range_crc *crcs)
{
	free(crcs->prefixes);
	free(crcs->scratch);
	free(crcs->bad);
	*crcs = (struct range_crc){ .fd = -1 };
}

static int ends_before(const void *offset, const void *element)
{
	const struct bad_range *range = element;
	return *(const uint64_t *)offset >= range->offset + range->length ? 1 : -1;
}

/* The number of the first range that ends after @from. */
static size_t bad_from(const struct range_crc *crcs, uint64_t from)
{
	return array_lower_bound(crcs->bad, crcs->bad_count, sizeof(*crcs->bad), &from,
				 ends_before);
}

const struct bad_range *range_crc_bad_in(const struct range_crc *crcs, uint64_t from, uint64_t to)
{
	const size_t i = bad_from(crcs, from);
	return i < crcs->bad_count && crcs->bad[i].offset < to ? &crcs->bad[i] : NULL;
}

void range_crc_add_bad(struct range_crc *crcs, uint64_t offset)
{
	const size_t at = bad_from(crcs, offset);
	uint64_t end = offset - offset % BLOCK + BLOCK;
	if (at < crcs->bad_count && crcs->bad[at].offset < end)
		end = crcs->bad[at].offset;
	if (end <= offset)
		return;
	if (offset < crcs->doubt)
		crcs->doubt = offset;
	if (insert_bad(crcs, at, offset, end - offset) != AS_OK)
		crcs->lacks_memory = true;
}

/* Read what could be read a moment ago. */
static bool read_once_more(struct range_crc *crcs, uint8_t *buffer, size_t len, uint64_t offset)
{
	size_t got;
	io_read_twice(crcs->io, crcs->fd, buffer, len, offset, &got, &crcs->doubt);
	if (got < len)
		range_crc_add_bad(crcs, offset + got);
	return got == len;
}

/* The CRC of [0, @end). */
static bool prefix_crc(struct range_crc *crcs, uint64_t end, uint32_t *crc)
{
	const uint64_t steps = end / crcs->step;
	const size_t rest = (size_t)(end % crcs->step);
	*crc = crcs->prefixes[steps];
	if (rest == 0)
		return true;
	/* Behind an unreadable block the prefix holds zeros for it: read around it in the same way.
	 */
	const uint64_t from = steps * crcs->step;
	const struct bad_range *bad = range_crc_bad_in(crcs, from, end);
	size_t done = 0;
	while (done < rest) {
		const size_t skip_at = bad && bad->offset > from + done
			? (size_t)(bad->offset - from) : bad ? done : rest;
		const size_t until = skip_at < rest ? skip_at : rest;
		if (!read_once_more(crcs, crcs->scratch + done, until - done, from + done))
			return false;
		done = until;
		if (!bad || done == rest)
			break;
		const uint64_t bad_end = bad->offset + bad->length - from;
		const size_t zeros_end = bad_end < rest ? (size_t)bad_end : rest;
		memset(crcs->scratch + done, 0, zeros_end - done);
		done = zeros_end;
		bad = range_crc_bad_in(crcs, from + done, end);
	}
	*crc = crc32_update(*crc, crcs->scratch, rest);
	return true;
}

bool range_crc_between(struct range_crc *crcs, uint64_t from, uint64_t to, uint32_t *crc)
{
	if (from > to || to > crcs->length || range_crc_bad_in(crcs, from, to))
		return false;
	const uint64_t len = to - from;
	if (len <= (uint64_t)2 * crcs->step) {
		if (!read_once_more(crcs, crcs->scratch, (size_t)len, from))
			return false;
		*crc = crc32_update(0, crcs->scratch, (size_t)len);
		return true;
	}
	uint32_t crc_from, crc_to;
	if (!prefix_crc(crcs, from, &crc_from) || !prefix_crc(crcs, to, &crc_to))
		return false;
	*crc = crc32_between(crc_from, crc_to, len);
	return true;
}
