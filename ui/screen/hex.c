#include "build-config.h"

#include "app/app.h"
#include "app/search.h"
#include "screen/hex_field.h"
#include "screen/hex_search.h"
#include "screen/screens.h"
#include "session/format.h"
#include "session/raw_window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEGEND_LINES 2
#define OFFSET_WIDTH 10

/* The key of an entry that begins far before the window. */
struct far_key {
	uint64_t offset;		/* of the entry; NO_OFFSET: none */
	bool good;
	uint8_t key[KEY_SIZE];
};
#define NO_OFFSET UINT64_MAX

struct hex {
	struct screen base;
	bool of_index;
	size_t position;		/* see raw_open; LISTING_NONE: gone */
	struct entry_list *entries;	/* held: where the entries are; NULL for the index */
	struct position lines;
	unsigned line_bytes;		/* 8, 16 or 32: as many as fit the width */
	uint64_t length, cursor;	/* bytes */
	bool has_length;
	bool failed;			/* the file cannot be opened */
	struct window *window;		/* NULL until it was read */
	struct far_key far_key;
	/* offsets of the window and of the key's entry that were requested; NO_OFFSET: none */
	uint64_t asked, asked_key;
	struct area area;		/* of the lines, as last drawn */
};

/* ---- reading ---- */

struct hex_request {
	struct fetch_request head;
	struct session *session;	/* held */
	const struct hex *screen;	/* compared, never followed */
	size_t position;
	bool failed;
	uint64_t offset, length;
	struct window *window;
	struct far_key far_key;
};

static void run_request(struct fetch_request *head)
{
	struct hex_request *request = (struct hex_request *)head;
	struct raw raw;
	request->failed = raw_open(request->session->repo, request->position, &raw) != AS_OK;
	if (request->failed)
		return;
	request->length = raw.length;
	window_read(request->window, &raw, request->offset);
	struct far_key *far = &request->far_key;
	if (far->offset != NO_OFFSET)
		far->good = raw_read(&raw, far->offset + SEGMENT_HEADER, far->key, KEY_SIZE) ==
			    KEY_SIZE;
	raw_close(&raw);
}

static void drop_request(struct fetch_request *head)
{
	struct hex_request *request = (struct hex_request *)head;
	ref_release(request->session);
	free(request->window);
	free(request);
}

static bool deliver(struct screen *base, struct fetch_request *head)
{
	struct hex *screen = (struct hex *)base;
	struct hex_request *request = (struct hex_request *)head;
	const bool ours = head->run == run_request && request->screen == screen;
	if (ours) {
		screen->failed = request->failed;
		screen->length = request->length;
		screen->has_length = true;
		screen->asked = screen->asked_key = NO_OFFSET;
		screen->far_key = request->far_key;
		free(screen->window);
		screen->window = request->window;
		request->window = NULL;
		if (screen->cursor >= screen->length)
			screen->cursor = screen->length > 0 ? screen->length - 1 : 0;
	}
	head->drop(head);
	return ours;
}

/* Request the visible bytes, with as many on either side as fit the window, and the key of the
 * entry at @keyed (NO_OFFSET: none). */
static void load(struct app *app, struct hex *screen, uint64_t first, uint64_t end, uint64_t keyed)
{
	if (screen->position == LISTING_NONE)
		return;
	if (screen->has_length && end > screen->length)
		end = screen->length;
	if (window_covers(screen->window, first, end) &&
	    (keyed == NO_OFFSET || keyed == screen->far_key.offset))
		return;
	const uint64_t middle = first > WINDOW_SIZE / 2 ? first - WINDOW_SIZE / 2 : 0;
	const uint64_t from = middle - middle % WINDOW_BLOCK;
	if ((screen->asked == from && screen->asked_key == keyed) ||
	    (screen->failed && screen->window))
		return;
	struct hex_request *request = calloc(1, sizeof(*request));
	struct window *fresh = malloc(sizeof(*fresh));
	if (!request || !fresh) {
		free(request);
		free(fresh);
		return;
	}
	fresh->len = 0;
	*request = (struct hex_request){
		.head = { run_request, drop_request }, .session = ref_hold(app->session),
		.screen = screen, .position = screen->position, .offset = from,
		.window = fresh, .far_key = { .offset = keyed },
	};
	screen->asked = from;
	screen->asked_key = keyed;
	fetcher_submit(app->fetcher, &request->head);
	struct fetch_request *done = fetcher_collect(app->fetcher, TABLE_WAIT_MS);
	if (done)
		deliver(&screen->base, done);
}

