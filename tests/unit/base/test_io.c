#include "build-config.h"

#include "engine/base/io.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SIZE 10000

static struct fault fault;

/* A file of bytes that tell their place, opened through the fault io. */
static int open_sample(const struct scratch *scratch)
{
	uint8_t bytes[FILE_SIZE];
	int fd;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	scratch_file(scratch, "sample", bytes, sizeof(bytes));
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "sample", &fd, NULL), AS_OK);
	return fd;
}

/* Read @len bytes at @offset and check that the @wanted good ones are those of the sample. */
static enum as_err read_sample(int fd, uint64_t offset, size_t len, size_t wanted)
{
	uint8_t bytes[FILE_SIZE + 100];
	size_t got = 12345;

	const enum as_err err = io_read_at(&fault.io, fd, bytes, len, offset, &got);
	assert_int_equal(got, wanted);
	for (size_t i = 0; i < got; i++)
		assert_int_equal(bytes[i], (uint8_t)((offset + i) * 7 + (offset + i) / 256));
	return err;
}

static int setup(void **state)
{
	fault_init(&fault);
	return scratch_setup(state);
}

static int teardown(void **state)
{
	/* Whatever happened between, what was opened was closed again. */
	if (fault.opens != fault.closes)
		fprintf(stderr, "%u opened, %u closed\n", fault.opens, fault.closes);
	return scratch_teardown(state) || fault.opens != fault.closes;
}

static void reading_gives_the_bytes_asked_for(void **state)
{
	const int fd = open_sample(*state);

	assert_int_equal(read_sample(fd, 0, FILE_SIZE, FILE_SIZE), AS_OK);
	assert_int_equal(read_sample(fd, 4321, 100, 100), AS_OK);
	assert_int_equal(read_sample(fd, 4321, 0, 0), AS_OK);
	assert_int_equal(read_sample(fd, FILE_SIZE - 1, 1, 1), AS_OK);
	io_close(&fault.io, fd);
}

static void reading_stops_at_the_end_of_the_file(void **state)
{
	const int fd = open_sample(*state);

	assert_int_equal(read_sample(fd, 0, FILE_SIZE + 1, FILE_SIZE), AS_OK);
	assert_int_equal(read_sample(fd, FILE_SIZE - 10, 100, 10), AS_OK);
	assert_int_equal(read_sample(fd, FILE_SIZE, 100, 0), AS_OK);
	assert_int_equal(read_sample(fd, INT64_MAX - 50, 100, 0), AS_OK);
	assert_int_equal(read_sample(fd, INT64_MAX, 100, 0), AS_OK);
	assert_int_equal(read_sample(fd, (uint64_t)INT64_MAX + 1, 100, 0), AS_OK);
	assert_int_equal(read_sample(fd, UINT64_MAX, 100, 0), AS_OK);
	io_close(&fault.io, fd);
}

static void short_reads_are_put_together(void **state)
{
	const int fd = open_sample(*state);

	fault.read_max = 7;
	assert_int_equal(read_sample(fd, 100, 1000, 1000), AS_OK);
	assert_int_equal(fault.preads, 143);
	io_close(&fault.io, fd);
}

static void interrupted_reads_go_on(void **state)
{
	const int fd = open_sample(*state);

	fault.interrupts = 3;
	fault.read_max = 100;
	assert_int_equal(read_sample(fd, 0, 1000, 1000), AS_OK);
	assert_int_equal(fault.preads, 40);
	io_close(&fault.io, fd);
}

static void interrupts_without_end_are_an_error_in_the_end(void **state)
{
	const int fd = open_sample(*state);

	fault.interrupts = UINT32_MAX - 1;
	assert_int_equal(read_sample(fd, 0, 1000, 0), AS_ERR_IO);
	assert_int_equal(errno, EINTR);
	io_close(&fault.io, fd);
}

static void the_bytes_before_an_unreadable_one_are_kept(void **state)
{
	const int fd = open_sample(*state);

	fault.bad_offset = 5000;
	fault.bad_length = 512;
	assert_int_equal(read_sample(fd, 0, FILE_SIZE, 5000), AS_ERR_IO);
	assert_int_equal(errno, EIO);
	fault.read_max = 64;
	assert_int_equal(read_sample(fd, 4990, 100, 10), AS_ERR_IO);
	assert_int_equal(read_sample(fd, 5511, 100, 0), AS_ERR_IO);
	assert_int_equal(read_sample(fd, 5512, 100, 100), AS_OK);
	assert_int_equal(read_sample(fd, 4900, 100, 100), AS_OK);
	io_close(&fault.io, fd);
}

