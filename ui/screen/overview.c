#include "build-config.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "screen/overview_map.h"
#include "screen/screens.h"
#include "session/format.h"

#include "engine/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEADING 14		/* columns of the words on the left */
#define ADVICE_MAX 5		/* lines */
#define BY_HAND_MAX 4	/* of one paragraph */

struct overview {
	struct screen base;
	size_t cursor;		/* position in the listing */
	struct area map;	/* as last drawn */
	size_t group;		/* segments in a cell */
	bool on_choices;	/* the cursor is on a choice, not in the map */
	size_t choice;		/* of app->choices */
	struct area choices;	/* as last drawn, all of them */
};

/* ---- what is said above the map ---- */

/* Draw one line "heading  text". */
static void line(struct area *area, enum style style, const char *heading, const char *text)
{
	if (area->rows < 1)
		return;
	term_put(area->y, area->x, HEADING, STYLE_FAINT, heading);
	term_add(area->y, area->x + HEADING, area->cols - HEADING, style, text);
	area->y++;
	area->rows--;
}

/* The same for a text of at most @most lines. */
static void paragraph(struct area *area, enum style style, const char *heading, const char *text,
		      int most)
{
	if (area->rows < 1 || !*text)
		return;
	if (most > area->rows)
		most = area->rows;
	term_put(area->y, area->x, HEADING, STYLE_FAINT, heading);
	const struct area right = { area->y, area->x + HEADING, most, area->cols - HEADING };
	const int used = term_wrap(right, style, text);
	area->y += used;
	area->rows -= used;
}

static void draw_identity(const struct app *app, struct area *area)
{
	const struct repo *repo = app->session->repo;
	const struct config *config = &repo->config;
	char text[MESSAGE_MAX], id[2 * KEY_SIZE + 1], limit[FORMAT_SIZE], per_folder[FORMAT_SIZE];
	format_masked_text(repo->path, text, sizeof(text));
	line(area, STYLE_STRONG, "repository", text);
	line(area, config->has_id ? STYLE_NORMAL : STYLE_BAD, "id",
	     config->has_id ? format_key(config->id, 2 * KEY_SIZE, "", id, sizeof(id))
			    : "none that can be read");
	snprintf(text, sizeof(text), "%sversion %" PRIu32 ", segments of %s, %s per folder",
		 config->usable ? "" : "incomplete; assumed: ", config->version,
		 format_bytes(config->max_segment_size, limit, sizeof(limit)),
		 format_count(config->segments_per_dir, per_folder, sizeof(per_folder)));
	line(area, config->usable ? STYLE_NORMAL : STYLE_WARNING, "config", text);
}

static void draw_contents(const struct session *session, struct area *area)
{
	const struct listing *listing = &session->repo->listing;
	const struct verify *verify = session_verify(session);
	char text[MESSAGE_MAX], segments[FORMAT_SIZE], count[FORMAT_SIZE], bytes[FORMAT_SIZE];
	char objects[64] = "; size and objects: not verified yet";
	if (listing->count == 0) {
		line(area, STYLE_NORMAL, "holds", "no segments");
		return;
	}
	if (verify) {
		const uint64_t all = verify->objects + verify->older;
		snprintf(objects, sizeof(objects), ", %s, %s object%s",
			 format_bytes(verify->bytes, bytes, sizeof(bytes)),
			 format_count(all, count, sizeof(count)), all == 1 ? "" : "s");
	}
	snprintf(text, sizeof(text), "%s segment%s (%" PRIu32 " to %" PRIu32 ")%s",
		 format_count(listing->count, segments, sizeof(segments)),
		 listing->count == 1 ? "" : "s", listing->segments[0].number,
		 listing->segments[listing->count - 1].number, objects);
	line(area, STYLE_NORMAL, "holds", text);
}

static void number_or(bool known, uint32_t number, const char *otherwise, char *out, size_t size)
{
	if (known)
		snprintf(out, size, "%" PRIu32, number);
	else
		snprintf(out, size, "%s", otherwise);
}

