#include "build-config.h"

#include "src/message.h"
#include "src/repository.h"

static const struct column columns[] = {
	{ "segment", "segment", 8, false, false },
	{ "path", "path", 0, true, true },
	{ "size", "size", 9, false, false },
	{ "entries", NULL, 0, false, false },
	{ "puts", "PUT", 6, false, false },
	{ "deletes", "DELETE", 6, false, false },
	{ "commits", NULL, 0, false, false },
	{ "live", "live", 6, false, false },
	{ "live_bytes", "live size", 9, false, false },
	{ "complete", NULL, 0, false, false },
	{ "committed", NULL, 0, false, false },
	{ "crc", NULL, 0, false, false },
	{ "damaged_bytes", NULL, 0, false, false },
	{ "damaged", NULL, 0, false, false },
	{ NULL, "state", 11, true, false },
};

static bool is_damaged(const struct segment_facts *facts)
{
	return facts->damaged > 0 || facts->is_unreadable;
}

/* Nothing is known of the checksums in a file that cannot be opened. */
static struct cell crc_cell(const struct segment_facts *facts)
{
	if (facts->is_unopened)
		return cell_none();
	return cell_text(is_damaged(facts) ? "damaged" : "ok", TONE_PLAIN);
}

/* The worst that can be said of a segment. */
static struct cell state_cell(const struct segment_facts *facts)
{
	if (facts->is_unopened)
		return cell_text("unreadable", TONE_BAD);
	if (is_damaged(facts))
		return cell_text("damaged", TONE_BAD);
	return facts->is_committed ? cell_text("ok", TONE_GOOD)
				   : cell_text("uncommitted", TONE_WARNING);
}

static bool write_row(struct out *out, const struct view *view, const struct verify *verify,
		      size_t i)
{
	const struct segment_facts *facts = &verify->facts[i];
	char path[LAYOUT_PATH_MAX];
	layout_path(&view->layout, i, path);
	const struct cell cells[ARRAY_SIZE(columns)] = {
		cell_number(view->layout.segments[i].number),
		cell_text(path, TONE_PLAIN),
		cell_bytes(facts->size),
		cell_number((uint64_t)facts->puts + facts->deletes + facts->commits),
		cell_number(facts->puts),
		cell_number(facts->deletes),
		cell_number(facts->commits),
		cell_number(facts->live),
		cell_bytes(facts->live_bytes),
		cell_flag(facts->is_complete),
		cell_flag(facts->is_committed),
		crc_cell(facts),
		cell_bytes(facts->damaged_bytes),
		cell_number(facts->damaged),
		state_cell(facts),
	};
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

int cmd_segments(struct request *request)
{
	struct view *view;
	struct verify *verify;
	enum as_err err = repository_open(request, &view);
	if (err != AS_OK)
		return message_status(err);
	err = repository_verify(request, view, &verify);
	if (err == AS_OK) {
		out_titles(&request->out, columns, ARRAY_SIZE(columns));
		size_t i = 0;
		while (i < view->layout.count && write_row(&request->out, view, verify, i))
			i++;
		verify_free(verify);
	}
	repository_close(view);
	return message_status(err);
}
