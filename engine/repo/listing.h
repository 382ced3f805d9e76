/* engine/repo/listing.h - which segments there are, and where their files lie.
 *
 * Source: attic/repository.py, LoggedIO._segment_names and segment_filename: segment N lies in
 * data/<N / segments_per_dir>/<N>, N decimal without leading zeros. Listing reads folders only:
 * no file is opened, and fstatat is called only where the listing does not give a file's kind.
 */
#ifndef ATTICSCOPE_LISTING_H
#define ATTICSCOPE_LISTING_H

#include "base/io.h"
#include "base/problem.h"

#define LISTING_PATH_MAX 280	/* "data/" + 255 digits + "/" + 10 digits + NUL, rounded up */
#define LISTING_NONE SIZE_MAX

struct listing_segment {
	uint32_t number;
	uint32_t folder;	/* index into listing.folders */
};

/* A folder below data/. Attic reads every folder whose name is all digits, "007" as well. */
struct listing_folder {
	uint64_t number;	/* UINT64_MAX stands for all numbers that are too large */
	char *name;		/* where it is not simply the number in decimal, else NULL */
};

struct listing {
	struct listing_segment *segments; /* ascending by number, each number once */
	size_t count;
	struct listing_folder *folders;	/* ascending by number, "7" before "007" */
	size_t folder_count;
};

/* List the segments below the open repository folder @repo_fd. Where two files have one number,
 * the file in the folder where it belongs is chosen, else the one in the lowest folder; but a
 * longer one in which every entry is whole is chosen before it. Such files are read for this, as
 * long as that is quick. What is out of order (misplaced, duplicate, badly named, not a regular
 * file, stray) goes to @findings. @segments_per_dir 0: not known, any folder will do.
 * AS_ERR_MEMORY; a data/ that is missing or unreadable is a finding and gives no segments. */
enum as_err listing_read(const struct io *io, int repo_fd, uint32_t segments_per_dir,
			 struct listing *listing, struct findings *findings);

/* Do @findings say that data/ or a folder below it could not be listed? Segments that are not in
 * the listing may then still exist. A folder or link in the place of one segment
 * (PROBLEM_NOT_A_FILE) concerns that segment alone, and does not count. */
bool listing_is_partial(const struct findings *findings);

/* Do @findings say that something that is no file, such as a link, is in the place of segment
 * @number? */
bool listing_has_other(const struct findings *findings, uint32_t number);

void listing_free(struct listing *listing);

/* Position of segment @number in @listing, or LISTING_NONE. */
size_t listing_find(const struct listing *listing, uint32_t number);

/* Position of the first segment with a number of at least @number (listing->count where none). */
size_t listing_from(const struct listing *listing, uint32_t number);

/* The path of the segment at @position relative to the repository: "data/0/17". */
void listing_path(const struct listing *listing, size_t position, char out[LISTING_PATH_MAX]);

/* A walk that gets the states of many segments, one after the other. The folder of the last one
 * stays open, so that the next one in it takes one short call. For one thread. */
struct listing_walk {
	const struct listing *listing;
	const struct io *io;
	int repo_fd;
	int fd;			/* of the folder, or negative */
	uint32_t folder;	/* its index, where fd is not negative */
};

/* Begin a walk; listing_walk_end ends it. */
struct listing_walk listing_walk_begin(const struct listing *listing, const struct io *io,
				       int repo_fd);
void listing_walk_end(struct listing_walk *walk);

/* Get the state of the segment at @position. Links are not followed. False: fstatat failed. */
bool listing_walk_stat(struct listing_walk *walk, size_t position, struct stat *st);

#endif
