#include "build-config.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "screen/entry_list.h"
#include "screen/screens.h"
#include "session/format.h"
#include "session/raw_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COL_OFFSET, COL_FIELD, COL_BYTES, COL_VALUE, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_OFFSET] = { .title = "offset", .width = 10, .right = true, .rank = 1 },
	[COL_FIELD] = { .title = "field", .width = 7 },
	[COL_BYTES] = { .title = "bytes", .width = 23 },
	[COL_VALUE] = { .title = "means", .width = 30, .grows = true },
};

#define BYTES_A_ROW 8u
#define PREVIEW 128u			/* bytes of payload */
#define ROWS_MAX (8u + KEY_SIZE / BYTES_A_ROW + PREVIEW / BYTES_A_ROW)

/* ---- the model: one entry, read once by the first thread that wants its rows ---- */

struct entry_model {
	struct model base;
	size_t position;
	uint64_t offset;
	pthread_mutex_t mutex;		/* of loaded and rows; the drawing thread never locks it */
	bool loaded;
	struct row rows[ROWS_MAX];
	uint32_t filled;
};

static struct row *add_row(struct entry_model *model, const struct segment_entry *entry,
			   uint64_t at)
{
	struct row *row = &model->rows[model->filled++];
	row->place = place_of_entry(
		model->base.session->repo->listing.segments[model->position].number, at);
	if (entry->has_key)
		place_set_key(&row->place, entry->key);
	return row;
}

/* Add rows for [@at, @at + @len) of the file, whose bytes are @bytes. Returns the first row. */
static struct row *add_bytes(struct entry_model *model, const struct segment_entry *entry,
			     uint64_t at, const uint8_t *bytes, size_t len, const char *field,
			     enum style style)
{
	struct row *first = &model->rows[model->filled];
	for (size_t i = 0; i < len; i += BYTES_A_ROW) {
		struct row *row = add_row(model, entry, at + i);
		char hex[BYTES_A_ROW * 3 + 1];
		for (size_t k = 0; k < BYTES_A_ROW && i + k < len; k++)
			snprintf(hex + 3 * k, 4, " %02x", bytes[i + k]);
		row_set(row, COL_OFFSET, STYLE_NORMAL, "%" PRIu64, at + i);
		row_set(row, COL_FIELD, STYLE_NORMAL, "%s", i == 0 ? field : "");
		row_set(row, COL_BYTES, style, "%s", hex + 1);
	}
	return first;
}

/* Add the header and, if all of it is among the @got bytes, the key. */
static void add_header(struct entry_model *model, const struct segment_entry *entry,
		       const uint8_t *bytes, size_t got)
{
	const bool damaged = entry->tag == SEGMENT_DAMAGED;
	const uint32_t size = get_u32le(bytes + 4);
	char text[FORMAT_SIZE], human[FORMAT_SIZE], key[2 * KEY_SIZE + 1];
	struct row *row = add_bytes(model, entry, entry->offset, bytes, 4, "CRC", STYLE_FIELD_CRC);
	if (damaged && !entry->has_crc)
		row_set(row, COL_VALUE, STYLE_WARNING, "is %08" PRIx32 "; it cannot be computed",
			get_u32le(bytes));
	else if (entry->crc_stored == entry->crc_computed)
		row_set(row, COL_VALUE, STYLE_GOOD, "is %08" PRIx32 ", as computed",
			entry->crc_stored);
	else
		row_set(row, COL_VALUE, STYLE_BAD, "is %08" PRIx32 ", computed %08" PRIx32,
			entry->crc_stored, entry->crc_computed);
	row = add_bytes(model, entry, entry->offset + 4, bytes + 4, 4, "size", STYLE_FIELD_SIZE);
	row_set(row, COL_VALUE, STYLE_NORMAL, "%s bytes in all (%s)",
		format_count(size, text, sizeof(text)), format_bytes(size, human, sizeof(human)));
	row = add_bytes(model, entry, entry->offset + 8, bytes + 8, 1, "tag", STYLE_FIELD_TAG);
	if (bytes[8] <= SEGMENT_COMMIT)
		row_set(row, COL_VALUE, STYLE_NORMAL, "%s", segment_tag_name(bytes[8]));
	else
		row_set(row, COL_VALUE, STYLE_BAD, "%u: not a known tag", bytes[8]);
	if (!entry->has_key || got < SEGMENT_KEYED)
		return;
	row = add_bytes(model, entry, entry->offset + SEGMENT_HEADER, entry->key, KEY_SIZE, "key",
			STYLE_FIELD_KEY);
	row_set(row, COL_VALUE, STYLE_NORMAL, "%s%s",
		format_key(entry->key, 2 * KEY_SIZE, "", key, sizeof(key)), key_note(entry->key));
}

