/* ui/screen/segments_model.h - the rows of the segments screen: filter, order and text.
 *
 * A row takes four bytes, or none if all segments are in the order of their numbers. The rest is
 * looked up when the row is drawn. */
#ifndef ATTICSCOPE_SEGMENTS_MODEL_H
#define ATTICSCOPE_SEGMENTS_MODEL_H

#include "widget/table.h"

enum segments_column {
	COL_SEGMENT, COL_SIZE, COL_ENTRIES, COL_PUTS, COL_DELETES, COL_LIVE, COL_HINTS, COL_DEAD,
	COL_CRC, COL_STATE, COL_MODIFIED, COL_COUNT
};

extern const struct column segments_columns[COL_COUNT];

enum filter {
	FILTER_ALL, FILTER_DAMAGED, FILTER_ODD, FILTER_UNCOMMITTED, FILTER_SPARSE,
	FILTER_ENTRIES,		/* not those that are a COMMIT and nothing else */
	FILTER_COUNT
};
extern const char *const segments_filter_names[FILTER_COUNT];

struct segments_order {
	enum filter filter;
	enum segments_column column;
	bool descending;
};

/* Are these all segments in the order of their numbers, which needs no sorting? */
bool segments_order_is_plain(const struct segments_order *order);

/* Make the rows in @order, by what is known now; sizes and times are known once session->stats is
 * set. May be called in any thread. NULL: out of memory. */
struct model *segments_model_new(struct session *session, const struct segments_order *order);

/* The segment in @row of such a model. */
uint32_t segments_model_number(const struct model *model, uint64_t row);

/* Find the row of segment @number. False: there is none. */
bool segments_model_find(const struct model *model, uint32_t number, uint64_t *row);

#endif
