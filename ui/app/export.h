/* ui/app/export.h - lines of text into a new file that a person named. The one place where the
 * terminal front end opens a file. */
#ifndef ATTICSCOPE_EXPORT_H
#define ATTICSCOPE_EXPORT_H

#include "widget/lines.h"

struct app;

/* Write @lines to the new file @name ("~/" is the home folder) in the background, and say what came
 * of it. Nothing that is there is replaced, and nothing is written into the repository. */
void export_start(struct app *app, struct lines *lines, const char *name);

#endif
