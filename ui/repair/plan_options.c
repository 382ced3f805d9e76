#include "build-config.h"

#include "repair/plan_options.h"

#include "engine/base/bytes.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BIT(action) (1u << REPAIR_##action)
#define OPTION(name) offsetof(struct repair_options, name)

static const struct word {
	const char *text;
	unsigned repairs;	/* a bit for each that has it */
	size_t option;		/* a bool in struct repair_options */
	const char *title;
} words[] = {
	{ "keep-tail", BIT(SALVAGE), OPTION(keep_tail), "tail kept" },
	{ "drop-tail", BIT(SALVAGE), OPTION(drop_tail), "tail dropped" },
	{ "with-suspects", BIT(SALVAGE), OPTION(with_suspects), "with suspects" },
	{ "no-older", BIT(SALVAGE), OPTION(no_older), "without older versions" },
	{ "with-older-manifest", BIT(SALVAGE), OPTION(with_older_manifest),
	  "with an older manifest" },
	{ "drop-readable", BIT(RECOVER) | BIT(COMPACT) | BIT(SALVAGE), OPTION(drop_readable),
	  "DROPS READABLE" },
	{ "no-undo", BIT(ROLLBACK), OPTION(no_undo), "WITHOUT AN UNDO" },
};

bool plan_options_parse(unsigned action, const char *text, struct repair_options *options)
{
	for (const char *at = text + strspn(text, " -"); *at; at += strspn(at, " -")) {
		const size_t len = strcspn(at, " ");
		size_t i = 0;
		while (i < ARRAY_SIZE(words) &&
		       (!(words[i].repairs & 1u << action) || strlen(words[i].text) != len ||
			strncmp(at, words[i].text, len) != 0))
			i++;
		if (i == ARRAY_SIZE(words))
			return false;
		*(bool *)((char *)options + words[i].option) = true;
		at += len;
	}
	return !(options->keep_tail && options->drop_tail);
}

void plan_options_text(const struct repair_options *options, char *out, size_t size)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words) && at < size; i++)
		if (*(const bool *)((const char *)options + words[i].option))
			at += (size_t)snprintf(out + at, size - at, ", %s", words[i].title);
}