static bool bytes_at(const struct hex *screen, uint64_t offset, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!window_byte(screen->window, offset + i, &bytes[i]))
			return false;
	return true;
}

/* ---- what a byte belongs to ---- */

static struct unit unit_of(const struct hex *screen, uint64_t offset)
{
	uint64_t size;
	if (screen->of_index)
		return hex_unit_of_bucket(offset);
	if (!screen->entries || model_count(&screen->entries->base) == 0)
		return (struct unit){ .known = false };
	const uint64_t i = entry_list_find(screen->entries, offset);
	const struct entry_row row = entry_list_row(screen->entries, i, &size);
	return hex_unit_of_entry(&row, size, offset);
}

/* ---- drawing ---- */

static void draw_byte(const struct hex *screen, uint64_t offset, int y, int hex_x, int text_x)
{
	const struct unit unit = unit_of(screen, offset);
	const bool under = offset == screen->cursor;
	const unsigned style = hex_fields[unit.field].style | (under ? STYLE_CURSOR : 0);
	char hex[4] = "??", text[2] = "?";
	uint8_t byte;
	if (window_byte(screen->window, offset, &byte)) {
		snprintf(hex, sizeof(hex), "%02x", byte);
		text[0] = byte >= ' ' && byte < 127 ? (char)byte : '.';
	} else if (!window_covers(screen->window, offset, offset + 1)) {
		hex[0] = hex[1] = text[0] = ' ';	/* not read yet */
	}
	term_add(y, hex_x, 2, style, hex);
	/* Mark the first byte of an entry with a line before it. */
	if (unit.known && unit.offset == offset && offset > 0)
		term_add(y, hex_x - 1, 1, STYLE_FAINT, glyph(GLYPH_TRACK));
	term_add(y, text_x, 1, style, text);
}

static void draw_line(void *context, uint64_t number, bool selected, struct area line)
{
	const struct hex *screen = context;
	const unsigned bytes = screen->line_bytes;
	const uint64_t first = number * bytes;
	const int hex_x = line.x + OFFSET_WIDTH + 2;
	const int text_x = hex_x + (int)bytes * 3 + (int)bytes / 8;
	char text[FORMAT_SIZE];
	snprintf(text, sizeof(text), "%0*" PRIx64, OFFSET_WIDTH, first);
	term_add(line.y, line.x, OFFSET_WIDTH, selected ? STYLE_STRONG : STYLE_FAINT, text);
	for (unsigned i = 0; i < bytes && first + i < screen->length; i++)
		draw_byte(screen, first + i, line.y, hex_x + (int)(i * 3 + i / 8), text_x + (int)i);
}

/* The value of the field under the cursor. */
static void decode(const struct hex *screen, const struct unit *unit, char *out, size_t size)
{
	uint8_t bytes[KEY_SIZE];
	char text[2 * KEY_SIZE + 1];
	out[0] = '\0';
	const uint64_t u32_at = unit->field == FIELD_SIZE      ? unit->offset + 4
				: unit->field == FIELD_SEGMENT ? unit->offset + KEY_SIZE
				: unit->field == FIELD_OFFSET  ? unit->offset + KEY_SIZE + 4
							       : unit->offset;
	switch (unit->field) {
	case FIELD_CRC:
		if (bytes_at(screen, u32_at, bytes, 4))
			snprintf(out, size, " = %08" PRIx32, get_u32le(bytes));
		break;
	case FIELD_SIZE:
	case FIELD_SEGMENT:
	case FIELD_OFFSET:
		if (bytes_at(screen, u32_at, bytes, 4))
			snprintf(out, size, " = %" PRIu32, get_u32le(bytes));
		break;
	case FIELD_TAG:
		snprintf(out, size, " = %s", segment_tag_name(unit->tag));
		break;
	case FIELD_KEY:
		if (bytes_at(screen, unit->offset + (screen->of_index ? 0 : SEGMENT_HEADER), bytes,
			     KEY_SIZE))
			snprintf(out, size, " = %s%s",
				 format_key(bytes, 2 * KEY_SIZE, "", text, sizeof(text)),
				 key_note(bytes));
		break;
	case FIELD_DAMAGED:
		snprintf(out, size, ": %s", segment_cause_text((enum segment_cause)unit->cause));
		break;
	default:
		break;
	}
}

