#include "build-config.h"

#include "engine/format/config.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
#define HEAD "[repository]\n"
#define REST "segments_per_dir = 7\nmax_segment_size = 99\nid = " ID "\n"

#define FINE PROBLEM_COUNT	/* no problem */

/* What Python's RawConfigParser says of each text, and Repository.open of what it read. */
static const struct {
	const char *name, *text;
	enum problem problem;
} cases[] = {
	{ "as Attic writes it", HEAD "version = 1\n" REST "\n", FINE },
	{ "colons", HEAD "version: 1\nsegments_per_dir:7\nmax_segment_size :99\nid : " ID, FINE },
	{ "CR LF", "[repository]\r\nversion = 1\r\nsegments_per_dir = 7\r\n"
	  "max_segment_size = 99\r\nid = " ID "\r\n", FINE },
	{ "CR alone", "[repository]\rversion = 1\rsegments_per_dir = 7\rmax_segment_size = 99\r"
	  "id = " ID "\r", FINE },
	{ "keys in any case", HEAD "VERSION = 1\nSegments_Per_Dir = 7\nMAX_segment_size = 99\n"
	  "Id = " ID "\n", FINE },
	{ "comments on lines of their own", "# a\n; b\n" HEAD "  # c\n\t; d\nversion = 1\n#\n" REST,
	  FINE },
	{ "long comment", "# ................................................................"
	  "..................................................................................."
	  "...........................................................................[a\n" HEAD
	  "version = 1\n" REST, FINE },
	{ "other sections", "[a]\nversion = 2\n[b c]\n" HEAD "version = 1\n" REST "[z]\nid = 0\n",
	  FINE },
	{ "sections with strange names", "[a]b]\nx = 1\n[a[b]]\nx = 1\n" HEAD "version = 1\n" REST,
	  FINE },
	{ "option that begins with a bracket", HEAD "[a = 1\n[] = 1\nversion = 1\n" REST, FINE },
	{ "sections with long names", "[..................................................a]\nx=1\n"
	  "[..................................................b]\nx=1\n" HEAD "version = 1\n" REST,
	  FINE },
	{ "defaults", "[DEFAULT]\nversion = 1\n" HEAD REST, FINE },
	{ "own before default", "[DEFAULT]\nversion = 2\n" HEAD "version = 1\n" REST, FINE },
	{ "text behind a section", "[repository] of mine\nversion = 1\n" REST, FINE },
	{ "indented as a whole", "  [repository]\n  version = 1\n  segments_per_dir = 7\n"
	  "  max_segment_size = 99\n  id = " ID "\n", FINE },
	{ "options deeper than their section", "[repository]\n version = 1\n segments_per_dir = 7\n"
	  " max_segment_size = 99\n id = " ID "\n", FINE },
	{ "value on the next line", HEAD "version =\n 1\n" REST, FINE },
	{ "id on the next line", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\n"
	  "id =\n " ID "\n", FINE },
	{ "blank lines in a value", HEAD "version =\n\n\n 1\n" REST, FINE },
	{ "plus sign and leading zeros", HEAD "version = +001\n" REST, FINE },
	{ "unknown options", HEAD "version = 1\nfoo = [bar\nx=\n" REST, FINE },
	{ "upper-case id", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\nid = "
	  "00112233445566778899AABBCCDDEEFF0123456789ABCDEF0123456789ABCDEF\n", FINE },

	{ "values behind separators", HEAD "version = \x1c\x1f" "1\x1d\nsegments_per_dir = 7\n"
	  "max_segment_size = 99\nid = \x1e" ID "\n", FINE },
	{ "the ends of UTF-8", HEAD "# \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
	  "\xf0\x90\x80\x80 \xf1\x80\x80\x80 \xf4\x8f\xbf\xbf\nversion = 1\n" REST, FINE },
	{ "more options than the first room holds", HEAD "version = 1\n" REST "a=1\nb=1\nc=1\nd=1\n"
	  "e=1\nf=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1\nn=1\no=1\np=1\nq=1\nr=1\n", FINE },

	{ "empty", "", PROBLEM_CONFIG_SYNTAX },
	{ "only comments", "# nothing\n", PROBLEM_CONFIG_SYNTAX },
	{ "no section", "version = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "another section", "[repo]\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "section in another case", "[Repository]\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "section with a bracket", "[repository]]\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "section with spaces", "[ repository ]\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "only defaults", "[DEFAULT]\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "option before the section", "a = 1\n" HEAD "version = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "line without a delimiter", HEAD "version = 1\n" REST "garbage\n",
	  PROBLEM_CONFIG_SYNTAX },
	{ "section without a name", HEAD "version = 1\n" REST "[]\n", PROBLEM_CONFIG_SYNTAX },
	{ "option without a name", HEAD "version = 1\n" REST "= 4\n", PROBLEM_CONFIG_SYNTAX },
	{ "section twice", HEAD "version = 1\n" REST HEAD, PROBLEM_CONFIG_SYNTAX },
	{ "another section twice", "[a]\n[a]\n" HEAD "version = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "option twice", HEAD "version = 1\nversion = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "option twice in another case", HEAD "version = 1\nVersion = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "another option twice", HEAD "version = 1\na = 1\n" REST "a : 1\n",
	  PROBLEM_CONFIG_SYNTAX },
	{ "byte order mark", "\xef\xbb\xbf" HEAD "version = 1\n" REST, PROBLEM_CONFIG_SYNTAX },
	{ "not UTF-8", HEAD "version = 1\n# \xe9\n" REST, PROBLEM_CONFIG_SYNTAX },

	{ "UTF-8 of a slash in three bytes", "# \xe0\x80\xaf\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 of a surrogate", "# \xed\xa0\x80\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 of a slash in four bytes", "# \xf0\x80\x80\xaf\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 beyond U+10FFFF", "# \xf4\x90\x80\x80\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 far beyond it", "# \xf5\x80\x80\x80\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 that breaks off", HEAD "version = 1\n" REST "# \xe2\x82", PROBLEM_CONFIG_SYNTAX },
	{ "UTF-8 that goes on wrongly", "# \xe2\x82z\n" HEAD "version = 1\n" REST,
	  PROBLEM_CONFIG_SYNTAX },
	{ "the last of many options twice", HEAD "version = 1\n" REST "a=1\nb=1\nc=1\nd=1\ne=1\n"
	  "f=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1\nn=1\no=1\np=1\nq=1\nr=1\nr=1\n",
	  PROBLEM_CONFIG_SYNTAX },

	{ "version 2", HEAD "version = 2\n" REST, PROBLEM_CONFIG_VERSION },
	{ "no version", HEAD REST, PROBLEM_CONFIG_VERSION },
	{ "version of words", HEAD "version = one\n" REST, PROBLEM_CONFIG_VERSION },
	{ "comment behind a value", HEAD "version = 1 ; one\n" REST, PROBLEM_CONFIG_VERSION },
	{ "hash behind a value", HEAD "version = 1 # one\n" REST, PROBLEM_CONFIG_VERSION },
	{ "continued version", HEAD "version = 1\n  2\n" REST, PROBLEM_CONFIG_VERSION },
	{ "version continued by the next option", HEAD "version = 1\n segments_per_dir = 7\n"
	  "max_segment_size = 99\nid = " ID "\n", PROBLEM_CONFIG_VERSION },
	{ "two delimiters", HEAD "version == 1\n" REST, PROBLEM_CONFIG_VERSION },
	{ "version of minus nothing", HEAD "version = -0\n" REST, PROBLEM_CONFIG_VERSION },
	{ "negative version", HEAD "version = -1\n" REST, PROBLEM_CONFIG_VERSION },
	{ "version as a fraction", HEAD "version = 1.0\n" REST, PROBLEM_CONFIG_VERSION },
	{ "version 2^32 + 1", HEAD "version = 4294967297\n" REST, PROBLEM_CONFIG_VERSION },
	{ "1 and a line's worth of blanks and a 2", HEAD "version = 1                              "
	  "                                                                                    "
	  "                                                                                    "
	  "                                                                               2\n" REST,
	  PROBLEM_CONFIG_VERSION },

	{ "no id", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\n",
	  PROBLEM_CONFIG_ID },
	{ "empty id", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\nid =\n",
	  PROBLEM_CONFIG_ID },
	{ "short id", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\nid = 0011\n",
	  PROBLEM_CONFIG_ID },
	{ "long id", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\n"
	  "id = " ID "00\n", PROBLEM_CONFIG_ID },
	{ "id in two lines", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\n"
	  "id = 00112233445566778899aabbccddeeff\n 0123456789abcdef0123456789abcdef\n",
	  PROBLEM_CONFIG_ID },
	{ "id with more lines than any can have", HEAD "version = 1\nsegments_per_dir = 7\n"
	  "max_segment_size = 99\nid = " ID "\n " ID "\n " ID "\n " ID "\n", PROBLEM_CONFIG_ID },
	{ "id with a comment", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 99\n"
	  "id = " ID " ;\n", PROBLEM_CONFIG_ID },

	{ "limit of zero", HEAD "version = 1\nsegments_per_dir = 0\nmax_segment_size = 99\n"
	  "id = " ID "\n", PROBLEM_CONFIG_LIMITS },
	{ "negative limit", HEAD "version = 1\nsegments_per_dir = -7\nmax_segment_size = 99\n"
	  "id = " ID "\n", PROBLEM_CONFIG_LIMITS },
	{ "no limit", HEAD "version = 1\nmax_segment_size = 99\nid = " ID "\n",
	  PROBLEM_CONFIG_LIMITS },
	{ "absurd limit", HEAD "version = 1\nsegments_per_dir = 7\nmax_segment_size = 2147483648\n"
	  "id = " ID "\n", PROBLEM_CONFIG_LIMITS },
	{ "limit beyond 64 bits", HEAD "version = 1\nsegments_per_dir = 7\n"
	  "max_segment_size = 99999999999999999999999999\nid = " ID "\n", PROBLEM_CONFIG_LIMITS },
};

