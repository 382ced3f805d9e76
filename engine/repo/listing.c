#include "build-config.h"

#include "repo/listing.h"

#include "base/array.h"
#include "base/owner.h"
#include "base/text.h"
#include "format/names.h"
#include "format/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_NAME "data"
#define FOLDER_NAME_MAX 256
/* Bytes that are read to choose between files of one number: of one file, and of all. */
#define CHOICE_MAX (64u << 20)
#define CHOICES_MAX (256u << 20)

struct lister {
	const struct io *io;
	struct listing *listing;
	struct findings *findings;
	size_t segment_room, folder_room;	/* rows allocated */
	uint32_t segments_per_dir;
	int repo_fd;
	int fd;					/* of the folder being listed */
	uint64_t choices_left;			/* bytes */
	uint32_t folder;			/* its position, while below data/ */
	char prefix[sizeof(DATA_NAME) + FOLDER_NAME_MAX]; /* its path */
};

/* Value of @name where it is nothing but digits. */
static bool read_digits(const char *name, uint64_t *value)
{
	return *name && !*name_read_number(name, value);
}

/* Is @name, known to be all digits, the one way in which its @value is written? */
static bool is_canonical(const char *name, uint64_t value)
{
	return (name[0] != '0' || !name[1]) && value != UINT64_MAX;
}

static const char *folder_name(const struct listing_folder *folder, char buffer[FOLDER_NAME_MAX])
{
	if (folder->name)
		return folder->name;
	snprintf(buffer, FOLDER_NAME_MAX, "%" PRIu64, folder->number);
	return buffer;
}

