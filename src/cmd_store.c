#include "build-config.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/out_json.h"
#include "src/out_text.h"
#include "src/store_change.h"

#include "engine/base/array.h"
#include "engine/base/bytes.h"
#include "ui/session/format.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"
#define LINE_SIZE (2 * KEY_SIZE + PATH_MAX + 64)	/* bytes: a key, blanks, a path */

/* ---- create ---- */

int cmd_create(struct request *request)
{
	struct out *out = &request->out;
	const char *path = request->args[0];
	const struct as_settings settings = {
		.segments_per_dir = request->options.segments_per_dir,
		.max_segment_size = request->options.max_segment_size,
		.dialect = request->options.dialect,
	};
	const struct as_options read_only = { .read_only = true };
	struct as_error error = { .code = AS_OK };
	struct as_store *store;
	struct as_state state;
	enum as_err err = as_create(path, &settings, &error);
	if (err == AS_OK)
		err = as_open(path, &read_only, &store, &error);
	if (err != AS_OK)
		return message_failure(err, &error);
	as_get_state(store, &state);
	as_close(store);
	if (out->json) {
		json_t *object = json_object();
		json_add(&object, "action", json_text("create"));
		json_add(&object, "repository", json_text(path));
		json_add(&object, "id", json_key(state.id));
		json_add(&object, "segments_per_dir", json_number(state.segments_per_dir));
		json_add(&object, "max_segment_size", json_number(state.max_segment_size));
		json_add(&object, "dialect",
			 json_text(state.dialect == AS_DIALECT_BORG ? "borg" : "attic"));
		json_object_out(out, object);
	} else {
		char id[KEY_HEX_SIZE], size[FORMAT_SIZE];
		key_to_hex(state.id, id);
		text_line(out, TONE_PLAIN,
			  "created %s%s: segments of %s, %" PRIu32 " a folder, id %s", path,
			  state.dialect == AS_DIALECT_BORG ? " for Borg" : "",
			  format_bytes(state.max_segment_size, size, sizeof(size)),
			  state.segments_per_dir, id);
	}
	return EXIT_DONE;
}

/* ---- put ---- */

/* Read a whole key of 64 hex digits. */
static bool read_key(const char *text, uint8_t key[KEY_SIZE])
{
	struct key_prefix prefix;
	if (!key_prefix_parse(text, &prefix) || prefix.nibbles != 2 * KEY_SIZE)
		return false;
	memcpy(key, prefix.bytes, KEY_SIZE);
	return true;
}

static int refuse_key(const struct request *request, const char *text)
{
	message("'%s' is not a whole key of 64 hex digits: "
		"%s does not take the beginning of a key", text, request->command->name);
	return EXIT_USAGE;
}

/* The file that argument @i names; NULL is standard input. */
static const char *file_argument(const struct request *request, int i)
{
	const char *path = request->args[i];
	return path && strcmp(path, "-") != 0 ? path : NULL;
}

static const char *bytes_text(uint64_t bytes, char out[FORMAT_SIZE + 8])
{
	char count[FORMAT_SIZE];
	snprintf(out, FORMAT_SIZE + 8, "%s byte%s", format_count(bytes, count, sizeof(count)),
		 plural(bytes));
	return out;
}

static int put_one(struct request *request)
{
	struct store_change change;
	struct input_value value = { .data = NULL };
	struct as_error error = { .code = AS_OK };
	char bytes[FORMAT_SIZE + 8], digits[FORMAT_SIZE];
	uint8_t key[KEY_SIZE];
	if (!read_key(request->args[1], key))
		return refuse_key(request, request->args[1]);
	enum as_err err = store_change_begin(request, &change);
	if (err != AS_OK)
		return message_status(err);
	err = input_value_read(file_argument(request, 2), &value, &error);
	if (err == AS_OK)
		err = store_change_apply(&change, key, &value);
	else
		message_failure(err, &error);
	struct change_summary summary = {
		.action = "put", .keys = key, .count = 1, .bytes = value.len,
	};
	input_value_free(&value);
	if (err != AS_OK)
		return store_change_abandon(&change, err);
	snprintf(summary.text, sizeof(summary.text), "put %s under %s%s",
		 bytes_text(summary.bytes, bytes),
		 format_key(key, 16, "...", digits, sizeof(digits)), key_note(key));
	return store_change_commit(&change, request, &summary);
}

