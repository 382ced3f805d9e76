/* REPO/hints.N: any bytes. */
#include "build-config.h"

#include "engine/format/hints.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ram_io.h"
#include "tests/support/write_hints.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TRANSACTION 7u

/* The rows ascend, hold each number once, and can be searched. */
static void check_lists(const struct hints *hints, size_t size)
{
	/* every row comes from bytes of the file */
	need(hints->segment_count <= size / 2 && hints->compact_count <= size);
	size_t counted = 0, listed = 0;
	for (size_t i = 0; i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		need(i == 0 || row[-1].segment < row->segment);
		need(row->is_counted || row->is_compact);
		need(hints_find(hints, row->segment) == (row->is_counted ? row : NULL));
		need(hints_is_compact(hints, row->segment) == row->is_compact);
		need(row->segment == 0 || (i > 0 && row[-1].segment == row->segment - 1) ||
		     (!hints_find(hints, row->segment - 1) &&
		      !hints_is_compact(hints, row->segment - 1)));
		counted += row->is_counted;
		listed += row->is_compact;
	}
	need(counted == hints->segment_count && listed == hints->compact_count);
}

static bool is_same(const struct hints *a, const struct hints *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rows[i].segment != b->rows[i].segment ||
		    a->rows[i].live != b->rows[i].live ||
		    a->rows[i].is_compact != b->rows[i].is_compact)
			return false;
	return true;
}

/* Usable hints give the same when they are written and read again. */
static void write_again(const struct hints *hints)
{
	struct hints usage = { 0 }, again = { 0 };
	const enum as_err err = hints_copy(&usage, hints);
	bool has_odd_count = false;
	for (size_t i = 0; i < hints->count; i++)
		has_odd_count = has_odd_count || hints->rows[i].live < 0 ||
				hints->rows[i].live > UINT32_MAX;
	need(err == (has_odd_count ? AS_ERR_INTEGRITY : AS_OK));
	if (err == AS_OK) {
		static struct ram *ram;
		if (!ram)
			ram = ram_new();
		const struct io *io = ram_io(ram);
		const int fd = io->open(io, AT_FDCWD, "/", 0);
		struct permit *permit = io_grant_permit(io, fd, 0600);
		struct stat st;
		need(permit && write_hints(&usage, permit, TRANSACTION) == AS_OK);
		need(io->fstatat(io, fd, "hints.7", &st, 0) == 0);
		need((uint64_t)st.st_size == hints_size(&usage, &dialect_attic));
		need(hints_load(&again, io, fd, &dialect_attic, TRANSACTION) == AS_OK);
		need(is_same(&usage, &again));
		io_revoke_permit(permit);
		io_close(io, fd);
		ram_clear(ram);
	}
	hints_free(&again);
	hints_free(&usage);
}

/* The keys ascend, can be searched, and their lists lie in the one array. */
static void check_shadow(const struct hints *hints, size_t size)
{
	need(hints->shadow_count * (KEY_SIZE + 2) <= size);
	need(hints->shadow_segment_count <= size);
	for (size_t i = 0; i < hints->shadow_count; i++) {
		const struct hints_shadow *row = &hints->shadow[i];
		const struct hints_shadow *found = hints_find_shadow(hints, row->key);
		need(found && memcmp(found->key, row->key, KEY_SIZE) == 0);
		need(i == 0 || memcmp(row[-1].key, row->key, KEY_SIZE) <= 0);
		need(row->first <= hints->shadow_segment_count);
		need(row->count <= hints->shadow_segment_count - row->first);
	}
}

static bool parse(const struct dialect *dialect, const uint8_t *data, size_t size)
{
	struct findings findings;
	struct hints hints;
	findings_init(&findings);
	need(hints_parse(data, size, dialect, TRANSACTION, &hints, &findings) == AS_OK);
	need(hints.usable == (findings.count == 0));
	need(hints.transaction == TRANSACTION);
	const bool usable = hints.usable;
	if (usable) {
		need(hints.version >= 1 && hints.version <= dialect->hints_version_max);
		check_lists(&hints, size);
		check_shadow(&hints, size);
		write_again(&hints);
	} else {
		need(!hints.rows && !hints.shadow && !hints.shadow_segments);
	}
	hints_free(&hints);
	findings_free(&findings);
	return usable;
}

/* What Attic reads, Borg reads as well. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool is_attics = parse(&dialect_attic, data, size);
	const bool is_borgs = parse(&dialect_borg, data, size);
	need(is_borgs || !is_attics);
	return 0;
}
