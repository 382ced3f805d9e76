#include "build-config.h"

#include "screen/entry_list.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "session/format.h"
#include "session/raw_file.h"

#include "engine/repo/object.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COL_OFFSET, COL_SIZE, COL_TAG, COL_KEY, COL_PAYLOAD, COL_CRC, COL_STATUS };

const struct column entry_list_columns[ENTRY_LIST_COLUMNS] = {
	[COL_OFFSET] = { .title = "offset", .width = 10, .right = true },
	[COL_SIZE] = { .title = "size", .width = 8, .right = true, .rank = 2 },
	[COL_TAG] = { .title = "tag", .width = 7 },
	[COL_KEY] = { .title = "key", .width = 17, .grows = true },
	[COL_PAYLOAD] = { .title = "payload", .width = 9, .right = true, .rank = 3 },
	[COL_CRC] = { .title = "CRC", .width = 4, .rank = 1 },
	[COL_STATUS] = { .title = "status", .width = 18 },
};

static const struct entry_row *at(const struct entry_list *list, uint64_t i)
{
	return &list->chunks[i / ENTRY_CHUNK][i % ENTRY_CHUNK];
}

/* The last row is followed by one that holds only the offset of the end. */
struct entry_row entry_list_row(const struct entry_list *list, uint64_t i, uint64_t *size)
{
	const struct entry_row row = *at(list, i);
	*size = at(list, i + 1)->offset - row.offset;
	return row;
}

