/* A whole repository, as an archive: it is opened and verified, recommended repairs are planned and
 * run until there is none, and all of them are undone. */
#include "build-config.h"

#include "engine/base/array.h"
#include "engine/base/crc.h"
#include "engine/check/diagnose.h"
#include "engine/repair/undo.h"
#include "tests/fuzz/archive.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ram_io.h"
#include "tests/fuzz/seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 4u

struct opened_repo {
	struct repo *repo;
	struct verify *verify;
	struct diagnosis diagnosis;
};

/* An object and what reading it gave. */
struct object {
	uint8_t key[KEY_SIZE];
	uint64_t size;
	uint32_t crc;
};

struct objects {
	const struct verify *verify;
	struct object *rows;
	size_t count, capacity;
};

static struct ram *ram;

/* ---- checking ---- */

static bool is_same_finding(const struct finding *a, const struct finding *b)
{
	return a->problem == b->problem && a->severity == b->severity && a->repair == b->repair &&
	       a->segment == b->segment && a->offset == b->offset && a->length == b->length &&
	       a->has_key == b->has_key && memcmp(a->key, b->key, KEY_SIZE) == 0 &&
	       strcmp(a->detail, b->detail) == 0;
}

/* Every sentence can be printed, and the order in which findings were appended does not matter. */
static void check_findings(const struct findings *findings, const struct findings *again)
{
	need(findings->count == again->count);
	for (size_t i = 0; i < findings->count; i++) {
		char sentence[1024];
		finding_message(&findings->rows[i], sentence, sizeof(sentence));
		for (const char *c = sentence; *c; c++)
			need((unsigned char)*c >= 0x20 && *c != 0x7f);
		need(is_same_finding(&findings->rows[i], &again->rows[i]));
	}
}

/* Two threads find what one finds. */
static void verify_with_two(const struct opened_repo *opened)
{
	struct verify_progress progress = { .cancel = false };
	struct verify *again;
	struct diagnosis diagnosis;
	need(verify_run(opened->repo, 2, &progress, &again) == AS_OK);
	diagnose(opened->repo, again, &diagnosis);
	check_findings(&opened->verify->findings, &again->findings);
	need(opened->verify->objects == again->objects && opened->verify->bytes == again->bytes);
	need(opened->verify->tail == again->tail);
	need(opened->diagnosis.clean == diagnosis.clean);
	need(opened->diagnosis.recommended == diagnosis.recommended);
	need(opened->diagnosis.alternative == diagnosis.alternative);
	verify_free(again);
}

/* False: it cannot be opened. Checking changes nothing. */
static bool opened_repo_open(struct opened_repo *opened)
{
	struct verify_progress progress = { .cancel = false };
	const struct repo_options options = { .io = ram_io(ram) };
	struct as_error error;
	const uint64_t changes = ram_changes(ram);
	if (repo_open("/repo", &options, &opened->repo, &error) != AS_OK) {
		need(error.code == AS_ERR_INVALID_REPOSITORY);
		return false;
	}
	need(verify_run(opened->repo, 1, &progress, &opened->verify) == AS_OK);
	need(opened->verify->complete && !repo_is_changed(opened->repo));
	diagnose(opened->repo, opened->verify, &opened->diagnosis);
	need(ram_changes(ram) == changes);
	return true;
}

static void opened_repo_close(struct opened_repo *opened)
{
	verify_free(opened->verify);
	repo_close(opened->repo);
}

static enum as_err add_object(void *context, const uint8_t key[KEY_SIZE],
			      enum verify_outcome outcome, const struct replay_event *place)
{
	struct objects *objects = context;
	const struct repo *opened = objects->verify->repo;
	struct verify_source source;
	struct segment_entry entry;
	struct replay_event found;
	uint8_t *data;
	if (outcome != OUTCOME_OBJECT)
		return AS_OK;
	void *rows = objects->rows;
	need(array_reserve(&rows, objects->count, &objects->capacity, sizeof(struct object)));
	objects->rows = rows;
	need(verify_lookup(objects->verify, key, &found));
	need(found.segment == place->segment && found.offset == place->offset);
	need(verify_find_source(objects->verify, place->segment, place->offset, &source));
	need(segment_read_entry(opened->io, opened->fd, source.path, source.offset, &entry,
				&data) == AS_OK);
	need(entry.tag == SEGMENT_PUT && memcmp(entry.key, key, KEY_SIZE) == 0);
	struct object *row = &objects->rows[objects->count++];
	row->size = entry.size - SEGMENT_KEYED;
	row->crc = crc32_update(0, data, row->size);
	memcpy(row->key, key, KEY_SIZE);
	free(data);
	return AS_OK;
}

