#include "build-config.h"

#include "session/format.h"

#include "engine/base/bytes.h"
#include "engine/base/error.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

char *format_percent(uint64_t part, uint64_t whole, char *out, size_t size)
{
	if (whole == 0) {
		snprintf(out, size, "-");
		return out;
	}
	const double percent = 100.0 * (double)part / (double)whole;
	if (part > 0 && percent < 1.0)
		snprintf(out, size, "<1 %%");
	else if (part < whole && percent > 99.0)
		snprintf(out, size, "99 %%");
	else
		snprintf(out, size, "%.0f %%", percent);
	return out;
}

char *format_rate(uint64_t bytes, double seconds, char *out, size_t size)
{
	char text[FORMAT_SIZE];
	if (seconds <= 0) {
		snprintf(out, size, "-");
		return out;
	}
	const double rate = (double)bytes / seconds;
	format_bytes(rate < 1e18 ? (uint64_t)rate : UINT64_MAX, text, sizeof(text));
	snprintf(out, size, "%s/s", text);
	return out;
}

char *format_duration(uint64_t seconds, char *out, size_t size)
{
	const unsigned s = (unsigned)(seconds % 60), m = (unsigned)(seconds / 60 % 60);
	if (seconds < 3600)
		snprintf(out, size, "%u:%02u", m, s);
	else if (seconds < 48 * 3600)
		snprintf(out, size, "%u:%02u:%02u", (unsigned)(seconds / 3600), m, s);
	else
		snprintf(out, size, "%" PRIu64 " days", seconds / (24 * 3600));
	return out;
}

char *format_time(time_t when, char *out, size_t size)
{
	struct tm tm;
	if (when == 0 || !localtime_r(&when, &tm) ||
	    strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, size, "-");
	return out;
}

char *format_key(const uint8_t *key, unsigned digits, const char *more, char *out, size_t size)
{
	char hex[KEY_HEX_SIZE];
	key_to_hex(key, hex);
	snprintf(out, size, "%.*s%s", (int)digits, hex, digits < 2 * KEY_SIZE ? more : "");
	return out;
}

char *format_listed_key(const uint8_t *key, char out[FORMAT_LISTED_KEY])
{
	char hex[KEY_HEX_SIZE];
	key_to_hex(key, hex);
	snprintf(out, FORMAT_LISTED_KEY, "%s%s", key_is_manifest(key) ? "(manifest) " : "", hex);
	return out;
}

size_t format_printable(const char *bytes, size_t len)
{
	/* A terminal would obey these, or they would reorder or hide their neighbours. */
	static const struct { uint32_t first, last; } deceptive[] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xe000, 0xf8ff }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xe0000, 0x10ffff },
	};
	wchar_t c;
	mbstate_t state;
	if ((unsigned char)bytes[0] < 0x80)
		return bytes[0] >= ' ' && bytes[0] != 0x7f;
	memset(&state, 0, sizeof(state));
	const size_t used = mbrtowc(&c, bytes, len, &state);
	if (used == 0 || used > len || !iswprint((wint_t)c) || wcwidth(c) < 1)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(deceptive); i++)
		if ((uint32_t)c >= deceptive[i].first && (uint32_t)c <= deceptive[i].last)
			return 0;
	return used;
}

char *format_masked(const char *bytes, size_t len, char *out, size_t size)
{
	size_t at = 0;
	if (size == 0)
		return out;
	for (size_t i = 0; i < len;) {
		const size_t used = format_printable(bytes + i, len - i);
		if (at + (used ? used : 4) >= size)
			break;
		if (used) {
			memcpy(out + at, bytes + i, used);
			at += used;
			i += used;
		} else {
			snprintf(out + at, size - at, "\\x%02x", (unsigned char)bytes[i]);
			at += 4;
			i++;
		}
	}
	out[at] = '\0';
	return out;
}

const char *format_skip_path(const char *path, const char *message)
{
	const size_t len = strlen(path);
	if (len == 0 || strncmp(message, path, len) != 0)
		return message;
	if (message[len] == '/')
		return message + len + 1;
	return strncmp(message + len, ": ", 2) == 0 ? message + len + 2 : message;
}
