#include "build-config.h"

#include "repo/view.h"

#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what lies in the repository folder itself ---- */

/* The newest index.N or hints.N, and that there are older ones. */
struct newest {
	const char *prefix;
	enum problem older;
	bool found, has_older;
	uint32_t number, second;	/* the newest, and the newest but one */
	bool has_folder;		/* a folder has such a name: it is neither */
	uint32_t folder;		/* the highest number of one */
};

struct repo_files {
	struct view *view;
	struct newest index, hints;
	bool has_integrity;	/* integrity.N, as Borg writes it */
};

/* "index.22" after "index.": canonical decimal below 2^32, nothing behind it. */
static bool parse_number(const char *text, uint32_t *number)
{
	uint64_t value = 0;
	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	return true;
}

static enum as_err take_newest(struct view *view, struct newest *newest, uint32_t number)
{
	const bool is_newer = !newest->found || number > newest->number;
	const uint32_t older = is_newer ? newest->number : number;
	const bool had_one = newest->found;
	if (is_newer)
		newest->number = number;
	newest->found = true;
	if (!had_one)
		return AS_OK;
	if (!newest->has_older || older > newest->second)
		newest->second = older;
	newest->has_older = true;
	return findings_note(&view->findings, newest->older, FINDING_NOWHERE, FINDING_NOWHERE,
			     "%s%" PRIu32, newest->prefix, older);
}