static void add_payload(struct entry_model *model, const struct segment_entry *entry,
			const uint8_t *bytes, size_t len, uint64_t rest)
{
	const uint32_t first = model->filled;
	add_bytes(model, entry, entry->offset + SEGMENT_KEYED, bytes, len, "data", STYLE_NORMAL);
	for (uint32_t i = first; i < model->filled; i++) {
		const size_t from = (size_t)(i - first) * BYTES_A_ROW;
		char text[BYTES_A_ROW + 1] = "";
		for (size_t k = 0; k < BYTES_A_ROW && from + k < len; k++)
			text[k] = bytes[from + k] >= ' ' && bytes[from + k] < 127
					  ? (char)bytes[from + k]
					  : '.';
		row_set(&model->rows[i], COL_VALUE, STYLE_FAINT, "%s", text);
	}
	if (rest > 0) {
		char text[FORMAT_SIZE];
		struct row *row = add_row(model, entry, entry->offset + SEGMENT_KEYED + len);
		row_set(row, COL_BYTES, STYLE_FAINT, "%s more: h",
			format_bytes(rest, text, sizeof(text)));
	}
}

static void add_status(struct entry_model *model, const struct segment_entry *entry)
{
	const struct session *session = model->base.session;
	struct row *row = add_row(model, entry, entry->offset);
	bool known;
	row_set(row, COL_FIELD, STYLE_STRONG, "status");
	if (entry->tag == SEGMENT_DAMAGED) {
		row_set(row, COL_BYTES, STYLE_BAD, "damaged");
		row_set(row, COL_VALUE, STYLE_BAD, "%s%s",
			segment_cause_text((enum segment_cause)entry->cause),
			entry->unstable ? "; whole when read again: suspect the machine" : "");
		return;
	}
	const enum entry_status status = entry_status(session->repo, session_verify(session),
						      row->place.segment, entry, &known);
	row_set(row, COL_BYTES, known ? status_styles[status] : STYLE_FAINT, "%s",
		known ? entry_status_name(status) : "?");
	row_set(row, COL_VALUE, STYLE_FAINT, "%s", !known ? "not verified yet: press v" :
		session_verify(session) ? "according to the log"
					: "according to the index (v verifies it)");
}

static void add_index(struct entry_model *model, const struct segment_entry *entry)
{
	const struct repo *repo = model->base.session->repo;
	struct index_bucket bucket;
	struct row *row = add_row(model, entry, entry->offset);
	row_set(row, COL_FIELD, STYLE_STRONG, "index");
	if (repo->index.fd < 0) {
		row_set(row, COL_BYTES, STYLE_WARNING, "no usable index");
		return;
	}
	const enum as_err err = index_lookup(&repo->index, entry->key, &bucket);
	if (err == AS_ERR_OBJECT_NOT_FOUND) {
		row_set(row, COL_BYTES, STYLE_NORMAL, "does not have this key");
		return;
	}
	if (err != AS_OK) {
		row_set(row, COL_BYTES, STYLE_BAD, "%s", as_err_text(err));
		return;
	}
	const bool here = bucket.segment == row->place.segment && bucket.offset == entry->offset;
	row_set(row, COL_BYTES, here ? STYLE_GOOD : STYLE_NORMAL,
		here ? "points here" : "points elsewhere");
	row_set(row, COL_VALUE, STYLE_NORMAL, "bucket %" PRIu32 ": %" PRIu32 ":%" PRIu32,
		bucket.number, bucket.segment, bucket.offset);
}