static void texts_are_read_as_python_reads_them(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config config;
		struct findings findings;
		findings_init(&findings);
		const char *text = cases[i].text;
		assert_int_equal(config_parse(text, strlen(text), &dialect_attic, &config,
					      &findings), AS_OK);
		const enum problem problem = findings.count > 0 ? findings.rows[0].problem : FINE;
		if (problem != cases[i].problem || config.usable != (cases[i].problem == FINE))
			fail_msg("%s: %s (%s)", cases[i].name,
				 problem == FINE ? "fine" : problem_table[problem].id,
				 problem == FINE ? "" : findings.rows[0].detail);
		if (problem == FINE && (config.version != 1 || config.segments_per_dir != 7 ||
					config.max_segment_size != 99 || !config.has_id ||
					config.id[1] != 0x11 || config.id[31] != 0xef))
			fail_msg("%s: wrong values", cases[i].name);
		findings_free(&findings);
	}
	(void)state;
}

static void parse(const char *text, size_t len, struct config *config, enum problem problem,
		  const char *detail)
{
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(config_parse(text, len, &dialect_attic, config, &findings), AS_OK);
	assert_true(findings.count > 0);
	assert_int_equal(findings.rows[0].problem, problem);
	assert_string_equal(findings.rows[0].detail, detail);
	findings_free(&findings);
}

