#include "build-config.h"

#include "app/app.h"
#include "screen/screens.h"
#include "session/format.h"

#include "engine/repo/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COL_BUCKET, COL_KEY, COL_PLACE, COL_HOME, COL_DISTANCE, COL_TARGET, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_BUCKET] = { .title = "bucket", .width = 9, .right = true },
	[COL_KEY] = { .title = "key", .width = 14, .grows = true },
	[COL_PLACE] = { .title = "segment:offset", .width = 16, .right = true },
	[COL_HOME] = { .title = "home", .width = 9, .right = true, .rank = 3 },
	[COL_DISTANCE] = { .title = "dist", .width = 5, .right = true, .rank = 2 },
	[COL_TARGET] = { .title = "target", .width = 12, .rank = 1 },
};

/* Used buckets are counted by blocks, so that row i is found without a list of all of them. */
#define BLOCK 256u
#define BLOCKS_AT_ONCE 16u

struct index_model {
	struct model base;
	bool all;
	uint32_t blocks;
	_Atomic uint32_t counted;	/* blocks; before[0] to before[counted] are valid */
	_Atomic uint32_t unreadable;	/* buckets, a lower bound */
	uint32_t before[];		/* [b]: used buckets before block b; one more than blocks */
};

/* ---- which bucket a row is ---- */

