/* ui/app/problem_list.h - the findings as rows of a table. */
#ifndef ATTICSCOPE_PROBLEM_LIST_H
#define ATTICSCOPE_PROBLEM_LIST_H

#include "widget/table.h"

#define PROBLEMS_COLUMNS 4
extern const struct column problems_columns[PROBLEMS_COLUMNS];

/* A model of @findings, which pass to it even if this fails. NULL: out of memory. */
struct model *problems_model(struct session *session, struct findings *findings);

struct problems {
	struct model base;
	struct findings findings;	/* in the order of the rows */
};

#endif
