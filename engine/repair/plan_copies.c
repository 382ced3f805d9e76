#include "build-config.h"

#include "repair/planner_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum as_err copy_reader_init(struct copy_reader *reader, const struct plan *plan)
{
	*reader = (struct copy_reader){
		.plan = plan, .segment = segment_reader_new(plan->work->repo->io),
	};
	return reader->segment ? AS_OK : AS_ERR_MEMORY;
}

void copy_reader_free(struct copy_reader *reader)
{
	segment_reader_free(reader->segment);
}

static enum as_err open_file(struct copy_reader *reader, uint32_t number, const char *path)
{
	const struct repo *repo = reader->plan->work->repo;
	if (reader->is_open && strcmp(reader->path, path) == 0)
		return AS_OK;
	const enum as_err err = segment_open(reader->segment, repo->fd, path, number, NULL, NULL);
	reader->is_open = err == AS_OK;
	snprintf(reader->path, sizeof(reader->path), "%s", path);
	return err;
}

static bool is_same(const struct copy *copy, const struct segment_entry *entry)
{
	return entry->tag == SEGMENT_PUT && memcmp(entry->key, copy->key, KEY_SIZE) == 0 &&
	       (copy->size == 0 || entry->size == copy->size);
}

enum as_err copy_read(struct copy_reader *reader, const struct copy *copy,
		      struct segment_entry *entry, const uint8_t **bytes, struct as_error *error)
{
	const struct repo *repo = reader->plan->work->repo;
	struct verify_source source = { .path = "data" };
	enum as_err err = AS_ERR_INTEGRITY;
	if (verify_find_source(reader->plan->work->verify, copy->segment, copy->offset, &source))
		err = open_file(reader, copy->segment, source.path);
	if (err == AS_OK)
		err = segment_look_at(reader->segment, source.offset, entry);
	if (err == AS_OK && !is_same(copy, entry))
		err = AS_ERR_INTEGRITY;
	if (err == AS_OK && bytes)
		err = segment_bytes(reader->segment, entry, bytes);
	if (err == AS_OK)
		return AS_OK;
	if (err == AS_ERR_MEMORY)
		return as_fail(error, err, 0, "%s: out of memory", repo->path);
	return as_fail(error, AS_ERR_INTEGRITY, 0,
		       "%s/%s: segment %" PRIu32 ", offset %" PRIu32 ": read again, it is not what "
		       "it was: the disk or the machine cannot be trusted", repo->path, source.path,
		       copy->segment, copy->offset);
}