/* The block that holds used bucket @row. */
static uint32_t block_of(const struct index_model *model, uint64_t row)
{
	uint32_t low = 0, high = atomic_load_explicit(&model->counted, memory_order_acquire);
	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;
		if (model->before[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Reads rows one after the other, and the index a block at a time. */
struct walk {
	const struct index_model *model;
	uint32_t block;
	bool loaded;
	struct index_bucket buckets[BLOCK];
	uint32_t got;
};

/* Read the bucket of row @row. False: it cannot be read, and only *@number is set. */
static bool bucket_of_row(struct walk *walk, uint64_t row, uint32_t *number,
			  struct index_bucket *bucket)
{
	const struct index_model *model = walk->model;
	const uint32_t block = model->all ? (uint32_t)(row / BLOCK) : block_of(model, row);
	const struct index_file *index = &model->base.session->repo->index;
	uint32_t got;
	if (!walk->loaded || walk->block != block) {
		walk->block = block;
		walk->loaded = true;
		/* If one bucket is bad, all are read one by one. */
		if (index_read(index, block * BLOCK, BLOCK, walk->buckets, &walk->got) != AS_OK)
			walk->got = 0;
	}
	if (model->all) {
		*number = (uint32_t)row;
		if (row % BLOCK < walk->got) {
			*bucket = walk->buckets[row % BLOCK];
			return true;
		}
		return index_read(index, *number, 1, bucket, &got) == AS_OK && got == 1;
	}
	uint64_t skip = row - model->before[block];
	*number = block * BLOCK;
	for (uint32_t i = 0; i < walk->got; i++) {
		if (!index_bucket_is_used(&walk->buckets[i]) || skip-- > 0)
			continue;
		*bucket = walk->buckets[i];
		*number = bucket->number;
		return true;
	}
	return false;	/* the file changed since the buckets were counted */
}

/* ---- rows ---- */

static void fill_used(struct row *row, const struct repo *repo, const struct index_bucket *bucket)
{
	char text[FORMAT_LISTED_KEY];
	enum index_target target;
	const enum as_err err = object_target(repo, bucket, &target);
	const uint32_t home = index_home(bucket->key, repo->index.buckets);
	row->place = place_of_entry(bucket->segment, bucket->offset);
	place_set_key(&row->place, bucket->key);
	row_set(row, COL_KEY, STYLE_NORMAL, "%s", format_listed_key(bucket->key, text));
	row_set(row, COL_PLACE, STYLE_NORMAL, "%" PRIu32 ":%" PRIu32, bucket->segment,
		bucket->offset);
	row_set(row, COL_HOME, STYLE_NORMAL, "%" PRIu32, home);
	row_set(row, COL_DISTANCE, STYLE_NORMAL, "%" PRIu32,
		index_distance(home, bucket->number, repo->index.buckets));
	row_set(row, COL_TARGET, target == TARGET_OK ? STYLE_GOOD : STYLE_BAD, "%s",
		err == AS_OK ? index_target_name(target) : as_err_text(err));
}

static void fetch_rows(struct model *base, uint64_t first, size_t count, struct row *rows)
{
	struct walk walk = { .model = (const struct index_model *)base };
	for (size_t i = 0; i < count; i++) {
		struct row *row = &rows[i];
		struct index_bucket bucket;
		uint32_t number;
		const bool readable = bucket_of_row(&walk, first + i, &number, &bucket);
		row_set(row, COL_BUCKET, STYLE_NORMAL, "%" PRIu32, number);
		if (!readable) {
			row_set(row, COL_KEY, STYLE_BAD, "cannot be read");
		} else if (index_bucket_is_used(&bucket)) {
			fill_used(row, base->session->repo, &bucket);
		} else {
			row->style = STYLE_FAINT;
			row_set(row, COL_KEY, STYLE_NORMAL, "%s",
				bucket.segment == INDEX_EMPTY ? "empty" : "deleted");
		}
		row->place.has_bucket = true;
		row->place.bucket = number;
	}
}

/* Search keys in the buckets alone, and other text in the rows, which reads the segments. */
static bool model_search(struct model *base, const struct query *query, uint64_t first,
			 uint64_t count, bool backward, uint64_t *found)
{
	struct walk walk = { .model = (const struct index_model *)base };
	for (uint64_t i = 0; i < count; i++) {
		struct index_bucket bucket;
		uint32_t number;
		*found = backward ? first + count - 1 - i : first + i;
		if (query->is_prefix) {
			if (bucket_of_row(&walk, *found, &number, &bucket) &&
			    index_bucket_is_used(&bucket) &&
			    key_prefix_matches(&query->prefix, bucket.key))
				return true;
			continue;
		}
		struct row row = { .used = 0 };
		fetch_rows(base, *found, 1, &row);
		if (row_matches(&row, query))
			return true;
	}
	return false;
}

static const struct model_ops model_ops = { .fetch = fetch_rows, .find = model_search };

/* ---- counting the used buckets ---- */

/* Count @blocks blocks from @block on. A block that is partly unreadable counts as empty; its good
 * buckets are shown when all are. */
static void count_blocks(struct index_model *model, uint32_t block, uint32_t blocks,
			 struct index_bucket *buckets)
{
	uint32_t got;
	const enum as_err err = index_read(&model->base.session->repo->index, block * BLOCK,
					   blocks * BLOCK, buckets, &got);
	if (err != AS_OK && blocks > 1) {
		for (uint32_t i = 0; i < blocks; i++)
			count_blocks(model, block + i, 1, buckets);
		return;
	}
	if (err != AS_OK) {
		atomic_fetch_add(&model->unreadable, BLOCK - got);
		got = 0;
	}
	for (uint32_t i = 0; i < blocks; i++) {
		uint32_t used = 0;
		for (uint32_t k = i * BLOCK; k < got && k < (i + 1) * BLOCK; k++)
			used += index_bucket_is_used(&buckets[k]);
		model->before[block + i + 1] = model->before[block + i] + used;
	}
}

static void run_count(struct job *job)
{
	struct index_model *model = job->held[0];
	struct index_bucket *buckets = malloc(BLOCKS_AT_ONCE * BLOCK * sizeof(*buckets));
	for (uint32_t block = 0; buckets && block < model->blocks;) {
		const uint32_t left = model->blocks - block;
		const uint32_t blocks = left < BLOCKS_AT_ONCE ? left : BLOCKS_AT_ONCE;
		if (atomic_load(&job->progress.cancel))
			break;
		count_blocks(model, block, blocks, buckets);
		block += blocks;
		atomic_store_explicit(&model->counted, block, memory_order_release);
		atomic_store_explicit(&model->base.count, model->before[block],
				      memory_order_release);
		atomic_store(&job->progress.segments_done, block * BLOCK);
		atomic_store(&job->progress.bytes_done, (uint64_t)block * BLOCK * INDEX_BUCKET);
	}
	free(buckets);
}

/* ---- how credible the index is ---- */

static void run_witness(struct job *head)
{
	struct session *session = head->session;
	struct witness *witness = calloc(1, sizeof(*witness)), *none = NULL;
	if (!witness)
		return;
	witness_of_index(session->repo, NULL, &head->progress.cancel, witness);
	if (atomic_load(&head->progress.cancel) ||
	    !atomic_compare_exchange_strong(&session->index_witness, &none, witness))
		free(witness);
}

static void start_witness(struct app *app, const struct screen *screen)
{
	struct session *session = app->session;
	if (session->repo->index.fd < 0 || session_verify(session) ||
	    atomic_load(&session->index_witness))
		return;
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return;
	*job = (struct job){ .kind = JOB_WITNESS, .owner = screen, .run = run_witness,
			     .session = ref_hold(session) };
	app_start(app, job);
}

/* ---- looking a key up ---- */

struct lookup_job {
	struct job job;
	struct screen *screen;
	uint8_t key[KEY_SIZE];
	enum as_err result;
	struct index_bucket bucket;
};

static void run_lookup(struct job *head)
{
	struct lookup_job *job = (struct lookup_job *)head;
	job->result = index_lookup(&head->session->repo->index, job->key, &job->bucket);
}

static void lookup_done(struct app *app, struct job *head)
{
	const struct lookup_job *job = (const struct lookup_job *)head;
	const uint32_t buckets = head->session->repo->index.buckets;
	const bool found = job->result == AS_OK;
	table_select(job->screen->table,
		     found ? job->bucket.number : index_home(job->key, buckets));
	if (!found)
		app_say(app, STYLE_WARNING, "%s; this would be its home bucket",
			job->result == AS_ERR_OBJECT_NOT_FOUND ? "the index does not have this key"
							       : as_err_text(job->result));
}

/* ---- the screen ---- */

struct index_screen {
	struct screen base;
	struct table table;
	bool all;
};

static void reload(struct app *app, struct screen *base)
{
	struct index_screen *screen = (struct index_screen *)base;
	const struct index_file *index = &app->session->repo->index;
	const uint32_t blocks =
		index->fd < 0 ? 0 : index->buckets / BLOCK + (index->buckets % BLOCK > 0);
	struct index_model *model = model_new(
		&model_ops, sizeof(*model) + (blocks + 1) * sizeof(model->before[0]), app->session);
	if (model) {
		model->all = screen->all;
		model->blocks = blocks;
		model->base.count = index->fd >= 0 && screen->all ? index->buckets : 0;
	} else {
		app_say(app, STYLE_BAD, "out of memory");
	}
	jobs_abandon(&app->jobs, &screen->base);
	start_witness(app, &screen->base);
	table_set_model(&screen->table, model);
	const struct job count = { .kind = JOB_COUNT, .verb = "counting", .unit = "buckets",
				   .total = index->buckets, .owner = screen, .run = run_count };
	if (model && !screen->all && blocks > 0)
		app_start_filling(app, &count, model);
}

static void show_all(struct app *app, struct index_screen *screen)
{
	if (screen->all)
		return;
	screen->all = true;
	reload(app, &screen->base);
}

/* Show the key among its neighbours, which may be empty buckets. */
static void seek(struct app *app, struct screen *base)
{
	show_all(app, (struct index_screen *)base);
	struct lookup_job *job = calloc(1, sizeof(*job));
	if (!job)
		return;
	*job = (struct lookup_job){
		.job = { .kind = JOB_SEARCH, .verb = "looking the key up", .owner = base,
			 .run = run_lookup, .done = lookup_done,
			 .session = ref_hold(app->session) },
		.screen = base,
	};
	memcpy(job->key, base->about.key, KEY_SIZE);
	app_start(app, &job->job);
}

static bool open_index(struct app *app, struct screen *base)
{
	if (base->about.has_key)
		seek(app, base);
	else
		reload(app, base);
	return true;
}

/* "FOREIGN: 0 of 50 mappings confirmed" */
static enum style describe_credit(const struct session *session, char *out, size_t size)
{
	const struct repo *repo = session->repo;
	const struct verify *verify = session_verify(session);
	const struct witness *sample = atomic_load(&session->index_witness);
	struct witness witness = { .credit = CREDIT_NONE };
	char figures[WITNESS_TEXT];
	uint32_t end;
	const char *words = "does not fit the files there";
	if (verify)
		witness_of_index(repo, verify, NULL, &witness);
	else if (sample)
		witness = *sample;
	witness_figures(&witness, figures);
	const bool is_foreign = witness.credit == CREDIT_FOREIGN;
	if (is_foreign)
		words = "FOREIGN";
	else if (!repo_index_fits(repo))
		words = repo_log_end(repo, &end) && end > repo->index_transaction
				? "OLDER THAN THE LOG" : "NEWER THAN THE LOG";
	else if (!witness.has_figures)
		words = "not compared with the log yet";
	else if (witness.credit == CREDIT_CREDIBLE)
		words = "fits the log";
	else if (witness.credit == CREDIT_OLDER)
		words = "OF AN OLDER TIME";
	else if (witness.credit == CREDIT_DAMAGED)
		words = "DAMAGED";
	snprintf(out, size, "%s%s%s", words, figures[0] ? ": " : "", figures);
	return is_foreign ? STYLE_BAD : STYLE_STRONG;
}

/* What integrity.T says of index and hints, or why that says nothing. */
static enum style describe_digests(const struct session *session, char *out, size_t size)
{
	const struct repo *repo = session->repo;
	const struct integrity *integrity = &repo->integrity;
	const struct verify *verify = session_verify(session);
	const struct findings *findings = verify ? &verify->findings : &repo->findings;
	const char *fit = verify ? "index and hints fit" : "not compared with the index yet";
	static const char *const states[] = {
		[INTEGRITY_UNREADABLE] = "cannot be read", [INTEGRITY_DAMAGED] = "is damaged",
		[INTEGRITY_UNKNOWN] = "is of an unknown version",
	};
	if (!repo->has_integrity) {
		snprintf(out, size, "there is no file of digests");
		return STYLE_WARNING;
	}
	if (integrity->state != INTEGRITY_READ) {
		snprintf(out, size, "integrity.%" PRIu32 " %s", integrity->transaction,
			 states[integrity->state] ? states[integrity->state] : "was not read");
		return STYLE_WARNING;
	}
	const bool differs = findings->total[PROBLEM_INTEGRITY_DIGEST] > 0;
	snprintf(out, size, "integrity.%" PRIu32 "   %s   index %016" PRIx64 ", hints %016" PRIx64,
		 integrity->transaction, differs ? "DOES NOT FIT: see the problems (6)" : fit,
		 integrity->index.final, integrity->hints.final);
	return differs ? STYLE_BAD : STYLE_NORMAL;
}

/* How credible the index is, and "91 of 1,024 buckets used (9 %)" by its header. */
static enum style describe(const struct session *session, char *out, size_t size)
{
	const struct repo *repo = session->repo;
	char used[FORMAT_SIZE], buckets[FORMAT_SIZE], load[FORMAT_SIZE], credit[WITNESS_TEXT + 32];
	if (!repo->has_index) {
		snprintf(out, size, "there is no index file");
		return STYLE_STRONG;
	}
	if (repo->index.fd < 0) {
		snprintf(out, size, "index.%" PRIu32 " cannot be used: see the problems (6)",
			 repo->index_transaction);
		return STYLE_STRONG;
	}
	const enum style style = describe_credit(session, credit, sizeof(credit));
	snprintf(out, size, "index.%" PRIu32 "   %s   %s of %s buckets used (%s)",
		 repo->index_transaction, credit,
		 format_count(repo->index.used, used, sizeof(used)),
		 format_count(repo->index.buckets, buckets, sizeof(buckets)),
		 format_percent(repo->index.used, repo->index.buckets, load, sizeof(load)));
	return style;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct index_screen *screen = (struct index_screen *)base;
	const struct index_model *model = (const struct index_model *)screen->table.model;
	const struct repo *repo = app->session->repo;
	char text[MESSAGE_MAX];
	uint32_t end;
	int used = 0;
	if (model && atomic_load(&model->unreadable) > 0)
		used = term_add(area.y, 0, area.cols, STYLE_BAD, "PARTLY UNREADABLE (a: all)") + 2;
	const enum style style = describe(app->session, text, sizeof(text));
	term_add(area.y, used, area.cols - used, style, text);
	const char *empty = "No used buckets (a shows all).";
	if (!repo->has_index && !repo_log_end(repo, &end))
		empty = "Nothing was ever committed, so there need be no index.";
	else if (repo->index.fd < 0)
		empty = "There is nothing to show. Recovering would write a new index from the "
			"log.";
	else if (model && !model->all && atomic_load(&model->counted) < model->blocks)
		empty = "Counting the used buckets ... (a shows all without counting)";
	screen->table.empty = empty;
	const int lines = repo->dialect->has_integrity && repo->has_index ? 2 : 1;
	if (lines == 2) {
		const enum style seal = describe_digests(app->session, text, sizeof(text));
		term_add(area.y + 1, 0, area.cols, seal, text);
	}
	table_draw(&screen->table, app->fetcher,
		   (struct area){ area.y + lines, 0, area.rows - lines, area.cols }, NULL);
}

/* ":4711" is bucket 4711. */
static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	(void)backward;
	struct index_screen *screen = (struct index_screen *)base;
	if (!query->is_offset || query->offset >= app->session->repo->index.buckets)
		return false;
	show_all(app, screen);
	table_select(&screen->table, query->offset);
	return true;
}

const struct screen_ops index_screen = {
	.title = "Index", .digit = '4', .size = sizeof(struct index_screen),
	.opens = SCREEN_ENTRIES, .about = ABOUT_KEY, .columns = columns, .column_count = COL_COUNT,
	.open = open_index, .draw = draw, .seek = seek, .reload = reload, .jump = jump,
};

void index_toggle_all(struct app *app, const struct call *call)
{
	struct index_screen *screen = (struct index_screen *)app_top(app);
	const struct row *row = table_row(&screen->table, screen->table.position.cursor);
	const bool had_bucket = row && row->place.has_bucket;
	const uint32_t bucket = row ? row->place.bucket : 0;
	(void)call;
	screen->all = !screen->all;
	reload(app, &screen->base);
	if (screen->all && had_bucket)
		table_select(&screen->table, bucket);
}
