/* tests/support/campaign.h - campaigns: tests that try everything of a kind, and the figures that
 * they print.
 *
 * In the suite a campaign takes a sample. With ATTICSCOPE_TORTURE set, as "make torture" sets it,
 * it tries everything, or very much more. */
#ifndef ATTICSCOPE_TESTS_CAMPAIGN_H
#define ATTICSCOPE_TESTS_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

bool campaign_is_long(void);

/* Print "# figure: @what, @of: @count", without ", @of" when that is NULL. tests/tools/torture.py
 * adds up figures of the same name. */
void campaign_figure_of(const char *what, const char *of, uint64_t count);
void campaign_figure(const char *what, uint64_t count);

#endif
