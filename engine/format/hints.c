#include "build-config.h"

#include "format/hints.h"

#include "base/array.h"
#include "base/owner.h"
#include "format/dialect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/pack.h>
#include <msgpack/sbuffer.h>
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

/* ---- reading ---- */

/* msgpack-c's ready-made unpackers take memory for as many objects as a count in the file claims,
 * up to 2^32 of them, before they look for the bytes. Its template, from which those unpackers are
 * made themselves, only walks the bytes, with a stack of fixed depth, and calls back for what it
 * meets. What follows are the types and callbacks that the template asks for; nothing is allocated
 * but the rows. */

enum kind { KIND_NUMBER, KIND_VERSION, KIND_SEGMENTS, KIND_COMPACT, KIND_QUOTA, KIND_SHADOW,
	    KIND_OTHER_KEY, KIND_SHADOW_KEY, KIND_SHADOW_LIST, KIND_ROOT, KIND_OTHER };

struct item {
	enum kind kind;
	int64_t number;
	const char *key;	/* of the shadow index: 32 bytes */
};

struct walk {
	struct hints *hints;
	const struct dialect *dialect;
	bool has_root, has_version, has_segments, has_compact, has_quota, has_shadow;
	bool is_known;		/* its version is one that the dialect reads */
	bool compact_is_map;
	bool in_shadow;		/* between the beginning of the shadow index and its end */
	uint32_t list_begin;	/* of its last list, in hints->shadow_segments */
	int64_t version;
	enum kind key;		/* what the last string names: the container that begins next */
	const char *error;	/* the first thing that ends the walk */
	const char *oddity;	/* the first that matters only in hints of a known version */
	const char *novelty;	/* the last that version 1 does not have */
	bool no_memory;
};

static int refuse(struct walk *walk, const char *error)
{
	walk->error = error;
	return -1;
}

/* Sort the rows, and merge the two that a segment can have. False: a segment is counted twice. In
 * the compact list that is harmless: it is a set, written as an array. */
static bool merge_rows(struct hints *hints)
{
	struct hints_segment *rows = hints->rows;
	size_t kept = 0;
	array_sort(rows, hints->count, sizeof(*rows), array_compare_u32);
	for (size_t i = 0; i < hints->count; i++) {
		struct hints_segment *last = kept > 0 ? &rows[kept - 1] : NULL;
		if (!last || last->segment != rows[i].segment) {
			rows[kept++] = rows[i];
			continue;
		}
		if (last->is_counted && rows[i].is_counted)
			return false;
		last->is_counted |= rows[i].is_counted;
		last->is_compact |= rows[i].is_compact;
		last->live += rows[i].live;	/* one of them is 0 */
		last->freeable += rows[i].freeable;
	}
	hints->count = kept;
	return true;
}

/* Merges repeated rows before it grows, so that the memory stays in proportion to the bytes. */
static int append_row(struct walk *walk, struct hints_segment row)
{
	struct hints *hints = walk->hints;
	if (hints->count == hints->capacity) {
		if (!merge_rows(hints))
			return refuse(walk, "a segment is listed twice");
		if (2 * hints->count >= hints->capacity &&
		    !ARRAY_RESERVE(hints->rows, hints->capacity, hints->capacity)) {
			walk->no_memory = true;
			return -1;
		}
	}
	hints->rows[hints->count++] = row;
	return 0;
}

static bool is_segment(const struct item *item)
{
	return item->kind == KIND_NUMBER && item->number >= 0 && item->number <= UINT32_MAX;
}

