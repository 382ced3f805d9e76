#include "build-config.h"

#include "engine/repo/lock.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- a system that refuses ---- */

/* The linker sends the calls here. Calls of fcntl with @command, from number @from on and @count of
 * them, answer @error. No file whose name begins with @hidden can be opened, nor the folder
 * @hidden_folder. */
static struct {
	int command;
	unsigned from, count;
	int error;
	const char *hidden, *hidden_folder;
	int flock_error;
	unsigned seen;		/* calls of fcntl with @command */
} refusal;

static void refuse_nothing(void)
{
	memset(&refusal, 0, sizeof(refusal));
}

/* The engine gives fcntl a lock alone. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	va_start(args, command);
	struct flock *lock = va_arg(args, struct flock *);
	va_end(args);
	if (refusal.error && command == refusal.command && ++refusal.seen >= refusal.from &&
	    refusal.seen - refusal.from < refusal.count) {
		errno = refusal.error;
		return -1;
	}
	return __real_fcntl(fd, command, lock);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
	if (!refusal.flock_error)
		return __real_flock(fd, operation);
	errno = refusal.flock_error;
	return -1;
}

static bool is_hidden(const char *path)
{
	return refusal.hidden && strncmp(path, refusal.hidden, strlen(refusal.hidden)) == 0;
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	errno = EACCES;
	return is_hidden(path) ? NULL : __real_fopen(path, mode);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	errno = EACCES;
	if (is_hidden(path) || (refusal.hidden_folder && strcmp(path, refusal.hidden_folder) == 0))
		return NULL;
	return __real_opendir(path);
}

/* ---- another process ---- */

/* The other side is a Python process that locks as Attic does: fcntl.lockf over all of config. */
static const char LOCKER[] =
	"import fcntl, os, sys\n"
	"kind = fcntl.LOCK_SH if sys.argv[1] == 'shared' else fcntl.LOCK_EX\n"
	"fd = open('config', 'a' if kind == fcntl.LOCK_EX else 'r')\n"
	"if sys.argv[1] == 'wait':\n"
	"    print('waits', os.getpid(), flush=True)\n"
	"    fcntl.lockf(fd, kind)\n"
	"    sys.exit()\n"
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

/* ---- locks ---- */

static int setup(void **state)
{
	refuse_nothing();
	if (scratch_setup(state) != 0)
		return -1;
	scratch_file(*state, "config", "[repository]\n", 13);
	return 0;
}

static enum lock_state state_of(const struct lock *lock)
{
	return lock_state(lock, NULL);
}

static struct lock *take(const struct scratch *scratch)
{
	struct lock *lock;
	assert_int_equal(lock_open(&io_system, scratch->fd, "repo", LOCK_TO_READ, &lock, NULL),
			 AS_OK);
	return lock;
}

static struct lock *look_on(const struct scratch *scratch)
{
	struct lock *lock;
	assert_int_equal(lock_open(&io_system, scratch->fd, "repo", LOCK_TO_LOOK, &lock, NULL),
			 AS_OK);
	assert_int_equal(state_of(lock), LOCK_NONE);
	return lock;
}

/* Another process holds the exclusive lock: @who is in the message, and no descriptor is left. */
static void expect_held(const struct scratch *scratch, const char *who)
{
	struct fault fault;
	struct lock *lock;
	struct as_error error;
	fault_init(&fault);
	assert_int_equal(lock_open(&fault.io, scratch->fd, "repo", LOCK_TO_READ, &lock, &error),
			 AS_ERR_LOCK_FAILED);
	assert_null(lock);
	assert_int_equal(fault.opens, fault.closes);
	assert_non_null(strstr(error.message, who));
	assert_non_null(strstr(error.message, "holds the exclusive lock"));
}

static void expect_writer(struct lock *lock, pid_t pid)
{
	struct lock_holder writer;
	assert_true(lock_find_writer(lock, &writer));
	assert_true(writer.known);
	assert_int_equal(writer.pid, pid);
}

