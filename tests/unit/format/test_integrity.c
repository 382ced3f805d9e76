#include "build-config.h"

#include "engine/format/index.h"
#include "engine/format/integrity.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERS "\xa7" "version"
#define HINTS "\xa5" "hints"
#define INDEX "\xa5" "index"
/* The digests of the two files that this test makes, as Borg writes them. */
#define OF_HINTS "{\"algorithm\": \"XXH64\", \"digests\": {\"final\": \"3ff95f3c1b9b309d\"}}"
#define OF_INDEX "{\"algorithm\": \"XXH64\", \"digests\": {\"HashHeader\": \"a69d28365b4f47b5\", " \
	"\"final\": \"13e8f99843571372\"}}"
#define SAMPLE "\x83" VERS "\x02" HINTS "\xda\x00\x40" OF_HINTS INDEX "\xda\x00\x62" OF_INDEX

#define TEXT(bytes) bytes, sizeof(bytes) - 1

static struct integrity parse(const void *bytes, size_t len)
{
	/* The bytes end where the sanitizer sees it. */
	struct integrity integrity;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	integrity_parse(copy, len, 3, &integrity);
	assert_int_equal(integrity.transaction, 3);
	free(copy);
	return integrity;
}

static void both_digests_are_read(void **state)
{
	const struct integrity integrity = parse(TEXT(SAMPLE));
	assert_int_equal(integrity.state, INTEGRITY_READ);
	assert_int_equal(integrity.version, 2);
	assert_int_equal(integrity.hints.state, DIGEST_READ);
	assert_false(integrity.hints.has_header);
	assert_int_equal(integrity.hints.final, UINT64_C(0x3ff95f3c1b9b309d));
	assert_int_equal(integrity.index.state, DIGEST_READ);
	assert_true(integrity.index.has_header);
	assert_int_equal(integrity.index.header, UINT64_C(0xa69d28365b4f47b5));
	assert_int_equal(integrity.index.final, UINT64_C(0x13e8f99843571372));
	(void)state;
}

static void the_file_is_written_as_borg_writes_it(void **state)
{
	const struct integrity integrity = parse(TEXT(SAMPLE));
	uint8_t bytes[INTEGRITY_BYTES];
	assert_int_equal(integrity_encode(&integrity.hints, &integrity.index, bytes),
			 sizeof(SAMPLE) - 1);
	assert_memory_equal(bytes, SAMPLE, sizeof(SAMPLE) - 1);
	(void)state;
}

static void no_prefix_is_whole(void **state)
{
	for (size_t len = 0; len < sizeof(SAMPLE) - 1; len++)
		assert_int_equal(parse(SAMPLE, len).state, INTEGRITY_DAMAGED);
	assert_int_equal(parse(TEXT(SAMPLE "\x00")).state, INTEGRITY_DAMAGED);
	(void)state;
}

static void what_borg_fails_on_is_damaged(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum integrity_state state;
	} cases[] = {
		{ TEXT(""), INTEGRITY_DAMAGED },
		{ TEXT("\xc0"), INTEGRITY_DAMAGED },
		{ TEXT("\x93\x01\x02\x03"), INTEGRITY_DAMAGED },
		{ TEXT("\x82" VERS "\x02" HINTS "\xa1" "x"), INTEGRITY_DAMAGED },
		{ TEXT("\x83" VERS "\x02" HINTS "\xa1" "x" INDEX "\x05"), INTEGRITY_DAMAGED },
		{ TEXT("\xdf\xff\xff\xff\xff" VERS "\x02"), INTEGRITY_DAMAGED },
		{ TEXT("\x83" VERS "\x02" HINTS "\xdb\xff\xff\xff\xff" "x"), INTEGRITY_DAMAGED },
		{ TEXT("\x81" VERS "\x03"), INTEGRITY_UNKNOWN },
		{ TEXT("\x80"), INTEGRITY_UNKNOWN },
		{ TEXT("\x83" VERS "\xcf\x00\x00\x00\x00\x00\x00\x00\x02" HINTS "\xc4\x01" "x" INDEX
		       "\xd9\x01" "x"), INTEGRITY_READ },
		{ TEXT("\xde\x00\x04" VERS "\xcd\x00\x02" HINTS "\xa1" "x" "\xa1" "n" "\x07" INDEX
		       "\xa1" "x"), INTEGRITY_READ },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (parse(cases[i].bytes, cases[i].len).state != cases[i].state)
			fail_msg("case %zu", i);
	(void)state;
}

