/* tests/fuzz/seal.h - correct checksums and counts, so that the code behind them is reached. The
 * format is encoded here once more, apart from the engine. */
#ifndef ATTICSCOPE_TESTS_SEAL_H
#define ATTICSCOPE_TESTS_SEAL_H

#include <stddef.h>
#include <stdint.h>

/* Give every entry of a segment the CRC of its bytes, as far as sizes lead. */
void seal_segment(uint8_t *bytes, size_t len);

/* Give an index file the header that fits its length and buckets, a manifest its last line. */
void seal_index(uint8_t *bytes, size_t len);
void seal_manifest(uint8_t *bytes, size_t len);

/* The size that the entry at @at claims; 0 if no entry of that size fits. */
size_t seal_entry_size(const uint8_t *bytes, size_t len, size_t at);

uint32_t seal_read(const uint8_t *p);
void seal_write(uint8_t *p, uint32_t value);
uint32_t seal_crc(const uint8_t *bytes, size_t len);

#endif
