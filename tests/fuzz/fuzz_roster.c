/* REPO/lock.roster, and the names in REPO/lock.exclusive/: any bytes. */
#include "build-config.h"

#include "engine/format/roster.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct roster_row *a, const struct roster_row *b)
{
	return a->exclusive == b->exclusive && lock_id_is_same(&a->id, &b->id);
}

/* What was read is written and read again; the exclusive rows then come first. */
static void write_again(const struct roster *roster)
{
	struct roster again;
	char *text;
	need(roster_print(roster, &text) == AS_OK);
	if (strlen(text) > ROSTER_MAX) {	/* other letters than those of ASCII grew */
		free(text);
		return;
	}
	need(roster_parse(text, strlen(text), &again) == AS_OK);
	need(!again.is_no_json && again.count == roster->count);
	free(text);
	for (size_t i = 0; i < roster->count; i++) {
		size_t same = 0;
		for (size_t j = 0; j < again.count; j++)
			same += is_same(&roster->rows[i], &again.rows[j]);
		need(same == 1);
	}
	while (again.count > 0) {
		const struct roster_row last = again.rows[again.count - 1];
		const size_t before = again.count;
		need(roster_add(&again, &last.id, last.exclusive) == AS_OK);
		need(again.count == before);
		roster_remove(&again, &last.id, last.exclusive);
		need(again.count == before - 1);
	}
	roster_free(&again);
}

/* A holder read from a name has a name that is read as the same holder. */
static void check_name(const uint8_t *data, size_t size)
{
	struct lock_id id, again;
	char bytes[LOCK_NAME_SIZE], name[LOCK_NAME_SIZE];
	if (size >= sizeof(bytes))
		return;
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	if (!lock_id_parse(bytes, &id))
		return;
	need(id.pid >= 0 && id.thread >= 0);
	if (lock_id_name(&id, name))
		need(lock_id_parse(name, &again) && lock_id_is_same(&id, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct roster roster;
	const enum as_err err = roster_parse(data, size, &roster);
	need(err == AS_OK || !roster.rows);
	need(err != AS_OK || !roster.is_no_json || roster.count == 0);
	need((err == AS_ERR_LIMIT) == (size > ROSTER_MAX));
	if (err == AS_OK)
		write_again(&roster);
	roster_free(&roster);
	check_name(data, size);
	return 0;
}
