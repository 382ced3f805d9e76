/* Findings as rows of a table. */
#include "build-config.h"

#include "ui/app/problem_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COL_SEVERITY, COL_PLACE, COL_CODE, COL_FOUND };

static struct repo repo;
static struct session session;

/* The row of @finding, alone in its list. */
static struct row row_of(const struct finding *finding, const struct dialect *dialect)
{
	struct findings findings;
	struct row row = { .used = 0 };
	repo.dialect = dialect;
	session.repo = &repo;
	atomic_store(&session.ref.count, 1);
	findings_init(&findings);
	assert_int_equal(findings_add(&findings, finding), AS_OK);
	struct model *model = problems_model(&session, &findings);
	assert_non_null(model);
	assert_int_equal(model_count(model), 1);
	assert_true(model->ops->in_memory);
	model_fetch(model, 0, 1, &row);
	ref_release(model);
	return row;
}

static void a_finding_without_a_place_has_its_words(void **state)
{
	struct finding finding = finding_of(PROBLEM_STRAY_FILE);
	strcpy(finding.detail, "data/0/1.tmp\n");
	const struct row row = row_of(&finding, &dialect_attic);
	assert_string_equal(row_cell(&row, COL_SEVERITY), severity_name(finding.severity));
	assert_string_equal(row_cell(&row, COL_PLACE), "");
	assert_string_equal(row_cell(&row, COL_CODE), "stray-file");
	assert_string_equal(row_cell(&row, COL_FOUND), "a file that does not belong to the "
			    "repository (data/0/1.tmp\\x0a)");
	assert_false(row.place.has_segment || row.place.has_offset || row.place.has_key);
	(void)state;
}

static void a_row_leads_to_its_place(void **state)
{
	struct finding finding = finding_of(PROBLEM_OBJECT_LOST);
	finding.segment = 17;
	struct row row = row_of(&finding, &dialect_attic);
	assert_string_equal(row_cell(&row, COL_PLACE), "17");
	assert_true(row.place.has_segment && !row.place.has_offset);
	finding.offset = 7538;
	finding.has_key = true;
	finding.key[0] = 5;
	row = row_of(&finding, &dialect_attic);
	assert_string_equal(row_cell(&row, COL_PLACE), "17:7538");
	assert_int_equal(row.place.segment, 17);
	assert_int_equal(row.place.offset, 7538);
	assert_int_equal(row.place.key_digits, 64);
	assert_memory_equal(row.place.key, finding.key, KEY_SIZE);
	assert_string_equal(row_cell(&row, COL_FOUND),
			    "the object is known, but no whole entry of it is left");
	finding.segment = FINDING_NOWHERE;	/* an offset alone leads nowhere */
	row = row_of(&finding, &dialect_attic);
	assert_string_equal(row_cell(&row, COL_PLACE), "");
	assert_false(row.place.has_offset);
	(void)state;
}

static void the_manifest_is_named(void **state)
{
	struct finding finding = finding_of(PROBLEM_OBJECT_LOST);
	struct row row = row_of(&finding, &dialect_attic);
	assert_null(strstr(row_cell(&row, COL_FOUND), "manifest"));	/* it has no key at all */
	finding.has_key = true;
	row = row_of(&finding, &dialect_attic);
	assert_string_equal(row_cell(&row, COL_FOUND), "the manifest: the object is known, but "
			    "no whole entry of it is left");
	(void)state;
}

static void a_severity_has_its_style(void **state)
{
	struct finding finding = finding_of(PROBLEM_STRAY_FILE);
	uint8_t styles[3];
	for (int severity = SEVERITY_INFO; severity <= SEVERITY_ERROR; severity++) {
		finding.severity = (enum severity)severity;
		const struct row row = row_of(&finding, &dialect_attic);
		assert_string_equal(row_cell(&row, COL_SEVERITY),
				    severity_name(finding.severity));
		styles[severity - SEVERITY_INFO] = row.cell_style[COL_SEVERITY];
	}
	assert_true(styles[0] != styles[1] && styles[1] != styles[2] && styles[0] != styles[2]);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_without_a_place_has_its_words),
		cmocka_unit_test(a_row_leads_to_its_place),
		cmocka_unit_test(the_manifest_is_named),
		cmocka_unit_test(a_severity_has_its_style),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
