#include "build-config.h"

#include "format/config.h"

#include "base/array.h"
#include "base/owner.h"
#include "format/dialect.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* inih parses; but it and Python disagree about comments behind a value, about what continues a
 * value, about white space, line ends and long lines. So inih is not given the file's lines but,
 * from a reader, lines in which the two agree: without indentation, comments and blank lines, a
 * continuation marked by one space, and OPAQUE in the place of whatever inih would cut or take for
 * a comment. No valid value holds that byte, so what was replaced stays invalid. */
#define OPAQUE '\001'

#define VALUE_MAX 200	/* bytes; the longest valid value has 64 */

enum option {
	OPTION_VERSION, OPTION_PER_DIR, OPTION_MAX_SIZE, OPTION_ID, OPTION_APPEND_ONLY,
	OPTION_QUOTA, OPTION_FREE_SPACE, OPTION_COUNT
};

static const char *const option_names[OPTION_COUNT] = {
	[OPTION_VERSION] = "version",
	[OPTION_PER_DIR] = "segments_per_dir",
	[OPTION_MAX_SIZE] = "max_segment_size",
	[OPTION_ID] = "id",
	[OPTION_APPEND_ONLY] = "append_only",
	[OPTION_QUOTA] = "storage_quota",
	[OPTION_FREE_SPACE] = "additional_free_space",
};

/* borg/repository.py, Repository.create and save_config: what Borg writes and Attic never did. */
static const char *const borg_options[] = {
	"append_only", "storage_quota", "additional_free_space", "key", "last_segment_checked",
};

struct value {
	bool present;
	char text[VALUE_MAX];
};

/* A section's name, or a section's and an option's name. Python refuses one that is there twice. */
struct name {
	char *text;	/* "section" or "section\noption" */
	unsigned line;
};

struct parser {
	const char *text;
	size_t len, pos;
	unsigned line;			/* of the line that inih has now, from 1 */
	size_t indent;			/* of the line that the option began in */
	bool in_option;			/* an option was read here, which can be continued */
	bool continues;			/* the line that inih has now continues the option */
	const char *section;		/* the name of the section, in the text */
	size_t section_len;
	bool has_section;		/* [repository] was there */
	bool has_borg_options;
	struct value own[OPTION_COUNT];	/* of [repository] */
	struct value defaults[OPTION_COUNT]; /* of [DEFAULT], where Python looks next */
	struct value stray[OPTION_COUNT]; /* of other sections, and before any */
	struct name *names;
	size_t name_count, name_capacity;
	unsigned error_line;		/* of the first error, 0 where there is none */
	const char *error;
	bool no_memory;
};

static void complain(struct parser *parser, unsigned line, const char *error)
{
	if (parser->error && parser->error_line <= line)
		return;
	parser->error = error;
	parser->error_line = line;
}

/* The ASCII white space that str.strip() removes. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

/* Remember the section that was entered, or an option in it. */
static void remember(struct parser *parser, const char *option)
{
	char *text = NULL;
	if (!ARRAY_RESERVE(parser->names, parser->name_count, parser->name_capacity) ||
	    asprintf(&text, "%.*s%s%s", (int)parser->section_len,
		     parser->section ? parser->section : "", option ? "\n" : "",
		     option ? option : "") < 0) {
		parser->no_memory = true;
		return;
	}
	parser->names[parser->name_count++] = (struct name){ text, parser->line };
}

