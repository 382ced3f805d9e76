#include "build-config.h"

#include "format/hints.h"

#include "base/owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

/* msgpack-c's ready-made unpackers take memory for as many objects as a count in the file claims,
 * up to 2^32 of them, before they look for the bytes. Its template, from which those unpackers are
 * made themselves, only walks the bytes, with a stack of fixed depth, and calls back for what it
 * meets. What follows are the types and callbacks that the template asks for; nothing is allocated
 * but the rows. */

enum kind { KIND_NUMBER, KIND_VERSION, KIND_SEGMENTS, KIND_COMPACT, KIND_OTHER_KEY, KIND_ROOT,
	    KIND_OTHER };

struct item {
	enum kind kind;
	int64_t number;
};

struct walk {
	struct hints *hints;
	size_t segment_capacity, compact_capacity;
	bool has_root, has_version, has_segments, has_compact;
	int64_t version;
	enum kind key;		/* what the last string names: the container that begins next */
	const char *error;	/* the first thing that ends the walk */
	const char *oddity;	/* the first that matters only in hints of a known version */
	bool no_memory;
};

static int refuse(struct walk *walk, const char *error)
{
	walk->error = error;
	return -1;
}

static int refuse_memory(struct walk *walk)
{
	walk->no_memory = true;
	return -1;
}

static int compare_segments(const void *left, const void *right)
{
	const struct hints_segment *a = left;
	const struct hints_segment *b = right;
	return (a->segment > b->segment) - (a->segment < b->segment);
}

/* Position of the first row whose segment is no larger than that of the row before. */
static size_t ascending_until(const struct hints *hints)
{
	size_t i = 1;
	while (i < hints->segment_count &&
	       hints->segments[i - 1].segment < hints->segments[i].segment)
		i++;
	return i;
}

/* Sort the rows, which mostly are already. False when a segment is there twice. */
static bool sort_segments(struct hints *hints)
{
	if (ascending_until(hints) >= hints->segment_count)
		return true;
	qsort(hints->segments, hints->segment_count, sizeof(*hints->segments), compare_segments);
	return ascending_until(hints) >= hints->segment_count;
}

