/* ui/widget/lines.h - text for people in lines of any length: a plan, a report, the log. */
#ifndef ATTICSCOPE_LINES_H
#define ATTICSCOPE_LINES_H

#include "widget/model.h"

/* Built by one thread. Once another thread has them, they no longer change. */
struct lines;

/* NULL: out of memory. */
struct lines *lines_new(void);
struct lines *lines_hold(struct lines *lines);
void lines_release(struct lines *lines);

/* Append a line of any bytes. If memory runs out it is left out, and lines_is_whole is false from
 * then on. */
void lines_add(struct lines *lines, enum style style, const char *text);
void lines_printf(struct lines *lines, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lines_add_all(struct lines *lines, const struct lines *from);
bool lines_is_whole(const struct lines *lines);

size_t lines_count(const struct lines *lines);
const char *lines_text(const struct lines *lines, size_t line);	/* masked */

/* A model of @lines, broken at spaces into rows of at most @cols columns. NULL: out of memory. */
struct model *lines_model(struct session *session, struct lines *lines, int cols);

#endif
