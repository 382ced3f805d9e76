/* ui/app/problem_list.h - what was found, as the rows of a table. */
#ifndef ATTICSCOPE_PROBLEM_LIST_H
#define ATTICSCOPE_PROBLEM_LIST_H

#include "widget/table.h"

#define PROBLEMS_COLUMNS 4
extern const struct column problems_columns[PROBLEMS_COLUMNS];

/* A model of @findings, which it owns from here on (also when it fails). NULL: out of memory. */
struct model *problems_model(struct session *session, struct findings *findings);

/* What such a model shows, row by row. */
const struct findings *problems_findings(const struct model *model);

#endif
