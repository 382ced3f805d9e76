/* tests/fuzz/fuzz.h - what the fuzz targets share.
 *
 * A target is one file with libFuzzer's two functions. Built with --enable-fuzzer it is linked with
 * libFuzzer, otherwise with driver.c, which runs seeds, samples and a fixed sequence of mutations.
 * What a target asserts must hold for every input: if it does not, the program aborts. */
#ifndef ATTICSCOPE_TESTS_FUZZ_H
#define ATTICSCOPE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each target has this. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target may have this: change @data, of @size bytes in a buffer of @max, and return the new
 * size. @seed decides everything random. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
	__attribute__((weak));

/* libFuzzer or driver.c has this: a mutation that knows nothing of the format. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Assert. */
#define need(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* Pseudo-random numbers from *@state, which is advanced. fuzz_below: from 0 to @end - 1; @end must
 * be above 0. */
uint32_t fuzz_random(uint64_t *state);
uint32_t fuzz_below(uint64_t *state, uint32_t end);

/* Change the @len bytes of a segment in a buffer of @max with knowledge of the format: double, drop
 * or move entries, change their fields. Returns the new length. */
size_t fuzz_mutate_segment(uint8_t *bytes, size_t len, size_t max, uint64_t *random);

#endif
