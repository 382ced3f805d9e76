#include "build-config.h"

#include "src/help.h"

#include "src/command.h"
#include "src/out_text.h"

#include "engine/base/crc.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 26	/* where the explanation begins */

static void print_row(struct out *out, const char *left, const char *help)
{
	if (strlen(left) >= HELP_COLUMN) {
		text_line(out, TONE_PLAIN, "%s", left);
		left = "";
	}
	text_line(out, TONE_PLAIN, "%-*s%s", HELP_COLUMN, left, help);
}

static void print_options(struct out *out, const struct command *command)
{
	text_blank_line(out);
	text_line(out, TONE_STRONG, "Options:");
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		char left[64], letter[] = "    ";
		if (!(command->options >> i & 1))
			continue;
		if (row->letter)
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(left, sizeof(left), "  %s--%s%s%s", letter, row->name,
			 row->argument ? "=" : "", row->argument ? row->argument : "");
		print_row(out, left, row->help);
	}
}

static const char about[] =
	"Shows what is in a repository of Attic or Borg 1.x, and what is wrong with it. Without a "
	"command it does so on the terminal. Only the store (create, put, delete), the repairs "
	"(recover, rollback, compact, salvage) and undo change anything; each repair shows its "
	"plan first.";
static const char names[] =
	"'atticscope help COMMAND' lists the options of a command. Write a repository that has "
	"the name of a command with its path: ./info";
static const char statuses[] =
	"Exit status: 0 done, and nothing is wrong, 1 problems were repaired, 4 problems are left, "
	"8 could not run, 16 wrong usage, 32 cancelled.";

static void print_program(struct out *out, const struct command *terminal,
			  const struct command *all, size_t count)
{
	text_line(out, TONE_PLAIN, "Usage: atticscope [OPTION...] REPO");
	text_line(out, TONE_PLAIN, "       atticscope COMMAND [OPTION...] [ARGUMENT...]");
	text_blank_line(out);
	text_paragraph(out, 0, about);
	print_options(out, terminal);
	text_blank_line(out);
	text_line(out, TONE_STRONG, "Commands:");
	for (size_t i = 0; i < count; i++) {
		char left[64];
		if (!all[i].name)
			continue;
		snprintf(left, sizeof(left), "  %s %s", all[i].name, all[i].arguments);
		print_row(out, left, all[i].help);
	}
	text_blank_line(out);
	text_paragraph(out, 0, names);
	text_blank_line(out);
	text_paragraph(out, 0, statuses);
}

int help_print(struct out *out, const struct command *command, const struct command *all,
	       size_t count)
{
	char paragraph[1024];
	if (!command->name) {
		print_program(out, command, all, count);
		return EXIT_DONE;
	}
	const char *arguments = command->arguments;
	text_line(out, TONE_PLAIN, "Usage: atticscope %s [OPTION...]%s%s", command->name,
		  arguments[0] ? " " : "", arguments);
	text_blank_line(out);
	text_line(out, TONE_PLAIN, "%s: %s", command->name, command->help);
	const char *more = command->more ? command->more : "";
	for (const char *end; *more; more = end + strspn(end, "\n")) {
		end = strstr(more, "\n\n");
		if (!end)
			end = more + strlen(more);
		snprintf(paragraph, sizeof(paragraph), "%.*s", (int)(end - more), more);
		text_blank_line(out);
		text_paragraph(out, 0, paragraph);
	}
	print_options(out, command);
	return EXIT_DONE;
}

int help_version(struct out *out)
{
	text_line(out, TONE_PLAIN, "%s", PACKAGE_STRING);
	text_line(out, TONE_PLAIN, "CRC-32 computed by %s", crc32_library());
	return EXIT_DONE;
}