static int compare_objects(const void *left, const void *right)
{
	const struct object *a = left, *b = right;
	return memcmp(a->key, b->key, KEY_SIZE);
}

/* All objects, sorted by key; each is there once and can be read. */
static struct objects objects_of(const struct verify *verify)
{
	struct objects objects = { .verify = verify };
	need(verify_each(verify, add_object, &objects) == AS_OK);
	need(objects.count == verify->objects);
	if (objects.count > 0)
		qsort(objects.rows, objects.count, sizeof(*objects.rows), compare_objects);
	for (size_t i = 1; i < objects.count; i++)
		need(compare_objects(&objects.rows[i - 1], &objects.rows[i]) != 0);
	return objects;
}

/* Print what check says, for a person who debugs a failure. */
static void trace(const struct opened_repo *opened, const struct plan *plan)
{
	static const char *const words[] = { "make", "move", "replace" };
	char message[1024];
	for (size_t i = 0; i < opened->verify->findings.count; i++) {
		finding_message(&opened->verify->findings.rows[i], message, sizeof(message));
		fprintf(stderr, "  %s\n", message);
	}
	fprintf(stderr, "%s: %s%s, %u -> %u\n", repair_name(plan->action),
		plan->is_empty ? "empty" : "", plan->is_refused ? plan->refusal : "",
		plan->before, plan->after);
	for (size_t i = 0; i < plan->file_count; i++)
		fprintf(stderr, "  %s %s: %s\n", words[plan->files[i].change],
			plan->files[i].path, plan->files[i].reason);
}

/* ---- repairing ---- */

static struct plan *make_plan(const struct opened_repo *opened, enum repair action)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct as_error error;
	struct plan *plan;
	const uint64_t changes = ram_changes(ram);
	need(plan_make(opened->repo, opened->verify, action, &options, &progress, &plan, &error) ==
	     AS_OK);
	need(ram_changes(ram) == changes);
	if (getenv("TRACE"))
		trace(opened, plan);
	for (size_t i = 1; i < plan->lost_count; i++)
		need(memcmp(plan->lost[i - 1].key, plan->lost[i].key, KEY_SIZE) < 0);
	return plan;
}

static int compare_lost(const void *key, const void *row)
{
	return memcmp(key, ((const struct lost_key *)row)->key, KEY_SIZE);
}

static bool is_lost(const struct plan *plan, const uint8_t *key)
{
	return plan->lost_count > 0 && bsearch(key, plan->lost, plan->lost_count,
					       sizeof(*plan->lost), compare_lost) != NULL;
}

/* Every object is still there, byte for byte, unless the plan named it as lost. */
static void check_objects(const struct objects *before, const struct objects *after,
			  const struct plan *plan)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct object *row = &before->rows[i];
		const struct object *same =
			after->count > 0 ? bsearch(row, after->rows, after->count, sizeof(*row),
						   compare_objects) : NULL;
		if (is_lost(plan, row->key))
			need(!same);
		else
			need(same && same->size == row->size && same->crc == row->crc);
	}
	need(after->count == plan->objects_after);
}

/* Run @plan; the name of its undo folder goes to @name. False: there can be no undo folder, and
 * nothing was changed. */
static bool run_plan(const struct opened_repo *opened, struct plan *plan, char name[UNDO_NAME_MAX])
{
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct as_error error;
	const uint64_t changes = ram_changes(ram);
	struct permit *permit = io_grant_permit(opened->repo->io, opened->repo->fd, 0600);
	need(permit);
	const enum as_err err = repair_run(plan, permit, &progress, &report, &error);
	io_revoke_permit(permit);
	if (err == AS_ERR_NOT_REGULAR) {
		need(!report.has_changed && ram_changes(ram) == changes);
		return false;
	}
	need(err == AS_OK && report.is_done && report.entries_copied == plan->entries_copied);
	need(report.has_after == plan->has_after);
	need(!report.has_after || report.after == plan->after);
	need(strncmp(report.undo, UNDO_FOLDER "/", strlen(UNDO_FOLDER "/")) == 0);
	snprintf(name, UNDO_NAME_MAX, "%.*s", (int)UNDO_NAME_MAX - 1,
		 report.undo + strlen(UNDO_FOLDER "/"));
	return true;
}

