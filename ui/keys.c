#include "build-config.h"

#include "ui/keys.h"

#include "app/app.h"
#include "app/reread.h"
#include "app/search.h"
#include "app/text_screen.h"
#include "repair/plan_screen.h"
#include "repair/repair_flow.h"
#include "repair/repair_mode.h"
#include "screen/screens.h"
#include "ui/prompt.h"

#include "engine/base/nearest.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERIFY_NEW, VERIFY_ALL, VERIFY_AND_SHOW };

/* Screens whose rows can stand for a place, or have a key. */
#define ON_PLACES (ON(OVERVIEW) | ON(SEGMENTS) | ON(ENTRIES) | ON(INDEX) | ON(HINTS) | \
		   ON(PROBLEMS) | ON(KEY) | ON(ENTRY))
#define ON_KEYS (ON(ENTRIES) | ON(INDEX) | ON(PROBLEMS) | ON(HEX) | ON(ENTRY))

/* ---- commands that belong to no screen ---- */

static void enter_row(struct app *app, const struct call *call)
{
	struct screen *screen = app_top(app);
	struct place place;
	(void)call;
	if (screen->ops->enter)
		screen->ops->enter(app, screen);
	else if (app_place(app, &place) && place.has_segment)
		app_open(app, screen->ops->opens, &place);
	else
		app_say(app, STYLE_NORMAL, "this leads to no segment");
}

/* Read the place that the argument of a screen's command names. */
static bool parse_argument(struct app *app, enum screen_kind kind, const char *argument,
			   struct place *place)
{
	if (kind == SCREEN_KEY && place_parse_key(argument, place))
		return true;
	if (kind == SCREEN_KEY)
		app_say(app, STYLE_WARNING, "%s: not the beginning of a key (1 to 64 hex digits)",
			argument);
	else if (place_parse(argument, place))
		return true;
	else
		app_say(app, STYLE_WARNING, "%s: not a segment number or SEGMENT:OFFSET", argument);
	return false;
}

/* 1 to 8 and others: open a screen. One that shows a single thing shows what is under the
 * cursor. */
static void open_screen(struct app *app, const struct call *call)
{
	const enum screen_kind kind = (enum screen_kind)call->value;
	struct place place;
	if (call->argument) {
		if (parse_argument(app, kind, call->argument, &place))
			app_open(app, kind, &place);
		return;
	}
	if (app_top(app)->kind == kind)
		return;
	bool about = app_place(app, &place);
	if (kind == SCREEN_ENTRIES || kind == SCREEN_HEX)
		about = about && place.has_segment;
	else
		about = about && place.has_key && kind == SCREEN_KEY;
	app_open(app, kind, about ? &place : NULL);
}

/* h K i: show what is under the cursor on another screen. */
static void follow(struct app *app, const struct call *call)
{
	struct place place;
	if (app_place(app, &place))
		app_open(app, (enum screen_kind)call->value, &place);
}

static void verify(struct app *app, const struct call *call)
{
	if (call->value == VERIFY_AND_SHOW)
		app_open(app, SCREEN_PROBLEMS, NULL);
	app_verify(app, call->value == VERIFY_ALL);
}

static void read_again(struct app *app, const struct call *call)
{
	(void)call;
	app_read_again(app, AFTER_READING_NOTHING);
}

static void redraw(struct app *app, const struct call *call)
{
	(void)app;
	(void)call;
	clearok(stdscr, TRUE);
}

/* ---- commands by name ---- */

/* The command that @word may be meant for, or NULL. */
static const char *nearest_name(const char *word)
{
	struct nearest nearest = nearest_to(word, strlen(word));
	for (size_t i = 0; i < key_count; i++)
		if (key_table[i].name)
			nearest_try(&nearest, key_table[i].name);
	return nearest.best;
}

static void enter_command(struct app *app, char *line)
{
	char *word, *argument;
	if (!command_split(line, &word, &argument))
		return;
	const struct key_row *row = keys_find_name(word);
	const char *nearest = row ? NULL : nearest_name(word);
	if (nearest)
		app_say(app, STYLE_WARNING, "%s: no such command; did you mean :%s?", word,
			nearest);
	else if (!row)
		app_say(app, STYLE_WARNING, "%s: no such command, or several (? lists them)", word);
	else if (argument && !row->argument)
		app_say(app, STYLE_WARNING, "%s takes no argument", row->name);
	else
		keys_run(app, row, argument);
}