/* Does verification say that index or hints do not fit, though their numbers agree? NULL: no. */
static const char *name_misfits(const struct verify *verify)
{
	const bool index = verify && verify->index_was_compared && verify->skipped == 0 &&
			   verify->index_credit != CREDIT_CREDIBLE;
	const bool hints = verify && verify->repo->hints.usable && verify->skipped == 0 &&
			   verify->hints_credit != CREDIT_CREDIBLE;
	if (index && hints)
		return "index and hints DO NOT FIT (4, 5)";
	return index ? "the index DOES NOT FIT (4)" : hints ? "the hints DO NOT FIT (5)" : NULL;
}

/* "Borg 1.x, hints of version 2, append-only, 1.2 MB of a quota of 3.0 MB used" */
static void describe_format(const struct repo *repo, char *out, size_t size)
{
	char quota[FORMAT_SIZE], used[FORMAT_SIZE];
	snprintf(out, size, "%s, hints of version %" PRIu32 "%s", repo->dialect->title,
		 repo->dialect->hints_version, repo->config.is_append_only ? ", append-only" : "");
	if (repo->config.storage_quota == 0)
		return;
	format_bytes(repo->config.storage_quota, quota, sizeof(quota));
	format_bytes(repo->hints.quota_use > 0 ? (uint64_t)repo->hints.quota_use : 0, used,
		     sizeof(used));
	buffer_append(out, size, ", %s of a quota of %s used", used, quota);
}

static void draw_transactions(const struct session *session, struct area *area)
{
	const struct repo *repo = session->repo;
	const char *misfits = name_misfits(session_verify(session));
	char text[MESSAGE_MAX], log[16], index[16], hints[16];
	uint32_t end;
	if (!repo->dialect->is_read) {
		line(area, STYLE_WARNING, "format", repo->dialect->title);
		return;
	}
	if (repo->dialect->has_options) {
		describe_format(repo, text, sizeof(text));
		line(area, STYLE_NORMAL, "format", text);
	}
	const bool has_end = repo_log_end(repo, &end);
	const bool was_committed = has_end && (!repo->has_transaction || end != repo->transaction);
	number_or(repo->has_transaction, repo->transaction, "none", log, sizeof(log));
	number_or(repo->has_index, repo->index_transaction, "none", index, sizeof(index));
	number_or(repo->has_hints, repo->hints_transaction, "none", hints, sizeof(hints));
	const bool agree = !was_committed && repo->has_transaction && repo->has_index &&
			   repo->index_transaction == repo->transaction && repo->has_hints &&
			   repo->hints_transaction == repo->transaction;
	const bool usable = repo->index.fd >= 0 && repo->hints.usable;
	const bool fresh =
		!has_end && !repo->has_index && !repo->has_hints && repo->listing.count == 0;
	snprintf(text, sizeof(text), "log %s   index %s%s   hints %s%s   %s", log, index,
		 repo->has_index && repo->index.fd < 0 ? " (unusable)" : "", hints,
		 repo->has_hints && !repo->hints.usable ? " (unusable)" : "",
		 fresh ? "nothing was ever committed" : !agree ? "OUT OF STEP" :
		 misfits ? misfits : usable ? "all agree" : "");
	line(area, (agree && usable && !misfits) || fresh ? STYLE_NORMAL : STYLE_WARNING,
	     "transactions", text);
}

