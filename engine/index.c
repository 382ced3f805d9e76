#include "build-config.h"

#include "index.h"
#include "parallel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INDEX_MAGIC "ATTICIDX"
#define MAGIC_SIZE 8u
#define VALUE_SIZE 8
#define READ_BUCKETS 1024u		/* read from the disk at a time, at most */
#define LOAD_BUCKETS 32768u		/* a thread's slice of index_load: 1.25 MiB */
#define HUGE_PAGE ((size_t)2 << 20)

/* A table is degenerate when a look-up that finds nothing passes this many buckets on average.
 * Small tables are let through: all their look-ups together take a fraction of a second. */
#define DEGENERATE_PROBES 4096u
#define DEGENERATE_BUCKETS 16384u

/* Append the finding that makes the index unusable. */
static enum as_err refuse(struct findings *findings, enum problem problem, const char *detail)
{
	const enum as_err err = findings_note(findings, problem, FINDING_NOWHERE, FINDING_NOWHERE,
					      "%s", detail);

	if (err)
		return err;
	return problem == PROBLEM_INDEX_MISSING ? AS_ERR_DOES_NOT_EXIST : AS_ERR_INTEGRITY;
}

static enum as_err refuse_unreadable(struct findings *findings, uint32_t transaction,
				     enum as_err err)
{
	struct as_error error;
	const int sys = errno;

	if (err == AS_ERR_NOT_REGULAR)
		as_fail(&error, err, 0, "index.%" PRIu32 ": %s", transaction,
			as_err_text(err));
	else
		as_fail(&error, err, sys, "index.%" PRIu32, transaction);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return refuse(findings, PROBLEM_INDEX_MISSING, error.message);
	const enum as_err noted = findings_note_unread(findings, PROBLEM_INDEX_UNREADABLE, &error);
	return noted != AS_OK ? noted : AS_ERR_INTEGRITY;
}

static enum as_err refuse_length(struct findings *findings, const struct index_file *file,
				 uint64_t wanted)
{
	char detail[FINDING_DETAIL_MAX];

	snprintf(detail, sizeof(detail),
		 "index.%" PRIu32 " has %" PRIu64 " bytes, its header wants %" PRIu64,
		 file->transaction, file->length, wanted);
	return refuse(findings, PROBLEM_INDEX_LENGTH, detail);
}

void index_encode_header(const struct index_image *image, uint8_t header[INDEX_HEADER])
{
	memcpy(header, INDEX_MAGIC, MAGIC_SIZE);
	put_u32le(header + 8, image->used);
	put_u32le(header + 12, image->buckets);
	header[16] = KEY_SIZE;
	header[17] = VALUE_SIZE;
}

/* What is wrong with the 18 bytes of @header, or NULL. */
static const char *judge_header(const uint8_t *header)
{
	const uint32_t used = get_u32le(header + 8);
	const uint32_t buckets = get_u32le(header + 12);

	if (memcmp(header, INDEX_MAGIC, MAGIC_SIZE))
		return "it does not begin with " INDEX_MAGIC;
	if (header[16] != KEY_SIZE)
		return "its keys are not of 32 bytes";
	if (header[17] != VALUE_SIZE)
		return "its values are not of 8 bytes";
	if (buckets < 1 || buckets > INT32_MAX)
		return "its number of buckets is not above zero";
	if (used > buckets)
		return "its number of used buckets does not lie between zero and all";
	return NULL;
}

static enum as_err read_header(struct index_file *file, struct findings *findings)
{
	uint8_t header[INDEX_HEADER];
	char detail[FINDING_DETAIL_MAX];
	size_t got;

	const enum as_err err = io_read_at(file->io, file->fd, header, sizeof(header), 0, &got);
	if (err)
		return refuse_unreadable(findings, file->transaction, err);
	if (got < sizeof(header)) {
		snprintf(detail, sizeof(detail),
			 "index.%" PRIu32 " has %" PRIu64 " bytes, less than a header's 18",
			 file->transaction, file->length);
		return refuse(findings, PROBLEM_INDEX_LENGTH, detail);
	}
	const char *wrong = judge_header(header);
	if (wrong) {
		snprintf(detail, sizeof(detail), "index.%" PRIu32 ": %s", file->transaction, wrong);
		return refuse(findings, PROBLEM_INDEX_HEADER, detail);
	}
	file->used = get_u32le(header + 8);
	file->buckets = get_u32le(header + 12);
	const uint64_t wanted = INDEX_HEADER + (uint64_t)file->buckets * INDEX_BUCKET;
	return file->length == wanted ? AS_OK : refuse_length(findings, file, wanted);
}

enum as_err index_open(const struct io *io, int repo_fd, uint32_t transaction,
		       struct index_file *file, struct findings *findings)
{
	char name[sizeof("index.4294967295")];
	struct stat st;