/* A key of the outer map with its value. The value's container was walked already. */
static int read_pair(struct walk *walk, const struct item *key, const struct item *value)
{
	switch (key->kind) {
	case KIND_VERSION:
		if (value->kind != KIND_NUMBER || walk->has_version)
			return refuse(walk, "the version is not a number");
		walk->has_version = true;
		walk->version = value->number;
		return 0;
	case KIND_QUOTA:
		if (value->kind != KIND_NUMBER || walk->has_quota)
			return refuse(walk, "the quota's use is not a number");
		walk->has_quota = walk->hints->has_quota_use = true;
		walk->hints->quota_use = value->number;
		walk->novelty = "it has an unknown key";
		return 0;
	case KIND_SHADOW:
		walk->in_shadow = false;
		walk->novelty = "it has an unknown key";
		return value->kind == key->kind ? 0 : refuse(walk, "the shadow index is not a map");
	case KIND_SEGMENTS:
	case KIND_COMPACT:
		return value->kind == key->kind ? 0 : refuse(walk, "a list is something else");
	case KIND_OTHER_KEY:
		walk->oddity = "it has an unknown key";
		return 0;
	default:
		return refuse(walk, "a key of the outer map is not a string");
	}
}

/* A row of the shadow index, whose list was walked already. */
static int add_shadow(struct walk *walk, const struct item *key, const struct item *list)
{
	struct hints *hints = walk->hints;
	if (key->kind != KIND_SHADOW_KEY || list->kind != KIND_SHADOW_LIST)
		return refuse(walk, "a row of the shadow index is not valid");
	if (!ARRAY_RESERVE(hints->shadow, hints->shadow_count, hints->shadow_capacity)) {
		walk->no_memory = true;
		return -1;
	}
	struct hints_shadow *row = &hints->shadow[hints->shadow_count++];
	memcpy(row->key, key->key, KEY_SIZE);
	row->first = walk->list_begin;
	row->count = (uint32_t)hints->shadow_segment_count - walk->list_begin;
	return 0;
}

/* Hints have up to four containers: the outer map and, right behind their names in it, the lists;
 * and the shadow index has a list behind each key. */
static int begin_container(struct walk *walk, bool is_map, struct item *item)
{
	const enum kind key = walk->key;
	walk->key = KIND_OTHER;
	if (key == KIND_SHADOW_KEY && !is_map) {
		item->kind = KIND_SHADOW_LIST;
		walk->list_begin = (uint32_t)walk->hints->shadow_segment_count;
		return 0;
	}
	if (!walk->has_root) {
		walk->has_root = true;
		item->kind = KIND_ROOT;
		return is_map ? 0 : refuse(walk, "it is not a map");
	}
	item->kind = key;
	if (key == KIND_SEGMENTS && !walk->has_segments) {
		walk->has_segments = true;
		return is_map ? 0 : refuse(walk, "the segments are not a map");
	}
	if (key == KIND_COMPACT && !walk->has_compact) {
		walk->has_compact = true;
		walk->compact_is_map = is_map;
		return 0;
	}
	if (key == KIND_SHADOW && !walk->has_shadow) {
		walk->has_shadow = walk->in_shadow = true;
		return is_map ? 0 : refuse(walk, "the shadow index is not a map");
	}
	return refuse(walk, "it has a list or map where hints have none");
}

/* The callbacks. Each may refuse by a negative value, which ends the walk. */

static inline struct item template_callback_root(struct walk **walk)
{
	(void)walk;
	return (struct item){ KIND_OTHER, 0, NULL };
}

