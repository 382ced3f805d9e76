#include "build-config.h"

#include "ui/app.h"
#include "ui/entries.h"
#include "ui/format.h"
#include "ui/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096u		/* a bad sector costs this much of the picture, no more */
#define WINDOW (16u * BLOCK)
#define LEGEND_LINES 2
#define OFFSET_WIDTH 10

/* A stretch of the file that was read: which bytes are good is known byte by byte. */
struct window {
	uint64_t offset;
	size_t len;
	uint8_t bytes[WINDOW];
	bool good[WINDOW];
};

struct hex {
	struct screen base;
	bool of_index;
	size_t position;		/* of the segment in the layout */
	struct scan *scan;		/* held: where the entries are; NULL for the index */
	struct position lines;
	unsigned line_bytes;		/* 8, 16 or 32, as the width allows */
	uint64_t length, cursor;	/* bytes */
	bool has_length;
	bool failed;			/* the file cannot be opened */
	struct window *window;		/* NULL until it was read */
	uint64_t asked;			/* offset of the window on its way; UINT64_MAX: none */
	struct area area;		/* of the lines, as last drawn */
};

/* ---- reading ---- */

struct hex_request {
	struct fetch_request head;
	struct session *session;	/* held */
	const struct hex *screen;	/* compared, never followed */
	bool of_index, failed;
	size_t position;
	uint64_t length;
	struct window *window;
};

static void read_window(const struct raw *raw, struct window *window)
{
	window->len = 0;
	for (size_t at = 0; at < WINDOW && window->offset + at < raw->length; at += BLOCK) {
		const uint64_t left = raw->length - window->offset - at;
		const size_t here = left < BLOCK ? (size_t)left : BLOCK;
		const size_t got = raw_read(raw, window->offset + at, window->bytes + at, here);
		memset(window->good + at, true, got);
		memset(window->good + at + got, false, here - got);
		window->len += here;
	}
}

static void run_request(struct fetch_request *head)
{
	struct hex_request *request = (struct hex_request *)head;
	const struct view *view = request->session->view;
	struct raw raw;
	const enum as_err err = request->of_index ? raw_open_index(view, &raw)
						  : raw_open(view, request->position, &raw);
	request->failed = err != AS_OK;
	if (request->failed)
		return;
	request->length = raw.length;
	read_window(&raw, request->window);
	raw_close(&raw);
}

static void drop_request(struct fetch_request *head)
{
	struct hex_request *request = (struct hex_request *)head;
	session_release(request->session);
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
		screen->asked = UINT64_MAX;
		free(screen->window);
		screen->window = request->window;
		request->window = NULL;
		if (screen->cursor >= screen->length)
			screen->cursor = screen->length > 0 ? screen->length - 1 : 0;
	}
	head->drop(head);
	return ours;
}

/* Have the visible bytes read, with as many on either side as the window takes. */
static void load(struct app *app, struct hex *screen, uint64_t first, uint64_t end)
{
	const struct window *window = screen->window;
	if (screen->has_length && end > screen->length)
		end = screen->length;
	if (window && first >= window->offset && end <= window->offset + window->len)
		return;
	const uint64_t from = (first > WINDOW / 2 ? first - WINDOW / 2 : 0) / BLOCK * BLOCK;
	if (screen->asked == from || (screen->failed && window))
		return;
	struct hex_request *request = calloc(1, sizeof(*request));
	struct window *fresh = malloc(sizeof(*fresh));
	if (!request || !fresh) {
		free(request);
		free(fresh);
		return;
	}
	fresh->offset = from;
	fresh->len = 0;
	*request = (struct hex_request){
		.head = { run_request, drop_request }, .session = session_hold(app->session),
		.screen = screen, .of_index = screen->of_index, .position = screen->position,
		.window = fresh,
	};
	screen->asked = from;
	fetcher_submit(app->fetcher, &request->head);
	struct fetch_request *done = fetcher_take(app->fetcher, TABLE_WAIT_MS);
	if (done)
		deliver(&screen->base, done);
}

static bool byte_at(const struct hex *screen, uint64_t offset, uint8_t *byte)
{
	const struct window *window = screen->window;
	if (!window || offset < window->offset || offset - window->offset >= window->len ||
	    !window->good[offset - window->offset])
		return false;
	*byte = window->bytes[offset - window->offset];
	return true;
}

static bool bytes_at(const struct hex *screen, uint64_t offset, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!byte_at(screen, offset + i, &bytes[i]))
			return false;
	return true;
}

/* ---- what a byte belongs to ---- */

