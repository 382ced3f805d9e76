#include "build-config.h"

#include "format/names.h"

#include "base/error.h"

#include <stddef.h>
#include <string.h>

const char *name_read_number(const char *text, uint64_t *number)
{
	*number = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		const unsigned digit = (unsigned)(*text - '0');
		*number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
	}
	return text;
}

bool name_parse(const char *name, struct name *parsed)
{
	static const char *const prefixes[] = {
		[NAME_INDEX] = "index.", [NAME_HINTS] = "hints.", [NAME_INTEGRITY] = "integrity.",
	};
	size_t kind = 0;
	while (kind < ARRAY_SIZE(prefixes) &&
	       strncmp(name, prefixes[kind], strlen(prefixes[kind])) != 0)
		kind++;
	if (kind == ARRAY_SIZE(prefixes))
		return false;
	const char *const digits = name + strlen(prefixes[kind]);
	uint64_t number;
	const char *const at = name_read_number(digits, &number);
	*parsed = (struct name){
		.kind = (enum name_kind)kind,
		.number = number,
		.is_canonical = number <= UINT32_MAX && (digits[0] != '0' || at == digits + 1),
		.rest = at,
	};
	return at > digits;
}

/* Those who read hints of version 2 read digests as well. */
static bool has_digests(const struct dialect *dialect)
{
	return !dialect || dialect->hints_version_max > 1;
}

bool name_is_of_transaction(const char *name, const struct dialect *dialect, struct name *parsed)
{
	return name_parse(name, parsed) && parsed->rest[0] == '\0' &&
	       (parsed->kind != NAME_INTEGRITY || has_digests(dialect));
}

bool name_is_temporary(const char *name, const struct dialect *dialect)
{
	struct name parsed;
	if (strcmp(name, "index.tmp") == 0)
		return true;
	return name_parse(name, &parsed) && (parsed.kind == NAME_HINTS || has_digests(dialect)) &&
	       parsed.number <= UINT32_MAX &&
	       parsed.rest - name <= (ptrdiff_t)strlen("integrity.4294967295") &&
	       strcmp(parsed.rest, ".tmp") == 0;
}
