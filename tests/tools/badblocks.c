/* badblocks.so - a failing disk, for a program started with this library in LD_PRELOAD.
 *
 * BADBLOCKS holds rules, separated by ';', of four words each: SUFFIX OFFSET LENGTH MODE. A rule
 * applies to every file whose path ends in SUFFIX, and to its LENGTH bytes at OFFSET. MODE is
 *
 *   bad      every read of them fails with EIO; one that begins before them ends before them
 *   first=N  the first N such reads fail, and no later one
 *   later=N  the first N reads of them succeed, and no later one
 *   odd      the first, third, ... read of them returns one wrong bit in the first of them
 *   even     so does the second, fourth, ...
 *   shrink   the first read of them cuts the file off at OFFSET, as another process might
 *
 * The calls are made directly, so it does not matter what else stands before the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define RULES_MAX 64

enum mode { BAD, FIRST, LATER, ODD, EVEN, SHRINK };

static struct rule {
	char suffix[PATH_MAX];
	long long offset, length;
	enum mode mode;
	unsigned count;
	atomic_uint touched;
} rules[RULES_MAX];
static int rule_count;

static int read_mode(const char *word, struct rule *rule)
{
	static const char *const names[] = { "bad", "first=", "later=", "odd", "even", "shrink" };
	for (int i = 0; i < 6; i++)
		if (strncmp(word, names[i], strlen(names[i])) == 0) {
			rule->mode = (enum mode)i;
			rule->count = i == FIRST || i == LATER ? (unsigned)atoi(word + 6) : 0;
			return 1;
		}
	return 0;
}

__attribute__((constructor)) static void read_rules(void)
{
	const char *text = getenv("BADBLOCKS");
	while (text && *text && rule_count < RULES_MAX) {
		struct rule *rule = &rules[rule_count];
		char word[16];
		if (sscanf(text, "%4095s %lld %lld %15[^;]", rule->suffix, &rule->offset,
			   &rule->length, word) != 4 || !read_mode(word, rule)) {
			fprintf(stderr, "BADBLOCKS: not understood: %s\n", text);
			_exit(99);
		}
		rule_count++;
		text = strchr(text, ';');
		text += text != NULL;
	}
}

static int path_of(int fd, char path[PATH_MAX])
{
	char name[32];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	const ssize_t len = readlink(name, path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static int ends_in(const char *path, const char *suffix)
{
	const size_t have = strlen(path), want = strlen(suffix);
	return have >= want && strcmp(path + have - want, suffix) == 0;
}

static int refuses(struct rule *rule, unsigned turn)
{
	return rule->mode == BAD || (rule->mode == FIRST && turn < rule->count) ||
	       (rule->mode == LATER && turn >= rule->count);
}

static ssize_t read_through(int fd, void *buffer, size_t len, off_t offset)
{
	struct rule *flipper = NULL;
	char path[PATH_MAX];
	const int is_named = rule_count > 0 && path_of(fd, path);
	for (int i = 0; is_named && i < rule_count; i++) {
		struct rule *rule = &rules[i];
		if (!ends_in(path, rule->suffix) || offset >= rule->offset + rule->length ||
		    offset + (off_t)len <= rule->offset)
			continue;
		/* A read that runs into a bad place ends before it, and does not count. */
		if ((rule->mode == BAD || rule->mode == FIRST) && offset < rule->offset) {
			if (rule->mode == BAD || rule->touched < rule->count)
				len = (size_t)(rule->offset - offset);
			continue;
		}
		const unsigned turn = atomic_fetch_add(&rule->touched, 1);
		if (refuses(rule, turn)) {
			if (offset < rule->offset) {	/* it ends before the bad place */
				len = (size_t)(rule->offset - offset);
				continue;
			}
			errno = EIO;
			return -1;
		}
		if (rule->mode == SHRINK && turn == 0 && truncate(path, rule->offset))
			abort();
		if ((rule->mode == ODD && turn % 2 == 0) || (rule->mode == EVEN && turn % 2 == 1))
			flipper = rule;
	}
	const ssize_t got = syscall(SYS_pread64, fd, buffer, len, offset);
	const off_t at = flipper && flipper->offset > offset ? flipper->offset - offset : 0;
	if (flipper && got > at)
		((unsigned char *)buffer)[at] ^= 0x10;
	return got;
}

ssize_t pread(int fd, void *buffer, size_t len, off_t offset)
{
	return read_through(fd, buffer, len, offset);
}

ssize_t pread64(int fd, void *buffer, size_t len, off64_t offset)
{
	return read_through(fd, buffer, len, (off_t)offset);
}
