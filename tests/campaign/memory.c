/* Memory runs out at every call for it, once or from then on, in everything that writes and
 * everything that reads. Nothing crashes or leaks, and no descriptor stays open. A reader reports
 * the error, or returns what it returns with memory. trial.h says what must hold after a writer.
 *
 * Always complete. MEMORY_TEST=PATTERN runs only these tests. */
#include "build-config.h"

#include "engine/check/diagnose.h"
#include "engine/check/history.h"
#include "engine/format/index_load.h"
#include "engine/repo/object.h"
#include "engine/repair/plan_text.h"
#include "engine/repair/undo.h"
#include "engine/store/store_internal.h"
#include "tests/support/campaign.h"
#include "tests/support/fault.h"
#include "tests/support/malloc_failures.h"
#include "tests/support/trial.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SHOWN_MAX 12u	/* failures of one operation that are printed */

static uint64_t all_points;

struct tally {
	const char *name, *of;	/* what is run, and on which repository if there are several */
	unsigned points, wrong;
};

static void report(struct tally *tally, unsigned at, bool for_good, const char *wrong)
{
	if (tally->wrong++ < SHOWN_MAX)
		print_message("# %s%s%s: call %u for memory fails%s: %s\n", tally->name,
			      tally->of ? " of: " : "", tally->of ? tally->of : "", at,
			      for_good ? ", and all after it" : "", wrong);
}

static void close_tally(struct tally *tally)
{
	static bool has_leaked;	/* a leak would be found again and again */
	char figure[128];
	if (!has_leaked && (has_leaked = malloc_failures_leaked()))
		report(tally, 0, true, "memory leaked, in one or more of all calls");
	snprintf(figure, sizeof(figure), "allocations failed, %s", tally->name);
	campaign_figure(figure, tally->points);
	all_points += tally->points;
	assert_int_equal(tally->wrong, 0);
}

/* ---- messages ---- */

/* While calls for memory fail, every message must be about memory. One other is true all the same:
 * a compaction that is given up after a COMMIT looks for hints that are not written yet. */
static enum as_err wrong_code;

static bool is_true(enum as_err code, const char *text)
{
	return code == AS_ERR_MEMORY ||
	       (code == AS_ERR_DOES_NOT_EXIST && strncmp(text, "hints.", 6) == 0);
}

enum as_err __real_as_fail(struct as_error *error, enum as_err code, int sys, const char *format,
			   ...) __attribute__((format(printf, 4, 5)));
enum as_err __wrap_as_fail(struct as_error *error, enum as_err code, int sys, const char *format,
			   ...) __attribute__((format(printf, 4, 5)));
enum as_err __wrap_as_fail(struct as_error *error, enum as_err code, int sys, const char *format,
			   ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!is_true(code, text))
		wrong_code = code;
	return __real_as_fail(error, code, sys, "%s", text);
}

/* ---- repositories that operations.h does not have ---- */

#define LARGE (600u * 1024u)	/* bytes; more than a reader's window */
#define FAR 100000u		/* an offset that only the large object's segment has */

static struct builder *begin_repo(const char *repo, enum as_dialect dialect)
{
	struct builder *builder = builder_new(repo, 5, 900);
	if (dialect == AS_DIALECT_BORG)
		builder_use_borg(builder);
	return builder;
}

/* An object whose value holds what looks like an entry, and whose size is wrong: only the index
 * knows what comes after it. */
static void put_doubtful(struct builder *builder, char path[BUILDER_PATH], uint32_t *offset)
{
	uint8_t value[200] = { 1 }, key[BUILDER_KEY], inner[BUILDER_KEY];
	uint32_t segment;
	builder_key(40, inner);
	builder_encode(BUILDER_PUT, inner, "inner", 5, value + 60);
	builder_key(41, key);
	builder_put(builder, key, value, sizeof(value));
	assert_true(builder_find(builder, key, &segment, offset));
	builder_segment_path(builder, segment, path);
	builder_key(42, key);
	builder_put_some(builder, key, 30);
	builder_commit(builder);
}

static void find_path(const struct builder *builder, unsigned number, char out[BUILDER_PATH])
{
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	builder_key(number, key);
	assert_true(builder_find(builder, key, &segment, &offset));
	builder_segment_path(builder, segment, out);
}