static void complete_command(struct typing *typed)
{
	const struct key_row *row = keys_find_name(typed->text);
	char text[64];
	if (!row)
		return;
	snprintf(text, sizeof(text), "%s%s", row->name, row->argument ? " " : "");
	typing_set(typed, text);
}

/* Describe the command that the typed text stands for. */
static void describe_command(struct app *app, const char *typed, char *out, size_t size)
{
	char text[TYPED_MAX], *word, *argument;
	(void)app;
	snprintf(text, sizeof(text), "%s", typed);
	out[0] = '\0';
	if (!command_split(text, &word, &argument)) {
		snprintf(out, size,
			 "segments, entries N, history KEY, check, quit ... (? lists all)");
		return;
	}
	const struct key_row *row = keys_find_name(word);
	if (row)
		snprintf(out, size, "%s%s%s: %s", row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "", row->help);
}

static const struct prompt_kind command_prompt = { .sign = ':', .enter = enter_command,
						   .complete = complete_command,
						   .describe = describe_command };

static void prompt_command(struct app *app, const struct call *call)
{
	(void)call;
	prompt_open(app, &command_prompt);
}

/* ---- the table ---- */

#define MOVE(...) .run = app_move, .keys = { __VA_ARGS__ }
#define PLAN(key, action) .keys = { key }, .label = (const char[]){ key, '\0' }, \
	.needs = NEEDS_REPAIR_MODE, .run = plan_key, .value = action
#define VIEW(digit, screen) .keys = { digit }, .label = (const char[]){ digit, '\0' }, \
	.screens = ON_ALL, .run = open_screen, .value = SCREEN_##screen

