#include "build-config.h"

#include "src/message.h"
#include "src/out_table.h"
#include "src/repository.h"

#include <string.h>

enum {
	COL_SEGMENT, COL_PATH, COL_SIZE, COL_ENTRIES, COL_PUTS, COL_DELETES, COL_COMMITS, COL_LIVE,
	COL_LIVE_BYTES, COL_COMPLETE, COL_COMMITTED, COL_CRC, COL_DAMAGED_BYTES, COL_DAMAGED,
	COL_ROLE, COL_IS, COL_STATE, COL_COUNT
};

static const struct column columns[COL_COUNT] = {
	[COL_SEGMENT] = { "segment", "segment", 8, false, false },
	[COL_PATH] = { "path", "path", 0, true, true },
	[COL_SIZE] = { "size", "size", 9, false, false },
	[COL_ENTRIES] = { "entries", NULL, 0, false, false },
	[COL_PUTS] = { "puts", "PUT", 6, false, false },
	[COL_DELETES] = { "deletes", "DELETE", 6, false, false },
	[COL_COMMITS] = { "commits", NULL, 0, false, false },
	[COL_LIVE] = { "live", "live", 6, false, false },
	[COL_LIVE_BYTES] = { "live_bytes", "live size", 9, false, false },
	[COL_COMPLETE] = { "complete", NULL, 0, false, false },
	[COL_COMMITTED] = { "committed", NULL, 0, false, false },
	[COL_CRC] = { "crc", NULL, 0, false, false },
	[COL_DAMAGED_BYTES] = { "damaged_bytes", NULL, 0, false, false },
	[COL_DAMAGED] = { "damaged", NULL, 0, false, false },
	[COL_ROLE] = { "role", NULL, 0, false, false },
	[COL_IS] = { "is", NULL, 0, false, false },
	[COL_STATE] = { NULL, "state", 11, true, false },
};

static struct cell state_cell(const char *bad, bool is_committed, struct cell good)
{
	if (bad)
		return cell_text(bad, TONE_BAD);
	return is_committed ? good : cell_text("uncommitted", TONE_WARNING);
}

static struct cell path_cell(const struct repo *repo, size_t i, char path[LISTING_PATH_MAX])
{
	listing_path(&repo->listing, i, path);
	return cell_text(path, TONE_PLAIN);
}

/* ---- with the data read ---- */

static const char *role_name(enum segment_role role)
{
	static const char *const names[] = {
		[ROLE_LOG] = "log", [ROLE_RETURNED] = "returned", [ROLE_FOREIGN] = "foreign",
	};
	return names[role];
}

/* The state of a segment that is not as it should be, or NULL. */
static const char *what_is_bad(const struct segment_facts *facts, uint32_t number)
{
	if (facts->is_unopened)
		return "unreadable";
	if (facts->role != ROLE_LOG)
		return role_name((enum segment_role)facts->role);
	if (facts->damaged > 0 || facts->is_unreadable)
		return "damaged";
	return facts->number != number ? "misnamed" : NULL;
}

static bool write_verified(struct out *out, const struct verify *verify, size_t i)
{
	const struct repo *repo = verify->repo;
	const struct segment_facts *facts = &verify->facts[i];
	const char *bad = what_is_bad(facts, repo->listing.segments[i].number);
	const bool is_damaged = facts->damaged > 0 || facts->is_unreadable;
	const char *crc = is_damaged ? "damaged" : "ok";
	char path[LISTING_PATH_MAX];
	const struct cell cells[COL_COUNT] = {
		[COL_SEGMENT] = cell_number(repo->listing.segments[i].number),
		[COL_PATH] = path_cell(repo, i, path),
		[COL_SIZE] = cell_bytes(facts->size),
		[COL_ENTRIES] =
			cell_number((uint64_t)facts->puts + facts->deletes + facts->commits),
		[COL_PUTS] = cell_number(facts->puts),
		[COL_DELETES] = cell_number(facts->deletes),
		[COL_COMMITS] = cell_number(facts->commits),
		[COL_LIVE] = cell_number(facts->live),
		[COL_LIVE_BYTES] = cell_bytes(facts->live_bytes),
		[COL_COMPLETE] = cell_flag(facts->is_complete),
		[COL_COMMITTED] = cell_flag(facts->is_committed),
		/* The checksums in a file that cannot be opened are unknown. */
		[COL_CRC] = cell_text(facts->is_unopened ? NULL : crc, TONE_PLAIN),
		[COL_DAMAGED_BYTES] = cell_bytes(facts->damaged_bytes),
		[COL_DAMAGED] = cell_number(facts->damaged),
		[COL_ROLE] = cell_text(role_name((enum segment_role)facts->role), TONE_PLAIN),
		[COL_IS] = cell_number(facts->number),
		[COL_STATE] = state_cell(bad, facts->is_committed, cell_text("ok", TONE_GOOD)),
	};
	return out_row(out, columns, cells, COL_COUNT);
}

