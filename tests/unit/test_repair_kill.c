/* A repair, or its undoing, that is killed (SIGKILL) at each of its changes in turn, and a repair
 * that finds the disk full at each of those that need room: the next look says what happened, the
 * recommended steps lead to the same end, nothing is lost, and all of it, what was cut short too,
 * can be taken back. */
#include "build-config.h"

#include "engine/repair/undo.h"
#include "tests/damaged_repo.h"
#include "tests/opened_repo.h"
#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS_MAX 4u

/* Run @action, or take the last one back where it is REPAIR_NONE. False: it failed. */
static bool act(struct opened_repo *opened, enum repair action)
{
	struct verify_progress progress = { .cancel = false };
	struct repair_progress figures = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct repair_report report;
	struct plan *plan = NULL;
	char name[UNDO_NAME_MAX];
	bool is_done = action == REPAIR_NONE ? undo_plan(opened->repo, &plan, name, NULL) == AS_OK
					     : plan_make(opened->repo, opened->verify, action,
							 &options, &progress, &plan, NULL) == AS_OK;
	if (is_done && !plan->is_empty) {
		const struct permit *permit = opened_repo_upgrade(opened);
		is_done = permit && !plan->is_refused &&
			  (action == REPAIR_NONE ? undo_run(plan, permit, &figures, NULL)
						 : repair_run(plan, permit, &figures, &report,
							      NULL)) == AS_OK;
		if (permit)
			lock_lower(repo_lock(opened->repo));
	}
	plan_free(plan);
	return is_done;
}

struct killing {
	unsigned at, seen;
};

static void kill_at(void *context, enum fault_change kind, const char *path)
{
	struct killing *killing = context;
	(void)kind;
	(void)path;
	if (++killing->seen == killing->at)
		raise(SIGKILL);
}

/* In a process of its own, killed before change number @at. False: it came to its end. */
static bool act_and_die(const char *repo, enum repair action, unsigned at)
{
	int status;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct killing killing = { .at = at };
		struct opened_repo opened;
		if (!opened_repo_open(&opened, repo))
			_exit(9);
		opened.fault.watch = kill_at;
		opened.fault.watch_context = &killing;
		_exit(act(&opened, action) ? 0 : 8);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status != 0)
		fail_msg("%s, change %u: status %d",
			 action == REPAIR_NONE ? "undo" : repair_name(action), at, status);
	return false;
}

/* The next look names every folder of what came to no end, and the advice the newest of them. */
static void assert_told(const struct opened_repo *opened, const char *what, unsigned at)
{
	const uint64_t *total = opened->verify->findings.total;
	struct undo_entry *entries;
	size_t count, by_state[4] = { 0 };
	enum undo_state newest = UNDO_UNREADABLE;
	assert_int_equal(undo_list(opened->repo->io, opened->repo->fd, &entries, &count), AS_OK);
	for (size_t i = 0; i < count; i++) {
		by_state[entries[i].state]++;
		if (newest == UNDO_UNREADABLE)
			newest = entries[i].state;
	}
	free(entries);
	const bool is_said = strstr(opened->diagnosis.advice, "was cut short") != NULL;
	if (total[PROBLEM_REPAIR_INTERRUPTED] != by_state[UNDO_BEGUN] ||
	    total[PROBLEM_UNDO_INTERRUPTED] != by_state[UNDO_UNDOING] ||
	    total[PROBLEM_UNDO_UNREADABLE] != by_state[UNDO_UNREADABLE] ||
	    is_said != (newest == UNDO_BEGUN || newest == UNDO_UNDOING) ||
	    opened->diagnosis.undo_comes_first != (newest == UNDO_UNDOING))
		fail_msg("%s, change %u: not told: %s", what, at, opened->diagnosis.advice);
}

static void mend(const char *repo, const char *what, unsigned at)
{
	for (unsigned steps = 0;; steps++) {
		struct opened_repo opened;
		assert_true(opened_repo_open(&opened, repo));
		const enum repair action = opened.diagnosis.recommended;
		assert_told(&opened, what, at);
		if (opened.diagnosis.clean) {
			opened_repo_close(&opened);
			return;
		}
		if (action == REPAIR_NONE || steps == STEPS_MAX || !act(&opened, action))
			fail_msg("%s, change %u: step %u is %s, and leads nowhere: %s", what, at,
				 steps, action == REPAIR_NONE ? "none" : repair_name(action),
				 opened.diagnosis.verdict);
		opened_repo_close(&opened);
	}
}

