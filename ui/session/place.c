#include "build-config.h"

#include "session/place.h"

#include <string.h>

bool place_is_same(const struct place *a, const struct place *b)
{
	return a->has_segment == b->has_segment && a->segment == b->segment &&
	       a->has_offset == b->has_offset && a->offset == b->offset &&
	       a->has_bucket == b->has_bucket && a->bucket == b->bucket &&
	       a->has_key == b->has_key && a->key_digits == b->key_digits &&
	       memcmp(a->key, b->key, KEY_SIZE) == 0;
}

/* Read [@text, @end) as a decimal number, or a hexadecimal one after 0x. */
static bool parse_number(const char *text, const char *end, uint64_t *number)
{
	uint64_t value = 0, base = 10;
	if (end - text > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (text == end)
		return false;
	for (; text < end; text++) {
		const uint64_t digit = (uint64_t)hex_digit(*text);
		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*number = value;
	return true;
}

bool place_parse(const char *text, struct place *place)
{
	const char *colon = strchr(text, ':');
	const char *end = text + strlen(text);
	uint64_t segment, offset = 0;
	if (!parse_number(text, colon ? colon : end, &segment) || segment > UINT32_MAX)
		return false;
	if (colon && !parse_number(colon + 1, end, &offset))
		return false;
	*place = colon ? place_of_entry((uint32_t)segment, offset)
		       : place_of_segment((uint32_t)segment);
	return true;
}

bool place_parse_key(const char *text, struct place *place)
{
	struct key_prefix prefix;
	if (!key_prefix_parse(text, &prefix))
		return false;
	*place = (struct place){ .has_key = true, .key_digits = prefix.nibbles };
	memcpy(place->key, prefix.bytes, KEY_SIZE);
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Read text in quotes (the last quote may be missing) or pairs of hex digits, with or without
 * spaces between them. Digits alone are no bytes, but the beginning of a key. */
static size_t parse_bytes(const char *text, uint8_t *bytes)
{
	const bool is_marked = text[0] == 'x' || text[0] == 'X';
	size_t count = 0;
	if (text[0] == '"') {
		const size_t len = strcspn(text + 1, "\"");
		memcpy(bytes, text + 1, len);
		return text[len + 1] == '\0' || text[len + 2] == '\0' ? len : 0;
	}
	if (!is_marked && !strchr(text, ' '))
		return 0;
	text += is_marked;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		const int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return 0;
		bytes[count++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return count;
}

bool query_parse(const char *text, struct query *query)
{
	struct place place;
	const size_t len = strlen(text);
	memset(query, 0, sizeof(*query));
	if (len == 0 || len >= sizeof(query->text))
		return false;
	for (size_t i = 0; i < len; i++)
		query->text[i] = lower(text[i]);
	query->is_number = parse_number(text, text + len, &query->number);
	query->is_offset = text[0] == ':' && parse_number(text + 1, text + len, &query->offset);
	if (strchr(text, ':') && place_parse(text, &place)) {
		query->is_place = true;
		query->segment = place.segment;
		query->offset = place.offset;
	}
	query->is_prefix = key_prefix_parse(text, &query->prefix);
	query->byte_count = parse_bytes(text, query->bytes);
	return true;
}

bool query_matches_text(const struct query *query, const char *text)
{
	const size_t len = strlen(query->text);
	for (; *text; text++) {
		size_t i = 0;
		while (i < len && text[i] && lower(text[i]) == query->text[i])
			i++;
		if (i == len)
			return true;
	}
	return false;
}

bool command_split(char *line, char **word, char **argument)
{
	line += strspn(line, " \t");
	*word = line;
	line += strcspn(line, " \t");
	*argument = NULL;
	if (line == *word)
		return false;
	if (*line == '\0')
		return true;
	*line++ = '\0';
	line += strspn(line, " \t");
	size_t len = strlen(line);
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		line[--len] = '\0';
	if (len > 0)
		*argument = line;
	return true;
}
