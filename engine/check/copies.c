/* Files of other names beside a segment, and what they have whole that it lacks. The entries that a
 * repair copies are in repair/plan_copies.c. */
#include "build-config.h"

#include "base/array.h"
#include "check/check_internal.h"
#include "format/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDERS_DEEP 3u		/* below data/ */
#define COPIES_MAX 4096u

static int by_place(const void *a, const void *b)
{
	const struct verify_fill *x = a, *y = b;
	const uint64_t s = replay_time(x->segment, x->offset);
	const uint64_t t = replay_time(y->segment, y->offset);
	return (s > t) - (s < t);
}

/* The entry at @offset of segment @number in a copy, or NULL. */
static const struct verify_fill *find_fill(const struct verify *verify, uint32_t number,
					   uint32_t offset)
{
	const struct verify_fill wanted = { .segment = number, .offset = offset };
	return array_find(verify->fills, verify->fill_count, sizeof(wanted), &wanted, by_place);
}

bool verify_has_fill(const struct verify *verify, uint32_t number, uint32_t offset)
{
	return find_fill(verify, number, offset) != NULL;
}

bool verify_find_source(const struct verify *verify, uint32_t number, uint32_t offset,
			struct verify_source *source)
{
	const struct verify_fill *fill = find_fill(verify, number, offset);
	if (fill) {
		memcpy(source->path, verify->copies[fill->copy].path, sizeof(source->path));
		source->offset = fill->at;
		return true;
	}
	const size_t position = verify_position(verify, number);
	if (position == LISTING_NONE)
		return false;
	listing_path(&verify->repo->listing, position, source->path);
	source->offset = offset;
	return true;
}

/* ---- finding them ---- */

struct search {
	struct verify *verify;
	const struct repo *repo;
	unsigned depth;
	bool all;			/* whether or not their segment lacks anything */
	char folder[LISTING_PATH_MAX];
};

/* Is there anything of segment @number that a copy could have? */
static bool is_needed(const struct verify *verify, uint32_t number)
{
	const size_t position = verify_position(verify, number);
	const struct hints *hints = &verify->repo->hints;
	/* Where neither index nor hints are left a number without a file is one that may be
	 * missing. */
	if (position == LISTING_NONE)
		return verify_is_gap(verify, number) ||
		       (hints->usable && hints->transaction >= number &&
			verify_hinted(verify, number) > 0) ||
		       (!verify->confirmed && !hints->usable && verify->has_end &&
			number < verify->end);
	const struct segment_facts *facts = &verify->facts[position];
	return facts->is_committed && (facts->damaged > 0 || facts->is_cut || facts->is_unopened ||
				       verify_is_gap(verify, number));
}

static enum as_err add_copy(struct search *search, const char *name, uint32_t number)
{
	struct verify *verify = search->verify;
	const size_t position = listing_find(&verify->repo->listing, number);
	char path[LISTING_PATH_MAX], segment_path[LISTING_PATH_MAX] = "";
	const int len = snprintf(path, sizeof(path), "%s/%s", search->folder, name);
	if (len < 0 || (size_t)len >= sizeof(path) || verify->copy_count == COPIES_MAX)
		return AS_OK;
	/* The segment itself is no copy; where all are wanted, unless it takes no part in the
	 * log. */
	if (position != LISTING_NONE &&
	    (!search->all || verify->facts[position].role == ROLE_LOG))
		listing_path(&verify->repo->listing, position, segment_path);
	if (strcmp(segment_path, path) == 0 || (!search->all && !is_needed(verify, number)))
		return AS_OK;
	for (size_t i = 0; i < verify->copy_count; i++)
		if (strcmp(verify->copies[i].path, path) == 0)
			return AS_OK;
	if (!ARRAY_RESERVE(verify->copies, verify->copy_count, verify->copy_capacity))
		return AS_ERR_MEMORY;
	struct verify_copy *copy = &verify->copies[verify->copy_count++];
	copy->number = number;
	memcpy(copy->path, path, sizeof(path));
	return AS_OK;
}

static enum as_err search_folder(struct search *search);

