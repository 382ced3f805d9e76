#include "build-config.h"

#include "src/out_table.h"

#include "src/out_json.h"
#include "src/out_text.h"

#include <errno.h>

void out_titles(struct out *out, const struct column *columns, size_t count)
{
	if (!out->json)
		text_titles(out, columns, count);
}

bool out_row(struct out *out, const struct column *columns, const struct cell *cells, size_t count)
{
	errno = 0;
	if (out->json)
		json_row(out, columns, cells, count);
	else
		text_row(out, columns, cells, count);
	return out_goes_on(out);
}
