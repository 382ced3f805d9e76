#include "build-config.h"

#include "screen/hex_search.h"

#include "session/raw_window.h"

#include <stdlib.h>

struct hex_target {
	struct search_target head;
	struct session *session;	/* held */
	bool of_index, opened;
	size_t position;
	struct raw raw;
	struct window window;
	void (*show)(struct screen *screen, uint64_t offset);
};

/* Finds nothing in a file that cannot be opened. */
static bool find_bytes(struct search_target *head, const struct query *query, uint64_t first,
		       uint64_t count, bool backward, uint64_t *found)
{
	struct hex_target *target = (struct hex_target *)head;
	const struct repo *repo = target->session->repo;
	if (!target->opened) {
		target->opened = true;
		if (target->of_index)
			raw_open_index(repo, &target->raw);
		else
			raw_open(repo, target->position, &target->raw);
	}
	window_read(&target->window, &target->raw, first);
	return window_find(&target->window, query->bytes, query->byte_count, first, first + count,
			   backward, found);
}

static void show(struct search_target *head, struct screen *screen, uint64_t offset)
{
	((struct hex_target *)head)->show(screen, offset);
}

static void drop(struct search_target *head)
{
	struct hex_target *target = (struct hex_target *)head;
	raw_close(&target->raw);
	ref_release(target->session);
	free(target);
}

struct search_target *hex_search_target(struct session *session, bool of_index, size_t position,
					const struct query *query,
					void (*show_found)(struct screen *screen, uint64_t offset))
{
	struct hex_target *target = calloc(1, sizeof(*target));
	if (!target)
		return NULL;
	target->head = (struct search_target){
		.unit = "KiB", .unit_size = 1024, .find = find_bytes, .show = show, .drop = drop,
		/* The window holds the whole of a match that begins in the batch. */
		.batch = WINDOW_SIZE - (uint32_t)query->byte_count + 1,
	};
	target->session = ref_hold(session);
	target->of_index = of_index;
	target->position = position;
	target->raw.fd = -1;
	target->show = show_found;
	return &target->head;
}
