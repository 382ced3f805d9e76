/* storedrv - calls the public functions of the store, one for each line of standard input.
 *
 * Every line gets one line as answer: "ok" and the result, or "error NAME MESSAGE" with the stable
 * name of the code. Keys and bytes are hex digits; the commands are the rows of the table at the
 * end. One store is open at a time. A command that makes no sense ends the program with status 2:
 * that is a mistake of the test, not an answer of the store. */
#include "build-config.h"

#include "engine/atticstore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ARGUMENTS_MAX 5
#define PERIOD 251	/* bytes that repeat; prime, to show shifts by powers of two */

static struct as_store *store;

static _Noreturn void give_up(const char *why, const char *what)
{
	fprintf(stderr, "storedrv: %s: %s\n", why, what);
	exit(2);
}

static void *allocate(size_t size)
{
	void *memory = malloc(size ? size : 1);
	if (!memory)
		give_up("out of memory", "");
	return memory;
}

/* ---- arguments ---- */

static int digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;
	if (!at)
		give_up("not a hex digit", (char[2]){ c, '\0' });
	return (int)(at - digits);
}

/* Decode @hex into memory that the caller frees. */
static uint8_t *bytes_of(const char *hex, size_t *size)
{
	*size = strlen(hex) / 2;
	uint8_t *bytes = allocate(*size);
	for (size_t i = 0; i < *size; i++)
		bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	return bytes;
}

static unsigned long number_of(const char *text)
{
	char *end;
	const unsigned long number = strtoul(text, &end, 10);
	if (*end != '\0' || end == text)
		give_up("not a number", text);
	return number;
}

static bool parse_option(const char *option, const char *name, unsigned *value)
{
	const size_t len = strlen(name);
	if (strncmp(option, name, len) != 0)
		return false;
	*value = (unsigned)number_of(option + len);
	return true;
}

/* ---- values ---- */

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x85ebca6bu;
	x = (x ^ x >> 13) * 0xc2b2ae35u;
	return x ^ x >> 16;
}

/* Repeating bytes that depend on @seed alone; store_driver.py makes the same. */
static void make_up(uint8_t *bytes, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = i < PERIOD ? (uint8_t)mix(seed + (uint32_t)i * 0x9e3779b9u)
				      : bytes[i - PERIOD];
}

static void print_hex(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
}

/* ---- answers ---- */

/* One line: the words after the command, and the store's error. */
struct call {
	char *args[ARGUMENTS_MAX + 1];	/* up to a NULL */
	int flags;			/* of the command's row */
	struct as_error error;
};

/* Answer an error. True: there is none, and the caller answers. */
static bool is_ok(const struct call *call, enum as_err err)
{
	if (err != AS_OK)
		printf("error %s %s\n", as_err_name(err), call->error.message);
	return err == AS_OK;
}

static void answer(const struct call *call, enum as_err err)
{
	if (is_ok(call, err))
		puts("ok");
}

static void answer_report(const struct call *call, enum as_err err, const struct as_report *report)
{
	if (!is_ok(call, err))
		return;
	printf("ok committed=%d transaction=%" PRIu32 " compacted=%" PRIu32 " entries=%" PRIu64
	       " bytes=%" PRIu64 " freed=%" PRIu64 " skipped=%" PRIu32 "\n", report->committed,
	       report->transaction, report->segments_compacted, report->entries_copied,
	       report->bytes_copied, report->bytes_freed, report->segments_skipped);
}

static void answer_keys(const uint8_t *keys, size_t count)
{
	printf("ok");
	for (size_t i = 0; i < count; i++) {
		putchar(' ');
		print_hex(keys + i * AS_KEY_SIZE, AS_KEY_SIZE);
	}
	putchar('\n');
}

/* ---- making, opening, closing ---- */

static void do_create(struct call *call)
{
	const struct as_settings settings = {
		.segments_per_dir = (uint32_t)number_of(call->args[1]),
		.max_segment_size = (uint32_t)number_of(call->args[2]),
	};
	answer(call, as_create(call->args[0], &settings, &call->error));
}

