/* src/out_text.h - text for people: columns, labelled fields, paragraphs. All text is masked.
 * After each call out->error says whether it could be written. */
#ifndef ATTICSCOPE_OUT_TEXT_H
#define ATTICSCOPE_OUT_TEXT_H

#include "engine/base/problem.h"
#include "engine/format/dialect.h"
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

/* @text, wrapped into lines that fit, each indented by @indent. Nothing for an empty text. */
void text_paragraph(struct out *out, unsigned indent, const char *text);

/* Instructions for what a person must do by hand. Text is wrapped; indented lines (names, and what
 * to write to a file) stay as they are. Nothing for an empty one. */
void text_by_hand(struct out *out, const char *lines);

void text_blank_line(struct out *out);

/* What @info means, what is at stake, whether the repository can be used, and what mends it:
 * indented paragraphs in the words of @dialect. */
void text_problem(struct out *out, const struct dialect *dialect, const struct problem_info *info,
		  const char *meaning, enum repair repair);

extern const enum tone severity_tones[];	/* by enum severity */

#endif
