/* ui/app/app.h - the running program: its session, its stack of screens, its jobs. Main thread
 * only. */
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
#define GRACE_MS 10	/* what is done within this time is shown at once, without a flicker */

enum mode {
	MODE_READ_ONLY,
	MODE_REPAIR	/* the lock is exclusive: lock_permit gives the right to write */
};

/* Something that takes all keys for itself until it is closed: the prompt, a dialog. */
struct modal {
	/* NULL: all keys are ignored. */
	void (*input)(struct app *app, const struct input *input);
	void (*draw)(struct app *app, struct area bottom);
};

/* What lies above this folder is to do at these points; ui.c fills in all of them. */
struct app_hooks {
	/* The repository is about to be read again. */
	void (*before_read)(struct app *app);
	/* It was read, and a new session is about to take the place of this one; or it could
	 * not be. */
	void (*after_read)(struct app *app, bool was_read);
	/* The new session is there; it is being verified if that was asked for. */
	void (*after_session)(struct app *app);
	/* Verification came to its end. No screen has looked at what it found. */
	void (*after_verify)(struct app *app);
	/* All screens have looked at it. True: there was something to say that is worth more than
	 * the result of the verification. */
	bool (*after_diagnosis)(struct app *app);
	/* Do what @key does on the top screen. False: it means nothing there. */
	bool (*press)(struct app *app, int key);
};

struct prompt;
struct repair_flow;

struct app {
	const char *path;
	const struct screen_ops *const *screens; /* one for each kind */
	bool no_lock;
	unsigned threads;		/* 0: one for each processor */
	struct session *session;	/* held */
	struct fetcher *fetcher;
	struct jobs jobs;
	int wake;			/* eventfd: threads and signals end the main loop's poll */

	struct screen *stack[STACK_MAX];
	size_t depth;			/* at least 1 while the program runs */
	struct screen *kept[SCREEN_KINDS]; /* left, but kept for when they are opened again */

	const struct modal *modal;	/* NULL: keys go to the screen */
	struct prompt *prompt;
	char message[MESSAGE_MAX];	/* masked; shown until the next key */
	enum style message_style;
	struct timespec message_time;
	struct query query;		/* the last search; its text is empty before the first */

	struct diagnosis diagnosis;
	struct model *problems;		/* held: what was found so far, see problem_list.h */
	uint64_t problem_count;		/* in it, above info */
	uint32_t problems_seen;		/* how many verification had found when it was made */

	enum mode mode;
	struct choices choices;
	const struct app_hooks *hooks;
	struct repair_flow *flow;	/* what goes on with repairs, see repair_flow.h */
	struct lines *actions;		/* held: the log; NULL: nothing was done */
	struct typing typed;		/* in a dialog */

	bool dirty;			/* something on the screen changed */
	bool ended;
};

static inline struct screen *app_top(struct app *app)
{
	return app->stack[app->depth - 1];
}

/* Say something in the bottom line; what it is made of may hold any bytes. */
void app_say(struct app *app, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Commands behind keys, see the key table. */
void app_leave(struct app *app, const struct call *call);	/* out of the top screen */
void app_quit(struct app *app, const struct call *call);
void app_cancel(struct app *app, const struct call *call);

/* Close the screens of @kind on the stack, which is never the overview. */
void app_close_kind(struct app *app, enum screen_kind kind);

/* Close all screens, on the stack and kept. */
void app_close_screens(struct app *app);

/* The place under the cursor of the top screen. */
bool app_place(struct app *app, struct place *place);

/* Put @kind on top, about @place (NULL: whatever it shows by itself). Says so when it cannot. */
bool app_open(struct app *app, enum screen_kind kind, const struct place *place);

/* Call @each for every screen that lives. */
void app_each_screen(struct app *app, void (*each)(struct app *app, struct screen *screen));

/* Another screen, or another session, is on top now. */
void app_show_top(struct app *app);

/* Start @job with what it holds; says so when it cannot. */
bool app_start(struct app *app, struct job *job);

/* Start a job like @like, which fills @model and holds it meanwhile; says so when it cannot. In
 * its thread app_job_model is the model. */
bool app_start_filling(struct app *app, const struct job *like, void *model);
void *app_job_model(const struct job *job);

#endif
