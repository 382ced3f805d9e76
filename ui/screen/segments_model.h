/* ui/screen/segments_model.h - the rows of the segments screen: which, in what order, and what they
 * say.
 *
 * A row costs four bytes, or none where all segments come in the order of their numbers; the rest is
 * found out when it is drawn. */
#ifndef ATTICSCOPE_SEGMENTS_MODEL_H
#define ATTICSCOPE_SEGMENTS_MODEL_H

#include "widget/table.h"

enum segments_column {
	COL_SEGMENT, COL_SIZE, COL_ENTRIES, COL_PUTS, COL_DELETES, COL_LIVE, COL_HINTS, COL_DEAD,
	COL_CRC, COL_STATE, COL_MODIFIED, COL_COUNT
};

extern const struct column segments_columns[COL_COUNT];

enum filter {
	FILTER_ALL, FILTER_DAMAGED, FILTER_ODD, FILTER_UNCOMMITTED, FILTER_SPARSE, FILTER_COUNT
};
extern const char *const segments_filter_names[FILTER_COUNT];

struct segments_order {
	enum filter filter;
	enum segments_column column;
	bool descending;
};

/* All segments by their numbers: there is nothing to find out for that. */
bool segments_order_is_plain(const struct segments_order *order);

/* The rows in @order, by what is known now; sizes and times are known once session->stats is there.
 * In any thread. NULL: out of memory. */
struct model *segments_model_new(struct session *session, const struct segments_order *order);

/* The segment in @row of such a model. */
uint32_t segments_model_number(const struct model *model, uint64_t row);

/* The row of segment @number. False: it is not among them. */
bool segments_model_find(const struct model *model, uint32_t number, uint64_t *row);

#endif