static int compare_names(const void *left, const void *right)
{
	const struct name *a = left;
	const struct name *b = right;
	const int order = strcmp(a->text, b->text);
	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

/* The next line of the text, without its end (LF, CR or CR LF) and the white space after it. */
static const char *next_line(struct parser *parser, size_t *len)
{
	const char *line = parser->text + parser->pos;
	const size_t left = parser->len - parser->pos;
	size_t end = 0;
	while (end < left && line[end] != '\n' && line[end] != '\r')
		end++;
	size_t next = end;
	if (next < left)
		next += line[next] == '\r' && next + 1 < left && line[next + 1] == '\n' ? 2 : 1;
	parser->pos += next;
	while (end > 0 && is_space(line[end - 1]))
		end--;
	*len = end;
	return line;
}

/* Copy a line for inih, as much as it has room for. */
static void copy_line(const char *line, size_t len, char *out, size_t room)
{
	for (size_t i = 0; i < len && i < room; i++) {
		const bool inih_sees_more = line[i] == ';' || line[i] == '\0';
		out[i] = inih_sees_more ? OPAQUE : is_space(line[i]) ? ' ' : line[i];
	}
	if (len > room)
		out[room - 1] = OPAQUE;
	out[len < room ? len : room] = '\0';
}

static bool section_is(const struct parser *parser, const char *name)
{
	return parser->section_len == strlen(name) &&
	       memcmp(parser->section, name, parser->section_len) == 0;
}

/* A line that begins with a bracket. The section's name ends at the last bracket for Python, at the
 * first for inih. */
static void prepare_section(struct parser *parser, const char *line, size_t len, char *out,
			    size_t room)
{
	const char *end = memrchr(line, ']', len);
	copy_line(line, len, out, room);
	if (!end || end - line < 2) {
		out[0] = OPAQUE;	/* for Python an option with a strange name */
		return;
	}
	parser->section = line + 1;
	parser->section_len = (size_t)(end - line) - 1;
	parser->in_option = false;
	if (section_is(parser, "repository"))
		parser->has_section = true;
	if (!section_is(parser, "DEFAULT"))
		remember(parser, NULL);
	if (len > room || memchr(line, ']', len) != end) {
		static const char other[] = { '[', OPAQUE, ']', '\0' };
		memcpy(out, other, sizeof(other));
	}
}

/* Write the next line to @out in the form that inih gets, without comments. */
static void prepare_line(struct parser *parser, char *out, size_t room)
{
	size_t len;
	const char *line = next_line(parser, &len);
	size_t indent = 0;
	while (indent < len && is_space(line[indent]))
		indent++;
	line += indent;
	len -= indent;
	out[0] = '\0';
	parser->continues = false;
	if (len == 0 || *line == '#' || *line == ';')
		return;
	if (parser->in_option && indent > parser->indent) {
		parser->continues = true;
		out[0] = ' ';
		copy_line(line, len, out + 1, room - 1);
		return;
	}
	parser->indent = indent;
	if (*line == '[')
		prepare_section(parser, line, len, out, room);
	else
		copy_line(line, len, out, room);
}

/* inih's fgets. */
static char *read_line(char *str, int num, void *stream)
{
	struct parser *parser = stream;
	if (parser->pos == parser->len || parser->no_memory || num < 4)
		return NULL;
	parser->line++;
	prepare_line(parser, str, (size_t)num - 2);
	strcat(str, "\n");
	return str;
}

static void set_value(struct value *value, bool append, const char *text)
{
	if (value->present && !append)
		return;		/* twice is an error; the first is as good as the second */
	const size_t len = append ? strlen(value->text) : 0;
	value->present = true;
	const int printed = snprintf(value->text + len, VALUE_MAX - len, "%s%s",
				     append ? "\n" : "", text);
	if (printed >= (int)(VALUE_MAX - len))
		value->text[0] = OPAQUE;
}

/* inih's handler of one option, or of another line of its value. */
static int add_option(void *user, const char *section, const char *name, const char *text)
{
	struct parser *parser = user;
	if (!parser->section)
		complain(parser, parser->line, "an option before any section");
	if (name[0] == '\0')
		complain(parser, parser->line, "an option without a name");
	char option[VALUE_MAX] = "";
	for (size_t i = 0; i < sizeof(option) - 1 && name[i]; i++)
		option[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A')
							     : name[i];
	if (!parser->continues)
		remember(parser, option);
	parser->in_option = name[0] != '\0';

	const bool is_own = strcmp(section, "repository") == 0;
	const bool is_default = strcmp(section, "DEFAULT") == 0;
	struct value *values = is_own ? parser->own : is_default ? parser->defaults : parser->stray;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(option, option_names[i]) != 0)
			continue;
		if (values == parser->stray && values[i].present &&
		    strcmp(values[i].text, text) != 0)
			values[i].text[0] = OPAQUE;	/* they disagree */
		set_value(&values[i], parser->continues, text);
	}
	if (!is_own && !is_default)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(borg_options); i++)
		if (strcmp(option, borg_options[i]) == 0)
			parser->has_borg_options = true;
	return 1;
}

