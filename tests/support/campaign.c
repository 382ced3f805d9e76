#include "build-config.h"

#include "tests/support/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool campaign_is_long(void)
{
	const char *value = getenv("ATTICSCOPE_TORTURE");
	return value && value[0] != '\0';
}

void campaign_figure_of(const char *what, const char *of, uint64_t count)
{
	printf("# figure: %s%s%s: %" PRIu64 "\n", what, of ? ", " : "", of ? of : "", count);
	fflush(stdout);
}

void campaign_figure(const char *what, uint64_t count)
{
	campaign_figure_of(what, NULL, count);
}
