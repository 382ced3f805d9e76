#include "build-config.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 8u
#define HEADER 9u
#define KEYED 41u

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

uint32_t fuzz_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

uint32_t fuzz_below(uint64_t *state, uint32_t end)
{
	return fuzz_random(state) % end;
}

/* ---- segments ---- */

#define ENTRIES_MAX 256u

/* Find where entries begin, as far as the sizes lead; the last place is where they end. */
static size_t find_entries(const uint8_t *bytes, size_t len, size_t places[ENTRIES_MAX])
{
	size_t count = 0, size, at = MAGIC;
	while (count + 1 < ENTRIES_MAX && (size = seal_entry_size(bytes, len, at)) > 0) {
		places[count++] = at;
		at += size;
	}
	places[count] = at;
	return count;
}

static size_t insert(uint8_t *bytes, size_t len, size_t max, size_t at, const uint8_t *what,
		     size_t size)
{
	if (at > len || size > max - len)
		return len;
	memmove(bytes + at + size, bytes + at, len - at);
	memcpy(bytes + at, what, size);
	return len + size;
}

static size_t drop(uint8_t *bytes, size_t len, size_t at, size_t size)
{
	memmove(bytes + at, bytes + at + size, len - at - size);
	return len - size;
}

/* A new entry of any kind, with the key of the one at @model if that has one. */
static size_t insert_entry(uint8_t *bytes, size_t len, size_t max, size_t at, size_t model,
			   uint64_t *random)
{
	uint8_t entry[KEYED + 64] = { 0 };
	const uint8_t tag = (uint8_t)fuzz_below(random, 3);
	const uint32_t size = tag == 2 ? HEADER : tag == 1 ? KEYED
			    : KEYED + fuzz_below(random, sizeof(entry) - KEYED);
	seal_write(entry + 4, size);
	entry[8] = tag;
	if (tag != 2 && model + KEYED <= len)
		memcpy(entry + HEADER, bytes + model + HEADER, 32);
	seal_write(entry, seal_crc(entry + 4, size - 4));
	return insert(bytes, len, max, at, entry, size);
}

static size_t double_entry(uint8_t *bytes, size_t len, size_t max, size_t at, size_t from)
{
	uint8_t entry[4096];
	const size_t size = seal_entry_size(bytes, len, from);
	if (size == 0 || size > sizeof(entry))
		return len;
	memcpy(entry, bytes + from, size);
	return insert(bytes, len, max, at, entry, size);
}

/* Any bytes, from @from. */
static size_t insert_bytes(uint8_t *bytes, size_t len, size_t max, size_t at, size_t from)
{
	uint8_t some[64];
	const size_t size = len - from < sizeof(some) ? len - from : sizeof(some);
	memcpy(some, bytes + from, size);
	return insert(bytes, len, max, at, some, size);
}

/* A size that leads to another entry, to the end, beside it, or nowhere. */
static void change_size(uint8_t *bytes, size_t len, size_t at, size_t to, uint64_t *random)
{
	static const uint32_t odd[] = { 0, 8, 9, 40, 41, 42, 20971520, 20971521, UINT32_MAX };
	uint32_t size = odd[fuzz_below(random, sizeof(odd) / sizeof(odd[0]))];
	if (len - at < HEADER)
		return;
	if (to > at && fuzz_below(random, 4) > 0)
		size = (uint32_t)(to - at);
	else if (fuzz_below(random, 3) == 0)
		size = (uint32_t)(len - at) + fuzz_below(random, 3) - 1;
	seal_write(bytes + at + 4, size);
}

size_t fuzz_mutate_segment(uint8_t *bytes, size_t len, size_t max, uint64_t *random)
{
	size_t places[ENTRIES_MAX];
	const size_t count = find_entries(bytes, len, places);
	const size_t one = places[fuzz_below(random, (uint32_t)count + 1)];
	const size_t other = places[fuzz_below(random, (uint32_t)count + 1)];
	switch (len < MAGIC ? 6 : fuzz_below(random, 9)) {
	case 0:
		return insert_entry(bytes, len, max, one, other, random);
	case 1:
		return double_entry(bytes, len, max, one, other);
	case 2:
		return drop(bytes, len, one, seal_entry_size(bytes, len, one));
	case 3:
		change_size(bytes, len, one, other, random);
		return len;
	case 4:
		if (len - one >= HEADER)
			bytes[one + 8] = (uint8_t)fuzz_below(random, 4);
		return len;
	case 5:
		return insert_bytes(bytes, len, max, one, other);
	default:
		return LLVMFuzzerMutate(bytes, len, max);
	}
}