/* What @name is, for a person. Asked of the system only once something is wrong with it. */
static const char *what_is(const struct lister *lister, const char *name)
{
	struct stat st;

	if (lister->io->fstatat(lister->io, lister->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return "something that cannot be looked at";
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return "a file";
	case S_IFDIR: return "a folder";
	case S_IFLNK: return "a symbolic link";
	case S_IFIFO: return "a FIFO";
	case S_IFSOCK: return "a socket";
	case S_IFCHR:
	case S_IFBLK: return "a device";
	default: return "of an unknown kind";
	}
}

/* @name is no number. Attic passes over files of such a name, but not over folders. */
static enum as_err add_stray(struct lister *lister, const char *name, enum io_kind kind)
{
	const enum problem problem =
		kind == IO_KIND_FOLDER ? PROBLEM_FOLDER_NAME : PROBLEM_STRAY_FILE;

	return findings_note(lister->findings, problem, FINDING_NOWHERE, FINDING_NOWHERE,
			     "%s/%s", lister->prefix, name);
}

static enum as_err read_segment_name(void *context, const char *name, enum io_kind kind)
{
	struct lister *lister = context;
	struct listing *listing = lister->listing;
	uint64_t value;

	if (!read_digits(name, &value))
		return add_stray(lister, name, kind);
	if (value > UINT32_MAX)
		return findings_note(lister->findings, PROBLEM_SEGMENT_NAME, FINDING_NOWHERE,
				     FINDING_NOWHERE,
				     "%s/%s: above the highest segment number, 4294967295",
				     lister->prefix, name);
	if (!is_canonical(name, value))
		return findings_note(lister->findings, PROBLEM_SEGMENT_NAME, FINDING_NOWHERE,
				     FINDING_NOWHERE,
				     "%s/%s: left out here, but Attic would take it for segment %"
				     PRIu64, lister->prefix, name, value);
	/* What could not be looked at is kept: opening it will show what it is. */
	if (kind != IO_KIND_FILE && kind != IO_KIND_UNKNOWN)
		return findings_note(lister->findings, PROBLEM_NOT_A_FILE, (int64_t)value,
				     FINDING_NOWHERE, "%s/%s is %s", lister->prefix, name,
				     what_is(lister, name));
	if (!ARRAY_RESERVE(listing->segments, listing->count, lister->segment_room))
		return AS_ERR_MEMORY;
	listing->segments[listing->count++] = (struct listing_segment){
		(uint32_t)value, lister->folder,
	};
	return AS_OK;
}

static enum as_err read_folder_name(void *context, const char *name, enum io_kind kind)
{
	struct lister *lister = context;
	struct listing *listing = lister->listing;
	struct listing_folder folder = { .name = NULL };

	if (!read_digits(name, &folder.number))
		return add_stray(lister, name, kind);
	if (kind != IO_KIND_FOLDER && kind != IO_KIND_UNKNOWN) {
		/* More than a stray file: it may have been a segment, and a link may lead to
		 * some. */
		struct finding finding = finding_of(PROBLEM_FOLDER_UNREADABLE);

		finding.cause = CAUSE_KIND;
		if (kind == IO_KIND_FILE)
			buffer_append(finding.detail, sizeof(finding.detail), "%s/%s is a file, "
				      "not a folder: Attic takes it for a segment and may delete "
				      "it, Borg up to 1.2.4 fails on it; move it out of data",
				      lister->prefix, name);
		else
			buffer_append(finding.detail, sizeof(finding.detail),
				      "%s/%s is %s, not a folder", lister->prefix, name,
				      what_is(lister, name));
		return findings_add(lister->findings, &finding);
	}
	if (listing->folder_count == UINT32_MAX ||
	    !ARRAY_RESERVE(listing->folders, listing->folder_count, lister->folder_room))
		return AS_ERR_MEMORY;
	if (!is_canonical(name, folder.number)) {
		folder.name = strdup(name);
		if (!folder.name)
			return AS_ERR_MEMORY;
	}
	listing->folders[listing->folder_count++] = folder;
	return AS_OK;
}

/* Note that the folder being listed cannot be opened or read, for the reason in @err and errno. */
static enum as_err add_unreadable(struct lister *lister, enum problem problem, enum as_err err)
{
	struct as_error error;
	const enum as_err code = err == AS_ERR_IO ? as_code_of_errno(errno) : err;

	if (err == AS_ERR_NOT_REGULAR)
		as_fail(&error, err, 0, "%s is not a folder; links are not followed",
			lister->prefix);
	else
		as_fail(&error, err, errno, "%s", lister->prefix);
	owner_explain(lister->io, lister->repo_fd, lister->prefix, code, &error);
	error.code = code;
	return findings_note_unread(lister->findings, problem, &error);
}

typedef enum as_err name_fn(void *context, const char *name, enum io_kind kind);

/* Hand every name in the open folder lister->fd, whose path is lister->prefix, to @read. */
static enum as_err list_names(struct lister *lister, enum problem problem, name_fn *read)
{
	const enum as_err err = io_list(lister->io, lister->fd, read, lister);

	return err == AS_ERR_IO ? add_unreadable(lister, problem, err) : err;
}

static int compare_folders(const void *left, const void *right)
{
	const struct listing_folder *a = left;
	const struct listing_folder *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (!a->name || !b->name)
		return (a->name != NULL) - (b->name != NULL);
	return strcmp(a->name, b->name);
}

/* Does the segment lie where Attic would look for it? */
static bool is_at_home(const struct lister *lister, const struct listing_segment *segment)
{
	const struct listing_folder *folder = &lister->listing->folders[segment->folder];

	if (!lister->segments_per_dir)
		return true;
	return !folder->name && folder->number == segment->number / lister->segments_per_dir;
}

static void path_of(const struct listing *listing, const struct listing_segment *segment,
		    char out[LISTING_PATH_MAX])
{
	char name[FOLDER_NAME_MAX];

	snprintf(out, LISTING_PATH_MAX, DATA_NAME "/%s/%" PRIu32,
		 folder_name(&listing->folders[segment->folder], name), segment->number);
}

/* Bytes of the file of @segment where every entry of it is whole; 0 where one is not, or where it
 * would take too long to know. */
static enum as_err whole_length(struct lister *lister, struct segment_reader *reader,
				const struct listing_segment *segment, uint64_t *length)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	enum as_err err;

	*length = 0;
	path_of(lister->listing, segment, path);
	err = segment_open(reader, lister->repo_fd, path, segment->number, NULL, NULL);
	if (err)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	const uint64_t all = segment_length(reader);
	if (all > CHOICE_MAX || all > lister->choices_left)
		return AS_OK;
	lister->choices_left -= all;
	while (!(err = segment_next(reader, &entry)) && entry.tag != SEGMENT_DAMAGED)
		;
	if (err == AS_END)
		*length = all;
	return err == AS_END ? AS_OK : err;
}

/* Where the file in its place is damaged, or cut off, a whole one that is longer is better:
 * segments never change once they are written. */