/* A large object, a missing segment, two damaged ones, and a folder with an odd name. */
static void strange_make(const char *repo, enum as_dialect dialect)
{
	char doubtful[BUILDER_PATH];
	uint32_t offset;
	struct builder *builder = begin_repo(repo, dialect);
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	for (unsigned i = 0; i < 24; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, i == 20 ? LARGE : 20 + i * 9);
		if (i % 8 == 7)
			builder_commit(builder);
	}
	put_doubtful(builder, doubtful, &offset);
	builder_transaction(builder);
	builder_flip(doubtful, offset + 6, 4);
	find_path(builder, 8, path);
	builder_flip(path, 200, 4);
	find_path(builder, 16, path);
	assert_int_equal(unlink(path), 0);
	builder_path(builder, "data/007", path);
	assert_int_equal(mkdir(path, 0700), 0);
	builder_free(builder);
}

static bool strange_run(const char *repo, const struct io *io)
{
	char text[ADVICE_TEXT];
	return !advice_repair(repo, io, REPAIR_SALVAGE, text);
}

/* Change the end of @key where the index holds it. */
static void misspell(const struct builder *builder, uint32_t transaction,
		     const uint8_t key[BUILDER_KEY])
{
	char name[32], path[BUILDER_PATH];
	size_t len;
	snprintf(name, sizeof(name), "index.%" PRIu32, transaction);
	builder_path(builder, name, path);
	uint8_t *bytes = builder_read_file(path, &len);
	const uint8_t *at = memmem(bytes, len, key, BUILDER_KEY);
	assert_non_null(at);
	builder_flip(path, (uint64_t)(at - bytes) + BUILDER_KEY - 1, 1);
	free(bytes);
}

/* The index is older than the log, and one of its keys is wrong: only the entry in the place that
 * it leads to shows that no object is lost. */
static void doubtful_make(const char *repo, enum as_dialect dialect)
{
	struct builder *builder = begin_repo(repo, dialect);
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	for (unsigned i = 0; i < 10; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 20 + i * 9);
	}
	builder_commit(builder);
	/* The next transaction. */
	const uint32_t end = builder_segment(builder) + (dialect == AS_DIALECT_BORG);
	builder_write_index(builder, end, 0);
	builder_write_hints(builder, end);
	builder_key(2, key);
	builder_put_some(builder, key, 50);
	builder_key(3, key);
	builder_delete(builder, key);
	builder_commit(builder);
	assert_int_equal(builder_head(builder), end);
	builder_key(4, key);
	misspell(builder, end, key);
	builder_segment_path(builder, 0, path);
	builder_flip(path, 20, 4);
	builder_free(builder);
}

#define MORE_ROWS(of, dialect) \
	{ of "salvage of many faults", dialect, strange_make, strange_run, BACK_TO_ORIGIN, \
	  false }, \
	{ of "salvage over a doubtful index", dialect, doubtful_make, strange_run, \
	  BACK_TO_ORIGIN, false }

static const struct operation more_operations[] = {
	MORE_ROWS("", AS_DIALECT_ATTIC),
	MORE_ROWS("Borg: ", AS_DIALECT_BORG),
};

/* ---- writers ---- */

/* False: there were fewer calls. */
static bool starve_operation(struct tally *tally, const struct trial *trial, unsigned at,
			     bool for_good)
{
	char disk[BUILDER_PATH], text[ADVICE_TEXT];
	struct trial_state state = trial_state(trial, trial_path(trial, "disk", disk), false);
	struct fault fault;
	const int maps = malloc_failures_mapped();
	const char *wrong = NULL;
	trial_reset(trial);
	fault_init(&fault);
	wrong_code = AS_OK;
	malloc_failures_arm(at, for_good);
	state.is_done = trial->operation->run(trial->repo, &fault.io);
	const bool was_reached = malloc_failures_disarm() >= at;
	if (was_reached && wrong_code != AS_OK) {
		snprintf(text, sizeof(text), "the message is about %s", as_err_name(wrong_code));
		wrong = text;
	} else if (fault.opens != fault.closes)
		wrong = "descriptors stay open";
	else if (malloc_failures_mapped() != maps)
		wrong = "memory maps stay";
	else if (fault.changes > 0 || state.is_done)	/* else nothing was changed */
		wrong = trial_check(trial, &state, text);
	if (wrong)
		report(tally, at, for_good, wrong);
	tally->points += was_reached;
	return was_reached;
}

