#include "build-config.h"

#include "src/command.h"
#include "src/message.h"
#include "src/out_json.h"
#include "src/out_text.h"

#include "engine/base/bytes.h"
#include "ui/session/format.h"

#include <inttypes.h>

static void write_json(struct out *out, const char *path, const struct as_state *state)
{
	const struct cell id = cell_key(state->id);
	json_object_out(out, json_pack(
		"{s:s, s:o, s:o, s:I, s:I}",
		"action", "create",
		"repository", json_text(path),
		"id", json_cell(&id),
		"segments_per_dir", (json_int_t)state->segments_per_dir,
		"max_segment_size", (json_int_t)state->max_segment_size));
}

static void write_text(struct out *out, const char *path, const struct as_state *state)
{
	char id[KEY_HEX_SIZE], size[FORMAT_SIZE];
	key_to_hex(state->id, id);
	text_line(out, TONE_PLAIN, "created %s: segments of %s, %" PRIu32 " a folder, id %s", path,
		  format_bytes(state->max_segment_size, size, sizeof(size)),
		  state->segments_per_dir, id);
}

int cmd_create(struct request *request)
{
	const char *path = request->args[0];
	const struct as_settings settings = {
		.segments_per_dir = request->options.segments_per_dir,
		.max_segment_size = request->options.max_segment_size,
	};
	const struct as_options look = { .read_only = true };
	struct as_error error = { .code = AS_OK };
	struct as_store *store;
	struct as_state state;
	enum as_err err = as_create(path, &settings, &error);
	if (err == AS_OK)
		err = as_open(path, &look, &store, &error);
	if (err != AS_OK)
		return message_failure(err, &error);
	as_get_state(store, &state);
	as_close(store);
	if (request->out.json)
		write_json(&request->out, path, &state);
	else
		write_text(&request->out, path, &state);
	return EXIT_DONE;
}