static enum as_err choose_whole(struct lister *lister, const struct listing_segment *first,
				size_t count, const struct listing_segment **chosen)
{
	struct segment_reader *reader = segment_reader_new(lister->io, NULL);
	enum as_err err = AS_ERR_MEMORY;
	uint64_t best, length;

	if (reader)
		err = whole_length(lister, reader, *chosen, &best);
	for (size_t i = 0; i < count && !err; i++) {
		err = whole_length(lister, reader, &first[i], &length);
		if (err || length <= best)
			continue;
		best = length;
		*chosen = &first[i];
	}
	segment_reader_free(reader);
	return err;
}

/* Choose the file to read of the @count files of one number, from @first on, and add a finding for
 * each of the others. */
static enum as_err choose_file(struct lister *lister, const struct listing_segment *first,
			       size_t count, const struct listing_segment **chosen)
{
	char path[LISTING_PATH_MAX], other[LISTING_PATH_MAX];
	size_t at_home = 0;

	while (at_home < count && !is_at_home(lister, &first[at_home]))
		at_home++;
	*chosen = &first[at_home < count ? at_home : 0];
	if (count == 1 && at_home == 0)
		return AS_OK;
	enum as_err err = count > 1 ? choose_whole(lister, first, count, chosen) : AS_OK;
	if (err)
		return err;
	path_of(lister->listing, *chosen, path);
	if (!is_at_home(lister, *chosen))
		err = findings_note(lister->findings, PROBLEM_SEGMENT_MISPLACED, (*chosen)->number,
				    FINDING_NOWHERE, "%s belongs in " DATA_NAME "/%" PRIu32, path,
				    (*chosen)->number / lister->segments_per_dir);
	for (size_t i = 0; i < count && !err; i++) {
		if (&first[i] == *chosen)
			continue;
		path_of(lister->listing, &first[i], other);
		err = findings_note(lister->findings, PROBLEM_SEGMENT_DUPLICATE, first[i].number,
				    FINDING_NOWHERE, "%s: left out beside %s", other, path);
	}
	return err;
}

/* Sort by number, in time linear in their count: there may be millions, and a person waits. Those
 * of one number stay in the order of their folders, which were listed in theirs. */
static enum as_err sort_segments(struct listing *listing)
{
	struct listing_segment *rows = listing->segments;
	uint32_t largest = 0;

	for (size_t i = 0; i < listing->count; i++)
		if (rows[i].number > largest)
			largest = rows[i].number;
	struct listing_segment *other = reallocarray(NULL, listing->count + 1, sizeof(*other));
	if (!other)
		return AS_ERR_MEMORY;
	/* By eight bits of the numbers at a time; what is equal there keeps its order. */
	for (unsigned shift = 0; shift < 32 && largest >> shift; shift += 8) {
		struct listing_segment *unsorted = rows;
		size_t place[257] = { 0 };

		for (size_t i = 0; i < listing->count; i++)
			place[(rows[i].number >> shift & 0xff) + 1]++;
		for (size_t i = 1; i < ARRAY_SIZE(place); i++)
			place[i] += place[i - 1];
		for (size_t i = 0; i < listing->count; i++)
			other[place[rows[i].number >> shift & 0xff]++] = rows[i];
		rows = other;
		other = unsorted;
	}
	listing->segments = rows;
	free(other);
	return AS_OK;
}

/* Sort the segments and keep one of each number. */
static enum as_err choose_all(struct lister *lister)
{
	struct listing *listing = lister->listing;
	size_t kept = 0;
	size_t next;

	const enum as_err sorted = sort_segments(listing);
	if (sorted)
		return sorted;
	struct listing_segment *rows = listing->segments;
	for (size_t i = 0; i < listing->count; i = next) {
		const struct listing_segment *chosen;

		for (next = i + 1; next < listing->count; next++)
			if (rows[next].number != rows[i].number)
				break;
		const enum as_err err = choose_file(lister, &rows[i], next - i, &chosen);
		if (err)
			return err;
		rows[kept++] = *chosen;
	}
	listing->count = kept;
	return AS_OK;
}

static enum as_err list_folder(struct lister *lister, int data_fd, uint32_t folder)
{
	char buffer[FOLDER_NAME_MAX];
	const char *name = folder_name(&lister->listing->folders[folder], buffer);