static void expect_no_writer(struct lock *lock)
{
	struct lock_holder writer;
	assert_false(lock_find_writer(lock, &writer));
	assert_false(writer.known);
}

static void a_free_repository_is_locked_and_released(void **state)
{
	struct lock *lock = take(*state);
	assert_int_equal(state_of(lock), LOCK_SHARED);
	assert_false(python_gets(*state, "exclusive"));
	lock_release(lock);
	assert_true(python_gets(*state, "exclusive"));
}

static void shared_locks_get_on_with_each_other(void **state)
{
	struct lock *a = take(*state), *b = take(*state);
	assert_int_equal(state_of(a), LOCK_SHARED);
	assert_int_equal(state_of(b), LOCK_SHARED);
	assert_true(python_gets(*state, "shared"));
	lock_release(a);
	assert_false(python_gets(*state, "exclusive"));
	lock_release(b);
}

/* A classic lock is lost when the process closes any descriptor of the file, as reading config
 * does. */
static void closing_other_descriptors_of_config_keeps_the_lock(void **state)
{
	const struct scratch *scratch = *state;
	struct lock *lock = take(scratch);
	for (int i = 0; i < 2; i++) {
		const int fd = openat(scratch->fd, "config", O_RDONLY | O_CLOEXEC);
		char byte;
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
		assert_false(python_gets(scratch, "exclusive"));
	}
	lock_release(lock);
	assert_true(python_gets(scratch, "exclusive"));
}

static void an_exclusive_lock_refuses_ours_and_its_holder_is_named(void **state)
{
	struct python python;
	char who[64];
	python_start(*state, "exclusive", &python);
	assert_true(python.held);
	snprintf(who, sizeof(who), "repo: process %d (python", python.pid);
	expect_held(*state, who);
	python_stop(&python);
	struct lock *lock = take(*state);
	assert_int_equal(state_of(lock), LOCK_SHARED);
	lock_release(lock);
}

static void the_other_holder_of_a_shared_lock_is_listed_and_not_ourselves(void **state)
{
	struct python python;
	struct lock *lock = take(*state);
	struct lock_holder rows[4];
	assert_int_equal(lock_holders(lock, rows, 4), 0);
	python_start(*state, "shared", &python);
	assert_true(python.held);
	assert_int_equal(lock_holders(lock, rows, 4), 1);
	assert_true(rows[0].known);
	assert_false(rows[0].exclusive);
	assert_int_equal(rows[0].pid, python.pid);
	assert_int_equal(lock_holders(lock, NULL, 0), 1);
	python_stop(&python);
	assert_int_equal(lock_holders(lock, rows, 4), 0);
	lock_release(lock);
}

/* A second process of this program: its lock bears no process id, so /proc is searched for it. */
struct other {
	pid_t pid;
	int ready[2], done[2];
};

static bool hold(const struct scratch *scratch, bool exclusive)
{
	const struct lock_wait no_wait = { .ms = 0 };
	struct lock *lock;
	return lock_open(&io_system, scratch->fd, "repo", LOCK_TO_WRITE, &lock, NULL) == AS_OK &&
	       (!exclusive || lock_upgrade(lock, &no_wait, NULL) == AS_OK);
}

