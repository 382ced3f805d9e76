#include "build-config.h"

#include "base/path.h"

#include <string.h>

bool path_parent(char *path)
{
	char *slash = strrchr(path, '/');
	if (strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
		return false;
	if (!slash)
		strcpy(path, ".");
	else if (slash == path)
		path[1] = '\0';
	else
		*slash = '\0';
	return true;
}
