/* tests/fuzz/seal.h - correct checksums and counts, so that the code behind them is reached. The
 * format is encoded here once more, apart from the engine. */
#ifndef ATTICSCOPE_TESTS_SEAL_H
#define ATTICSCOPE_TESTS_SEAL_H

#include <stddef.h>
#include <stdint.h>

/* Give every entry of a segment the CRC of its bytes, as far as sizes lead. */
void seal_segment(uint8_t *bytes, size_t len);

/* Give an index file the header that fits its length and buckets, and Borg's magic where it has
 * that, else Attic's; a manifest its last line. */
void seal_index(uint8_t *bytes, size_t len);
void seal_manifest(uint8_t *bytes, size_t len);

/* Write the digest of the @len bytes @file, whose name is @name, into the @size bytes of an
 * integrity.N, where that has the old one. An index has a digest of its header too. */
void seal_digests(uint8_t *bytes, size_t size, const char *name, const uint8_t *file, size_t len);

/* The size that the entry at @at claims; 0 if no entry of that size fits. */
size_t seal_entry_size(const uint8_t *bytes, size_t len, size_t at);

uint32_t seal_read(const uint8_t *p);
void seal_write(uint8_t *p, uint32_t value);
uint32_t seal_crc(const uint8_t *bytes, size_t len);

#endif
