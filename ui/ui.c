#include "build-config.h"

#include "ui/ui.h"

#include "app/app.h"
#include "app/refresh.h"
#include "app/reread.h"
#include "app/watch.h"
#include "repair/repair_flow.h"
#include "session/format.h"
#include "term/signals.h"
#include "ui/frame.h"
#include "ui/keys.h"
#include "ui/prompt.h"
#include "ui/screen_table.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EXIT_COULD_NOT_RUN 8
#define TICK_MS 100		/* how often progress is drawn */
#define REFRESH_TICKS 3		/* how many ticks pass between two looks at new findings */
#define FRAME_MS 16		/* never draw more often, except after a key */
#define END_WAIT_MS 500
#define DEAF_MAX 20		/* how often the terminal may claim to have input and give none */

/* ---- input ---- */

/* Put the cursor on what is at (@y, @x). False: nothing is there. */
static bool move_cursor_to(struct app *app, int y, int x)
{
	struct screen *screen = app_top(app);
	struct table *table = screen->table;
	uint64_t row;
	if (screen->ops->click)
		return screen->ops->click(app, screen, y, x);
	if (!table || !list_row_at(&table->position, table->area, y, &row))
		return false;
	position_set(&table->position, row);
	return true;
}

static void handle_mouse(struct app *app, const struct input *input)
{
	if (input->wheel_up || input->wheel_down)
		app_move(app, &(struct call){ .value = input->wheel_up ? MOTION_SCROLL_UP
								      : MOTION_SCROLL_DOWN });
	else if (input->press && input->y == FRAME_TAB_LINE)
		keys_press(app, frame_tab_at(app, input->x));
	else if (input->press && move_cursor_to(app, input->y, input->x) && input->twice)
		keys_press(app, '\n');
}

static void handle_input(struct app *app, const struct input *input)
{
	app->dirty = true;
	app->message[0] = '\0';
	if (app->modal) {
		if (app->modal->input)
			app->modal->input(app, input);
		return;
	}
	if (input->key == KEY_MOUSE) {
		handle_mouse(app, input);
		return;
	}
	if (!keys_press(app, input->key) && input->character >= ' ')
		app_say(app, STYLE_WARNING, "this key does nothing here (? lists the keys)");
}

/* Handle all keys that are waiting. False: there was none. Ends the program when the terminal is
 * gone. @deaf counts how often the terminal claimed to have input and gave none: a terminal that
 * was closed does so for ever. */
static bool read_keys(struct app *app, short events, unsigned *deaf)
{
	static const short lost = POLLHUP | POLLERR | POLLNVAL;
	struct input input;
	bool any = false;
	while (!app->ended && term_input(&input)) {
		/* A key typed ahead refers to the screen as it will be: load its rows first. */
		app->dirty |= jobs_collect(&app->jobs, app);
		if (app->dirty)
			frame_draw(app);
		handle_input(app, &input);
		any = true;
	}
	*deaf = any ? 0 : *deaf + 1;
	if (!any && (events & lost || *deaf > DEAF_MAX))
		app->ended = true;
	return any;
}

/* ---- other events ---- */

static void handle_signals(struct app *app)
{
	unsigned events = signals_collect();
	const bool any = events != 0;
	while (events & SIGNALLED_STOP) {
		term_suspend();
		/* Ctrl-Z pressed twice stops once. Signals that arrive meanwhile are kept. */
		events |= signals_collect();
		signals_stop_self();
		events = (events & ~(unsigned)SIGNALLED_STOP) | SIGNALLED_CONTINUE |
			 signals_collect();
	}
	if (events & SIGNALLED_END)
		app->ended = true;
	if (events & SIGNALLED_CONTINUE)
		term_resume();
	if (events & SIGNALLED_RESIZE)
		term_resize();
	if (any)
		app->dirty = true;
}

static void deliver_fetched(struct app *app)
{
	struct screen *screen = app_top(app);
	struct fetch_request *request = fetcher_collect(app->fetcher, 0);
	if (!request)
		return;
	if (screen->ops->deliver)
		app->dirty |= screen->ops->deliver(screen, request);
	else if (screen->table)
		app->dirty |= table_deliver(screen->table, request);
	else
		request->drop(request);
}

/* ---- the loop ---- */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void main_loop(struct app *app)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = app->jobs.wake, .events = POLLIN } };
	int64_t drawn = 0, ticked = 0;
	unsigned tick = 0, deaf = 0;
	uint64_t count;
	while (!app->ended) {
		if (app->dirty && now_ms() - drawn >= FRAME_MS) {
			app->dirty = false;
			frame_draw(app);
			term_show();
			drawn = now_ms();
		}
		const int64_t due = drawn + FRAME_MS - now_ms();
		int wait_ms = jobs_find(&app->jobs, JOB_SHOWN) ? TICK_MS : -1;
		if (app->dirty)
			wait_ms = due > 0 ? (int)due : 0;
		fds[0].revents = fds[1].revents = 0;
		if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
			break;
		while (read(app->jobs.wake, &count, sizeof(count)) > 0)
			;
		handle_signals(app);
		if (fds[0].revents && read_keys(app, fds[0].revents, &deaf))
			drawn = 0;	/* answer a key at once */
		app->dirty |= fds[1].revents != 0;
		app->dirty |= jobs_collect(&app->jobs, app);
		deliver_fetched(app);
		if (now_ms() - ticked < TICK_MS)
			continue;
		/* Draw the progress of what runs. Now and then let the screens see new findings. */
		ticked = now_ms();
		app->dirty |= jobs_find(&app->jobs, JOB_SHOWN) != NULL;
		if (tick++ % REFRESH_TICKS == 0 && jobs_find(&app->jobs, JOB_VERIFY))
			app_refresh(app);
	}
}

