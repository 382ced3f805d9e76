#include "build-config.h"

#include "tests/support/follow_advice.h"

#include "engine/base/array.h"
#include "engine/repair/undo.h"
#include "engine/store/store_internal.h"
#include "tests/support/fault.h"
#include "tests/support/opened_repo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_MAX 4u

static const char *print(char text[ADVICE_TEXT], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *print(char text[ADVICE_TEXT], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(text, ADVICE_TEXT, format, args);
	va_end(args);
	return text;
}

/* ---- opening ---- */

/* Check must name every undo folder of an interrupted repair or undo, and the advice the newest. */
static const char *check_named(const struct opened_repo *opened, char text[ADVICE_TEXT])
{
	const uint64_t *total = opened->verify->findings.total;
	const struct diagnosis *diagnosis = &opened->diagnosis;
	struct undo_entry *entries;
	size_t count, by_state[4] = { 0 };
	enum undo_state newest = UNDO_UNREADABLE;
	if (undo_list(opened->repo->io, opened->repo->fd, &entries, &count) != AS_OK)
		return print(text, "the undo folders cannot be listed");
	for (size_t i = 0; i < count; i++) {
		by_state[entries[i].state]++;
		if (newest == UNDO_UNREADABLE)
			newest = entries[i].state;
	}
	free(entries);
	const bool is_said = strstr(diagnosis->advice, "was cut short") != NULL;
	if (total[PROBLEM_REPAIR_INTERRUPTED] != by_state[UNDO_BEGUN] ||
	    total[PROBLEM_UNDO_INTERRUPTED] != by_state[UNDO_UNDOING] ||
	    total[PROBLEM_UNDO_UNREADABLE] != by_state[UNDO_UNREADABLE] ||
	    is_said != (newest == UNDO_BEGUN || newest == UNDO_UNDOING) ||
	    diagnosis->undo_comes_first != (newest == UNDO_UNDOING))
		return print(text, "what was cut short is not named: %s", diagnosis->advice);
	return NULL;
}

void advice_wait(const char *repo)
{
	const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "%s/lock.exclusive", repo);
	if (stat(path, &st) == 0 && rmdir(path) == 0 &&
	    (mkdir(path, st.st_mode & 07777) != 0 || utimensat(AT_FDCWD, path, times, 0) != 0))
		abort();
}

static const char *open_repo(const char *repo, const struct io *io, struct opened_repo *opened,
			     char text[ADVICE_TEXT])
{
	struct as_error error = { .code = AS_OK };
	advice_wait(repo);
	const enum as_err err = opened_repo_open_through(opened, repo, io, &error);
	if (err != AS_OK)
		return print(text, "it cannot be checked: %s",
			     error.code ? error.message : as_err_name(err));
	const char *wrong = check_named(opened, text);
	if (wrong)
		opened_repo_close(opened);
	return wrong;
}

/* ---- repairing ---- */

/* Carry out @plan or, where that is NULL, @undo. */
static const char *run_plan(struct opened_repo *opened, struct plan *plan,
			    const struct undo_plan *undo, char text[ADVICE_TEXT])
{
	struct repo *repo = opened->repo;
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct as_error error = { .code = AS_OK };
	const struct lock_wait wait = { .ms = 0 };
	const char *name = undo ? "undo" : repair_name(plan->action);
	if (undo ? undo->is_refused : plan->is_refused)
		return print(text, "%s is refused: %s", name,
			     undo ? undo->refusal : plan->refusal);
	if (undo ? undo->is_empty : plan->is_empty)
		return print(text, "%s has nothing to do", name);
	if (lock_upgrade(repo_lock(repo), &wait, &error) != AS_OK)
		return print(text, "%s: %s", name, error.message);
	const struct permit *permit = lock_permit(repo_lock(repo));
	const enum as_err err = undo ? undo_run(undo, permit, &progress, &error)
				     : repair_run(plan, permit, &progress, &report, &error);
	lock_lower(repo_lock(repo));
	return err == AS_OK ? NULL : print(text, "%s: %s", name, error.message);
}

static const char *repair(struct opened_repo *opened, enum repair action, char text[ADVICE_TEXT])
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct as_error error = { .code = AS_OK };
	struct plan *plan;
	if (plan_make(opened->repo, opened->verify, action, &options, &progress, &plan, &error) !=
	    AS_OK)
		return print(text, "%s: %s", repair_name(action), error.message);
	const char *wrong = run_plan(opened, plan, NULL, text);
	plan_free(plan);
	return wrong;
}