static inline int template_callback_number(struct walk **walk, int64_t number, struct item *item)
{
	*item = (struct item){ KIND_NUMBER, number, NULL };
	if (!(*walk)->has_root)
		return refuse(*walk, "it is not a map");
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
	*item = (struct item){ KIND_OTHER, 0, NULL };
	return refuse(*walk, "it has a value that is neither a number nor a name");
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
	static const struct { const char *name; enum kind kind; } keys[] = {
		{ "version", KIND_VERSION }, { "segments", KIND_SEGMENTS },
		{ "compact", KIND_COMPACT }, { "storage_quota_use", KIND_QUOTA },
		{ "shadow_index", KIND_SHADOW },
	};
	(void)base;
	enum kind kind = KIND_OTHER_KEY;
	if ((*walk)->in_shadow) {
		*item = (struct item){ KIND_SHADOW_KEY, 0, text };
		(*walk)->key = KIND_SHADOW_KEY;
		return len == KEY_SIZE ? 0 : refuse(*walk, "a shadow index key is not valid");
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys) && text; i++)
		if (len == strlen(keys[i].name) && memcmp(text, keys[i].name, len) == 0)
			kind = keys[i].kind;
	*item = (struct item){ kind, 0, NULL };
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
		return read_pair(*walk, &key, &value);
	if (map->kind == KIND_SHADOW)
		return add_shadow(*walk, &key, &value);
	if (!is_segment(&key))
		return refuse(*walk, "a segment's number is not valid");
	if (value.kind != KIND_NUMBER)
		return refuse(*walk, "a segment's count is not a number");
	struct hints_segment row = { .segment = (uint32_t)key.number };
	if (map->kind == KIND_SEGMENTS) {
		row.is_counted = true;
		row.live = value.number;
	} else {
		row.is_compact = true;
		row.freeable = value.number;
	}
	return append_row(*walk, row);
}

static inline int template_callback_array_item(struct walk **walk, struct item *array,
					       struct item item)
{
	struct hints *hints = (*walk)->hints;
	const bool is_shadow = array->kind == KIND_SHADOW_LIST;
	/* begin_container lets no third kind of array pass */
	if (!is_segment(&item))
		return refuse(*walk, is_shadow
			      ? "a segment's number in the shadow index is not valid"
			      : "a segment's number in the compact list is not valid");
	if (!is_shadow)
		return append_row(*walk, (struct hints_segment){
			.segment = (uint32_t)item.number, .is_compact = true,
		});
	if (!ARRAY_RESERVE(hints->shadow_segments, hints->shadow_segment_count,
			   hints->shadow_segment_capacity)) {
		(*walk)->no_memory = true;
		return -1;
	}
	hints->shadow_segments[hints->shadow_segment_count++] = (uint32_t)item.number;
	return 0;
}

#define msgpack_unpack_struct(name) struct template##name
#define msgpack_unpack_func(ret, name) static inline ret template##name
#define msgpack_unpack_callback(name) template_callback##name
#define msgpack_unpack_object struct item
#define msgpack_unpack_user struct walk *

#include <msgpack/unpack_template.h>

/* What hints of a known version must be, and what those of its own. */
static void check_version(struct walk *walk)
{
	const struct hints *hints = walk->hints;
	const bool is_first = walk->version == 1;
	if (is_first && !walk->oddity)
		walk->oddity = walk->novelty;
	if (walk->oddity)
		walk->error = walk->oddity;
	else if (!walk->has_segments || !walk->has_compact)
		walk->error = "a list is missing";
	else if (walk->compact_is_map == is_first)
		walk->error = is_first ? "the compact list is not an array"
				       : "the compact list is not a map";
	else if (hints->shadow_count > 0)
		array_sort(hints->shadow, hints->shadow_count, sizeof(*hints->shadow),
			   array_compare_key);
}

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
	walk->is_known = walk->version > 0 && walk->version <= walk->dialect->hints_version_max;
	if (ret < 0)
		walk->error = "it is not msgpack";
	else if (ret == 0)
		walk->error = "it is cut short";
	else if (*offset < len)
		walk->error = "there are bytes after its end";
	else if (!walk->has_version)
		walk->error = "it has no version";
	else if (walk->is_known)
		check_version(walk);
	if (!walk->error && !merge_rows(walk->hints))
		walk->error = "a segment is listed twice";
}

