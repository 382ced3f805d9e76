/* tests/support/expected_store.h - what a store should hold, and whether it does.
 *
 * Objects are numbers below EXPECTED_OBJECTS. Number n has the key builder_key(n), and a value made
 * from a size and a seed. A difference fails the cmocka test. */
#ifndef ATTICSCOPE_TESTS_EXPECTED_STORE_H
#define ATTICSCOPE_TESTS_EXPECTED_STORE_H

#include "engine/atticstore.h"
#include "engine/base/io.h"
#include "tests/support/builder.h"

#define EXPECTED_OBJECTS 256u
/* a bit of a seed: the value, of nine bytes or more, ends like a COMMIT */
#define EXPECTED_LIKE_COMMIT 0x80000000u

struct expected_object {
	bool is_there;
	size_t size;
	unsigned seed;
};

struct expected_store {
	struct expected_object objects[EXPECTED_OBJECTS];
};

/* Make the value of @size bytes from @seed: in @value, or in memory that the caller frees. */
void expected_fill(uint8_t *value, size_t size, unsigned seed);
uint8_t *expected_value(size_t size, unsigned seed);

/* Change the store and the expectation alike; a refusal by the store fails the test. */
void expected_put(struct expected_store *expected, struct as_store *store, unsigned number,
		  size_t size, unsigned seed);
void expected_delete(struct expected_store *expected, struct as_store *store, unsigned number);
void expected_commit(struct as_store *store);

uint64_t expected_count(const struct expected_store *expected);

/* Check that @store agrees with @expected: get, contains, len, and the listing of keys. */
void expected_check(const struct expected_store *expected, struct as_store *store);
/* Does it agree? */
bool expected_matches(const struct expected_store *expected, struct as_store *store);

/* Check the repository on the disk, which nobody has open: it is in order (check finds nothing
 * above info) and holds what @expected says, by the index and by the log alone. Changes nothing. */
void expected_check_repo(const struct expected_store *expected, const char *repo);

/* Open @repo, which must be in order, through @io. */
struct as_store *expected_open(const char *repo, const struct io *io);

#endif