static int compare_numbers(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left;
	const uint32_t b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

/* Sort the list and drop what is there twice: it is a set, written as an array. */
static void sort_compact(struct hints *hints)
{
	if (hints->compact_count == 0)
		return;
	qsort(hints->compact, hints->compact_count, sizeof(*hints->compact), compare_numbers);
	size_t count = 1;
	for (size_t i = 1; i < hints->compact_count; i++)
		if (hints->compact[i] != hints->compact[count - 1])
			hints->compact[count++] = hints->compact[i];
	hints->compact_count = count;
}

/* Room for one row more. Repetitions are looked for before memory is taken, so that it is in
 * proportion to the bytes: those of a number that is not there yet. */
static int grow_segments(struct walk *walk)
{
	struct hints *hints = walk->hints;
	if (hints->segment_count < walk->segment_capacity)
		return 0;
	if (!sort_segments(hints))
		return refuse(walk, "a segment stands there twice");
	const size_t capacity = walk->segment_capacity > 0 ? 2 * walk->segment_capacity : 16;
	struct hints_segment *rows = realloc(hints->segments, capacity * sizeof(*rows));
	if (!rows)
		return refuse_memory(walk);
	hints->segments = rows;
	walk->segment_capacity = capacity;
	return 0;
}

static int grow_compact(struct walk *walk)
{
	struct hints *hints = walk->hints;
	if (hints->compact_count == walk->compact_capacity)
		sort_compact(hints);
	if (2 * hints->compact_count < walk->compact_capacity)
		return 0;
	const size_t capacity = walk->compact_capacity > 0 ? 2 * walk->compact_capacity : 16;
	uint32_t *rows = realloc(hints->compact, capacity * sizeof(*rows));
	if (!rows)
		return refuse_memory(walk);
	hints->compact = rows;
	walk->compact_capacity = capacity;
	return 0;
}

static bool is_segment(const struct item *item)
{
	return item->kind == KIND_NUMBER && item->number >= 0 && item->number <= UINT32_MAX;
}

static int add_segment(struct walk *walk, const struct item *key, const struct item *value)
{
	if (!is_segment(key))
		return refuse(walk, "a segment's number is none");
	if (value->kind != KIND_NUMBER)
		return refuse(walk, "a segment's count is no number");
	const int grown = grow_segments(walk);
	if (grown < 0)
		return grown;
	struct hints *hints = walk->hints;
	hints->segments[hints->segment_count++] =
		(struct hints_segment){ (uint32_t)key->number, value->number };
	return 0;
}

static int add_compact(struct walk *walk, const struct item *item)
{
	if (!is_segment(item))
		return refuse(walk, "a segment's number in the compact list is none");
	const int grown = grow_compact(walk);
	if (grown < 0)
		return grown;
	walk->hints->compact[walk->hints->compact_count++] = (uint32_t)item->number;
	return 0;
}

/* A key of the outer map with its value. The value's container was walked already. */
static int take_pair(struct walk *walk, const struct item *key, const struct item *value)
{
	switch (key->kind) {
	case KIND_VERSION:
		if (value->kind != KIND_NUMBER || walk->has_version)
			return refuse(walk, "the version is no number");
		walk->has_version = true;
		walk->version = value->number;
		return 0;
	case KIND_SEGMENTS:
	case KIND_COMPACT:
		return value->kind == key->kind ? 0 : refuse(walk, "a list is of the wrong kind");
	case KIND_OTHER_KEY:
		walk->oddity = "there is a key in it that is unknown";
		return 0;
	default:
		return refuse(walk, "a key of the outer map is no string");
	}
}

/* Hints have three containers: the outer map and, right behind their names in it, the two lists. */
static int begin_container(struct walk *walk, bool is_map, struct item *item)
{
	const enum kind key = walk->key;
	walk->key = KIND_OTHER;
	if (!walk->has_root) {
		walk->has_root = true;
		item->kind = KIND_ROOT;
		return is_map ? 0 : refuse(walk, "it is no map");
	}
	item->kind = key;
	if (key == KIND_SEGMENTS && !walk->has_segments) {
		walk->has_segments = true;
		return is_map ? 0 : refuse(walk, "the segments are no map");
	}
	if (key == KIND_COMPACT && !walk->has_compact) {
		walk->has_compact = true;
		if (is_map)
			walk->oddity = "the compact list is no array";
		return 0;
	}
	return refuse(walk, "it is nested in a way that hints are not");
}

static bool text_is(const char *text, unsigned len, const char *word)
{
	return text && len == strlen(word) && memcmp(text, word, len) == 0;
}

/* The callbacks. Each may refuse by a negative value, which ends the walk. */

static inline struct item template_callback_root(struct walk **walk)
{
	(void)walk;
	return (struct item){ KIND_OTHER, 0 };
}

static inline int template_callback_number(struct walk **walk, int64_t number, struct item *item)
{
	*item = (struct item){ KIND_NUMBER, number };
	if (!(*walk)->has_root)
		return refuse(*walk, "it is no map");
	return 0;
}

#define template_callback_uint8 template_callback_number
#define template_callback_uint16 template_callback_number
#define template_callback_uint32 template_callback_number
#define template_callback_int8 template_callback_number
#define template_callback_int16 template_callback_number
#define template_callback_int32 template_callback_number
#define template_callback_int64 template_callback_number

static inline int template_callback_uint64(struct walk **walk, uint64_t number, struct item *item)
{
	if (number > INT64_MAX)
		return refuse(*walk, "a number is too large");
	return template_callback_number(walk, (int64_t)number, item);
}

static inline int template_callback_nil(struct walk **walk, struct item *item)
{
	*item = (struct item){ KIND_OTHER, 0 };
	return refuse(*walk, "there is something in it that is neither number nor name");
}

#define template_callback_true template_callback_nil
#define template_callback_false template_callback_nil

static inline int template_callback_double(struct walk **walk, double number, struct item *item)
{
	(void)number;
	return template_callback_nil(walk, item);
}

#define template_callback_float template_callback_double

static inline int template_callback_str(struct walk **walk, const char *base, const char *text,
					unsigned len, struct item *item)
{
	(void)base;
	enum kind kind = KIND_OTHER_KEY;
	if (text_is(text, len, "version"))
		kind = KIND_VERSION;
	else if (text_is(text, len, "segments"))
		kind = KIND_SEGMENTS;
	else if (text_is(text, len, "compact"))
		kind = KIND_COMPACT;
	*item = (struct item){ kind, 0 };
	(*walk)->key = kind;
	return 0;
}

static inline int template_callback_bin(struct walk **walk, const char *base, const char *bytes,
					unsigned len, struct item *item)
{
	(void)base, (void)bytes, (void)len;
	return template_callback_nil(walk, item);
}

#define template_callback_ext template_callback_bin

static inline int template_callback_map(struct walk **walk, unsigned count, struct item *item)
{
	(void)count;
	return begin_container(*walk, true, item);
}

static inline int template_callback_array(struct walk **walk, unsigned count, struct item *item)
{
	(void)count;
	return begin_container(*walk, false, item);
}

static inline int template_callback_map_item(struct walk **walk, struct item *map, struct item key,
					     struct item value)
{
	if (map->kind == KIND_ROOT)
		return take_pair(*walk, &key, &value);
	if (map->kind == KIND_SEGMENTS)
		return add_segment(*walk, &key, &value);
	return 0;
}

static inline int template_callback_array_item(struct walk **walk, struct item *array,
					       struct item item)
{
	(void)array;	/* the compact list: begin_container lets no other array pass */
	return add_compact(*walk, &item);
}

#define msgpack_unpack_struct(name) struct template##name
#define msgpack_unpack_func(ret, name) static inline ret template##name
#define msgpack_unpack_callback(name) template_callback##name
#define msgpack_unpack_object struct item
#define msgpack_unpack_user struct walk *

#include <msgpack/unpack_template.h>

/* Walk the bytes. Leaves in walk->error what is wrong, and in *@offset where. */
static void run(struct walk *walk, const uint8_t *data, size_t len, size_t *offset)
{
	struct template_context context;
	memset(&context, 0, sizeof(context));
	context.user = walk;
	template_init(&context);
	*offset = 0;
	const int ret = template_execute(&context, (const char *)data, len, offset);
	if (walk->error || walk->no_memory)
		return;
	if (ret < 0)
		walk->error = "it is no msgpack";
	else if (ret == 0)
		walk->error = "it is cut short";
	else if (*offset < len)
		walk->error = "there are bytes behind its end";
	else if (!walk->has_version)
		walk->error = "it has no version";
	else if (walk->version == 1 && walk->oddity)
		walk->error = walk->oddity;
	else if (walk->version == 1 && !(walk->has_segments && walk->has_compact))
		walk->error = "a list is missing";
	else if (!sort_segments(walk->hints))
		walk->error = "a segment stands there twice";
	sort_compact(walk->hints);
}

enum as_err hints_parse(const uint8_t *data, size_t len, uint32_t transaction, struct hints *hints,
			struct findings *findings)
{
	*hints = (struct hints){ .transaction = transaction };
	struct walk walk = { .hints = hints, .key = KIND_OTHER };
	size_t offset;
	run(&walk, data, len, &offset);
	if (!walk.no_memory && !walk.error && walk.version == 1) {
		hints->version = 1;
		hints->usable = true;
		return AS_OK;
	}
	hints_free(hints);
	hints->transaction = transaction;
	if (walk.no_memory)
		return AS_ERR_MEMORY;
	if (walk.error)
		return findings_note(findings, PROBLEM_HINTS_FORMAT, FINDING_NOWHERE,
				     FINDING_NOWHERE, "hints.%u, offset %zu: %s", transaction,
				     offset, walk.error);
	if (walk.version > 0 && walk.version <= UINT32_MAX)
		hints->version = (uint32_t)walk.version;
	return findings_note(findings, PROBLEM_HINTS_VERSION, FINDING_NOWHERE, FINDING_NOWHERE,
			     "hints.%u: version %lld", transaction, (long long)walk.version);
}

enum as_err hints_read(const struct io *io, int repo_fd, uint32_t transaction, struct hints *hints,
		       struct findings *findings)
{
	*hints = (struct hints){ .transaction = transaction };
	char name[sizeof("hints.4294967295")];
	snprintf(name, sizeof(name), "hints.%u", transaction);
	uint8_t *data;
	size_t len;
	const enum as_err err = io_read_file(io, repo_fd, name, HINTS_FILE_MAX, &data, &len);
	if (err == AS_OK) {
		const enum as_err parsed = hints_parse(data, len, transaction, hints, findings);
		free(data);
		return parsed;
	}
	if (err == AS_ERR_MEMORY)
		return err;
	struct as_error error;
	as_fail(&error, err, err == AS_ERR_IO ? errno : 0, "%s: %s", name, as_err_text(err));
	owner_explain(io, repo_fd, name, err, &error);
	return findings_note_unread(findings, err == AS_ERR_DOES_NOT_EXIST ? PROBLEM_HINTS_MISSING
				    : PROBLEM_HINTS_UNREADABLE, &error);
}

void hints_free(struct hints *hints)
{
	free(hints->segments);
	free(hints->compact);
	*hints = (struct hints){ .usable = false };
}

const struct hints_segment *hints_find(const struct hints *hints, uint32_t segment)
{
	if (hints->segment_count == 0)
		return NULL;
	const struct hints_segment wanted = { .segment = segment };
	return bsearch(&wanted, hints->segments, hints->segment_count, sizeof(*hints->segments),
		       compare_segments);
}

bool hints_is_compact(const struct hints *hints, uint32_t segment)
{
	return hints->compact_count > 0 &&
	       bsearch(&segment, hints->compact, hints->compact_count, sizeof(*hints->compact),
		       compare_numbers) != NULL;
}