static void draw_lock(struct app *app, struct area *area)
{
	int sys;
	const enum lock_state state = lock_state(app->session->lock, &sys);
	char text[MESSAGE_MAX], others[MESSAGE_MAX / 2];
	const size_t count = session_name_holders(app->session, others, sizeof(others));
	switch (state) {
	case LOCK_SHARED:
		snprintf(text, sizeof(text), "shared, held by this program; %s%s",
			 count > 0 ? "also by " : "nobody else has it", others);
		break;
	case LOCK_EXCLUSIVE:
		snprintf(text, sizeof(text),
			 "exclusive, held by this program (l gives it back)");
		break;
	case LOCK_DEFERRED:
		snprintf(text, sizeof(text), "none, since reading needs none here; %s%s",
			 count > 0 ? "held by " : "nobody has it", others);
		break;
	case LOCK_NONE:
		snprintf(text, sizeof(text),
			 "none taken (--no-lock): what is shown may change meanwhile");
		break;
	default:
		snprintf(text, sizeof(text), "none possible here (%s): what is shown may change",
			 sys ? strerror(sys) : "no config to lock");
	}
	const bool is_held = state == LOCK_SHARED || state == LOCK_EXCLUSIVE;
	line(area, is_held ? STYLE_NORMAL : STYLE_WARNING, "lock", text);
}

static void draw_verdict(const struct app *app, struct area *area)
{
	const struct diagnosis *d = &app->diagnosis;
	char so_far[64];
	enum style style = d->errors ? STYLE_BAD : d->warnings ? STYLE_WARNING :
			   d->verified ? STYLE_GOOD : STYLE_NORMAL;
	if (atomic_load(&app->session->check) != CHECK_RUNNING) {
		paragraph(area, style, "verdict", d->verdict, 2);
		return;
	}
	snprintf(so_far, sizeof(so_far), "problems found so far: %" PRIu64, app->problem_count);
	paragraph(area, app->problem_count > 0 ? STYLE_BAD : style, "verdict", so_far, 2);
}

/* Draw "S salvage", with the cursor if it is there. */
static void draw_choice_name(const struct app *app, const struct overview *screen, size_t i, int y,
			     int x, int width)
{
	const struct choice *choice = &app->choices.rows[i];
	char name[32];
	const bool under = screen->on_choices && screen->choice == i;
	snprintf(name, sizeof(name), "%c %s", choice->key, repair_name(choice->action));
	const int used = term_add(y, x, width, STYLE_STRONG | (under ? STYLE_CURSOR : 0), name);
	if (under)
		term_caret(y, x);
	if (app->choices.count == 1)
		term_add(y, x + used, width - used, STYLE_FAINT, app->mode == MODE_REPAIR
			 ? "   Enter here, or its key, shows the plan"
			 : "   u takes the lock, then its key shows the plan");
}

/* Draw the choice, or two side by side with what each keeps and loses. */
static void draw_choices(const struct app *app, struct overview *screen, const char *heading,
			 struct area *area)
{
	const bool are_two = app->choices.count > 1;
	const int all = area->cols - HEADING, width = are_two ? (all - 2) / 2 : all;
	int most = 0;
	if (area->rows < 1)
		return;
	term_put(area->y, area->x, HEADING, STYLE_FAINT, heading);
	for (size_t i = 0; i < app->choices.count; i++) {
		const struct choice *choice = &app->choices.rows[i];
		const int x = area->x + HEADING + (int)i * (width + 2);
		struct area column = { area->y + 1, x, area->rows - 1, width };
		draw_choice_name(app, screen, i, area->y, x, width);
		if (!are_two)
			break;
		int used = term_wrap(column, STYLE_NORMAL, choice->meaning);
		column.y += used;
		column.rows -= used;
		used += term_wrap(column, STYLE_NORMAL, choice->figures);
		most = used > most ? used : most;
	}
	screen->choices = (struct area){ area->y, area->x + HEADING, most + 1, all };
	area->y += most + 1;
	area->rows -= most + 1;
}

/* Draw text that the person is to write to a file, with its own line breaks. */
static void draw_by_hand(const char *lines, struct area *area)
{
	char raw[512], text[512];
	const char *heading = "by hand";
	while (*lines) {
		const size_t len = strcspn(lines, "\n");
		snprintf(raw, sizeof(raw), "%.*s", (int)len, lines);
		format_masked_text(raw, text, sizeof(text));
		paragraph(area, STYLE_STRONG, heading, text, BY_HAND_MAX);
		heading = "";
		lines += len + (lines[len] == '\n');
	}
}