static void a_syntax_error_names_its_line(void **state)
{
	static const char garbage[] = HEAD "# fine\r\n\nversion = 1\rgarbage\n" REST;
	static const char twice[] = HEAD "version = 1\n" REST "\nversion = 1\n";
	struct config config;
	parse(garbage, strlen(garbage), &config, PROBLEM_CONFIG_SYNTAX,
	      "line 5: neither an option nor a section");
	parse(twice, strlen(twice), &config, PROBLEM_CONFIG_SYNTAX,
	      "line 7: an option appears twice");
	(void)state;
}

static void what_can_be_read_is_read_in_spite_of_an_error(void **state)
{
	static const char text[] = "garbage\n" HEAD "version = 1\n" REST;
	struct config config;
	parse(text, strlen(text), &config, PROBLEM_CONFIG_SYNTAX,
	      "line 1: neither an option nor a section");
	assert_false(config.usable);
	assert_true(config.has_segments_per_dir);
	assert_int_equal(config.segments_per_dir, 7);
	assert_true(config.has_id);
	(void)state;
}

static void what_cannot_be_read_keeps_its_default(void **state)
{
	static const char text[] = HEAD "version = 1\nsegments_per_dir = x\n"
				   "max_segment_size = 0\nid = " ID "\n";
	struct config config;
	parse(text, strlen(text), &config, PROBLEM_CONFIG_LIMITS, "segments_per_dir = x");
	assert_false(config.has_segments_per_dir);
	assert_int_equal(config.segments_per_dir, 10000);
	assert_int_equal(config.max_segment_size, 5242880);
	assert_int_equal(config.version, 1);
	(void)state;
}

