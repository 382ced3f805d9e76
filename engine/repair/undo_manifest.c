#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/crc.h"
#include "base/text.h"
#include "format/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the manifest ---- */

static const struct word {
	enum plan_change change;
	bool is_tail;
	const char *word;
} words[] = {
	{ PLAN_MAKE, false, "made" }, { PLAN_MOVE, false, "moved" },
	{ PLAN_MOVE, true, "tail" }, { PLAN_REPLACE, false, "replaced" },
};

static const char *word_of(const struct plan_file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].change == file->change && words[i].is_tail == file->is_tail)
			return words[i].word;
	return "?";
}

static void format_manifest(const struct plan *plan, struct text *text)
{
	text_append(text, "%s", UNDO_MANIFEST_FIRST);
	text_append(text, "action %s\n", repair_name(plan->action));
	if (plan->has_before)
		text_append(text, "before %" PRIu32 "\n", plan->before);
	else
		text_append(text, "before none\n");
	if (plan->has_after)
		text_append(text, "after %" PRIu32 "\n", plan->after);
	else
		text_append(text, "after none\n");
	for (size_t i = 0; i < plan->file_count; i++)
		text_append(text, "%s %s\n", word_of(&plan->files[i]), plan->files[i].path);
	text_append(text, "end %08" PRIx32 "\n",
		 crc32_update(0, text->bytes, text->len));
}

static bool parse_number(const char *text, bool *has, uint32_t *number)
{
	char *end;
	*has = strcmp(text, "none") != 0;
	if (!*has)
		return true;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	*number = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && errno == 0 && value <= UINT32_MAX;
}

/* Only what a repair moves or makes: segments below data/, index.N and hints.N. Nothing that leads
 * out of the repository. */
static bool is_own_path(const char *path)
{
	static const char *const prefixes[] = { "index.", "hints.", "data/" };
	size_t i = 0;
	if (name_is_temporary(path))
		return true;
	while (i < ARRAY_SIZE(prefixes) && strncmp(path, prefixes[i], strlen(prefixes[i])) != 0)
		i++;
	if (i == ARRAY_SIZE(prefixes) || strlen(path) >= LISTING_PATH_MAX)
		return false;
	const char *rest = path + strlen(prefixes[i]);
	size_t digits = strspn(rest, "0123456789");
	if (digits == 0)
		return false;
	rest += digits;
	if (i < 2 || *rest == '\0')	/* "data/7" is a folder that was made */
		return *rest == '\0';
	digits = *rest == '/' ? strspn(rest + 1, "0123456789") : 0;
	return digits > 0 && rest[1 + digits] == '\0';
}

static enum as_err take_file(struct manifest *manifest, const struct word *word, const char *path)
{
	if (!is_own_path(path))
		return AS_ERR_INTEGRITY;
	if (!ARRAY_RESERVE(manifest->files, manifest->count, manifest->capacity))
		return AS_ERR_MEMORY;
	struct plan_file *file = &manifest->files[manifest->count++];
	*file = (struct plan_file){
		.change = word->change, .is_tail = word->is_tail, .reason = "",
	};
	snprintf(file->path, sizeof(file->path), "%s", path);
	return AS_OK;
}

static enum as_err judge_value(bool is_good)
{
	return is_good ? AS_OK : AS_ERR_INTEGRITY;
}

static enum as_err take_line(struct manifest *manifest, char *line)
{
	char *value = strchr(line, ' ');
	if (!value)
		return AS_ERR_INTEGRITY;
	*value++ = '\0';
	if (strcmp(line, "action") == 0)
		return judge_value(snprintf(manifest->action, sizeof(manifest->action), "%s",
					    value) < (int)sizeof(manifest->action));
	if (strcmp(line, "before") == 0)
		return judge_value(parse_number(value, &manifest->has_before, &manifest->before));
	if (strcmp(line, "after") == 0)
		return judge_value(parse_number(value, &manifest->has_after, &manifest->after));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(line, words[i].word) == 0)
			return take_file(manifest, &words[i], value);
	return AS_ERR_INTEGRITY;
}

static enum as_err parse_lines(char *lines, struct manifest *manifest)
{
	enum as_err err = AS_OK;
	char *next;
	for (char *line = lines; err == AS_OK && *line; line = next) {
		next = strchr(line, '\n');
		if (!next)
			return AS_ERR_INTEGRITY;
		*next++ = '\0';
		err = take_line(manifest, line);
	}
	return err;
}

enum as_err undo_read_manifest(const struct io *io, int repo_fd, const char *folder,
			       struct manifest *manifest)
{
	char *lines;
	*manifest = (struct manifest){ .count = 0 };
	enum as_err err = undo_manifest_lines(io, repo_fd, folder, &lines);
	if (err != AS_OK)
		return err;
	err = parse_lines(lines, manifest);
	free(lines);
	if (err != AS_OK)
		free(manifest->files);
	return err;
}

char *undo_manifest_text(const struct plan *plan, size_t *len)
{
	struct text text = { .len = 0 };
	format_manifest(plan, &text);
	*len = text.len;
	return text_release(&text);
}