static void draw_advice(const struct app *app, struct overview *screen, struct area *area)
{
	static const char *const next_steps[] = {
		[CHECK_NONE] = "v verifies everything",
		[CHECK_RUNNING] = "verifying: the map and the problems (6) fill as it goes",
		[CHECK_STOPPED] = "verification was stopped: v starts it again",
	};
	const struct diagnosis *d = &app->diagnosis;
	const int state = atomic_load(&app->session->check);
	const struct verify *verify = session_verify(app->session);
	/* Did reads fail or differ? The advice on that comes before any repair. */
	const bool doubt = verify && (verify->findings.total[PROBLEM_UNSTABLE_READ] > 0 ||
				      verify->findings.total[PROBLEM_RANGE_UNREADABLE] > 0);
	const bool comes_first = doubt || d->undo_comes_first;
	screen->choices.rows = 0;
	if (app->choices.count == 0)
		screen->on_choices = false;
	if (!app->session->repo->dialect->is_read) {
		draw_by_hand(d->by_hand, area);
		return;
	}
	if (state != CHECK_DONE) {
		line(area, STYLE_STRONG, "next",
		     state == CHECK_NONE && app->problem_count > 0
			     ? "v verifies everything; 6 explains the problems found so far"
			     : next_steps[state]);
		if (app->session->repo->undo_state != UNDO_DONE)
			paragraph(area, STYLE_WARNING, "", d->advice, ADVICE_MAX);
		return;
	}
	if (comes_first)
		paragraph(area, doubt ? STYLE_BAD : STYLE_WARNING, "first", d->advice, ADVICE_MAX);
	if (app->choices.count > 0)
		draw_choices(app, screen, doubt ? "then" : d->undo_comes_first ? "otherwise"
			     : "recommended", area);
	else if (!d->undo_comes_first)
		line(area, STYLE_STRONG, "recommended",
		     d->clean ? "nothing needs to be done" : "see the problems (6)");
	if (!comes_first)
		paragraph(area, STYLE_NORMAL, "", d->advice, ADVICE_MAX);
	draw_by_hand(d->by_hand, area);
}

/* ---- the map ---- */

static void select_segment(struct overview *screen, size_t position)
{
	screen->cursor = position;
	screen->on_choices = false;
}

static size_t cells(const struct app *app, const struct overview *screen)
{
	return map_cells(app->session->repo->listing.count, screen->group);
}

/* Returns a bit for each segment style that was drawn. */
static unsigned draw_cells(const struct app *app, const struct overview *screen)
{
	const size_t all = cells(app, screen), count = app->session->repo->listing.count;
	unsigned styles = 0;
	for (size_t i = 0; i < all; i++) {
		const size_t first = i * screen->group, end = map_end(count, screen->group, i);
		const enum segment_style kind = segment_style_of_group(app->session, first, end);
		const struct segment_style_row *style = &segment_styles[kind];
		const bool under = !screen->on_choices && screen->cursor >= first &&
				   screen->cursor < end;
		const int y = screen->map.y + (int)(i / (size_t)screen->map.cols);
		const int x = screen->map.x + (int)(i % (size_t)screen->map.cols);
		term_add(y, x, 1, style->style | (under ? STYLE_CURSOR : 0), glyph(style->glyph));
		if (under)	/* a full block in reverse looks like a hole: show the caret too */
			term_caret(y, x);
		styles |= 1u << kind;
	}
	return styles;
}

