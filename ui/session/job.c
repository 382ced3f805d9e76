#include "build-config.h"

#include "session/job.h"

#include "session/format.h"
#include "session/session.h"
#include "session/thread.h"

#include "engine/base/text.h"

#include <stdio.h>
#include <stdlib.h>

static void *run_job(void *context)
{
	struct job *job = context;
	const int wake = job->wake;
	job->run(job);
	atomic_store(&job->finished, true);	/* now the main thread may free it */
	wake_up(wake);
	return NULL;
}

struct job *jobs_find(const struct jobs *jobs, enum job_kind kind)
{
	for (struct job *job = jobs->first; job; job = job->next)
		if ((kind == JOB_SHOWN ? job->verb != NULL : job->kind == kind) &&
		    !job->abandoned && !atomic_load(&job->finished))
			return job;
	return NULL;
}

void job_abandon(struct job *job)
{
	job->abandoned = true;
	job_cancel(job);
}

void job_free(struct job *job)
{
	if (job->drop)
		job->drop(job);
	ref_release(job->session);
	ref_release(job->held[0]);
	ref_release(job->held[1]);
	free(job);
}

bool jobs_start(struct jobs *jobs, struct job *job)
{
	for (struct job *other = jobs->first; other; other = other->next)
		if (other->kind == job->kind && other->owner == job->owner)
			job_abandon(other);
	job->wake = jobs->wake;
	clock_gettime(CLOCK_MONOTONIC, &job->started);
	if (!thread_start(&job->thread, run_job, job)) {
		job_free(job);
		return false;
	}
	job->next = jobs->first;
	jobs->first = job;
	return true;
}

bool jobs_collect(struct jobs *jobs, struct app *app)
{
	bool any = false;
	for (struct job **link = &jobs->first; *link;) {
		struct job *job = *link;
		if (!atomic_load(&job->finished)) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		pthread_join(job->thread, NULL);
		if (job->done && !job->abandoned && app)
			job->done(app, job);
		job_free(job);
		/* done() may have started another job, which comes first in the list. */
		link = &jobs->first;
		any = true;
	}
	return any;
}

void job_cancel(struct job *job)
{
	atomic_store(&job->progress.cancel, true);
	if (job->interrupt)
		job->interrupt(job);
}

void jobs_abandon(struct jobs *jobs, const void *owner)
{
	for (struct job *job = jobs->first; job; job = job->next)
		if (!owner || job->owner == owner)
			job_abandon(job);
}

static double seconds_since(struct timespec then)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then.tv_sec) + (double)(now.tv_nsec - then.tv_nsec) / 1e9;
}

void job_wait(const struct job *job, int wait_ms)
{
	const struct timespec moment = { .tv_nsec = 500000 };
	while (!atomic_load(&job->finished) &&
	       (wait_ms < 0 || seconds_since(job->started) * 1000 < wait_ms))
		nanosleep(&moment, NULL);
}

bool jobs_end(struct jobs *jobs, int wait_ms)
{
	struct timespec start;
	const struct timespec moment = { .tv_nsec = 2000000 };
	clock_gettime(CLOCK_MONOTONIC, &start);
	jobs_abandon(jobs, NULL);
	for (;;) {
		jobs_collect(jobs, NULL);
		if (!jobs->first)
			return true;
		if (seconds_since(start) * 1000 > wait_ms)
			return false;
		nanosleep(&moment, NULL);
	}
}

/* The share that is done, the rate, and the time that is left, as far as they are known. */
static void append_pace(uint64_t done, uint64_t total, uint64_t bytes, double seconds, char *out,
			size_t size)
{
	char text[FORMAT_SIZE];
	if (total > 0)
		buffer_append(out, size, "  %s", format_percent(done, total, text, sizeof(text)));
	if (bytes > 0 && seconds > 0.2)
		buffer_append(out, size, "  %s", format_rate(bytes, seconds, text, sizeof(text)));
	if (done == 0 || done >= total || seconds <= 1)
		return;
	const double left = seconds * (double)(total - done) / (double)done;
	buffer_append(out, size, "  %s left",
		      format_duration((uint64_t)(left + 0.5), text, sizeof(text)));
}

void job_progress_text(const struct job *job, char *out, size_t size)
{
	char text[FORMAT_SIZE];
	const uint64_t done = atomic_load(&job->progress.segments_done);
	const uint64_t total = atomic_load(&job->total);
	const uint64_t bytes = atomic_load(&job->progress.bytes_done);
	snprintf(out, size, "%s", job->verb);
	if (!job->unit)
		return;
	buffer_append(out, size, " %s", format_count(done, text, sizeof(text)));
	if (total > 0)
		buffer_append(out, size, "/%s", format_count(total, text, sizeof(text)));
	buffer_append(out, size, " %s", job->unit);
	append_pace(done, total, bytes, seconds_since(job->started), out, size);
}

void job_bytes_text(const struct job *job, const char *verb, uint64_t done, uint64_t total,
		    char *out, size_t size)
{
	char text[FORMAT_SIZE];
	snprintf(out, size, "%s", verb);
	if (total == 0)
		return;
	buffer_append(out, size, " %s", format_bytes(done, text, sizeof(text)));
	buffer_append(out, size, " of %s", format_bytes(total, text, sizeof(text)));
	append_pace(done, total, done, seconds_since(job->started), out, size);
}
