/* tests/support/borg_seal.h - writes the digests of index.N and hints.N as Borg does.
 *
 * Shares no code with the engine. Any failure ends the program. */
#ifndef ATTICSCOPE_TESTS_BORG_SEAL_H
#define ATTICSCOPE_TESTS_BORG_SEAL_H

#include <stdint.h>

/* Write integrity.@transaction of the repository @repo, with the digests that index and hints of
 * this transaction have now. */
void borg_seal(const char *repo, uint32_t transaction);

#endif