static bool is_utf8(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		const uint8_t lead = (uint8_t)text[i++];
		if (lead < 0x80)
			continue;
		if (lead < 0xc2 || lead > 0xf4)
			return false;
		const size_t more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
		if (len - i < more)
			return false;
		const uint8_t second = (uint8_t)text[i];
		if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
		    (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
			return false;
		for (size_t end = i + more; i < end; i++)
			if (((uint8_t)text[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static enum as_err parse(struct parser *parser)
{
	static const char bom[] = "\xef\xbb\xbf";
	/* Python refuses these before it reads a line. */
	if (parser->len == 0)
		complain(parser, 0, "the file is empty");
	else if (memchr(parser->text, '\0', parser->len))
		complain(parser, 0, "it has NUL bytes");
	else if (!is_utf8(parser->text, parser->len))
		complain(parser, 0, "it is not UTF-8");
	if (parser->len >= 3 && memcmp(parser->text, bom, 3) == 0) {
		complain(parser, 0, "it begins with a byte order mark");
		parser->pos = 3;
	}
	const int first_bad = ini_parse_stream(read_line, parser, add_option, parser);
	if (first_bad == -2 || parser->no_memory)
		return AS_ERR_MEMORY;
	if (first_bad > 0)
		complain(parser, (unsigned)first_bad, "neither an option nor a section");
	array_sort(parser->names, parser->name_count, sizeof(*parser->names), compare_names);
	for (size_t i = 1; i < parser->name_count; i++)
		if (strcmp(parser->names[i - 1].text, parser->names[i].text) == 0)
			complain(parser, parser->names[i].line,
				 strchr(parser->names[i].text, '\n')
					 ? "an option appears twice"
					 : "a section appears twice");
	if (!parser->error && !parser->has_section)
		complain(parser, 0, "there is no section [repository]");
	return AS_OK;
}

/* A decimal number as int() accepts it, with a sign and white space around. -1 for any other text,
 * and for numbers that are useless here: negative ones, and those above 2^32-1. */
static int64_t number_of(const char *text)
{
	while (is_space(*text))
		text++;
	const bool is_negative = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	int64_t number = 0;
	const char *digits = text;
	for (; *text >= '0' && *text <= '9'; text++)
		if (number <= UINT32_MAX)
			number = 10 * number + (*text - '0');
	const bool has_digits = text > digits;
	while (is_space(*text))
		text++;
	if (!has_digits || *text || number > UINT32_MAX || (is_negative && number != 0))
		return -1;
	return number;
}

/* A limit of the config, or 0 where @value is none. */
static uint32_t limit_of(const struct value *value)
{
	const int64_t number = number_of(value->text);
	return number >= 1 && number <= INT32_MAX ? (uint32_t)number : 0;
}

/* A number of bytes as Borg reads it since 1.1.16: "500M", "1.5g", in factors of 1000. Source:
 * borg/helpers/parseformat.py, parse_file_size. False: @value is none, or 2^63 and more. */
static bool parse_size(const struct value *value, uint64_t *size)
{
	static const char suffixes[] = "kmgtp";
	const char *text = value->text;
	double number = 0, step = 1;
	bool has_digits = false;
	while (is_space(*text))
		text++;
	for (; *text >= '0' && *text <= '9'; text++, has_digits = true)
		number = number * 10 + (*text - '0');
	if (*text == '.')
		text++;
	for (; *text >= '0' && *text <= '9'; text++, has_digits = true) {
		step /= 10;
		number += step * (*text - '0');
	}
	const char *suffix = *text ? strchr(suffixes, *text | 0x20) : NULL;
	if (suffix) {
		text++;
		for (const char *c = suffixes; c <= suffix; c++)
			number *= 1000;
	}
	while (is_space(*text))
		text++;
	if (!has_digits || *text || number >= 9.2e18)
		return false;
	*size = (uint64_t)number;
	return true;
}

/* The bytes of a segment at most, or 0 where @value says nothing that @dialect allows. */
static uint32_t max_size_of(const struct dialect *dialect, const struct value *value)
{
	uint64_t size;
	if (!dialect->has_options)
		return limit_of(value);
	return parse_size(value, &size) && size <= dialect->max_segment_size_limit ? (uint32_t)size
										  : 0;
}

/* A boolean as Python's configparser reads it. False: @value is none. */
static bool parse_boolean(const struct value *value, bool *is_set)
{
	static const char *const words[] = { "0", "1", "no", "yes", "false", "true", "off", "on" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(value->text, words[i]) != 0)
			continue;
		*is_set = i % 2;
		return true;
	}
	return false;
}

static bool parse_id(const struct value *value, uint8_t out[KEY_SIZE])
{
	struct key_prefix id;
	const char *text = value->text;
	while (is_space(*text))
		text++;
	if (!key_prefix_parse(text, &id) || id.nibbles != 2 * KEY_SIZE)
		return false;
	memcpy(out, id.bytes, KEY_SIZE);
	return true;
}

/* Fill in the options of [repository], and name those that are missing or wrong. */
static enum as_err read_options(const struct parser *parser, const struct dialect *dialect,
				struct config *config, struct findings *findings)
{
	const struct value *values[OPTION_COUNT];
	for (size_t i = 0; i < OPTION_COUNT; i++)
		values[i] = parser->own[i].present ? &parser->own[i] : &parser->defaults[i];

	const int64_t version = number_of(values[OPTION_VERSION]->text);
	const uint32_t per_dir = limit_of(values[OPTION_PER_DIR]);
	const uint32_t max_size = max_size_of(dialect, values[OPTION_MAX_SIZE]);
	const struct value *append_only = values[OPTION_APPEND_ONLY];
	const struct value *quota = values[OPTION_QUOTA];
	config->version = version > 0 ? (uint32_t)version : 0;
	config->has_segments_per_dir = per_dir > 0;
	if (per_dir > 0)
		config->segments_per_dir = per_dir;
	config->has_max_segment_size = max_size > 0;
	if (max_size > 0)
		config->max_segment_size = max_size;
	config->has_id = parse_id(values[OPTION_ID], config->id);
	const bool append_only_is_right =
		!dialect->has_options || !append_only->present ||
		parse_boolean(append_only, &config->is_append_only);
	config->has_quota = quota->present;
	const bool quota_is_right = !dialect->has_options || !quota->present ||
				    parse_size(quota, &config->storage_quota);
	const struct value *free_space = values[OPTION_FREE_SPACE];
	const bool free_space_is_right = !dialect->has_options || !free_space->present ||
					 parse_size(free_space, &config->additional_free_space);

	const struct { bool is_right; enum problem problem; enum option option; } checks[] = {
		{ version == 1, PROBLEM_CONFIG_VERSION, OPTION_VERSION },
		{ per_dir > 0, PROBLEM_CONFIG_LIMITS, OPTION_PER_DIR },
		{ max_size > 0, PROBLEM_CONFIG_LIMITS, OPTION_MAX_SIZE },
		{ config->has_id, PROBLEM_CONFIG_ID, OPTION_ID },
		{ append_only_is_right, PROBLEM_CONFIG_LIMITS, OPTION_APPEND_ONLY },
		{ quota_is_right, PROBLEM_CONFIG_LIMITS, OPTION_QUOTA },
		{ free_space_is_right, PROBLEM_CONFIG_LIMITS, OPTION_FREE_SPACE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (checks[i].is_right)
			continue;
		const struct value *value = values[checks[i].option];
		config->usable = false;
		const enum as_err err = findings_note(findings, checks[i].problem, FINDING_NOWHERE,
						      FINDING_NOWHERE, "%s%s%.80s",
						      option_names[checks[i].option],
						      value->present ? " = " : " is missing",
						      value->text);
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

/* Turn what was parsed into *@config. Without its section no option can be missing. */
static enum as_err read_parsed(const struct parser *parser, const struct dialect *dialect,
			       struct config *config, struct findings *findings)
{
	config->usable = !parser->error;
	config->has_borg_options = parser->has_borg_options;
	config->stray.segments_per_dir = limit_of(&parser->stray[OPTION_PER_DIR]);
	config->stray.max_segment_size = max_size_of(dialect, &parser->stray[OPTION_MAX_SIZE]);
	config->stray.has_id = parse_id(&parser->stray[OPTION_ID], config->stray.id);
	if (parser->error) {
		char line[sizeof("line 4294967295: ")] = "";
		if (parser->error_line > 0)
			snprintf(line, sizeof(line), "line %u: ", parser->error_line);
		const enum as_err err = findings_note(findings, PROBLEM_CONFIG_SYNTAX,
						      FINDING_NOWHERE, FINDING_NOWHERE, "%s%s",
						      line, parser->error);
		if (err != AS_OK)
			return err;
	}
	return parser->has_section ? read_options(parser, dialect, config, findings) : AS_OK;
}

static void set_defaults(const struct dialect *dialect, struct config *config)
{
	*config = (struct config){
		.segments_per_dir = dialect->segments_per_dir,
		.max_segment_size = dialect->max_segment_size,
	};
}

enum as_err config_parse(const char *text, size_t len, const struct dialect *dialect,
			 struct config *config, struct findings *findings)
{
	set_defaults(dialect, config);
	struct parser *parser = calloc(1, sizeof(*parser));
	if (!parser)
		return AS_ERR_MEMORY;
	parser->text = text;
	parser->len = len;
	enum as_err err = parse(parser);
	if (err == AS_OK)
		err = read_parsed(parser, dialect, config, findings);
	for (size_t i = 0; i < parser->name_count; i++)
		free(parser->names[i].text);
	free(parser->names);
	free(parser);
	return err;
}

enum as_err config_read(const struct io *io, int repo_fd, const struct dialect *dialect,
			struct config *config, struct findings *findings)
{
	set_defaults(dialect, config);
	uint8_t *data;
	size_t len;
	const enum as_err err =
		io_read_file(io, repo_fd, CONFIG_NAME, CONFIG_FILE_MAX, &data, &len);
	if (err == AS_OK) {
		const enum as_err parsed = config_parse((const char *)data, len, dialect, config,
							findings);
		free(data);
		return parsed;
	}
	if (err == AS_ERR_MEMORY)
		return err;
	if (err == AS_ERR_DOES_NOT_EXIST)
		return findings_note(findings, PROBLEM_CONFIG_MISSING, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s", "");
	struct as_error error;
	as_fail(&error, err, err == AS_ERR_IO ? errno : 0, "%s", as_err_text(err));
	owner_explain(io, repo_fd, CONFIG_NAME, err, &error);
	return findings_note_unread(findings, PROBLEM_CONFIG_UNREADABLE, &error);
}
