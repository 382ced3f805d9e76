#include "build-config.h"

#include "ui/frame.h"

#include "app/app.h"
#include "session/format.h"
#include "ui/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIN_ROWS 10
#define MIN_COLS 40
#define MESSAGE_SECONDS 3

/* ---- top line ---- */

/* Shorten @path to @width columns. Its end is kept, which distinguishes repositories. */
static const char *path_end(const char *path, int width, char *out, size_t size)
{
	if (term_width(path) <= width)
		return path;
	snprintf(out, size, "%s%s", glyph(GLYPH_MORE),
		 term_tail(path, width - term_width(glyph(GLYPH_MORE))));
	return out;
}

static void count_objects(const struct app *app, char *out, size_t size)
{
	const struct verify *verify = session_verify(app->session);
	const struct repo *repo = app->session->repo;
	char text[FORMAT_SIZE];
	if (verify)
		snprintf(out, size, "%s object%s",
			 format_count(verify->objects + verify->older, text, sizeof(text)),
			 verify->objects + verify->older == 1 ? "" : "s");
	else if (repo->index.fd >= 0 && repo_index_fits(repo))
		snprintf(out, size, "%s object%s by the index",
			 format_count(repo->index.used, text, sizeof(text)),
			 repo->index.used == 1 ? "" : "s");
	else
		snprintf(out, size, "? objects");
}

static void count_problems(const struct app *app, char *out, size_t size)
{
	const uint64_t count = app->problem_count;
	char text[FORMAT_SIZE];
	const int state = atomic_load(&app->session->check);
	const char *so_far = state == CHECK_RUNNING ? " so far"
			     : state == CHECK_DONE  ? ""
						    : " at first sight";
	if (count == 0)
		snprintf(out, size, "no problems%s", so_far);
	else
		snprintf(out, size, "%s problem%s%s", format_count(count, text, sizeof(text)),
			 count == 1 ? "" : "s", so_far);
}

/* Draw @text so that it ends at column *@right, and move *@right to its left. Draws nothing if that
 * would begin before @left. */
static void put_leftwards(int left, int *right, enum style style, const char *text)
{
	const int width = term_width(text);
	if (*right - width < left)
		return;
	*right -= width;
	term_add(0, *right, width, style, text);
	*right -= 3;
}

static void draw_top(const struct app *app, int cols)
{
	const struct repo *repo = app->session->repo;
	const bool repair = app->mode == MODE_REPAIR;
	const enum style bar = repair ? STYLE_BAR_REPAIR : STYLE_BAR;
	const char *mode = !repair ? "READ-ONLY" : cols < 80 ? "REPAIR MODE"
							     : "REPAIR MODE  lock held";
	char objects[64], problems[64], transaction[32], path[MESSAGE_MAX], text[MESSAGE_MAX * 2];
	int right = cols - 1;
	term_put(0, 0, cols, bar, cols >= 60 ? " atticscope  " : "");
	const int left = cols >= 60 ? 13 : 1;
	count_objects(app, objects, sizeof(objects));
	count_problems(app, problems, sizeof(problems));
	if (repo->has_transaction)
		snprintf(transaction, sizeof(transaction), "tx %" PRIu32, repo->transaction);
	else
		snprintf(transaction, sizeof(transaction), "no tx");
	const int room = cols / 4 + left;	/* reserved for the path */
	/* The mode is always shown, so its width is reserved first. */
	const int kept = term_width(mode) + 3;
	if (atomic_load(&app->session->changed) && !jobs_find(&app->jobs, JOB_OPEN) &&
	    !jobs_find(&app->jobs, JOB_REPAIR) && !jobs_find(&app->jobs, JOB_PURGE))
		put_leftwards(left + kept, &right, STYLE_BAR_NOTICE,
			      cols >= 60 ? " CHANGED ON DISK  r:read again "
					 : " CHANGED  r:read again ");
	else
		put_leftwards(left + kept > room ? left + kept : room, &right, bar, problems);
	put_leftwards(room + kept, &right, bar, objects);
	put_leftwards(room + kept, &right, bar, transaction);
	put_leftwards(left, &right, bar, mode);
	format_masked_text(app->path, path, sizeof(path));
	const char *format = repo->dialect->frame;
	const int begin = left + term_width(format);
	if (begin >= right)
		return;
	term_add(0, left, begin - left, bar, format);
	term_add(0, begin, right - begin, bar,
		 path_end(path, right - begin, text, sizeof(text)));
}

/* ---- tabs ---- */

/* How much of the tabs fits. */
enum fit { FIT_ALL, FIT_VIEWS, FIT_DIGITS };