static void opening_tells_the_state_of_the_file(void **state)
{
	const struct scratch *scratch = *state;
	struct stat st;
	int fd;

	scratch_file(scratch, "file", "12345", 5);
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "file", &fd, &st), AS_OK);
	assert_int_equal(st.st_size, 5);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	io_close(&fault.io, fd);
}

static void opening_what_is_not_there_or_not_allowed_says_so(void **state)
{
	const struct scratch *scratch = *state;
	int fd;

	scratch_file(scratch, "file", "", 0);
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "other", &fd, NULL),
			 AS_ERR_DOES_NOT_EXIST);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "none/file", &fd, NULL),
			 AS_ERR_DOES_NOT_EXIST);
	fault.open_error = EACCES;
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "file", &fd, NULL), AS_ERR_DENIED);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, ".", &fd), AS_ERR_DENIED);
	assert_int_equal(errno, EACCES);
	fault.open_error = EIO;
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "file", &fd, NULL), AS_ERR_IO);
	assert_int_equal(errno, EIO);
}

static void what_is_no_regular_file_is_never_opened(void **state)
{
	static const char *const names[] = { "fifo", "folder", "link", "dangling", "socket",
					     "/dev/null", "/dev/tty" };
	const struct scratch *scratch = *state;
	int fd;

	scratch_file(scratch, "file", "", 0);
	scratch_fifo(scratch, "fifo");
	scratch_folder(scratch, "folder");
	scratch_link(scratch, "link", "file");
	scratch_link(scratch, "dangling", "nowhere");
	scratch_socket(scratch, "socket");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		/* Below a folder no path leads out of it. */
		const int folder = names[i][0] == '/' ? AT_FDCWD : scratch->fd;
		if (io_open_file(&fault.io, folder, names[i], &fd, NULL) != AS_ERR_NOT_REGULAR)
			fail_msg("%s was taken for a file", names[i]);
		assert_int_equal(errno, 0);
	}
	assert_int_equal(fault.opens, 0);
}

/* Between the look and the opening somebody puts something else in the file's place. */
static void what_is_swapped_in_while_opening_is_refused_without_waiting(void **state)
{
	static const char *const names[] = { "fifo", "folder", "link", "socket" };
	const struct scratch *scratch = *state;
	struct stat st;
	int fd;

	scratch_file(scratch, "file", "", 0);
	scratch_fifo(scratch, "fifo");
	scratch_link(scratch, "link", "file");
	scratch_folder(scratch, "folder");
	scratch_socket(scratch, "socket");
	assert_int_equal(fstatat(scratch->fd, "file", &st, 0), 0);
	fault.pretended = &st;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (io_open_file(&fault.io, scratch->fd, names[i], &fd, NULL) != AS_ERR_NOT_REGULAR)
			fail_msg("a %s was taken for a file", names[i]);
}

static void only_a_folder_is_opened_as_a_folder(void **state)
{
	const struct scratch *scratch = *state;
	int fd;

	scratch_file(scratch, "file", "", 0);
	scratch_fifo(scratch, "fifo");
	scratch_folder(scratch, "folder");
	scratch_link(scratch, "link", "folder");
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, "file", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, "fifo", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, "link", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(errno, 0);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, "none", &fd),
			 AS_ERR_DOES_NOT_EXIST);
	assert_int_equal(fault.opens, 0);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, "folder", &fd), AS_OK);
	io_close(&fault.io, fd);
}

static void somebody_elses_files_are_opened_with_an_access_time(void **state)
{
	const struct scratch *scratch = *state;
	int fd;

	fault.owns_nothing = true;
	scratch_file(scratch, "file", "", 0);
	assert_int_equal(io_open_file(&fault.io, scratch->fd, "file", &fd, NULL), AS_OK);
	io_close(&fault.io, fd);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, ".", &fd), AS_OK);
	io_close(&fault.io, fd);
}

static enum as_err ignore_name(void *context, const char *name, enum io_kind kind)
{
	(void)context;
	(void)name;
	(void)kind;
	return AS_OK;
}

