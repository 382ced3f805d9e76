#include "build-config.h"

#include "engine/lock.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The other side is a Python process that locks as Attic does: fcntl.lockf over all of config. */
static const char LOCKER[] =
	"import fcntl, os, sys\n"
	"kind = fcntl.LOCK_EX if sys.argv[1] == 'exclusive' else fcntl.LOCK_SH\n"
	"fd = open('config', 'a' if kind == fcntl.LOCK_EX else 'r')\n"
	"try:\n"
	"    fcntl.lockf(fd, kind | fcntl.LOCK_NB)\n"
	"    print('held', os.getpid(), flush=True)\n"
	"    sys.stdin.read()\n"
	"except OSError:\n"
	"    print('refused', os.getpid(), flush=True)\n";

struct python {
	pid_t child;		/* perhaps a wrapper of the interpreter */
	int to, from;		/* pipes: closing @to ends it */
	pid_t pid;		/* of the interpreter, which holds the lock */
	bool held;
};

static const char *python3(void)
{
	const char *path = getenv("PYTHON3");
	return path && *path ? path : "python3";
}

static void become_python(const struct scratch *scratch, const char *kind, int in, int out)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (fchdir(scratch->fd) == 0)
		execlp(python3(), "python3", "-c", LOCKER, kind, (char *)NULL);
	_exit(127);
}

/* Start a process that tries to lock config and wait for what came of it. Skips the test where
 * there is no Python. */
