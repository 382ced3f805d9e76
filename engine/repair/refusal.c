#include "build-config.h"

#include "repair/undo_internal.h"

#include "check/obstacle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool plan_refuse(struct plan *plan, const char *format, ...)
{
	const bool is_first = !plan->is_refused;
	va_list args;
	va_start(args, format);
	if (is_first)
		vsnprintf(plan->refusal, sizeof(plan->refusal), format, args);
	va_end(args);
	if (is_first && plan->dialect)
		dialect_reword(plan->dialect, plan->refusal, sizeof(plan->refusal));
	plan->is_refused = true;
	return is_first;
}

/* Behind the refusal that was just given: @option lets the plan through. */
static void offer(struct plan *plan, enum plan_override override, const char *option)
{
	plan->override = override;
	plan->reason_len = strlen(plan->refusal);
	snprintf(plan->refusal + plan->reason_len, sizeof(plan->refusal) - plan->reason_len, "%s",
		 option);
}

bool plan_wants(const struct findings *findings, enum repair repair)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].repair == repair &&
		    findings->rows[i].severity > SEVERITY_INFO)
			return true;
	return false;
}

void plan_check_findings(struct plan *plan, const struct verify *first, bool is_clean)
{
	const struct findings *findings = &first->findings;
	const struct obstacle_ground ground = { .findings = findings, .clean = is_clean };
	const struct obstacle *obstacle = obstacle_refusing(&ground, plan->action);
	plan->hardware_doubt = findings->total[PROBLEM_RANGE_UNREADABLE] > 0 ||
			       findings->total[PROBLEM_UNSTABLE_READ] > 0;
	if (obstacle) {
		plan_refuse(plan, "%s", obstacle->refusal);
		snprintf(plan->not_planned, sizeof(plan->not_planned), "%s",
			 obstacle->not_planned ? obstacle->not_planned : "");
	}
	if (plan->action == REPAIR_RECOVER && plan_wants(findings, REPAIR_SALVAGE))
		plan_refuse(plan, "the log itself is damaged: salvage it");
	if (plan->action == REPAIR_RECOVER && first->returned > 0)
		plan_refuse(plan, "segments that came back would bring deleted objects back: "
			    "salvage or compact moves them aside");
}

void plan_check_dropped(struct plan *plan)
{
	const bool is_one = plan->dropped_count == 1;
	if (plan->dropped_count == 0 || plan->options.drop_readable)
		return;
	if (plan_refuse(plan, "%zu object%s that can be read now would be gone: salvage keeps %s",
			plan->dropped_count, is_one ? "" : "s", is_one ? "it" : "them"))
		offer(plan, OVERRIDE_DROP_READABLE, is_one
		      ? "; --drop-readable gives it up" : "; --drop-readable gives them up");
}

const char *plan_without_undo(const struct plan *plan)
{
	return plan->work->can_do_without_undo && !plan->options.no_undo
		? "; without the way back (--no-undo) it can be done: what is not committed is "
		  "then deleted for good" : "";
}

static void refuse_undo(struct plan *plan, const char *why)
{
	if (plan_refuse(plan, "%s", why) && *plan_without_undo(plan))
		offer(plan, OVERRIDE_NO_UNDO, plan_without_undo(plan));
}

/* Compare the space that is needed with what is free. */
static void check_space(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const uint64_t files = plan->bytes_needed;
	char why[96];
	/* The undo folder, its manifest, and text for people. */
	if (!plan->options.no_undo)
		plan->bytes_needed += 8 * PLAN_BLOCK + 2 * plan->file_count * 80;
	if (io_free_space(work->repo->io, work->repo->fd, &plan->bytes_free) != AS_OK) {
		plan->bytes_free = UINT64_MAX;
		return;
	}
	/* Without an undo folder a rollback makes room before it writes. */
	uint64_t room = plan->bytes_free;
	for (size_t i = 0; i < work->repo->listing.count; i++)
		room += work->goes[i] ? work->verify->facts[i].size : 0;
	work->can_do_without_undo = plan->action == REPAIR_ROLLBACK && files <= room;
	if (plan->bytes_needed <= plan->bytes_free ||
	    (plan->options.no_undo && work->can_do_without_undo))
		return;
	snprintf(why, sizeof(why), "%" PRIu64 " bytes are needed, %" PRIu64 " are free",
		 plan->bytes_needed, plan->bytes_free);
	refuse_undo(plan, why);
}

enum as_err plan_check_surroundings(struct plan *plan, struct as_error *error)
{
	const struct repo *repo = plan->work->repo;
	char why[UNDO_OBSTACLE_SIZE];
	struct stat st;
	check_space(plan);
	/* What root makes must be the owner's, who could not read it otherwise. */
	if (geteuid() == 0 && repo->io->fstat(repo->io, repo->fd, &st) == 0) {
		plan->has_other_owner = st.st_uid != 0;
		plan->owner = (uint32_t)st.st_uid;
	}
	if (plan->options.no_undo)
		return AS_OK;
	const enum as_err err = undo_find_obstacle(repo->io, repo->fd, why);
	if (err != AS_OK)
		return repair_fail(repo, err, error);
	if (why[0] != '\0')
		refuse_undo(plan, why);
	return AS_OK;
}

void plan_name_guesses(struct plan *plan)
{
	const struct config *config = &plan->work->repo->config;
	const bool per_dir = config->has_segments_per_dir &&
			     !plan->work->repo->mend.per_dir_is_wrong;
	const bool size = config->has_max_segment_size;
	if (!plan->work->writes_commit || (per_dir && size))
		return;
	snprintf(plan->not_planned, sizeof(plan->not_planned),
		 "The config does not say %s%s%s: %s of the new segments cannot be planned, and "
		 "what is listed of them is a guess.", per_dir ? "" : "segments_per_dir",
		 per_dir || size ? "" : " and ", size ? "" : "max_segment_size",
		 size ? "the folders" : per_dir ? "number and size" : "number, size and folders");
}
