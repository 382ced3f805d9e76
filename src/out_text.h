/* src/out_text.h - text for people: columns, labelled fields, paragraphs. All text is masked, and
 * after each call out->error tells whether it could be written. */
#ifndef ATTICSCOPE_OUT_TEXT_H
#define ATTICSCOPE_OUT_TEXT_H

#include "engine/base/problem.h"
#include "src/out.h"

void text_titles(struct out *out, const struct column *columns, size_t count);
void text_row(struct out *out, const struct column *columns, const struct cell *cells,
	      size_t count);

/* A formatted line in @tone. */
void text_line(struct out *out, enum tone tone, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A label, and a formatted value in a column of its own. */
void text_field(struct out *out, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Words of @text in lines that fit, each @indent deep. Does nothing for an empty text. */
void text_paragraph(struct out *out, unsigned indent, const char *text);

/* The lines of an instruction for a person's hand: words are wrapped, what is indented (names, and
 * what is to be written to a file) stays as it is. Does nothing for an empty one. */
void text_by_hand(struct out *out, const char *lines);

void text_blank_line(struct out *out);

/* What @info means, what is at stake, whether the repository can be used, and what mends it:
 * indented paragraphs. */
void text_problem(struct out *out, const struct problem_info *info, const char *meaning,
		  enum repair repair);

/* The tone of a problem's @severity. */
enum tone text_severity_tone(enum severity severity);

#endif