static void operate_without_memory(void **state)
{
	const struct operation *operation = *state;
	struct tally tally = { .name = operation->name };
	struct trial trial;
	struct fault none;
	fault_init(&none);
	trial_begin(&trial, operation);
	trial_run(&trial, &none.io);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned at = 1; starve_operation(&tally, &trial, at, i == 1); at++)
			;
	trial_end(&trial);
	close_tally(&tally);
}

/* ---- readers ---- */

/* What a reading returns: the code, and a digest of the result. */
struct reading {
	enum as_err err;
	uint64_t digest;
};

static void add(struct reading *reading, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < len; i++)
		reading->digest = (reading->digest ^ at[i]) * 0x100000001b3;
}

static void add_number(struct reading *reading, uint64_t number)
{
	add(reading, &number, sizeof(number));
}

static void add_text(struct reading *reading, const char *text)
{
	add(reading, text, strlen(text) + 1);
}

static void add_findings(struct reading *reading, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->rows[i];
		add_number(reading, finding->problem);
		add_number(reading, (uint64_t)finding->segment);
		add_number(reading, (uint64_t)finding->offset);
		add_number(reading, (uint64_t)finding->length);
		add_text(reading, finding->detail);
	}
}

static void add_repo(struct reading *reading, const struct repo *opened)
{
	add_number(reading, opened->has_transaction);
	add_number(reading, opened->transaction);
	add_number(reading, opened->tail);
	add_number(reading, opened->listing.count);
	add_number(reading, opened->has_index ? opened->index.buckets : 0);
	add_number(reading, opened->has_hints ? opened->hints.segment_count : 0);
	add_number(reading, opened->undo_state);
	add_findings(reading, &opened->findings);
}

static void add_verify(struct reading *reading, const struct verify *verify)
{
	struct diagnosis diagnosis;
	diagnose(verify->repo, verify, &diagnosis);
	add_text(reading, diagnosis.verdict);
	add_text(reading, diagnosis.advice);
	add_number(reading, diagnosis.clean);
	add_number(reading, diagnosis.recommended);
	add_number(reading, verify->objects);
	add_number(reading, verify->superseded);
	add_number(reading, verify->end);
	add_number(reading, verify->tail);
	for (size_t i = 0; i < verify->damage_count; i++)
		add_number(reading, verify->damage[i].offset);
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		add_number(reading, verify->facts[i].live);
		add_number(reading, verify->facts[i].live_bytes);
	}
	add_findings(reading, &verify->findings);
}

static void read_open(const struct repo *opened, struct reading *reading)
{
	add_repo(reading, opened);
}

static void read_verify_with(const struct repo *opened, struct reading *reading, unsigned threads)
{
	struct verify_progress progress = { .cancel = false };
	struct verify *verify = NULL;
	reading->err = verify_run(opened, threads, &progress, &verify);
	if (reading->err == AS_OK)
		add_verify(reading, verify);
	verify_free(verify);
}

static void read_verify(const struct repo *opened, struct reading *reading)
{
	read_verify_with(opened, reading, 1);
}

static void read_verify_in_threads(const struct repo *opened, struct reading *reading)
{
	read_verify_with(opened, reading, 3);
}

/* Once to write records, and once with them. */
static void read_records(const struct repo *opened, struct reading *reading)
{
	struct verify_records records = { .count = 0 }, again = { .count = 0 };
	for (unsigned i = 0; i < 2 && reading->err == AS_OK; i++) {
		struct verify_progress progress = { .cancel = false };
		struct verify *verify;
		reading->err = verify_new(opened, &verify);
		if (reading->err != AS_OK)
			break;
		verify->scope = (struct verify_scope){
			.known = i ? &records : NULL, .keep = i ? &again : &records,
		};
		reading->err = verify_work(verify, 1, &progress);
		if (reading->err == AS_OK && i == 1)
			add_verify(reading, verify);
		verify_free(verify);
		verify_records_sort(&records);
	}
	verify_records_free(&records);
	verify_records_free(&again);
}

static void read_tail(const struct repo *opened, struct reading *reading)
{
	enum tail_kind kind = TAIL_NONE;
	reading->err = verify_tail(opened, &kind);
	if (reading->err == AS_OK)
		add_number(reading, kind);
}