static void other_start(const struct scratch *scratch, bool exclusive, struct other *other)
{
	char byte = 'x';
	assert_int_equal(pipe2(other->ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(other->done, O_CLOEXEC), 0);
	other->pid = fork();
	if (other->pid == 0) {
		close(other->done[1]);
		if (hold(scratch, exclusive) && write(other->ready[1], &byte, 1) == 1 &&
		    read(other->done[0], &byte, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(other->ready[1]);
	assert_int_equal(read(other->ready[0], &byte, 1), 1);
}

static void other_stop(struct other *other)
{
	int status;
	close(other->done[1]);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
	assert_int_equal(status, 0);
	close(other->ready[0]);
	close(other->done[0]);
}

static void the_holder_of_an_open_file_description_lock_is_found(void **state)
{
	struct other other;
	struct lock_holder rows[4];
	other_start(*state, false, &other);
	struct lock *lock = take(*state);
	assert_int_equal(lock_holders(lock, rows, 4), 1);
	assert_true(rows[0].known);
	assert_int_equal(rows[0].pid, other.pid);
	assert_false(rows[0].exclusive);
	other_stop(&other);
	lock_release(lock);
}

static void the_writer_of_this_program_that_refuses_us_is_named(void **state)
{
	struct other other;
	struct lock_holder rows[4];
	char who[64];
	other_start(*state, true, &other);
	snprintf(who, sizeof(who), "repo: process %d (", other.pid);
	expect_held(*state, who);
	struct lock *lock = look_on(*state);
	expect_writer(lock, other.pid);
	assert_int_equal(lock_holders(lock, rows, 4), 1);
	assert_true(rows[0].exclusive);
	lock_release(lock);
	other_stop(&other);
}

static void holders_of_both_kinds_are_told_apart_from_ourselves(void **state)
{
	const struct scratch *scratch = *state;
	struct python python;
	struct other other;
	struct lock_holder rows[4];
	struct flock own = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	const int fd = openat(scratch->fd, "config", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &own), 0);
	struct lock *lock = take(scratch);
	python_start(scratch, "shared", &python);
	other_start(scratch, false, &other);
	assert_int_equal(lock_holders(lock, rows, 4), 2);
	const bool is_first = rows[0].pid == python.pid;
	assert_int_equal(rows[!is_first].pid, python.pid);
	assert_int_equal(rows[is_first].pid, other.pid);
	assert_int_equal(lock_holders(lock, rows, 1), 2);
	other_stop(&other);
	python_stop(&python);
	lock_release(lock);
	close(fd);
}

/* Is a lock on the file @inode waited for? */
static bool is_waited_for(ino_t inode)
{
	char line[256], wanted[32];
	bool found = false;
	FILE *file = fopen("/proc/locks", "re");
	assert_non_null(file);
	snprintf(wanted, sizeof(wanted), ":%llu ", (unsigned long long)inode);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "->") && strstr(line, wanted);
	fclose(file);
	return found;
}

static void who_only_waits_is_no_holder(void **state)
{
	const struct scratch *scratch = *state;
	const struct timespec step = { .tv_nsec = 5000000 };
	struct python python;
	struct lock *lock = take(scratch);
	struct stat st;
	python_start(scratch, "wait", &python);
	assert_false(python.held);
	assert_int_equal(fstatat(scratch->fd, "config", &st, 0), 0);
	for (unsigned i = 0; i < 2000 && !is_waited_for(st.st_ino); i++)
		nanosleep(&step, NULL);
	assert_true(is_waited_for(st.st_ino));
	assert_int_equal(lock_holders(lock, NULL, 0), 0);
	lock_release(lock);
	python_stop(&python);
}

static void looking_on_tells_of_nobody_where_nobody_is(void **state)
{
	const struct scratch *scratch = *state;
	struct python python;
	struct lock *lock = look_on(scratch);
	expect_no_writer(lock);
	lock_release(lock);
	python_start(scratch, "exclusive", &python);
	refusal.command = F_OFD_GETLK;
	refusal.from = refusal.count = 1;
	refusal.count = 2;
	refusal.error = EINVAL;
	lock = look_on(scratch);
	expect_no_writer(lock);
	expect_writer(lock, python.pid);
	lock_release(lock);
	python_stop(&python);
}

/* Where /proc is not there, or not to be looked into, there is a holder all the same. */
static void a_holder_that_cannot_be_looked_up_stays_unknown(void **state)
{
	static const char *const hidden[] = { "/proc", "/proc/", NULL };
	struct other other;
	struct lock_holder rows[4], writer;
	other_start(*state, true, &other);
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		refusal.hidden = hidden[i];
		refusal.hidden_folder = "/proc";
		expect_held(*state, "perhaps on another machine");
		struct lock *lock = look_on(*state);
		assert_true(lock_find_writer(lock, &writer));
		assert_false(writer.known);
		assert_int_equal(lock_holders(lock, rows, 4), 1);
		assert_false(rows[0].known);
		assert_true(rows[0].exclusive);
		lock_release(lock);
	}
	other_stop(&other);
}

/* /proc/locks may list the file under another device than stat tells, or not at all. */
static void a_holder_that_proc_does_not_list_is_asked_for(void **state)
{
	struct python python;
	struct lock_holder rows[4];
	python_start(*state, "exclusive", &python);
	struct lock *lock = look_on(*state);
	refusal.hidden = "/proc/locks";
	assert_int_equal(lock_holders(lock, rows, 4), 1);
	assert_true(rows[0].known);
	assert_int_equal(rows[0].pid, python.pid);
	assert_true(rows[0].exclusive);
	refusal.hidden = "/proc/";
	assert_int_equal(lock_holders(lock, rows, 4), 1);
	assert_false(rows[0].known);
	refusal.command = F_OFD_GETLK;
	refusal.from = refusal.count = 1;
	refusal.error = EINVAL;
	assert_int_equal(lock_holders(lock, rows, 4), 0);
	lock_release(lock);
	python_stop(&python);
}

/* ---- in the moment of locking ---- */

static void refuse_locking(unsigned from, unsigned count, int error)
{
	refuse_nothing();
	refusal.command = F_OFD_SETLK;
	refusal.from = from;
	refusal.count = count;
	refusal.error = error;
}

static void a_lock_that_a_signal_interrupts_is_tried_again(void **state)
{
	refuse_locking(1, 2, EINTR);
	struct lock *lock = take(*state);
	assert_int_equal(refusal.seen, 3);
	assert_int_equal(state_of(lock), LOCK_SHARED);
	lock_release(lock);
}

static void a_file_system_without_locks_is_told_of(void **state)
{
	int sys;
	refuse_locking(1, 1, ENOLCK);
	struct lock *lock = take(*state);
	assert_int_equal(lock_state(lock, &sys), LOCK_IMPOSSIBLE);
	assert_int_equal(sys, ENOLCK);
	lock_release(lock);
}

/* Between the refusal and the question who it was. */
static void a_holder_that_lets_go_is_no_hindrance(void **state)
{
	static const int errors[] = { EAGAIN, EACCES };
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		refuse_locking(1, 1, errors[i]);
		struct lock *lock = take(*state);
		assert_int_equal(refusal.seen, 2);
		assert_int_equal(state_of(lock), LOCK_SHARED);
		lock_release(lock);
	}
	refuse_locking(1, 3, EAGAIN);	/* one after the other */
	expect_held(*state, "perhaps on another machine");
}

