/* ui/widget/lines.h - text for people in lines of any length: a plan, a report, the action log. */
#ifndef ATTICSCOPE_LINES_H
#define ATTICSCOPE_LINES_H

#include "widget/model.h"

/* Built by one thread with the functions below, and read by all. Once another thread has them, they
 * no longer change. */
struct lines {
	struct ref ref;
	struct line {
		char *text;		/* masked */
		enum style style;
	} *rows;
	size_t count, capacity;
	bool no_memory;			/* some lines are missing */
};

/* NULL: out of memory. */
struct lines *lines_new(void);

/* Append a line of any bytes. If memory runs out it is left out, and no_memory is set. */
void lines_add(struct lines *lines, enum style style, const char *text);
void lines_printf(struct lines *lines, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lines_add_all(struct lines *lines, const struct lines *from);

/* A model of @lines, broken at spaces into rows of at most @cols columns. NULL: out of memory. */
struct model *lines_model(struct session *session, struct lines *lines, int cols);

#endif