/* The same repair finds nothing to do the second time. */
static void repeat(const struct opened_repo *opened, enum repair action)
{
	struct plan *plan = make_plan(opened, action);
	need(plan->is_empty || plan->is_refused);
	plan_free(plan);
}

/* Run the recommended repair. False: there is none, or it cannot run. */
static bool run_step(char name[UNDO_NAME_MAX])
{
	struct opened_repo opened, then;
	need(opened_repo_open(&opened));
	const enum repair action = opened.diagnosis.recommended;
	struct plan *plan = !opened.diagnosis.clean && action != REPAIR_NONE &&
			    !opened.diagnosis.undo_comes_first ? make_plan(&opened, action) : NULL;
	bool is_done = false;
	if (plan && !plan->is_refused) {
		need(!plan->is_empty);
		const struct objects before = objects_of(opened.verify);
		is_done = run_plan(&opened, plan, name);
		need(opened_repo_open(&then));
		const struct objects after = objects_of(then.verify);
		if (is_done) {
			check_objects(&before, &after, plan);
			repeat(&then, action);
		}
		opened_repo_close(&then);
		free(before.rows);
		free(after.rows);
	}
	plan_free(plan);
	opened_repo_close(&opened);
	return is_done;
}

/* Undo the repair of the undo folder @name. False: another one comes first. */
static bool undo_step(const char *name)
{
	struct opened_repo opened;
	struct repair_progress progress = { .cancel = false };
	struct as_error error;
	struct undo_plan *plan;
	need(opened_repo_open(&opened));
	const uint64_t changes = ram_changes(ram);
	need(undo_plan_make(opened.repo, &plan, &error) == AS_OK);
	need(ram_changes(ram) == changes);
	const bool is_next = strcmp(plan->name, name) == 0;
	if (is_next) {
		need(!plan->is_empty && !plan->is_refused);
		struct permit *permit = io_grant_permit(opened.repo->io, opened.repo->fd, 0600);
		need(permit && undo_run(plan, permit, &progress, &error) == AS_OK);
		io_revoke_permit(permit);
	}
	undo_plan_free(plan);
	opened_repo_close(&opened);
	return is_next;
}

/* An undo folder from the future, with the last number of its second, stays before all others. */
static bool has_undo_folder(void)
{
	struct stat st;
	return ram_io(ram)->fstatat(ram_io(ram), AT_FDCWD, UNDO_FOLDER, &st, 0) == 0;
}

static void repair(void)
{
	char names[STEPS_MAX + 1][UNDO_NAME_MAX];
	unsigned steps = 0;
	const bool may_be_overtaken = has_undo_folder();
	char *before = ram_listing(ram);
	while (run_step(names[steps]))
		need(++steps <= STEPS_MAX);
	bool is_back = true;
	while (steps > 0 && is_back)
		is_back = undo_step(names[--steps]);
	char *after = ram_listing(ram);
	need(is_back ? strcmp(before, after) == 0 : may_be_overtaken);
	free(before);
	free(after);
}

/* ---- the target ---- */