/* The question itself is refused. */
static void a_holder_that_cannot_be_asked_for_refuses_all_the_same(void **state)
{
	struct python python;
	python_start(*state, "exclusive", &python);
	refuse_locking(1, 1, EINVAL);
	refusal.command = F_OFD_GETLK;
	expect_held(*state, "perhaps on another machine");
	python_stop(&python);
}

/* ---- the lock to write ---- */

struct upgrade {
	const struct scratch *scratch;
	struct fault fault;
	struct lock *lock;
	struct lock_wait wait;
	struct as_error error;
};

static void upgrade_begin(struct upgrade *upgrade, const struct scratch *scratch, bool may_write)
{
	*upgrade = (struct upgrade){ .scratch = scratch };
	fault_init(&upgrade->fault);
	assert_int_equal(lock_open(&upgrade->fault.io, scratch->fd, "repo",
				   may_write ? LOCK_TO_WRITE : LOCK_TO_READ, &upgrade->lock, NULL),
			 AS_OK);
	assert_int_equal(state_of(upgrade->lock), LOCK_SHARED);
}

static enum as_err upgrade_try(struct upgrade *upgrade)
{
	return lock_upgrade(upgrade->lock, &upgrade->wait, &upgrade->error);
}

/* A shared lock is what there was, and what there is after a refusal. */
static void expect_refused(struct upgrade *upgrade, enum as_err err, int sys, const char *text)
{
	assert_int_equal(upgrade_try(upgrade), err);
	assert_null(lock_permit(upgrade->lock));
	assert_int_equal(upgrade->error.sys, sys);
	if (!strstr(upgrade->error.message, text))
		fail_msg("%s", upgrade->error.message);
	assert_int_equal(state_of(upgrade->lock), LOCK_SHARED);
	refuse_nothing();
	assert_true(python_gets(upgrade->scratch, "shared"));
	assert_false(python_gets(upgrade->scratch, "exclusive"));
}