/* Remove what an interrupted purge has left. */
static const char *purge(struct opened_repo *opened, const char *name, char text[ADVICE_TEXT])
{
	struct repo *repo = opened->repo;
	struct as_error error = { .code = AS_OK };
	const struct lock_wait wait = { .ms = 0 };
	uint64_t freed;
	if (lock_upgrade(repo_lock(repo), &wait, &error) != AS_OK)
		return print(text, "purge: %s", error.message);
	const enum as_err err = undo_purge(lock_permit(repo_lock(repo)), name, &freed, &error);
	lock_lower(repo_lock(repo));
	return err == AS_OK ? NULL : print(text, "purge: %s", error.message);
}

static const char *take_back(struct opened_repo *opened, char text[ADVICE_TEXT])
{
	struct as_error error = { .code = AS_OK };
	struct undo_plan *plan;
	if (undo_plan_make(opened->repo, &plan, &error) != AS_OK)
		return print(text, "undo: %s", error.message);
	const char *wrong = plan->is_refused && strstr(plan->refusal, "but no manifest")
				    ? purge(opened, plan->name, text)
				    : run_plan(opened, NULL, plan, text);
	undo_plan_free(plan);
	return wrong;
}

const char *advice_repair(const char *repo, const struct io *io, enum repair action,
			  char text[ADVICE_TEXT])
{
	struct opened_repo opened;
	const char *wrong = open_repo(repo, io, &opened, text);
	if (wrong)
		return wrong;
	wrong = repair(&opened, action, text);
	opened_repo_close(&opened);
	return wrong;
}

const char *advice_undo(const char *repo, const struct io *io, char text[ADVICE_TEXT])
{
	struct opened_repo opened;
	const char *wrong = open_repo(repo, io, &opened, text);
	if (wrong)
		return wrong;
	wrong = take_back(&opened, text);
	opened_repo_close(&opened);
	return wrong;
}

const char *advice_step(const char *repo, const struct io *io, bool *is_clean,
			char text[ADVICE_TEXT])
{
	struct opened_repo opened;
	const char *wrong = open_repo(repo, io, &opened, text);
	if (wrong)
		return wrong;
	const struct diagnosis *diagnosis = &opened.diagnosis;
	*is_clean = diagnosis->clean && !diagnosis->undo_comes_first;
	if (diagnosis->undo_comes_first)
		wrong = take_back(&opened, text);
	else if (!diagnosis->clean && diagnosis->recommended == REPAIR_NONE)
		wrong = print(text, "nothing is recommended: %s", diagnosis->verdict);
	else if (!diagnosis->clean)
		wrong = repair(&opened, diagnosis->recommended, text);
	opened_repo_close(&opened);
	return wrong;
}

const char *advice_follow(const char *repo, const struct io *io, unsigned *steps,
			  char text[ADVICE_TEXT])
{
	bool is_clean = false;
	for (*steps = 0; *steps <= STEPS_MAX; ++*steps) {
		const char *wrong = advice_step(repo, io, &is_clean, text);
		if (wrong || is_clean)
			return wrong;
	}
	return print(text, "the recommended steps do not end");
}

const char *advice_undo_all(const char *repo, const struct io *io, char text[ADVICE_TEXT])
{
	for (unsigned steps = 0; steps <= 2 * STEPS_MAX; steps++) {
		struct opened_repo opened;
		struct undo_entry *entries;
		size_t count = 0;
		const char *wrong = open_repo(repo, io, &opened, text);
		if (wrong)
			return wrong;
		if (undo_list(io, opened.repo->fd, &entries, &count) == AS_OK)
			free(entries);
		if (count > 0)
			wrong = take_back(&opened, text);
		opened_repo_close(&opened);
		if (wrong || count == 0)
			return wrong;
	}
	return print(text, "undo does not end");
}

/* ---- bytes ---- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < len; i++)
		digest = (digest ^ at[i]) * 0x100000001b3;
	return digest;
}

static uint64_t file_digest(const char *path, uint64_t digest)
{
	uint8_t bytes[16384];
	ssize_t len;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (len = read(fd, bytes, sizeof(bytes))) > 0)
		digest = mix(digest, bytes, (size_t)len);
	if (fd >= 0)
		close(fd);
	return digest;
}

/* nftw passes no context to its callback. */
static _Thread_local uint64_t bytes_sum;
static _Thread_local size_t bytes_base;
static _Thread_local bool bytes_with_undo;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *place)
{
	const char *below = path + bytes_base;
	(void)st;
	/* A lock comes and goes with the process that takes it. */
	if (place->level == 1 && strncmp(below, "/lock.", 6) == 0)
		return type == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
	if (!bytes_with_undo && place->level == 1 && strcmp(below, "/" UNDO_FOLDER) == 0)
		return FTW_SKIP_SUBTREE;
	if (type == FTW_F)	/* a sum, since the order does not matter */
		bytes_sum += file_digest(path, mix(0xcbf29ce484222325, below, strlen(below)));
	return FTW_CONTINUE;
}