static bool is_expected(const char *name)
{
	static const char *const names[] = { "README", CONFIG_NAME, "data", "undo" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Attic's re.match('index\\.\\d+', name) and int(name[6:]): anything that goes on with a digit. */
static bool attic_takes_for_index(const char *name)
{
	return strncmp(name, "index.", 6) == 0 && name[6] >= '0' && name[6] <= '9';
}

/* A folder in the place of an index, of hints, or of what is written before one is renamed. Attic
 * and every repair fail on it. */
static bool is_folder_in_the_way(const char *name, enum io_kind kind)
{
	static const char *const prefixes[] = { "index.", "hints." };
	if (kind != IO_KIND_FOLDER)
		return false;
	if (strcmp(name, "index.tmp") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const size_t len = strlen(prefixes[i]);
		if (strncmp(name, prefixes[i], len) != 0)
			continue;
		const char *rest = name + len + strspn(name + len, "0123456789");
		return rest > name + len && (*rest == '\0' || strcmp(rest, ".tmp") == 0);
	}
	return false;
}

static enum as_err see_name(void *context, const char *name, enum io_kind kind)
{
	struct repo_files *files = context;
	struct newest *both[] = { &files->index, &files->hints };
	uint32_t number;
	if (is_folder_in_the_way(name, kind)) {
		const enum as_err err = findings_note(&files->view->findings, PROBLEM_NOT_A_FILE,
						      FINDING_NOWHERE, FINDING_NOWHERE,
						      "%s is a folder", name);
		if (err != AS_OK)
			return err;
	}
	if (strncmp(name, "integrity.", 10) == 0 && parse_number(name + 10, &number))
		files->has_integrity = true;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		const size_t len = strlen(both[i]->prefix);
		if (strncmp(name, both[i]->prefix, len) != 0 || !parse_number(name + len, &number))
			continue;
		if (kind != IO_KIND_FOLDER)
			return take_newest(files->view, both[i], number);
		if (!both[i]->has_folder || number > both[i]->folder)
			both[i]->folder = number;
		both[i]->has_folder = true;
		return AS_OK;
	}
	if (is_expected(name))
		return AS_OK;
	return findings_note(&files->view->findings,
			     attic_takes_for_index(name) ? PROBLEM_INDEX_NAME : PROBLEM_STRAY_FILE,
			     FINDING_NOWHERE, FINDING_NOWHERE, "%s", name);
}

static enum as_err read_names(struct view *view, bool *has_integrity, struct as_error *error)
{
	struct repo_files files = {
		.view = view,
		.index = { .prefix = "index.", .older = PROBLEM_INDEX_OLD },
		.hints = { .prefix = "hints.", .older = PROBLEM_HINTS_OLD },
	};
	const enum as_err err = io_list(view->io, view->fd, see_name, &files);
	if (err != AS_OK)
	{
		as_fail(error, err, errno, "%s: cannot list the folder", view->path);
		return owner_explain(view->io, view->fd, ".", as_code_of_errno(errno), error);
	}
	view->has_index = files.index.found;
	view->index_transaction = files.index.number;
	view->index_is_folder = !files.index.found && files.index.has_folder;
	if (view->index_is_folder)
		view->index_transaction = files.index.folder;
	view->has_older_index = files.index.has_older;
	view->older_index = files.index.second;
	view->has_older_hints = files.hints.has_older;
	view->older_hints = files.hints.second;
	view->has_hints = files.hints.found;
	view->hints_transaction = files.hints.number;
	view->hints_is_folder = !files.hints.found && files.hints.has_folder;
	if (view->hints_is_folder)
		view->hints_transaction = files.hints.folder;
	*has_integrity = files.has_integrity;
	return AS_OK;
}

/* ---- the log's end ---- */

/* Walk down from the newest segment to the first complete one. */
static enum as_err find_transaction(struct view *view)
{
	char path[LISTING_PATH_MAX];
	view->tail = view->listing.count;
	while (view->tail > 0) {
		bool complete;
		const size_t i = view->tail - 1;
		listing_path(&view->listing, i, path);
		const enum as_err err = segment_is_complete(view->io, view->fd, path, &complete);
		if (err == AS_ERR_MEMORY)
			return err;
		if (err != AS_OK && !view->end_is_unknown) {
			view->end_is_unknown = true;
			view->end_failure = err == AS_ERR_IO ? as_code_of_errno(errno) : err;
		}
		if (err == AS_OK && complete) {
			view->has_transaction = true;
			view->transaction = view->listing.segments[i].number;
			break;
		}
		view->tail = i;
	}
	return AS_OK;
}

static bool is_in_tail(const struct view *view, uint32_t number)
{
	const size_t i = listing_find(&view->listing, number);
	return i != LISTING_NONE && i >= view->tail;
}

/* The hints are of a transaction beyond the last segment and count objects in the tail: it was
 * committed, and what came behind it is missing. */
static bool hints_know_tail(const struct view *view)
{
	const size_t count = view->listing.count;
	if (!view->hints.usable || view->tail == count ||
	    view->hints.transaction <= view->listing.segments[count - 1].number)
		return false;
	for (size_t i = view->tail; i < count; i++)
		if (hints_find(&view->hints, view->listing.segments[i].number))
			return true;
	return false;
}

bool view_log_end(const struct view *view, uint32_t *end)
{
	bool has_end = view->has_transaction;
	*end = view->transaction;
	const struct { bool is_there; uint32_t transaction; } witnesses[] = {
		{ view->has_index, view->index_transaction },
		{ view->has_older_index, view->older_index },
		{ view->has_hints, view->hints_transaction },
		{ view->has_older_hints, view->older_hints },
	};
	for (size_t i = 0; i < ARRAY_SIZE(witnesses); i++)
		if (witnesses[i].is_there && is_in_tail(view, witnesses[i].transaction) &&
		    (!has_end || witnesses[i].transaction > *end)) {
			has_end = true;
			*end = witnesses[i].transaction;
		}
	if (hints_know_tail(view)) {
		has_end = true;
		*end = view->listing.segments[view->listing.count - 1].number;
	}
	return has_end;
}

bool view_index_fits(const struct view *view)
{
	uint32_t end;
	return view->index.fd >= 0 && view_log_end(view, &end) && end == view->index_transaction;
}

bool view_is_committed(const struct view *view, uint32_t number)
{
	uint32_t end;
	return view_log_end(view, &end) && number <= end;
}

/* ---- judging what was found at opening ---- */

/* Compare the number @number of a file with the log's end, and say which side is behind. */
static enum as_err judge_number(struct view *view, const char *name, uint32_t number,
				enum problem stale, enum problem too_new)
{
	uint32_t end;
	const bool has_end = view_log_end(view, &end);
	if (has_end && number == end)
		return AS_OK;
	if (has_end && number < end)
		return findings_note(&view->findings, stale, FINDING_NOWHERE, FINDING_NOWHERE,
				     "%s.%" PRIu32 ", the log ends with transaction %" PRIu32, name,
				     number, end);
	if (has_end)
		return findings_note(&view->findings, too_new, FINDING_NOWHERE, FINDING_NOWHERE,
				     "%s.%" PRIu32 ", the log ends with transaction %" PRIu32, name,
				     number, end);
	return findings_note(&view->findings, too_new, FINDING_NOWHERE, FINDING_NOWHERE,
			     "%s.%" PRIu32 ", the log holds no transaction", name, number);
}

static enum as_err judge_missing(struct view *view, enum problem problem, const char *name)
{
	uint32_t end;
	if (!view_log_end(view, &end))
		return AS_OK;	/* nothing was ever committed, so there need be none */
	return findings_note(&view->findings, problem, FINDING_NOWHERE, FINDING_NOWHERE,
			     "%s.%" PRIu32, name, end);
}

/* Where there is no file, a folder of the log's own transaction cannot be read; any other is just in
 * the way. */
static bool is_in_its_place(const struct view *view, uint32_t folder)
{
	uint32_t end;
	return view_log_end(view, &end) && end == folder;
}

static enum as_err read_index(struct view *view)
{
	if (view->index_is_folder)
		view->has_index = is_in_its_place(view, view->index_transaction);
	if (!view->has_index)
		return judge_missing(view, PROBLEM_INDEX_MISSING, "index");
	const enum as_err err = index_open(view->io, view->fd, view->index_transaction,
					   &view->index, &view->findings);
	if (err == AS_ERR_MEMORY)
		return err;
	return judge_number(view, "index", view->index_transaction, PROBLEM_INDEX_STALE,
			    PROBLEM_INDEX_TOO_NEW);
}

static enum as_err read_hints(struct view *view)
{
	if (view->hints_is_folder)
		view->has_hints = is_in_its_place(view, view->hints_transaction);
	if (!view->has_hints)
		return judge_missing(view, PROBLEM_HINTS_MISSING, "hints");
	const enum as_err err = hints_read(view->io, view->fd, view->hints_transaction,
					   &view->hints, &view->findings);
	if (err != AS_OK)
		return err;
	return judge_number(view, "hints", view->hints_transaction, PROBLEM_HINTS_STALE,
			    PROBLEM_HINTS_TOO_NEW);
}

/* The newest segment that can be looked into is not the newest: nothing can be said of what is
 * committed. */
static enum as_err note_unknown_end(struct view *view)
{
	char path[LISTING_PATH_MAX];
	const size_t last = view->listing.count - 1;
	struct finding finding = finding_of(PROBLEM_SEGMENT_UNREADABLE);
	finding.segment = view->listing.segments[last].number;
	finding.cause = cause_of(view->end_failure);
	snprintf(finding.detail, sizeof(finding.detail),
		 "whether it ends in a COMMIT is not known");
	listing_path(&view->listing, last, path);
	if (finding.cause == CAUSE_DENIED)
		owner_append(view->io, view->fd, path, finding.detail, sizeof(finding.detail));
	return findings_add(&view->findings, &finding);
}

/* Hints of the log's own transaction that count objects in segments which are not there: one was
 * removed, or the hints are of another repository. Verifying finds out which. */
static enum as_err judge_hints_segments(struct view *view)
{
	const struct hints *hints = &view->hints;
	uint32_t end;
	enum as_err err = AS_OK;
	if (!hints->usable || listing_is_partial(&view->findings) || view->listing.count == 0 ||
	    !view_log_end(view, &end) || hints->transaction != end)
		return AS_OK;
	for (size_t i = 0; err == AS_OK && i < hints->segment_count; i++) {
		const struct hints_segment *row = &hints->segments[i];
		if (row->live <= 0 || listing_find(&view->listing, row->segment) != LISTING_NONE ||
		    listing_has_other(&view->findings, row->segment))
			continue;
		err = findings_note(&view->findings, PROBLEM_SEGMENT_MISSING, row->segment,
				    FINDING_NOWHERE, "the hints count %" PRId64 " object%s in it",
				    row->live, row->live == 1 ? "" : "s");
	}
	return err;
}

/* What the names alone say of the tail; verify looks into it and says it better. */
static enum as_err judge_tail(struct view *view)
{
	uint32_t end;
	const size_t count = view->listing.count;
	if (view->tail == count)
		return AS_OK;
	if (view->end_is_unknown)
		return note_unknown_end(view);
	const bool has_end = view_log_end(view, &end);
	enum as_err err = AS_OK;
	if (has_end && is_in_tail(view, end))
		err = findings_note(&view->findings, PROBLEM_TAIL_WAS_COMMITTED, end,
				    FINDING_NOWHERE, "index or hints bear the number %" PRIu32,
				    end);
	if (err == AS_OK && !view->has_transaction)
		err = findings_note(&view->findings, PROBLEM_NO_COMMIT, FINDING_NOWHERE,
				    FINDING_NOWHERE, "%zu segment%s", count, count == 1 ? "" : "s");
	const size_t above =
		has_end && end < UINT32_MAX ? listing_from(&view->listing, end + 1) : count;
	if (err != AS_OK || above == count)
		return err;
	return findings_note(&view->findings, PROBLEM_TAIL_UNCOMMITTED,
			     view->listing.segments[above].number, FINDING_NOWHERE,
			     "%zu segment%s above transaction %" PRIu32, count - above,
			     count - above == 1 ? "" : "s", end);
}

/* Looking on without a lock while somebody writes. Who began after the first look may have been met
 * half way; who has ended by now left other times and sizes than those of the stamp. */
static enum as_err judge_writer(struct view *view)
{
	lock_look_again(&view->lock);
	const struct lock_holder *holder = &view->lock.holder;
	if (!holder->exclusive)
		return AS_OK;
	if (!holder->known)
		return findings_note(&view->findings, PROBLEM_WRITER, FINDING_NOWHERE,
				     FINDING_NOWHERE, "perhaps on another machine");
	return findings_note(&view->findings, PROBLEM_WRITER, FINDING_NOWHERE, FINDING_NOWHERE,
			     "process %ld, %s", (long)holder->pid, holder->program);
}

/* No segment at all, but index or hints of some: a disk that is not mounted looks like this. */
static enum as_err judge_data(struct view *view)
{
	if (view->listing.count > 0 || !(view->has_index || view->has_hints) ||
	    listing_is_partial(&view->findings))
		return AS_OK;
	struct finding finding = finding_of(PROBLEM_DATA_MISSING);
	finding.cause = CAUSE_ABSENT;
	snprintf(finding.detail, sizeof(finding.detail),
		 "it holds no segment, but there is an index or hints of some");
	return findings_add(&view->findings, &finding);
}

/* Committed segments whose numbers Attic cannot read. */
static enum as_err judge_numbers(struct view *view)
{
	size_t count = 0, first = listing_from(&view->listing, SEGMENT_NUMBER_MAX + 1);
	for (size_t i = first; i < view->listing.count; i++)
		count += view_is_committed(view, view->listing.segments[i].number);
	if (count == 0)
		return AS_OK;
	return findings_note(&view->findings, PROBLEM_SEGMENT_NUMBER,
			     view->listing.segments[first].number, FINDING_NOWHERE,
			     "%zu segment%s", count, count == 1 ? "" : "s");
}

static enum as_err judge_compact(struct view *view)
{
	if (!view->hints.usable || view->hints.compact_count == 0)
		return AS_OK;
	return findings_note(&view->findings, PROBLEM_COMPACT_PENDING, FINDING_NOWHERE,
			     FINDING_NOWHERE, "%zu segment%s", view->hints.compact_count,
			     view->hints.compact_count == 1 ? "" : "s");
}

/* ---- what repairs have left ---- */

/* An undo folder of which anything is to be told. All above it are newer. */
static enum as_err note_undo(struct view *view, const char *name, enum undo_state state,
			     bool is_overtaken)
{
	static const enum problem problems[] = {
		[UNDO_BEGUN] = PROBLEM_REPAIR_INTERRUPTED,
		[UNDO_UNDOING] = PROBLEM_UNDO_INTERRUPTED,
		[UNDO_UNREADABLE] = PROBLEM_UNDO_UNREADABLE,
	};
	const char *more = state == UNDO_UNREADABLE ? ": no manifest"
			   : is_overtaken ? "; a later repair came to its end" : "";
	return findings_note(&view->findings, problems[state], FINDING_NOWHERE, FINDING_NOWHERE,
			     UNDO_FOLDER "/%s%s", name, more);
}

static enum as_err judge_undo_folders(struct view *view, const struct undo_names *names)
{
	enum as_err err = AS_OK;
	bool is_overtaken = false, has_newest = false;
	for (size_t i = 0; err == AS_OK && i < names->count; i++) {
		char folder[UNDO_FOLDER_MAX];
		undo_folder_path(names->rows[i], folder);
		enum undo_state state;
		err = undo_state_of(view->io, view->fd, folder, &state);
		if (err != AS_OK)
			return err;
		if (state != UNDO_DONE)
			err = note_undo(view, names->rows[i], state, is_overtaken);
		is_overtaken = is_overtaken || state == UNDO_DONE;
		if (has_newest || state == UNDO_UNREADABLE)
			continue;
		has_newest = true;
		view->undo_state = state;
		memcpy(view->undo_name, names->rows[i], sizeof(view->undo_name));
	}
	return err;
}

static enum as_err judge_undo(struct view *view)
{
	struct undo_names names;
	enum as_err err = undo_names_list(view->io, view->fd, &names);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK)
		return findings_note(&view->findings, PROBLEM_UNDO_UNREADABLE, FINDING_NOWHERE,
				     FINDING_NOWHERE, UNDO_FOLDER ": %s",
				     err == AS_ERR_NOT_REGULAR ? "is no folder" : as_err_text(err));
	err = judge_undo_folders(view, &names);
	free(names.rows);
	if (err == AS_OK || err == AS_ERR_MEMORY)
		return err;
	return findings_note(&view->findings, PROBLEM_UNDO_UNREADABLE, FINDING_NOWHERE,
			     FINDING_NOWHERE, UNDO_FOLDER ": %s", as_err_text(err));
}

