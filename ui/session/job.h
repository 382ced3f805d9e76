/* ui/session/job.h - long work, each in a thread of its own: started, watched, cancelled, and
 * collected when done. */
#ifndef ATTICSCOPE_JOB_H
#define ATTICSCOPE_JOB_H

#include "engine/check/check.h"

struct app;
struct session;

enum job_kind {
	JOB_VERIFY, JOB_SCAN, JOB_COUNT, JOB_HISTORY, JOB_ORDER, JOB_SEARCH, JOB_OPEN, JOB_WATCH,
	JOB_LOCK, JOB_COMPARE, JOB_PLAN, JOB_REPAIR, JOB_EXPORT, JOB_UNDOS, JOB_PURGE,
	JOB_WITNESS,
	JOB_SHOWN	/* for jobs_find: any that is shown */
};

struct job {
	enum job_kind kind;
	const char *verb;	/* "verifying"; NULL: not shown */
	const char *unit;	/* "segments": what segments_done and total count; NULL: nothing */
	const void *owner;	/* compared, never dereferenced; NULL: the program */
	_Atomic uint64_t total;	/* units; 0: not known */
	struct session *session; /* held until the job is freed; NULL: none */
	void *held[2];		/* other counted objects (ref.h), likewise */
	struct verify_progress progress; /* bytes_done, segments_done, cancel */

	/* In its thread. Stops soon after progress.cancel is set. */
	void (*run)(struct job *job);
	/* In the main thread after run, unless it was abandoned. May be NULL. */
	void (*done)(struct app *app, struct job *job);
	/* In the main thread: release what else it has. May be NULL. */
	void (*drop)(struct job *job);
	/* Interrupt a wait after cancel was set. May be NULL. */
	void (*interrupt)(struct job *job);

	/* The rest belongs to job.c. */
	pthread_t thread;
	atomic_bool finished;
	bool abandoned;
	struct timespec started;
	int wake;
	struct job *next;
};

struct jobs {
	struct job *first;	/* newest first */
	int wake;		/* eventfd: threads and signals wake the main loop by it */
};

/* Start @job, whose last group is zeroed. A running job of the same kind and owner is abandoned.
 * False: no thread could be started, and @job was freed. */
bool jobs_start(struct jobs *jobs, struct job *job);

/* Collect the finished jobs: call done, then job_free. True: there was one. */
bool jobs_collect(struct jobs *jobs, struct app *app);

/* Release what @job holds and free it. */
void job_free(struct job *job);

/* The newest running job of @kind, or NULL. */
struct job *jobs_find(const struct jobs *jobs, enum job_kind kind);

/* Wait for @job to finish until @wait_ms after its start; below 0: as long as it takes. It is
 * collected later. */
void job_wait(const struct job *job, int wait_ms);

/* Ask @job to stop; its done is still called. */
void job_cancel(struct job *job);

/* Ask @job to stop, and ignore its result. */
void job_abandon(struct job *job);

/* Abandon the jobs of @owner (NULL: all jobs). Each ends when it can. */
void jobs_abandon(struct jobs *jobs, const void *owner);

/* Abandon all jobs and wait up to @wait_ms for them. False: one still waits for a disk. */
bool jobs_end(struct jobs *jobs, int wait_ms);

/* "verifying 412/1,204 segments  61 %  3.1 GiB/s  0:07 left" */
void job_progress_text(const struct job *job, char *out, size_t size);

/* "copying 12.3 MiB of 40.0 MiB  30 %  120 MiB/s  0:07 left", timed from the start of @job. Only
 * @verb if @total is 0. */
void job_bytes_text(const struct job *job, const char *verb, uint64_t done, uint64_t total,
		    char *out, size_t size);

#endif
