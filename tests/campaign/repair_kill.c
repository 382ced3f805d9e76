/* A repair or its undo is killed (SIGKILL) at each of its changes in turn, and a repair finds the
 * disk full at each change that needs room. Then check names what was cut short, the recommended
 * steps lead to the same objects, nothing is lost, and everything can be undone. All of it on a
 * repository of Attic and on one of Borg. */
#include "build-config.h"

#include "tests/support/damaged_repo.h"
#include "tests/support/follow_advice.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

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

#define UNDO REPAIR_COUNT	/* beside the repairs: take the last one back */

/* Run @action. What is wrong, or NULL. */
static const char *run(const char *repo, const struct io *io, enum repair action,
		       char text[ADVICE_TEXT])
{
	return action == UNDO ? advice_undo(repo, io, text)
			      : advice_repair(repo, io, action, text);
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

/* Run @action in a child that is killed before change number @at. False: it ended. */
static bool run_and_die(const char *repo, enum repair action, unsigned at)
{
	int status;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct killing killing = { .at = at };
		struct fault fault;
		char text[ADVICE_TEXT];
		fault_init(&fault);
		fault.watch = kill_at;
		fault.watch_context = &killing;
		const char *wrong = run(repo, &fault.io, action, text);
		if (wrong)
			fprintf(stderr, "change %u: %s\n", at, wrong);
		_exit(wrong ? 8 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	assert_int_equal(status, 0);
	return false;
}

/* Find which objects of the damaged repository @repo holds (@has), and count those with the right
 * value; *@objects counts all that it holds. */
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
	if (access(out, F_OK) == 0)
		builder_remove_folder(out);
	builder_copy_folder(damaged->repo, out);
}

/* ---- one repair, stopped everywhere ---- */

static unsigned emptied_seen;	/* segments that a repair had emptied but not yet moved aside */

struct story {
	const struct damaged_repo *damaged;
	enum repair action;
	const char *what;		/* is stopped ... */
	unsigned at;			/* ... here */
	char path[BUILDER_PATH];
	uint64_t digest;		/* before the repair */
	uint32_t since;			/* transaction before the repair */
	/* after a repair that nothing stopped */
	unsigned count;			/* of the damaged repository's objects */
	uint64_t objects;
	bool has[DAMAGED_OBJECTS];
};

static _Noreturn void give_up(const struct story *story, const char *wrong)
{
	fail_msg("%s, change %u: %s", story->what, story->at, wrong);
	abort();
}

/* Take the recommended steps. */
static void repair(const struct story *story)
{
	char text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	const char *wrong = advice_follow(story->path, &fault.io, &steps, text);
	if (wrong)
		give_up(story, wrong);
}

/* They lead where they would have led if nothing had been stopped. */
static void go_forward(struct story *story)
{
	bool has[DAMAGED_OBJECTS];
	struct opened_repo opened;
	unsigned emptied;
	uint64_t objects;
	assert_true(opened_repo_open(&opened, story->path));
	const char *wrong = opened_repo_check_hints(&opened, story->since, &emptied);
	if (wrong && strcmp(story->what, "undo") != 0)	/* which puts the segments back first */
		give_up(story, wrong);
	emptied_seen += emptied;
	opened_repo_close(&opened);
	repair(story);
	if (count_right(story->damaged, story->path, has, &objects) != story->count ||
	    objects != story->objects || memcmp(has, story->has, sizeof(has)) != 0)
		give_up(story, "the recommended steps lead to other objects");
}

/* Undo everything, what was cut short too: every byte is as before. */
static void go_back(const struct story *story)
{
	char text[ADVICE_TEXT];
	struct fault fault;
	fault_init(&fault);
	const char *wrong = advice_undo_all(story->path, &fault.io, text);
	if (!wrong && advice_digest(story->path, false) != story->digest)
		wrong = "undo does not bring back every byte";
	if (wrong)
		give_up(story, wrong);
}

static void begin(struct story *story, const char *what, unsigned at)
{
	story->what = what;
	story->at = at;
	copy_repo(story->damaged, "killed", story->path);
}

static bool kill_repair(struct story *story, unsigned at)
{
	begin(story, repair_name(story->action), at);
	return run_and_die(story->path, story->action, at);
}

static bool kill_undo(struct story *story, unsigned at)
{
	assert_false(kill_repair(story, 0));
	story->what = "undo";
	story->at = at;
	return run_and_die(story->path, UNDO, at);
}

/* There is no room from change number @at of its kind on. */
static bool fill_disk(struct story *story, enum fault_change kind, unsigned at)
{
	char text[ADVICE_TEXT];
	struct fault fault;
	begin(story, repair_name(story->action), at);
	fault_init(&fault);
	fault.fail_kind = kind;
	fault.fail_at = at;
	fault.fail_error = ENOSPC;
	fault.fail_for_good = true;
	return run(story->path, &fault.io, story->action, text) != NULL;
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
		bool (*stop)(struct story *story, unsigned at);	/* false: it ended */
		unsigned least;		/* places to stop at */
	} ends[] = {
		{ kill_repair, 5 }, { kill_undo, 5 },
		{ fill_at_write, 1 }, { fill_at_file, 1 }, { fill_at_folder, 1 },
	};
	struct story story = {
		.damaged = damaged, .action = action, .digest = advice_digest(damaged->repo, false),
	};
	struct opened_repo opened;
	assert_true(opened_repo_open(&opened, damaged->repo));
	story.since = opened.repo->transaction;
	opened_repo_close(&opened);
	assert_false(kill_repair(&story, 0));
	repair(&story);
	story.count = count_right(damaged, story.path, story.has, &story.objects);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		unsigned at = 1;
		for (; ends[i].stop(&story, at); at++) {
			go_forward(&story);
			go_back(&story);
		}
		assert_true(at > ends[i].least);
	}
}

static void salvage_of_a_damaged_log(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_flip(damaged_repo_data(damaged, 2)->path, 700, 4);
	builder_zero(damaged_repo_data(damaged, 5)->path, 512, 512);
	stop_everywhere(damaged, REPAIR_SALVAGE);
}

static void salvage_without_an_index(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_truncate(damaged_repo_data(damaged, 3)->path, 1000);
	unlink(damaged->files[damaged->segments].path);
	stop_everywhere(damaged, REPAIR_SALVAGE);
}

static void recover_of_a_lost_index(void **state)
{
	struct damaged_repo *damaged = *state;
	unlink(damaged->files[damaged->segments].path);
	stop_everywhere(damaged, REPAIR_RECOVER);
}

/* Two segments of a transaction that was never committed, each with an object that nothing else
 * holds. */
static void leave_tail(const struct damaged_repo *damaged)
{
	const int64_t end = damaged->files[damaged->segments - 1].segment;
	uint8_t bytes[8 + 41 + 100], key[BUILDER_KEY];
	const uint8_t value[100] = { 1 };
	char path[BUILDER_PATH];
	memcpy(bytes, damaged->is_borg ? "BORG_SEG" : "ATTICSEG", 8);
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

/* A new COMMIT above the tail would commit it. */
static void salvage_of_damage_and_a_tail(void **state)
{
	struct damaged_repo *damaged = *state;
	builder_flip(damaged_repo_data(damaged, 2)->path, 700, 4);
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
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown), \
	{ "Borg: " #name, name, damaged_repo_setup_borg, damaged_repo_teardown, NULL }
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
