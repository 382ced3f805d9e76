#include "build-config.h"

#include "screen/segments_model.h"

#include "app/segment_style.h"
#include "session/format.h"

#include <inttypes.h>
#include <stdlib.h>

const struct column segments_columns[COL_COUNT] = {
	[COL_SEGMENT] = { .title = "segment", .width = 10, .right = true },
	[COL_SIZE] = { .title = "size", .width = 8, .right = true },
	[COL_ENTRIES] = { .title = "entries", .width = 8, .right = true, .rank = 4 },
	[COL_PUTS] = { .title = "PUT", .width = 7, .right = true, .rank = 6 },
	[COL_DELETES] = { .title = "DELETE", .width = 7, .right = true, .rank = 6 },
	[COL_LIVE] = { .title = "live", .width = 6, .right = true, .rank = 1 },
	[COL_HINTS] = { .title = "hints", .width = 7, .right = true, .rank = 3 },
	[COL_DEAD] = { .title = "unused", .width = 7, .right = true, .rank = 3 },
	[COL_CRC] = { .title = "CRC", .width = 6, .rank = 2 },
	[COL_STATE] = { .title = "state", .width = 13, .grows = true },
	[COL_MODIFIED] = { .title = "modified", .width = 19, .rank = 5 },
};

const char *const segments_filter_names[FILTER_COUNT] = {
	"all", "damaged", "odd", "uncommitted", "sparse", "entries"
};
#define SPARSE_PERCENT 25

struct segments_model {
	struct model base;
	struct segments_order order;
	bool is_plain;		/* all segments by number, in either direction: no positions */
	uint32_t positions[];	/* in the listing */
};

static size_t position_of(const struct segments_model *model, uint64_t row)
{
	const size_t last = (size_t)model_count(&model->base) - 1;
	const size_t i = model->order.descending ? last - (size_t)row : (size_t)row;
	return model->is_plain ? i : model->positions[i];
}

static void set_count(struct row *row, size_t column, uint64_t count)
{
	char text[FORMAT_SIZE];
	row_set(row, column, STYLE_NORMAL, "%s", format_count(count, text, sizeof(text)));
}

static void fill_facts(struct row *row, const struct session *session, size_t position)
{
	const struct segment_facts *facts = session_facts(session, position);
	char text[FORMAT_SIZE];
	uint64_t part, whole;
	if (!facts) {
		for (size_t i = COL_ENTRIES; i <= COL_CRC; i++)
			if (i != COL_HINTS)
				row_set(row, i, STYLE_FAINT, "?");
		return;
	}
	set_count(row, COL_ENTRIES, (uint64_t)facts->puts + facts->deletes + facts->commits);
	set_count(row, COL_PUTS, facts->puts);
	set_count(row, COL_DELETES, facts->deletes);
	set_count(row, COL_LIVE, facts->live);
	if (segment_unused(session, position, &part, &whole))
		row_set(row, COL_DEAD, STYLE_NORMAL, "%s",
			format_percent(part, whole, text, sizeof(text)));
	if (facts->damaged > 0)
		row_set(row, COL_CRC, STYLE_BAD, "%" PRIu32 " bad", facts->damaged);
	else
		row_set(row, COL_CRC, facts->is_unreadable ? STYLE_BAD : STYLE_GOOD, "%s",
			facts->is_unreadable ? "unread" : "ok");
}

static void fill_hints(struct row *row, const struct session *session, uint32_t number,
		       size_t position)
{
	const struct hints *hints = &session->repo->hints;
	const struct segment_facts *facts = session_facts(session, position);
	if (!hints->usable) {
		row_set(row, COL_HINTS, STYLE_FAINT, "-");
		return;
	}
	/* The file may be another segment than its name says. */
	const struct verify *verify = session_verify(session);
	const struct hints_segment *hint =
		hints_find(hints, verify ? verify->facts[position].number : number);
	const int64_t live = hint ? hint->live : 0;
	const bool differs = facts && facts->is_committed && live != (int64_t)facts->live;
	row_set(row, COL_HINTS, differs ? STYLE_WARNING : STYLE_NORMAL, "%s%" PRId64,
		differs ? "!" : "", live);
}

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct session *session = base->session;
	const size_t position = position_of((const struct segments_model *)base, i);
	const uint32_t number = session->repo->listing.segments[position].number;
	const struct segment_stat stat = session_stat(session, position);
	const struct segment_style_row *style =
		&segment_styles[segment_style_of(session, position)];
	char text[FORMAT_SIZE];
	row->place = place_of_segment(number);
	row_set(row, COL_SEGMENT, STYLE_NORMAL, "%" PRIu32, number);
	row_set(row, COL_SIZE, STYLE_NORMAL, "%s", format_bytes(stat.size, text, sizeof(text)));
	fill_facts(row, session, position);
	fill_hints(row, session, number, position);
	if (style == &segment_styles[SEGMENT_STYLE_MISNAMED])
		row_set(row, COL_STATE, style->style, "%s %s, is %" PRIu32, glyph(style->glyph),
			style->name, session_verify(session)->facts[position].number);
	else
		row_set(row, COL_STATE, style->style, "%s %s", glyph(style->glyph), style->name);
	row_set(row, COL_MODIFIED, STYLE_NORMAL, "%s",
		format_time((time_t)stat.modified, text, sizeof(text)));
}