static void read_history(const struct repo *opened, struct reading *reading)
{
	struct key_prefix prefix = { .nibbles = 2 * KEY_SIZE };
	struct verify_progress progress = { .cancel = false };
	struct history *history = NULL;
	builder_key(5, prefix.bytes);
	reading->err = history_run(opened, &prefix, 1, &progress, &history, NULL);
	for (size_t i = 0; reading->err == AS_OK && i < history->count; i++) {
		const struct history_row *row = &history->rows[i];
		add_number(reading, row->segment);
		add_number(reading, row->entry.offset);
		add_number(reading, row->status);
		add_number(reading, row->index_points_here);
	}
	if (reading->err == AS_OK)
		history_free(history);
}

static void read_entries_of(const struct repo *opened, struct segment_reader *reader,
			    struct reading *reading)
{
	struct segment_entry entry;
	while (reading->err == AS_OK) {
		bool is_known;
		reading->err = segment_next(reader, &entry);
		if (reading->err != AS_OK)
			break;
		add_number(reading, entry.offset);
		add_number(reading, entry.size);
		add_number(reading, entry_status(opened, NULL, 1, &entry, &is_known));
	}
	if (reading->err == AS_END)
		reading->err = AS_OK;
}

static void read_entries(const struct repo *opened, struct reading *reading)
{
	struct segment_reader *reader = segment_reader_new(opened->io, opened->dialect);
	reading->err = reader ? AS_OK : AS_ERR_MEMORY;
	for (size_t i = 0; reading->err == AS_OK && i < opened->listing.count; i++) {
		char path[LISTING_PATH_MAX];
		listing_path(&opened->listing, i, path);
		reading->err = segment_open(reader, opened->fd, path,
					    opened->listing.segments[i].number, NULL, NULL);
		if (reading->err == AS_OK)
			read_entries_of(opened, reader, reading);
	}
	segment_reader_free(reader);
}

static void read_witnesses(const struct repo *opened, struct reading *reading)
{
	for (uint32_t segment = 0; segment < 6 && reading->err == AS_OK; segment++) {
		struct segment_witness *rows = NULL;
		size_t count = 0;
		reading->err = repo_witnesses(opened, segment, &rows, &count);
		if (reading->err != AS_OK)
			break;
		add_number(reading, count);
		for (size_t i = 0; i < count; i++)
			add_number(reading, rows[i].offset);
		free(rows);
	}
}

static void read_object(const struct repo *opened, struct reading *reading)
{
	struct key_prefix prefix = { .nibbles = 8 };
	struct index_bucket bucket;
	uint8_t *data;
	size_t len;
	builder_key(6, prefix.bytes);
	reading->err = object_find(opened, &prefix, &bucket, NULL);
	if (reading->err != AS_OK)
		return;
	const struct object_place place = { .segment = bucket.segment, .offset = bucket.offset };
	reading->err = object_read(opened, bucket.key, &place, &data, &len, NULL);
	if (reading->err != AS_OK)
		return;
	add(reading, data, len);
	free(data);
}

static void read_census(const struct repo *opened, struct reading *reading)
{
	struct index_image image;
	struct index_census census;
	struct findings findings;
	if (opened->index.fd < 0)
		return;
	findings_init(&findings);
	reading->err = index_load(&opened->index, 2, NULL, &image);
	if (reading->err == AS_OK) {
		reading->err = index_census(&opened->index, &image, 2, &census, &findings);
		index_image_free(&image);
	}
	if (reading->err == AS_OK) {
		add_number(reading, census.used);
		add_number(reading, census.longest);
		add_findings(reading, &findings);
	}
	findings_free(&findings);
}

static void read_targets(const struct repo *opened, struct reading *reading)
{
	uint32_t got = 1;
	if (opened->index.fd < 0)
		return;
	for (uint32_t i = 0; reading->err == AS_OK && i < opened->index.buckets && got == 1; i++) {
		struct index_bucket bucket;
		enum index_target target = TARGET_OK;
		reading->err = index_read(&opened->index, i, 1, &bucket, &got);
		if (reading->err == AS_OK && index_bucket_is_used(&bucket))
			reading->err = object_target(opened, &bucket, &target);
		add_number(reading, target);
	}
}