const struct key_row key_table[] = {
	{ MOVE(KEY_UP, 'k'), .value = MOTION_UP, .label = "Up k", .help = "one row up",
	  .screens = ON_ALL & ~ON(ENTRY) },
	{ MOVE(KEY_UP), .value = MOTION_UP, .label = "Up", .help = "one row up",
	  .screens = ON(ENTRY) },
	{ MOVE(KEY_DOWN, 'j'), .value = MOTION_DOWN, .label = "Down j", .help = "one row down",
	  .screens = ON_ALL },
	{ MOVE(KEY_LEFT), .value = MOTION_LEFT, .label = "Left",
	  .help = "one cell or byte to the left", .screens = ON(OVERVIEW) | ON(HEX) },
	{ MOVE(KEY_RIGHT), .value = MOTION_RIGHT, .label = "Right",
	  .help = "one cell or byte to the right", .screens = ON(OVERVIEW) | ON(HEX) },
	{ MOVE(KEY_PPAGE, CONTROL('b')), .value = MOTION_PAGE_UP, .label = "PgUp",
	  .help = "one page up (also Ctrl-B)", .screens = ON_ALL },
	{ MOVE(KEY_NPAGE, CONTROL('f'), ' '), .value = MOTION_PAGE_DOWN, .label = "PgDn",
	  .help = "one page down (also Ctrl-F, Space)", .screens = ON_ALL },
	{ MOVE(KEY_HOME, 'g'), .value = MOTION_HOME, .label = "Home g", .help = "to the beginning",
	  .screens = ON_ALL },
	{ MOVE(KEY_END, 'G'), .value = MOTION_END, .label = "End G", .help = "to the end",
	  .screens = ON_ALL },

	{ .keys = { '\n' }, .label = "Enter", .help = "open what the cursor is on", .hint = "open",
	  .screens = ON_PLACES | ON(HEX), .needs = NEEDS_PLACE, .run = enter_row },
	{ .keys = { '\n' }, .label = "Enter", .help = "confirm this plan and start",
	  .hint = "go on", .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE | NEEDS_STEPS,
	  .run = enter_row },
	{ .keys = { 't' }, .label = "t", .help = "salvage: tail as found, kept or dropped",
	  .hint = "tail", .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE | NEEDS_SALVAGE,
	  .run = plan_switch, .value = SWITCH_TAIL },
	{ .keys = { 's' }, .label = "s", .help = "salvage: drop suspects, or keep them",
	  .hint = "suspects", .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE | NEEDS_SALVAGE,
	  .run = plan_switch, .value = SWITCH_SUSPECTS },
	{ .keys = { 'o' }, .label = "o", .help = "salvage: keep older versions, or drop them",
	  .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE | NEEDS_SALVAGE,
	  .run = plan_switch, .value = SWITCH_OLDER },
	{ .keys = { 'm' }, .label = "m", .help = "salvage: drop an older manifest, or keep it",
	  .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE | NEEDS_SALVAGE,
	  .run = plan_switch, .value = SWITCH_MANIFEST },
	{ .keys = { 'D' }, .label = "D", .help = "go on though readable objects are given up",
	  .screens = ON(PLAN), .needs = NEEDS_REPAIR_MODE,
	  .run = plan_switch, .value = SWITCH_READABLE },
	{ .keys = { 'w' }, .label = "w", .name = "write", .argument = "[FILE]",
	  .help = "write this text to a new file", .hint = "write",
	  .screens = ON(PLAN) | ON(REPORT) | ON(LOG), .run = text_screen_write },
	{ .keys = { '\n' }, .label = "Enter", .help = "plan to take this repair back",
	  .hint = "take back", .screens = ON(UNDOS), .needs = NEEDS_REPAIR_MODE, .run = enter_row },
	{ .keys = { 'P' }, .label = "P", .name = "undo-purge",
	  .help = "remove this undo folder for good", .hint = "purge",
	  .screens = ON(UNDOS), .needs = NEEDS_REPAIR_MODE, .run = purge_ask },
	{ .keys = { 'h' }, .label = "h", .help = "the bytes there, in hex", .hint = "hex",
	  .screens = ON_PLACES & ~ON(INDEX), .needs = NEEDS_PLACE | NEEDS_SEGMENT, .run = follow,
	  .value = SCREEN_HEX },
	{ .keys = { 'h' }, .label = "h", .help = "the bytes of this bucket, in hex", .hint = "hex",
	  .screens = ON(INDEX), .needs = NEEDS_PLACE | NEEDS_INDEX, .run = follow,
	  .value = SCREEN_HEX },
	{ .keys = { 'K' }, .label = "K", .help = "the history of this key in the log",
	  .hint = "key", .screens = ON_KEYS & ~ON(ENTRY), .needs = NEEDS_PLACE | NEEDS_KEY,
	  .run = follow, .value = SCREEN_KEY },
	{ .keys = { 'k', 'K' }, .label = "k K", .help = "the history of this key in the log",
	  .hint = "key", .screens = ON(ENTRY), .needs = NEEDS_PLACE | NEEDS_KEY, .run = follow,
	  .value = SCREEN_KEY },
	{ .keys = { 'i' }, .label = "i", .help = "where this key is in the index", .hint = "index",
	  .screens = ON(ENTRIES) | ON(PROBLEMS) | ON(HEX) | ON(ENTRY) | ON(KEY),
	  .needs = NEEDS_PLACE | NEEDS_KEY | NEEDS_INDEX, .run = follow, .value = SCREEN_INDEX },

	{ .keys = { 's' }, .label = "s", .name = "sort", .help = "sort by the next column",
	  .hint = "sort", .screens = ON(SEGMENTS), .run = segments_sort },
	{ .keys = { 'S' }, .label = "S", .name = "reverse", .help = "reverse the order",
	  .screens = ON(SEGMENTS), .run = segments_sort, .value = SEGMENTS_REVERSE },
	{ .keys = { 'f' }, .label = "f", .name = "filter", .argument = "[WHICH]",
	  .help = "damaged, odd, uncommitted, sparse, entries", .hint = "filter",
	  .screens = ON(SEGMENTS), .run = segments_filter },
	{ .keys = { 'f' }, .label = "f", .help = "all, those that differ, or those to compact",
	  .hint = "filter", .screens = ON(HINTS), .run = hints_filter },
	{ .keys = { 'a' }, .label = "a", .name = "all",
	  .help = "all buckets, or only used ones", .hint = "all", .screens = ON(INDEX),
	  .run = index_toggle_all },
	{ .keys = { '\t', ']' }, .label = "Tab ]", .help = "to the next entry",
	  .hint = "next entry", .screens = ON(HEX), .run = hex_move_entry },
	{ .keys = { KEY_BTAB, '[' }, .label = "S-Tab [", .help = "to the previous entry",
	  .screens = ON(HEX), .run = hex_move_entry, .value = HEX_PREVIOUS_ENTRY },

	{ VIEW('1', OVERVIEW), .name = "info",
	  .help = "overview: contents, verdict, map" },
	{ VIEW('2', SEGMENTS), .name = "segments", .help = "a row for each segment" },
	{ VIEW('3', ENTRIES), .name = "entries", .argument = "[N[:OFFSET]]",
	  .help = "the entries of segment N" },
	{ VIEW('4', INDEX), .name = "index", .help = "the buckets of the index" },
	{ VIEW('5', HINTS), .name = "hints",
	  .help = "the counts in the hints beside the real ones" },
	{ VIEW('6', PROBLEMS), .name = "problems",
	  .help = "what is wrong, and what to do about it" },
	{ VIEW('7', KEY), .name = "history", .argument = "[KEY]",
	  .help = "the history of a key; its beginning is enough" },
	{ VIEW('8', HEX), .name = "hex", .argument = "[N[:OFFSET]]",
	  .help = "the bytes of segment N" },

	{ .keys = { '/' }, .label = "/", .help = "search: text, key, segment, 17:4096, :4096",
	  .hint = "search", .screens = ON_ALL & ~ON(HEX), .run = prompt_search },
	{ .keys = { '/' }, .label = "/", .help = "search: x4154, 41 54, \"AT\", :4096, 17:4096",
	  .hint = "search", .screens = ON(HEX), .run = prompt_search },
	{ .keys = { 'n' }, .label = "n", .help = "the next match",
	  .screens = ON_ALL, .run = search_run },
	{ .keys = { 'N' }, .label = "N", .help = "the previous match", .screens = ON_ALL,
	  .run = search_run, .value = SEARCH_BACKWARD },
	{ .keys = { ':' }, .label = ":", .help = "a command by its name (Tab completes it)",
	  .screens = ON_ALL, .run = prompt_command },

	{ .keys = { 'v' }, .label = "v", .name = "verify",
	  .help = "verify what is new or has changed", .hint = "verify",
	  .screens = ON_ALL, .run = verify },
	{ .keys = { 'V' }, .label = "V", .name = "verify-all",
	  .help = "verify everything, whatever earlier runs found", .screens = ON_ALL,
	  .run = verify, .value = VERIFY_ALL },
	{ .name = "check", .help = "verify, and show the problems", .screens = ON_ALL,
	  .run = verify, .value = VERIFY_AND_SHOW },
	{ .keys = { 'x' }, .label = "x", .name = "cancel",
	  .help = "cancel what the bottom line shows", .screens = ON_ALL, .needs = NEEDS_JOB,
	  .run = app_cancel },
	{ .keys = { 'r' }, .label = "r", .name = "reread", .help = "read the repository again",
	  .screens = ON_ALL, .run = read_again },
	{ .keys = { 'u' }, .label = "u", .name = "upgrade",
	  .help = "take the exclusive lock: repair mode", .screens = ON_ALL,
	  .run = repair_mode_enter },
	{ .keys = { 'l' }, .label = "l", .name = "lower",
	  .help = "release the exclusive lock: read-only", .screens = ON_ALL,
	  .run = repair_mode_leave },
	{ PLAN('R', REPAIR_RECOVER), .name = "recover", .argument = "[OPTION]",
	  .help = "plan to rebuild index and hints",
	  .screens = ON_ALL },
	{ PLAN('B', REPAIR_ROLLBACK), .name = "rollback", .argument = "[no-undo]",
	  .help = "plan to drop what was not committed", .screens = ON_ALL },
	{ PLAN('C', REPAIR_COMPACT), .name = "compact", .argument = "[OPTION]",
	  .help = "plan to free space that is no longer needed", .screens = ON_ALL },
	{ PLAN('S', REPAIR_SALVAGE), .name = "salvage", .argument = "[OPTION]",
	  .help = "plan to save what is intact",
	  .screens = ON_ALL & ~ON(SEGMENTS) },
	{ PLAN('U', ACTION_UNDO), .name = "undo", .help = "plan to take the newest repair back",
	  .screens = ON_ALL },
	{ .keys = { 'F' }, .label = "F", .name = "undo-list",
	  .help = "the undo folders that repairs have left", .screens = ON_ALL, .run = open_screen,
	  .value = SCREEN_UNDOS },
	{ .keys = { 'L' }, .label = "L", .name = "log",
	  .help = "what was done in this session", .screens = ON_ALL, .run = open_screen,
	  .value = SCREEN_LOG },
	{ .name = "report", .help = "the report of the last repair", .screens = ON_ALL,
	  .run = open_screen, .value = SCREEN_REPORT },
	{ .keys = { CONTROL('l') }, .label = "Ctrl-L", .help = "redraw the screen",
	  .screens = ON_ALL, .run = redraw },
	{ .keys = { '?', KEY_F(1) }, .label = "?", .name = "help", .help = "this list",
	  .hint = "help", .screens = ON_ALL, .run = open_screen,
	  .value = SCREEN_HELP },
	{ .keys = { 'q', ESCAPE }, .label = "q Esc", .name = "back",
	  .help = "back; from the overview: leave", .hint = "back", .screens = ON_ALL,
	  .run = app_leave },
	{ .name = "quit", .help = "leave the program", .screens = ON_ALL, .run = app_leave,
	  .value = LEAVE_PROGRAM },
};
const size_t key_count = ARRAY_SIZE(key_table);

