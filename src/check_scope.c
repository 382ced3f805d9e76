#include "build-config.h"

#include "src/check_scope.h"

#include "src/message.h"

#include "engine/cache/cache.h"
#include "engine/cache/records.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY (24 * 60 * 60)

/* Refuse options that do not go together. */
static bool check_options(const struct request *request)
{
	const struct options *options = &request->options;
	const bool is_part = options->has_segments || options->shards > 0;
	const bool is_incremental = options->incremental || options->has_older_than ||
				    options->max_duration > 0;
	const char *wrong = NULL;
	if (options->merge && (is_part || is_incremental))
		wrong = "--merge reads what is missing; no other option for a part goes with it";
	else if (options->merge && request->arg_count < 2)
		wrong = "--merge needs the reports of the parts after the repository";
	else if (!options->merge && request->arg_count > 1)
		wrong = "reports can only be given with --merge";
	else if (options->has_segments && options->shards > 0)
		wrong = "--segments and --shard are two ways to name a part; use one";
	if (wrong)
		message("check: %s", wrong);
	return !wrong;
}

/* Read the reports of parts into scope->known. Returns an exit status. */
static int read_reports(const struct request *request, const struct repo *repo,
			struct check_scope *scope)
{
	if (!repo->config.has_id) {
		message("%s: it has no id, so no report can be matched with it", repo->path);
		return EXIT_FAILED;
	}
	for (int i = 1; i < request->arg_count; i++) {
		json_error_t error;
		json_t *report = json_load_file(request->args[i], 0, &error);
		const char *wrong = error.text;
		if (report)
			wrong = records_from_json(report, repo->config.id, &scope->known);
		json_decref(report);
		if (wrong) {
			message("%s: %s", request->args[i], wrong);
			return EXIT_FAILED;
		}
	}
	verify_records_sort(&scope->known);
	scope->verify.known = &scope->known;
	scope->verify.not_before = INT64_MIN;
	return EXIT_DONE;
}

int check_scope_begin(const struct request *request, const struct repo *repo,
		      struct check_scope *scope)
{
	const struct options *options = &request->options;
	char why[512];
	*scope = (struct check_scope){ .is_part = options->has_segments || options->shards > 0 };
	if (!check_options(request))
		return EXIT_USAGE;
	scope->verify.has_range = options->has_segments;
	scope->verify.first = options->first;
	scope->verify.last = options->last;
	scope->verify.shard = options->shard;
	scope->verify.shards = options->shards;
	scope->verify.seconds = options->max_duration;
	if (scope->is_part)
		scope->verify.keep = &scope->kept;
	if (options->merge)
		return read_reports(request, repo, scope);
	if (!options->incremental && !options->has_older_than && options->max_duration == 0)
		return EXIT_DONE;
	scope->has_cache = true;
	if (!cache_load(repo, &scope->known, why, sizeof(why)))
		message("the results of earlier checks cannot be used: %s", why);
	scope->verify.known = &scope->known;
	scope->verify.keep = &scope->kept;
	scope->verify.not_before = INT64_MIN;
	if (options->has_older_than)
		scope->verify.not_before = (int64_t)time(NULL) - (int64_t)options->older_than * DAY;
	else if (options->max_duration > 0)
		scope->verify.not_before = INT64_MAX;	/* read again as much as the time allows */
	return EXIT_DONE;
}

void check_scope_end(struct check_scope *scope, const struct repo *repo, bool is_cut_short)
{
	char why[512];
	if (is_cut_short)
		verify_records_merge(&scope->kept, &scope->known);
	verify_records_sort(&scope->kept);
	if (scope->has_cache && repo->config.has_id &&
	    !cache_save(repo, &scope->kept, why, sizeof(why)))
		message("the results were not saved for the next check: %s", why);
	verify_records_free(&scope->known);
	verify_records_free(&scope->kept);
}