static void reading_leaves_the_access_time_alone(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	const struct scratch *scratch = *state;
	struct stat st;
	int fd;

	const int sample = open_sample(scratch);
	assert_int_equal(utimensat(scratch->fd, "sample", old, 0), 0);
	assert_int_equal(utimensat(scratch->fd, ".", old, 0), 0);
	assert_int_equal(read_sample(sample, 0, 100, 100), AS_OK);
	io_close(&fault.io, sample);
	assert_int_equal(io_open_folder(&fault.io, scratch->fd, ".", &fd), AS_OK);
	assert_int_equal(io_list(&fault.io, fd, ignore_name, NULL), AS_OK);
	io_close(&fault.io, fd);
	assert_int_equal(fstatat(scratch->fd, "sample", &st, 0), 0);
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_int_equal(fstatat(scratch->fd, ".", &st, 0), 0);
	assert_int_equal(st.st_atim.tv_sec, 1000);
}

static void a_small_file_is_read_whole_with_a_nul_behind_it(void **state)
{
	const struct scratch *scratch = *state;
	uint8_t *data;
	size_t len;

	scratch_file(scratch, "file", "12345", 5);
	scratch_file(scratch, "empty", "", 0);
	assert_int_equal(io_read_file(&fault.io, scratch->fd, "file", 5, &data, &len), AS_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "12345", 6);
	free(data);
	assert_int_equal(io_read_file(&fault.io, scratch->fd, "empty", 0, &data, &len), AS_OK);
	assert_int_equal(len, 0);
	assert_int_equal(data[0], 0);
	free(data);
}

static void a_file_that_is_too_large_or_unreadable_gives_nothing(void **state)
{
	const struct scratch *scratch = *state;
	uint8_t *data;
	size_t len;

	scratch_file(scratch, "file", "12345", 5);
	assert_int_equal(io_read_file(&fault.io, scratch->fd, "file", 4, &data, &len),
			 AS_ERR_LIMIT);
	assert_int_equal(io_read_file(&fault.io, scratch->fd, "none", 4, &data, &len),
			 AS_ERR_DOES_NOT_EXIST);
	fault.bad_offset = 3;
	fault.bad_length = 1;
	assert_int_equal(io_read_file(&fault.io, scratch->fd, "file", 5, &data, &len), AS_ERR_IO);
	assert_int_equal(errno, EIO);
}

/* What a listing told, of names that are numbers below NAMES. */
#define NAMES 3000
struct told {
	unsigned char times[NAMES];
	enum io_kind kind;
	size_t count;
	size_t stop_after;
};

static enum as_err tell(void *context, const char *name, enum io_kind kind)
{
	struct told *told = context;
	const long number = strtol(name, NULL, 10);

	assert_in_range(number, 0, NAMES - 1);
	told->times[number]++;
	told->kind = kind;
	told->count++;
	return told->count == told->stop_after ? AS_ERR_CANCELLED : AS_OK;
}

static void make_names(const struct scratch *scratch)
{
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		scratch_file(scratch, name, "", 0);
	}
}

static void a_folder_is_listed_whole_again_and_again(void **state)
{
	const struct scratch *scratch = *state;

	make_names(scratch);
	for (int i = 0; i < 3; i++) {
		struct told told = { .count = 0 };

		assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_OK);
		assert_int_equal(told.count, NAMES);
		assert_null(memchr(told.times, 0, NAMES));
		assert_int_equal(told.kind, IO_KIND_FILE);
	}
	assert_int_equal(fault.fstatats, 0);
}

static void *list_in_thread(void *context)
{
	const struct scratch *scratch = context;
	struct told *told = calloc(1, sizeof(*told));

	for (int i = 0; i < 20 && told; i++)
		if (io_list(&fault.io, scratch->fd, tell, told))
			told->count = 0;
	return told;
}

static void a_folder_is_listed_by_several_threads_at_once(void **state)
{
	pthread_t threads[4];

	make_names(*state);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, list_in_thread, *state), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *result;
		struct told *told;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		told = result;
		assert_non_null(told);
		assert_int_equal(told->count, 20 * NAMES);
		for (size_t j = 0; j < NAMES; j++)
			assert_int_equal(told->times[j], 20);
		free(told);
	}
}

static void a_listing_ends_when_the_caller_has_enough(void **state)
{
	const struct scratch *scratch = *state;
	struct told told = { .stop_after = 17 };

	make_names(scratch);
	assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_ERR_CANCELLED);
	assert_int_equal(told.count, 17);
}