enum field { FIELD_NONE, FIELD_MAGIC, FIELD_CRC, FIELD_SIZE, FIELD_TAG, FIELD_KEY, FIELD_DATA,
	     FIELD_DAMAGED, FIELD_SEGMENT, FIELD_OFFSET, FIELD_HEADER, FIELD_COUNT };

static const struct { const char *name; enum style style; } fields[FIELD_COUNT] = {
	[FIELD_NONE] = { "", STYLE_NORMAL },
	[FIELD_MAGIC] = { "magic", STYLE_STRONG },
	[FIELD_CRC] = { "CRC", STYLE_FIELD_CRC },
	[FIELD_SIZE] = { "size", STYLE_FIELD_SIZE },
	[FIELD_TAG] = { "tag", STYLE_FIELD_TAG },
	[FIELD_KEY] = { "key", STYLE_FIELD_KEY },
	[FIELD_DATA] = { "data", STYLE_NORMAL },
	[FIELD_DAMAGED] = { "damaged", STYLE_BAD },
	[FIELD_SEGMENT] = { "segment", STYLE_FIELD_SIZE },
	[FIELD_OFFSET] = { "offset", STYLE_FIELD_TAG },
	[FIELD_HEADER] = { "header", STYLE_STRONG },
};

/* The entry, bucket or stretch around a byte. */
struct unit {
	bool known;
	uint64_t offset, size;
	uint8_t tag;		/* of an entry */
	uint8_t cause;
	enum field field;	/* of the byte itself */
};

static enum field field_of_entry(uint64_t at, uint8_t tag)
{
	if (at < 4)
		return FIELD_CRC;
	if (at < 8)
		return FIELD_SIZE;
	if (at < SEGMENT_HEADER)
		return FIELD_TAG;
	return tag != SEGMENT_COMMIT && at < SEGMENT_KEYED ? FIELD_KEY : FIELD_DATA;
}

static struct unit unit_in_index(uint64_t offset)
{
	if (offset < INDEX_HEADER)
		return (struct unit){ true, 0, INDEX_HEADER, 0, 0, FIELD_HEADER };
	const uint64_t at = (offset - INDEX_HEADER) % INDEX_BUCKET;
	return (struct unit){
		.known = true, .offset = offset - at, .size = INDEX_BUCKET,
		.field = at < KEY_SIZE ? FIELD_KEY :
			 at < KEY_SIZE + 4 ? FIELD_SEGMENT : FIELD_OFFSET,
	};
}

static struct unit unit_of(const struct hex *screen, uint64_t offset)
{
	uint64_t size;
	if (screen->of_index)
		return unit_in_index(offset);
	if (!screen->scan || scan_count(screen->scan) == 0)
		return (struct unit){ 0 };
	const struct scan_row row = scan_row(screen->scan, scan_find(screen->scan, offset), &size);
	if (offset < row.offset)
		return (struct unit){ true, 0, SEGMENT_MAGIC_SIZE, 0, 0, FIELD_MAGIC };
	if (offset - row.offset >= size)
		return (struct unit){ 0 };
	return (struct unit){
		.known = true, .offset = row.offset, .size = size, .tag = row.tag,
		.cause = row.cause,
		.field = row.tag == SEGMENT_DAMAGED ? FIELD_DAMAGED
						    : field_of_entry(offset - row.offset, row.tag),
	};
}

/* ---- drawing ---- */

static void draw_byte(const struct hex *screen, uint64_t offset, int y, int hex_x, int text_x)
{
	const struct unit unit = unit_of(screen, offset);
	const bool under = offset == screen->cursor;
	const unsigned style = fields[unit.field].style | (under ? STYLE_CURSOR : 0);
	char hex[4] = "??", text[2] = "?";
	uint8_t byte;
	if (byte_at(screen, offset, &byte)) {
		snprintf(hex, sizeof(hex), "%02x", byte);
		text[0] = byte >= ' ' && byte < 127 ? (char)byte : '.';
	} else if (!screen->window || offset - screen->window->offset >= screen->window->len) {
		hex[0] = hex[1] = text[0] = ' ';	/* not read yet */
	}
	term_add(y, hex_x, 2, style, hex);
	/* A line before the first byte of an entry. */
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

/* What the field under the cursor says. */
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
		snprintf(out, size, " = %s", entries_tag_name(unit->tag));
		break;
	case FIELD_KEY:
		if (bytes_at(screen, unit->offset + (screen->of_index ? 0 : SEGMENT_HEADER), bytes,
			     KEY_SIZE))
			snprintf(out, size, " = %s",
				 format_key(bytes, 2 * KEY_SIZE, "", text, sizeof(text)));
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
		snprintf(out, size, "%s", fields[unit->field].name);
	else if (screen->of_index)
		snprintf(out, size, "bucket %" PRIu64 "   %s%s",
			 (unit->offset - INDEX_HEADER) / INDEX_BUCKET, fields[unit->field].name,
			 meaning);
	else
		snprintf(out, size, "%s at %" PRIu64 ", byte %" PRIu64 " of %" PRIu64 "   %s%s",
			 entries_tag_name(unit->tag), unit->offset,
			 screen->cursor - unit->offset + 1, unit->size, fields[unit->field].name,
			 meaning);
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
		x += 2 + term_add(area.y + 1, x, area.cols - x, fields[list[i]].style,
				  fields[list[i]].name);
	snprintf(text, sizeof(text), "%s begins %s   ?? cannot be read", glyph(GLYPH_TRACK),
		 screen->of_index ? "a bucket" : "an entry");
	term_add(area.y + 1, x + 2, area.cols - x - 2, STYLE_FAINT, text);
}