static const struct model_ops model_ops = { .fill = fill_row };

/* ---- order and filter ---- */

static bool passes(const struct session *session, size_t position, enum filter filter)
{
	const enum segment_style style = segment_style_of(session, position);
	const struct segment_facts *facts = session_facts(session, position);
	uint64_t part, whole;
	switch (filter) {
	case FILTER_DAMAGED:
		return style == SEGMENT_STYLE_DAMAGED || style == SEGMENT_STYLE_COPY;
	case FILTER_ODD:
		return segment_styles[style].is_odd;
	case FILTER_UNCOMMITTED:
		return style == SEGMENT_STYLE_UNCOMMITTED;
	case FILTER_SPARSE:
		return segment_unused(session, position, &part, &whole) &&
		       (double)part * 100 >= (double)whole * SPARSE_PERCENT;
	case FILTER_ENTRIES:
		if (!facts)
			return session_stat(session, position).size != SEGMENT_LONE_COMMIT;
		return facts->puts > 0 || facts->deletes > 0 || facts->damaged > 0 ||
		       facts->commits == 0;
	default:
		return true;
	}
}

/* Unknown values come first: they have the key -1. */
static int64_t sort_key(const struct session *session, size_t position,
			enum segments_column column)
{
	const struct segment_stat *stats = atomic_load(&session->stats);
	const struct segment_facts *facts = session_facts(session, position);
	const struct hints_segment *hint = column != COL_HINTS ? NULL : hints_find(
		&session->repo->hints, session->repo->listing.segments[position].number);
	uint64_t part, whole;
	switch (column) {
	case COL_SEGMENT:
		return 0;
	case COL_SIZE:
		return stats ? (int64_t)stats[position].size : -1;
	case COL_MODIFIED:
		return stats ? stats[position].modified : -1;
	case COL_HINTS:
		return hint ? hint->live : 0;
	case COL_DEAD:
		if (!segment_unused(session, position, &part, &whole) || whole == 0)
			return -1;
		return (int64_t)(10000.0 * (double)part / (double)whole);
	case COL_STATE:
		return (int64_t)segment_style_of(session, position);
	case COL_ENTRIES:
		return facts ? (int64_t)facts->puts + facts->deletes + facts->commits : -1;
	case COL_PUTS:
		return facts ? (int64_t)facts->puts : -1;
	case COL_DELETES:
		return facts ? (int64_t)facts->deletes : -1;
	case COL_LIVE:
		return facts ? (int64_t)facts->live : -1;
	default:
		return facts ? (int64_t)facts->damaged : -1;
	}
}

struct sortable {
	int64_t key;
	uint32_t position;
};

static int compare(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

bool segments_order_is_plain(const struct segments_order *order)
{
	return order->filter == FILTER_ALL && order->column == COL_SEGMENT;
}

/* Fill model->positions. False: out of memory. */
static bool put_in_order(struct segments_model *model)
{
	const struct session *session = model->base.session;
	const size_t all = session->repo->listing.count;
	struct sortable *rows = malloc((all + 1) * sizeof(*rows)); /* malloc(0) may give NULL */
	size_t count = 0;
	if (!rows)
		return false;
	for (size_t i = 0; i < all; i++)
		if (passes(session, i, model->order.filter))
			rows[count++] = (struct sortable){
				sort_key(session, i, model->order.column), (uint32_t)i
			};
	if (model->order.column != COL_SEGMENT)
		qsort(rows, count, sizeof(*rows), compare);
	for (size_t i = 0; i < count; i++)
		model->positions[i] = rows[i].position;
	free(rows);
	model->base.count = count;
	return true;
}

struct model *segments_model_new(struct session *session, const struct segments_order *order)
{
	const bool is_plain = segments_order_is_plain(order);
	const size_t count = session->repo->listing.count;
	struct segments_model *model = model_new(
		&model_ops, sizeof(*model) + (is_plain ? 0 : count * sizeof(model->positions[0])),
		session);
	if (!model)
		return NULL;
	model->order = *order;
	model->is_plain = is_plain;
	model->base.count = count;
	if (is_plain || put_in_order(model))
		return &model->base;
	ref_release(model);
	return NULL;
}

uint32_t segments_model_number(const struct model *base, uint64_t row)
{
	const struct segments_model *model = (const struct segments_model *)base;
	return base->session->repo->listing.segments[position_of(model, row)].number;
}

bool segments_model_find(const struct model *base, uint32_t number, uint64_t *row)
{
	const struct segments_model *model = (const struct segments_model *)base;
	const size_t position = listing_find(&base->session->repo->listing, number);
	for (*row = 0; position != LISTING_NONE && *row < model_count(base); (*row)++)
		if (position_of(model, *row) == position)
			return true;
	return false;
}
