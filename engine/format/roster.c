#include "build-config.h"

#include "format/roster.h"

#include "base/array.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static const char DIGITS[] = "0123456789", HEX_DIGITS[] = "0123456789abcdefABCDEF";

/* Read all of @text, up to @end, as a number of @base without a sign. */
static bool parse_number(const char *text, const char *end, int base, int64_t *number)
{
	char copy[24];
	const size_t len = (size_t)(end - text);
	/* 18 decimal and 15 hexadecimal digits cannot overflow. */
	const size_t most = base == 10 ? 18 : 15;
	if (len == 0 || len > most)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strspn(copy, base == 10 ? DIGITS : HEX_DIGITS) != len)
		return false;
	*number = strtoll(copy, NULL, base);
	return true;
}

bool lock_id_parse(const char *name, struct lock_id *id)
{
	const char *thread = strrchr(name, '-'), *pid = thread;
	while (pid && pid > name && *pid != '.')
		pid--;
	if (!pid || *pid != '.')
		return false;
	const size_t len = (size_t)(pid - name);
	if (len >= sizeof(id->host) || !parse_number(pid + 1, thread, 10, &id->pid) ||
	    !parse_number(thread + 1, name + strlen(name), 16, &id->thread))
		return false;
	memset(id->host, 0, sizeof(id->host));
	memcpy(id->host, name, len);
	return true;
}

bool lock_id_name(const struct lock_id *id, char out[LOCK_NAME_SIZE])
{
	const int len = snprintf(out, LOCK_NAME_SIZE, "%s.%" PRId64 "-%" PRIx64, id->host, id->pid,
				 (uint64_t)id->thread);
	return len > 0 && len < LOCK_NAME_SIZE && !strchr(id->host, '/');
}

bool lock_id_is_same(const struct lock_id *a, const struct lock_id *b)
{
	return a->pid == b->pid && a->thread == b->thread && strcmp(a->host, b->host) == 0;
}

/* ---- the list ---- */

void roster_free(struct roster *roster)
{
	free(roster->rows);
	*roster = (struct roster){ .rows = NULL };
}

static size_t find_row(const struct roster *roster, const struct lock_id *id, bool exclusive)
{
	size_t i = 0;
	while (i < roster->count && (roster->rows[i].exclusive != exclusive ||
				     !lock_id_is_same(&roster->rows[i].id, id)))
		i++;
	return i;
}

enum as_err roster_add(struct roster *roster, const struct lock_id *id, bool exclusive)
{
	if (find_row(roster, id, exclusive) < roster->count)
		return AS_OK;
	if (!ARRAY_RESERVE(roster->rows, roster->count, roster->capacity))
		return AS_ERR_MEMORY;
	roster->rows[roster->count++] = (struct roster_row){ .id = *id, .exclusive = exclusive };
	return AS_OK;
}

void roster_remove(struct roster *roster, const struct lock_id *id, bool exclusive)
{
	const size_t at = find_row(roster, id, exclusive);
	if (at == roster->count)
		return;
	memmove(&roster->rows[at], &roster->rows[at + 1],
		(roster->count - at - 1) * sizeof(roster->rows[0]));
	roster->count--;
}

/* ---- reading ---- */

static enum as_err add_rows(struct roster *roster, const json_t *list, bool exclusive)
{
	if (list && !json_is_array(list))
		return AS_ERR_INTEGRITY;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct lock_id id = { .pid = 0 };
		const json_t *row = json_array_get(list, i);
		const json_t *host = json_array_get(row, 0), *pid = json_array_get(row, 1);
		const json_t *thread = json_array_get(row, 2);
		const size_t len = json_string_length(host);
		if (json_array_size(row) != 3 || !json_is_string(host) || len >= sizeof(id.host) ||
		    !json_is_integer(pid) || !json_is_integer(thread))
			return AS_ERR_INTEGRITY;
		memcpy(id.host, json_string_value(host), len);
		id.pid = json_integer_value(pid);
		id.thread = json_integer_value(thread);
		if (id.pid < 0 || id.thread < 0)
			return AS_ERR_INTEGRITY;
		const enum as_err err = roster_add(roster, &id, exclusive);
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

/* What jansson does not read, Python's reader may: such bytes are JSON all the same. */
static enum as_err judge_refusal(const json_error_t *error, struct roster *roster)
{
	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		return AS_ERR_MEMORY;
	case json_error_invalid_utf8:
	case json_error_premature_end_of_input:
	case json_error_end_of_input_expected:
	case json_error_invalid_syntax:
		roster->is_no_json = true;
		return AS_OK;
	default:
		return AS_ERR_INTEGRITY;
	}
}

enum as_err roster_parse(const void *data, size_t len, struct roster *roster)
{
	json_error_t error;
	*roster = (struct roster){ .rows = NULL };
	if (len > ROSTER_MAX)
		return AS_ERR_LIMIT;
	json_t *root = json_loadb(data, len, JSON_DECODE_ANY, &error);
	if (!root)
		return judge_refusal(&error, roster);
	enum as_err err = json_is_object(root) ? AS_OK : AS_ERR_INTEGRITY;
	if (err == AS_OK)
		err = add_rows(roster, json_object_get(root, "exclusive"), true);
	if (err == AS_OK)
		err = add_rows(roster, json_object_get(root, "shared"), false);
	json_decref(root);
	if (err != AS_OK)
		roster_free(roster);
	return err;
}

/* ---- writing ---- */

/* Add the list of the @exclusive rows to @root. False: memory was short. */
static bool add_list(const struct roster *roster, bool exclusive, json_t *root)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < roster->count; i++) {
		const struct lock_id *id = &roster->rows[i].id;
		if (roster->rows[i].exclusive == exclusive &&
		    json_array_append_new(list, json_pack("[s,I,I]", id->host, (json_int_t)id->pid,
							  (json_int_t)id->thread)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	if (list && json_array_size(list) == 0) {
		json_decref(list);
		return true;
	}
	return json_object_set_new(root, exclusive ? "exclusive" : "shared", list) == 0;
}

enum as_err roster_print(const struct roster *roster, char **text)
{
	*text = NULL;
	for (size_t i = 0; i < roster->count; i++) {
		json_t *host = json_string(roster->rows[i].id.host);
		if (!host)	/* it is no UTF-8 */
			return AS_ERR_USAGE;
		json_decref(host);
	}
	json_t *root = json_object();
	if (root && add_list(roster, true, root) && add_list(roster, false, root))
		*text = json_dumps(root, JSON_ENSURE_ASCII);
	json_decref(root);
	return *text ? AS_OK : AS_ERR_MEMORY;
}
