#include "build-config.h"

#include "repo/probe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE 64u		/* mappings that are looked at */
#define WINDOW 32u		/* buckets that one of them is looked for in */
#define SMALL_INDEX 4096u	/* buckets of an index that is read whole */
#define SEGMENTS_MAX 8u		/* segments above the hints that are looked into */
#define LOOKUPS_MAX 256u	/* keys of a segment that the index is asked for */
#define CHAIN_WINDOW 65536u	/* bytes read at a time while headers are followed */

/* ---- headers of one segment ---- */

struct chain {
	const struct repo *repo;
	int fd;
	uint64_t length, offset;	/* of the file, of the next entry; bytes */
	uint64_t window_offset;
	size_t window_len;
	size_t piece;		/* bytes to read at a time */
	uint8_t window[CHAIN_WINDOW];
};

static bool chain_open(struct chain *c, const struct repo *repo, uint32_t segment)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	const size_t at = listing_find(&repo->listing, segment);
	c->repo = repo;
	c->offset = SEGMENT_MAGIC_SIZE;
	c->window_offset = c->window_len = 0;
	c->piece = CHAIN_WINDOW;
	if (at == LISTING_NONE)
		return false;
	listing_path(&repo->listing, at, path);
	if (io_open_file(repo->io, repo->fd, path, &c->fd, &st) != AS_OK)
		return false;
	c->length = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	return true;
}

/* Read the header at @offset, its key included. False: what lies there cannot be an entry. */
static bool read_header(struct chain *c, uint64_t offset, struct segment_entry *entry)
{
	const uint64_t left = offset < c->length ? c->length - offset : 0;
	const size_t want = left < SEGMENT_KEYED ? (size_t)left : SEGMENT_KEYED;
	if (offset < c->window_offset || offset + want > c->window_offset + c->window_len) {
		c->window_offset = offset;
		io_read_at(c->repo->io, c->fd, c->window,
			   left < c->piece ? (size_t)left : c->piece, offset, &c->window_len);
	}
	const uint8_t *bytes = c->window + (offset - c->window_offset);
	*entry = (struct segment_entry){ .offset = offset };
	return c->window_len - (size_t)(offset - c->window_offset) >= want &&
	       segment_decode_header(entry, bytes, want) &&
	       segment_size_fits(entry->raw_tag, entry->raw_size) && entry->raw_size <= left;
}

/* AS_OK, AS_END, or AS_ERR_INTEGRITY: the sizes lead to no entry. */
static enum as_err chain_next(struct chain *c, struct segment_entry *entry)
{
	if (c->offset == c->length)
		return AS_END;
	if (!read_header(c, c->offset, entry))
		return AS_ERR_INTEGRITY;
	c->offset += entry->raw_size;
	return AS_OK;
}

/* ---- a sample of the index ---- */

struct sample {
	const struct repo *repo;
	const struct hints *hints;
	struct chain chain;
	struct index_bucket rows[SMALL_INDEX];
	uint32_t of, confirmed;
};

/* A mapping that leads to another place than the PUT of its key is the index's fault where the
 * segment is whole, as far as its sizes show. */
static void look_at_mapping(struct sample *s, const struct index_bucket *bucket)
{
	struct segment_entry entry;
	enum as_err err = AS_OK;
	if (!chain_open(&s->chain, s->repo, bucket->segment)) {
		const struct hints_segment *row = hints_find(s->hints, bucket->segment);
		const bool is_there =
			listing_find(&s->repo->listing, bucket->segment) != LISTING_NONE;
		s->of += !is_there && !listing_is_partial(&s->repo->findings) &&
			 !(row && row->live > 0);
		return;
	}
	s->chain.piece = SEGMENT_KEYED;
	const bool is_confirmed = bucket->offset >= SEGMENT_MAGIC_SIZE &&
				  read_header(&s->chain, bucket->offset, &entry) &&
				  entry.raw_tag == SEGMENT_PUT &&
				  memcmp(entry.key, bucket->key, KEY_SIZE) == 0;
	s->chain.piece = CHAIN_WINDOW;
	while (!is_confirmed && err == AS_OK)
		err = chain_next(&s->chain, &entry);
	s->confirmed += is_confirmed;
	s->of += is_confirmed || err == AS_END;
	io_close(s->repo->io, s->chain.fd);
}

/* Every used bucket of a small index, or where there are many every so many; of a large one the
 * first of each of some windows. */
static enum as_err look_at_index(struct sample *s, const struct index_file *index)
{
	const bool is_small = index->buckets <= SMALL_INDEX;
	const uint32_t stride = is_small ? SMALL_INDEX : index->buckets / SAMPLE;
	const uint32_t step = is_small ? index->used / SAMPLE + 1 : 1;
	uint32_t got, seen = 0;
	for (uint64_t first = 0; first < index->buckets; first += stride) {
		const enum as_err err = index_read(index, (uint32_t)first,
						   is_small ? SMALL_INDEX : WINDOW, s->rows, &got);
		if (err != AS_OK)
			return err;
		for (uint32_t i = 0; i < got; i++) {
			if (!index_bucket_is_used(&s->rows[i]) || seen++ % step != 0)
				continue;
			look_at_mapping(s, &s->rows[i]);
			if (!is_small)
				break;
		}
	}
	return AS_OK;
}