static void a_listing_that_breaks_off_is_an_error(void **state)
{
	const struct scratch *scratch = *state;
	struct told told = { .count = 0 };

	make_names(scratch);
	fault.bad_listing = 3;
	assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_ERR_IO);
	assert_int_equal(errno, EIO);
	assert_in_range(told.count, 1, NAMES - 1);
	fault.open_error = EACCES;
	assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_ERR_IO);
	assert_int_equal(errno, EACCES);
}

static enum as_err keep_kind(void *context, const char *name, enum io_kind kind)
{
	enum io_kind *kinds = context;

	kinds[name[0] - 'a'] = kind;
	return AS_OK;
}

static void a_listing_tells_kinds_even_where_the_system_does_not(void **state)
{
	const struct scratch *scratch = *state;

	scratch_file(scratch, "a", "", 0);
	scratch_folder(scratch, "b");
	scratch_link(scratch, "c", "a");
	scratch_fifo(scratch, "d");
	scratch_socket(scratch, "e");
	scratch_link(scratch, "f", "b");
	for (int hidden = 0; hidden < 2; hidden++) {
		enum io_kind kinds[6] = { IO_KIND_UNKNOWN };

		fault.hides_types = hidden;
		assert_int_equal(io_list(&fault.io, scratch->fd, keep_kind, kinds), AS_OK);
		assert_int_equal(kinds[0], IO_KIND_FILE);
		assert_int_equal(kinds[1], IO_KIND_FOLDER);
		for (size_t i = 2; i < ARRAY_SIZE(kinds); i++)
			assert_int_equal(kinds[i], IO_KIND_OTHER);
	}
}

static void names_that_begin_with_dots_are_listed(void **state)
{
	const struct scratch *scratch = *state;
	struct told told = { .count = 0 };

	assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_OK);
	assert_int_equal(told.count, 0);
	scratch_file(scratch, "...", "", 0);
	scratch_file(scratch, ".a", "", 0);
	scratch_file(scratch, "..b", "", 0);
	assert_int_equal(io_list(&fault.io, scratch->fd, tell, &told), AS_OK);
	assert_int_equal(told.count, 3);
}

/* Nothing outside is read, made, replaced or removed through a link on the way, or by a name that
 * leads up. */
/* The linker sends the call here: openat2 answers @openat2_error, where it is not 0. */
static int openat2_error;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	va_list args;
	va_start(args, number);
	const int dirfd = va_arg(args, int);
	const char *path = va_arg(args, const char *);
	const void *how = va_arg(args, const void *);
	const size_t size = va_arg(args, size_t);
	va_end(args);
	if (number != SYS_openat2 || !openat2_error)
		return __real_syscall(number, dirfd, path, how, size);
	errno = openat2_error;
	return -1;
}