static void digests_in_another_form_are_not_believed(void **state)
{
	static const struct { const char *json; enum digest_state state; } cases[] = {
		{ OF_HINTS, DIGEST_READ },
		{ "", DIGEST_UNREADABLE },
		{ "{}", DIGEST_UNREADABLE },
		{ "{\"algorithm\": \"SHA512\", \"digests\": {\"final\": \"00\"}}", DIGEST_UNKNOWN },
		{ "{\"algorithm\": \"XXH64\", \"digests\": {}}", DIGEST_UNREADABLE },
		{ "{\"algorithm\": \"XXH64\", \"digests\": {\"final\": \"3ff95f3c1b9b309\"}}",
		  DIGEST_UNREADABLE },
		{ "{\"algorithm\": \"XXH64\", \"digests\": {\"final\": \"3FF95f3c1b9b309d\"}}",
		  DIGEST_UNREADABLE },
		{ OF_HINTS " ", DIGEST_UNREADABLE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char bytes[256];
		const int len = snprintf(bytes, sizeof(bytes), "\x83" VERS "\x02" HINTS "\xd9%c%s"
					 INDEX "\xa1x", (int)strlen(cases[i].json), cases[i].json);
		if (parse(bytes, (size_t)len).hints.state != cases[i].state)
			fail_msg("%s", cases[i].json);
	}
	(void)state;
}

static bool fits(const struct scratch *scratch, const char *name, size_t header_size,
		 const struct integrity_digest *digest)
{
	bool fit;
	assert_int_equal(integrity_compare(&io_system, scratch->fd, name, header_size, digest,
					   NULL, &fit), AS_OK);
	return fit;
}

/* Names and all bytes are in a digest. The constants are Borg's own. */
static void a_digest_fits_its_file_alone(void **state)
{
	const struct scratch *scratch = *state;
	const struct integrity integrity = parse(TEXT(SAMPLE));
	uint8_t body[INDEX_HEADER + 40];
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = i < 18 ? (uint8_t)i : 'x';
	scratch_file(scratch, "index.3", body, sizeof(body));
	scratch_file(scratch, "index.4", body, sizeof(body));
	scratch_file(scratch, "hints.3", "abc", 3);
	assert_true(fits(scratch, "index.3", 18, &integrity.index));
	assert_true(fits(scratch, "hints.3", 0, &integrity.hints));
	assert_false(fits(scratch, "index.4", 18, &integrity.index));
	assert_false(fits(scratch, "hints.3", 18, &integrity.hints));
	assert_false(fits(scratch, "index.3", 18, &integrity.hints));
	for (size_t i = 0; i < sizeof(body); i += 9) {
		body[i] ^= 4;
		scratch_file(scratch, "index.3", body, sizeof(body));
		assert_false(fits(scratch, "index.3", 18, &integrity.index));
		body[i] ^= 4;
	}
	scratch_file(scratch, "index.3", body, sizeof(body) - 1);
	assert_false(fits(scratch, "index.3", 18, &integrity.index));
	scratch_file(scratch, "hints.3", "abcd", 4);
	assert_false(fits(scratch, "hints.3", 0, &integrity.hints));
}

static void a_long_file_is_hashed_whole(void **state)
{
	const struct scratch *scratch = *state;
	const struct integrity_digest digest = {
		.state = DIGEST_READ, .final = UINT64_C(0x4a943ec3319d7190),
	};
	const size_t len = (size_t)3 << 20;
	uint8_t *body = malloc(len);
	assert_non_null(body);
	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)(i * 7);
	scratch_file(scratch, "hints.3", body, len);
	assert_true(fits(scratch, "hints.3", 0, &digest));
	body[len - 1] ^= 1;
	scratch_file(scratch, "hints.3", body, len);
	assert_false(fits(scratch, "hints.3", 0, &digest));
	free(body);
}

static void what_cannot_be_read_is_told(void **state)
{
	const struct scratch *scratch = *state;
	struct integrity integrity;
	const _Atomic bool cancel = true;
	bool fit;
	assert_int_equal(integrity_read(&io_system, scratch->fd, 3, &integrity), AS_OK);
	assert_int_equal(integrity.state, INTEGRITY_NONE);
	scratch_folder(scratch, "integrity.3");
	assert_int_equal(integrity_read(&io_system, scratch->fd, 3, &integrity), AS_OK);
	assert_int_equal(integrity.state, INTEGRITY_UNREADABLE);
	scratch_file(scratch, "integrity.5", TEXT(SAMPLE));
	assert_int_equal(integrity_read(&io_system, scratch->fd, 5, &integrity), AS_OK);
	assert_int_equal(integrity.state, INTEGRITY_READ);
	assert_int_equal(integrity_compare(&io_system, scratch->fd, "hints.3", 0, &integrity.hints,
					   NULL, &fit), AS_ERR_DOES_NOT_EXIST);
	scratch_file(scratch, "hints.3", "abc", 3);
	assert_int_equal(integrity_compare(&io_system, scratch->fd, "hints.3", 0, &integrity.hints,
					   &cancel, &fit), AS_ERR_CANCELLED);
	assert_false(fit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_digests_are_read),
		cmocka_unit_test(the_file_is_written_as_borg_writes_it),
		cmocka_unit_test(no_prefix_is_whole),
		cmocka_unit_test(what_borg_fails_on_is_damaged),
		cmocka_unit_test(digests_in_another_form_are_not_believed),
		cmocka_unit_test_setup_teardown(a_digest_fits_its_file_alone, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(a_long_file_is_hashed_whole, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_told, scratch_setup,
						scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
