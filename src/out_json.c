#include "build-config.h"

#include "src/out_json.h"

#include "engine/base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */

static int write_part(const char *buffer, size_t size, void *data)
{
	return fwrite(buffer, 1, size, data) == size ? 0 : -1;
}

/* Length in bytes of the UTF-8 character at @p; 0: not one. jansson rejects surrogates and overlong
 * forms. */
static size_t character_length(const char *p)
{
	const unsigned char c = (unsigned char)*p;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	const size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
	json_t *probe = json_stringn(p, len);
	const bool is_valid = probe != NULL;
	json_decref(probe);
	return is_valid ? len : 0;
}

static json_t *repaired_text(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1), *end = out;
	if (!out)
		return NULL;
	while (*text) {
		const size_t len = character_length(text);
		const char *from = len ? text : REPLACEMENT;
		const size_t count = len ? len : 3;
		memcpy(end, from, count);
		end += count;
		text += len ? len : 1;
	}
	json_t *string = json_stringn(out, (size_t)(end - out));
	free(out);
	return string;
}

json_t *json_text(const char *text)
{
	if (!text)
		return json_null();
	json_t *string = json_string(text);
	return string ? string : repaired_text(text);
}

json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *json_number_if(bool has, uint64_t number)
{
	return has ? json_number(number) : json_null();
}

json_t *json_base64(const uint8_t *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((len + 2) / 3 * 4 + 1), *p = out;
	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		const size_t left = len - i;
		const uint32_t three = (uint32_t)data[i] << 16 |
				       (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
				       (left > 2 ? data[i + 2] : 0);
		*p++ = digits[three >> 18];
		*p++ = digits[three >> 12 & 63];
		*p++ = left > 1 ? digits[three >> 6 & 63] : '=';
		*p++ = left > 2 ? digits[three & 63] : '=';
	}
	json_t *string = json_stringn_nocheck(out, (size_t)(p - out));
	free(out);
	return string;
}

json_t *json_key(const uint8_t *key)
{
	char hex[KEY_HEX_SIZE];
	key_to_hex(key, hex);
	return json_string_nocheck(hex);
}

void json_add(json_t **object, const char *name, json_t *value)
{
	/* jansson refuses NULL, as a value and as the object. */
	if (json_object_set_new_nocheck(*object, name, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

void json_append(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == 0)
		return;
	json_decref(*array);
	*array = NULL;
}

void json_object_out(struct out *out, json_t *object)
{
	if (!object) {
		out->out_of_memory = true;
		return;
	}
	const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6);
	if (json_dump_callback(object, write_part, out->stream, flags) != 0 && !ferror(out->stream))
		out->out_of_memory = true;
	putc('\n', out->stream);
	json_decref(object);
}

static json_t *json_cell(const struct cell *cell)
{
	switch (cell->kind) {
	case CELL_NONE:
		break;
	case CELL_NUMBER:
	case CELL_BYTES:
	case CELL_CRC:
		return json_integer(cell->number);
	case CELL_KEY:
		return json_key(cell->key);
	case CELL_TEXT:
		return json_text(cell->text);
	case CELL_FLAG:
		return json_boolean(cell->flag);
	}
	return json_null();
}

void json_row(struct out *out, const struct column *columns, const struct cell *cells, size_t count)
{
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++)
		if (columns[i].name)
			json_add(&object, columns[i].name, json_cell(&cells[i]));
	json_object_out(out, object);
}
