/* tests/fuzz/ram_io.h - a struct io over a small tree of files in memory: as the system would do
 * it, only faster. Safe in several threads. */
#ifndef ATTICSCOPE_TESTS_RAM_IO_H
#define ATTICSCOPE_TESTS_RAM_IO_H

#include "engine/base/io.h"

#define RAM_NODES 1024u		/* files and folders, the root included */
#define RAM_NAMES 2048u		/* names given in all; one that is removed is not given again */
#define RAM_PATH 512u

struct ram;

/* An empty root folder, for good: a target makes one and clears it each time. Every absolute path
 * names the root. */
struct ram *ram_new(void);

/* Forget all that is in it. No descriptor may be open. */
void ram_clear(struct ram *ram);

/* The io that shows @ram, and lives as long. */
const struct io *ram_io(struct ram *ram);

/* Put a file there, or a folder (@bytes is NULL), with the folders above it. False, and nothing
 * made but perhaps some of those, where the path is no sound one ("a//b", "..", a file above) or
 * taken, or there is no room. */
bool ram_put(struct ram *ram, const char *path, const uint8_t *bytes, size_t len);

/* How many calls have changed anything. */
uint64_t ram_changes(const struct ram *ram);

/* How many descriptors are open. */
unsigned ram_open_count(const struct ram *ram);

/* A text of all paths with sizes and checksums, in a fixed order; the caller frees it. */
char *ram_listing(const struct ram *ram);

#endif
