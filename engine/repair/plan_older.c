#include "build-config.h"

#include "repair/planner_internal.h"

#include <inttypes.h>

/* One segment. What cannot be read any longer is left out, as Borg leaves out what it did not see:
 * a repair must not fail for that. */
static enum as_err read_segment(struct plan_work *work, struct segment_reader *reader,
				size_t position)
{
	const struct repo *repo = work->repo;
	const uint32_t number = repo->listing.segments[position].number;
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	uint32_t segment, offset;
	listing_path(&repo->listing, position, path);
	enum as_err err = segment_open(reader, repo->fd, path, number, NULL, NULL);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		if (entry.tag != SEGMENT_PUT ||
		    (index_table_get(work->table, entry.key, &segment, &offset) &&
		     segment == number && offset == entry.offset))
			continue;
		if (!hints_reserve_older(&work->hints))
			return AS_ERR_MEMORY;
		hints_add_older(&work->hints, entry.key, number);
	}
	return err == AS_END ? AS_OK : err;
}

enum as_err plan_find_older(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const struct listing *listing = &work->repo->listing;
	enum as_err err = AS_OK;
	if (!work->writes_index || !work->table || work->dialect->hints_version < 2)
		return AS_OK;
	struct segment_reader *reader = segment_reader_new(work->repo->io, work->repo->dialect);
	if (!reader)
		return AS_ERR_MEMORY;
	segment_reader_watch(reader, &work->progress->cancel);
	for (size_t i = 0; err == AS_OK && i < listing->count; i++) {
		const struct segment_facts *facts = &work->verify->facts[i];
		const struct hints_segment *row =
			hints_find(&work->hints, listing->segments[i].number);
		if (row && !work->goes[i] && facts->role == ROLE_LOG && facts->is_committed &&
		    facts->puts > row->live)
			err = read_segment(work, reader, i);
	}
	segment_reader_free(reader);
	hints_sort_older(&work->hints);
	return err;
}