/* ---- hints of another time ---- */

/* A segment with a PUT above all that the hints list. */
static bool find_unlisted(struct sample *s, uint32_t transaction, uint32_t *segment)
{
	const struct listing *listing = &s->repo->listing;
	const struct hints *hints = s->hints;
	const uint32_t above = hints->count > 0 ? hints->rows[hints->count - 1].segment + 1 : 0;
	unsigned seen = 0;
	for (size_t i = listing_from(listing, above);
	     i < listing->count && seen < SEGMENTS_MAX; i++, seen++) {
		struct segment_entry entry = { .raw_tag = SEGMENT_COMMIT };
		*segment = listing->segments[i].number;
		if (*segment > transaction)
			break;
		if (!chain_open(&s->chain, s->repo, *segment))
			continue;
		while (entry.raw_tag != SEGMENT_PUT && chain_next(&s->chain, &entry) == AS_OK)
			;
		io_close(s->repo->io, s->chain.fd);
		if (entry.raw_tag == SEGMENT_PUT)
			return true;
	}
	return false;
}

/* Does the index map no key into @segment, which is whole and has PUTs? */
static bool is_unmapped(struct sample *s, const struct index_file *index, uint32_t segment)
{
	struct segment_entry entry;
	struct index_bucket bucket;
	enum as_err err;
	unsigned asked = 0;
	bool is_mapped = false;
	if (!chain_open(&s->chain, s->repo, segment))
		return false;
	while ((err = chain_next(&s->chain, &entry)) == AS_OK && !is_mapped &&
	       asked < LOOKUPS_MAX) {
		if (entry.raw_tag != SEGMENT_PUT)
			continue;
		asked++;
		is_mapped = index_lookup(index, entry.key, &bucket) == AS_OK &&
			    bucket.segment == segment && bucket.offset == entry.offset;
	}
	io_close(s->repo->io, s->chain.fd);
	return !is_mapped && err == AS_END;
}

/* ---- the questions ---- */

enum as_err probe_witnesses(const struct repo *repo, const struct index_file *index,
			    const struct hints *hints, char why[PROBE_TEXT_SIZE])
{
	struct sample *s = malloc(sizeof(*s));
	uint32_t segment;
	*why = '\0';
	if (!s)
		return AS_ERR_MEMORY;
	s->repo = repo;
	s->hints = hints;
	s->of = s->confirmed = 0;
	size_t counted = hints->count;		/* the rows up to the newest that counts objects */
	while (counted > 0 && hints->rows[counted - 1].live <= 0)
		counted--;
	const struct hints_segment *newest = counted > 0 ? &hints->rows[counted - 1] : NULL;
	const enum as_err err = look_at_index(s, index);
	/* Nine mappings in ten must fit, or all but one of fewer than ten. That none contradicts an
	 * index is not enough. */
	const uint32_t exceptions = s->of / 10 > 1 ? s->of / 10 : 1;
	const bool is_of_log = s->confirmed + exceptions >= s->of &&
			       (s->confirmed > 0 || index->used == 0);
	if (err == AS_OK && !is_of_log)
		snprintf(why, PROBE_TEXT_SIZE, "index.%" PRIu32 " is not of this log: of %" PRIu32
			 " of its mappings %" PRIu32 " lead to the object", index->transaction,
			 s->of, s->confirmed);
	else if (err == AS_OK && find_unlisted(s, index->transaction, &segment))
		snprintf(why, PROBE_TEXT_SIZE, "segment %" PRIu32 " holds objects, and hints.%"
			 PRIu32 " ends before it", segment, hints->transaction);
	else if (err == AS_OK && newest && is_unmapped(s, index, newest->segment))
		snprintf(why, PROBE_TEXT_SIZE, "hints.%" PRIu32 " counts %" PRId64
			 " objects in segment %" PRIu32 ", and index.%" PRIu32 " none",
			 hints->transaction, newest->live, newest->segment, index->transaction);
	free(s);
	return err;
}

bool probe_repo(const struct repo *repo)
{
	char why[PROBE_TEXT_SIZE];
	uint64_t sum;
	return repo->index.fd >= 0 && repo_index_fits(repo) && repo->has_transaction &&
	       repo->index.transaction == repo->transaction && repo->hints.usable &&
	       repo->hints.transaction == repo->transaction && hints_sum(&repo->hints, &sum) &&
	       sum == repo->index.used &&
	       probe_witnesses(repo, &repo->index, &repo->hints, why) == AS_OK && !*why;
}
