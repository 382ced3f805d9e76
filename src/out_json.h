/* src/out_json.h - JSON: rows one object a line, everything else one object in all.
 *
 * Only ASCII is written, so that no byte of it can be a terminal's command; what is no UTF-8 in a
 * text from the disk is replaced by U+FFFD.
 */
#ifndef ATTICSCOPE_OUT_JSON_H
#define ATTICSCOPE_OUT_JSON_H

#include "src/out.h"

#include <jansson.h>

/* One object on a line of its own. */
void json_row(struct out *out, const struct column *columns, const struct cell *cells,
	      size_t count);

/* Write @object and drop it. NULL, what jansson returns when memory is short, is taken note of. */
void json_object_out(struct out *out, json_t *object);

/* The value of @cell; NULL when memory is short. */
json_t *json_cell(const struct cell *cell);

/* A string of any bytes. */
json_t *json_text(const char *text);

/* @len bytes as base64 (RFC 4648). */
json_t *json_base64(const uint8_t *data, size_t len);

/* A number, or null unless @has. */
json_t *json_number_if(bool has, uint64_t number);

#endif