static void draw_title(const struct view *view, const struct hex *screen, struct area area)
{
	char text[LAYOUT_PATH_MAX + MESSAGE_MAX], path[LAYOUT_PATH_MAX], length[FORMAT_SIZE] = "?";
	if (screen->of_index)
		snprintf(path, sizeof(path), "index.%" PRIu32, view->index_transaction);
	else
		layout_path(&view->layout, screen->position, path);
	if (screen->has_length)
		format_count(screen->length, length, sizeof(length));
	snprintf(text, sizeof(text), "%s   %s bytes%s", path, length,
		 screen->failed ? "   CANNOT BE READ" : "");
	term_add(area.y, 0, area.cols, STYLE_STRONG, text);
}

static unsigned bytes_for(int cols)
{
	const int fixed = OFFSET_WIDTH + 2 + 1;	/* and the scroll bar */
	for (unsigned bytes = 32; bytes > 8; bytes /= 2)
		if (fixed + (int)bytes * 4 + (int)bytes / 8 <= cols)
			return bytes;
	return 8;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct hex *screen = (struct hex *)base;
	draw_title(app->session->view, screen, area);
	screen->area = (struct area){ area.y + 1, area.x, area.rows - 1 - LEGEND_LINES, area.cols };
	screen->line_bytes = bytes_for(area.cols);
	if (!screen->has_length)
		load(app, screen, screen->cursor, screen->cursor + 1);
	const unsigned bytes = screen->line_bytes;
	const uint64_t lines = screen->length / bytes + (screen->length % bytes > 0);
	position_fit(&screen->lines, lines, (uint32_t)screen->area.rows);
	if (screen->lines.cursor != screen->cursor / bytes)
		position_set(&screen->lines, screen->cursor / bytes);
	load(app, screen, screen->lines.top * bytes,
	     (screen->lines.top + screen->lines.page) * bytes);
	list_draw(&screen->lines, lines, screen->area, draw_line, screen);
	if (screen->length > 0)
		draw_legend(screen, (struct area){ screen->area.y + screen->area.rows, 0,
						  LEGEND_LINES, area.cols });
}

/* ---- moving ---- */

static void set_cursor(struct hex *screen, uint64_t offset)
{
	if (screen->length == 0)
		return;
	screen->cursor = offset < screen->length ? offset : screen->length - 1;
	position_set(&screen->lines, screen->cursor / screen->line_bytes);
}

static void move_by(struct app *app, struct screen *base, enum motion motion)
{
	struct hex *screen = (struct hex *)base;
	(void)app;
	if (screen->length == 0 || screen->line_bytes == 0)
		return;
	const uint64_t column = screen->cursor % screen->line_bytes;
	switch (motion) {
	case MOTION_LEFT:
		set_cursor(screen, screen->cursor > 0 ? screen->cursor - 1 : 0);
		break;
	case MOTION_RIGHT:
		set_cursor(screen, screen->cursor + 1);
		break;
	case MOTION_HOME:
		set_cursor(screen, 0);
		break;
	case MOTION_END:
		set_cursor(screen, screen->length - 1);
		break;
	default:
		position_move(&screen->lines, motion);
		set_cursor(screen, screen->lines.cursor * screen->line_bytes + column);
	}
}

void hex_next_entry(struct app *app, const struct call *call)
{
	struct hex *screen = (struct hex *)app_top(app);
	const struct unit unit = unit_of(screen, screen->cursor);
	(void)call;
	if (unit.known && unit.offset + unit.size < screen->length)
		set_cursor(screen, unit.offset + unit.size);
}

