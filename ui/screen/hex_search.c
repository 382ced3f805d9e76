#include "build-config.h"

#include "screen/hex_search.h"

#include "session/raw_window.h"

struct hex_model {
	struct model base;
	size_t position;
	bool opened;
	struct raw raw;
	struct window window;
};

/* Finds nothing in a file that cannot be opened. */
static bool find_bytes(struct model *base, const struct query *query, uint64_t first,
		       uint64_t count, bool backward, uint64_t *found)
{
	struct hex_model *model = (struct hex_model *)base;
	if (!model->opened)
		raw_open(base->session->repo, model->position, &model->raw);
	model->opened = true;
	window_read(&model->window, &model->raw, first);
	return window_find(&model->window, query->bytes, query->byte_count, first, first + count,
			   backward, found);
}

static void close_file(struct model *base)
{
	raw_close(&((struct hex_model *)base)->raw);
}

static const struct model_ops model_ops = { .find = find_bytes, .free = close_file };

struct model *hex_search_model(struct session *session, size_t position, uint64_t length)
{
	struct hex_model *model = model_new(&model_ops, sizeof(*model), session);
	if (!model)
		return NULL;
	model->position = position;
	model->raw.fd = -1;
	model->base.count = length;
	return &model->base;
}