static enum as_err search_name(void *context, const char *name, enum io_kind kind)
{
	struct search *search = context;
	const size_t len = strlen(search->folder);
	/* The number in "17", "17.beforerecover", "17~", ".17.Xab3". */
	const char *digits = name + (name[0] == '.');
	uint64_t number;
	enum as_err err = AS_OK;
	if ((kind == IO_KIND_FILE || kind == IO_KIND_UNKNOWN) &&
	    name_read_number(digits, &number) > digits && number <= UINT32_MAX)
		err = add_copy(search, name, (uint32_t)number);
	if (kind != IO_KIND_FOLDER || search->depth == FOLDERS_DEEP ||
	    len + 1 + strlen(name) >= sizeof(search->folder))
		return err;
	search->folder[len] = '/';
	strcpy(search->folder + len + 1, name);
	search->depth++;
	err = search_folder(search);
	search->depth--;
	search->folder[len] = '\0';
	return err;
}

/* What cannot be listed holds no copies: opening has named it. */
static enum as_err search_folder(struct search *search)
{
	int fd;
	enum as_err err = io_open_folder(search->repo->io, search->repo->fd, search->folder, &fd);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	err = io_list(search->repo->io, fd, search_name, search);
	io_close(search->repo->io, fd);
	return err == AS_ERR_MEMORY ? err : AS_OK;
}

