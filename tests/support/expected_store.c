#include "build-config.h"

#include "tests/support/expected_store.h"

#include "engine/check/check.h"
#include "engine/store/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void expected_fill(uint8_t *value, size_t size, unsigned seed)
{
	uint32_t state = seed * 2654435761u + 1;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		value[i] = (uint8_t)(state >> 24);
	}
	if (seed & EXPECTED_LIKE_COMMIT)
		memcpy(value + size - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER);
}

uint8_t *expected_value(size_t size, unsigned seed)
{
	uint8_t *value = malloc(size + 1);
	assert_non_null(value);
	expected_fill(value, size, seed);
	return value;
}

static void need(enum as_err err, const struct as_error *error)
{
	if (err != AS_OK)
		fail_msg("%s: %s", as_err_name(err), error->message);
}

void expected_put(struct expected_store *expected, struct as_store *store, unsigned number,
		  size_t size, unsigned seed)
{
	uint8_t key[BUILDER_KEY];
	struct as_error error = { .code = AS_OK };
	uint8_t *value = expected_value(size, seed);
	builder_key(number, key);
	need(as_put(store, key, sizeof(key), value, size, &error), &error);
	free(value);
	expected->objects[number] = (struct expected_object){
		.is_there = true, .size = size, .seed = seed,
	};
}

void expected_delete(struct expected_store *expected, struct as_store *store, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	struct as_error error = { .code = AS_OK };
	builder_key(number, key);
	need(as_delete(store, key, sizeof(key), &error), &error);
	expected->objects[number].is_there = false;
}

void expected_commit(struct as_store *store)
{
	struct as_error error = { .code = AS_OK };
	need(as_commit(store, 0, NULL, &error), &error);
}

uint64_t expected_count(const struct expected_store *expected)
{
	uint64_t count = 0;
	for (unsigned i = 0; i < EXPECTED_OBJECTS; i++)
		count += expected->objects[i].is_there;
	return count;
}

/* What is wrong with object @number, or NULL. */
static const char *judge(const struct expected_object *object, unsigned number,
			 struct as_store *store)
{
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	bool found;
	builder_key(number, key);
	if (as_contains(store, key, sizeof(key), &found, NULL) != AS_OK)
		return "contains failed";
	if (found != object->is_there)
		return found ? "is there, and should not be" : "is not there, and should be";
	const enum as_err err = as_get(store, key, sizeof(key), &value, &size, NULL);
	if (!object->is_there)
		return err == AS_ERR_OBJECT_NOT_FOUND ? NULL : "can be read, but should not";
	if (err != AS_OK)
		return "cannot be read";
	uint8_t *wanted = expected_value(object->size, object->seed);
	const bool same = size == object->size && memcmp(value, wanted, size) == 0;
	free(wanted);
	free(value);
	return same ? NULL : "has another value";
}

static int count_key(void *context, const uint8_t key[AS_KEY_SIZE])
{
	uint64_t *count = context;
	(void)key;
	++*count;
	return 0;
}

static bool find_difference(const struct expected_store *expected, struct as_store *store,
			    char *text, size_t size)
{
	uint64_t length = 0, listed = 0;
	if (as_len(store, &length, NULL) != AS_OK || length != expected_count(expected)) {
		snprintf(text, size, "%llu objects, not %llu", (unsigned long long)length,
			 (unsigned long long)expected_count(expected));
		return true;
	}
	if (as_each_key(store, count_key, &listed, NULL) != AS_OK || listed != length) {
		snprintf(text, size, "%llu keys are listed, not %llu", (unsigned long long)listed,
			 (unsigned long long)length);
		return true;
	}
	for (unsigned i = 0; i < EXPECTED_OBJECTS; i++) {
		const char *wrong = judge(&expected->objects[i], i, store);
		if (!wrong)
			continue;
		snprintf(text, size, "object %u %s", i, wrong);
		return true;
	}
	return false;
}

bool expected_matches(const struct expected_store *expected, struct as_store *store)
{
	char text[128];
	return !find_difference(expected, store, text, sizeof(text));
}

void expected_check(const struct expected_store *expected, struct as_store *store)
{
	char text[128];
	if (find_difference(expected, store, text, sizeof(text)))
		fail_msg("%s", text);
}

struct as_store *expected_open(const char *repo, const struct io *io)
{
	struct as_store *store;
	struct as_state state;
	struct as_error error = { .code = AS_OK };
	need(store_open(repo, NULL, io, &store, &error), &error);
	as_get_state(store, &state);
	if (state.needs_rollback || state.needs_recover)
		fail_msg("not in order: %s", state.why);
	return store;
}

static void check_order(const char *repo)
{
	struct repo *opened;
	struct verify *verify;
	struct verify_progress progress = { .cancel = false };
	struct as_error error = { .code = AS_OK };
	char message[512];
	need(repo_open(repo, NULL, &opened, &error), &error);
	assert_int_equal(verify_run(opened, 2, &progress, &verify), AS_OK);
	for (size_t i = 0; i < verify->findings.count; i++) {
		const struct finding *finding = &verify->findings.rows[i];
		finding_message(finding, message, sizeof(message));
		if (finding->severity > SEVERITY_INFO)
			fail_msg("%s", message);
	}
	verify_free(verify);
	repo_close(opened);
}

void expected_check_repo(const struct expected_store *expected, const char *repo)
{
	struct as_error error = { .code = AS_OK };
	struct as_store *store = expected_open(repo, &io_system);
	expected_check(expected, store);
	/* The log alone, replayed from its beginning, must give the same. */
	need(store_replay(store, true, &error), &error);
	expected_check(expected, store);
	as_close(store);
	check_order(repo);
}
