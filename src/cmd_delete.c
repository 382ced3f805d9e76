#include "build-config.h"

#include "src/message.h"
#include "src/store_change.h"

#include "ui/session/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keys {
	uint8_t *bytes;		/* back to back */
	size_t count;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, KEY_SIZE);
}

/* What is asked for twice is deleted once. */
static void drop_doubles(struct keys *keys)
{
	size_t kept = 0;
	qsort(keys->bytes, keys->count, KEY_SIZE, compare_keys);
	for (size_t i = 0; i < keys->count; i++) {
		const uint8_t *key = keys->bytes + i * KEY_SIZE;
		if (kept > 0 && memcmp(key - KEY_SIZE, key, KEY_SIZE) == 0)
			continue;
		memmove(keys->bytes + kept++ * KEY_SIZE, key, KEY_SIZE);
	}
	keys->count = kept;
}

static enum as_err read_keys(const struct request *request, struct keys *keys)
{
	const size_t count = (size_t)request->arg_count - 1;
	keys->bytes = malloc(count * KEY_SIZE);
	if (!keys->bytes) {
		message_failure(AS_ERR_MEMORY, NULL);
		return AS_ERR_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = request->args[1 + i];
		if (!whole_key_parse(text, keys->bytes + i * KEY_SIZE)) {
			message("'%s' is no whole key, 64 hex digits: delete takes no beginning of "
				"a key", text);
			return AS_ERR_USAGE;
		}
	}
	keys->count = count;
	drop_doubles(keys);
	return AS_OK;
}

/* All that are missing are named, before anything is written. */
static enum as_err look_for_all(struct transaction *txn, const struct keys *keys)
{
	enum as_err result = AS_OK;
	for (size_t i = 0; i < keys->count; i++) {
		const uint8_t *key = keys->bytes + i * KEY_SIZE;
		struct as_error error = { .code = AS_OK };
		char hex[KEY_HEX_SIZE];
		bool found;
		const enum as_err err = as_contains(txn->store, key, KEY_SIZE, &found, &error);
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

static enum as_err delete_all(struct transaction *txn, const struct keys *keys)
{
	enum as_err err = look_for_all(txn, keys);
	for (size_t i = 0; i < keys->count && err == AS_OK; i++)
		err = transaction_delete(txn, keys->bytes + i * KEY_SIZE);
	return err;
}

static void describe(const struct keys *keys, struct change *change)
{
	char text[FORMAT_SIZE];
	*change = (struct change){
		.action = "delete", .keys = keys->bytes, .count = keys->count,
	};
	if (keys->count == 1)
		snprintf(change->text, sizeof(change->text), "deleted %s%s",
			 format_key(keys->bytes, 16, "...", text, sizeof(text)),
			 key_note(keys->bytes));
	else
		snprintf(change->text, sizeof(change->text), "deleted %s objects",
			 format_count(keys->count, text, sizeof(text)));
}

static int delete_and_commit(struct request *request, const struct keys *keys)
{
	struct transaction txn;
	struct change change;
	enum as_err err = transaction_begin(request, &txn);
	if (err != AS_OK)
		return message_status(err);
	err = delete_all(&txn, keys);
	if (err != AS_OK)
		return transaction_abandon(&txn, err);
	describe(keys, &change);
	return transaction_commit(&txn, request, &change);
}

int cmd_delete(struct request *request)
{
	struct keys keys = { .bytes = NULL };
	const enum as_err err = read_keys(request, &keys);
	const int status = err == AS_OK ? delete_and_commit(request, &keys) : message_status(err);
	free(keys.bytes);
	return status;
}
