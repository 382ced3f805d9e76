#include "build-config.h"

#include "engine/base/error.h"
#include "engine/base/key_hash.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <cmocka.h>

static bool has_no_random;

/* The system's random numbers, unless a test is without. */
ssize_t __real_getrandom(void *buffer, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags)
{
	errno = ENOSYS;
	return has_no_random ? -1 : __real_getrandom(buffer, len, flags);
}

static int setup(void **state)
{
	(void)state;
	has_no_random = false;
	return 0;
}

static void fill(uint8_t key[KEY_SIZE], uint8_t first)
{
	for (unsigned i = 0; i < KEY_SIZE; i++)
		key[i] = (uint8_t)(first + i);
}

/* The figures are of another program. A hash that changes makes all records in the cache useless.
 */
static void a_derived_hash_is_the_same_everywhere(void **state)
{
	static const uint64_t seed[] = {
		0xd5653a11146fa4de, 0x4ce18987cb2a5f9b, 0x8edd6762e8257979, 0xa0ec4690a03c6f75,
		0xc1d493fac9e151a1, 0x056e8922e820b5dc, 0xc47fb881b3afe2ed, 0x6c5495fcd81bacf1,
		0x47dd1645dd914c54,
	};
	struct key_hash hash;
	uint8_t key[KEY_SIZE];
	fill(key, 0);
	key_hash_derive(&hash, key);
	assert_int_equal(sizeof(hash.seed), sizeof(seed));
	assert_memory_equal(hash.seed, seed, sizeof(seed));
	fill(key, 0x40);
	assert_int_equal(key_hash(&hash, key), 0xd8d5be24);
	memset(key, 0, sizeof(key));
	assert_int_equal(key_hash(&hash, key), 0xe0f006df);
	memset(key, 0xff, sizeof(key));
	assert_int_equal(key_hash(&hash, key), 0x3c91ae70);
	(void)state;
}

static void every_bit_of_the_name_changes_the_hash(void **state)
{
	struct key_hash hash, other;
	uint8_t name[KEY_SIZE];
	fill(name, 7);
	key_hash_derive(&hash, name);
	for (unsigned bit = 0; bit < 8 * KEY_SIZE; bit++) {
		name[bit / 8] ^= (uint8_t)(1u << bit % 8);
		key_hash_derive(&other, name);
		for (unsigned i = 0; i < ARRAY_SIZE(hash.seed); i++)
			assert_true(hash.seed[i] != other.seed[i]);
		name[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	(void)state;
}

/* Every bit of a key must count: a byte that is left out lets a file make its keys collide. */
static void every_bit_of_a_key_changes_its_value(void **state)
{
	struct key_hash hash;
	uint8_t key[KEY_SIZE];
	fill(key, 100);
	key_hash_draw(&hash);
	const uint32_t value = key_hash(&hash, key);
	unsigned same = 0;
	for (unsigned bit = 0; bit < 8 * KEY_SIZE; bit++) {
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		same += key_hash(&hash, key) == value;
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* By chance one in 2^24 runs has one. */
	assert_in_range(same, 0, 1);
	assert_int_equal(key_hash(&hash, key), value);
	(void)state;
}

static void expect_two_draws_to_differ(void)
{
	struct key_hash a, b;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	key_hash_draw(&a);
	key_hash_draw(&b);
	for (unsigned i = 0; i < ARRAY_SIZE(a.seed); i++)
		assert_true(a.seed[i] != b.seed[i]);
	for (unsigned i = 1; i < ARRAY_SIZE(a.seed); i++)
		assert_true(a.seed[i] != a.seed[i - 1]);
}

static void a_drawn_hash_is_another_each_time(void **state)
{
	expect_two_draws_to_differ();
	(void)state;
}

static void it_is_so_without_the_random_numbers_of_the_system(void **state)
{
	has_no_random = true;
	expect_two_draws_to_differ();
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_derived_hash_is_the_same_everywhere),
		cmocka_unit_test(every_bit_of_the_name_changes_the_hash),
		cmocka_unit_test(every_bit_of_a_key_changes_its_value),
		cmocka_unit_test_setup(a_drawn_hash_is_another_each_time, setup),
		cmocka_unit_test_setup(it_is_so_without_the_random_numbers_of_the_system, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
