/* ui/app/app.h - the running program: its session, its stack of screens, its jobs. Used by the main
 * thread only. */
#ifndef ATTICSCOPE_APP_H
#define ATTICSCOPE_APP_H

#include "app/choices.h"
#include "app/screen.h"
#include "session/fetch.h"
#include "session/job.h"
#include "session/session.h"
#include "widget/typing.h"

#include "engine/check/diagnose.h"

#define STACK_MAX 24
#define MESSAGE_MAX 256
#define GRACE_MS 10	/* a job that ends within this time shows no progress */

enum mode {
	MODE_READ_ONLY,
	MODE_REPAIR	/* the lock is exclusive: lock_permit gives the right to write */
};

/* Something that receives all keys until it is closed: the prompt, a dialog. */
struct modal {
	/* NULL: all keys are ignored. */
	void (*input)(struct app *app, const struct input *input);
	void (*draw)(struct app *app, struct area bottom);
};

/* Calls to the folders above this one. ui.c fills in all of them. */
struct app_hooks {
	/* The repository is going to be read again. */
	void (*before_read)(struct app *app);
	/* It was read, and a new session is about to replace this one; or reading failed. */
	void (*after_read)(struct app *app, bool was_read);
	/* The new session is in place. If verification was requested, it is running. */
	void (*after_session)(struct app *app);
	/* Verification has ended. No screen has seen the result yet. */
	void (*after_verify)(struct app *app);
	/* All screens have seen the result. True: the hook has shown a message that matters more
	 * than the result. */
	bool (*after_diagnosis)(struct app *app);
	/* Do what @key does on the top screen. False: it does nothing there. */
	bool (*press)(struct app *app, int key);
};

struct prompt;
struct repair_flow;

/* The argument of a command, which a key or a name runs. */
struct call {
	int value;		/* from its row of the key table */
	const char *argument;	/* typed after its name; NULL: none, or a key was pressed */
};

struct app {
	const char *path;
	const struct screen_ops *const *screens; /* one for each kind */
	bool no_lock;
	unsigned threads;		/* 0: one for each processor */
	struct session *session;	/* held */
	struct fetcher *fetcher;
	struct jobs jobs;

	struct screen *stack[STACK_MAX];
	size_t depth;			/* at least 1 while the program runs */
	struct screen *kept[SCREEN_KINDS]; /* left, and kept for the next time; NULL: none */

	const struct modal *modal;	/* NULL: keys go to the screen */
	struct prompt *prompt;
	char message[MESSAGE_MAX];	/* masked; shown until the next key */
	enum style message_style;
	struct timespec message_time;
	struct query query;		/* the last search; its text is empty before the first */

	struct diagnosis diagnosis;
	struct model *problems;		/* held: the findings so far, see problem_list.h */
	uint64_t problem_count;		/* those above info among them */
	uint32_t problems_seen;		/* how many verification had found at that time */

	enum mode mode;
	struct choices choices;
	const struct app_hooks *hooks;
	struct repair_flow *flow;	/* the state of repairs, see repair_flow.h */
	struct lines *actions;		/* held: the action log; NULL: nothing was done yet */
	struct typing typed;		/* in a dialog */

	bool dirty;			/* the screen must be drawn again */
	bool ended;
};

static inline struct screen *app_top(struct app *app)
{
	return app->stack[app->depth - 1];
}

/* All screens, on the stack and kept: @i below APP_SCREENS. NULL: there is none at @i. */
#define APP_SCREENS ((size_t)STACK_MAX + SCREEN_KINDS)
static inline struct screen *app_screen(struct app *app, size_t i)
{
	if (i >= STACK_MAX)
		return app->kept[i - STACK_MAX];
	return i < app->depth ? app->stack[i] : NULL;
}

/* Show a message in the bottom line. The arguments may hold any bytes. */
void app_say(struct app *app, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Commands behind keys, see the key table: move the cursor by an enum motion; leave the top screen
 * or the program; cancel the job that the bottom line shows. */
void app_move(struct app *app, const struct call *call);
enum { LEAVE_SCREEN, LEAVE_PROGRAM };
void app_leave(struct app *app, const struct call *call); /* NULL: the top screen */
void app_cancel(struct app *app, const struct call *call);

/* Close the screens of @kind on the stack. @kind is never the overview. */
void app_close_kind(struct app *app, enum screen_kind kind);

/* Close all screens, on the stack and kept. */
void app_close_screens(struct app *app);

/* The place under the cursor of the top screen. */
bool app_place(struct app *app, struct place *place);

/* Put the screen @kind on top, showing @place (NULL: what it shows by default). False: it could not
 * be opened, and a message says why. */
bool app_open(struct app *app, enum screen_kind kind, const struct place *place);

/* Draw the top screen, which has changed or has a new session. */
void app_show_top(struct app *app);

/* Start @job, which passes to the list of jobs. False: no thread could be started; a message says
 * so, and the job was freed. */
bool app_start(struct app *app, struct job *job);

/* Start a copy of the job @like, which fills @model and holds it meanwhile, as held[0]. False: it
 * could not be started, and a message says so. */
bool app_start_filling(struct app *app, const struct job *like, void *model);

#endif