static int by_path(const void *a, const void *b)
{
	const struct verify_copy *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* ---- using them ---- */

struct filling {
	struct verify_run *run;
	struct verify *verify;
	uint32_t copy;			/* the one being read */
	bool is_exact;			/* only what stands there in its own place */
	bool has_exact;			/* the first reading took something */
	size_t first;			/* of verify->fills in this reading */
	uint64_t taken;			/* from it */
};

static enum as_err add_fill(struct filling *f, uint32_t offset, const struct segment_entry *e)
{
	struct verify *verify = f->verify;
	if (!ARRAY_RESERVE(verify->fills, verify->fill_count, verify->fill_capacity))
		return AS_ERR_MEMORY;
	verify->fills[verify->fill_count++] = (struct verify_fill){
		.segment = verify->copies[f->copy].number, .offset = offset,
		.copy = f->copy, .at = (uint32_t)e->offset, .is_put = e->tag == SEGMENT_PUT,
	};
	f->taken++;
	return AS_OK;
}

/* Does nothing whole of the segment itself stand at @offset? */
static bool is_lacking(const struct verify *verify, uint32_t number, uint64_t offset)
{
	const size_t position = verify_position(verify, number);
	uint8_t cause;
	if (position == LISTING_NONE || verify->facts[position].is_unopened)
		return true;
	return offset >= verify->facts[position].size ||
	       verify_damage_at(verify, number, (uint32_t)offset, &cause);
}

/* The place that the index knows for the PUT is one where nothing whole stands: this is that
 * PUT. */
static enum as_err add_mapped(struct filling *f, const struct segment_entry *e,
			      const struct index_bucket *bucket)
{
	struct verify *verify = f->verify;
	const size_t position = verify_position(verify, verify->copies[f->copy].number);
	atomic_fetch_or(&verify->confirmed[bucket->number / 64],
			UINT64_C(1) << (bucket->number % 64));
	verify->key_sum += key_value(e->key);
	if (position != LISTING_NONE) {
		verify->facts[position].live++;
		verify->facts[position].live_bytes += e->size;
	}
	return add_fill(f, bucket->offset, e);
}

/* No index tells: what stands where the segment has nothing whole is taken as it is, and of what
 * stands elsewhere the PUTs of keys that nothing else speaks of. */
static enum as_err add_unmapped(struct filling *f, const struct segment_entry *e)
{
	struct verify *verify = f->verify;
	const uint32_t number = verify->copies[f->copy].number;
	struct replay_event event = {
		.segment = number, .offset = (uint32_t)e->offset, .size = (uint32_t)e->size,
		.is_put = e->tag == SEGMENT_PUT,
	};
	struct replay_event known;
	if (!is_lacking(verify, number, e->offset)) {
		const size_t position = verify_position(verify, number);
		const uint64_t behind = verify->facts[position].size + e->offset;
		if (!event.is_put || replay_find(verify->replay, e->key, &known) ||
		    replay_find(verify->unanchored, e->key, &known) || behind > UINT32_MAX)
			return AS_OK;
		event.offset = (uint32_t)behind;
	}
	const enum as_err err = replay_add(verify->replay, e->key, &event);
	return err == AS_OK ? add_fill(f, event.offset, e) : err;
}

/* Where a copy has several PUTs of a key, none of them in its place, the last is the newest. */
static void replace_older(struct filling *f, const struct segment_entry *e,
			  const struct index_bucket *bucket)
{
	struct verify *verify = f->verify;
	for (size_t i = verify->fill_count; !f->is_exact && i > f->first; i--) {
		struct verify_fill *fill = &verify->fills[i - 1];
		if (fill->segment == bucket->segment && fill->offset == bucket->offset)
			fill->at = (uint32_t)e->offset;
	}
}

/* An entry of a copy. Where the index is to be believed only what it knows in the segment counts:
 * the copy may be of another time. */
static enum as_err use_entry(struct filling *f, const struct segment_entry *e)
{
	struct verify *verify = f->verify;
	struct index_bucket bucket;
	if (e->tag == SEGMENT_COMMIT || e->offset > UINT32_MAX)
		return AS_OK;
	if (e->tag == SEGMENT_PUT && verify_find_mapping(f->run, e->key, &bucket)) {
		const uint32_t number = verify->copies[f->copy].number;
		/* An index of an earlier time does not know what stood in the damage later. */
		const bool is_newer = verify->index_credit != CREDIT_CREDIBLE &&
				      is_lacking(verify, number, e->offset) &&
				      replay_time(number, (uint32_t)e->offset) >
					      replay_time(bucket.segment, bucket.offset);
		if (verify_is_confirmed(verify, bucket.number) && !is_newer) {
			replace_older(f, e, &bucket);
			return AS_OK;	/* it is there, or a copy has it */
		}
		/* In a copy with anything in its own place a PUT elsewhere is an older version; and
		 * in one with nothing else of the segment, a manifest is that of another
		 * repository. */
		const bool may_move = !f->is_exact && !f->has_exact &&
				      !(f->taken == 0 && key_is_manifest(e->key));
		if (bucket.segment == number && is_lacking(verify, number, bucket.offset) &&
		    (bucket.offset == e->offset || may_move))
			return add_mapped(f, e, &bucket);
	}
	return f->is_exact || verify->index_credit == CREDIT_CREDIBLE ? AS_OK : add_unmapped(f, e);
}

/* To replace an object is to write a DELETE and a PUT. A DELETE before damage, or at the end of a
 * file that was cut off, may be half of that, and is not taken. */
static enum as_err read_copy(struct filling *f, struct segment_reader *reader, bool is_exact)
{
	const struct verify_copy *copy = &f->verify->copies[f->copy];
	struct segment_entry entry, held = { .tag = SEGMENT_DAMAGED };
	f->is_exact = is_exact;
	f->first = f->verify->fill_count;
	enum as_err err = segment_open(reader, f->run->repo->fd, copy->path, copy->number, NULL,
				       NULL);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		/* No segment at all, unless the index knows what it holds. */
		if (entry.tag == SEGMENT_DAMAGED && entry.cause == SEGMENT_BAD_MAGIC &&
		    f->verify->index_credit != CREDIT_CREDIBLE)
			return AS_OK;
		if (entry.tag != SEGMENT_DAMAGED && held.tag == SEGMENT_DELETE)
			err = use_entry(f, &held);
		held = entry;
		if (err == AS_OK && entry.tag == SEGMENT_PUT)
			err = use_entry(f, &entry);
		if (err != AS_OK)
			return err;
		if (verify_should_stop(f->run))
			return AS_ERR_CANCELLED;
	}
	/* At the end of a file of the segment's own length it is whole. */
	const size_t position = verify_position(f->verify, copy->number);
	if (err == AS_END && held.tag == SEGMENT_DELETE && position != LISTING_NONE &&
	    segment_length(reader) == f->verify->facts[position].size)
		return use_entry(f, &held);
	return err == AS_END ? AS_OK : err;
}