/* Describe the cell under the cursor. */
static void draw_cell_text(const struct app *app, const struct overview *screen, struct area at)
{
	static const char *const odd[SEGMENT_STYLES] = {
		[SEGMENT_STYLE_COPY] = "damaged, a copy beside has what it lacks (6)",
		[SEGMENT_STYLE_RETURNED] = "returned after a compaction, no part of the log",
		[SEGMENT_STYLE_FOREIGN] = "foreign, not the one that index and hints know",
	};
	const struct listing *listing = &app->session->repo->listing;
	const size_t cell = screen->cursor / screen->group, first = cell * screen->group;
	const size_t end = map_end(listing->count, screen->group, cell);
	const enum segment_style kind = segment_style_of_group(app->session, first, end);
	const char *name = segment_styles[kind].name;
	const struct segment_facts *facts = session_facts(app->session, first);
	const uint32_t number = listing->segments[first].number;
	char text[MESSAGE_MAX], size[FORMAT_SIZE], live[FORMAT_SIZE], puts[FORMAT_SIZE];
	if (screen->group > 1)
		snprintf(text, sizeof(text), "segments %" PRIu32 " to %" PRIu32 ": %s", number,
			 listing->segments[end - 1].number, name);
	else if (kind == SEGMENT_STYLE_MISNAMED)
		snprintf(text, sizeof(text),
			 "segment %" PRIu32 ": %s, the file is segment %" PRIu32, number, name,
			 facts->number);
	else if (odd[kind] || !facts)
		snprintf(text, sizeof(text), "segment %" PRIu32 ": %s", number,
			 odd[kind] ? odd[kind] : name);
	else
		snprintf(text, sizeof(text),
			 "segment %" PRIu32 ": %s, %s, %s of %s whole PUTs live", number, name,
			 format_bytes(facts->size, size, sizeof(size)),
			 format_count(facts->live, live, sizeof(live)),
			 format_count(facts->puts, puts, sizeof(puts)));
	term_put(at.y, at.x, at.cols, STYLE_STRONG, text);
}

/* Name the common styles or, if a rare one is in the map, all of @styles instead. */
static void draw_legend(struct area at, unsigned styles)
{
	static const enum segment_style order[] = {
		SEGMENT_STYLE_LIVE, SEGMENT_STYLE_PARTLY, SEGMENT_STYLE_DEAD,
		SEGMENT_STYLE_DAMAGED, SEGMENT_STYLE_FOREIGN, SEGMENT_STYLE_MISNAMED,
		SEGMENT_STYLE_COPY, SEGMENT_STYLE_RETURNED, SEGMENT_STYLE_UNCOMMITTED,
		SEGMENT_STYLE_UNKNOWN
	};
	bool has_rare = false;
	int x = at.x;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		has_rare |= segment_styles[order[i]].is_rare && styles & 1u << order[i];
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct segment_style_row *style = &segment_styles[order[i]];
		if (has_rare ? !(styles & 1u << order[i]) : style->is_rare)
			continue;
		x += term_add(at.y, x, at.x + at.cols - x, style->style, glyph(style->glyph));
		x += 1 + term_add(at.y, x + 1, at.x + at.cols - x - 1, STYLE_FAINT, style->name);
		x += 2;
	}
}

static void draw_map(const struct app *app, struct overview *screen, struct area area)
{
	const size_t count = app->session->repo->listing.count;
	if (area.rows < 3 || area.cols < 2)
		return;
	screen->map = (struct area){ area.y + 1, area.x, area.rows - 2, area.cols };
	screen->group = map_group(count, (size_t)screen->map.rows * (size_t)screen->map.cols);
	if (count == 0) {
		term_add(area.y, area.x, area.cols, STYLE_FAINT, session_no_segments(app->session));
		return;
	}
	if (screen->cursor >= count)
		screen->cursor = count - 1;
	draw_cell_text(app, screen, area);
	const unsigned styles = draw_cells(app, screen);
	draw_legend((struct area){ area.y + area.rows - 1, area.x, 1, area.cols }, styles);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct overview *screen = (struct overview *)base;
	struct area text = { area.y, area.x + 1, area.rows, area.cols - 2 };
	draw_identity(app, &text);
	draw_contents(app->session, &text);
	draw_transactions(app->session, &text);
	draw_lock(app, &text);
	draw_verdict(app, &text);
	draw_advice(app, screen, &text);
	if (text.rows > 5) {
		text.y++;
		text.rows--;
	}
	draw_map(app, screen, text);
}