static void add_plan(struct reading *reading, struct plan *plan)
{
	char *text = plan_text_string(plan, NULL);
	if (text)
		add_text(reading, text);
	else
		reading->err = AS_ERR_MEMORY;
	free(text);
	plan_free(plan);
}

static void read_plan(const struct repo *opened, const struct verify *verify, enum repair action,
		      struct reading *reading)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct plan *plan;
	reading->err = plan_make(opened, verify, action, &options, &progress, &plan, NULL);
	if (reading->err != AS_OK)
		return;
	add_plan(reading, plan);
}

static void read_plans(const struct repo *opened, struct reading *reading)
{
	static const enum repair actions[] = {
		REPAIR_SALVAGE, REPAIR_RECOVER, REPAIR_ROLLBACK, REPAIR_COMPACT,
	};
	struct verify_progress progress = { .cancel = false };
	struct verify *verify = NULL;
	reading->err = verify_run(opened, 1, &progress, &verify);
	for (size_t i = 0; reading->err == AS_OK && i < ARRAY_SIZE(actions); i++)
		read_plan(opened, verify, actions[i], reading);
	verify_free(verify);
}

static void read_undo_list(const struct repo *opened, struct reading *reading)
{
	struct undo_entry *entries = NULL;
	size_t count = 0;
	reading->err = undo_list(opened->io, opened->fd, &entries, &count);
	if (reading->err != AS_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		add_text(reading, entries[i].name);
		add_number(reading, entries[i].state);
		add_number(reading, entries[i].files);
		add_number(reading, entries[i].bytes);
	}
	free(entries);
}

static void add_line(void *context, enum plan_tone tone, const char *line)
{
	(void)tone;
	add_text(context, line);
}

static void read_undo_plan(const struct repo *opened, struct reading *reading)
{
	const struct plan_text to = { .line = add_line, .context = reading };
	struct undo_plan *plan;
	reading->err = undo_plan_make(opened, &plan, NULL);
	if (reading->err != AS_OK)
		return;
	plan_text_undo(plan, &to);
	undo_plan_free(plan);
}

struct key_reading {
	struct as_store *store;
	struct reading *reading;
};

static int read_listed(void *context, const uint8_t key[AS_KEY_SIZE])
{
	struct key_reading *keys = context;
	void *value;
	size_t size;
	const enum as_err err = as_get(keys->store, key, AS_KEY_SIZE, &value, &size, NULL);
	add(keys->reading, key, AS_KEY_SIZE);
	if (err == AS_ERR_MEMORY) {
		keys->reading->err = err;
		return 1;
	}
	add_number(keys->reading, err);
	if (err == AS_OK) {
		add(keys->reading, value, size);
		free(value);
	}
	return 0;
}

static void read_store(const struct repo *opened, struct reading *reading)
{
	struct as_state state;
	struct key_reading keys = { .reading = reading };
	reading->err = store_open(opened->path, NULL, opened->io, &keys.store, NULL);
	if (reading->err != AS_OK)
		return;
	as_get_state(keys.store, &state);
	add_number(reading, state.transaction);
	add_text(reading, state.why);
	const enum as_err err = as_each_key(keys.store, read_listed, &keys, NULL);
	if (reading->err == AS_OK)
		reading->err = err;
	as_close(keys.store);
}

static const struct way {
	const char *name;
	void (*read)(const struct repo *opened, struct reading *reading);
} ways[] = {
	{ "opening", read_open },
	{ "verify", read_verify },
	{ "verify in threads", read_verify_in_threads },
	{ "verify by records", read_records },
	{ "weighing the tail", read_tail },
	{ "history", read_history },
	{ "listing entries", read_entries },
	{ "witnesses", read_witnesses },
	{ "reading an object", read_object },
	{ "census", read_census },
	{ "index targets", read_targets },
	{ "plans and their text", read_plans },
	{ "undo list", read_undo_list },
	{ "undo plan", read_undo_plan },
	{ "reading by the store", read_store },
};

/* Their repositories are read. */
static const char *const read_operations[] = {
	"salvage", "salvage without an index", "recover over a wrong index", "rollback", "compact",
	"rollback of the store", "undo of a salvage", "salvage of many faults",
	"salvage over a doubtful index", "Borg: salvage", "Borg: recover over a wrong index",
	"Borg: compact", "Borg: undo of a salvage",
};