static void unpack(const uint8_t *data, size_t size)
{
	struct archive_file file;
	size_t at = 0;
	while (archive_next(data, size, &at, &file))
		ram_put(ram, file.path, data + file.bytes, file.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opened_repo opened;
	if (!ram)
		ram = ram_new();
	unpack(data, size);
	if (opened_repo_open(&opened)) {
		if (size % 8 == 0)	/* threads cost more than all the rest */
			verify_with_two(&opened);
		opened_repo_close(&opened);
		repair();
	}
	ram_clear(ram);
	return 0;
}

/* ---- mutations ---- */

#define FILES_MAX 64u

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* Change the bytes of a file in place, according to its kind. */
static size_t mutate_bytes(const char *path, uint8_t *bytes, size_t len, size_t max,
			   uint64_t *random)
{
	const bool is_sealed = fuzz_below(random, 2) == 0;
	if (begins(path, "data/")) {
		len = fuzz_mutate_segment(bytes, len, max, random);
		if (is_sealed)
			seal_segment(bytes, len);
		return len;
	}
	len = LLVMFuzzerMutate(bytes, len, max);
	if (is_sealed && begins(path, "index."))
		seal_index(bytes, len);
	else if (is_sealed && begins(path, "undo/"))
		seal_manifest(bytes, len);
	return len;
}

/* Another name of the same kind: a neighbour's number, or one digit more. */
static void mutate_path(char *path, uint64_t *random)
{
	const size_t len = strlen(path);
	static const char signs[] = "0123456789/.tmp";
	if (len == 0 || len > 200)
		return;
	switch (fuzz_below(random, 3)) {
	case 0:
		path[len - 1] = (char)('0' + fuzz_below(random, 10));
		break;
	case 1:
		path[fuzz_below(random, (uint32_t)len)] =
			signs[fuzz_below(random, sizeof(signs) - 1)];
		break;
	default:
		path[len] = (char)('0' + fuzz_below(random, 10));
		path[len + 1] = '\0';
	}
}

/* Append a record of @path with the bytes [@from, @from + @len) of @data. */
static size_t append(uint8_t *data, size_t size, size_t max, const char *path, size_t from,
		     size_t len)
{
	if (ARCHIVE_HEAD(strlen(path)) + len > max - size)
		return size;
	const size_t head = archive_write_head(path, len, data + size);
	memmove(data + size + head, data + from, len);
	return size + head + len;
}

static size_t mutate_file(uint8_t *data, size_t size, size_t max, struct archive_file *file,
			  uint64_t *random)
{
	/* Move the file to the end, where it can grow; then cut out the old one. */
	const size_t record = file->bytes + file->len - file->begin;
	const size_t room = max - size;
	if (ARCHIVE_HEAD(255) + file->len + 256 > room)
		return size;
	if (fuzz_below(random, 8) == 0)
		mutate_path(file->path, random);
	uint8_t *bytes = data + size + ARCHIVE_HEAD(strlen(file->path));
	memmove(bytes, data + file->bytes, file->len);
	const size_t len = mutate_bytes(file->path, bytes, file->len,
					room - ARCHIVE_HEAD(strlen(file->path)), random);
	size += archive_write_head(file->path, len, data + size) + len;
	memmove(data + file->begin, data + file->begin + record, size - file->begin - record);
	return size - record;
}

/* Find the files of an archive; returns how many there are. */
static size_t find_files(const uint8_t *data, size_t size, struct archive_file files[FILES_MAX])
{
	size_t count = 0, at = 0;
	while (count < FILES_MAX && archive_next(data, size, &at, &files[count]))
		count++;
	return count;
}

/* Let the digests of Borg be those of index and hints, so that these are believed. */
static void seal_archive(uint8_t *data, size_t size)
{
	struct archive_file files[FILES_MAX];
	const size_t count = find_files(data, size, files);
	for (size_t i = 0; i < count; i++) {
		if (!begins(files[i].path, "integrity."))
			continue;
		for (size_t j = 0; j < count; j++)
			if (begins(files[j].path, "index.") || begins(files[j].path, "hints."))
				seal_digests(data + files[i].bytes, files[i].len, files[j].path,
					     data + files[j].bytes, files[j].len);
	}
}

static size_t mutate(uint8_t *data, size_t size, size_t max, uint64_t *random)
{
	struct archive_file files[FILES_MAX];
	const size_t count = find_files(data, size, files);
	if (count == 0 || fuzz_below(random, 64) == 0)
		return LLVMFuzzerMutate(data, size, max);
	struct archive_file *file = &files[fuzz_below(random, (uint32_t)count)];
	const size_t record = file->bytes + file->len - file->begin;
	switch (fuzz_below(random, 12)) {
	case 0:			/* it is gone */
		memmove(data + file->begin, data + file->begin + record,
			size - file->begin - record);
		return size - record;
	case 1:			/* it is there a second time */
		mutate_path(file->path, random);
		return append(data, size, max, file->path, file->bytes, file->len);
	default:
		return mutate_file(data, size, max, file, random);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t random = seed;
	size = mutate(data, size, max, &random);
	if (fuzz_below(&random, 2) == 0)
		seal_archive(data, size);
	return size;
}