void hex_previous_entry(struct app *app, const struct call *call)
{
	struct hex *screen = (struct hex *)app_top(app);
	const struct unit unit = unit_of(screen, screen->cursor);
	(void)call;
	if (unit.known && screen->cursor > unit.offset)
		set_cursor(screen, unit.offset);
	else if (unit.known && unit.offset > 0)
		set_cursor(screen, unit_of(screen, unit.offset - 1).offset);
}

static void click(struct app *app, struct screen *base, int y, int x)
{
	struct hex *screen = (struct hex *)base;
	const int hex_x = OFFSET_WIDTH + 2, bytes = (int)screen->line_bytes;
	const int text_x = hex_x + bytes * 3 + bytes / 8;
	uint64_t line;
	(void)app;
	if (!list_row_at(&screen->lines, screen->area, y, &line) || x < hex_x)
		return;
	const int column = x >= text_x ? x - text_x : (x - hex_x - (x - hex_x) / 25) / 3;
	set_cursor(screen,
		   line * (uint64_t)bytes + (uint64_t)(column < bytes ? column : bytes - 1));
}

/* ---- the screen ---- */

static bool find_segment(struct app *app, struct screen *base, const struct place *place)
{
	struct hex *screen = (struct hex *)base;
	const struct layout *layout = &app->session->view->layout;
	if (!(place && place->has_segment) && layout->count == 0) {
		app_say(app, STYLE_WARNING, "there are no segments");
		return false;
	}
	if (!(place && place->has_segment))
		base->about = place_of_segment(layout->segments[0].number);
	screen->position = layout_find(layout, base->about.segment);
	if (screen->position == LAYOUT_NONE)
		app_say(app, STYLE_WARNING, "segment %" PRIu32 " is not there",
			base->about.segment);
	return screen->position != LAYOUT_NONE;
}

static void start(struct app *app, struct hex *screen)
{
	screen->asked = UINT64_MAX;
	if (!screen->of_index)
		screen->scan = scan_start(app, &screen->base, screen->position);
}

static void shown(struct screen *base)
{
	((struct hex *)base)->asked = UINT64_MAX;
}

static bool open_hex(struct app *app, struct screen *base, const struct place *place)
{
	struct hex *screen = (struct hex *)base;
	screen->of_index = place && place->has_bucket;
	screen->cursor = screen->of_index ? INDEX_HEADER + (uint64_t)place->bucket * INDEX_BUCKET :
			 place ? place->offset : 0;
	screen->line_bytes = 16;
	if (!screen->of_index && !find_segment(app, base, place))
		return false;
	start(app, screen);
	return true;
}

static void forget(struct hex *screen)
{
	if (screen->scan)
		model_release(scan_model(screen->scan));
	screen->scan = NULL;
	free(screen->window);
	screen->window = NULL;
	screen->has_length = false;
}

static void close_hex(struct screen *base)
{
	forget((struct hex *)base);
}

static void reload(struct app *app, struct screen *base)
{
	struct hex *screen = (struct hex *)base;
	forget(screen);
	screen->length = 0;
	screen->failed = !screen->of_index && !find_segment(app, base, &base->about);
	if (!screen->failed)
		start(app, screen);
}

/* The entry around the cursor, or where the bucket leads. */
static bool place_at(struct app *app, struct screen *base, struct place *place)
{
	const struct hex *screen = (const struct hex *)base;
	const struct unit unit = unit_of(screen, screen->cursor);
	uint8_t bytes[SEGMENT_KEYED];
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
	if ((unit.tag == SEGMENT_PUT || unit.tag == SEGMENT_DELETE) &&
	    bytes_at(screen, unit.offset, bytes, sizeof(bytes)))
		place_set_key(place, bytes + SEGMENT_HEADER);
	return true;
}

static void enter(struct app *app, struct screen *base)
{
	struct place place;
	if (place_at(app, base, &place))
		app_open(app, SCREEN_ENTRY, &place);
}

static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	(void)backward;
	struct hex *screen = (struct hex *)base;
	(void)app;
	const bool here =
		query->is_place && !screen->of_index && query->segment == base->about.segment;
	if (!here && !query->is_offset)
		return false;
	set_cursor(screen, query->offset);
	return true;
}

const struct screen_ops hex_screen = {
	.title = "Hex", .digit = '8', .size = sizeof(struct hex),
	.open = open_hex, .close = close_hex, .draw = draw, .reload = reload, .move = move_by,
	.place = place_at, .enter = enter, .click = click, .deliver = deliver, .shown = shown,
	.jump = jump,
};
