/* ui/session/place.h - a place in a repository, and the text that a person types for one. Pure. */
#ifndef ATTICSCOPE_PLACE_H
#define ATTICSCOPE_PLACE_H

#include "engine/base/bytes.h"

#include <stdbool.h>
#include <string.h>

/* The place of a row, of a cell of the map or of a byte. Enter, K and h go there. */
struct place {
	bool has_segment, has_offset, has_key, has_bucket;
	uint32_t segment;
	uint64_t offset;	/* bytes from the start of the segment's file */
	uint32_t bucket;
	uint8_t key[KEY_SIZE];
	unsigned key_digits;	/* hex digits of key that are known, at most 64; the rest is 0 */
};

static inline struct place place_of_segment(uint32_t segment)
{
	return (struct place){ .has_segment = true, .segment = segment };
}

static inline struct place place_of_entry(uint32_t segment, uint64_t offset)
{
	return (struct place){
		.has_segment = true, .has_offset = true, .segment = segment, .offset = offset,
	};
}

/* Add a whole key to @place. */
static inline void place_set_key(struct place *place, const uint8_t key[KEY_SIZE])
{
	place->has_key = true;
	place->key_digits = 2 * KEY_SIZE;
	memcpy(place->key, key, KEY_SIZE);
}

bool place_is_same(const struct place *a, const struct place *b);

/* Text typed after "/" can have several meanings at once. Each screen uses those that it has rows
 * for. */
#define QUERY_MAX 160
struct query {
	bool is_number;		/* decimal digits: a segment, or a row's number */
	bool is_place;		/* "17:4096" */
	bool is_offset;		/* ":4096", in the current segment */
	bool is_prefix;		/* 1 to 64 hex digits */
	size_t byte_count;	/* of "41 54", x4154 or text in quotes; 0: none of these */
	uint64_t number;
	uint32_t segment;
	uint64_t offset;
	struct key_prefix prefix;
	uint8_t bytes[QUERY_MAX];
	char text[QUERY_MAX];	/* as typed, in lower case */
};

/* Find all meanings of @text. False: it is empty or too long. Numbers may be written 0x1a2b. */
bool query_parse(const char *text, struct query *query);

/* Does @text contain the query's text, whatever the case of its ASCII letters? */
bool query_matches_text(const struct query *query, const char *text);

/* Split "entries 17:4096" into the command's word and its argument (NULL: none). False: there is no
 * word. Changes @line. */
bool command_split(char *line, char **word, char **argument);

/* Read a segment number or segment:offset. */
bool place_parse(const char *text, struct place *place);

/* Read a whole key in hex, or its beginning. */
bool place_parse_key(const char *text, struct place *place);

#endif
