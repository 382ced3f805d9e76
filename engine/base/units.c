#include "build-config.h"

#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>

char *units_bytes(uint64_t bytes, char *out, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	double value = (double)bytes;
	/* 1023.5 would be rounded to four digits that look like the next unit. */
	while (value >= 1023.5) {
		value /= 1024;
		unit++;
	}
	snprintf(out, size, unit > 0 && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

char *units_count(uint64_t count, char *out, size_t size)
{
	char digits[UNITS_SIZE], text[UNITS_SIZE];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t at = 0;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	snprintf(out, size, "%s", text);
	return out;
}

char *units_number(uint64_t count, const char *one, const char *many, char *out, size_t size)
{
	char figure[UNITS_SIZE];
	units_count(count, figure, sizeof(figure));
	snprintf(out, size, "%s %s", figure, count == 1 ? one : many);
	return out;
}
