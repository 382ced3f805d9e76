#include "build-config.h"

#include "format/names.h"

#include <string.h>

bool name_is_temporary(const char *path)
{
	if (strcmp(path, "index.tmp") == 0)
		return true;
	const size_t digits = strncmp(path, "hints.", 6) == 0 ? strspn(path + 6, "0123456789") : 0;
	return digits > 0 && digits <= 10 && strcmp(path + 6 + digits, ".tmp") == 0;
}
