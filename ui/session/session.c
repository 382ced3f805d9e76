#include "build-config.h"

#include "session/session.h"

#include "session/format.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static void free_session(void *object)
{
	struct session *session = object;
	verify_free(atomic_load(&session->verify));
	free(atomic_load(&session->stats));
	free(atomic_load(&session->index_witness));
	repo_close(session->owned);
	pthread_mutex_destroy(&session->mutex);
}

struct session *session_new(struct repo *repo)
{
	struct session *session = ref_new(sizeof(*session), free_session);
	uint32_t end;
	if (!session)
		return NULL;
	session->repo = session->owned = repo;
	session->lock = repo_lock(repo);
	if (repo_log_end(repo, &end))
		session->log_end = end == UINT32_MAX ? repo->listing.count
						     : listing_from(&repo->listing, end + 1);
	pthread_mutex_init(&session->mutex, NULL);
	return session;
}

const struct segment_facts *session_facts(const struct session *session, size_t position)
{
	const struct verify *verify = atomic_load(&session->verify);
	if (!verify)
		return NULL;
	const struct segment_facts *facts = &verify->facts[position];
	const unsigned state = atomic_load_explicit(&facts->state, memory_order_acquire);
	return state == SEGMENT_VERIFIED ? facts : NULL;
}

struct segment_stat session_stat(const struct session *session, size_t position)
{
	const struct repo *repo = session->repo;
	const struct segment_stat *known = atomic_load(&session->stats);
	char path[LISTING_PATH_MAX];
	struct stat st;
	if (known)
		return known[position];
	listing_path(&repo->listing, position, path);
	if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct segment_stat){ 0 };
	return (struct segment_stat){ (uint64_t)st.st_size, (int64_t)st.st_mtime };
}

const char *session_no_segments(const struct session *session)
{
	return listing_is_partial(&session->repo->findings)
		? "Part of data/ cannot be read: the list of segments is not known."
		: "There are no segments.";
}

size_t session_name_holders(struct session *session, char *out, size_t size)
{
	size_t at = 0;
	out[0] = '\0';
	pthread_mutex_lock(&session->mutex);
	const size_t count = session->holder_count;
	for (size_t i = 0; i < count && at < size; i++) {
		const struct lock_holder *holder = &session->holders[i];
		char program[sizeof(holder->program) * 4 + 1];
		char machine[sizeof(holder->id.host) * 4 + 1] = "";
		format_masked_text(holder->program, program, sizeof(program));
		if (holder->is_elsewhere)
			format_masked_text(holder->id.host, machine, sizeof(machine));
		const int n = snprintf(out + at, size - at, "%s%s (%ld%s%s)%s", i > 0 ? ", " : "",
				       program[0] ? program : "process", (long)holder->pid,
				       machine[0] ? " on " : "", machine,
				       holder->exclusive ? " EXCLUSIVE" : "");
		at += n > 0 ? (size_t)n : 0;
	}
	pthread_mutex_unlock(&session->mutex);
	return count;
}