/* ---- finding and running rows ---- */

const struct key_row *keys_find(int key, enum screen_kind kind)
{
	for (size_t i = 0; i < key_count; i++)
		for (size_t k = 0; k < KEYS_MAX && key_table[i].keys[k]; k++)
			if (key_table[i].keys[k] == key && key_table[i].screens & 1u << kind)
				return &key_table[i];
	return NULL;
}

const struct key_row *keys_find_name(const char *name)
{
	const struct key_row *found = NULL;
	const size_t len = strlen(name);
	for (size_t i = 0; i < key_count; i++) {
		if (!key_table[i].name || strncmp(key_table[i].name, name, len) != 0)
			continue;
		if (key_table[i].name[len] == '\0')
			return &key_table[i];
		if (found)
			return NULL;
		found = &key_table[i];
	}
	return found;
}

bool keys_fit_plan(const struct app *app, unsigned needs)
{
	const struct proposal *proposal = app->flow->proposal;
	if (needs & NEEDS_STEPS && (!proposal || proposal->is_refused || proposal->is_empty))
		return false;
	return !(needs & NEEDS_SALVAGE) || (proposal && proposal->action == REPAIR_SALVAGE);
}

/* Say which of @needs is missing first; NULL: none is. */
static const char *describe_missing(struct app *app, unsigned needs)
{
	const struct table *table = app_top(app)->table;
	struct place place = { 0 };
	if (needs & NEEDS_REPAIR_MODE && app->mode != MODE_REPAIR)
		return REPAIR_MODE_MISSING;
	if (needs & NEEDS_JOB && !jobs_find(&app->jobs, JOB_SHOWN))
		return "nothing is running";
	if (needs & NEEDS_PLACE && !app_place(app, &place))
		return table && table->position.count > 0 ? "this row has not been read yet"
							  : "there is nothing under the cursor";
	if (needs & NEEDS_SEGMENT && !place.has_segment)
		return "this does not lie in a segment";
	if (needs & NEEDS_KEY && !place.has_key)
		return "this has no key";
	if (needs & NEEDS_INDEX && app->session->repo->index.fd < 0)
		return "there is no usable index";
	return NULL;
}

bool keys_press(struct app *app, int key)
{
	const struct key_row *row = keys_find(key, app_top(app)->kind);
	if (row)
		keys_run(app, row, NULL);
	return row != NULL;
}

void keys_run(struct app *app, const struct key_row *row, const char *argument)
{
	const struct call call = { .value = row->value, .argument = argument };
	const char *why = describe_missing(app, row->needs);
	if (!why && !keys_fit_plan(app, row->needs & NEEDS_SALVAGE))
		why = "only a salvage has this choice";
	if (why)
		app_say(app, STYLE_WARNING, "%s", why);
	else if (!(row->screens & 1u << app_top(app)->kind))
		app_say(app, STYLE_WARNING, "%s: not on this screen",
			row->name ? row->name : row->label);
	else
		row->run(app, &call);
}
