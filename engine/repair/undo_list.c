#include "build-config.h"

#include "repair/undo_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
} states[] = {
	[UNDO_DONE] = { "done", "done" },
	[UNDO_BEGUN] = { "interrupted", "interrupted" },
	[UNDO_UNDOING] = { "undoing", "taking it back was interrupted" },
	[UNDO_UNREADABLE] = { "unreadable", "no readable manifest" },
};

const char *undo_state_text(enum undo_state state)
{
	return states[state].text;
}

const char *undo_state_name(enum undo_state state)
{
	return states[state].name;
}

/* A manifest that cannot be read leaves all but the name unknown. */
static enum as_err describe(const struct io *io, int repo_fd, const char *name,
			    struct undo_entry *entry)
{
	char folder[UNDO_FOLDER_MAX];
	struct manifest manifest;
	*entry = (struct undo_entry){ .state = UNDO_UNREADABLE };
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	undo_folder_path(name, folder);
	const enum as_err err = undo_read_manifest(io, repo_fd, folder, &manifest);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	undo_state_of(io, repo_fd, folder, &entry->state);
	memcpy(entry->action, manifest.action, sizeof(entry->action));
	entry->has_before = manifest.has_before;
	entry->before = manifest.before;
	entry->after = manifest.after;
	for (size_t i = 0; i < manifest.count; i++) {
		const struct plan_file *file = &manifest.files[i];
		struct stat st;
		bool is_there;
		if (file->change == PLAN_MAKE ||
		    undo_ask(io, repo_fd, folder, file->path, &is_there, &st) != AS_OK ||
		    !is_there)
			continue;
		entry->files++;
		/* A file that has a name elsewhere, too, is not freed. */
		entry->bytes += st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
	}
	free(manifest.files);
	return AS_OK;
}

enum as_err undo_list(const struct io *io, int repo_fd, struct undo_entry **entries, size_t *count)
{
	struct undo_names names;
	*entries = NULL;
	*count = 0;
	enum as_err err = undo_names_list(io, repo_fd, &names);
	if (err != AS_OK || names.count == 0)
		return err;
	struct undo_entry *rows = calloc(names.count, sizeof(*rows));
	err = rows ? AS_OK : AS_ERR_MEMORY;
	for (size_t i = 0; err == AS_OK && i < names.count; i++)
		err = describe(io, repo_fd, names.rows[i], &rows[i]);
	if (err == AS_OK) {
		*entries = rows;
		*count = names.count;
	} else {
		free(rows);
	}
	free(names.rows);
	return err;
}
