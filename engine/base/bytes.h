/* engine/base/bytes.h - little-endian numbers and keys in hex. Pure functions. */
#ifndef ATTICSCOPE_BYTES_H
#define ATTICSCOPE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A key is 32 bytes: attic/repository.py, put_header_fmt '<IIB32s'. */
#define KEY_SIZE 32
#define KEY_HEX_SIZE (2 * KEY_SIZE + 1)	/* 64 digits and the closing NUL */

static inline uint32_t get_u32le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void put_u32le(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
	p[2] = (uint8_t)(value >> 16);
	p[3] = (uint8_t)(value >> 24);
}

/* The value of a hex digit of either case, or -1. */
int hex_digit(char c);

/* Write the 64 hex digits of @key and a NUL to @out. */
void key_to_hex(const uint8_t key[KEY_SIZE], char out[KEY_HEX_SIZE]);

/* The key of 32 zero bytes. The manifest, the list of all archives, lies under it:
 * attic/helpers.py, Manifest. */
extern const uint8_t key_of_manifest[KEY_SIZE];
bool key_is_manifest(const uint8_t key[KEY_SIZE]);

/* " (the manifest)", to stand behind that key wherever it is shown; "" behind any other. */
const char *key_note(const uint8_t key[KEY_SIZE]);

/* A number for a key. Two sets of keys with the same count and the same sum of these are the same.
 */
static inline uint64_t key_value(const uint8_t key[KEY_SIZE])
{
	uint64_t parts[KEY_SIZE / 8];
	memcpy(parts, key, KEY_SIZE);
	/* One multiplication: a million keys are counted in a few milliseconds. */
	const uint64_t mixed = parts[0] ^ (parts[1] << 13 | parts[1] >> 51) ^
			       (parts[2] << 29 | parts[2] >> 35) ^
			       (parts[3] << 47 | parts[3] >> 17);
	const uint64_t value = mixed * UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 32;
}

/* A key, or the beginning of one: @nibbles hex digits (1 to 64), the rest of @bytes zero. */
struct key_prefix {
	uint8_t bytes[KEY_SIZE];
	unsigned nibbles;
};

/* Read a hex string of 1 to 64 digits, either case. False when it is anything else. */
bool key_prefix_parse(const char *text, struct key_prefix *prefix);

/* Does @key begin with @prefix? */
bool key_prefix_matches(const struct key_prefix *prefix, const uint8_t key[KEY_SIZE]);

#endif