/* Which of the damaged repository's objects the repository at @repo holds, and how many of them
 * with the right value; *@objects counts all that it holds. */
static unsigned count_right(const struct damaged_repo *damaged, const char *repo, bool *has,
			    uint64_t *objects)
{
	struct opened_repo opened;
	unsigned count = 0;
	assert_true(opened_repo_open(&opened, repo));
	*objects = opened.verify->objects;
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++) {
		const struct damaged_object *object = &damaged->objects[i];
		struct replay_event place;
		has[i] = verify_lookup(opened.verify, object->key, &place);
		if (has[i] && object->is_live)
			count += damaged_repo_reads_right(damaged, opened.repo, object, &place);
	}
	opened_repo_close(&opened);
	return count;
}

static void copy_repo(const struct damaged_repo *damaged, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/%s", damaged->folder, name);
	scratch_run("rm -rf '%s' && cp -r '%s' '%s'", out, damaged->repo, out);
}

static void note_bytes(const char *repo, const char *file)
{
	scratch_run("cd '%s' && find . -type f -exec cksum {} + | sort -k3 > '%s'", repo, file);
}

static size_t count_folders(const struct opened_repo *opened)
{
	struct undo_entry *entries;
	size_t count;
	assert_int_equal(undo_list(opened->repo->io, opened->repo->fd, &entries, &count), AS_OK);
	free(entries);
	return count;
}

/* ---- one repair, stopped everywhere ---- */

static unsigned emptied_seen;	/* segments that a repair had emptied and not yet moved aside */

struct story {
	const struct damaged_repo *damaged;
	enum repair action;
	const char *what;		/* is killed ... */
	unsigned at;			/* ... here */
	char path[BUILDER_PATH], before[BUILDER_PATH], after[BUILDER_PATH];
	uint32_t since;			/* transaction before the repair */
	/* after a repair that nobody killed */
	unsigned count;			/* of the damaged repository's objects */
	uint64_t objects;
	bool has[DAMAGED_OBJECTS];
};

/* Take back, one by one, all that was done, what came to no end too: every byte is as before. */
static void take_all_back(struct story *story)
{
	char command[2 * BUILDER_PATH + 16];
	for (unsigned steps = 0;; steps++) {
		struct opened_repo opened;
		assert_true(opened_repo_open(&opened, story->path));
		assert_told(&opened, story->what, story->at);
		const bool is_left = count_folders(&opened) > 0;
		if (is_left && (steps > STEPS_MAX + 1 || !act(&opened, REPAIR_NONE)))
			fail_msg("%s, change %u: step %u is not taken back", story->what, story->at,
				 steps);
		opened_repo_close(&opened);
		if (!is_left)
			break;
	}
	note_bytes(story->path, story->after);
	snprintf(command, sizeof(command), "diff '%s' '%s'", story->before, story->after);
	if (system(command) != 0)
		fail_msg("%s, change %u: not as before", story->what, story->at);
}

/* Take the steps that are recommended: it is as if nobody had killed anything. */
static void go_forward(struct story *story)
{
	bool has[DAMAGED_OBJECTS];
	struct opened_repo opened;
	unsigned emptied;
	uint64_t objects;
	assert_true(opened_repo_open(&opened, story->path));
	const char *wrong = opened_repo_check_hints(&opened, story->since, &emptied);
	if (wrong && strcmp(story->what, "undo") != 0)	/* which puts the segments back first */
		fail_msg("%s, change %u: %s", story->what, story->at, wrong);
	emptied_seen += emptied;
	opened_repo_close(&opened);
	mend(story->path, story->what, story->at);
	if (count_right(story->damaged, story->path, has, &objects) != story->count ||
	    objects != story->objects || memcmp(has, story->has, sizeof(has)) != 0)
		fail_msg("%s, change %u: not the same end", story->what, story->at);
}

static bool kill_repair(struct story *story, unsigned at)
{
	story->what = repair_name(story->action);
	story->at = at;
	copy_repo(story->damaged, "killed", story->path);
	return act_and_die(story->path, story->action, at);
}

static bool kill_undo(struct story *story, unsigned at)
{
	assert_false(kill_repair(story, 0));
	story->what = "undo";
	story->at = at;
	return act_and_die(story->path, REPAIR_NONE, at);
}