static void describe_unit(const struct hex *screen, const struct unit *unit, char *out, size_t size)
{
	char meaning[2 * KEY_SIZE + 8];
	if (!unit->known) {
		snprintf(out, size, "not read yet");
		return;
	}
	decode(screen, unit, meaning, sizeof(meaning));
	if (unit->field == FIELD_MAGIC || unit->field == FIELD_HEADER)
		snprintf(out, size, "%s", hex_fields[unit->field].name);
	else if (screen->of_index)
		snprintf(out, size, "bucket %" PRIu64 "   %s%s",
			 (unit->offset - INDEX_HEADER) / INDEX_BUCKET, hex_fields[unit->field].name,
			 meaning);
	else
		snprintf(out, size, "%s at %" PRIu64 ", byte %" PRIu64 " of %" PRIu64 "   %s%s",
			 segment_tag_name(unit->tag), unit->offset,
			 screen->cursor - unit->offset + 1, unit->size,
			 hex_fields[unit->field].name, meaning);
}

static void draw_legend(const struct hex *screen, struct area area)
{
	static const enum field of_entries[] = { FIELD_CRC, FIELD_SIZE, FIELD_TAG,
						FIELD_KEY, FIELD_DATA, FIELD_DAMAGED };
	static const enum field of_buckets[] = { FIELD_HEADER, FIELD_KEY, FIELD_SEGMENT,
						FIELD_OFFSET };
	const enum field *list = screen->of_index ? of_buckets : of_entries;
	const size_t count = screen->of_index ? ARRAY_SIZE(of_buckets) : ARRAY_SIZE(of_entries);
	const struct unit unit = unit_of(screen, screen->cursor);
	char text[MESSAGE_MAX], about[MESSAGE_MAX - 64];
	describe_unit(screen, &unit, about, sizeof(about));
	snprintf(text, sizeof(text), "%" PRIu64 " (0x%" PRIx64 ")   %s", screen->cursor,
		 screen->cursor, about);
	term_put(area.y, 0, area.cols, STYLE_STRONG, text);
	int x = 0;
	for (size_t i = 0; i < count; i++)
		x += 2 + term_add(area.y + 1, x, area.cols - x, hex_fields[list[i]].style,
				  hex_fields[list[i]].name);
	snprintf(text, sizeof(text), "%s begins %s   ?? cannot be read", glyph(GLYPH_TRACK),
		 screen->of_index ? "a bucket" : "an entry");
	term_add(area.y + 1, x + 2, area.cols - x - 2, STYLE_FAINT, text);
}

static void draw_title(const struct repo *repo, const struct hex *screen, struct area area)
{
	char text[LISTING_PATH_MAX + MESSAGE_MAX], path[LISTING_PATH_MAX];
	char length[FORMAT_SIZE] = "?";
	if (screen->of_index)
		snprintf(path, sizeof(path), "index.%" PRIu32, repo->index_transaction);
	else if (screen->position == LISTING_NONE)
		snprintf(path, sizeof(path), "segment %" PRIu32 " is no longer there:",
			 screen->base.about.segment);
	else
		listing_path(&repo->listing, screen->position, path);
	if (screen->has_length)
		format_count(screen->length, length, sizeof(length));
	snprintf(text, sizeof(text), "%s   %s bytes%s", path, length,
		 screen->failed ? "   CANNOT BE READ" : "");
	term_add(area.y, 0, area.cols, STYLE_STRONG, text);
}

