/* tests/campaign.h - tests that can be run to exhaustion, and the figures that they print.
 *
 * In the suite a campaign takes a sample. Where ATTICSCOPE_TORTURE is set, as "make torture" does,
 * it tries everything, or very much more.
 */
#ifndef ATTICSCOPE_TESTS_CAMPAIGN_H
#define ATTICSCOPE_TESTS_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

bool campaign_is_long(void);

/* Print "# figure: @what, @of: @count", without ", @of" where that is NULL; tests/torture.py adds up
 * what has the same name, and what is of the same kind. */
void campaign_figure_of(const char *what, const char *of, uint64_t count);
void campaign_figure(const char *what, uint64_t count);

#endif