uint64_t advice_digest(const char *repo, bool with_undo)
{
	bytes_sum = 0;
	bytes_base = strlen(repo);
	bytes_with_undo = with_undo;
	if (nftw(repo, add_file, 16, FTW_PHYS | FTW_ACTIONRETVAL) != 0) {
		perror(repo);
		abort();
	}
	return bytes_sum;
}

/* ---- objects ---- */

struct gathering {
	struct as_store *store;
	struct contents *contents;
	size_t capacity;
	bool is_unreadable;
};

static int gather(void *context, const uint8_t key[AS_KEY_SIZE])
{
	struct gathering *gathering = context;
	struct contents *contents = gathering->contents;
	void *value, *rows = contents->objects;
	size_t size;
	if (as_get(gathering->store, key, AS_KEY_SIZE, &value, &size, NULL) != AS_OK) {
		gathering->is_unreadable = true;
		return 1;
	}
	if (!array_reserve(&rows, contents->count, &gathering->capacity, sizeof(struct object)))
		abort();
	contents->objects = rows;
	struct object *object = &contents->objects[contents->count++];
	memcpy(object->key, key, KEY_SIZE);
	object->digest = mix(0xcbf29ce484222325 + size, value, size);
	free(value);
	return 0;
}

static int compare_objects(const void *left, const void *right)
{
	return memcmp(left, right, KEY_SIZE);
}

static const char *gather_all(struct as_store *store, struct contents *contents,
			      char text[ADVICE_TEXT])
{
	struct gathering gathering = { .store = store, .contents = contents };
	struct as_error error = { .code = AS_OK };
	*contents = (struct contents){ .count = 0 };
	const enum as_err err = as_each_key(store, gather, &gathering, &error);
	if (gathering.is_unreadable)
		return print(text, "a listed object cannot be read");
	if (err != AS_OK)
		return print(text, "it cannot be listed: %s", error.message);
	if (contents->count > 0)
		qsort(contents->objects, contents->count, sizeof(struct object), compare_objects);
	return NULL;
}

static const char *read_both(struct as_store *store, struct contents *contents,
			     char text[ADVICE_TEXT])
{
	struct contents by_log;
	struct as_state state;
	struct as_error error = { .code = AS_OK };
	as_get_state(store, &state);
	*contents = (struct contents){ .count = 0 };
	if (state.needs_rollback || state.needs_recover)
		return print(text, "not in order for the store: %s", state.why);
	const char *wrong = gather_all(store, contents, text);
	if (wrong || !state.has_transaction)
		return wrong;
	if (store_replay(store, true, &error) != AS_OK)
		return print(text, "the log cannot be replayed: %s", error.message);
	wrong = gather_all(store, &by_log, text);
	if (!wrong && !contents_equal(contents, &by_log))
		wrong = print(text, "index and log differ: %zu objects, %zu objects",
			      contents->count, by_log.count);
	contents_free(&by_log);
	return wrong;
}

const char *contents_read(const char *repo, struct contents *contents, char text[ADVICE_TEXT])
{
	struct as_error error = { .code = AS_OK };
	struct fault fault;
	struct as_store *store;
	fault_init(&fault);
	*contents = (struct contents){ .count = 0 };
	if (store_open(repo, NULL, &fault.io, &store, &error) != AS_OK)
		return print(text, "the store cannot open it: %s", error.message);
	const char *wrong = read_both(store, contents, text);
	as_close(store);
	return wrong;
}

bool contents_are_of(const struct contents *part, const struct contents *whole)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct object *object = &part->objects[i];
		const struct object *found = bsearch(object, whole->objects, whole->count,
						     sizeof(*object), compare_objects);
		if (!found || found->digest != object->digest)
			return false;
	}
	return true;
}

bool contents_equal(const struct contents *left, const struct contents *right)
{
	return left->count == right->count && contents_are_of(left, right);
}

void contents_free(struct contents *contents)
{
	free(contents->objects);
	*contents = (struct contents){ .count = 0 };
}
