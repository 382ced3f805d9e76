/* src/out.h - what goes to standard output: rows of cells, as text for people or as JSON.
 *
 * A command states its columns once; both writers read that table. Rows are written one
 * by one and never kept, so a million of them need as little memory as one.
 */
#ifndef ATTICSCOPE_OUT_H
#define ATTICSCOPE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct options;

struct out {
	FILE *stream;
	bool json;
	bool color;
	unsigned width;		/* columns of the terminal; 0: not a terminal */
	bool out_of_memory;
	int error;		/* errno of the first write that failed */
};

/* Prepare standard output for @options and the environment. */
void out_init(struct out *out, const struct options *options);

/* Write out what is still buffered. Returns @status, or EXIT_FAILED after a message when something
 * could not be written. A pipe closed by its reader is not a failure. */
int out_finish(struct out *out, int status);

/* Write out what is still buffered. False: that failed. A pipe closed by its reader is not
 * a failure. */
bool out_flush(struct out *out);

/* May more be written? False after a write error, a closed pipe, or an interrupt. Call it right
 * after each write, while errno still holds the cause. */
bool out_goes_on(struct out *out);

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARNING, TONE_BAD, TONE_FAINT, TONE_STRONG };

enum cell_kind {
	CELL_NONE,		/* null; "-" */
	CELL_NUMBER,
	CELL_BYTES,		/* a number; human size in text */
	CELL_CRC,		/* a number; eight hex digits in text */
	CELL_KEY,
	CELL_TEXT,
	CELL_FLAG
};

struct cell {
	enum cell_kind kind;
	enum tone tone;		/* text only */
	union {
		int64_t number;
		const char *text;	/* may hold any bytes; the writers mask it */
		const uint8_t *key;
		bool flag;
	};
};

static inline struct cell cell_none(void)
{
	return (struct cell){ .kind = CELL_NONE };
}

static inline struct cell cell_number(uint64_t number)
{
	return (struct cell){ .kind = CELL_NUMBER, .number = (int64_t)number };
}

static inline struct cell cell_bytes(uint64_t bytes)
{
	return (struct cell){ .kind = CELL_BYTES, .number = (int64_t)bytes };
}

static inline struct cell cell_crc(uint32_t crc)
{
	return (struct cell){ .kind = CELL_CRC, .number = crc };
}

static inline struct cell cell_key(const uint8_t *key)
{
	return (struct cell){ .kind = CELL_KEY, .key = key };
}

/* NULL is null. */
static inline struct cell cell_text(const char *text, enum tone tone)
{
	return (struct cell){ .kind = text ? CELL_TEXT : CELL_NONE, .tone = tone, .text = text };
}

static inline struct cell cell_flag(bool flag)
{
	return (struct cell){ .kind = CELL_FLAG, .flag = flag };
}

struct column {
	const char *name;	/* in JSON; NULL: text only */
	const char *title;	/* in text; NULL: JSON only */
	unsigned width;		/* in text */
	bool left;		/* flush left; numbers are flush right */
	bool last;		/* ends the line, where a key is cut to fit the terminal */
};

#endif
