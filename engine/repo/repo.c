#include "build-config.h"

#include "repo/repo.h"

#include "base/owner.h"
#include "base/path.h"
#include "format/names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct locked_repo {
	struct repo repo;	/* first: repo_lock finds the rest behind it */
	struct lock *lock;
};

/* ---- what lies in the repository folder itself ---- */

/* What lies in the repository folder, but for the lock: see struct repo_stamp. */
struct entry_sum {
	const struct repo *repo;
	uint64_t sum;
};

static uint64_t mix(uint64_t hash, uint64_t number)
{
	return (hash ^ number) * UINT64_C(0x100000001b3);	/* FNV-1a */
}

static enum as_err add_entry(void *context, const char *name, enum io_kind kind)
{
	struct entry_sum *entries = context;
	const struct repo *repo = entries->repo;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct stat st;
	if (strncmp(name, "lock.", strlen("lock.")) == 0)
		return AS_OK;
	for (const char *at = name; *at; at++)
		hash = mix(hash, (unsigned char)*at);
	/* What is in folders that matter is compared by itself. */
	if (kind != IO_KIND_FOLDER &&
	    repo->io->fstatat(repo->io, repo->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		hash = mix(hash, (uint64_t)st.st_ino);
		hash = mix(hash, (uint64_t)st.st_size);
		hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
		hash = mix(hash, (uint64_t)st.st_mtim.tv_nsec);
	}
	entries->sum += hash;	/* in any order */
	return AS_OK;
}

/* The newest index.N, hints.N or integrity.N, and that there are older ones. */
struct newest {
	bool found, has_older;
	uint32_t number, second;	/* the newest, and the newest but one */
	bool has_folder;		/* a folder has such a name: it is neither */
	uint32_t folder;		/* the highest number of one */
};

struct repo_files {
	struct repo *repo;
	struct entry_sum entries;
	struct newest newest[NAME_INTEGRITY + 1];	/* by enum name_kind */
};

static enum as_err add_number(struct repo *repo, struct newest *newest, enum name_kind kind,
			      uint32_t number)
{
	static const struct { const char *name; enum problem problem; } kinds[] = {
		[NAME_INDEX] = { "index", PROBLEM_INDEX_OLD },
		[NAME_HINTS] = { "hints", PROBLEM_HINTS_OLD },
		[NAME_INTEGRITY] = { "integrity", PROBLEM_INTEGRITY_OLD },
	};
	if (!newest->found) {
		newest->found = true;
		newest->number = number;
		return AS_OK;
	}
	uint32_t older = number;
	if (number > newest->number) {
		older = newest->number;
		newest->number = number;
	}
	if (!newest->has_older || older > newest->second)
		newest->second = older;
	newest->has_older = true;
	return findings_note(&repo->findings, kinds[kind].problem, FINDING_NOWHERE,
			     FINDING_NOWHERE, "%s.%" PRIu32, kinds[kind].name, older);
}

static bool is_own_file(const struct dialect *dialect, const char *name)
{
	static const char *const expected[] = { "README", CONFIG_NAME, "data", "undo" };
	const char *const *own = dialect->own_files;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (strcmp(name, expected[i]) == 0)
			return true;
	while (own && *own && strcmp(name, *own) != 0)
		own++;
	return own && *own;
}

static enum as_err add_name(void *context, const char *name, enum io_kind kind)
{
	struct repo_files *files = context;
	struct repo *repo = files->repo;
	struct findings *findings = &repo->findings;
	struct name parsed;
	const bool has_form = name_parse(name, &parsed);
	const bool is_witness = has_form && (parsed.kind != NAME_INTEGRITY ||
					     repo->dialect->has_integrity);
	const bool has_number = has_form && parsed.is_canonical && parsed.rest[0] == '\0';
	const bool is_writing = is_witness && strcmp(parsed.rest, ".tmp") == 0;
	add_entry(&files->entries, name, kind);
	/* Attic and every repair fail on a folder in the place of an index, of hints, or of what is
	 * written before one is renamed. */
	if (kind == IO_KIND_FOLDER && (is_writing || strcmp(name, "index.tmp") == 0 ||
				       (is_witness && parsed.rest[0] == '\0'))) {
		const enum as_err err = findings_note(findings, PROBLEM_NOT_A_FILE,
						      FINDING_NOWHERE, FINDING_NOWHERE,
						      "%s is a folder", name);
		if (err != AS_OK)
			return err;
	}
	if (has_number && is_witness) {
		struct newest *newest = &files->newest[parsed.kind];
		const uint32_t number = (uint32_t)parsed.number;
		if (kind != IO_KIND_FOLDER)
			return add_number(repo, newest, parsed.kind, number);
		if (!newest->has_folder || number > newest->folder)
			newest->folder = number;
		newest->has_folder = true;
		return AS_OK;
	}
	if (has_number)
		files->newest[NAME_INTEGRITY].found = true;
	if (is_own_file(repo->dialect, name))
		return AS_OK;
	/* Attic asks for 'index\.\d+' at the beginning of the name, and takes int(name[6:]): what
	 * goes on with a digit is an index to it. */
	const bool is_index = has_form && parsed.kind == NAME_INDEX &&
			      (parsed.rest[0] == '\0' || !repo->dialect->index_names_are_exact);
	return findings_note(findings, is_index ? PROBLEM_INDEX_NAME : PROBLEM_STRAY_FILE,
			     FINDING_NOWHERE, FINDING_NOWHERE, "%s", name);
}

static enum as_err read_names(struct repo *repo, struct as_error *error)
{
	struct repo_files files = { .repo = repo, .entries = { .repo = repo } };
	const struct newest *index = &files.newest[NAME_INDEX], *hints = &files.newest[NAME_HINTS];
	const enum as_err err = io_list(repo->io, repo->fd, add_name, &files);
	if (err != AS_OK) {
		as_fail(error, err, errno, "%s: cannot list the folder", repo->path);
		return owner_explain(repo->io, repo->fd, ".", as_code_of_errno(errno), error);
	}
	repo->has_index = index->found;
	repo->index_is_folder = !index->found && index->has_folder;
	repo->index_transaction = repo->index_is_folder ? index->folder : index->number;
	repo->has_older_index = index->has_older;
	repo->older_index = index->second;
	repo->has_hints = hints->found;
	repo->hints_is_folder = !hints->found && hints->has_folder;
	repo->hints_transaction = repo->hints_is_folder ? hints->folder : hints->number;
	repo->has_older_hints = hints->has_older;
	repo->older_hints = hints->second;
	repo->has_integrity = files.newest[NAME_INTEGRITY].found;
	repo->integrity.transaction = files.newest[NAME_INTEGRITY].number;
	repo->stamp.entries = files.entries.sum;
	return AS_OK;
}

/* ---- the log's end ---- */

/* Walk down from the newest segment to the first complete one. */
static enum as_err find_transaction(struct repo *repo)
{
	char path[LISTING_PATH_MAX];
	repo->tail = repo->listing.count;
	while (repo->tail > 0) {
		bool complete;
		const size_t i = repo->tail - 1;
		listing_path(&repo->listing, i, path);
		const enum as_err err = segment_is_complete(repo->io, repo->fd, path, &complete);
		if (err == AS_ERR_MEMORY)
			return err;
		if (err != AS_OK && !repo->end_is_unknown) {
			repo->end_is_unknown = true;
			repo->end_failure = err == AS_ERR_IO ? as_code_of_errno(errno) : err;
		}
		if (err == AS_OK && complete) {
			repo->has_transaction = true;
			repo->transaction = repo->listing.segments[i].number;
			break;
		}
		repo->tail = i;
	}
	return AS_OK;
}

static bool is_in_tail(const struct repo *repo, uint32_t number)
{
	const size_t i = listing_find(&repo->listing, number);
	return i != LISTING_NONE && i >= repo->tail;
}

/* Is @number that of a lone COMMIT behind the tail, whose file is gone? */
static bool is_lost_commit(const struct repo *repo, uint32_t number)
{
	const size_t count = repo->listing.count;
	return repo->dialect->has_lone_commits && repo->tail < count &&
	       number == (uint64_t)repo->listing.segments[count - 1].number + 1;
}

bool repo_log_end(const struct repo *repo, uint32_t *end)
{
	const struct listing *listing = &repo->listing;
	bool has_end = repo->has_transaction;
	*end = repo->transaction;
	const struct { bool is_there; uint32_t transaction; } witnesses[] = {
		{ repo->has_index, repo->index_transaction },
		{ repo->has_older_index, repo->older_index },
		{ repo->has_hints, repo->hints_transaction },
		{ repo->has_older_hints, repo->older_hints },
		{ repo->has_integrity, repo->integrity.transaction },
	};
	for (size_t i = 0; i < ARRAY_SIZE(witnesses); i++)
		if (witnesses[i].is_there &&
		    (is_in_tail(repo, witnesses[i].transaction) ||
		     is_lost_commit(repo, witnesses[i].transaction)) &&
		    (!has_end || witnesses[i].transaction > *end)) {
			has_end = true;
			*end = witnesses[i].transaction;
		}
	/* Hints of a transaction beyond the last segment that count objects in the tail: the
	 * tail was committed, and segments behind it are missing. */
	if (!repo->hints.usable || repo->tail == listing->count ||
	    repo->hints.transaction <= listing->segments[listing->count - 1].number ||
	    (has_end && is_lost_commit(repo, *end)))
		return has_end;
	for (size_t i = repo->tail; i < listing->count; i++) {
		if (!hints_find(&repo->hints, listing->segments[i].number))
			continue;
		*end = listing->segments[listing->count - 1].number;
		return true;
	}
	return has_end;
}

bool repo_index_fits(const struct repo *repo)
{
	uint32_t end;
	return repo->index.fd >= 0 && repo_log_end(repo, &end) && end == repo->index_transaction;
}

bool repo_is_committed(const struct repo *repo, uint32_t number)
{
	uint32_t end;
	return repo_log_end(repo, &end) && number <= end;
}

/* ---- checking what was found at opening ---- */

/* Index or hints, and what can be wrong with their number. */
struct witness {
	const char *name;
	enum problem missing, stale, too_new;
};

/* Compare the number of the newest file of a kind, if there is one, with the log's end. */
static enum as_err check_number(struct repo *repo, const struct witness *witness, bool is_there,
				uint32_t number)
{
	uint32_t end;
	const bool has_end = repo_log_end(repo, &end);
	/* Where nothing was ever committed there need be none. */
	if (is_there ? has_end && number == end : !has_end)
		return AS_OK;
	if (!is_there)
		return findings_note(&repo->findings, witness->missing, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s.%" PRIu32, witness->name, end);
	if (!has_end)
		return findings_note(&repo->findings, witness->too_new, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s.%" PRIu32
				     ", the log holds no transaction", witness->name, number);
	return findings_note(&repo->findings, number < end ? witness->stale : witness->too_new,
			     FINDING_NOWHERE, FINDING_NOWHERE, "%s.%" PRIu32
			     ", the log ends with transaction %" PRIu32, witness->name, number,
			     end);
}

/* Where there is no file, a folder of the log's own transaction cannot be read; any other is just
 * in the way. */
static bool is_in_its_place(const struct repo *repo, uint32_t folder)
{
	uint32_t end;
	return repo_log_end(repo, &end) && end == folder;
}

static enum as_err read_index(struct repo *repo)
{
	static const struct witness witness = {
		"index", PROBLEM_INDEX_MISSING, PROBLEM_INDEX_STALE, PROBLEM_INDEX_TOO_NEW,
	};
	enum as_err err = AS_OK;
	if (repo->index_is_folder)
		repo->has_index = is_in_its_place(repo, repo->index_transaction);
	if (repo->has_index)
		err = index_open(repo->io, repo->fd, repo->dialect, repo->index_transaction,
				 &repo->index, &repo->findings);
	if (err == AS_ERR_MEMORY)
		return err;
	return check_number(repo, &witness, repo->has_index, repo->index_transaction);
}

static enum as_err read_hints(struct repo *repo)
{
	static const struct witness witness = {
		"hints", PROBLEM_HINTS_MISSING, PROBLEM_HINTS_STALE, PROBLEM_HINTS_TOO_NEW,
	};
	enum as_err err = AS_OK;
	if (repo->hints_is_folder)
		repo->has_hints = is_in_its_place(repo, repo->hints_transaction);
	/* Where hints do not say their version, what only a later writer leaves does. */
	if (!repo->has_integrity && !repo->config.has_quota)
		repo->dialect = dialect_of_hints(repo->dialect, 1);
	if (repo->has_hints)
		err = hints_read(repo->io, repo->fd, repo->dialect, repo->hints_transaction,
				 &repo->hints, &repo->findings);
	if (err != AS_OK)
		return err;
	repo->dialect = dialect_of_hints(repo->dialect, repo->hints.version);
	return check_number(repo, &witness, repo->has_hints, repo->hints_transaction);
}

/* Hints of the log's own transaction that count objects in segments which are not there: one was
 * removed, or the hints are of another repository. Verifying finds out which. */
static enum as_err check_hints_segments(struct repo *repo)
{
	const struct hints *hints = &repo->hints;
	uint32_t end;
	if (!hints->usable || listing_is_partial(&repo->findings) || repo->listing.count == 0 ||
	    !repo_log_end(repo, &end) || hints->transaction != end)
		return AS_OK;
	for (size_t i = 0; i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		if (row->live <= 0 || listing_find(&repo->listing, row->segment) != LISTING_NONE ||
		    listing_has_other(&repo->findings, row->segment))
			continue;
		const enum as_err err =
			findings_note(&repo->findings, PROBLEM_SEGMENT_MISSING, row->segment,
				      FINDING_NOWHERE, "the hints count %" PRId64 " object%s in it",
				      row->live, row->live == 1 ? "" : "s");
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

/* Say what the names alone show of the tail. Verify reads it, and says it better. */
static enum as_err check_tail(struct repo *repo)
{
	uint32_t end;
	const size_t count = repo->listing.count;
	if (repo->tail == count)
		return AS_OK;
	/* The newest segment that can be read is not the newest: what is committed is unknown. */
	if (repo->end_is_unknown) {
		char path[LISTING_PATH_MAX];
		struct finding finding = finding_of(PROBLEM_SEGMENT_UNREADABLE);
		finding.segment = repo->listing.segments[count - 1].number;
		finding.cause = cause_of(repo->end_failure);
		snprintf(finding.detail, sizeof(finding.detail),
			 "whether it ends in a COMMIT is not known");
		listing_path(&repo->listing, count - 1, path);
		if (finding.cause == CAUSE_DENIED)
			owner_append(repo->io, repo->fd, path, finding.detail,
				     sizeof(finding.detail));
		return findings_add(&repo->findings, &finding);
	}
	const bool has_end = repo_log_end(repo, &end);
	enum as_err err = AS_OK;
	if (has_end && (is_in_tail(repo, end) || is_lost_commit(repo, end)))
		err = findings_note(&repo->findings, PROBLEM_TAIL_WAS_COMMITTED, end,
				    FINDING_NOWHERE, "index or hints bear the number %" PRIu32,
				    end);
	if (err == AS_OK && !repo->has_transaction)
		err = findings_note(&repo->findings, PROBLEM_NO_COMMIT, FINDING_NOWHERE,
				    FINDING_NOWHERE, "%zu segment%s", count, count == 1 ? "" : "s");
	const size_t above =
		has_end && end < UINT32_MAX ? listing_from(&repo->listing, end + 1) : count;
	if (err != AS_OK || above == count)
		return err;
	return findings_note(&repo->findings, PROBLEM_TAIL_UNCOMMITTED,
			     repo->listing.segments[above].number, FINDING_NOWHERE,
			     "%zu segment%s above transaction %" PRIu32, count - above,
			     count - above == 1 ? "" : "s", end);
}

/* Add a finding where another process writes while this one reads without a lock. One that began
 * after the first look may be half way through; one that has ended left other times and sizes than
 * those of the stamp. */
static enum as_err check_writer(struct repo *repo)
{
	struct lock_holder holder;
	if (!lock_find_writer(repo_lock(repo), &holder))
		return AS_OK;
	if (!holder.known)
		return findings_note(&repo->findings, PROBLEM_WRITER, FINDING_NOWHERE,
				     FINDING_NOWHERE, "perhaps on another machine");
	return findings_note(&repo->findings, PROBLEM_WRITER, FINDING_NOWHERE, FINDING_NOWHERE,
			     "process %ld, %s", (long)holder.pid, holder.program);
}

/* Add a finding about the lock of others, also where it keeps nobody away. */
static enum as_err check_lock(struct repo *repo)
{
	struct findings *findings = &repo->findings;
	struct finding finding;
	struct lock_seen seen;
	char who[LOCK_HOLDER_TEXT];
	if (repo->dialect->lock_kind == LOCK_KIND_FILE)
		return check_writer(repo);
	const enum as_err err = lock_see(repo_lock(repo), &seen);
	if (err != AS_OK)
		return err;
	lock_holder_text(&seen.holder, who);
	switch (seen.standing) {
	case STANDING_HELD:
		if (!seen.holder.exclusive)
			return AS_OK;
		return findings_note(findings, PROBLEM_WRITER, FINDING_NOWHERE, FINDING_NOWHERE,
				     "%s", who);
	case STANDING_UNKNOWN:
		return findings_note(findings, PROBLEM_LOCK_UNKNOWN, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s lock of %s",
				     seen.holder.exclusive ? "the exclusive" : "a shared", who);
	case STANDING_DAMAGED:
		finding = finding_of(PROBLEM_LOCK_DAMAGED);
		finding.cause = seen.is_denied ? CAUSE_DENIED : CAUSE_UNKNOWN;
		snprintf(finding.detail, sizeof(finding.detail), "%s", seen.damage);
		return findings_add(findings, &finding);
	case STANDING_STALE:
		return findings_note(findings, PROBLEM_LOCK_STALE, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s%s%s%s%s",
				     seen.has_folder ? LOCK_FOLDER : "",
				     seen.has_folder && seen.has_roster ? ", " : "",
				     seen.has_roster ? LOCK_ROSTER : "",
				     seen.holder.known ? ": " : "", seen.holder.known ? who : "");
	case STANDING_FREE:
		break;
	}
	return AS_OK;
}

/* No segment at all, but index or hints of some: a disk that is not mounted looks like this. */
static enum as_err check_data(struct repo *repo)
{
	if (repo->listing.count > 0 || !(repo->has_index || repo->has_hints) ||
	    listing_is_partial(&repo->findings))
		return AS_OK;
	struct finding finding = finding_of(PROBLEM_DATA_MISSING);
	finding.cause = CAUSE_ABSENT;
	snprintf(finding.detail, sizeof(finding.detail),
		 "it holds no segment, but there is an index or a hints file");
	return findings_add(&repo->findings, &finding);
}

/* Committed segments whose numbers Attic cannot read. */
static enum as_err check_numbers(struct repo *repo)
{
	const size_t first =
		listing_from(&repo->listing, repo->dialect->segment_number_max + 1);
	size_t count = 0;
	for (size_t i = first; i < repo->listing.count; i++)
		count += repo_is_committed(repo, repo->listing.segments[i].number);
	if (count == 0)
		return AS_OK;
	return findings_note(&repo->findings, PROBLEM_SEGMENT_NUMBER,
			     repo->listing.segments[first].number, FINDING_NOWHERE,
			     "%zu segment%s", count, count == 1 ? "" : "s");
}

/* Segments that a compaction would make smaller. Where superseded entries wait for somebody to ask
 * for that, only those that the writer would copy then: a lone COMMIT never. */
static enum as_err check_compact(struct repo *repo)
{
	const uint32_t percent = repo->dialect->compact_percent;
	const struct hints *hints = &repo->hints;
	size_t count = percent == 0 ? hints->compact_count : 0;
	if (!hints->usable || repo->config.is_append_only)
		return AS_OK;
	for (size_t i = 0; percent > 0 && i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		const size_t position = listing_find(&repo->listing, row->segment);
		char path[LISTING_PATH_MAX];
		struct stat st;
		if (row->freeable <= SEGMENT_LONE_COMMIT || position == LISTING_NONE)
			continue;
		listing_path(&repo->listing, position, path);
		if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			count += row->freeable > st.st_size / 100 * percent;
	}
	if (count == 0)
		return AS_OK;
	return findings_note(&repo->findings, PROBLEM_COMPACT_PENDING, FINDING_NOWHERE,
			     FINDING_NOWHERE, "%zu segment%s", count, count == 1 ? "" : "s");
}

/* ---- what only one dialect has ---- */

static enum as_err note(struct repo *repo, enum problem problem, const char *detail)
{
	return findings_note(&repo->findings, problem, FINDING_NOWHERE, FINDING_NOWHERE, "%s",
			     detail);
}

/* Hints are small: their digest is compared at once. */
static enum as_err compare_hints_digest(struct repo *repo)
{
	const struct integrity_digest *digest = &repo->integrity.hints;
	char name[sizeof("hints.4294967295")];
	bool fits;
	if (!repo->hints.usable || repo->hints_transaction != repo->integrity.transaction ||
	    digest->state == DIGEST_UNKNOWN)
		return AS_OK;
	snprintf(name, sizeof(name), "hints.%" PRIu32, repo->hints_transaction);
	const enum as_err err = integrity_compare(repo->io, repo->fd, name, 0, digest, NULL, &fits);
	if (err == AS_ERR_MEMORY)
		return err;
	return err == AS_OK && !fits ? note(repo, PROBLEM_INTEGRITY_DIGEST, name) : AS_OK;
}

static enum as_err read_integrity(struct repo *repo)
{
	struct integrity *integrity = &repo->integrity;
	char name[sizeof("integrity.4294967295")];
	uint32_t end;
	const bool has_end = repo_log_end(repo, &end);
	snprintf(name, sizeof(name), "integrity.%" PRIu32, integrity->transaction);
	/* Hints of version 1 have none, and one of an older transaction says nothing. */
	if (repo->has_integrity && (!repo->dialect->has_integrity || !has_end ||
				    integrity->transaction < end)) {
		const enum as_err err = note(repo, PROBLEM_INTEGRITY_OLD, name);
		if (err != AS_OK)
			return err;
		repo->has_integrity = false;
	}
	if (!repo->dialect->has_integrity || !has_end)
		return AS_OK;
	if (!repo->has_integrity) {
		snprintf(name, sizeof(name), "integrity.%" PRIu32, end);
		return note(repo, PROBLEM_INTEGRITY_MISSING, name);
	}
	const enum as_err err =
		integrity_read(repo->io, repo->fd, integrity->transaction, integrity);
	if (err != AS_OK)
		return err;
	const bool is_unknown = integrity->state == INTEGRITY_UNKNOWN ||
				integrity->hints.state == DIGEST_UNKNOWN ||
				integrity->index.state == DIGEST_UNKNOWN;
	if (integrity->state == INTEGRITY_UNREADABLE)
		return note(repo, PROBLEM_INTEGRITY_UNREADABLE, name);
	if (integrity->state == INTEGRITY_DAMAGED)
		return note(repo, PROBLEM_INTEGRITY_FORMAT, name);
	if (is_unknown)
		return note(repo, PROBLEM_INTEGRITY_VERSION, name);
	return compare_hints_digest(repo);
}

static enum as_err check_options(struct repo *repo)
{
	uint8_t *bytes;
	size_t len, digits = 0;
	if (repo->config.is_append_only) {
		struct stat st;
		bool is_there = false;
		io_ask(repo->io, repo->fd, "transactions", &is_there, &st);
		const bool is_file = is_there && S_ISREG(st.st_mode);
		enum as_err err = note(repo, PROBLEM_APPEND_ONLY,
				       is_file ? "the file transactions lists them" : "");
		if (err == AS_OK && is_there && !is_file)
			err = note(repo, PROBLEM_NOT_A_FILE, "transactions is no regular file");
		if (err != AS_OK)
			return err;
	}
	if (!repo->dialect->has_options)
		return AS_OK;
	enum as_err err = io_read_file(repo->io, repo->fd, "nonce", 4096, &bytes, &len);
	if (err == AS_ERR_MEMORY || err == AS_ERR_DOES_NOT_EXIST)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	if (err != AS_OK)
		return note(repo, PROBLEM_NONCE, "nonce");
	/* 16 hex digits: the next number of the counter that encryption uses. */
	while (digits < len && isxdigit(bytes[digits]))
		digits++;
	free(bytes);
	return digits == 16 && len == 16 ? AS_OK : note(repo, PROBLEM_NONCE, "nonce");
}

/* ---- what repairs have left ---- */

static enum as_err check_undo_folders(struct repo *repo, const struct undo_names *names)
{
	static const enum problem problems[] = {
		[UNDO_BEGUN] = PROBLEM_REPAIR_INTERRUPTED,
		[UNDO_UNDOING] = PROBLEM_UNDO_INTERRUPTED,
		[UNDO_UNREADABLE] = PROBLEM_UNDO_UNREADABLE,
	};
	enum as_err err = AS_OK;
	bool is_overtaken = false, has_newest = false;
	for (size_t i = 0; err == AS_OK && i < names->count; i++) {
		const char *name = names->rows[i];
		char folder[UNDO_FOLDER_MAX];
		undo_folder_path(name, folder);
		enum undo_state state;
		err = undo_state_of(repo->io, repo->fd, folder, &state);
		if (err != AS_OK)
			return err;
		const char *more = is_overtaken ? "; a later repair was finished" : "";
		if (state == UNDO_UNREADABLE)
			more = ": no manifest";
		if (state != UNDO_DONE)
			err = findings_note(&repo->findings, problems[state], FINDING_NOWHERE,
					    FINDING_NOWHERE, UNDO_FOLDER "/%s%s", name, more);
		is_overtaken = is_overtaken || state == UNDO_DONE;
		if (has_newest || state == UNDO_UNREADABLE)
			continue;
		has_newest = true;
		repo->undo_state = state;
		memcpy(repo->undo_name, name, sizeof(repo->undo_name));
	}
	return err;
}

static enum as_err check_undo(struct repo *repo)
{
	struct undo_names names;
	enum as_err err = undo_names_list(repo->io, repo->fd, &names);
	const char *why = err == AS_ERR_NOT_REGULAR ? "is not a folder" : NULL;
	if (err == AS_OK) {
		err = check_undo_folders(repo, &names);
		free(names.rows);
	}
	if (err == AS_OK || err == AS_ERR_MEMORY)
		return err;
	return findings_note(&repo->findings, PROBLEM_UNDO_UNREADABLE, FINDING_NOWHERE,
			     FINDING_NOWHERE, UNDO_FOLDER ": %s", why ? why : as_err_text(err));
}

/* ---- opening and closing ---- */

static struct timespec time_of(const struct repo *repo, const char *path)
{
	struct stat st;
	if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct timespec){ 0 };
	return st.st_mtim;
}

/* The part that is taken before anything is read, so that a change during the reading is
 * noticed. */
static void stamp_names(const struct repo *repo, struct repo_stamp *stamp)
{
	*stamp = (struct repo_stamp){
		.folder = time_of(repo, "."),
		.data = time_of(repo, "data"),
		.config = time_of(repo, CONFIG_NAME),
	};
}

static void stamp_tail(const struct repo *repo, struct repo_stamp *stamp)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	if (repo->listing.count == 0)
		return;
	listing_path(&repo->listing, repo->listing.count - 1, path);
	if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		stamp->last_segment = (uint64_t)st.st_size;
	path_parent(path);
	stamp->last_folder = time_of(repo, path);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool repo_is_changed(const struct repo *repo)
{
	struct entry_sum entries = { .repo = repo };
	struct repo_stamp now;
	const struct repo_stamp *then = &repo->stamp;
	const bool has_lock_within = repo->dialect->lock_kind == LOCK_KIND_FOLDER;
	stamp_names(repo, &now);
	stamp_tail(repo, &now);
	if (has_lock_within && (io_list(repo->io, repo->fd, add_entry, &entries) != AS_OK ||
				entries.sum != then->entries))
		return true;
	return (!has_lock_within && !same_time(now.folder, then->folder)) ||
	       !same_time(now.data, then->data) ||
	       !same_time(now.config, then->config) ||
	       !same_time(now.last_folder, then->last_folder) ||
	       now.last_segment != then->last_segment;
}

static enum as_err open_folder(struct repo *repo, struct as_error *error)
{
	struct stat st;
	const enum as_err err = io_open_repository(repo->io, repo->path, &repo->fd);
	if (err == AS_ERR_NOT_REGULAR)
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s: is not a folder",
			       repo->path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return as_fail(error, err, 0, "%s: there is no such repository", repo->path);
	if (err != AS_OK) {
		as_fail(error, err, errno, "%s: cannot open", repo->path);
		return owner_explain(repo->io, AT_FDCWD, repo->path, err, error);
	}
	static const char *const signs[] = { CONFIG_NAME, "data" };
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (repo->io->fstatat(repo->io, repo->fd, signs[i], &st, AT_SYMLINK_NOFOLLOW) ==
			    0 ||
		    errno != ENOENT)
			return AS_OK;
	return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0,
		       "%s: is not a repository (neither config nor data is there)", repo->path);
}

static enum as_err find_lock(const struct repo *repo, const struct repo_options *options,
			     struct lock **lock, struct as_error *error)
{
	enum lock_use use = LOCK_TO_READ;
	if (options && options->may_write)
		use = LOCK_TO_WRITE;
	if (options && options->no_lock)
		use = LOCK_TO_LOOK;
	if (!options || !options->lock)
		return lock_open(repo->io, repo->fd, repo->path, use, lock, error);
	if (!lock_is_on(options->lock, repo->fd))
		return as_fail(error, AS_ERR_CHANGED, 0, "%s: another folder or config stands in "
			       "its place", repo->path);
	*lock = lock_hold(options->lock);
	return AS_OK;
}

/* What the folders say of segments_per_dir is believed where config says nothing, or where nearly
 * all of them contradict it. Their segments are not misplaced then: the line is wrong. */
static enum as_err choose_per_dir(struct repo *repo, struct findings *findings)
{
	struct config *config = &repo->config;
	const uint64_t misplaced = findings->total[PROBLEM_SEGMENT_MISPLACED];
	if (config->usable && misplaced == 0)
		return AS_OK;
	enum as_err err = config_mend_folders(&repo->listing, repo->dialect, &repo->mend);
	if (err != AS_OK)
		return err;
	if (!config->has_segments_per_dir)
		config->segments_per_dir = repo->mend.segments_per_dir;
	if (!config->has_segments_per_dir ||
	    !config_mend_contradicts(&repo->mend, &repo->listing, config->segments_per_dir,
				     misplaced))
		return AS_OK;
	repo->mend.per_dir_is_wrong = true;
	repo->mend.per_dir_before = config->segments_per_dir;
	config->segments_per_dir = repo->mend.segments_per_dir;
	config->usable = false;
	listing_free(&repo->listing);
	findings_free(findings);
	findings_init(findings);
	err = listing_read(repo->io, repo->fd, config->segments_per_dir, &repo->listing, findings);
	if (err != AS_OK)
		return err;
	struct finding finding = finding_of(PROBLEM_CONFIG_LIMITS);
	finding.severity = SEVERITY_ERROR;
	snprintf(finding.detail, sizeof(finding.detail), "segments_per_dir = %" PRIu32
		 ", but the folders below data fit %" PRIu32, repo->mend.per_dir_before,
		 repo->mend.segments_per_dir);
	return findings_add(findings, &finding);
}

static enum as_err read_listing(struct repo *repo)
{
	struct findings findings;
	const struct config *config = &repo->config;
	findings_init(&findings);	/* apart from the repo's, until the listing is final */
	enum as_err err = listing_read(repo->io, repo->fd, config->has_segments_per_dir
				       ? config->segments_per_dir : 0, &repo->listing, &findings);
	if (err == AS_OK)
		err = choose_per_dir(repo, &findings);
	if (err == AS_OK && !config->usable)
		config_mend_sizes(repo->io, repo->fd, &repo->listing, &repo->mend);
	if (err == AS_OK)
		err = findings_merge(&repo->findings, &findings);
	findings_free(&findings);
	return err;
}

/* Read names, config and listing as those of @dialect, and forget what was read of them before. */
static enum as_err read_as(struct repo *repo, const struct dialect *dialect,
			   struct as_error *error)
{
	findings_free(&repo->findings);
	findings_init(&repo->findings);
	listing_free(&repo->listing);
	repo->mend = (struct config_mend){ .dialect = dialect };
	repo->dialect = dialect;
	enum as_err err = read_names(repo, error);
	if (err != AS_OK)
		return err;
	err = config_read(repo->io, repo->fd, dialect, &repo->config, &repo->findings);
	if (err == AS_OK)
		err = read_listing(repo);
	repo->tail = repo->listing.count;
	if (err == AS_OK)
		return AS_OK;
	return as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
}

/* Find out which program wrote the repository. All is read as Attic's first; where that is wrong,
 * once more. */
static enum as_err read_as_written(struct repo *repo, struct as_error *error)
{
	char index[sizeof("index.4294967295")], evidence[FINDING_DETAIL_MAX];
	enum as_err err = read_as(repo, &dialect_attic, error);
	if (err != AS_OK)
		return err;
	snprintf(index, sizeof(index), "index.%" PRIu32, repo->index_transaction);
	const struct origin_signs signs =
		origin_look(repo->io, repo->fd, &repo->config, &repo->listing,
			    repo->has_index ? index : NULL, repo->has_integrity);
	const struct dialect *dialect = origin_of(&signs);
	if (dialect_is_only_read(dialect))
		lock_refuse(repo_lock(repo), dialect->refusal);
	if (dialect == repo->dialect)
		return AS_OK;
	origin_evidence(&signs, &repo->listing, evidence, sizeof(evidence));
	/* What is not read is not damaged: drop the findings so far. */
	if (!dialect->is_read) {
		repo->dialect = dialect;
		findings_free(&repo->findings);
		findings_init(&repo->findings);
		return findings_note(&repo->findings, PROBLEM_FOREIGN_FORMAT, FINDING_NOWHERE,
				     FINDING_NOWHERE, "%s; seen in %.100s", dialect->title,
				     evidence);
	}
	err = lock_choose(repo_lock(repo), repo->fd, dialect->lock_kind, error);
	if (err == AS_OK)
		err = read_as(repo, dialect, error);
	if (err == AS_OK && dialect->segment_magic_before)
		err = findings_note(&repo->findings, PROBLEM_UPGRADE_INTERRUPTED, FINDING_NOWHERE,
				    FINDING_NOWHERE, "seen in %.100s", evidence);
	return err;
}

/* The log's end, index and hints. */
static enum as_err read_rest(struct repo *repo)
{
	/* The hints come before the index: they may know that the tail was committed. */
	static enum as_err (*const steps[])(struct repo *repo) = {
		find_transaction, read_hints, read_index, read_integrity, check_hints_segments,
		check_tail, check_numbers, check_lock, check_data, check_compact, check_options,
		check_undo,
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const enum as_err err = steps[i](repo);
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

enum as_err repo_open(const char *path, const struct repo_options *options, struct repo **out,
		      struct as_error *error)
{
	struct locked_repo *locked = calloc(1, sizeof(*locked));
	enum as_err err = AS_ERR_MEMORY;
	*out = NULL;
	if (!locked)
		return as_fail(error, err, 0, "%s: out of memory", path);
	struct repo *repo = &locked->repo;
	repo->io = options && options->io ? options->io : &io_system;
	repo->fd = repo->index.fd = -1;
	findings_init(&repo->findings);
	repo->path = strdup(path);
	if (!repo->path) {
		as_fail(error, err, 0, "%s: out of memory", path);
		goto fail;
	}
	err = open_folder(repo, error);
	if (err == AS_OK)
		err = find_lock(repo, options, &locked->lock, error);
	if (err != AS_OK)
		goto fail;
	stamp_names(repo, &repo->stamp);
	err = read_as_written(repo, error);
	if (err != AS_OK)
		goto fail;
	stamp_tail(repo, &repo->stamp);
	err = repo->dialect->is_read ? read_rest(repo) : check_lock(repo);
	if (err != AS_OK) {
		as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
		goto fail;
	}
	findings_sort(&repo->findings);
	*out = repo;
	return AS_OK;
fail:
	repo_close(repo);
	return err;
}

struct lock *repo_lock(struct repo *repo)
{
	return ((struct locked_repo *)repo)->lock;
}

void repo_close(struct repo *repo)
{
	if (!repo)
		return;
	index_close(&repo->index);
	hints_free(&repo->hints);
	listing_free(&repo->listing);
	findings_free(&repo->findings);
	lock_release(repo_lock(repo));
	if (repo->fd >= 0)
		io_close(repo->io, repo->fd);
	free(repo->path);
	free(repo);
}
