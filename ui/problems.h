/* ui/problems.h - what was found, as a model. */
#ifndef ATTICSCOPE_UI_PROBLEMS_H
#define ATTICSCOPE_UI_PROBLEMS_H

#include "ui/model.h"

/* A model of @findings, which it owns from here on (also when it fails). NULL: out of memory. */
struct model *problems_model(struct session *session, struct findings *findings);

#endif
