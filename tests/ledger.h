/* tests/ledger.h - what a store should hold, and whether it does.
 *
 * Objects are numbers below LEDGER_OBJECTS: number n has the key builder_key(n), and a value that
 * follows from a size and a seed. What does not hold fails the cmocka test.
 */
#ifndef ATTICSCOPE_TESTS_LEDGER_H
#define ATTICSCOPE_TESTS_LEDGER_H

#include "engine/atticstore.h"
#include "engine/base/io.h"
#include "tests/builder.h"

#define LEDGER_OBJECTS 256u
/* In a seed: the value, of nine bytes or more, ends like a COMMIT. */
#define LEDGER_LIKE_COMMIT 0x80000000u

struct ledger_object {
	bool is_there;
	size_t size;
	unsigned seed;
};

struct ledger {
	struct ledger_object objects[LEDGER_OBJECTS];
};

/* The value of @size bytes made from @seed: into @value, or into memory that the caller frees. */
void ledger_fill(uint8_t *value, size_t size, unsigned seed);
uint8_t *ledger_value(size_t size, unsigned seed);

/* Change the store and the ledger alike; the store must agree to it. */
void ledger_put(struct ledger *ledger, struct as_store *store, unsigned number, size_t size,
		unsigned seed);
void ledger_delete(struct ledger *ledger, struct as_store *store, unsigned number);
void ledger_commit(struct as_store *store);

uint64_t ledger_count(const struct ledger *ledger);

/* Does @store answer as @ledger says: get, contains, len, and the listing of keys? */
void ledger_check(const struct ledger *ledger, struct as_store *store);
/* The same as a question. */
bool ledger_matches(const struct ledger *ledger, struct as_store *store);

/* The repository on the disk, nothing being open: it is in order (check finds nothing above info),
 * holds what @ledger says by the index, and by the log alone. Leaves it as it is. */
void ledger_check_repo(const struct ledger *ledger, const char *repo);

/* Open @repo, which must be in order, through @io. */
struct as_store *ledger_open(const char *repo, const struct io *io);

#endif