/* Does the entry have a key that lies outside of the window? */
static bool is_far(const struct hex *screen, const struct unit *unit)
{
	return unit->has_key && !screen->of_index &&
	       !window_covers(screen->window, unit->offset + SEGMENT_HEADER,
			      unit->offset + SEGMENT_KEYED);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct hex *screen = (struct hex *)base;
	draw_title(app->session->repo, screen, area);
	screen->area = (struct area){ area.y + 1, area.x, area.rows - 1 - LEGEND_LINES, area.cols };
	unsigned bytes = 32;
	while (bytes > 8 && OFFSET_WIDTH + 2 + (int)bytes * 4 + (int)bytes / 8 >= area.cols)
		bytes /= 2;
	screen->line_bytes = bytes;
	if (!screen->has_length)
		load(app, screen, screen->cursor, screen->cursor + 1, NO_OFFSET);
	const uint64_t lines = screen->length / bytes + (screen->length % bytes > 0);
	position_fit(&screen->lines, lines, (uint32_t)screen->area.rows);
	if (screen->lines.cursor != screen->cursor / bytes)
		position_set(&screen->lines, screen->cursor / bytes);
	const struct unit unit = unit_of(screen, screen->cursor);
	load(app, screen, screen->lines.top * bytes,
	     (screen->lines.top + screen->lines.page) * bytes,
	     is_far(screen, &unit) ? unit.offset : NO_OFFSET);
	list_draw(&screen->lines, lines, screen->area, draw_line, screen);
	if (screen->length > 0)
		draw_legend(screen, (struct area){ screen->area.y + screen->area.rows, 0,
						  LEGEND_LINES, area.cols });
}

/* ---- moving ---- */

/* Before the length is known @offset is not checked; deliver corrects the cursor. */
static void go_to(struct screen *base, uint64_t offset)
{
	struct hex *screen = (struct hex *)base;
	if (!screen->has_length || screen->length == 0) {
		screen->cursor = offset;
		return;
	}
	screen->cursor = offset < screen->length ? offset : screen->length - 1;
	position_set(&screen->lines, screen->cursor / screen->line_bytes);
}

static void move_by(struct app *app, struct screen *base, enum motion motion)
{
	struct hex *screen = (struct hex *)base;
	(void)app;
	if (screen->length == 0)
		return;
	const uint64_t column = screen->cursor % screen->line_bytes;
	switch (motion) {
	case MOTION_LEFT:
		go_to(base, screen->cursor > 0 ? screen->cursor - 1 : 0);
		break;
	case MOTION_RIGHT:
		go_to(base, screen->cursor + 1);
		break;
	case MOTION_HOME:
		go_to(base, 0);
		break;
	case MOTION_END:
		go_to(base, screen->length - 1);
		break;
	default:
		position_move(&screen->lines, motion);
		go_to(base, screen->lines.cursor * screen->line_bytes + column);
	}
}

void hex_move_entry(struct app *app, const struct call *call)
{
	struct hex *screen = (struct hex *)app_top(app);
	const struct unit unit = unit_of(screen, screen->cursor);
	if (!unit.known)
		return;
	if (call->value == HEX_NEXT_ENTRY) {
		if (unit.offset + unit.size < screen->length)
			go_to(&screen->base, unit.offset + unit.size);
	} else if (screen->cursor > unit.offset) {
		go_to(&screen->base, unit.offset);
	} else if (unit.offset > 0) {
		go_to(&screen->base, unit_of(screen, unit.offset - 1).offset);
	}
}

static bool click(struct app *app, struct screen *base, int y, int x)
{
	struct hex *screen = (struct hex *)base;
	const int hex_x = OFFSET_WIDTH + 2, bytes = (int)screen->line_bytes;
	const int text_x = hex_x + bytes * 3 + bytes / 8;
	uint64_t line;
	(void)app;
	if (!list_row_at(&screen->lines, screen->area, y, &line) || x < hex_x)
		return false;
	const int column = x >= text_x ? x - text_x : (x - hex_x - (x - hex_x) / 25) / 3;
	go_to(base, line * (uint64_t)bytes + (uint64_t)(column < bytes ? column : bytes - 1));
	return true;
}