/* ---- beginning and end ---- */

static void print_error(const char *text)
{
	char masked[1024];
	fprintf(stderr, "atticscope: %s\n", format_masked_text(text, masked, sizeof(masked)));
}

static struct session *open_session(const char *path, const struct ui_options *options)
{
	const struct repo_options repo_options = { .no_lock = options->no_lock };
	struct as_error error = { 0 };
	struct repo *repo;
	if (repo_open(path, &repo_options, &repo, &error) != AS_OK) {
		print_error(error.message);
		return NULL;
	}
	struct session *session = session_new(repo);
	if (!session) {
		print_error("out of memory");
		repo_close(repo);
	}
	return session;
}

/* True: everything is freed. A thread that waits for a disk that does not answer keeps what it
 * needs until the process ends. */
static bool close_app(struct app *app)
{
	repair_end(app);
	purge_end(app);
	const bool jobs_ended = jobs_end(&app->jobs, END_WAIT_MS);
	app_close_screens(app);
	const bool fetcher_ended = fetcher_free(app->fetcher, END_WAIT_MS);
	ref_release(app->problems);
	ref_release(app->flow->proposal);
	ref_release(app->flow->report.body);
	ref_release(app->flow->report.proposal);
	ref_release(app->actions);
	ref_release(app->session);
	return jobs_ended && fetcher_ended;
}

static int run_app(struct app *app, bool verify, const char *notice)
{
	const char *why;
	app->fetcher = fetcher_new(app->jobs.wake);
	if (!app->fetcher) {
		print_error("out of memory");
		return EXIT_COULD_NOT_RUN;
	}
	if (!term_start(&why)) {
		print_error(why);
		return EXIT_COULD_NOT_RUN;
	}
	signals_start(app->jobs.wake);
	app_refresh(app);
	if (app_open(app, SCREEN_OVERVIEW, NULL)) {
		watch_start(app);
		if (notice)
			app_say(app, STYLE_WARNING, "%s", notice);
		if (verify)
			app_verify(app, false);
		main_loop(app);
	}
	term_stop();
	signals_restore();
	return 0;
}

static const struct app_hooks hooks = {
	.before_read = repair_flow_before_read, .after_read = repair_flow_after_read,
	.after_session = proposal_continue, .after_verify = repair_was_verified,
	.after_diagnosis = repair_flow_after_diagnosis, .press = keys_press,
};

int ui_run(const char *path, const struct ui_options *options)
{
	struct repair_flow flow = { .proposal = NULL };
	struct prompt prompt = { .kind = NULL };
	struct app app = {
		.path = path, .no_lock = options->no_lock, .threads = options->threads,
		.screens = screen_table, .hooks = &hooks, .flow = &flow,
		.prompt = &prompt,
	};
	setlocale(LC_CTYPE, "");
	/* Said on standard error too, in case curses' screen cannot be read. */
	const char *notice = term_choose();
	if (notice)
		print_error(notice);
	app.session = open_session(path, options);
	if (!app.session)
		return EXIT_COULD_NOT_RUN;
	app.jobs.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (app.jobs.wake < 0) {
		print_error(strerror(errno));
		ref_release(app.session);
		return EXIT_COULD_NOT_RUN;
	}
	const int status = run_app(&app, options->verify, notice);
	if (close_app(&app))
		close(app.jobs.wake);
	signals_end_self();
	return status;
}

/* ---- the keys, for help and manual ---- */

/* Name the screens of @row, or those that it leaves out if they are fewer. */
static void name_screens(const struct key_row *row, char *out, size_t size)
{
	unsigned count = 0;
	for (unsigned kind = 0; kind < SCREEN_KINDS; kind++)
		count += row->screens >> kind & 1;
	const bool by_exception = count > SCREEN_KINDS / 2;
	const unsigned named = by_exception ? ~row->screens : row->screens;
	size_t len = 0;
	out[0] = '\0';
	for (unsigned kind = 0; kind < SCREEN_KINDS; kind++)
		if (named >> kind & 1 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
						len ? ", " : by_exception ? "not " : "",
						screen_table[kind]->title);
}

bool ui_key_at(size_t index, struct ui_key *key)
{
	if (index >= key_count)
		return false;
	const struct key_row *row = &key_table[index];
	*key = (struct ui_key){
		.label = row->label, .name = row->name, .argument = row->argument,
		.help = row->help,
	};
	name_screens(row, key->screens, sizeof(key->screens));
	return true;
}