/* It can be had now, and be given back. */
static void upgrade_end(struct upgrade *upgrade)
{
	upgrade->fault.open_error = 0;
	assert_int_equal(upgrade_try(upgrade), AS_OK);
	assert_int_equal(state_of(upgrade->lock), LOCK_EXCLUSIVE);
	assert_non_null(lock_permit(upgrade->lock));
	assert_false(python_gets(upgrade->scratch, "shared"));
	lock_lower(upgrade->lock);
	assert_null(lock_permit(upgrade->lock));
	assert_int_equal(state_of(upgrade->lock), LOCK_SHARED);
	assert_true(python_gets(upgrade->scratch, "shared"));
	lock_lower(upgrade->lock);	/* nothing is left to lower */
	assert_false(python_gets(upgrade->scratch, "exclusive"));
	lock_release(upgrade->lock);
	assert_int_equal(upgrade->fault.opens, upgrade->fault.closes);
}

static void a_config_that_cannot_be_opened_again_refuses_an_upgrade(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, false);
	upgrade.fault.open_error = EIO;
	expect_refused(&upgrade, AS_ERR_IO, EIO, "repo/config: cannot open");
	upgrade.fault.open_error = 0;
	upgrade_end(&upgrade);
}

/* The call number @at of @kind fails. */
static void refuse_call(struct upgrade *upgrade, enum fault_change kind, unsigned at, int error)
{
	upgrade->fault.scope = FAULT_CALLS;
	upgrade->fault.fail_kind = kind;
	upgrade->fault.changes = 0;
	upgrade->fault.fail_at = at;
	upgrade->fault.fail_error = error;
}

static void a_config_that_may_not_be_written_to_refuses_an_upgrade(void **state)
{
	static const struct { int sys; enum as_err err; } refusals[] = {
		{ EACCES, AS_ERR_DENIED }, { EROFS, AS_ERR_READ_ONLY },
	};
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, false);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refuse_call(&upgrade, FAULT_OPEN, 2, refusals[i].sys);	/* to be read it can */
		expect_refused(&upgrade, refusals[i].err, refusals[i].sys,
			       "repo/config: cannot open it for writing");
	}
	upgrade.fault.fail_at = 0;
	upgrade_end(&upgrade);
}

static void a_config_whose_mode_is_not_told_refuses_an_upgrade(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	refuse_call(&upgrade, FAULT_ASK, 1, EIO);
	expect_refused(&upgrade, AS_ERR_IO, EIO, "repo/config");
	upgrade.fault.fail_at = 0;
	upgrade_end(&upgrade);
}

static void a_second_lock_that_is_refused_refuses_an_upgrade(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, false);
	refuse_locking(1, 1, ENOLCK);
	expect_refused(&upgrade, AS_ERR_NO_LOCK, ENOLCK, "repo/config: cannot lock");
	upgrade_end(&upgrade);
}

static void an_exclusive_lock_that_the_system_refuses_is_told_of(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	refuse_locking(1, 1, ENOLCK);
	expect_refused(&upgrade, AS_ERR_NO_LOCK, ENOLCK, "repo/config: cannot lock");
	upgrade_end(&upgrade);
}

static void an_upgrade_that_a_signal_interrupts_goes_on(void **state)
{
	static const int errors[] = { EINTR, EAGAIN, EACCES };
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	upgrade.wait.ms = 60000;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		refuse_locking(1, 1, errors[i]);
		assert_int_equal(upgrade_try(&upgrade), AS_OK);
		assert_int_equal(refusal.seen, 2);
		lock_lower(upgrade.lock);
	}
	refuse_nothing();
	upgrade_end(&upgrade);
}

