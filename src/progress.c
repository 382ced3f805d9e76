#include "build-config.h"

#include "src/progress.h"

#include "src/interrupt.h"
#include "ui/session/format.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS 300		/* shorter work needs no bar */
#define EVERY_MS 100
#define LINE_BYTES 512
#define BAR_MAX 30u		/* columns */

struct progress {
	const char *label;
	const struct repo *repo;
	const struct verify_progress *figures;
	const struct repair_progress *repair;	/* instead of the three above */
	uint64_t bytes_total;	/* the thread's */
	struct timespec started;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool ended;		/* under mutex */
	bool drawn;		/* the thread's, then the joiner's */
};

uint64_t repository_bytes(const struct repo *repo)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < repo->listing.count; i++) {
		char path[LISTING_PATH_MAX];
		struct stat st;
		listing_path(&repo->listing, i, path);
		if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

void progress_line(char *out, size_t size, unsigned width, const char *label,
		   const struct progress_figures *f)
{
	char rate[FORMAT_SIZE], left[FORMAT_SIZE] = "-:--";
	char tail[160], bar[BAR_MAX + 1], segments[64] = "";
	uint64_t done = f->bytes_total ? f->bytes_done * 1000 / f->bytes_total : 0;
	if (done > 1000)
		done = 1000;
	format_rate(f->bytes_done, (double)f->elapsed_ms / 1000, rate, sizeof(rate));
	if (done >= 5)		/* earlier it cannot be estimated */
		format_duration(f->elapsed_ms * (1000 - done) / done / 1000, left, sizeof(left));
	if (f->segments > 0)
		snprintf(segments, sizeof(segments), "%" PRIu64 "/%" PRIu64 " segments  ",
			 f->segments_done, f->segments);
	snprintf(tail, sizeof(tail), "%3u %%  %s%s  %s left", (unsigned)done / 10, segments, rate,
		 left);
	const size_t used = strlen(label) + strlen(tail) + 4;	/* blanks and brackets */
	size_t cells = width > used ? width - used : 0;
	if (cells > BAR_MAX)
		cells = BAR_MAX;
	if (cells < 5) {	/* no room for a useful bar */
		snprintf(out, size < width + 1 ? size : width + 1, "%s %s", label, tail);
		return;
	}
	const size_t full = cells * done / 1000;
	memset(bar, '#', full);
	memset(bar + full, '-', cells - full);
	bar[cells] = '\0';
	snprintf(out, size, "%s [%s] %s", label, bar, tail);
}

static void draw(struct progress *progress)
{
	const char *label = progress->label;
	char line[LINE_BYTES];
	struct winsize terminal;
	struct timespec now;
	struct progress_figures f;
	clock_gettime(CLOCK_MONOTONIC, &now);
	f.elapsed_ms = (uint64_t)((now.tv_sec - progress->started.tv_sec) * 1000 +
				  (now.tv_nsec - progress->started.tv_nsec) / 1000000);
	if (progress->repair) {
		f.bytes_done = progress->repair->bytes_done;
		f.bytes_total = progress->repair->bytes_total;
		f.segments = f.segments_done = 0;
		label = repair_step_text(progress->repair->step);
	} else {
		if (progress->bytes_total == 0)
			progress->bytes_total = repository_bytes(progress->repo);
		f.bytes_done = progress->figures->bytes_done;
		f.bytes_total = progress->bytes_total;
		f.segments_done = progress->figures->segments_done;
		f.segments = progress->repo->listing.count;
	}
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &terminal) < 0 || terminal.ws_col < 2)
		terminal.ws_col = 80;
	progress_line(line, sizeof(line), terminal.ws_col - 1u, label, &f);
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	progress->drawn = true;
}

static void *draw_until_ended(void *context)
{
	struct progress *progress = context;
	struct timespec until = progress->started;
	long wait_ms = FIRST_MS;
	pthread_mutex_lock(&progress->mutex);
	while (!progress->ended) {
		until.tv_nsec += wait_ms * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (!progress->ended &&
		       pthread_cond_timedwait(&progress->wake, &progress->mutex, &until) == 0)
			;
		if (!progress->ended)
			draw(progress);
		wait_ms = EVERY_MS;
		clock_gettime(CLOCK_MONOTONIC, &until);
	}
	pthread_mutex_unlock(&progress->mutex);
	return NULL;
}

static void free_progress(struct progress *progress)
{
	pthread_cond_destroy(&progress->wake);
	pthread_mutex_destroy(&progress->mutex);
	free(progress);
}

/* Begin to draw a copy of @what. */
static struct progress *begin(const struct progress *what)
{
	const char *terminal = getenv("TERM");
	if (!isatty(STDERR_FILENO) || !terminal || strcmp(terminal, "dumb") == 0)
		return NULL;
	struct progress *progress = calloc(1, sizeof(*progress));
	if (!progress)
		return NULL;
	*progress = *what;
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&progress->wake, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&progress->mutex, NULL);
	clock_gettime(CLOCK_MONOTONIC, &progress->started);
	if (pthread_create(&progress->thread, NULL, draw_until_ended, progress) != 0) {
		free_progress(progress);
		return NULL;
	}
	return progress;
}

struct progress *progress_begin(const char *label, const struct repo *repo,
				struct verify_progress *figures)
{
	interrupt_watch(&figures->cancel);
	return begin(&(struct progress){ .label = label, .repo = repo, .figures = figures });
}

struct progress *progress_begin_repair(const struct repair_progress *repair)
{
	return begin(&(struct progress){ .repair = repair });
}

void progress_end(struct progress *progress)
{
	interrupt_watch(NULL);
	if (!progress)
		return;
	pthread_mutex_lock(&progress->mutex);
	progress->ended = true;
	pthread_cond_signal(&progress->wake);
	pthread_mutex_unlock(&progress->mutex);
	pthread_join(progress->thread, NULL);
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	free_progress(progress);
}