static void nul_bytes_are_refused_wherever_they_stand(void **state)
{
	static const char text[] = HEAD "version = 1\n" REST;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char copy[sizeof(text)];
		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		struct config config;
		parse(copy, sizeof(text) - 1, &config, PROBLEM_CONFIG_SYNTAX,
		      "it has NUL bytes");
		assert_false(config.usable);
	}
	(void)state;
}

/* Half of the value would be a valid one. */
static void long_lines_are_not_cut_to_something_valid(void **state)
{
	for (size_t blanks = 1; blanks < 1000; blanks++) {
		char text[2000];
		snprintf(text, sizeof(text), HEAD REST "version = 1%*s2\n", (int)blanks, "");
		struct config config;
		struct findings findings;
		findings_init(&findings);
		assert_int_equal(config_parse(text, strlen(text), &dialect_attic, &config,
					      &findings), AS_OK);
		assert_int_equal(findings.total[PROBLEM_CONFIG_VERSION], 1);
		assert_int_equal(config.version, 0);
		findings_free(&findings);
	}
	(void)state;
}

static void noise_is_judged_without_harm(void **state)
{
	static const char letters[] = "[]=:;# \t\r\n\\1a\"\xef\xbb\xbf\x01%";
	uint32_t seed = 1;
	for (int round = 0; round < 20000; round++) {
		char text[64];
		const size_t len = (size_t)round % sizeof(text);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = letters[(seed >> 16) % sizeof(letters)];
		}
		struct config config;
		struct findings findings;
		findings_init(&findings);
		assert_int_equal(config_parse(text, len, &dialect_attic, &config, &findings),
				 AS_OK);
		assert_false(config.usable);
		assert_true(findings.count > 0);
		findings_free(&findings);
	}
	(void)state;
}

/* ---- Borg's options ---- */