static int tab_text(const struct app *app, enum screen_kind kind, enum fit fit, char *out,
		    size_t size)
{
	const struct screen_ops *ops = app->screens[kind];
	const bool current = app->stack[app->depth - 1]->kind == kind;
	if (ops->digit == 0 && (!current || fit != FIT_ALL))
		out[0] = '\0';
	else if (ops->digit == 0)
		snprintf(out, size, "[%s]", ops->title);
	else if (current)
		snprintf(out, size, "[%c %s]", ops->digit, ops->title);
	else if (fit == FIT_DIGITS)
		snprintf(out, size, " %c ", ops->digit);
	else
		snprintf(out, size, " %c %s ", ops->digit, ops->title);
	return term_width(out);
}

static enum fit fit_tabs(const struct app *app, int cols)
{
	for (enum fit fit = FIT_ALL; fit < FIT_DIGITS; fit++) {
		char text[32];
		int width = 0;
		for (int kind = 0; kind < SCREEN_KINDS; kind++)
			width += tab_text(app, (enum screen_kind)kind, fit, text, sizeof(text));
		if (width <= cols)
			return fit;
	}
	return FIT_DIGITS;
}

static void draw_tabs(const struct app *app, int cols)
{
	const enum fit fit = fit_tabs(app, cols);
	char text[32];
	int x = 0;
	for (int kind = 0; kind < SCREEN_KINDS; kind++) {
		const int width = tab_text(app, (enum screen_kind)kind, fit, text, sizeof(text));
		if (width == 0)
			continue;
		term_add(FRAME_TAB_LINE, x, width, text[0] == '[' ? STYLE_TAB : STYLE_NORMAL, text);
		x += width;
	}
}

int frame_tab_at(struct app *app, int x)
{
	char text[32];
	int rows, cols;
	term_size(&rows, &cols);
	const enum fit fit = fit_tabs(app, cols);
	for (int kind = 0; kind < SCREEN_KINDS; kind++) {
		x -= tab_text(app, (enum screen_kind)kind, fit, text, sizeof(text));
		if (x < 0)
			return app->screens[kind]->digit;
	}
	return 0;
}

/* ---- bottom line ---- */

/* Draw the keys worth knowing here, flush right. The last rows of the table (help, back) are drawn
 * first, so they are the last to be left out. */
static void draw_hints(const struct app *app, int y, int left, int cols)
{
	int x = cols;
	for (size_t i = key_count; i-- > 0;) {
		const struct key_row *row = &key_table[i];
		char label[16], hint[32];
		if (!row->hint || !(row->screens & 1u << app->stack[app->depth - 1]->kind) ||
		    !keys_fit_plan(app, row->needs))
			continue;
		/* If there are several keys, the first is enough here. */
		snprintf(label, sizeof(label), "%.*s", (int)strcspn(row->label, " "), row->label);
		snprintf(hint, sizeof(hint), ":%s", row->hint);
		x -= term_width(label) + term_width(hint) + 2;
		if (x < left)
			return;
		const int used = term_add(y, x, cols - x, STYLE_KEY, label);
		term_add(y, x + used, cols - x - used, STYLE_NORMAL, hint);
	}
}

static void draw_bottom(struct app *app, struct area line)
{
	char text[MESSAGE_MAX];
	const struct job *job = jobs_find(&app->jobs, JOB_SHOWN);
	struct timespec now;
	int used = 0;
	if (app->modal) {
		app->modal->draw(app, line);
		return;
	}
	term_put(line.y, line.x, line.cols, STYLE_NORMAL, "");
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* After a few seconds the progress of a job replaces the message. */
	if (!job || now.tv_sec - app->message_time.tv_sec < MESSAGE_SECONDS)
		used = term_add(line.y, line.x, line.cols, app->message_style, app->message);
	if (job && used == 0) {
		job_progress_text(job, text, sizeof(text));
		used = term_add(line.y, line.x, line.cols, STYLE_STRONG, text);
		used += term_add(line.y, line.x + used, line.cols - used, STYLE_KEY, "  x");
		used += term_add(line.y, line.x + used, line.cols - used, STYLE_NORMAL, ":cancel");
	}
	draw_hints(app, line.y, used > 0 ? used + 2 : 0, line.cols);
}

void frame_draw(struct app *app)
{
	struct screen *screen = app_top(app);
	int rows, cols;
	term_size(&rows, &cols);
	term_clear();
	if (rows < MIN_ROWS || cols < MIN_COLS) {
		term_wrap((struct area){ 0, 0, rows, cols }, STYLE_NORMAL,
			  "The terminal is too small: at least 40 columns and 10 lines, please.");
	} else {
		draw_top(app, cols);
		draw_tabs(app, cols);
		screen->ops->draw(app, screen, (struct area){ 2, 0, rows - 3, cols });
		draw_bottom(app, (struct area){ rows - 1, 0, 1, cols });
	}
}
