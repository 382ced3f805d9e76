/* tests/support/builder.h - writes repositories as Attic or Borg write them, and damages them.
 *
 * Shares no code with the engine, so that a misunderstanding of the format cannot cancel itself
 * out: entries, index and hints are encoded here a second time. Any failure ends the program with a
 * message. */
#ifndef ATTICSCOPE_TESTS_BUILDER_H
#define ATTICSCOPE_TESTS_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_KEY 32
#define BUILDER_PATH 512

enum { BUILDER_PUT = 0, BUILDER_DELETE = 1, BUILDER_COMMIT = 2 };

struct builder;

/* Make the repository @path, which must not exist or be an empty folder, with README, config and
 * data/. The id is always the bytes 00 01 .. 1f. */
struct builder *builder_new(const char *path, uint32_t segments_per_dir, uint32_t max_segment_size);

/* Write as Borg 1.2 does instead; before the first entry. A transaction then ends with a COMMIT in
 * a segment of its own, hints are of version 2, and integrity.N is written where both index.N and
 * hints.N are there. */
void builder_use_borg(struct builder *builder);

/* Close the open segment as it is, without a COMMIT, and free the builder. */
void builder_free(struct builder *builder);

/* Append a PUT, after a DELETE if the key is already there. */
void builder_put(struct builder *builder, const uint8_t *key, const void *data, size_t len);

/* The same with @len made-up bytes, which differ from key to key. */
void builder_put_some(struct builder *builder, const uint8_t *key, size_t len);

/* Append a DELETE of a key that is there. */
void builder_delete(struct builder *builder, const uint8_t *key);

/* Append a COMMIT and close the segment. Writes neither index nor hints and compacts nothing. */
void builder_commit(struct builder *builder);

/* Append any bytes to the segment; opens one if none is open. Index and hints do not count them. */
void builder_append(struct builder *builder, const void *bytes, size_t len);

/* Close the open segment, so that the next entry begins a new one. */
void builder_close_segment(struct builder *builder);

/* Write index.@transaction and hints.@transaction from what is live now. @buckets is the size of
 * the index (0: the smallest of the writer, 1024 or 1031, or as many more as it needs). */
void builder_write_index(struct builder *builder, uint32_t transaction, uint32_t buckets);
void builder_write_hints(struct builder *builder, uint32_t transaction);

/* builder_commit with index and hints, as a whole transaction leaves them. */
void builder_transaction(struct builder *builder);

/* The number of the newest committed segment, and of the one that is open or comes next. */
uint32_t builder_head(const struct builder *builder);
uint32_t builder_segment(const struct builder *builder);

/* Find the live PUT of @key. False when there is none. */
bool builder_find(const struct builder *builder, const uint8_t *key, uint32_t *segment,
		  uint32_t *offset);

/* Encode an entry into @out (41 bytes and @len, 9 for a COMMIT) and return its size. */
size_t builder_encode(uint8_t tag, const uint8_t *key, const void *data, size_t len, uint8_t *out);

/* Key number @number: 32 bytes that look random and are always the same. */
void builder_key(unsigned number, uint8_t key[BUILDER_KEY]);

/* Paths: REPO/data/D/N and REPO/NAME. */
void builder_segment_path(const struct builder *builder, uint32_t segment, char out[BUILDER_PATH]);
void builder_path(const struct builder *builder, const char *name, char out[BUILDER_PATH]);

/* Damage: xor the byte at @offset with @mask, overwrite @len bytes, cut to @len bytes. Sizes and
 * offsets in bytes. */
void builder_flip(const char *path, uint64_t offset, uint8_t mask);
void builder_patch(const char *path, uint64_t offset, const void *bytes, size_t len);
void builder_zero(const char *path, uint64_t offset, size_t len);
void builder_truncate(const char *path, uint64_t len);

/* Write a whole file from memory; read one into memory that the caller frees. */
void builder_write_file(const char *path, const void *bytes, size_t len);
uint8_t *builder_read_file(const char *path, size_t *len);

/* Make a fresh folder for a test and write its path to @out; remove it with its contents. */
void builder_make_folder(char out[BUILDER_PATH]);
void builder_remove_folder(const char *path);

/* Copy the folder @from with the files, folders and links below it, their modes and the times of
 * the files to @to, which must not exist. */
void builder_copy_folder(const char *from, const char *to);

#endif