/* ---- put --batch ---- */

struct batch {
	struct store_change change;
	FILE *list;
	const char *name;	/* of the list */
	uint64_t line;		/* number of the current one, from 1 */
	struct input_value value;
	uint64_t count, bytes;	/* put so far */
};

static enum as_err refuse_line(const struct batch *batch, enum as_err err, const char *why)
{
	message("%s:%" PRIu64 ": %s", batch->name, batch->line, why);
	return err;
}

/* Read the next line of the list into @line, without the newline. AS_END after the last one. */
static enum as_err next_line(struct batch *batch, char line[LINE_SIZE])
{
	size_t len = 0;
	int c;
	errno = 0;
	while ((c = getc(batch->list)) != EOF && c != '\n' && c != '\0' && len < LINE_SIZE - 1)
		line[len++] = (char)c;
	line[len] = '\0';
	batch->line++;
	if (interrupt_came()) {
		message_failure(AS_ERR_CANCELLED, NULL);
		return AS_ERR_CANCELLED;
	}
	if (ferror(batch->list)) {
		message("%s: %s", batch->name, strerror(errno ? errno : EIO));
		return AS_ERR_IO;
	}
	if (c == EOF && len == 0)
		return AS_END;
	if (c != EOF && c != '\n')
		return refuse_line(batch, AS_ERR_LIMIT, "the line is too long or holds a NUL byte");
	return AS_OK;
}

/* @line is changed. */
static enum as_err put_line(struct batch *batch, char *line)
{
	struct as_error error = { .code = AS_OK };
	uint8_t key[KEY_SIZE];
	char *blank = line + strcspn(line, BLANKS);
	const char *path = blank + strspn(blank, BLANKS);
	if (line[0] == '#' || line[strspn(line, BLANKS)] == '\0')
		return AS_OK;
	*blank = '\0';
	if (!read_key(line, key))
		return refuse_line(batch, AS_ERR_KEY_SIZE,
				   "the line does not begin with a key of 64 hex digits");
	if (path[0] == '\0')
		return refuse_line(batch, AS_ERR_DOES_NOT_EXIST, "there is no path after the key");
	enum as_err err = input_value_read(path, &batch->value, &error);
	if (err != AS_OK)
		return refuse_line(batch, err, error.message);
	err = store_change_apply(&batch->change, key, &batch->value);
	if (err != AS_OK)
		return err;
	batch->count++;
	batch->bytes += batch->value.len;
	return AS_OK;
}