/* ---- the screen ---- */

static void seek(struct app *app, struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	(void)app;
	if (screen->of_index)
		go_to(base, INDEX_HEADER + (uint64_t)base->about.bucket * INDEX_BUCKET);
	else if (base->about.has_offset)
		go_to(base, base->about.offset);
}

static void shown(struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	screen->asked = screen->asked_key = NO_OFFSET;
}

static void close_hex(struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	ref_release(screen->entries);
	screen->entries = NULL;
	free(screen->window);
	screen->window = NULL;
}

static void reload(struct app *app, struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	close_hex(base);
	screen->has_length = screen->failed = false;
	screen->length = 0;
	screen->asked = screen->asked_key = screen->far_key.offset = NO_OFFSET;
	if (screen->of_index)
		return;
	screen->position = entry_list_segment(app, &base->about);
	screen->failed = screen->position == LISTING_NONE;
	if (!screen->failed)
		screen->entries = entry_list_start(app, base, screen->position);
}

static bool open_hex(struct app *app, struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	screen->of_index = base->about.has_bucket;
	screen->position = RAW_INDEX;
	screen->line_bytes = 16;
	seek(app, base);
	reload(app, base);
	return !screen->failed;
}

/* The entry around the cursor, or the place that the bucket points to. */
static bool place_at(struct app *app, struct screen *base, struct place *place)
{
	const struct hex *screen = (const struct hex *)base;
	const struct unit unit = unit_of(screen, screen->cursor);
	uint8_t bytes[INDEX_BUCKET];
	(void)app;
	if (!unit.known || unit.field == FIELD_MAGIC || unit.field == FIELD_HEADER)
		return false;
	if (screen->of_index) {
		if (!bytes_at(screen, unit.offset, bytes, INDEX_BUCKET) ||
		    get_u32le(bytes + KEY_SIZE) >= INDEX_DELETED)
			return false;
		*place = place_of_entry(get_u32le(bytes + KEY_SIZE),
					get_u32le(bytes + KEY_SIZE + 4));
		place_set_key(place, bytes);
		return true;
	}
	*place = place_of_entry(base->about.segment, unit.offset);
	const struct far_key *far = &screen->far_key;
	if (is_far(screen, &unit) && far->offset == unit.offset && far->good)
		place_set_key(place, far->key);
	else if (unit.has_key &&
		 bytes_at(screen, unit.offset + SEGMENT_HEADER, bytes, KEY_SIZE))
		place_set_key(place, bytes);
	return true;
}

static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	struct hex *screen = (struct hex *)base;
	if (query->byte_count > 0 && screen->length > 0) {
		const struct search_target bytes = {
			.model = hex_search_model(app->session, screen->position, screen->length),
			.unit = "KiB", .unit_size = 1024, .show = go_to,
			/* The window holds the whole of a match that begins in the batch. */
			.batch = WINDOW_SIZE - (uint32_t)query->byte_count + 1,
		};
		if (bytes.model)
			search_start(app, base, &bytes, screen->cursor, backward);
		ref_release(bytes.model);
		return true;
	}
	const bool here =
		query->is_place && !screen->of_index && query->segment == base->about.segment;
	if (!here && !query->is_offset)
		return false;
	go_to(base, query->offset);
	return true;
}

const struct screen_ops hex_screen = {
	.title = "Hex", .digit = '8', .size = sizeof(struct hex), .opens = SCREEN_ENTRY,
	.about = ABOUT_BUCKET, .leads_to_keys = true,
	.open = open_hex, .draw = draw, .close = close_hex, .seek = seek, .reload = reload,
	.move = move_by, .place = place_at, .click = click, .deliver = deliver, .shown = shown,
	.jump = jump,
};