static enum as_err verify_and_list(struct request *request, const struct repo *repo)
{
	struct verify *verify;
	const enum as_err err = repository_verify(request, repo, NULL, &verify);
	if (err != AS_OK)
		return err;
	out_titles(&request->out, columns, COL_COUNT);
	for (size_t i = 0; i < repo->listing.count; i++)
		if (!write_verified(&request->out, verify, i))
			break;
	verify_free(verify);
	return AS_OK;
}

/* ---- without ---- */

static bool write_listed(struct out *out, const struct column *shown, const struct repo *repo,
			 struct listing_walk *walk, size_t i)
{
	const uint32_t number = repo->listing.segments[i].number;
	const bool is_committed = repo_is_committed(repo, number);
	const struct cell unverified = cell_text("unverified", TONE_FAINT);
	char path[LISTING_PATH_MAX];
	struct stat st;
	uint32_t end;
	struct cell cells[COL_COUNT] = {
		[COL_SEGMENT] = cell_number(number),
		[COL_PATH] = path_cell(repo, i, path),
		[COL_COMMITTED] = cell_flag(is_committed),
	};
	/* The hints count only if they are of the log's newest transaction. */
	if (repo->hints.usable && repo_log_end(repo, &end) && end == repo->hints.transaction) {
		const struct hints_segment *hint = hints_find(&repo->hints, number);
		cells[COL_LIVE] = cell_number(hint && hint->live > 0 ? (uint64_t)hint->live : 0);
	}
	/* Opening searched for the newest segment that ends in a COMMIT, and read none before
	 * it. */
	if (repo->has_transaction && i + 1 == repo->tail)
		cells[COL_COMPLETE] = cell_flag(true);
	else if (i >= repo->tail && !repo->end_is_unknown)
		cells[COL_COMPLETE] = cell_flag(false);
	const bool is_there = listing_walk_stat(walk, i, &st);
	if (is_there)
		cells[COL_SIZE] = cell_bytes((uint64_t)st.st_size);
	cells[COL_STATE] = state_cell(is_there ? NULL : "unreadable", is_committed, unverified);
	return out_row(out, shown, cells, COL_COUNT);
}

/* Text leaves out the columns that would be empty. */
static void list(struct out *out, const struct repo *repo)
{
	struct column shown[COL_COUNT];
	memcpy(shown, columns, sizeof(shown));
	shown[COL_PUTS].title = shown[COL_DELETES].title = shown[COL_LIVE_BYTES].title = NULL;
	out_titles(out, shown, COL_COUNT);
	struct listing_walk walk = listing_walk_begin(&repo->listing, repo->io, repo->fd);
	for (size_t i = 0; i < repo->listing.count; i++)
		if (!write_listed(out, shown, repo, &walk, i))
			break;
	listing_walk_end(&walk);
}

int cmd_segments(struct request *request)
{
	struct repo *repo;
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	const bool is_for_program = request->out.json && !request->options.no_verify;
	if (request->options.verify || is_for_program)
		err = verify_and_list(request, repo);
	else
		list(&request->out, repo);
	if (err == AS_OK && listing_is_partial(&repo->findings)) {
		message("part of data/ cannot be read: there may be more segments");
		err = AS_ERR_IO;
	}
	repository_close(repo);
	return message_status(err);
}