static void borgs_sizes_and_booleans_are_read(void **state)
{
	static const struct {
		const char *lines;
		uint32_t max_segment_size;	/* 0: refused */
		uint64_t quota;
		bool is_append_only;
		enum problem problem;
	} options[] = {
		{ "max_segment_size = 524288000\n", 524288000, 0, false, FINE },
		{ "max_segment_size = 500M\n", 500000000, 0, false, FINE },
		{ "max_segment_size = 1.5g\n", 1500000000, 0, false, FINE },
		{ "max_segment_size = 4273995775\n", 4273995775u, 0, false, FINE },
		{ "max_segment_size = 4273995776\n", 0, 0, false, PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = 500X\n", 0, 0, false, PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = M\n", 0, 0, false, PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = -5\n", 0, 0, false, PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = 5M\nstorage_quota = 2T\n", 5000000, UINT64_C(2000000000000),
		  false, FINE },
		{ "max_segment_size = 5M\nstorage_quota = lots\n", 5000000, 0, false,
		  PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = 5M\nstorage_quota = 9999999P\n", 5000000, 0, false,
		  PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = 5M\nappend_only = 1\n", 5000000, 0, true, FINE },
		{ "max_segment_size = 5M\nappend_only = Yes\n", 5000000, 0, true, FINE },
		{ "max_segment_size = 5M\nappend_only = off\n", 5000000, 0, false, FINE },
		{ "max_segment_size = 5M\nappend_only = 2\n", 5000000, 0, false,
		  PROBLEM_CONFIG_LIMITS },
		{ "max_segment_size = 5M\nkey = aGVsbG8\n\tmore\n\tand more\n", 5000000, 0, false,
		  FINE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char text[512];
		struct config config;
		struct findings findings;
		findings_init(&findings);
		snprintf(text, sizeof(text), HEAD "version = 1\nsegments_per_dir = 7\n"
			 "id = " ID "\n%s", options[i].lines);
		assert_int_equal(config_parse(text, strlen(text), &dialect_borg, &config,
					      &findings), AS_OK);
		const uint32_t size = options[i].max_segment_size;
		const bool is_right = findings.count == (options[i].problem == FINE ? 0 : 1) &&
				      (findings.count == 0 ||
				       findings.rows[0].problem == options[i].problem) &&
				      config.has_max_segment_size == (size > 0) &&
				      (size == 0 || config.max_segment_size == size) &&
				      config.storage_quota == options[i].quota &&
				      config.is_append_only == options[i].is_append_only &&
				      config.usable == (options[i].problem == FINE);
		if (!is_right)
			fail_msg("%s: %zu findings, %u bytes", options[i].lines, findings.count,
				 config.max_segment_size);
		findings_free(&findings);
	}
	(void)state;
}

static void what_is_not_there_is_the_dialects_default(void **state)
{
	struct config config;
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(config_parse(HEAD, sizeof(HEAD) - 1, &dialect_borg, &config, &findings),
			 AS_OK);
	assert_int_equal(config.segments_per_dir, 1000);
	assert_int_equal(config.max_segment_size, 524288000);
	findings_free(&findings);
	(void)state;
}

static void check_file(const struct scratch *scratch, enum problem problem)
{
	struct config config;
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(config_read(&io_system, scratch->fd, &dialect_attic, &config, &findings),
			 AS_OK);
	assert_int_equal(findings.count, problem == FINE ? 0 : 1);
	if (problem != FINE)
		assert_int_equal(findings.rows[0].problem, problem);
	assert_int_equal(config.usable, problem == FINE);
	findings_free(&findings);
}

static void a_whole_file_is_read(void **state)
{
	static const char text[] = HEAD "version = 1\n" REST;
	scratch_file(*state, "config", text, strlen(text));
	check_file(*state, FINE);
}

static void a_missing_file_is_a_problem(void **state)
{
	check_file(*state, PROBLEM_CONFIG_MISSING);
}

static void a_folder_in_its_place_is_unreadable(void **state)
{
	scratch_folder(*state, "config");
	check_file(*state, PROBLEM_CONFIG_UNREADABLE);
}

static void a_fifo_in_its_place_does_not_block(void **state)
{
	scratch_fifo(*state, "config");
	check_file(*state, PROBLEM_CONFIG_UNREADABLE);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	static const char text[] = HEAD "version = 1\n" REST;
	scratch_file(*state, "real", text, strlen(text));
	scratch_link(*state, "config", "real");
	check_file(*state, PROBLEM_CONFIG_UNREADABLE);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	assert_non_null(text);
	memset(text, '#', CONFIG_FILE_MAX + 1);
	scratch_file(*state, "config", text, CONFIG_FILE_MAX + 1);
	free(text);
	check_file(*state, PROBLEM_CONFIG_UNREADABLE);
}

static void a_bad_sector_is_told_with_the_words_of_the_system(void **state)
{
	const struct scratch *scratch = *state;
	static const char text[] = HEAD "version = 1\n" REST;
	struct fault fault;
	fault_init(&fault);
	fault.bad_offset = 20;
	fault.bad_length = 5;
	scratch_file(scratch, "config", text, strlen(text));
	struct config config;
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(config_read(&fault.io, scratch->fd, &dialect_attic, &config, &findings),
			 AS_OK);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, PROBLEM_CONFIG_UNREADABLE);
	assert_non_null(strstr(findings.rows[0].detail, "Input/output error"));
	assert_false(config.usable);
	assert_int_equal(config.segments_per_dir, 10000);
	findings_free(&findings);
}

#define with_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borgs_sizes_and_booleans_are_read),
		cmocka_unit_test(what_is_not_there_is_the_dialects_default),
		cmocka_unit_test(texts_are_read_as_python_reads_them),
		cmocka_unit_test(a_syntax_error_names_its_line),
		cmocka_unit_test(what_can_be_read_is_read_in_spite_of_an_error),
		cmocka_unit_test(what_cannot_be_read_keeps_its_default),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_stand),
		cmocka_unit_test(long_lines_are_not_cut_to_something_valid),
		cmocka_unit_test(noise_is_judged_without_harm),
		with_scratch(a_whole_file_is_read),
		with_scratch(a_missing_file_is_a_problem),
		with_scratch(a_folder_in_its_place_is_unreadable),
		with_scratch(a_fifo_in_its_place_does_not_block),
		with_scratch(a_link_in_its_place_is_not_followed),
		with_scratch(a_file_that_is_too_large_is_refused),
		with_scratch(a_bad_sector_is_told_with_the_words_of_the_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