	*file = (struct index_file){ .io = io, .fd = -1, .transaction = transaction };
	snprintf(name, sizeof(name), "index.%" PRIu32, transaction);
	enum as_err err = io_open_file(io, repo_fd, name, &file->fd, &st);
	if (err) {
		file->fd = -1;
		return refuse_unreadable(findings, transaction, err);
	}
	file->length = (uint64_t)st.st_size;
	err = read_header(file, findings);
	if (err)
		index_close(file);
	return err;
}

void index_close(struct index_file *file)
{
	if (file->fd >= 0)
		io_close(file->io, file->fd);
	file->fd = -1;
}

uint32_t index_home(const uint8_t *key, uint32_t buckets)
{
	return get_u32le(key) % buckets;
}

uint32_t index_distance(const struct index_bucket *bucket, uint32_t buckets)
{
	const uint32_t home = index_home(bucket->key, buckets);

	return bucket->number >= home ? bucket->number - home : bucket->number + (buckets - home);
}

void index_decode_bucket(const uint8_t *p, uint32_t number, struct index_bucket *bucket)
{
	bucket->number = number;
	bucket->segment = get_u32le(p + KEY_SIZE);
	bucket->offset = get_u32le(p + KEY_SIZE + 4);
	memcpy(bucket->key, p, KEY_SIZE);
}

static uint64_t bucket_offset(uint32_t number)
{
	return INDEX_HEADER + (uint64_t)number * INDEX_BUCKET;
}

/* index_read for at most READ_BUCKETS that all lie in the table. */
static enum as_err read_some(const struct index_file *file, uint32_t first, uint32_t count,
			     struct index_bucket *out, uint32_t *got)
{
	uint8_t bytes[READ_BUCKETS * INDEX_BUCKET];
	size_t len;

	const enum as_err err = io_read_at(file->io, file->fd, bytes, (size_t)count * INDEX_BUCKET,
					   bucket_offset(first), &len);
	*got = (uint32_t)(len / INDEX_BUCKET);
	for (uint32_t i = 0; i < *got; i++)
		index_decode_bucket(bytes + (size_t)i * INDEX_BUCKET, first + i, &out[i]);
	return err || *got == count ? err : AS_ERR_IO;
}

enum as_err index_read(const struct index_file *file, uint32_t first, uint32_t count,
		       struct index_bucket *out, uint32_t *got)
{
	enum as_err err = AS_OK;

	*got = 0;
	if (first >= file->buckets)
		return AS_OK;
	if (count > file->buckets - first)
		count = file->buckets - first;
	while (*got < count && !err) {
		const uint32_t left = count - *got;
		uint32_t some;

		err = read_some(file, first + *got, left < READ_BUCKETS ? left : READ_BUCKETS,
				out + *got, &some);
		*got += some;
	}
	return err;
}

/* Does a look-up of @key end at @bucket? Then *@result is its answer. */
static bool lookup_ends(const struct index_bucket *bucket, const uint8_t key[KEY_SIZE],
			enum as_err *result)
{
	if (bucket->segment == INDEX_EMPTY) {
		*result = AS_ERR_OBJECT_NOT_FOUND;
		return true;
	}
	if (!index_bucket_is_used(bucket) || memcmp(bucket->key, key, KEY_SIZE))
		return false;
	*result = AS_OK;
	return true;
}

enum as_err index_lookup(const struct index_file *file, const uint8_t key[KEY_SIZE],
			 struct index_bucket *bucket)
{
	enum { LOOKUP_BUCKETS = 64 };	/* most look-ups end in the first few */
	struct index_bucket rows[LOOKUP_BUCKETS];
	uint32_t number = index_home(key, file->buckets);
	uint32_t left = file->buckets < INDEX_PROBES_MAX ? file->buckets : INDEX_PROBES_MAX;

	while (left) {
		uint32_t got;
		const uint32_t count = left < LOOKUP_BUCKETS ? left : LOOKUP_BUCKETS;
		const enum as_err err = index_read(file, number, count, rows, &got);

		for (uint32_t i = 0; i < got; i++) {
			enum as_err result;

			if (!lookup_ends(&rows[i], key, &result))
				continue;
			if (result == AS_OK)
				*bucket = rows[i];
			return result;
		}
		if (err)
			return err;
		left -= got;
		number += got;
		if (number == file->buckets)
			number = 0;
	}
	return file->buckets > INDEX_PROBES_MAX ? AS_ERR_LIMIT : AS_ERR_OBJECT_NOT_FOUND;
}

/* What the threads of one index_load share. */
struct load {
	const struct index_file *file;
	uint8_t *bytes;
	_Atomic uint32_t next;		/* slice to be read */
	_Atomic uint32_t used;
	_Atomic bool failed;
	_Atomic int sys;		/* errno of the first failure */
};

