/* engine/cache/records.h - the records of check/known.h as JSON: in the report of a partial check,
 * and in the cache.
 *
 *   { "repository_id": "<64 hex digits>", ..., "records": { "version": 1,
 *     "columns": ["segment", "bytes", "inode", "modified", "changed", "verified", "complete",
 *                 "puts", "deletes", "commits", "live", "live_bytes", "mark", "others"],
 *     "rows": [[...], ...] } }
 *
 * modified and changed are in nanoseconds since 1970, verified in seconds; mark is 16 hex digits;
 * others are the entries that the index does not map to, each ["<key>", offset, bytes, is a PUT].
 */
#ifndef ATTICSCOPE_RECORDS_H
#define ATTICSCOPE_RECORDS_H

#include "check/known.h"

#include <jansson.h>

/* The value of "records"; NULL: out of memory. */
json_t *records_to_json(const struct verify_records *records);

/* Add the records in @report, a whole JSON object of the repository @id, to @records. NULL, or what
 * is wrong with it; some may have been added then. */
const char *records_from_json(const json_t *report, const uint8_t id[KEY_SIZE],
			      struct verify_records *records);

#endif