enum as_err hints_parse(const uint8_t *data, size_t len, const struct dialect *dialect,
			uint32_t transaction, struct hints *hints, struct findings *findings)
{
	*hints = (struct hints){ .transaction = transaction };
	struct walk walk = { .hints = hints, .dialect = dialect, .key = KIND_OTHER };
	size_t offset;
	run(&walk, data, len, &offset);
	if (!walk.no_memory && !walk.error && walk.is_known) {
		hints->version = (uint32_t)walk.version;
		hints->usable = true;
		for (size_t i = 0; i < hints->count; i++) {
			hints->segment_count += hints->rows[i].is_counted;
			hints->compact_count += hints->rows[i].is_compact;
		}
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

enum as_err hints_read(const struct io *io, int repo_fd, const struct dialect *dialect,
		       uint32_t transaction, struct hints *hints, struct findings *findings)
{
	*hints = (struct hints){ .transaction = transaction };
	char name[sizeof("hints.4294967295")];
	snprintf(name, sizeof(name), "hints.%u", transaction);
	uint8_t *data;
	size_t len;
	const enum as_err err = io_read_file(io, repo_fd, name, HINTS_FILE_MAX, &data, &len);
	if (err == AS_OK) {
		const enum as_err parsed = hints_parse(data, len, dialect, transaction, hints,
						       findings);
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
	free(hints->rows);
	free(hints->shadow);
	free(hints->shadow_segments);
	free(hints->older);
	*hints = (struct hints){ .usable = false };
}

/* ---- rows ---- */

/* The first row at or behind @segment: where it is, or where it belongs. */
static size_t position_of(const struct hints *hints, uint32_t segment)
{
	const size_t count = hints->count;
	const uint32_t first = count > 0 ? hints->rows[0].segment : 0;
	/* Where it would be if none were missing: the right place nearly always. */
	const size_t likely = segment < first ? 0 : segment - first;
	if (likely < count && hints->rows[likely].segment == segment)
		return likely;
	if (count > 0 && hints->rows[count - 1].segment < segment)
		return count;
	return array_lower_bound(hints->rows, count, sizeof(*hints->rows), &segment,
				 array_compare_u32);
}

static struct hints_segment *find_row(const struct hints *hints, uint32_t segment)
{
	const size_t position = position_of(hints, segment);
	return position < hints->count && hints->rows[position].segment == segment
		? &hints->rows[position] : NULL;
}

struct hints_segment *hints_find(const struct hints *hints, uint32_t segment)
{
	struct hints_segment *row = find_row(hints, segment);
	return row && row->is_counted ? row : NULL;
}

bool hints_is_compact(const struct hints *hints, uint32_t segment)
{
	const struct hints_segment *row = find_row(hints, segment);
	return row && row->is_compact;
}

const struct hints_shadow *hints_find_shadow(const struct hints *hints,
					     const uint8_t key[KEY_SIZE])
{
	return array_find(hints->shadow, hints->shadow_count, sizeof(*hints->shadow), key,
			  array_compare_key);
}

uint32_t hints_last(const struct hints *hints)
{
	size_t i = hints->count;
	while (i > 0 && !hints->rows[i - 1].is_counted)
		i--;
	return i > 0 ? hints->rows[i - 1].segment : 0;
}

struct hints_segment *hints_add(struct hints *hints, uint32_t segment)
{
	const size_t position = position_of(hints, segment);
	if (position < hints->count && hints->rows[position].segment == segment)
		return &hints->rows[position];
	if (!ARRAY_RESERVE(hints->rows, hints->count, hints->capacity))
		return NULL;
	struct hints_segment *row = &hints->rows[position];
	memmove(row + 1, row, (hints->count - position) * sizeof(*row));
	*row = (struct hints_segment){ .segment = segment, .is_counted = true };
	hints->count++;
	return row;
}

void hints_remove(struct hints *hints,
		  bool (*is_dropped)(void *context, const struct hints_segment *row), void *context)
{
	size_t kept = 0;
	for (size_t i = 0; i < hints->count; i++)
		if (!is_dropped(context, &hints->rows[i]))
			hints->rows[kept++] = hints->rows[i];
	hints->count = kept;
}

bool hints_sum(const struct hints *hints, uint64_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < hints->count; i++) {
		const int64_t live = hints->rows[i].live;
		if (live < 0 || live > UINT32_MAX)
			return false;
		*sum += (uint64_t)live;
	}
	return true;
}

/* ---- hints that change ---- */

bool hints_reserve_older(struct hints *hints)
{
	return ARRAY_RESERVE(hints->older, hints->older_count, hints->older_capacity);
}

void hints_add_older(struct hints *hints, const uint8_t key[KEY_SIZE], uint32_t segment)
{
	struct hints_older *row = &hints->older[hints->older_count++];
	memcpy(row->key, key, KEY_SIZE);
	row->segment = segment;
}

static int compare_older(const void *left, const void *right)
{
	const struct hints_older *a = left, *b = right;
	const int order = memcmp(a->key, b->key, KEY_SIZE);
	return order ? order : (a->segment > b->segment) - (a->segment < b->segment);
}

void hints_sort_older(struct hints *hints)
{
	struct hints_older *rows = hints->older;
	size_t kept = 0;
	array_sort(rows, hints->older_count, sizeof(*rows), compare_older);
	for (size_t i = 0; i < hints->older_count; i++)
		if (find_row(hints, rows[i].segment) &&
		    (kept == 0 || compare_older(&rows[kept - 1], &rows[i]) != 0))
			rows[kept++] = rows[i];
	hints->older_count = kept;
}

/* Take over the shadow index as it was read. */
static enum as_err copy_shadow(struct hints *to, const struct hints *from)
{
	for (size_t i = 0; i < from->shadow_count; i++) {
		const struct hints_shadow *row = &from->shadow[i];
		for (uint32_t j = 0; j < row->count; j++) {
			if (!hints_reserve_older(to))
				return AS_ERR_MEMORY;
			hints_add_older(to, row->key, from->shadow_segments[row->first + j]);
		}
	}
	return AS_OK;
}

/* AS_ERR_INTEGRITY: a count that cannot be. */
static enum as_err count_all(struct hints *hints)
{
	uint64_t sum;
	if (!hints_sum(hints, &sum)) {
		hints_free(hints);
		return AS_ERR_INTEGRITY;
	}
	for (size_t i = 0; i < hints->count; i++)
		hints->rows[i].is_counted = true;
	return AS_OK;
}

enum as_err hints_copy(struct hints *to, const struct hints *from)
{
	*to = *from;
	to->shadow = NULL;
	to->shadow_segments = NULL;
	to->shadow_count = to->shadow_capacity = 0;
	to->shadow_segment_count = to->shadow_segment_capacity = 0;
	to->older = NULL;
	to->older_count = to->older_capacity = 0;
	to->capacity = to->count;
	to->rows = calloc(to->count + 1, sizeof(*to->rows));
	if (!to->rows)
		return AS_ERR_MEMORY;
	if (to->count > 0)
		memcpy(to->rows, from->rows, to->count * sizeof(*to->rows));
	if (copy_shadow(to, from) != AS_OK) {
		hints_free(to);
		return AS_ERR_MEMORY;
	}
	return count_all(to);
}

enum as_err hints_load(struct hints *hints, const struct io *io, int repo_fd,
		       const struct dialect *dialect, uint32_t transaction)
{
	struct findings findings;
	findings_init(&findings);
	const enum as_err err = hints_read(io, repo_fd, dialect, transaction, hints, &findings);
	findings_free(&findings);
	if (err != AS_OK)
		return err;
	if (copy_shadow(hints, hints) != AS_OK) {
		hints_free(hints);
		return AS_ERR_MEMORY;
	}
	return hints->usable ? count_all(hints) : AS_ERR_INTEGRITY;
}

/* ---- writing ---- */

/* Names this short have one encoding in the old family and in the new. */
static int pack_name(msgpack_packer *packer, const char *name)
{
	const size_t len = strlen(name);
	return msgpack_pack_str(packer, len) || msgpack_pack_str_body(packer, name, len);
}

/* The segments to compact: with the bytes that this would free where @has_bytes. */
static int pack_compact(msgpack_packer *packer, const struct hints *hints, bool has_bytes)
{
	size_t compact = 0;
	for (size_t i = 0; i < hints->count; i++)
		compact += hints->rows[i].is_compact;
	if (pack_name(packer, "compact") || (has_bytes ? msgpack_pack_map(packer, compact)
						       : msgpack_pack_array(packer, compact)))
		return -1;
	for (size_t i = 0; i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		if (row->is_compact &&
		    (msgpack_pack_uint32(packer, row->segment) ||
		     (has_bytes && msgpack_pack_int64(packer, row->freeable))))
			return -1;
	}
	return 0;
}

/* The rows from @first on that are of the same key. */
static size_t count_of_key(const struct hints *hints, size_t first)
{
	size_t end = first;
	while (end < hints->older_count &&
	       memcmp(hints->older[end].key, hints->older[first].key, KEY_SIZE) == 0)
		end++;
	return end - first;
}

static int pack_shadow(msgpack_packer *packer, const struct hints *hints)
{
	/* A key is a raw of the old family; the new one has a shorter form, which Borg's versions
	 * of msgpack do not all read. */
	static const char raw_key[] = { '\xda', 0, KEY_SIZE };
	size_t keys = 0;
	for (size_t i = 0; i < hints->older_count; i += count_of_key(hints, i))
		keys++;
	if (pack_name(packer, "shadow_index") || msgpack_pack_map(packer, keys))
		return -1;
	for (size_t i = 0; i < hints->older_count;) {
		const size_t end = i + count_of_key(hints, i);
		if (msgpack_pack_str_body(packer, raw_key, sizeof(raw_key)) ||
		    msgpack_pack_str_body(packer, hints->older[i].key, KEY_SIZE) ||
		    msgpack_pack_array(packer, end - i))
			return -1;
		for (; i < end; i++)
			if (msgpack_pack_uint32(packer, hints->older[i].segment))
				return -1;
	}
	return 0;
}

/* In Borg's order (borg/repository.py, write_index). Not 0: out of memory. */
static int pack_hints(msgpack_packer *packer, const struct hints *hints,
		      const struct dialect *dialect)
{
	const bool is_2 = dialect->hints_version == 2, has_quota = is_2 && hints->has_quota_use;
	if (msgpack_pack_map(packer, is_2 ? 4 + (size_t)has_quota : 3) ||
	    pack_name(packer, "version") || msgpack_pack_uint32(packer, dialect->hints_version) ||
	    pack_name(packer, "segments") || msgpack_pack_map(packer, hints->count))
		return -1;
	for (size_t i = 0; i < hints->count; i++)
		if (msgpack_pack_uint32(packer, hints->rows[i].segment) ||
		    msgpack_pack_uint32(packer, (uint32_t)hints->rows[i].live))
			return -1;
	if (pack_compact(packer, hints, is_2) ||
	    (has_quota && (pack_name(packer, "storage_quota_use") ||
			   msgpack_pack_int64(packer, hints->quota_use))))
		return -1;
	return is_2 ? pack_shadow(packer, hints) : 0;
}

static int count_bytes(void *context, const char *bytes, size_t len)
{
	(void)bytes;
	*(uint64_t *)context += len;
	return 0;
}

uint64_t hints_size(const struct hints *hints, const struct dialect *dialect)
{
	uint64_t size = 0;
	msgpack_packer packer;
	msgpack_packer_init(&packer, &size, count_bytes);
	pack_hints(&packer, hints, dialect);
	return size;
}

enum as_err hints_write(const struct hints *hints, const struct dialect *dialect,
			const struct permit *permit, const char *path)
{
	msgpack_sbuffer bytes;
	msgpack_packer packer;
	enum as_err err = AS_ERR_MEMORY;
	msgpack_sbuffer_init(&bytes);
	msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
	if (pack_hints(&packer, hints, dialect) == 0)
		err = io_write_bytes(permit, path, bytes.data, bytes.size);
	msgpack_sbuffer_destroy(&bytes);
	return err;
}
