/* engine/base/crc.h - CRC-32 with zlib's polynomial (0xEDB88320 reflected), as Attic uses it.
 *
 * Computed by ISA-L where configure found it, else by libdeflate, else by zlib; the tests compare
 * whichever it is with zlib. All functions are pure and safe in any thread.
 */
#ifndef ATTICSCOPE_CRC_H
#define ATTICSCOPE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue @crc (0 to begin) over @len bytes at @data. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t len);

/* The CRC of the bytes between two prefixes of one file: @crc_a is the CRC of [0, a),
 * @crc_b that of [0, b), @len is b - a in bytes. Costs the same for any @len. */
uint32_t crc32_between(uint32_t crc_a, uint32_t crc_b, uint64_t len);

/* Name of the library in use, for --version. */
const char *crc32_library(void);

#endif
