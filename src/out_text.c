#include "build-config.h"

#include "src/out_text.h"

#include "engine/base/bytes.h"
#include "src/shell_quote.h"
#include "ui/session/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define CELL_MAX 512		/* bytes of a cell's text */
#define LINE_MAX_BYTES (SHELL_QUOTE_SIZE + 1024) /* of a formatted line */
#define LABEL_WIDTH 16
#define KEY_SHORT 12u		/* digits of a key that are always shown */
#define PARAGRAPH_WIDTH 80u	/* where there is no terminal */
#define PARAGRAPH_MAX 100u	/* longer lines are tiring to read */

const enum tone severity_tones[] = {
	[SEVERITY_INFO] = TONE_PLAIN,
	[SEVERITY_WARNING] = TONE_WARNING,
	[SEVERITY_ERROR] = TONE_BAD,
};

static const char *tone_start(const struct out *out, enum tone tone)
{
	static const char *const codes[] = {
		[TONE_PLAIN] = "", [TONE_GOOD] = "\033[32m", [TONE_WARNING] = "\033[33m",
		[TONE_BAD] = "\033[1;31m", [TONE_FAINT] = "\033[2m", [TONE_STRONG] = "\033[1m",
	};
	return out->color ? codes[tone] : "";
}

static const char *tone_end(const struct out *out, enum tone tone)
{
	return out->color && tone != TONE_PLAIN ? "\033[m" : "";
}

static void format_cell(const struct cell *cell, char out[CELL_MAX])
{
	switch (cell->kind) {
	case CELL_NONE:
		snprintf(out, CELL_MAX, "-");
		break;
	case CELL_NUMBER:
		snprintf(out, CELL_MAX, "%" PRId64, cell->number);
		break;
	case CELL_BYTES:
		format_bytes((uint64_t)cell->number, out, CELL_MAX);
		break;
	case CELL_CRC:
		snprintf(out, CELL_MAX, "%08" PRIx64, (uint64_t)cell->number);
		break;
	case CELL_KEY:
		key_to_hex(cell->key, out);
		break;
	case CELL_TEXT:
		format_masked_text(cell->text, out, CELL_MAX);
		break;
	case CELL_FLAG:
		snprintf(out, CELL_MAX, "%s", cell->flag ? "yes" : "no");
		break;
	}
}

/* Write one cell and the gap to the next. */
static void put_cell(const struct out *out, const struct column *column, enum tone tone,
		     const char *text)
{
	const size_t len = strlen(text);
	const int gap = len < column->width ? (int)(column->width - len) : 0;
	fprintf(out->stream, "%*s%s%s%s%*s  ", column->left ? 0 : gap, "", tone_start(out, tone),
		text, tone_end(out, tone), column->left ? gap : 0, "");
}

/* How many digits of a key fit at the end of a line. */
static int key_digits(const struct out *out, const struct column *columns, size_t count)
{
	unsigned used = 0;
	for (size_t i = 0; i < count; i++)
		if (columns[i].title && !columns[i].last)
			used += columns[i].width + 2;
	if (out->width == 0 || out->width >= used + 2 * KEY_SIZE)
		return 2 * KEY_SIZE;
	return (int)(out->width < used + KEY_SHORT ? KEY_SHORT : out->width - used);
}

/* Position of the column that ends the line, or @count. */
static size_t last_column(const struct column *columns, size_t count)
{
	size_t i = 0;
	while (i < count && !columns[i].last)
		i++;
	return i;
}

void text_titles(struct out *out, const struct column *columns, size_t count)
{
	const size_t last = last_column(columns, count);
	for (size_t i = 0; i < count; i++)
		if (columns[i].title && i != last)
			put_cell(out, &columns[i], TONE_STRONG, columns[i].title);
	if (last < count)
		fprintf(out->stream, "%s%s%s", tone_start(out, TONE_STRONG), columns[last].title,
			tone_end(out, TONE_STRONG));
	putc('\n', out->stream);
}