static void expect_no_link_followed(const struct scratch *scratch)
{
	static const char *const ways[] = { "repo/data/out", "repo/data/../../outside", "/tmp" };
	struct stat st;
	int fd;

	scratch_file(scratch, "outside/file", "secret", 6);
	scratch_file(scratch, "repo/inside", "inside", 6);
	scratch_folder(scratch, "repo/data");
	scratch_link(scratch, "repo/data/out", "../../outside");
	scratch_link(scratch, "repo/data/loop", "loop");
	struct permit *permit = io_grant_permit(&io_system, scratch->fd, 0600);
	assert_non_null(permit);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		char file[256], made[256];
		snprintf(file, sizeof(file), "%s/file", ways[i]);
		snprintf(made, sizeof(made), "%s/made", ways[i]);
		assert_int_not_equal(io_open_file(&io_system, scratch->fd, file, &fd, NULL), AS_OK);
		assert_int_not_equal(io_system.open(&io_system, scratch->fd, file, O_RDONLY), 0);
		assert_int_equal(io_system.fstatat(&io_system, scratch->fd, file, &st, 0), -1);
		assert_int_not_equal(io_create_file(permit, made, &fd), AS_OK);
		assert_int_not_equal(io_reopen_file(permit, file, &fd), AS_OK);
		assert_int_not_equal(io_make_folder(permit, made), AS_OK);
		assert_int_not_equal(io_rename(permit, "repo/inside", made), AS_OK);
		assert_int_not_equal(io_rename(permit, file, "repo/stolen"), AS_OK);
		assert_int_not_equal(io_link(permit, file, "repo/stolen"), AS_OK);
		assert_int_not_equal(io_link(permit, "repo/inside", made), AS_OK);
		assert_int_not_equal(io_remove_file(permit, file), AS_OK);
		assert_int_not_equal(io_remove_folder(permit, ways[i]), AS_OK);
		assert_int_not_equal(io_sync_folder(permit, made), AS_OK);
	}
	assert_int_equal(io_open_file(&io_system, scratch->fd, ways[0], &fd, NULL),
			 AS_ERR_NOT_REGULAR);
	assert_int_equal(io_create_file(permit, "repo/data/out/made", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_create_file(permit, "repo/data/loop/made", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_create_file(permit, "repo/inside/made", &fd), AS_ERR_DOES_NOT_EXIST);
	assert_int_equal(faccessat(scratch->fd, "outside/file", R_OK, 0), 0);
	assert_int_equal(faccessat(scratch->fd, "outside/made", F_OK, 0), -1);
	assert_int_equal(faccessat(scratch->fd, "repo/stolen", F_OK, 0), -1);
	io_revoke_permit(permit);
}

static void expect_files_found(const struct scratch *scratch)
{
	char path[2 * NAME_MAX];
	int fd;
	scratch_file(scratch, "a/b/c/file", "deep", 4);
	assert_int_equal(io_open_file(&io_system, scratch->fd, "a/b/c/file", &fd, NULL), AS_OK);
	close(fd);
	assert_int_equal(io_open_file(&io_system, scratch->fd, "a/none/c/file", &fd, NULL),
			 AS_ERR_DOES_NOT_EXIST);
	memset(path, 'a', sizeof(path));
	strcpy(path + NAME_MAX + 1, "/file");
	scratch_file(scratch, path + 1, "of the longest name", 19);
	assert_int_equal(io_open_file(&io_system, scratch->fd, path, &fd, NULL),
			 AS_ERR_DOES_NOT_EXIST);
}

static void no_link_is_followed_on_the_way(void **state)
{
	openat2_error = 0;
	expect_no_link_followed(*state);
	expect_files_found(*state);
}

/* Before Linux 5.6, and where a filter forbids what it does not know. */
static void no_link_is_followed_where_folders_are_entered_one_by_one(void **state)
{
	openat2_error = ENOSYS;
	expect_no_link_followed(*state);
	openat2_error = EPERM;
	expect_files_found(*state);
	openat2_error = 0;
}

/* Something was renamed in the moment of the call. */
static void a_way_that_changes_is_gone_step_by_step(void **state)
{
	openat2_error = EAGAIN;
	expect_files_found(*state);
	openat2_error = EMFILE;
	int fd;
	const struct scratch *scratch = *state;
	assert_int_equal(io_open_file(&io_system, scratch->fd, "a/b/c/file", &fd, NULL),
			 AS_ERR_IO);
	assert_int_equal(errno, EMFILE);
	openat2_error = 0;
}

/* ---- reading what is refused now and then ---- */

struct shaky {
	struct io io;
	off_t refused[4];	/* a read that reaches one ends before it; one that begins at it
				 * fails, once, and takes it away */
};

static ssize_t shaky_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct shaky *shaky = io->context;
	for (size_t i = 0; i < ARRAY_SIZE(shaky->refused); i++) {
		off_t *refused = &shaky->refused[i];
		if (*refused == offset) {
			*refused = -1;
			errno = EIO;
			return -1;
		}
		if (*refused > offset && *refused < offset + (off_t)len)
			len = (size_t)(*refused - offset);
	}
	return pread(fd, buffer, len, offset);
}

static void what_is_read_the_second_time_is_doubted_from_the_first_refusal_on(void **state)
{
	const struct scratch *scratch = *state;
	struct shaky shaky = { .io = io_system, .refused = { 100, 300, 20, -1 } };
	uint8_t bytes[500], read[500];
	uint64_t doubt = UINT64_MAX;
	size_t got;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	scratch_file(scratch, "file", bytes, sizeof(bytes));
	shaky.io.pread = shaky_pread;
	shaky.io.context = &shaky;
	const int fd = openat(scratch->fd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read_twice(&shaky.io, fd, read + 50, 450, 50, &got, &doubt), AS_OK);
	assert_int_equal(got, 450);
	assert_memory_equal(read + 50, bytes + 50, 450);
	assert_int_equal(doubt, 100);
	assert_int_equal(io_read_twice(&shaky.io, fd, read, 50, 0, &got, &doubt), AS_OK);
	assert_int_equal(doubt, 20);
	shaky.refused[0] = shaky.refused[1] = 200;	/* and again */
	assert_int_equal(io_read_twice(&shaky.io, fd, read, 500, 0, &got, &doubt), AS_ERR_IO);
	assert_int_equal(got, 200);
	close(fd);
}

