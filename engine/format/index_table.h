/* engine/format/index_table.h - a hash index in memory that can be changed and written.
 *
 * Source: attic/_hashindex.c: at least 1024 buckets; when a new key finds more than 90 % of the
 * buckets used the number doubles, when a removal leaves less than 25 % used it halves (never below
 * 1024). The buckets in memory are those of the file, byte for byte (see index.h), so that loading
 * and writing copy nothing, and the table takes the memory that the file has bytes. Only while it
 * grows it takes more, for the keys that are moved.
 */
#ifndef ATTICSCOPE_INDEX_TABLE_H
#define ATTICSCOPE_INDEX_TABLE_H

#include "format/index.h"

struct index_table;

/* Buckets of the table that Attic would have with @keys keys, each put once; more than a table can
 * have where so many do not fit one. */
uint64_t index_table_buckets_for(const struct dialect *dialect, uint64_t keys);

/* An empty table that need not grow for @keys keys. NULL: out of memory, or too many. */
struct index_table *index_table_new(const struct dialect *dialect, uint64_t keys);

/* All of @file, read with all processors and checked: used buckets counted, every key reachable and
 * there once. AS_ERR_INTEGRITY otherwise; AS_ERR_IO, AS_ERR_MEMORY. */
enum as_err index_table_load(const struct index_file *file, struct index_table **table);

void index_table_free(struct index_table *table);

/* Used buckets: always true. */
uint32_t index_table_count(const struct index_table *table);

/* Where @key is mapped to; false when it is not there. */
bool index_table_get(const struct index_table *table, const uint8_t key[KEY_SIZE],
		     uint32_t *segment, uint32_t *offset);

/* Make room for one key more, so that the next index_table_put cannot fail. AS_ERR_MEMORY;
 * AS_ERR_FULL: more than 2^31-1 buckets; AS_ERR_COLLISION: new keys passed so many buckets of
 * others that the table is becoming degenerate (see index_load.h), and filling it would take a time
 * that grows with the square of their number. */
enum as_err index_table_reserve(struct index_table *table);

/* Map @key to @segment (below INDEX_DELETED) and @offset, whether it is there or not. Errors as
 * index_table_reserve, and only for a key that is not there; the table is then as before. */
enum as_err index_table_put(struct index_table *table, const uint8_t key[KEY_SIZE],
			    uint32_t segment, uint32_t offset);

/* Remove @key; false when it is not there. Never fails: a table that cannot shrink because memory
 * is short stays as large as it is. */
bool index_table_remove(struct index_table *table, const uint8_t key[KEY_SIZE]);

/* Prefetch the bucket of @key. */
void index_table_prefetch(const struct index_table *table, const uint8_t key[KEY_SIZE]);

/* The first used bucket at or behind number @from, into *@bucket; false when there is none. To walk
 * over all keys in the order of the file, go on with bucket->number + 1, and remove none meanwhile:
 * a removal moves other keys. */
bool index_table_next(const struct index_table *table, uint32_t from, struct index_bucket *bucket);

/* The number of the bucket that holds @key, or INDEX_EMPTY. */
uint32_t index_table_find(const struct index_table *table, const uint8_t key[KEY_SIZE]);

/* Write @table to the file @path. Codes of io_write_file. */
enum as_err index_table_write(const struct index_table *table, const struct permit *permit,
			      const char *path);

#endif
