/* ui/app/export.h - write lines of text to a new file that the person names. The terminal front end
 * opens files only here. */
#ifndef ATTICSCOPE_EXPORT_H
#define ATTICSCOPE_EXPORT_H

#include "widget/lines.h"

struct app;

/* Write @lines to the new file @name ("~/" is the home folder) in the background and show the
 * result. An existing file is not replaced, and nothing is written into the repository. */
void export_start(struct app *app, struct lines *lines, const char *name);

#endif
