#include "build-config.h"

#include "src/entry_rows.h"
#include "src/key_matches.h"
#include "src/message.h"
#include "src/out_table.h"
#include "src/progress.h"
#include "src/repository.h"

#include "engine/check/history.h"

#include <inttypes.h>

static enum as_err read_history(const struct request *request, const struct repo *repo,
				const struct key_prefix *prefix, struct history **history)
{
	struct verify_progress figures = { .cancel = false };
	struct as_error error = { .code = AS_OK };
	struct progress *bar = progress_begin("reading", repo, &figures);
	const enum as_err err =
		history_run(repo, prefix, request->options.threads, &figures, history, &error);
	progress_end(bar);
	if (err == AS_OK)
		return AS_OK;
	struct key_matches matches = { .count = 0 };
	if (err == AS_ERR_AMBIGUOUS)
		key_matches_in_index(repo, prefix, &matches);
	if (matches.count > 1)
		key_matches_report(&matches, request->args[1]);
	else
		message_failure(err, &error);
	return err;
}

static void write_history(struct out *out, const struct history *history)
{
	bool goes_on = true, index_is_met = !history->has_index_place;
	out_titles(out, entry_columns, ENTRY_COLUMNS);
	for (size_t i = 0; i < history->count; i++) {
		struct entry_row row;
		const struct history_row *from = &history->rows[i];
		entry_row_fill(&row, from->segment, &from->entry, from->status);
		row.cells[ENTRY_INDEX] = cell_flag(from->index_points_here);
		index_is_met = index_is_met || from->index_points_here;
		goes_on = goes_on && out_row(out, entry_columns, row.cells, ENTRY_COLUMNS);
	}
	if (!index_is_met)
		message("the index maps this key to segment %" PRIu32 ", offset %" PRIu32
			", where no entry of this key begins",
			history->index_place.segment, history->index_place.offset);
	if (history->truncated)
		message("only the first %u entries are shown", HISTORY_MAX);
}

/* Where the key's own entries do not decide, weigh all the evidence, as check does. */
static enum as_err weigh_dispute(const struct request *request, const struct repo *repo,
				 struct history *history, char doubt[HISTORY_DOUBT_SIZE])
{
	struct verify *verify;
	if (!history_is_disputed(history))
		return AS_OK;
	const enum as_err err = repository_verify(request, repo, NULL, &verify);
	if (err != AS_OK)
		return err;
	history_update(history, verify);
	history_doubt(verify, history->key, doubt);
	verify_free(verify);
	if (history->count > 0 || doubt[0])
		return AS_OK;
	message("%s: %s", repo->path, as_err_text(AS_ERR_OBJECT_NOT_FOUND));
	return AS_ERR_OBJECT_NOT_FOUND;
}

int cmd_history(struct request *request)
{
	struct key_prefix prefix;
	char doubt[HISTORY_DOUBT_SIZE] = "";
	struct history *history = NULL;
	struct repo *repo;
	if (!key_prefix_parse(request->args[1], &prefix)) {
		message("'%s' is not a key: give 1 to 64 hex digits", request->args[1]);
		return EXIT_USAGE;
	}
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	err = read_history(request, repo, &prefix, &history);
	if (err == AS_OK)
		err = weigh_dispute(request, repo, history, doubt);
	if (err == AS_OK) {
		write_history(&request->out, history);
		if (doubt[0])
			message("%s", doubt);
	}
	history_free(history);
	repository_close(repo);
	return message_status(err);
}
