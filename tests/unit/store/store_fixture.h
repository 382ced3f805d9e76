/* tests/unit/store/store_fixture.h - what the tests of the store share: an empty repository with
 * small limits, the store open on it, and what is expected to be in it. */
#ifndef ATTICSCOPE_STORE_FIXTURE_H
#define ATTICSCOPE_STORE_FIXTURE_H

#include "engine/store/store_internal.h"
#include "tests/support/builder.h"
#include "tests/support/expected_store.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

struct world {
	struct scratch *scratch;
	char repo[BUILDER_PATH];
	struct expected_store expected;
	struct fault fault;
	struct as_store *store;
	struct as_error error;
};

/* An empty repository with small limits; the store is open on it by way of fault. */
int setup(void **state);

/* The same in Borg's dialect. */
int setup_borg(void **state);

int teardown(void **state);
void close_store(struct world *world);
void reopen(struct world *world);
void put(struct world *world, unsigned number, size_t size, unsigned seed);
void delete(struct world *world, unsigned number);
void commit(struct world *world);
void check(struct world *world);

/* What is on the disk, with nothing open. */
void check_repo(struct world *world);

struct as_state state_of(const struct world *world);
void path_of(const struct world *world, const char *name, char out[BUILDER_PATH]);
bool is_there(const struct world *world, const char *name);

/* The segment files below data/, counted. */
unsigned count_segments(const struct world *world);

/* Flip a bit in the first segment, in the value of an object. */
void damage_segment(struct world *world, const char *name, uint64_t offset);

void lose(struct world *world, const char *name);
void fill_two_transactions(struct world *world);
void expect_refusals(struct world *world, enum as_err refusal, enum as_err reading);

/* Keep index and hints of now; bring them back in the place of those of then. */
void keep_index(const struct world *world);

void bring_back_index(const struct world *world);

/* Let the hints of the last transaction count @live objects in segment 300 too, and list it to be
 * compacted where @compact. */
void add_ghost(struct world *world, uint32_t live, bool compact);

void expect_no_ghost(struct world *world);
int say_stop(void *context);

/* Let the files index.* and hints.* of the one transaction bear the number @last. */
void number_index(const struct world *world, uint32_t last);

#endif