/* From change number @at of its kind on there is no room. */
static bool fill_disk(struct story *story, enum fault_change kind, unsigned at)
{
	struct opened_repo opened;
	story->what = repair_name(story->action);
	story->at = at;
	copy_repo(story->damaged, "killed", story->path);
	assert_true(opened_repo_open(&opened, story->path));
	opened.fault.fail_kind = kind;
	opened.fault.fail_at = at;
	opened.fault.fail_error = ENOSPC;
	opened.fault.fail_for_good = true;
	const bool has_failed = !act(&opened, story->action);
	opened_repo_close(&opened);
	return has_failed;
}

static bool fill_at_write(struct story *story, unsigned at)
{
	return fill_disk(story, FAULT_WRITE, at);
}

static bool fill_at_file(struct story *story, unsigned at)
{
	return fill_disk(story, FAULT_CREATE, at);
}

static bool fill_at_folder(struct story *story, unsigned at)
{
	return fill_disk(story, FAULT_FOLDER, at);
}

static void stop_everywhere(struct damaged_repo *damaged, enum repair action)
{
	static const struct {
		bool (*stop)(struct story *story, unsigned at);	/* false: it came to its end */
		unsigned least;		/* places to stop at */
	} ends[] = {
		{ kill_repair, 5 }, { kill_undo, 5 },
		{ fill_at_write, 1 }, { fill_at_file, 1 }, { fill_at_folder, 1 },
	};
	struct story story = { .damaged = damaged, .action = action };
	snprintf(story.before, sizeof(story.before), "%.400s/before", damaged->folder);
	snprintf(story.after, sizeof(story.after), "%.400s/after", damaged->folder);
	note_bytes(damaged->repo, story.before);
	struct opened_repo opened;
	assert_true(opened_repo_open(&opened, damaged->repo));
	story.since = opened.repo->transaction;
	opened_repo_close(&opened);
	assert_false(kill_repair(&story, 0));
	mend(story.path, story.what, 0);
	story.count = count_right(damaged, story.path, story.has, &story.objects);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		unsigned at = 1;
		for (; ends[i].stop(&story, at); at++) {
			go_forward(&story);
			take_all_back(&story);
		}
		assert_true(at > ends[i].least);
	}
}

static void salvage_of_a_damaged_log(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_flip(damaged->files[2].path, 700, 4);
	builder_zero(damaged->files[5].path, 512, 512);
	stop_everywhere(damaged, REPAIR_SALVAGE);
}

static void salvage_without_an_index(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_truncate(damaged->files[3].path, 1000);
	unlink(damaged->files[damaged->segments].path);
	stop_everywhere(damaged, REPAIR_SALVAGE);
}

static void recover_of_a_lost_index(void **state)
{
	struct damaged_repo *damaged = *state;
	unlink(damaged->files[damaged->segments].path);
	stop_everywhere(damaged, REPAIR_RECOVER);
}

/* Two segments of a transaction that was never committed, with an object each that nothing else
 * holds. */
static void leave_tail(const struct damaged_repo *damaged)
{
	const int64_t end = damaged->files[damaged->segments - 1].segment;
	uint8_t bytes[8 + 41 + 100] = "ATTICSEG", key[BUILDER_KEY];
	const uint8_t value[100] = { 1 };
	char path[BUILDER_PATH];
	for (unsigned i = 1; i <= 2; i++) {
		const unsigned number = (unsigned)end + i;
		builder_key(5000 + i, key);
		builder_encode(BUILDER_PUT, key, value, sizeof(value), bytes + 8);
		scratch_run("mkdir -p '%s/data/%u'", damaged->repo, number / 5);
		snprintf(path, sizeof(path), "%.400s/data/%u/%u", damaged->repo, number / 5,
			 number);
		builder_write_file(path, bytes, sizeof(bytes));
	}
}

static void rollback_of_a_tail(void **state)
{
	leave_tail(*state);
	stop_everywhere(*state, REPAIR_ROLLBACK);
}

/* Below the new COMMIT the tail would count as committed. */
static void salvage_of_damage_and_a_tail(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_flip(damaged->files[2].path, 700, 4);
	leave_tail(damaged);
	stop_everywhere(damaged, REPAIR_SALVAGE);
}

static void compaction(void **state)
{
	emptied_seen = 0;
	stop_everywhere(*state, REPAIR_COMPACT);
	assert_true(emptied_seen > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(salvage_of_a_damaged_log),
		TEST(salvage_without_an_index),
		TEST(recover_of_a_lost_index),
		TEST(rollback_of_a_tail),
		TEST(salvage_of_damage_and_a_tail),
		TEST(compaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