static void do_open(struct call *call)
{
	struct as_options options = { 0 };
	if (store)
		give_up("a store is open", call->args[0]);
	for (char **option = call->args + 1; *option; option++) {
		if (strcmp(*option, "read-only") == 0)
			options.read_only = true;
		else if (strcmp(*option, "no-lock") == 0)
			options.no_lock = true;
		else if (!parse_option(*option, "lock-wait=", &options.lock_wait) &&
			 !parse_option(*option, "descriptors=", &options.descriptors))
			give_up("unknown option", *option);
	}
	answer(call, as_open(call->args[0], &options, &store, &call->error));
}

static void do_close(struct call *call)
{
	as_close(store);
	store = NULL;
	answer(call, AS_OK);
}

static void do_state(struct call *call)
{
	struct as_state state;
	as_get_state(store, &state);
	(void)call;
	printf("ok has_transaction=%d transaction=%" PRIu32 " in_transaction=%d dead=%d"
	       " can_write=%d needs_rollback=%d tail_segments=%" PRIu32 " needs_recover=%d"
	       " segments_per_dir=%" PRIu32 " max_segment_size=%" PRIu32 " id=",
	       state.has_transaction, state.transaction, state.in_transaction, state.dead,
	       state.can_write, state.needs_rollback, state.tail_segments, state.needs_recover,
	       state.segments_per_dir, state.max_segment_size);
	print_hex(state.id, sizeof(state.id));
	printf(" why=%s\n", state.why);
}

/* ---- reading ---- */

static enum as_err get(struct call *call, void **value, size_t *size)
{
	size_t key_size;
	uint8_t *key = bytes_of(call->args[0], &key_size);
	const enum as_err err = as_get(store, key, key_size, value, size, &call->error);
	free(key);
	return err;
}

static void do_get(struct call *call)
{
	void *value;
	size_t size;
	if (is_ok(call, get(call, &value, &size)))
		printf("ok %zu %08lx\n", size, crc32_z(0, value, size));
	free(value);
}

static void do_get_bytes(struct call *call)
{
	void *value;
	size_t size;
	if (is_ok(call, get(call, &value, &size))) {
		printf("ok ");
		print_hex(value, size);
		putchar('\n');
	}
	free(value);
}

static void do_contains(struct call *call)
{
	size_t key_size;
	bool found;
	uint8_t *key = bytes_of(call->args[0], &key_size);
	if (is_ok(call, as_contains(store, key, key_size, &found, &call->error)))
		printf("ok %d\n", found);
	free(key);
}

static void do_len(struct call *call)
{
	uint64_t objects;
	if (is_ok(call, as_len(store, &objects, &call->error)))
		printf("ok %" PRIu64 "\n", objects);
}

/* MARKER is "-" to begin the list at the first key. */
static void do_list(struct call *call)
{
	size_t marker_size, listed;
	uint8_t *marker = NULL;
	const size_t limit = number_of(call->args[1]);
	uint8_t *keys = allocate(limit * AS_KEY_SIZE);
	if (strcmp(call->args[0], "-") != 0)
		marker = bytes_of(call->args[0], &marker_size);
	if (is_ok(call, as_list(store, marker, limit, keys, &listed, &call->error)))
		answer_keys(keys, listed);
	free(marker);
	free(keys);
}

/* The keys of a walk, collected: an error at its end must be the only answer. */
struct gathered {
	uint8_t *keys;
	size_t count, capacity;
};

static int gather_key(void *context, const uint8_t key[AS_KEY_SIZE])
{
	struct gathered *gathered = context;
	if (gathered->count == gathered->capacity) {
		gathered->capacity = gathered->capacity ? 2 * gathered->capacity : 64;
		gathered->keys = realloc(gathered->keys, gathered->capacity * AS_KEY_SIZE);
		if (!gathered->keys)
			give_up("out of memory", "");
	}
	memcpy(gathered->keys + gathered->count++ * AS_KEY_SIZE, key, AS_KEY_SIZE);
	return 0;
}

static void do_each_key(struct call *call)
{
	struct gathered gathered = { .keys = NULL };
	if (is_ok(call, as_each_key(store, gather_key, &gathered, &call->error)))
		answer_keys(gathered.keys, gathered.count);
	free(gathered.keys);
}

/* ---- changing ---- */

