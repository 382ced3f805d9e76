/* The manifest of an undo folder: any bytes. */
#include "build-config.h"

#include "engine/repair/undo_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seal.h"
#include "tests/support/memory_io.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "undo/20261122T215501Z-salvage"

static enum as_err read_manifest(const void *bytes, size_t len, struct manifest *manifest)
{
	struct memory_file file = { .bytes = bytes, .len = len };
	const struct io io = memory_io(&file);
	return undo_read_manifest(&io, -1, FOLDER, manifest);
}

/* No name leads out of the repository, or to a file that no repair touches. */
static bool is_harmless(const char *path)
{
	static const char *const begins[] = { "data/", "index.", "hints.", "integrity." };
	bool is_known = false;
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		is_known = is_known || strncmp(path, begins[i], strlen(begins[i])) == 0;
	return is_known && !strstr(path, "..") && !strstr(path, "//") &&
	       path[strlen(path) - 1] != '/' &&
	       strspn(path, "0123456789abcdefghijklmnopqrstuvwxyz./") == strlen(path);
}

static enum repair action_of(const struct manifest *manifest)
{
	static const enum repair actions[] = {
		REPAIR_RECOVER, REPAIR_ROLLBACK, REPAIR_COMPACT, REPAIR_SALVAGE,
	};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(manifest->action, repair_name(actions[i])) == 0)
			return actions[i];
	return REPAIR_NONE;
}

/* A manifest gives the same when it is written and read again. */
static void write_again(const struct manifest *manifest)
{
	struct manifest again;
	const struct plan plan = {
		.action = action_of(manifest), .has_before = manifest->has_before,
		.before = manifest->before, .has_after = manifest->has_after,
		.after = manifest->after, .files = manifest->files,
		.file_count = manifest->count,
	};
	size_t len;
	if (plan.action == REPAIR_NONE)
		return;
	char *text = undo_manifest_text(&plan, &len);
	need(text && read_manifest(text, len, &again) == AS_OK);
	need(strcmp(again.action, manifest->action) == 0);
	need(again.has_before == manifest->has_before && again.has_after == manifest->has_after);
	need(!again.has_before || again.before == manifest->before);
	need(!again.has_after || again.after == manifest->after);
	need(again.count == manifest->count);
	for (size_t i = 0; i < again.count; i++) {
		need(again.files[i].change == manifest->files[i].change);
		need(strcmp(again.files[i].path, manifest->files[i].path) == 0);
	}
	free(again.files);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest manifest;
	if (read_manifest(data, size, &manifest) != AS_OK)
		return 0;
	for (size_t i = 0; i < manifest.count; i++)
		need(is_harmless(manifest.files[i].path));
	write_again(&manifest);
	free(manifest.files);
	return 0;
}

/* Without the right checksum nothing else is read. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	if (seed % 8 > 0)
		seal_manifest(data, size);
	return size;
}