static struct reading read_with(const struct way *way, const char *repo, const struct io *io)
{
	const struct repo_options options = { .io = io };
	struct reading reading = { .digest = 0xcbf29ce484222325 };
	struct repo *opened;
	reading.err = repo_open(repo, &options, &opened, NULL);
	if (reading.err != AS_OK)
		return reading;
	add_number(&reading, lock_state(repo_lock(opened), NULL));
	way->read(opened, &reading);
	repo_close(opened);
	return reading;
}

static const char *check_reading(const struct reading *reading, const struct reading *right)
{
	if (reading->err == AS_ERR_MEMORY)
		return NULL;
	if (reading->err != right->err)
		return "the error is a different one";
	return right->err == AS_OK && reading->digest != right->digest ?
		       "the result differs from that with memory" : NULL;
}

/* The disk always has the same room, and a range of it cannot be read. */
static void init_reading(struct fault *fault)
{
	fault_init(fault);
	fault->has_free_blocks = true;
	fault->free_blocks = 1u << 20;
	fault->bad_offset = FAR;
	fault->bad_length = 512;
}

static bool starve_reading(struct tally *tally, const struct way *way, const char *repo,
			   const struct reading *right, unsigned at, bool for_good)
{
	struct fault fault;
	const int maps = malloc_failures_mapped();
	init_reading(&fault);
	malloc_failures_arm(at, for_good);
	const struct reading reading = read_with(way, repo, &fault.io);
	const bool was_reached = malloc_failures_disarm() >= at;
	const char *wrong = check_reading(&reading, right);
	if (!wrong && fault.opens != fault.closes)
		wrong = "descriptors stay open";
	if (!wrong && malloc_failures_mapped() != maps)
		wrong = "memory maps stay";
	if (!wrong && fault.changes > 0)
		wrong = "something was written";
	if (wrong)
		report(tally, at, for_good, wrong);
	tally->points += was_reached;
	return was_reached;
}

static void read_without_memory_from(struct tally *tally, const struct way *way, const char *repo)
{
	struct fault fault;
	init_reading(&fault);
	const struct reading right = read_with(way, repo, &fault.io);
	assert_int_not_equal(right.err, AS_ERR_MEMORY);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned at = 1; starve_reading(tally, way, repo, &right, at, i == 1); at++)
			;
}

static void make_named(const char *name, const char *repo)
{
	const struct operation *operation = NULL;
	for (size_t i = 0; i < operation_count; i++)
		if (strcmp(operations[i].name, name) == 0)
			operation = &operations[i];
	for (size_t i = 0; i < ARRAY_SIZE(more_operations); i++)
		if (strcmp(more_operations[i].name, name) == 0)
			operation = &more_operations[i];
	if (!operation)
		fail_msg("no operation is named %s", name);
	operation->make(repo, operation->dialect);
}

static void read_without_memory(void **state)
{
	const struct way *way = *state;
	struct tally tally = { .name = way->name };
	for (size_t i = 0; i < ARRAY_SIZE(read_operations); i++) {
		char folder[BUILDER_PATH], repo[BUILDER_PATH];
		tally.of = read_operations[i];
		builder_make_folder(folder);
		make_named(read_operations[i], trial_repo(folder, repo));
		read_without_memory_from(&tally, way, repo);
		builder_remove_folder(folder);
	}
	close_tally(&tally);
}

/* ---- all ---- */

static void memory_ran_out_often(void **state)
{
	(void)state;
	if (!getenv("MEMORY_TEST"))
		assert_true(all_points > 1000);
}

int main(void)
{
	const size_t count = operation_count + ARRAY_SIZE(more_operations) + ARRAY_SIZE(ways) + 1;
	struct CMUnitTest *tests = calloc(count, sizeof(*tests)), *test = tests;
	if (!tests)
		return 99;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		*test++ = (struct CMUnitTest){
			.name = ways[i].name, .test_func = read_without_memory,
			.initial_state = (void *)(uintptr_t)&ways[i],
		};
	test = trial_tests(test, operations, operation_count, operate_without_memory);
	test = trial_tests(test, more_operations, ARRAY_SIZE(more_operations),
			   operate_without_memory);
	*test = (struct CMUnitTest)cmocka_unit_test(memory_ran_out_often);
	return trial_run_tests("memory", "MEMORY_TEST", tests, count);
}