/* ---- opening and closing ---- */

static struct timespec time_of(const struct view *view, const char *path)
{
	struct stat st;
	if (view->io->fstatat(view->io, view->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct timespec){ 0 };
	return st.st_mtim;
}

/* The part that can be taken before anything was read: a change during the reading is then seen. */
static void stamp_names(const struct view *view, struct view_stamp *stamp)
{
	*stamp = (struct view_stamp){
		.repo = time_of(view, "."),
		.data = time_of(view, "data"),
		.config = time_of(view, CONFIG_NAME),
	};
}

static void stamp_tail(const struct view *view, struct view_stamp *stamp)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	if (view->listing.count == 0)
		return;
	listing_path(&view->listing, view->listing.count - 1, path);
	if (view->io->fstatat(view->io, view->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		stamp->last_segment = (uint64_t)st.st_size;
	*strrchr(path, '/') = '\0';
	stamp->last_folder = time_of(view, path);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool view_is_changed(const struct view *view)
{
	struct view_stamp now;
	const struct view_stamp *then = &view->stamp;
	stamp_names(view, &now);
	stamp_tail(view, &now);
	return !same_time(now.repo, then->repo) || !same_time(now.data, then->data) ||
	       !same_time(now.config, then->config) ||
	       !same_time(now.last_folder, then->last_folder) ||
	       now.last_segment != then->last_segment;
}

static enum as_err open_folder(struct view *view, struct as_error *error)
{
	struct stat st;
	const enum as_err err = io_open_repository(view->io, view->path, &view->fd);
	if (err == AS_ERR_NOT_REGULAR)
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s: is no folder", view->path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return as_fail(error, err, 0, "%s: there is no such repository", view->path);
	if (err != AS_OK) {
		as_fail(error, err, errno, "%s: cannot open", view->path);
		return owner_explain(view->io, AT_FDCWD, view->path, err, error);
	}
	static const char *const signs[] = { CONFIG_NAME, "data" };
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (view->io->fstatat(view->io, view->fd, signs[i], &st, AT_SYMLINK_NOFOLLOW) ==
			    0 ||
		    errno != ENOENT)
			return AS_OK;
	return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0,
		       "%s: is not a repository (neither config nor data is there)", view->path);
}

static enum as_err take_lock(struct view *view, bool may_write, struct as_error *error)
{
	lock_take_shared(view->io, view->fd, may_write, &view->lock);
	if (view->lock.state != LOCK_REFUSED)
		return AS_OK;
	const struct lock_holder *holder = &view->lock.holder;
	if (!holder->known || holder->pid <= 0)
		return as_fail(
			error, AS_ERR_LOCK_FAILED, 0,
			"%s: another process, perhaps on another machine, holds the exclusive lock",
			view->path);
	return as_fail(error, AS_ERR_LOCK_FAILED, 0,
		       "%s: process %ld (%s) holds the exclusive lock", view->path,
		       (long)holder->pid, holder->program[0] ? holder->program : "name unknown");
}

/* List the segments, with @segments_per_dir (0: not known) and findings apart from the view's. */
static enum as_err list_segments(struct view *view, uint32_t segments_per_dir,
				 struct findings *findings)
{
	findings_init(findings);
	return listing_read(view->io, view->fd, segments_per_dir, &view->listing, findings);
}

/* What the folders say of segments_per_dir is believed where config says nothing, or where nearly
 * all of them contradict it. Their segments are not misplaced then: the line is wrong. */
static enum as_err weigh_folders(struct view *view, struct findings *findings)
{
	struct config *config = &view->config;
	const uint64_t misplaced = findings->total[PROBLEM_SEGMENT_MISPLACED];
	if (config->usable && misplaced == 0)
		return AS_OK;
	enum as_err err = config_mend_folders(&view->listing, &view->mend);
	if (err != AS_OK)
		return err;
	if (!config->has_segments_per_dir)
		config->segments_per_dir = view->mend.segments_per_dir;
	if (!config->has_segments_per_dir ||
	    !config_mend_contradicts(&view->mend, &view->listing, config->segments_per_dir,
				     misplaced))
		return AS_OK;
	view->mend.per_dir_is_wrong = true;
	view->mend.per_dir_before = config->segments_per_dir;
	config->segments_per_dir = view->mend.segments_per_dir;
	config->usable = false;
	listing_free(&view->listing);
	findings_free(findings);
	err = list_segments(view, config->segments_per_dir, findings);
	if (err != AS_OK)
		return err;
	struct finding finding = finding_of(PROBLEM_CONFIG_LIMITS);
	finding.severity = SEVERITY_ERROR;
	snprintf(finding.detail, sizeof(finding.detail), "segments_per_dir = %" PRIu32
		 ", but the folders below data fit %" PRIu32, view->mend.per_dir_before,
		 view->mend.segments_per_dir);
	return findings_add(findings, &finding);
}

static enum as_err read_listing(struct view *view)
{
	struct findings findings;
	const struct config *config = &view->config;
	enum as_err err = list_segments(view, config->has_segments_per_dir
						      ? config->segments_per_dir : 0, &findings);
	if (err == AS_OK)
		err = weigh_folders(view, &findings);
	if (err == AS_OK && !config->usable)
		config_mend_sizes(view->io, view->fd, &view->listing, &view->mend);
	if (err == AS_OK)
		err = findings_merge(&view->findings, &findings);
	findings_free(&findings);
	return err;
}

/* Find out who wrote the repository. What is not Attic's is not damaged: whatever was found until
 * now is forgotten. */
static enum as_err find_dialect(struct view *view, bool has_integrity)
{
	char index[sizeof("index.4294967295")], evidence[FINDING_DETAIL_MAX];
	snprintf(index, sizeof(index), "index.%" PRIu32, view->index_transaction);
	const struct dialect_signs signs =
		dialect_look(view->io, view->fd, &view->config, &view->listing,
			     view->has_index ? index : NULL, has_integrity);
	view->dialect = dialect_of(&signs);
	view->tail = view->listing.count;
	if (view->dialect == DIALECT_ATTIC)
		return AS_OK;
	view->lock.refusal = dialect_refusal(view->dialect);
	findings_free(&view->findings);
	findings_init(&view->findings);
	dialect_evidence(&signs, &view->listing, evidence, sizeof(evidence));
	return findings_note(&view->findings, PROBLEM_FOREIGN_FORMAT, FINDING_NOWHERE,
			     FINDING_NOWHERE, "%s; seen in %.100s",
			     dialect_title(view->dialect), evidence);
}

static enum as_err read_all(struct view *view, bool has_integrity)
{
	enum as_err err = config_read(view->io, view->fd, &view->config, &view->findings);
	if (err == AS_OK)
		err = read_listing(view);
	if (err == AS_OK)
		err = find_dialect(view, has_integrity);
	if (err == AS_OK)
		stamp_tail(view, &view->stamp);
	if (err != AS_OK || view->dialect != DIALECT_ATTIC)
		return err;
	err = find_transaction(view);
	/* The hints first: they may know that the tail was committed. */
	if (err == AS_OK)
		err = read_hints(view);
	if (err == AS_OK)
		err = read_index(view);
	if (err == AS_OK)
		err = judge_hints_segments(view);
	if (err == AS_OK)
		err = judge_tail(view);
	if (err == AS_OK)
		err = judge_numbers(view);
	if (err == AS_OK)
		err = judge_writer(view);
	if (err == AS_OK)
		err = judge_data(view);
	if (err == AS_OK)
		err = judge_compact(view);
	if (err == AS_OK)
		err = judge_undo(view);
	return err;
}

enum as_err view_open(const char *path, const struct view_options *options, struct view **out,
		      struct as_error *error)
{
	struct view *view = calloc(1, sizeof(*view));
	bool has_integrity = false;
	*out = NULL;
	if (!view)
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", path);
	view->io = options && options->io ? options->io : &io_system;
	view->fd = view->index.fd = view->lock.fd = -1;
	findings_init(&view->findings);
	enum as_err err = AS_ERR_MEMORY;
	view->path = strdup(path);
	if (view->path)
		err = open_folder(view, error);
	if (err == AS_OK && options && options->no_lock)
		lock_look_on(view->io, view->fd, &view->lock);
	else if (err == AS_OK)
		err = take_lock(view, options && options->may_write, error);
	if (err == AS_OK) {
		stamp_names(view, &view->stamp);
		err = read_names(view, &has_integrity, error);
	}
	if (err == AS_OK) {
		err = read_all(view, has_integrity);
		if (err != AS_OK)
			as_fail(error, err, 0, "%s: %s", path, as_err_text(err));
	}
	if (err != AS_OK) {
		if (!view->path)
			as_fail(error, err, 0, "%s: out of memory", path);
		view_close(view);
		return err;
	}
	findings_sort(&view->findings);
	*out = view;
	return AS_OK;
}

void view_close(struct view *view)
{
	if (!view)
		return;
	index_close(&view->index);
	hints_free(&view->hints);
	listing_free(&view->listing);
	findings_free(&view->findings);
	if (view->lock.fd >= 0)
		lock_release(view->io, &view->lock);
	if (view->fd >= 0)
		io_close(view->io, view->fd);
	free(view->path);
	free(view);
}
