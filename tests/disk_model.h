/* tests/disk_model.h - power loss: a struct io that records every change, and the disks that a
 * journalling file system may leave when the power goes between two of them.
 *
 * What is promised is what POSIX promises, and no more. fsync of a file makes its bytes and its
 * length durable, not its name; fsync of a folder makes the names in it durable, not what they
 * stand for. Everything else is pending, and each pending change meets its fate on its own:
 *
 *   a write      kept; dropped; dropped with the file as long as if it were there (zeros); torn,
 *                at any multiple of 512 bytes in the file: a beginning of it, or any of its sectors
 *   a truncation kept or lost
 *   a name       made, removed, linked or renamed: kept or lost. A rename is one change, and both
 *                names are gone together or not at all; between two folders it may leave both names
 *
 * What follows from a change that was lost is lost too: a name in a folder that is not there, the
 * removal of a folder that is not empty. But a file whose old name a sync has taken away is lost
 * when the way to its new one is not durable: no promise of POSIX keeps it. No name ever stands for
 * a file that was not made, and no byte comes from nowhere.
 *
 * The changes are numbered from 0. Point n is the moment after n of them; at the last point, their
 * number, all of them have returned. What cannot be done ends the program with a message. */
#ifndef ATTICSCOPE_TESTS_DISK_MODEL_H
#define ATTICSCOPE_TESTS_DISK_MODEL_H

#include "engine/base/io.h"

#define DISK_SECTOR 512u	/* bytes that are written as a whole or not at all */
#define DISK_TEXT 2048u

struct disk_model;

/* Record what is changed below the folder @disk from now on. All that is there now is durable. */
struct disk_model *disk_model_new(const char *disk);
void disk_model_free(struct disk_model *model);

/* The io to do it through: paths must be relative to an open folder of the disk, or begin with
 * @disk as it was given. Syncs are recorded, and not done. */
const struct io *disk_model_io(struct disk_model *model);

/* Changes recorded so far. Syncs count. */
size_t disk_model_changes(const struct disk_model *model);

/* From change number @change on every change fails, as if the process had died there. SIZE_MAX:
 * none does; this may follow, as the next process. */
void disk_model_stop_at(struct disk_model *model, size_t change);

/* Say in @out what change number @change was. */
void disk_model_describe(const struct disk_model *model, size_t change, char out[DISK_TEXT]);

/* ---- states ---- */

struct disk_crash;

/* The power goes at @point. The record must not grow while this lives. */
struct disk_crash *disk_crash_new(const struct disk_model *model, size_t point);
void disk_crash_free(struct disk_crash *crash);

/* Changes that are pending, and the number of all combinations of their fates (UINT64_MAX: too
 * many to count). Combinations may come to the same state. */
size_t disk_crash_pending(const struct disk_crash *crash);
uint64_t disk_crash_combinations(const struct disk_crash *crash);

/* Choose the combination @number of all of them. */
void disk_crash_choose(struct disk_crash *crash, uint64_t number);

/* Choose a sample: @number 0 keeps all, 1 loses all, then each change in turn is the only one lost,
 * then the only one kept, then chance decides. The same numbers give the same state. */
void disk_crash_sample(struct disk_crash *crash, uint64_t number);

/* A digest of what disk_crash_write would write: the same for the same state. */
uint64_t disk_crash_digest(const struct disk_crash *crash);

/* Write the chosen state below @folder, which is made. */
void disk_crash_write(const struct disk_crash *crash, const char *folder);

/* Say in @out what became of each pending change. */
void disk_crash_describe(const struct disk_crash *crash, char out[DISK_TEXT]);

#endif