static int put_batch(struct request *request)
{
	const char *path = file_argument(request, 1);
	struct batch batch = { .list = stdin, .name = path ? path : INPUT_VALUE_STDIN };
	struct change_summary summary = { .action = "put" };
	char line[LINE_SIZE], bytes[FORMAT_SIZE + 8], count[FORMAT_SIZE];
	if (path)
		batch.list = fopen(path, "re");
	if (!batch.list) {
		message("%s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	enum as_err err = store_change_begin(request, &batch.change);
	const bool has_begun = err == AS_OK;
	while (err == AS_OK) {
		err = next_line(&batch, line);
		if (err == AS_OK)
			err = put_line(&batch, line);
	}
	input_value_free(&batch.value);
	if (path)
		fclose(batch.list);
	if (!has_begun)
		return message_status(err);
	if (err != AS_END)
		return store_change_abandon(&batch.change, err);
	summary.count = batch.count;
	summary.bytes = batch.bytes;
	snprintf(summary.text, sizeof(summary.text), "put %s object%s, %s",
		 format_count(batch.count, count, sizeof(count)), plural(batch.count),
		 bytes_text(batch.bytes, bytes));
	return store_change_commit(&batch.change, request, &summary);
}

int cmd_put(struct request *request)
{
	const bool batch = request->options.batch;
	if (request->arg_count < (batch ? 1 : 2) || request->arg_count > (batch ? 2 : 3)) {
		message("put needs REPO KEY [FILE], or --batch REPO [LIST]");
		message("see 'atticscope help put'");
		return EXIT_USAGE;
	}
	return batch ? put_batch(request) : put_one(request);
}

/* ---- delete ---- */

struct keys {
	uint8_t *bytes;		/* back to back, sorted, none twice */
	size_t count;
};

/* Read the keys among the arguments into @keys, which has room for all. Returns an exit status. */
static int read_keys(const struct request *request, struct keys *keys)
{
	const size_t count = (size_t)request->arg_count - 1;
	for (size_t i = 0; i < count; i++)
		if (!read_key(request->args[1 + i], keys->bytes + i * KEY_SIZE))
			return refuse_key(request, request->args[1 + i]);
	qsort(keys->bytes, count, KEY_SIZE, array_compare_key);
	keys->count = 0;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *key = keys->bytes + i * KEY_SIZE;
		if (i == 0 || memcmp(key - KEY_SIZE, key, KEY_SIZE) != 0)
			memmove(keys->bytes + keys->count++ * KEY_SIZE, key, KEY_SIZE);
	}
	return EXIT_DONE;
}

/* Name all keys that are missing, before anything is written. */
static enum as_err find_all(struct store_change *change, const struct keys *keys)
{
	enum as_err result = AS_OK;
	for (size_t i = 0; i < keys->count; i++) {
		const uint8_t *key = keys->bytes + i * KEY_SIZE;
		struct as_error error = { .code = AS_OK };
		char hex[KEY_HEX_SIZE];
		bool found;
		const enum as_err err = as_contains(change->store, key, KEY_SIZE, &found, &error);
		if (err != AS_OK) {
			message_failure(err, &error);
			return err;
		}
		if (found)
			continue;
		key_to_hex(key, hex);
		message("there is no object %s%s", hex, key_note(key));
		result = AS_ERR_OBJECT_NOT_FOUND;
	}
	return result;
}

static int delete_and_commit(struct request *request, const struct keys *keys)
{
	struct store_change change;
	struct change_summary summary = {
		.action = "delete", .keys = keys->bytes, .count = keys->count,
	};
	char text[FORMAT_SIZE];
	enum as_err err = store_change_begin(request, &change);
	if (err != AS_OK)
		return message_status(err);
	err = find_all(&change, keys);
	for (size_t i = 0; i < keys->count && err == AS_OK; i++)
		err = store_change_apply(&change, keys->bytes + i * KEY_SIZE, NULL);
	if (err != AS_OK)
		return store_change_abandon(&change, err);
	if (keys->count == 1)
		snprintf(summary.text, sizeof(summary.text), "deleted %s%s",
			 format_key(keys->bytes, 16, "...", text, sizeof(text)),
			 key_note(keys->bytes));
	else
		snprintf(summary.text, sizeof(summary.text), "deleted %s objects",
			 format_count(keys->count, text, sizeof(text)));
	return store_change_commit(&change, request, &summary);
}

int cmd_delete(struct request *request)
{
	struct keys keys = { .bytes = malloc((size_t)request->arg_count * KEY_SIZE) };
	if (!keys.bytes)
		return message_failure(AS_ERR_MEMORY, NULL);
	int status = read_keys(request, &keys);
	if (status == EXIT_DONE)
		status = delete_and_commit(request, &keys);
	free(keys.bytes);
	return status;
}