/* ---- the screen ---- */

/* Move within the map, between the choices, or from one to the other. */
static void move_by(struct app *app, struct screen *base, enum motion motion)
{
	struct overview *screen = (struct overview *)base;
	const size_t all = cells(app, screen);
	const size_t width = screen->map.cols > 0 ? (size_t)screen->map.cols : 1;
	const size_t cell = screen->group > 0 ? screen->cursor / screen->group : 0;
	if (screen->on_choices) {
		if (motion == MOTION_RIGHT)
			screen->choice += screen->choice + 1 < app->choices.count;
		else if (motion == MOTION_LEFT)
			screen->choice -= screen->choice > 0;
		else
			screen->on_choices = motion == MOTION_UP || motion == MOTION_SCROLL_UP;
	} else if (motion == MOTION_UP && cell < width && app->choices.count > 0 &&
		   screen->choices.rows > 0) {
		screen->on_choices = true;
		screen->choice = 0;
	} else if (all > 0) {
		screen->cursor = screen->group * map_move(cell, all, width, motion);
	}
}

static bool place_at(struct app *app, struct screen *base, struct place *place)
{
	const struct overview *screen = (const struct overview *)base;
	const struct listing *listing = &app->session->repo->listing;
	if (screen->on_choices) {	/* Enter works here, too */
		*place = (struct place){ .has_segment = false };
		return true;
	}
	if (screen->cursor >= listing->count)
		return false;
	*place = place_of_segment(listing->segments[screen->cursor].number);
	return true;
}

static void enter(struct app *app, struct screen *base)
{
	const struct overview *screen = (const struct overview *)base;
	struct place place;
	if (screen->on_choices)
		app->hooks->press(app, app->choices.rows[screen->choice].key);
	else if (place_at(app, base, &place))
		app_open(app, screen->group > 1 ? SCREEN_SEGMENTS : SCREEN_ENTRIES, &place);
}

static bool is_in(const struct area *area, int y, int x)
{
	return y >= area->y && y < area->y + area->rows && x >= area->x &&
	       x < area->x + area->cols;
}

static bool click(struct app *app, struct screen *base, int y, int x)
{
	struct overview *screen = (struct overview *)base;
	if (is_in(&screen->choices, y, x)) {
		screen->on_choices = true;
		screen->choice = app->choices.count > 1 &&
				 x >= screen->choices.x + screen->choices.cols / 2;
		return true;
	}
	const size_t cell = (size_t)(y - screen->map.y) * (size_t)screen->map.cols +
			    (size_t)(x - screen->map.x);
	if (!is_in(&screen->map, y, x) || cell >= cells(app, screen))
		return false;
	select_segment(screen, cell * screen->group);
	return true;
}

/* The query is a segment's number, or the name of a state: "damaged", "unverified". */
static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	struct overview *screen = (struct overview *)base;
	const struct listing *listing = &app->session->repo->listing;
	if (query->is_number && query->number <= UINT32_MAX) {
		const size_t position = listing_find(listing, (uint32_t)query->number);
		if (position != LISTING_NONE)
			select_segment(screen, position);
		return position != LISTING_NONE;
	}
	const size_t all = cells(app, screen);
	const size_t from = all > 0 ? screen->cursor / screen->group : 0;
	for (size_t i = 1; i <= all; i++) {
		const size_t cell = backward ? (from + all - i) % all : (from + i) % all;
		const size_t first = cell * screen->group;
		const enum segment_style style = segment_style_of_group(
			app->session, first, map_end(listing->count, screen->group, cell));
		if (query_matches_text(query, segment_styles[style].name)) {
			select_segment(screen, first);
			return true;
		}
	}
	return false;
}

const struct screen_ops overview_screen = {
	.title = "Overview", .digit = '1', .size = sizeof(struct overview),
	.is_for_any_format = true, .leads_to_keys = true,
	.draw = draw, .move = move_by,
	.place = place_at, .enter = enter, .click = click, .jump = jump,
};
