/* tests/fuzz/ram_io.h - a struct io over a small tree of files in memory: as the system would do
 * it, but faster. Safe in several threads. */
#ifndef ATTICSCOPE_TESTS_RAM_IO_H
#define ATTICSCOPE_TESTS_RAM_IO_H

#include "engine/base/io.h"

#define RAM_NODES 1024u		/* files and folders, the root included */
#define RAM_NAMES 2048u		/* names that can be given; a removed one is not used again */
#define RAM_PATH 512u

struct ram;

/* An empty root folder that is never freed: a target makes one and clears it each time. Every
 * absolute path names the root. */
struct ram *ram_new(void);

/* Empty it. No descriptor may be open. */
void ram_clear(struct ram *ram);

/* The io that shows @ram, and lives as long. */
const struct io *ram_io(struct ram *ram);

/* Make a file, or a folder (@bytes is NULL), and the folders above it. False if the path is not
 * sound ("a//b", "..", a file above) or taken, or there is no room; only folders above it may then
 * be made. */
bool ram_put(struct ram *ram, const char *path, const uint8_t *bytes, size_t len);

/* The number of calls that changed something. */
uint64_t ram_changes(const struct ram *ram);

/* The number of open descriptors. */
unsigned ram_open_count(const struct ram *ram);

/* A text of all paths with sizes and checksums, in a fixed order, which the caller frees. */
char *ram_listing(const struct ram *ram);

#endif
