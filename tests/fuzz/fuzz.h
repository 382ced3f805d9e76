/* tests/fuzz/fuzz.h - what the fuzz targets share.
 *
 * A target is one file with libFuzzer's two functions. Built with --enable-fuzzer it is linked with
 * libFuzzer; otherwise with driver.c, which runs seeds, samples and a fixed sequence of mutations.
 * Either way what a target states must hold for every input: where it does not, the program ends.
 */
#ifndef ATTICSCOPE_TESTS_FUZZ_H
#define ATTICSCOPE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the target. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the target, where it has one: change @data, of @size bytes in a buffer of @max, and return the
 * new size. All that is random follows from @seed. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
	__attribute__((weak));

/* Of libFuzzer or of driver.c: a mutation that knows nothing of the format. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* What must hold. */
#define need(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* Numbers that follow from *@state, which is advanced. fuzz_below: from 0 to @end - 1, which must
 * be above 0. */
uint32_t fuzz_random(uint64_t *state);
uint32_t fuzz_below(uint64_t *state, uint32_t end);

/* Change the @len bytes of a segment in a buffer of @max as somebody would who knows what one looks
 * like: entries doubled, dropped, moved, their fields changed. Returns the new length. */
size_t fuzz_mutate_segment(uint8_t *bytes, size_t len, size_t max, uint64_t *random);

#endif
