/* REPO/hints.N: any bytes. */
#include "build-config.h"

#include "engine/format/hints.h"
#include "engine/format/usage.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ram_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TRANSACTION 7u

/* Both lists ascend, hold each number once, and can be searched. */
static void check_lists(const struct hints *hints, size_t size)
{
	/* every row comes from bytes of the file */
	need(hints->segment_count <= size / 2 && hints->compact_count <= size);
	for (size_t i = 0; i < hints->segment_count; i++) {
		const struct hints_segment *row = &hints->segments[i];
		need(i == 0 || row[-1].segment < row->segment);
		need(hints_find(hints, row->segment) == row);
		need(row->segment == 0 || !hints_find(hints, row->segment - 1) ||
		     (i > 0 && row[-1].segment == row->segment - 1));
	}
	for (size_t i = 0; i < hints->compact_count; i++) {
		need(i == 0 || hints->compact[i - 1] < hints->compact[i]);
		need(hints_is_compact(hints, hints->compact[i]));
	}
}

static bool is_same(const struct usage *a, const struct usage *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rows[i].segment != b->rows[i].segment ||
		    a->rows[i].live != b->rows[i].live || a->rows[i].compact != b->rows[i].compact)
			return false;
	return true;
}

/* Usable hints give the same when they are written and read again. */
static void write_again(const struct hints *hints)
{
	struct usage usage = { 0 }, again = { 0 };
	const enum as_err err = usage_load(&usage, hints);
	bool has_odd_count = false;
	for (size_t i = 0; i < hints->segment_count; i++)
		has_odd_count = has_odd_count || hints->segments[i].live < 0 ||
				hints->segments[i].live > UINT32_MAX;
	need(err == (has_odd_count ? AS_ERR_INTEGRITY : AS_OK));
	if (err == AS_OK) {
		static struct ram *ram;
		if (!ram)
			ram = ram_new();
		const struct io *io = ram_io(ram);
		const int fd = io->open(io, AT_FDCWD, "/", 0);
		struct permit *permit = io_grant_permit(io, fd, 0600);
		struct stat st;
		need(permit && usage_write(&usage, permit, TRANSACTION) == AS_OK);
		need(io->fstatat(io, fd, "hints.7", &st, 0) == 0);
		need((uint64_t)st.st_size == usage_size(&usage));
		need(usage_read(&again, io, fd, TRANSACTION) == AS_OK);
		need(is_same(&usage, &again));
		io_revoke_permit(permit);
		io_close(io, fd);
		ram_clear(ram);
	}
	usage_free(&again);
	usage_free(&usage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings findings;
	struct hints hints;
	findings_init(&findings);
	need(hints_parse(data, size, TRANSACTION, &hints, &findings) == AS_OK);
	need(hints.usable == (findings.count == 0));
	need(hints.transaction == TRANSACTION);
	if (hints.usable) {
		need(hints.version == 1);
		check_lists(&hints, size);
		write_again(&hints);
	} else {
		need(!hints.segments && !hints.compact);
	}
	hints_free(&hints);
	findings_free(&findings);
	return 0;
}