static void python_start(const struct scratch *scratch, const char *kind, struct python *python)
{
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	python->child = fork();
	assert_true(python->child >= 0);
	if (python->child == 0)
		become_python(scratch, kind, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	python->to = in[1];
	python->from = out[0];

	char answer[64] = "", word[16] = "";
	size_t len = 0;
	ssize_t got;
	while (len < sizeof(answer) - 1 && !strchr(answer, '\n') &&
	       (got = read(python->from, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)got;
	if (len == 0) {
		int status;
		waitpid(python->child, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
			print_message("no python3 here: skipped\n");
			skip();
		}
		fail_msg("python3 ended with status %d", status);
	}
	assert_int_equal(sscanf(answer, "%15s %d", word, &python->pid), 2);
	python->held = strcmp(word, "held") == 0;
}

static void python_stop(struct python *python)
{
	close(python->to);
	close(python->from);
	assert_int_equal(waitpid(python->child, NULL, 0), python->child);
}

/* Can a Python process lock config now? */
static bool python_gets(const struct scratch *scratch, const char *kind)
{
	struct python python;
	python_start(scratch, kind, &python);
	python_stop(&python);
	return python.held;
}

static int setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	scratch_file(*state, "config", "[repository]\n", 13);
	return 0;
}

static void take(const struct scratch *scratch, struct lock *lock)
{
	lock_take_shared(&io_system, scratch->fd, false, lock);
}

static void a_free_repository_is_locked_and_released(void **state)
{
	struct lock lock;
	take(*state, &lock);
	assert_int_equal(lock.state, LOCK_SHARED);
	assert_true(lock.fd >= 0);
	assert_false(python_gets(*state, "exclusive"));
	lock_release(&io_system, &lock);
	assert_int_equal(lock.state, LOCK_NONE);
	assert_int_equal(lock.fd, -1);
	assert_true(python_gets(*state, "exclusive"));
}

static void shared_locks_get_on_with_each_other(void **state)
{
	struct lock a, b;
	take(*state, &a);
	take(*state, &b);
	assert_int_equal(a.state, LOCK_SHARED);
	assert_int_equal(b.state, LOCK_SHARED);
	assert_true(python_gets(*state, "shared"));
	lock_release(&io_system, &a);
	assert_false(python_gets(*state, "exclusive"));
	lock_release(&io_system, &b);
}

/* A classic lock is lost when the process closes any descriptor of the file, as reading config
 * does. */
static void closing_other_descriptors_of_config_keeps_the_lock(void **state)
{
	const struct scratch *scratch = *state;
	struct lock lock;
	take(scratch, &lock);
	for (int i = 0; i < 2; i++) {
		const int fd = openat(scratch->fd, "config", O_RDONLY | O_CLOEXEC);
		char byte;
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
		assert_false(python_gets(scratch, "exclusive"));
	}
	lock_release(&io_system, &lock);
	assert_true(python_gets(scratch, "exclusive"));
}

static void an_exclusive_lock_refuses_ours_and_its_holder_is_named(void **state)
{
	struct python python;
	struct lock lock;
	python_start(*state, "exclusive", &python);
	assert_true(python.held);
	take(*state, &lock);
	assert_int_equal(lock.state, LOCK_REFUSED);
	assert_int_equal(lock.fd, -1);
	assert_true(lock.holder.known);
	assert_true(lock.holder.exclusive);
	assert_int_equal(lock.holder.pid, python.pid);
	assert_non_null(strstr(lock.holder.program, "python"));
	python_stop(&python);
	take(*state, &lock);
	assert_int_equal(lock.state, LOCK_SHARED);
	lock_release(&io_system, &lock);
}

static void the_other_holder_of_a_shared_lock_is_listed_and_not_ourselves(void **state)
{
	struct python python;
	struct lock lock;
	struct lock_holder rows[4];
	take(*state, &lock);
	assert_int_equal(lock_holders(&lock, rows, 4), 0);
	python_start(*state, "shared", &python);
	assert_true(python.held);
	assert_int_equal(lock_holders(&lock, rows, 4), 1);
	assert_true(rows[0].known);
	assert_false(rows[0].exclusive);
	assert_int_equal(rows[0].pid, python.pid);
	assert_int_equal(lock_holders(&lock, NULL, 0), 1);
	python_stop(&python);
	assert_int_equal(lock_holders(&lock, rows, 4), 0);
	lock_release(&io_system, &lock);
}

/* A second process of this program: its lock bears no process id, so /proc is searched for it. */
static void the_holder_of_an_open_file_description_lock_is_found(void **state)
{
	int ready[2], done[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	const pid_t child = fork();
	if (child == 0) {
		struct lock theirs;
		char byte = 'x';
		take(*state, &theirs);
		close(done[1]);
		if (theirs.state == LOCK_SHARED && write(ready[1], &byte, 1) == 1 &&
		    read(done[0], &byte, 1) == 0)
			_exit(0);
		_exit(1);
	}
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	struct lock lock;
	struct lock_holder rows[4];
	take(*state, &lock);
	assert_int_equal(lock_holders(&lock, rows, 4), 1);
	assert_true(rows[0].known);
	assert_int_equal(rows[0].pid, child);
	assert_false(rows[0].exclusive);
	close(done[1]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	lock_release(&io_system, &lock);
	close(ready[0]);
	close(done[0]);
}

static void without_config_there_is_no_lock_and_no_failure(void **state)
{
	const struct scratch *scratch = *state;
	assert_int_equal(unlinkat(scratch->fd, "config", 0), 0);
	struct lock lock;
	take(scratch, &lock);
	assert_int_equal(lock.state, LOCK_IMPOSSIBLE);
	assert_int_equal(lock.sys, ENOENT);
	assert_int_equal(lock.fd, -1);
	assert_int_equal(lock_holders(&lock, NULL, 0), 0);
	lock_release(&io_system, &lock);
}

static void a_fifo_for_config_does_not_block(void **state)
{
	const struct scratch *scratch = *state;
	assert_int_equal(unlinkat(scratch->fd, "config", 0), 0);
	scratch_fifo(scratch, "config");
	struct lock lock;
	take(scratch, &lock);
	assert_int_equal(lock.state, LOCK_IMPOSSIBLE);
	lock_release(&io_system, &lock);
}

static void the_lock_changes_nothing_about_the_file(void **state)
{
	const struct scratch *scratch = *state;
	struct stat before, after;
	assert_int_equal(fstatat(scratch->fd, "config", &before, 0), 0);
	struct lock lock;
	take(scratch, &lock);
	assert_int_equal(fcntl(lock.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	lock_release(&io_system, &lock);
	assert_int_equal(fstatat(scratch->fd, "config", &after, 0), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_memory_equal(&after.st_mtim, &before.st_mtim, sizeof(before.st_mtim));
	assert_memory_equal(&after.st_ctim, &before.st_ctim, sizeof(before.st_ctim));
	assert_memory_equal(&after.st_atim, &before.st_atim, sizeof(before.st_atim));
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_config(a_free_repository_is_locked_and_released),
		with_config(shared_locks_get_on_with_each_other),
		with_config(closing_other_descriptors_of_config_keeps_the_lock),
		with_config(an_exclusive_lock_refuses_ours_and_its_holder_is_named),
		with_config(the_other_holder_of_a_shared_lock_is_listed_and_not_ourselves),
		with_config(the_holder_of_an_open_file_description_lock_is_found),
		with_config(without_config_there_is_no_lock_and_no_failure),
		with_config(a_fifo_for_config_does_not_block),
		with_config(the_lock_changes_nothing_about_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
