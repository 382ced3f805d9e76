#include "build-config.h"

#include "format/index.h"

#include "base/huge_pages.h"
#include "base/owner.h"
#include "format/dialect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_SIZE 8u
#define INDEX_NAME_SIZE sizeof("index.4294967295")
#define VALUE_SIZE 8
#define READ_BUCKETS 1024u		/* read from the disk at a time, at most */

/* Append the finding that makes the index unusable. */
static enum as_err __attribute__((format(printf, 3, 4)))
refuse(struct findings *findings, enum problem problem, const char *format, ...)
{
	char detail[FINDING_DETAIL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	const enum as_err err = findings_note(findings, problem, FINDING_NOWHERE, FINDING_NOWHERE,
					      "%s", detail);
	return err ? err : AS_ERR_INTEGRITY;
}

/* For the reason @err the file of that name cannot be opened or read. */
static enum as_err refuse_unread(struct findings *findings, const struct index_file *file,
				 int repo_fd, enum as_err err)
{
	const int sys = errno;
	char name[INDEX_NAME_SIZE];
	struct as_error error;

	snprintf(name, sizeof(name), "index.%" PRIu32, file->transaction);
	if (err == AS_ERR_NOT_REGULAR)
		as_fail(&error, err, 0, "%s: %s", name, as_err_text(err));
	else
		as_fail(&error, err, sys, "%s", name);
	owner_explain(file->io, repo_fd, name, err, &error);
	if (err == AS_ERR_DOES_NOT_EXIST) {
		const enum as_err refused =
			refuse(findings, PROBLEM_INDEX_MISSING, "%s", error.message);
		return refused == AS_ERR_INTEGRITY ? err : refused;
	}
	const enum as_err noted =
		findings_note_unread(findings, PROBLEM_INDEX_UNREADABLE, &error);
	return noted ? noted : AS_ERR_INTEGRITY;
}

static enum as_err read_header(struct index_file *file, const struct dialect *dialect, int repo_fd,
			       struct findings *findings)
{
	uint8_t header[INDEX_HEADER];
	const char *wrong = NULL;
	size_t got;

	const enum as_err err = io_read_at(file->io, file->fd, header, sizeof(header), 0, &got);
	if (err)
		return refuse_unread(findings, file, repo_fd, err);
	if (got < sizeof(header))
		return refuse(findings, PROBLEM_INDEX_LENGTH,
			      "index.%" PRIu32 " has %" PRIu64 " bytes, less than a header's 18",
			      file->transaction, file->length);
	const uint32_t used = get_u32le(header + 8), buckets = get_u32le(header + 12);
	if (memcmp(header, dialect->index_magic, MAGIC_SIZE))
		return refuse(findings, PROBLEM_INDEX_HEADER,
			      "index.%" PRIu32 ": it does not begin with %s", file->transaction,
			      dialect->index_magic);
	if (header[16] != KEY_SIZE)
		wrong = "its keys are not 32 bytes long";
	else if (header[17] != VALUE_SIZE)
		wrong = "its values are not 8 bytes long";
	else if (buckets < 1 || buckets > INT32_MAX)
		wrong = "its number of buckets is zero or negative";
	else if (used > buckets)
		wrong = "its number of used buckets is negative or above that of all";
	if (wrong)
		return refuse(findings, PROBLEM_INDEX_HEADER, "index.%" PRIu32 ": %s",
			      file->transaction, wrong);
	file->used = used;
	file->buckets = buckets;
	const uint64_t wanted = index_bucket_offset(buckets);
	if (file->length == wanted)
		return AS_OK;
	return refuse(findings, PROBLEM_INDEX_LENGTH,
		      "index.%" PRIu32 " has %" PRIu64 " bytes, its header wants %" PRIu64,
		      file->transaction, file->length, wanted);
}

/* Open REPO/index.@transaction and look at nothing but its length. */
static enum as_err open_file(const struct io *io, int repo_fd, uint32_t transaction,
			     struct index_file *file)
{
	char name[INDEX_NAME_SIZE];
	struct stat st;

	*file = (struct index_file){ .io = io, .fd = -1, .transaction = transaction };
	snprintf(name, sizeof(name), "index.%" PRIu32, transaction);
	const enum as_err err = io_open_file(io, repo_fd, name, &file->fd, &st);
	if (err)
		file->fd = -1;
	else
		file->length = (uint64_t)st.st_size;
	return err;
}

enum as_err index_open(const struct io *io, int repo_fd, const struct dialect *dialect,
		       uint32_t transaction, struct index_file *file, struct findings *findings)
{
	enum as_err err = open_file(io, repo_fd, transaction, file);
	file->dialect = dialect;
	if (err)
		return refuse_unread(findings, file, repo_fd, err);
	err = read_header(file, dialect, repo_fd, findings);
	if (err)
		index_close(file);
	return err;
}

enum as_err index_open_buckets(const struct io *io, int repo_fd, uint32_t transaction,
			       struct index_file *file)
{
	const enum as_err err = open_file(io, repo_fd, transaction, file);
	if (err)
		return err;
	const uint64_t buckets =
		file->length > INDEX_HEADER ? (file->length - INDEX_HEADER) / INDEX_BUCKET : 0;
	if (buckets == 0 || buckets > INT32_MAX ||
	    file->length != INDEX_HEADER + buckets * INDEX_BUCKET) {
		index_close(file);
		return AS_ERR_INTEGRITY;
	}
	file->buckets = (uint32_t)buckets;
	return AS_OK;
}

void index_close(struct index_file *file)
{
	if (file->fd >= 0)
		io_close(file->io, file->fd);
	file->fd = -1;
}

void index_decode_bucket(const uint8_t *p, uint32_t number, struct index_bucket *bucket)
{
	bucket->number = number;
	bucket->segment = get_u32le(p + KEY_SIZE);
	bucket->offset = get_u32le(p + KEY_SIZE + 4);
	memcpy(bucket->key, p, KEY_SIZE);
}

bool index_fits_memory(uint64_t buckets)
{
	const uint64_t size = buckets * INDEX_BUCKET;
	const uint64_t machine =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return size <= SIZE_MAX - HUGE_PAGE && size <= machine;
}

void index_encode_header(const struct dialect *dialect, uint32_t used, uint32_t buckets,
			 uint8_t header[INDEX_HEADER])
{
	memcpy(header, dialect->index_magic, MAGIC_SIZE);
	put_u32le(header + 8, used);
	put_u32le(header + 12, buckets);
	header[16] = KEY_SIZE;
	header[17] = VALUE_SIZE;
}

enum as_err index_read(const struct index_file *file, uint32_t first, uint32_t count,
		       struct index_bucket *out, uint32_t *got)
{
	uint8_t bytes[READ_BUCKETS * INDEX_BUCKET];

	*got = 0;
	if (first >= file->buckets)
		return AS_OK;
	if (count > file->buckets - first)
		count = file->buckets - first;
	while (*got < count) {
		const uint32_t at = first + *got, left = count - *got;
		const size_t len = (left < READ_BUCKETS ? left : READ_BUCKETS) * INDEX_BUCKET;
		size_t len_read;

		const enum as_err err = io_read_at(file->io, file->fd, bytes, len,
						   index_bucket_offset(at), &len_read);
		for (uint32_t i = 0; i < len_read / INDEX_BUCKET; i++)
			index_decode_bucket(bytes + (size_t)i * INDEX_BUCKET, at + i,
					    &out[(*got)++]);
		if (err || len_read < len)
			return err ? err : AS_ERR_IO;
	}
	return AS_OK;
}

enum as_err index_each(const struct index_file *file, uint32_t *from,
		       enum as_err (*each)(void *context, const struct index_bucket *bucket),
		       void *context)
{
	struct index_bucket *rows = malloc(READ_BUCKETS * sizeof(*rows));
	enum as_err err = rows ? AS_OK : AS_ERR_MEMORY;

	while (!err && *from < file->buckets) {
		uint32_t got;
		const enum as_err read_err = index_read(file, *from, READ_BUCKETS, rows, &got);

		for (uint32_t i = 0; i < got && !err; i++) {
			err = each(context, &rows[i]);
			*from += !err;
		}
		if (!err)
			err = read_err;
	}
	free(rows);
	return err;
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
			if (rows[i].segment == INDEX_EMPTY)
				return AS_ERR_OBJECT_NOT_FOUND;
			if (rows[i].segment == INDEX_DELETED ||
			    memcmp(rows[i].key, key, KEY_SIZE) != 0)
				continue;
			*bucket = rows[i];
			return AS_OK;
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