static void put(struct call *call, const uint8_t *value, size_t size)
{
	size_t key_size;
	uint8_t *key = bytes_of(call->args[0], &key_size);
	answer(call, as_put(store, key, key_size, value, size, &call->error));
	free(key);
}

static void do_put(struct call *call)
{
	const size_t size = number_of(call->args[1]);
	uint8_t *value = allocate(size);
	make_up(value, size, (uint32_t)number_of(call->args[2]));
	put(call, value, size);
	free(value);
}

/* Without BYTES the value is empty. */
static void do_put_bytes(struct call *call)
{
	size_t size;
	uint8_t *value = bytes_of(call->args[1] ? call->args[1] : "", &size);
	put(call, value, size);
	free(value);
}

static void do_delete(struct call *call)
{
	size_t key_size;
	uint8_t *key = bytes_of(call->args[0], &key_size);
	answer(call, as_delete(store, key, key_size, &call->error));
	free(key);
}

static void do_commit(struct call *call)
{
	struct as_report report;
	answer_report(call, as_commit(store, call->flags, &report, &call->error), &report);
}

static void do_compact(struct call *call)
{
	struct as_report report;
	answer_report(call, as_compact(store, &report, &call->error), &report);
}

static void do_rollback(struct call *call)
{
	answer(call, as_rollback(store, call->flags, &call->error));
}

static void do_recover(struct call *call)
{
	answer(call, as_recover(store, call->flags, &call->error));
}

/* ---- dispatch ---- */

struct command {
	const char *name;
	const char *usage;
	int least, most;	/* arguments */
	bool needs_store;
	int flags;		/* for the store's function */
	void (*run)(struct call *call);
};

static const struct command commands[] = {
	{ "create", "PATH SEGMENTS_PER_DIR MAX_SEGMENT_SIZE", 3, 3, false, 0, do_create },
	{ "open", "PATH [read-only] [no-lock] [lock-wait=MS] [descriptors=N]", 1, 5, false, 0,
	  do_open },
	{ "close", "", 0, 0, false, 0, do_close },
	{ "state", "", 0, 0, true, 0, do_state },
	{ "get", "KEY", 1, 1, true, 0, do_get },	/* the value's size and CRC-32 */
	{ "get-bytes", "KEY", 1, 1, true, 0, do_get_bytes },
	{ "contains", "KEY", 1, 1, true, 0, do_contains },
	{ "len", "", 0, 0, true, 0, do_len },
	{ "list", "MARKER LIMIT", 2, 2, true, 0, do_list },
	{ "each-key", "", 0, 0, true, 0, do_each_key },
	{ "put", "KEY SIZE SEED", 3, 3, true, 0, do_put },
	{ "put-bytes", "KEY [BYTES]", 1, 2, true, 0, do_put_bytes },
	{ "delete", "KEY", 1, 1, true, 0, do_delete },
	{ "commit", "", 0, 0, true, 0, do_commit },
	{ "commit-no-compact", "", 0, 0, true, AS_NO_COMPACT, do_commit },
	{ "compact", "", 0, 0, true, 0, do_compact },
	{ "rollback", "", 0, 0, true, 0, do_rollback },
	{ "rollback-force", "", 0, 0, true, AS_FORCE, do_rollback },
	{ "recover", "", 0, 0, true, 0, do_recover },
	{ "recover-full", "", 0, 0, true, AS_FULL, do_recover },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	give_up("unknown command", name);
}

static void run_line(char *line)
{
	struct call call = { .flags = 0 };
	int count = 0;
	const char *name = strtok(line, " \n");
	const struct command *command = find_command(name ? name : "");
	for (char *word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n")) {
		if (count == command->most)
			give_up(command->name, command->usage);
		call.args[count++] = word;
	}
	if (count < command->least)
		give_up(command->name, command->usage);
	if (command->needs_store && !store)
		give_up("no store is open", command->name);
	call.flags = command->flags;
	command->run(&call);
	fflush(stdout);
}

int main(void)
{
	char *line = NULL;
	size_t capacity = 0;
	while (getline(&line, &capacity, stdin) >= 0)
		run_line(line);
	free(line);
	as_close(store);
	return 0;
}
