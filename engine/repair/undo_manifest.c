#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/array.h"
#include "base/crc.h"
#include "base/text.h"
#include "format/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum plan_change change;
	bool is_tail;
	const char *word;
} words[] = {
	{ PLAN_MAKE, false, "made" }, { PLAN_MOVE, false, "moved" },
	{ PLAN_MOVE, true, "tail" }, { PLAN_REPLACE, false, "replaced" },
};

/* ---- written ---- */

static void append_transaction(struct text *text, const char *word, bool has, uint32_t transaction)
{
	if (has)
		text_append(text, "%s %" PRIu32 "\n", word, transaction);
	else
		text_append(text, "%s none\n", word);
}

char *undo_manifest_text(const struct plan *plan, size_t *len)
{
	struct text text = { .len = 0 };
	text_append(&text, "%saction %s\n", UNDO_MANIFEST_FIRST, repair_name(plan->action));
	append_transaction(&text, "before", plan->has_before, plan->before);
	append_transaction(&text, "after", plan->has_after, plan->after);
	for (size_t i = 0; i < plan->file_count; i++) {
		const struct plan_file *file = &plan->files[i];
		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			if (words[j].change == file->change && words[j].is_tail == file->is_tail)
				text_append(&text, "%s %s\n", words[j].word, file->path);
	}
	text_append(&text, "end %08" PRIx32 "\n",
		    crc32_update(0, text.bytes ? text.bytes : "", text.len));
	*len = text.len;
	return text_release(&text);
}

/* ---- read ---- */

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

/* Only what a repair moves or makes: segments below data/, index.N, hints.N and integrity.N.
 * Nothing that leads out of the repository. */
static bool is_own_path(const char *path)
{
	struct name parsed;
	if (strlen(path) >= LISTING_PATH_MAX)
		return false;
	if (name_is_temporary(path, NULL) || name_is_of_transaction(path, NULL, &parsed))
		return true;
	if (strncmp(path, "data/", 5) != 0)
		return false;
	size_t digits = strspn(path + 5, "0123456789");
	const char *rest = path + 5 + digits;
	if (digits == 0 || *rest == '\0')	/* "data/7" is a folder that was made */
		return digits > 0;
	digits = *rest == '/' ? strspn(rest + 1, "0123456789") : 0;
	return digits > 0 && rest[1 + digits] == '\0';
}

static enum as_err parse_line(struct manifest *manifest, char *line)
{
	bool is_good = false;
	char *value = strchr(line, ' ');
	if (!value)
		return AS_ERR_INTEGRITY;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(line, words[i].word) != 0)
			continue;
		if (!is_own_path(value))
			return AS_ERR_INTEGRITY;
		if (!ARRAY_RESERVE(manifest->files, manifest->count, manifest->capacity))
			return AS_ERR_MEMORY;
		struct plan_file *file = &manifest->files[manifest->count++];
		*file = (struct plan_file){
			.change = words[i].change, .is_tail = words[i].is_tail, .reason = "",
		};
		snprintf(file->path, sizeof(file->path), "%s", value);
		return AS_OK;
	}
	if (strcmp(line, "action") == 0)
		is_good = snprintf(manifest->action, sizeof(manifest->action), "%s", value) <
			  (int)sizeof(manifest->action);
	else if (strcmp(line, "before") == 0)
		is_good = parse_number(value, &manifest->has_before, &manifest->before);
	else if (strcmp(line, "after") == 0)
		is_good = parse_number(value, &manifest->has_after, &manifest->after);
	return is_good ? AS_OK : AS_ERR_INTEGRITY;
}

enum as_err undo_read_manifest(const struct io *io, int repo_fd, const char *folder,
			       struct manifest *manifest)
{
	char *lines, *next;
	*manifest = (struct manifest){ .count = 0 };
	enum as_err err = undo_manifest_lines(io, repo_fd, folder, &lines);
	if (err != AS_OK)
		return err;
	for (char *line = lines; err == AS_OK && *line; line = next) {
		next = strchr(line, '\n');
		if (!next) {
			err = AS_ERR_INTEGRITY;
			break;
		}
		*next++ = '\0';
		err = parse_line(manifest, line);
	}
	free(lines);
	if (err != AS_OK)
		free(manifest->files);
	return err;
}