static void load(struct entry_model *model)
{
	const struct repo *repo = model->base.session->repo;
	char path[LISTING_PATH_MAX];
	uint8_t bytes[SEGMENT_KEYED + PREVIEW];
	struct segment_entry entry = { 0 };
	struct raw raw;
	listing_path(&repo->listing, model->position, path);
	const enum as_err err =
		segment_read_entry(repo->io, repo->fd, path, model->offset, &entry, NULL);
	if (raw_open(repo, model->position, &raw) != AS_OK) {
		row_set(add_row(model, &entry, model->offset), COL_BYTES, STYLE_BAD,
			"cannot be read: %s", as_err_text(err));
		return;
	}
	const size_t got = raw_read(&raw, model->offset, bytes, sizeof(bytes));
	raw_close(&raw);
	entry.offset = model->offset;
	add_status(model, &entry);
	if (entry.has_key)
		add_index(model, &entry);
	if (got < SEGMENT_HEADER)
		return;
	add_header(model, &entry, bytes, got);
	const bool has_data = bytes[8] == SEGMENT_PUT && got > SEGMENT_KEYED &&
			      (entry.tag == SEGMENT_DAMAGED || entry.size > SEGMENT_KEYED);
	if (!has_data)
		return;
	uint64_t len = got - SEGMENT_KEYED;
	if (entry.tag == SEGMENT_PUT && len > entry.size - SEGMENT_KEYED)
		len = entry.size - SEGMENT_KEYED;
	const uint64_t rest = entry.tag == SEGMENT_PUT ? entry.size - SEGMENT_KEYED - len : 0;
	add_payload(model, &entry, bytes + SEGMENT_KEYED, (size_t)len, rest);
}

static void fetch_rows(struct model *base, uint64_t first, size_t count, struct row *rows)
{
	struct entry_model *model = (struct entry_model *)base;
	pthread_mutex_lock(&model->mutex);
	if (!model->loaded)
		load(model);
	model->loaded = true;
	atomic_store(&base->count, model->filled);
	for (size_t i = 0; i < count && first + i < model->filled; i++)
		rows[i] = model->rows[first + i];
	pthread_mutex_unlock(&model->mutex);
}

static void model_free(struct model *model)
{
	pthread_mutex_destroy(&((struct entry_model *)model)->mutex);
}

static const struct model_ops model_ops = { .fetch = fetch_rows, .free = model_free };

/* ---- the screen ---- */

static bool start(struct app *app, struct screen *base)
{
	const size_t position = entry_list_segment(app, &base->about);
	if (position == LISTING_NONE)
		return false;
	struct entry_model *model = model_new(&model_ops, sizeof(*model), app->session);
	if (!model) {
		app_say(app, STYLE_BAD, "out of memory");
		return false;
	}
	pthread_mutex_init(&model->mutex, NULL);
	model->position = position;
	model->offset = base->about.offset;
	model->base.count = 1;	/* so that a row is fetched, which loads them all */
	table_set_model(base->table, model);
	return true;
}

static bool open_entry(struct app *app, struct screen *base)
{
	return base->about.has_segment && base->about.has_offset && start(app, base);
}

static void reload(struct app *app, struct screen *base)
{
	if (!start(app, base))
		table_set_model(base->table, NULL);
}

/* Only a finished verification knows more about an entry than the index. */
static void refresh(struct app *app, struct screen *base)
{
	if (session_verify(app->session))
		reload(app, base);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	char text[MESSAGE_MAX];
	snprintf(text, sizeof(text), "segment %" PRIu32 "   entry at offset %" PRIu64,
		 base->about.segment, base->about.offset);
	base->table->empty = "The segment is no longer there.";
	table_draw(base->table, app->fetcher, area, text);
}

const struct screen_ops entry_screen = {
	.title = "Entry", .size = sizeof(struct table_screen), .opens = SCREEN_HEX,
	.columns = columns, .column_count = COL_COUNT,
	.open = open_entry, .draw = draw, .reload = reload, .refresh = refresh,
};