static uint32_t count_used(const uint8_t *bytes, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += get_u32le(bytes + (size_t)i * INDEX_BUCKET + KEY_SIZE) < INDEX_DELETED;
	return used;
}

static void load_slice(struct load *load, uint32_t first)
{
	const uint32_t left = load->file->buckets - first;
	const uint32_t count = left < LOAD_BUCKETS ? left : LOAD_BUCKETS;
	uint8_t *bytes = load->bytes + (size_t)first * INDEX_BUCKET;
	const size_t len = (size_t)count * INDEX_BUCKET;
	size_t got;

	const enum as_err err = io_read_at(load->file->io, load->file->fd, bytes, len,
					   bucket_offset(first), &got);
	if (err || got < len) {
		int none = 0;

		atomic_compare_exchange_strong(&load->sys, &none, err ? errno : ENODATA);
		load->failed = true;
		return;
	}
	load->used += count_used(bytes, count);
}

static uint32_t slice_count(const struct index_file *file)
{
	return (file->buckets - 1) / LOAD_BUCKETS + 1;
}

static void load_slices(void *context)
{
	struct load *load = context;
	const uint32_t slices = slice_count(load->file);

	for (uint32_t slice = load->next++; slice < slices && !load->failed; slice = load->next++)
		load_slice(load, slice * LOAD_BUCKETS);
}

bool index_fits_memory(uint64_t buckets)
{
	const uint64_t size = buckets * INDEX_BUCKET;
	const uint64_t machine =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return size <= SIZE_MAX - HUGE_PAGE && size <= machine;
}

/* Memory for a table; its length was held against the file's, but a file can be larger than the
 * machine and full of holes. */
static uint8_t *table_new(uint32_t buckets)
{
	const size_t size = (size_t)buckets * INDEX_BUCKET;

	if (!index_fits_memory(buckets))
		return NULL;
	if (size < HUGE_PAGE)
		return malloc(size);
	const size_t rounded = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uint8_t *bytes = aligned_alloc(HUGE_PAGE, rounded);
	if (bytes)
		madvise(bytes, rounded, MADV_HUGEPAGE);	/* an aid only: look-ups go everywhere */
	return bytes;
}

enum as_err index_load_into(const struct index_file *file, unsigned threads,
			    struct index_image *image)
{
	struct load load = { .file = file, .bytes = image->bytes };

	threads = parallel_threads(threads);
	if (threads > slice_count(file))
		threads = slice_count(file);
	parallel_run(threads, load_slices, &load);
	if (load.failed) {
		errno = load.sys;
		return AS_ERR_IO;
	}
	image->buckets = file->buckets;
	image->used = load.used;
	return AS_OK;
}

enum as_err index_load(const struct index_file *file, unsigned threads, struct index_image *image)
{
	*image = (struct index_image){ .bytes = table_new(file->buckets) };
	if (!image->bytes)
		return AS_ERR_MEMORY;
	const enum as_err err = index_load_into(file, threads, image);
	if (err) {
		const int kept = errno;
		index_image_free(image);
		errno = kept;
	}
	return err;
}

void index_image_free(struct index_image *image)
{
	free(image->bytes);
	*image = (struct index_image){ .bytes = NULL };
}

uint32_t index_image_find(const struct index_image *image, const uint8_t key[KEY_SIZE])
{
	uint32_t number = index_home(key, image->buckets);
	const uint8_t *p = image->bytes + (size_t)number * INDEX_BUCKET;

	for (uint32_t left = image->buckets; left; left--) {
		const uint32_t segment = get_u32le(p + KEY_SIZE);

		if (segment == INDEX_EMPTY)
			break;
		if (segment != INDEX_DELETED && !memcmp(p, key, KEY_SIZE))
			return number;
		p += INDEX_BUCKET;
		if (++number == image->buckets) {
			number = 0;
			p = image->bytes;
		}
	}
	return INDEX_EMPTY;
}

/* The sweep of index_census. */
struct sweep {
	const struct index_image *image;
	struct index_census *census;
	struct findings *findings;
	int64_t last_empty;	/* the nearest EMPTY behind the place; below 0: round the end */
	uint64_t runs_squared;	/* sum over all runs without an EMPTY */
};

/* Number of the last EMPTY bucket; where there is none -1 - buckets, too far off to matter. */
static int64_t find_last_empty(const struct index_image *image)
{
	const uint8_t *p = image->bytes + (size_t)image->buckets * INDEX_BUCKET;
	int64_t number = image->buckets;

	while (--number >= 0) {
		p -= INDEX_BUCKET;
		if (get_u32le(p + KEY_SIZE) == INDEX_EMPTY)
			return number;
	}
	return -1 - (int64_t)image->buckets;
}

