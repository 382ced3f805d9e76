/* src/out_json.h - JSON: rows one object a line, everything else one object in all.
 *
 * Only ASCII is written, so that no byte can control a terminal. In text from the disk, bytes that
 * are not UTF-8 are replaced by U+FFFD.
 */
#ifndef ATTICSCOPE_OUT_JSON_H
#define ATTICSCOPE_OUT_JSON_H

#include "src/out.h"

#include <jansson.h>

/* One object on a line of its own. */
void json_row(struct out *out, const struct column *columns, const struct cell *cells,
	      size_t count);

/* Write @object and free it. NULL: memory was short, which out_finish will report. */
void json_object_out(struct out *out, json_t *object);

/* Build an object or an array, which takes @value over. When memory is short, so that @value or the
 * container is NULL, all of it is freed, the container becomes NULL, and later calls do nothing. */
void json_add(json_t **object, const char *name, json_t *value);
void json_append(json_t **array, json_t *value);

/* Values; NULL when memory is short. */
json_t *json_text(const char *text);	/* any bytes; null for NULL */
json_t *json_key(const uint8_t *key);
json_t *json_number(uint64_t number);	/* up to INT64_MAX */
json_t *json_number_if(bool has, uint64_t number);	/* null unless @has */
json_t *json_base64(const uint8_t *data, size_t len);	/* RFC 4648 */

#endif