/* ---- replacing ---- */

static enum as_err write_new(void *context, const struct permit *permit, int fd)
{
	(void)context;
	return io_write_at(permit, fd, "new", 3, 0);
}

static void what_cannot_be_replaced_stays(void **state)
{
	const struct scratch *scratch = *state;
	uint8_t *data;
	size_t len;
	scratch_file(scratch, "file", "old", 3);
	scratch_file(scratch, "file.tmp", "left by a crash", 15);
	struct permit *permit = io_grant_permit(&fault.io, scratch->fd, 0600);
	fault.fail_kind = FAULT_REMOVE;
	fault.fail_at = 1;
	fault.fail_error = EACCES;
	assert_int_equal(io_replace_file(permit, "file", "file.tmp", write_new, NULL),
			 AS_ERR_DENIED);
	assert_int_equal(io_read_file(&io_system, scratch->fd, "file", 10, &data, &len), AS_OK);
	assert_string_equal((const char *)data, "old");
	free(data);
	fault.fail_at = 0;
	assert_int_equal(io_replace_file(permit, "file", "file.tmp", write_new, NULL), AS_OK);
	assert_int_equal(io_read_file(&io_system, scratch->fd, "file", 10, &data, &len), AS_OK);
	assert_string_equal((const char *)data, "new");
	free(data);
	assert_int_equal(faccessat(scratch->fd, "file.tmp", F_OK, 0), -1);
	io_revoke_permit(permit);
}

static void only_a_file_is_opened_again(void **state)
{
	const struct scratch *scratch = *state;
	struct permit *permit = io_grant_permit(&io_system, scratch->fd, 0600);
	int fd;
	scratch_file(scratch, "file", "old", 3);
	scratch_folder(scratch, "folder");
	scratch_fifo(scratch, "fifo");
	scratch_link(scratch, "link", "file");
	assert_int_equal(io_reopen_file(permit, "folder", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_reopen_file(permit, "fifo", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_reopen_file(permit, "link", &fd), AS_ERR_NOT_REGULAR);
	assert_int_equal(io_reopen_file(permit, "none", &fd), AS_ERR_DOES_NOT_EXIST);
	assert_int_equal(fd, -1);
	assert_int_equal(io_reopen_file(permit, "file", &fd), AS_OK);
	assert_int_equal(io_write_at(permit, fd, "new", 3, 0), AS_OK);
	close(fd);
	io_revoke_permit(permit);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(reading_gives_the_bytes_asked_for),
		CASE(reading_stops_at_the_end_of_the_file),
		CASE(short_reads_are_put_together),
		CASE(interrupted_reads_go_on),
		CASE(interrupts_without_end_are_an_error_in_the_end),
		CASE(the_bytes_before_an_unreadable_one_are_kept),
		CASE(opening_tells_the_state_of_the_file),
		CASE(opening_what_is_not_there_or_not_allowed_says_so),
		CASE(what_is_no_regular_file_is_never_opened),
		CASE(what_is_swapped_in_while_opening_is_refused_without_waiting),
		CASE(no_link_is_followed_on_the_way),
		CASE(no_link_is_followed_where_folders_are_entered_one_by_one),
		CASE(a_way_that_changes_is_gone_step_by_step),
		CASE(what_is_read_the_second_time_is_doubted_from_the_first_refusal_on),
		CASE(what_cannot_be_replaced_stays),
		CASE(only_a_file_is_opened_again),
		CASE(only_a_folder_is_opened_as_a_folder),
		CASE(somebody_elses_files_are_opened_with_an_access_time),
		CASE(reading_leaves_the_access_time_alone),
		CASE(a_small_file_is_read_whole_with_a_nul_behind_it),
		CASE(a_file_that_is_too_large_or_unreadable_gives_nothing),
		CASE(a_folder_is_listed_whole_again_and_again),
		CASE(a_folder_is_listed_by_several_threads_at_once),
		CASE(a_listing_ends_when_the_caller_has_enough),
		CASE(a_listing_that_breaks_off_is_an_error),
		CASE(a_listing_tells_kinds_even_where_the_system_does_not),
		CASE(names_that_begin_with_dots_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
