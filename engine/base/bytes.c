#include "build-config.h"

#include "base/bytes.h"

#include <string.h>

void key_to_hex(const uint8_t key[KEY_SIZE], char out[KEY_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < KEY_SIZE; i++) {
		out[2 * i] = digits[key[i] >> 4];
		out[2 * i + 1] = digits[key[i] & 15];
	}
	out[KEY_HEX_SIZE - 1] = '\0';
}

const uint8_t key_of_manifest[KEY_SIZE] = { 0 };

bool key_is_manifest(const uint8_t key[KEY_SIZE])
{
	return memcmp(key, key_of_manifest, KEY_SIZE) == 0;
}

const char *key_note(const uint8_t key[KEY_SIZE])
{
	return key_is_manifest(key) ? " (the manifest)" : "";
}

/* Not isxdigit: that one asks the locale. */
int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool key_prefix_parse(const char *text, struct key_prefix *prefix)
{
	*prefix = (struct key_prefix){ .nibbles = 0 };
	for (; *text; text++) {
		const int nibble = hex_digit(*text);
		if (nibble < 0 || prefix->nibbles == 2 * KEY_SIZE)
			return false;
		const int shift = prefix->nibbles % 2 == 0 ? 4 : 0;
		prefix->bytes[prefix->nibbles / 2] |= (uint8_t)(nibble << shift);
		prefix->nibbles++;
	}
	return prefix->nibbles > 0;
}

bool key_prefix_matches(const struct key_prefix *prefix, const uint8_t key[KEY_SIZE])
{
	const size_t whole = prefix->nibbles / 2;
	if (memcmp(prefix->bytes, key, whole) != 0)
		return false;
	return prefix->nibbles % 2 == 0 || prefix->bytes[whole] >> 4 == key[whole] >> 4;
}
