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

/* Print "# figure: @what: @count", which tests/torture.py adds up. */
void campaign_figure(const char *what, uint64_t count);

#endif
