#include "build-config.h"

#include "parallel.h"
#include "rows.h"
#include "verify_private.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
	const struct verify_gone *x = a, *y = b;
	return memcmp(x->key, y->key, KEY_SIZE);
}

enum as_err verify_add_gone(struct verify *verify, size_t *capacity, const uint8_t key[KEY_SIZE],
			    uint32_t segment, uint32_t offset, const struct replay_event *older)
{
	void *rows = verify->gone;
	if (!rows_reserve(&rows, verify->gone_count, capacity, sizeof(*verify->gone)))
		return AS_ERR_MEMORY;
	verify->gone = rows;
	struct verify_gone *gone = &verify->gone[verify->gone_count++];
	*gone = (struct verify_gone){ .segment = segment, .offset = offset };
	memcpy(gone->key, key, KEY_SIZE);
	if (older) {
		gone->has_older = true;
		gone->older = *older;
	}
	return AS_OK;
}

static struct verify_gone *find(const struct verify *verify, const uint8_t key[KEY_SIZE])
{
	struct verify_gone wanted;
	if (verify->gone_count == 0)
		return NULL;
	memcpy(wanted.key, key, KEY_SIZE);
	return bsearch(&wanted, verify->gone, verify->gone_count, sizeof(wanted), by_key);
}

const struct verify_gone *verify_find_gone(const struct verify *verify,
					   const uint8_t key[KEY_SIZE])
{
	return find(verify, key);
}

/* Each key once; where several places claim one, the last of them. */
static void tidy(struct verify *verify)
{
	size_t kept = 0;
	if (verify->gone_count > 1)
		qsort(verify->gone, verify->gone_count, sizeof(*verify->gone), by_key);
	for (size_t i = 0; i < verify->gone_count; i++) {
		const struct verify_gone *row = &verify->gone[i];
		if (kept == 0 || by_key(&verify->gone[kept - 1], row) != 0)
			verify->gone[kept++] = *row;
		else if (replay_time(row->segment, row->offset) >
			 replay_time(verify->gone[kept - 1].segment, verify->gone[kept - 1].offset))
			verify->gone[kept - 1] = *row;
	}
	verify->gone_count = kept;
}

/* ---- versions that a DELETE hides: an overwrite is DELETE, then PUT ---- */

struct search {
	struct verify_run *run;
	struct verify *verify;
	_Atomic size_t next;
	_Atomic int failure;		/* enum as_err */
};

static void consider(struct search *search, uint32_t number, const struct segment_entry *e)
{
	struct verify_gone *gone = e->tag == SEGMENT_PUT ? find(search->verify, e->key) : NULL;
	const struct replay_event event = {
		.segment = number, .offset = (uint32_t)e->offset, .size = (uint32_t)e->size,
		.is_put = true,
	};
	if (!gone)
		return;
	pthread_mutex_lock(&search->verify->mutex);
	if (!gone->has_older || replay_time(gone->older.segment, gone->older.offset) <
					replay_time(event.segment, event.offset)) {
		gone->has_older = true;
		gone->older = event;
	}
	pthread_mutex_unlock(&search->verify->mutex);
}

static enum as_err search_segment(struct search *search, struct segment_reader *reader,
				  size_t position)
{
	const struct view *view = search->run->view;
	char path[LAYOUT_PATH_MAX];
	struct segment_entry entry;
	layout_path(&view->layout, position, path);
	enum as_err err = segment_open(reader, view->fd, path,
				       search->verify->facts[position].number, NULL, NULL);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		consider(search, search->verify->facts[position].number, &entry);
		if (verify_should_stop(search->run))
			return AS_ERR_CANCELLED;
	}
	return err == AS_END ? AS_OK : err;
}

static void search_segments(void *context)
{
	struct search *search = context;
	const struct verify *verify = search->verify;
	struct segment_reader *reader = segment_reader_new(search->run->view->io);
	int none = AS_OK;
	enum as_err err = reader ? AS_OK : AS_ERR_MEMORY;
	if (reader)
		segment_reader_watch(reader, &search->run->progress->cancel);
	while (err == AS_OK) {
		const size_t i = atomic_fetch_add(&search->next, 1);
		if (i >= verify->view->layout.count)
			break;
		const struct segment_facts *facts = &verify->facts[i];
		/* Where every PUT is live none is hidden. */
		if (facts->role == ROLE_LOG && facts->is_committed && !facts->is_unopened &&
		    facts->puts > facts->live)
			err = search_segment(search, reader, i);
	}
	if (err != AS_OK)
		atomic_compare_exchange_strong(&search->failure, &none, (int)err);
	segment_reader_free(reader);
}

enum as_err verify_find_older(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct search search = { .run = run, .verify = verify };
	bool is_any = false;
	tidy(verify);
	for (size_t i = 0; i < verify->gone_count; i++)
		is_any = is_any || !verify->gone[i].has_older;
	if (is_any)
		parallel_run(run->threads, search_segments, &search);
	return (enum as_err)atomic_load(&search.failure);
}