/* Two that hold the shared lock would wait for each other for ever. */
static void of_two_that_want_to_write_the_second_is_refused_at_once(void **state)
{
	const struct scratch *scratch = *state;
	struct upgrade upgrade;
	upgrade_begin(&upgrade, scratch, true);
	upgrade.wait.ms = 60000;
	const int fd = openat(scratch->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	expect_refused(&upgrade, AS_ERR_LOCK_FAILED, 0, "repo: another process is about to write");
	close(fd);
	upgrade_end(&upgrade);
}

static void a_file_system_that_locks_no_folders_can_be_written_to(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	refusal.flock_error = ENOLCK;
	upgrade_end(&upgrade);
}

static void who_keeps_a_writer_waiting_is_named_as_far_as_it_is_known(void **state)
{
	char text[64];
	struct python python;
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	python_start(*state, "shared", &python);
	snprintf(text, sizeof(text), "repo: process %d (", python.pid);
	expect_refused(&upgrade, AS_ERR_LOCK_FAILED, 0, text);
	refusal.hidden = "/proc";
	expect_refused(&upgrade, AS_ERR_LOCK_FAILED, 0, "perhaps on another machine");
	python_stop(&python);
	upgrade_end(&upgrade);
}

static void without_a_shared_lock_there_is_no_upgrade(void **state)
{
	struct upgrade upgrade = { .scratch = *state };
	fault_init(&upgrade.fault);
	refuse_locking(1, 1, ENOLCK);
	upgrade.lock = take(*state);
	assert_int_equal(upgrade_try(&upgrade), AS_ERR_NO_LOCK);
	assert_int_equal(upgrade.error.sys, ENOLCK);
	assert_null(lock_permit(upgrade.lock));
	lock_lower(upgrade.lock);
	assert_int_equal(state_of(upgrade.lock), LOCK_IMPOSSIBLE);
	lock_release(upgrade.lock);
}

/* ---- references ---- */

static void the_last_reference_gives_the_lock_back(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	struct lock *second = lock_hold(upgrade.lock);
	assert_int_equal(upgrade_try(&upgrade), AS_OK);
	lock_release(upgrade.lock);
	assert_non_null(lock_permit(second));
	assert_false(python_gets(*state, "shared"));
	lock_release(second);
	assert_true(python_gets(*state, "exclusive"));
	assert_int_equal(upgrade.fault.opens, upgrade.fault.closes);
	lock_release(NULL);
}

static void the_child_of_a_fork_leaves_the_lock_to_its_parent(void **state)
{
	struct upgrade upgrade;
	int status;
	upgrade_begin(&upgrade, *state, true);
	assert_int_equal(upgrade_try(&upgrade), AS_OK);
	const pid_t pid = fork();
	if (pid == 0) {
		lock_release(upgrade.lock);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(python_gets(*state, "shared"));
	lock_lower(upgrade.lock);
	upgrade_end(&upgrade);
}

static void a_lock_knows_the_folder_and_the_config_that_it_is_on(void **state)
{
	const struct scratch *scratch = *state;
	struct lock *lock = take(scratch), *none = look_on(scratch);
	const int parent = openat(scratch->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(lock_is_on(lock, scratch->fd));
	assert_false(lock_is_on(none, scratch->fd));
	assert_false(lock_is_on(lock, parent));
	assert_int_equal(renameat(scratch->fd, "config", scratch->fd, "other"), 0);
	assert_false(lock_is_on(lock, scratch->fd));
	scratch_file(scratch, "config", "[repository]\n", 13);
	assert_false(lock_is_on(lock, scratch->fd));
	close(parent);
	lock_release(none);
	lock_release(lock);
}

static void a_lock_that_is_refused_is_never_upgraded(void **state)
{
	struct upgrade upgrade;
	upgrade_begin(&upgrade, *state, true);
	lock_refuse(upgrade.lock, "it is not ours");
	expect_refused(&upgrade, AS_ERR_INVALID_REPOSITORY, 0, "repo: it is not ours");
	lock_release(upgrade.lock);
}

/* ---- what is no file ---- */

static void without_config_there_is_no_lock_and_no_failure(void **state)
{
	const struct scratch *scratch = *state;
	assert_int_equal(unlinkat(scratch->fd, "config", 0), 0);
	struct lock *lock = take(scratch);
	int sys;
	assert_int_equal(lock_state(lock, &sys), LOCK_IMPOSSIBLE);
	assert_int_equal(sys, ENOENT);
	assert_int_equal(lock_holders(lock, NULL, 0), 0);
	lock_release(lock);
	lock = look_on(scratch);
	expect_no_writer(lock);
	lock_release(lock);
}

static void a_fifo_for_config_does_not_block(void **state)
{
	const struct scratch *scratch = *state;
	assert_int_equal(unlinkat(scratch->fd, "config", 0), 0);
	scratch_fifo(scratch, "config");
	struct lock *lock = take(scratch);
	assert_int_equal(state_of(lock), LOCK_IMPOSSIBLE);
	lock_release(lock);
}

/* How this process has opened config, as of the lowest descriptor of it. */
static int access_of_config(const struct scratch *scratch)
{
	struct stat config, st;
	assert_int_equal(fstatat(scratch->fd, "config", &config, 0), 0);
	for (int fd = 0; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev == config.st_dev &&
		    st.st_ino == config.st_ino)
			return fcntl(fd, F_GETFL) & O_ACCMODE;
	return -1;
}

static void the_lock_changes_nothing_about_the_file(void **state)
{
	const struct scratch *scratch = *state;
	struct stat before, after;
	assert_int_equal(fstatat(scratch->fd, "config", &before, 0), 0);
	struct lock *lock = take(scratch);
	assert_int_equal(access_of_config(scratch), O_RDONLY);
	lock_release(lock);
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
		with_config(the_writer_of_this_program_that_refuses_us_is_named),
		with_config(holders_of_both_kinds_are_told_apart_from_ourselves),
		with_config(who_only_waits_is_no_holder),
		with_config(looking_on_tells_of_nobody_where_nobody_is),
		with_config(a_holder_that_cannot_be_looked_up_stays_unknown),
		with_config(a_holder_that_proc_does_not_list_is_asked_for),
		with_config(a_lock_that_a_signal_interrupts_is_tried_again),
		with_config(a_file_system_without_locks_is_told_of),
		with_config(a_holder_that_lets_go_is_no_hindrance),
		with_config(a_holder_that_cannot_be_asked_for_refuses_all_the_same),
		with_config(a_config_that_cannot_be_opened_again_refuses_an_upgrade),
		with_config(a_config_that_may_not_be_written_to_refuses_an_upgrade),
		with_config(a_config_whose_mode_is_not_told_refuses_an_upgrade),
		with_config(a_second_lock_that_is_refused_refuses_an_upgrade),
		with_config(an_exclusive_lock_that_the_system_refuses_is_told_of),
		with_config(an_upgrade_that_a_signal_interrupts_goes_on),
		with_config(of_two_that_want_to_write_the_second_is_refused_at_once),
		with_config(a_file_system_that_locks_no_folders_can_be_written_to),
		with_config(who_keeps_a_writer_waiting_is_named_as_far_as_it_is_known),
		with_config(without_a_shared_lock_there_is_no_upgrade),
		with_config(the_last_reference_gives_the_lock_back),
		with_config(the_child_of_a_fork_leaves_the_lock_to_its_parent),
		with_config(a_lock_knows_the_folder_and_the_config_that_it_is_on),
		with_config(a_lock_that_is_refused_is_never_upgraded),
		with_config(without_config_there_is_no_lock_and_no_failure),
		with_config(a_fifo_for_config_does_not_block),
		with_config(the_lock_changes_nothing_about_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