/* What stands in its own place first: a copy may hold older versions elsewhere. */
static enum as_err use_copy(struct filling *f, struct segment_reader *reader)
{
	const struct verify_copy *copy = &f->verify->copies[f->copy];
	struct finding finding = finding_of(PROBLEM_SEGMENT_COPY);
	f->taken = 0;
	enum as_err err = read_copy(f, reader, true);
	if (err != AS_OK)
		return err;
	f->has_exact = f->taken > 0;
	err = read_copy(f, reader, false);
	if (err != AS_OK || f->taken == 0)
		return err;
	finding.segment = copy->number;
	snprintf(finding.detail, sizeof(finding.detail), "%.100s has %" PRIu64 " entr%s of it",
		 copy->path, f->taken, f->taken == 1 ? "y" : "ies");
	return verify_add(f->run, &finding);
}

/* Two copies may have the same entry: the first of them is read. */
static void sort_fills(struct verify *verify)
{
	size_t kept = 0;
	array_sort(verify->fills, verify->fill_count, sizeof(*verify->fills), by_place);
	for (size_t i = 0; i < verify->fill_count; i++)
		if (kept == 0 || by_place(&verify->fills[kept - 1], &verify->fills[i]) != 0)
			verify->fills[kept++] = verify->fills[i];
	verify->fill_count = kept;
}

/* Is anything damaged or missing at all? */
static bool lacks_any(const struct verify *verify)
{
	const bool has_witness = verify->confirmed || verify->repo->hints.usable;
	if (verify->damage_count > 0 || verify->missing_count > 0 || verify->has_roles ||
	    !has_witness || verify->hints_know_missing)
		return true;
	for (size_t i = 0; i < verify->repo->listing.count; i++)
		if (verify->facts[i].is_cut || verify->facts[i].is_unopened)
			return true;
	return false;
}

enum as_err verify_list_copies(struct verify_run *run, bool all)
{
	struct verify *verify = run->verify;
	struct search search = {
		.verify = verify, .repo = run->repo, .all = all, .folder = "data",
	};
	const size_t known = verify->copy_count;
	const enum as_err err = search_folder(&search);
	/* Those that fills name already keep their places. */
	if (verify->copy_count > known + 1)
		qsort(verify->copies + known, verify->copy_count - known,
		      sizeof(*verify->copies), by_path);
	return err;
}

enum as_err verify_fill_older(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct filling filling = { .run = run, .verify = verify };
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->gone_count; i++) {
		struct verify_gone *gone = &verify->gone[i];
		const struct segment_entry entry = {
			.tag = SEGMENT_PUT, .offset = gone->older_at,
		};
		if (!gone->has_older || gone->older_copy == UINT32_MAX)
			continue;
		/* An offset that no entry of the log has: the segment's own file may be there
		 * too. */
		gone->older.offset = SEGMENT_OFFSET_MAX + 1 + (uint32_t)i;
		filling.copy = gone->older_copy;
		err = add_fill(&filling, gone->older.offset, &entry);
	}
	sort_fills(verify);
	return err;
}

enum as_err verify_use_copies(struct verify_run *run, bool *again)
{
	struct verify *verify = run->verify;
	struct filling filling = { .run = run, .verify = verify };
	*again = false;
	if (!lacks_any(verify))
		return AS_OK;
	enum as_err err = verify_list_copies(run, false);
	if (err != AS_OK || verify->copy_count == 0)
		return err;
	struct segment_reader *reader = segment_reader_new(run->repo->io, run->repo->dialect);
	if (!reader)
		return AS_ERR_MEMORY;
	segment_reader_watch(reader, &run->progress->cancel);
	for (; err == AS_OK && filling.copy < verify->copy_count; filling.copy++)
		err = use_copy(&filling, reader);
	segment_reader_free(reader);
	sort_fills(verify);
	*again = verify->fill_count > 0;
	return err;
}
