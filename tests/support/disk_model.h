/* tests/support/disk_model.h - power loss: a struct io that records every change, and the disks
 * that a journalling file system may leave when power is lost between two of them.
 *
 * The model promises what POSIX promises and nothing else. fsync of a file makes its bytes and its
 * length durable, not its name. fsync of a folder makes the names in it durable, not the files
 * behind them. Everything else is pending, and each pending change has its own fate:
 *
 *   a write      kept; dropped; dropped with the file as long as if it were there (zeros); torn
 *                at any multiple of 512 bytes in the file: a beginning of it, or any of its sectors
 *   a truncation kept or lost
 *   a name       made, removed, linked or renamed: kept or lost. A rename is one change: both
 *                names are lost together or not at all; between two folders it may leave both
 *
 * Changes that depend on a lost one are lost too: a name in a folder that is not there, the removal
 * of a folder that is not empty. A file whose old name a sync has removed is lost if the path to
 * its new name is not durable: POSIX does not promise to keep it. No name ever leads to a file that
 * was not made, and no byte comes from nowhere.
 *
 * Changes are numbered from 0. Point n is the moment after n of them; at the last point, their
 * number, all have returned. Any failure ends the program with a message. */
#ifndef ATTICSCOPE_TESTS_DISK_MODEL_H
#define ATTICSCOPE_TESTS_DISK_MODEL_H

#include "engine/base/io.h"

#define DISK_SECTOR 512u	/* bytes that are written as a whole or not at all */
#define DISK_TEXT 2048u

struct disk_model;

/* Record all changes below the folder @disk from now on. What is there now is durable. */
struct disk_model *disk_model_new(const char *disk);
void disk_model_free(struct disk_model *model);

/* The io that records: paths must be relative to an open folder of the disk, or begin with @disk as
 * it was given. Syncs are recorded but not done. */
const struct io *disk_model_io(struct disk_model *model);

/* Changes recorded so far. Syncs count. */
size_t disk_model_changes(const struct disk_model *model);

/* Fail every change from number @change on, as if the process had died there. SIZE_MAX: none fails;
 * the next process may continue like this. */
void disk_model_stop_at(struct disk_model *model, size_t change);

/* Write to @out what change number @change was. */
void disk_model_describe(const struct disk_model *model, size_t change, char out[DISK_TEXT]);

/* ---- states ---- */

struct disk_crash;

/* Lose power at @point. The record must not grow while this lives. */
struct disk_crash *disk_crash_new(const struct disk_model *model, size_t point);
void disk_crash_free(struct disk_crash *crash);

/* The number of pending changes, and of all combinations of their fates (UINT64_MAX: too many to
 * count). Different combinations may give the same state. */
size_t disk_crash_pending(const struct disk_crash *crash);
uint64_t disk_crash_combinations(const struct disk_crash *crash);

/* Choose combination @number of all. */
void disk_crash_choose(struct disk_crash *crash, uint64_t number);

/* Choose a sample. 0 keeps all, 1 loses all; then each change in turn is the only one lost, then
 * the only one kept; then the fates are random. The same number gives the same state. */
void disk_crash_sample(struct disk_crash *crash, uint64_t number);

/* A digest of what disk_crash_write would write: equal for equal states. */
uint64_t disk_crash_digest(const struct disk_crash *crash);

/* Write the chosen state below @folder, which is made. */
void disk_crash_write(const struct disk_crash *crash, const char *folder);

/* Write to @out what became of each pending change. */
void disk_crash_describe(const struct disk_crash *crash, char out[DISK_TEXT]);

#endif