void text_row(struct out *out, const struct column *columns, const struct cell *cells, size_t count)
{
	char text[CELL_MAX];
	const size_t last = last_column(columns, count);
	for (size_t i = 0; i < count; i++) {
		if (!columns[i].title || i == last)
			continue;
		format_cell(&cells[i], text);
		put_cell(out, &columns[i], cells[i].tone, text);
	}
	if (last < count) {
		format_cell(&cells[last], text);
		const bool is_key = cells[last].kind == CELL_KEY;
		const int max = is_key ? key_digits(out, columns, count) : CELL_MAX;
		const bool is_noted = is_key && out->width == 0;	/* there is room */
		fprintf(out->stream, "%s%.*s%s%s", tone_start(out, cells[last].tone), max, text,
			is_noted ? key_note(cells[last].key) : "",
			tone_end(out, cells[last].tone));
	}
	putc('\n', out->stream);
}

static void put_masked(struct out *out, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void put_masked(struct out *out, const char *format, va_list args)
{
	char raw[LINE_MAX_BYTES], masked[4 * LINE_MAX_BYTES];
	vsnprintf(raw, sizeof(raw), format, args);
	format_masked_text(raw, masked, sizeof(masked));
	fputs(masked, out->stream);
}

void text_line(struct out *out, enum tone tone, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs(tone_start(out, tone), out->stream);
	put_masked(out, format, args);
	fputs(tone_end(out, tone), out->stream);
	va_end(args);
	text_blank_line(out);
}

void text_field(struct out *out, const char *label, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(out->stream, "%s%-*s%s", tone_start(out, TONE_FAINT), LABEL_WIDTH, label,
		tone_end(out, TONE_FAINT));
	put_masked(out, format, args);
	va_end(args);
	text_blank_line(out);
}

void text_paragraph(struct out *out, unsigned indent, const char *text)
{
	char masked[LINE_MAX_BYTES];
	unsigned column = 0, width = out->width > 0 ? out->width : PARAGRAPH_WIDTH;
	if (width > PARAGRAPH_MAX)
		width = PARAGRAPH_MAX;
	format_masked_text(text, masked, sizeof(masked));
	const char *word = masked + strspn(masked, " ");
	while (*word) {
		const unsigned len = (unsigned)strcspn(word, " ");
		if (column > 0 && column + 1 + len > width) {
			putc('\n', out->stream);
			column = 0;
		}
		const unsigned gap = column == 0 ? indent : 1;
		fprintf(out->stream, "%*s%.*s", (int)gap, "", (int)len, word);
		column += gap + len;
		word += len;
		word += strspn(word, " ");
	}
	if (column > 0)
		putc('\n', out->stream);
	out_goes_on(out);
}

void text_by_hand(struct out *out, const char *lines)
{
	char line[LINE_MAX_BYTES];
	if (!*lines)
		return;
	text_blank_line(out);
	text_line(out, TONE_STRONG, "To be done by hand:");
	while (*lines) {
		const size_t len = strcspn(lines, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, lines);
		if (line[0] == ' ')
			text_line(out, TONE_PLAIN, "%s", line);
		else
			text_paragraph(out, 0, line);
		lines += len + (lines[len] == '\n');
	}
}

void text_blank_line(struct out *out)
{
	putc('\n', out->stream);
	out_goes_on(out);
}

void text_problem(struct out *out, const struct dialect *dialect, const struct problem_info *info,
		  const char *meaning, enum repair repair)
{
	char what[1024], stake[512], meanwhile[512];
	snprintf(what, sizeof(what), "%s", meaning);
	snprintf(stake, sizeof(stake), "If nothing is done: %s", info->stake);
	snprintf(meanwhile, sizeof(meanwhile), "Until then: %s", info->meanwhile);
	dialect_reword(dialect, what, sizeof(what));
	dialect_reword(dialect, stake, sizeof(stake));
	dialect_reword(dialect, meanwhile, sizeof(meanwhile));
	text_paragraph(out, 2, what);
	text_paragraph(out, 2, stake);
	text_paragraph(out, 2, meanwhile);
	if (repair_name(repair))
		text_line(out, TONE_PLAIN, "  Repaired by: %s", repair_name(repair));
}
