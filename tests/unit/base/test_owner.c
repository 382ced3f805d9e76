#include "build-config.h"

#include "engine/base/owner.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define NOBODYS 4123456789u	/* a number without a user */

/* Who runs the test, as messages name it. */
static const char *name_me(void)
{
	static char name[80];
	const struct passwd *entry = getpwuid(geteuid());
	if (entry)
		snprintf(name, sizeof(name), "uid %u (%.32s)", geteuid(), entry->pw_name);
	else
		snprintf(name, sizeof(name), "uid %u", geteuid());
	return name;
}

/* What is appended for @path to a message that begins with "no". */
static const char *append(const struct scratch *scratch, const struct io *io, const char *path)
{
	static char text[400];
	snprintf(text, sizeof(text), "no");
	owner_append(io, scratch->fd, path, text, sizeof(text));
	return text;
}

static void expect(const char *text, const char *what, const char *owner, unsigned mode)
{
	char wanted[400];
	snprintf(wanted, sizeof(wanted), "no; %s belongs to %s, mode %04o, you are %s", what, owner,
		 mode, name_me());
	assert_string_equal(text, wanted);
}

static void owner_and_mode_are_named(void **state)
{
	const struct scratch *scratch = *state;
	struct stat st = { .st_mode = S_IFREG | S_ISUID | 0640, .st_uid = 0 };
	struct fault fault;
	fault_init(&fault);
	fault.pretended = &st;
	expect(append(scratch, &fault.io, "config"), "config", "uid 0 (root)", 04640);
	st.st_uid = NOBODYS;
	st.st_mode = S_IFREG;
	expect(append(scratch, &fault.io, "config"), "config", "uid 4123456789", 0);
	st.st_mode = S_IFDIR | 0700;
	expect(append(scratch, &fault.io, "."), "the folder", "uid 4123456789", 0700);
}

/* A file that is still to be made is refused by the folder where it belongs. */
static void the_folder_is_named_where_the_file_is_not_there(void **state)
{
	const struct scratch *scratch = *state;
	struct fault fault;
	fault_init(&fault);
	scratch_folder(scratch, "data/0");
	scratch_run("chmod 750 %s/data/0 && chmod 711 %s/data && chmod 701 %s", scratch->path,
		    scratch->path, scratch->path);
	expect(append(scratch, &fault.io, "data/0/7"), "data/0", name_me(), 0750);
	expect(append(scratch, &fault.io, "data/1/7"), "data", name_me(), 0711);
	expect(append(scratch, &fault.io, "undo/x/manifest"), "the folder", name_me(), 0701);
	scratch_file(scratch, "data/0/7", "x", 1);
	scratch_run("chmod 604 %s/data/0/7", scratch->path);
	expect(append(scratch, &fault.io, "data/0/7"), "data/0/7", name_me(), 0604);
}

/* Its target, which is not opened either, may be anybody's. */
static void a_link_is_named_itself(void **state)
{
	const struct scratch *scratch = *state;
	struct fault fault;
	fault_init(&fault);
	scratch_file(scratch, "target", "x", 1);
	scratch_run("chmod 604 %s/target", scratch->path);
	scratch_link(scratch, "link", "target");
	scratch_link(scratch, "dangling", "nowhere");
	expect(append(scratch, &fault.io, "link"), "link", name_me(), 0777);
	expect(append(scratch, &fault.io, "dangling"), "dangling", name_me(), 0777);
}

static void nothing_is_said_where_the_owner_is_unknown(void **state)
{
	static const int errors[] = { EIO, EACCES, ENOENT };
	const struct scratch *scratch = *state;
	struct fault fault;
	fault_init(&fault);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fault.fstatat_error = errors[i];
		fault.fstatats = 0;
		errno = EPERM;
		assert_string_equal(append(scratch, &fault.io, "data/0/7"), "no");
		assert_int_equal(errno, EPERM);		/* that of the failure to be explained */
		/* A disk that fails says nothing of the folders above. */
		assert_int_equal(fault.fstatats, errors[i] == EIO ? 1 : 4);
	}
}

static void a_text_without_room_is_cut_off(void **state)
{
	const struct scratch *scratch = *state;
	struct fault fault;
	char text[16] = "denied";
	fault_init(&fault);
	owner_append(&fault.io, scratch->fd, ".", text, sizeof(text));
	assert_string_equal(text, "denied; the fol");
}

static void only_a_denial_is_explained(void **state)
{
	const struct scratch *scratch = *state;
	struct as_error error = { .message = "config: cannot open it" };
	struct fault fault;
	fault_init(&fault);
	assert_int_equal(owner_explain(&fault.io, scratch->fd, ".", AS_ERR_IO, &error), AS_ERR_IO);
	assert_string_equal(error.message, "config: cannot open it");
	assert_int_equal(owner_explain(&fault.io, scratch->fd, ".", AS_ERR_DENIED, NULL),
			 AS_ERR_DENIED);
	assert_int_equal(owner_explain(&fault.io, scratch->fd, ".", AS_ERR_DENIED, &error),
			 AS_ERR_DENIED);
	assert_non_null(strstr(error.message, "config: cannot open it; the folder belongs to "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owner_and_mode_are_named),
		TEST(the_folder_is_named_where_the_file_is_not_there),
		TEST(a_link_is_named_itself),
		TEST(nothing_is_said_where_the_owner_is_unknown),
		TEST(a_text_without_room_is_cut_off),
		TEST(only_a_denial_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