	lister->folder = folder;
	snprintf(lister->prefix, sizeof(lister->prefix), DATA_NAME "/%s", name);
	enum as_err err = io_open_folder(lister->io, data_fd, name, &lister->fd);
	if (err)
		return add_unreadable(lister, PROBLEM_FOLDER_UNREADABLE, err);
	err = list_names(lister, PROBLEM_FOLDER_UNREADABLE, read_segment_name);
	io_close(lister->io, lister->fd);
	return err;
}

enum as_err listing_read(const struct io *io, int repo_fd, uint32_t segments_per_dir,
			 struct listing *listing, struct findings *findings)
{
	struct lister lister = {
		.io = io,
		.listing = listing,
		.findings = findings,
		.segments_per_dir = segments_per_dir,
		.repo_fd = repo_fd,
		.choices_left = CHOICES_MAX,
		.prefix = DATA_NAME,
	};
	int data_fd;

	memset(listing, 0, sizeof(*listing));
	enum as_err err = io_open_folder(io, repo_fd, DATA_NAME, &data_fd);
	if (err)
		return add_unreadable(&lister, PROBLEM_DATA_MISSING, err);
	lister.fd = data_fd;
	err = list_names(&lister, PROBLEM_DATA_MISSING, read_folder_name);
	array_sort(listing->folders, listing->folder_count, sizeof(*listing->folders),
		   compare_folders);
	for (uint32_t i = 0; i < listing->folder_count && !err; i++)
		err = list_folder(&lister, data_fd, i);
	io_close(io, data_fd);
	if (!err)
		err = choose_all(&lister);
	if (err)
		listing_free(listing);
	return err;
}

bool listing_is_partial(const struct findings *findings)
{
	return findings->total[PROBLEM_DATA_MISSING] > 0 ||
	       findings->total[PROBLEM_FOLDER_UNREADABLE] > 0;
}

bool listing_has_other(const struct findings *findings, uint32_t number)
{
	if (findings->total[PROBLEM_NOT_A_FILE] == 0)
		return false;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].problem == PROBLEM_NOT_A_FILE &&
		    findings->rows[i].segment == (int64_t)number)
			return true;
	return false;
}

void listing_free(struct listing *listing)
{
	for (size_t i = 0; i < listing->folder_count; i++)
		free(listing->folders[i].name);
	free(listing->folders);
	free(listing->segments);
	memset(listing, 0, sizeof(*listing));
}

size_t listing_from(const struct listing *listing, uint32_t number)
{
	return array_lower_bound(listing->segments, listing->count, sizeof(*listing->segments),
				 &number, array_compare_u32);
}

size_t listing_find(const struct listing *listing, uint32_t number)
{
	/* Where a number would be if none were missing: the right place nearly always. */
	const uint32_t first = listing->count ? listing->segments[0].number : 0;
	const size_t likely = number < first ? 0 : number - first;

	if (likely < listing->count && listing->segments[likely].number == number)
		return likely;
	const size_t position = listing_from(listing, number);
	if (position == listing->count || listing->segments[position].number != number)
		return LISTING_NONE;
	return position;
}

void listing_path(const struct listing *listing, size_t position, char out[LISTING_PATH_MAX])
{
	path_of(listing, &listing->segments[position], out);
}

struct listing_walk listing_walk_begin(const struct listing *listing, const struct io *io,
				       int repo_fd)
{
	return (struct listing_walk){
		.listing = listing, .io = io, .repo_fd = repo_fd, .fd = -1,
	};
}

void listing_walk_end(struct listing_walk *walk)
{
	if (walk->fd >= 0)
		io_close(walk->io, walk->fd);
	walk->fd = -1;
}

bool listing_walk_stat(struct listing_walk *walk, size_t position, struct stat *st)
{
	const struct listing_segment *segment = &walk->listing->segments[position];
	char path[sizeof(DATA_NAME) + FOLDER_NAME_MAX], name[FOLDER_NAME_MAX];

	if (walk->fd < 0 || walk->folder != segment->folder) {
		listing_walk_end(walk);
		snprintf(path, sizeof(path), DATA_NAME "/%s",
			 folder_name(&walk->listing->folders[segment->folder], name));
		walk->folder = segment->folder;
		if (io_open_folder(walk->io, walk->repo_fd, path, &walk->fd) != AS_OK)
			return false;
	}
	snprintf(name, sizeof(name), "%" PRIu32, segment->number);
	return walk->io->fstatat(walk->io, walk->fd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}