static enum as_err note_bucket(struct sweep *sweep, enum problem problem,
			       const struct index_bucket *bucket, const char *detail)
{
	struct finding finding = finding_of(problem);

	if (!sweep->findings)
		return AS_OK;
	finding.segment = bucket->segment;
	finding.offset = bucket->offset;
	finding.has_key = true;
	memcpy(finding.key, bucket->key, KEY_SIZE);
	snprintf(finding.detail, sizeof(finding.detail), "%s", detail);
	return findings_add(sweep->findings, &finding);
}

static enum as_err judge_reach(struct sweep *sweep, const struct index_bucket *bucket)
{
	const uint32_t distance = index_distance(bucket, sweep->image->buckets);
	char detail[FINDING_DETAIL_MAX];

	if (distance > sweep->census->longest)
		sweep->census->longest = distance;
	if (distance < bucket->number - sweep->last_empty)
		return AS_OK;
	sweep->census->unreachable++;
	snprintf(detail, sizeof(detail),
		 "bucket %" PRIu32 ", but probing from bucket %" PRIu32 " ends before it",
		 bucket->number, index_home(bucket->key, sweep->image->buckets));
	return note_bucket(sweep, PROBLEM_INDEX_UNREACHABLE, bucket, detail);
}

static enum as_err judge_bucket(struct sweep *sweep, const struct index_bucket *bucket)
{
	if (bucket->segment == INDEX_EMPTY) {
		const uint64_t run = (uint64_t)(bucket->number - sweep->last_empty - 1);

		sweep->runs_squared += run * run;
		sweep->last_empty = bucket->number;
		return AS_OK;
	}
	if (bucket->segment == INDEX_DELETED) {
		sweep->census->deleted++;
		return AS_OK;
	}
	sweep->census->used++;
	return judge_reach(sweep, bucket);
}

static enum as_err sweep_once(struct sweep *sweep)
{
	const uint32_t buckets = sweep->image->buckets;
	enum as_err err = AS_OK;

	sweep->last_empty = find_last_empty(sweep->image);
	if (sweep->last_empty < 0)
		sweep->runs_squared = (uint64_t)buckets * buckets;
	else
		sweep->last_empty -= buckets;
	for (uint32_t i = 0; i < buckets && !err; i++) {
		struct index_bucket bucket;

		index_image_bucket(sweep->image, i, &bucket);
		err = judge_bucket(sweep, &bucket);
	}
	return err;
}

static enum as_err find_duplicates(struct sweep *sweep)
{
	enum as_err err = AS_OK;

	for (uint32_t i = 0; i < sweep->image->buckets && !err; i++) {
		struct index_bucket bucket;
		char detail[FINDING_DETAIL_MAX];

		index_image_bucket(sweep->image, i, &bucket);
		if (!index_bucket_is_used(&bucket) ||
		    index_home(bucket.key, sweep->image->buckets) == i)
			continue;
		const uint32_t other = index_image_find(sweep->image, bucket.key);
		if (other == i || other == INDEX_EMPTY)
			continue;
		sweep->census->duplicates++;
		snprintf(detail, sizeof(detail), "buckets %" PRIu32 " and %" PRIu32, other, i);
		err = note_bucket(sweep, PROBLEM_INDEX_DUPLICATE, &bucket, detail);
	}
	return err;
}

static enum as_err judge_probes(struct sweep *sweep)
{
	const uint32_t buckets = sweep->image->buckets;
	const uint64_t probes = sweep->runs_squared / buckets / 2;

	sweep->census->degenerate = probes > DEGENERATE_PROBES && buckets > DEGENERATE_BUCKETS;
	if (!sweep->census->degenerate)
		return find_duplicates(sweep);
	if (!sweep->findings)
		return AS_OK;
	return findings_note(sweep->findings, PROBLEM_INDEX_DEGENERATE, FINDING_NOWHERE,
			     FINDING_NOWHERE,
			     "a look-up that finds nothing passes %" PRIu64 " of %" PRIu32
			     " buckets on average", probes, buckets);
}

enum as_err index_census(const struct index_file *file, const struct index_image *image,
			 struct index_census *census, struct findings *findings)
{
	struct sweep sweep = { .image = image, .census = census, .findings = findings };

	*census = (struct index_census){ .used = 0 };
	enum as_err err = sweep_once(&sweep);
	if (!err)
		err = judge_probes(&sweep);
	if (err || !findings || census->used == file->used)
		return err;
	return findings_note(findings, PROBLEM_INDEX_COUNT, FINDING_NOWHERE, FINDING_NOWHERE,
			     "the header of index.%" PRIu32 " counts %" PRIu32 ", %" PRIu32
			     " are there", file->transaction, file->used, census->used);
}
