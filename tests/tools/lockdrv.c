/* lockdrv REPO - takes and leaves the lock that is a folder, as writing to a repository of Borg
 * does. Reads lines and answers each with one:
 *
 *   take MS   "ok N", N being the holders that were gone and were removed; or "refused MESSAGE"
 *   leave     "ok"
 *   break     "ok", or "refused MESSAGE"
 *   see       "free", "stale", "damaged", "unknown" or "held", and the strongest holder:
 *             "exclusive" or "shared" and who it is in words
 *
 * At the end of the input the lock is given back. */
#include "build-config.h"

#include "engine/repo/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void answer_error(const struct as_error *error)
{
	printf("refused %s\n", error->message);
}

static void take(struct lock *lock, unsigned ms)
{
	const struct lock_wait wait = { .ms = ms };
	struct as_error error;
	struct lock_holder one;
	if (lock_upgrade(lock, &wait, &error) != AS_OK)
		answer_error(&error);
	else
		printf("ok %zu\n", lock_count_stale(lock, &one));
}

static void see(struct lock *lock)
{
	static const char *const names[] = {
		[STANDING_FREE] = "free", [STANDING_STALE] = "stale",
		[STANDING_DAMAGED] = "damaged", [STANDING_UNKNOWN] = "unknown",
		[STANDING_HELD] = "held",
	};
	struct lock_seen seen;
	char who[LOCK_HOLDER_TEXT] = "";
	if (lock_see(lock, &seen) != AS_OK) {
		puts("out of memory");
		return;
	}
	if (seen.holder.known)
		lock_holder_text(&seen.holder, who);
	printf("%s %s %s\n", names[seen.standing],
	       !seen.holder.known ? "" : seen.holder.exclusive ? "exclusive" : "shared", who);
}

static void obey(struct lock *lock, const char *line)
{
	struct as_error error;
	unsigned ms;
	if (sscanf(line, "take %u", &ms) == 1) {
		take(lock, ms);
	} else if (strcmp(line, "leave\n") == 0) {
		lock_lower(lock);
		puts("ok");
	} else if (strcmp(line, "break\n") == 0) {
		if (lock_break(lock, &error) == AS_OK)
			puts("ok");
		else
			answer_error(&error);
	} else {
		see(lock);
	}
}

int main(int argc, char **argv)
{
	struct lock *lock;
	char line[64];
	const int fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0) {
		fprintf(stderr, "usage: lockdrv REPO\n");
		return 16;
	}
	if (lock_open(&io_system, fd, argv[1], LOCK_TO_WRITE, &lock, NULL) != AS_OK ||
	    lock_choose(lock, fd, LOCK_KIND_FOLDER, NULL) != AS_OK) {
		fprintf(stderr, "lockdrv: %s: cannot open\n", argv[1]);
		return 8;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		obey(lock, line);
	lock_release(lock);
	close(fd);
	return 0;
}