uint64_t entry_list_find(const struct entry_list *list, uint64_t offset)
{
	uint64_t low = 0, high = model_count(&list->base);
	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		if (at(list, middle)->offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

/* ---- reading ---- */

static bool put_row(struct entry_list *list, uint64_t i, const struct entry_row *row)
{
	struct entry_row **chunk = &list->chunks[i / ENTRY_CHUNK];
	if (!*chunk)
		*chunk = malloc(ENTRY_CHUNK * sizeof(**chunk));
	if (!*chunk)
		return false;
	(*chunk)[i % ENTRY_CHUNK] = *row;
	return true;
}

/* Read rows until the end. A row becomes visible once its end is known. */
static enum as_err read_rows(struct entry_list *list, struct verify_progress *progress,
			     struct segment_reader *reader)
{
	struct segment_entry entry;
	uint64_t i = 0, end = SEGMENT_MAGIC_SIZE;
	enum as_err err;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		const struct entry_row row = {
			.offset = entry.offset, .tag = entry.tag, .cause = entry.cause,
			.flags = (uint8_t)((entry.has_header ? ENTRY_HAS_HEADER : 0) |
					   (entry.has_key ? ENTRY_HAS_KEY : 0) |
					   (entry.searched ? ENTRY_SEARCHED : 0) |
					   (entry.unstable ? ENTRY_UNSTABLE : 0)),
		};
		if (atomic_load(&progress->cancel)) {
			err = AS_ERR_CANCELLED;
			break;
		}
		if (i + 1 >= ENTRY_ROWS_MAX) {
			atomic_store(&list->capped, true);
			err = AS_END;
			end = entry.offset;
			break;
		}
		if (!put_row(list, i, &row))
			return AS_ERR_MEMORY;
		atomic_store_explicit(&list->base.count, i, memory_order_release);
		if (row.tag == SEGMENT_DAMAGED)
			atomic_fetch_add(&list->damaged, 1);
		end = entry.offset + entry.size;
		i++;
		atomic_store(&progress->segments_done, (uint32_t)i);
		atomic_store(&progress->bytes_done, end);
	}
	const struct entry_row behind = { .offset = end };
	if (err != AS_END && err != AS_ERR_CANCELLED)
		return err;
	if (!put_row(list, i, &behind))
		return AS_ERR_MEMORY;
	atomic_store_explicit(&list->base.count, i, memory_order_release);
	return err;
}

/* The reader looks for entries behind damage where the index knows some. Verification does so too,
 * so both see the same rows. */
static void run_list(struct job *job)
{
	struct entry_list *list = job->held[0];
	const struct repo *repo = list->base.session->repo;
	const uint32_t number = repo->listing.segments[list->position].number;
	struct repo_witness witness = { .repo = repo };
	struct segment_reader *reader = segment_reader_new(repo->io, repo->dialect);
	enum as_err err = AS_ERR_MEMORY;
	char path[LISTING_PATH_MAX];
	if (reader) {
		segment_reader_watch(reader, &job->progress.cancel);
		listing_path(&repo->listing, list->position, path);
		err = segment_open(reader, repo->fd, path, number, repo_give_witnesses, &witness);
	}
	if (err == AS_OK) {
		atomic_store(&list->length, segment_length(reader));
		err = read_rows(list, &job->progress, reader);
	}
	segment_reader_free(reader);
	free(witness.rows);
	list->error = err;
	atomic_store(&list->state, err == AS_END ? LIST_DONE :
		     err == AS_ERR_CANCELLED ? LIST_CANCELLED : LIST_FAILED);
}

/* ---- rows for the table ---- */

/* Fill @row for @listed, which is @size bytes long, in the segment at @position. @raw is that
 * segment; NULL: it cannot be opened. */
static void fill_row(struct row *row, const struct session *session, size_t position,
		     const struct raw *raw, const struct entry_row *listed, uint64_t size)
{
	const uint32_t segment = session->repo->listing.segments[position].number;
	struct segment_entry entry;
	char text[FORMAT_LISTED_KEY];
	bool known;
	row->place = place_of_entry(segment, listed->offset);
	row_set(row, COL_OFFSET, STYLE_NORMAL, "%" PRIu64, listed->offset);
	row_set(row, COL_SIZE, STYLE_NORMAL, "%s", format_bytes(size, text, sizeof(text)));
	row_set(row, COL_TAG, listed->tag == SEGMENT_DAMAGED ? STYLE_BAD : STYLE_NORMAL, "%s",
		segment_tag_name(listed->tag));
	const bool readable = raw && raw_read_header(raw, listed->offset, &entry);
	if (readable && (listed->tag != SEGMENT_DAMAGED || listed->flags & ENTRY_HAS_KEY) &&
	    entry.has_key) {
		place_set_key(&row->place, entry.key);
		row_set(row, COL_KEY, STYLE_NORMAL, "%s", format_listed_key(entry.key, text));
	}
	if (listed->tag == SEGMENT_DAMAGED) {
		row->style = STYLE_BAD;
		row_set(row, COL_CRC, STYLE_NORMAL, "%s",
			listed->cause == SEGMENT_CRC_MISMATCH ? "BAD" : "-");
		row_set(row, COL_STATUS, STYLE_NORMAL, "%s", listed->flags & ENTRY_UNSTABLE
			? "reads differ!" : segment_cause_text((enum segment_cause)listed->cause));
		return;
	}
	if (!readable || entry.tag != listed->tag || entry.size != size) {
		row_set(row, COL_STATUS, STYLE_BAD, "changed since (r)");
		return;
	}
	const enum entry_status status =
		entry_status(session->repo, session_verify(session), segment, &entry, &known);
	if (entry.tag == SEGMENT_PUT)
		row_set(row, COL_PAYLOAD, STYLE_NORMAL, "%s",
			format_bytes(entry.size - SEGMENT_KEYED, text, sizeof(text)));
	row_set(row, COL_CRC, STYLE_GOOD, "ok");
	row_set(row, COL_STATUS, known ? status_styles[status] : STYLE_FAINT, "%s",
		known ? entry_status_name(status) : "? verify: v");
}

static void fetch_rows(struct model *base, uint64_t first, size_t count, struct row *rows)
{
	const struct entry_list *list = (const struct entry_list *)base;
	const struct repo *repo = base->session->repo;
	struct raw raw;
	const enum as_err err = raw_open(repo, list->position, &raw);
	for (size_t i = 0; i < count; i++) {
		uint64_t size;
		const struct entry_row row = entry_list_row(list, first + i, &size);
		fill_row(&rows[i], base->session, list->position, err == AS_OK ? &raw : NULL, &row,
			 size);
	}
	raw_close(&raw);
}

/* Search the beginning of a key in the headers alone, and other text in the rows. */
static bool model_search(struct model *base, const struct query *query, uint64_t first,
			 uint64_t count, bool backward, uint64_t *found)
{
	const struct entry_list *list = (const struct entry_list *)base;
	struct raw raw;
	bool hit = false;
	if (raw_open(base->session->repo, list->position, &raw) != AS_OK)
		return false;
	for (uint64_t i = 0; i < count && !hit; i++) {
		struct segment_entry entry;
		uint64_t size;
		*found = backward ? first + count - 1 - i : first + i;
		const struct entry_row at_row = entry_list_row(list, *found, &size);
		if (query->is_prefix) {
			/* A row without bytes shares its offset with the next entry. */
			hit = size > 0 && raw_read_header(&raw, at_row.offset, &entry) &&
			      entry.has_key && key_prefix_matches(&query->prefix, entry.key);
			continue;
		}
		struct row row = { .used = 0 };
		fill_row(&row, base->session, list->position, &raw, &at_row, size);
		hit = row_matches(&row, query);
	}
	raw_close(&raw);
	return hit;
}

static void model_free(struct model *model)
{
	struct entry_list *list = (struct entry_list *)model;
	for (size_t i = 0; i < ARRAY_SIZE(list->chunks); i++)
		free(list->chunks[i]);
}

static const struct model_ops list_ops = { .fetch = fetch_rows, .find = model_search,
					   .free = model_free };

size_t entry_list_segment(struct app *app, struct place *about)
{
	const struct listing *listing = &app->session->repo->listing;
	if (!about->has_segment && listing->count == 0) {
		app_say(app, STYLE_WARNING, "%s", session_no_segments(app->session));
		return LISTING_NONE;
	}
	if (!about->has_segment)
		*about = place_of_segment(listing->segments[0].number);
	const size_t position = listing_find(listing, about->segment);
	if (position == LISTING_NONE)
		app_say(app, STYLE_WARNING, "segment %" PRIu32 " is not there", about->segment);
	return position;
}

struct entry_list *entry_list_start(struct app *app, const struct screen *owner, size_t position)
{
	struct entry_list *list = model_new(&list_ops, sizeof(*list), app->session);
	const struct job job = { .kind = JOB_SCAN, .verb = "reading", .unit = "entries",
				 .run = run_list, .owner = owner };
	if (!list) {
		app_say(app, STYLE_BAD, "out of memory");
		return NULL;
	}
	list->position = position;
	if (app_start_filling(app, &job, list))
		return list;
	ref_release(list);
	return NULL;
}
