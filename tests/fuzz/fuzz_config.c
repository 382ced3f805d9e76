/* REPO/config: any bytes. */
#include "build-config.h"

#include "engine/format/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dialect *dialect;	/* that is tried */

static struct config parse(const char *text, size_t len, uint64_t *problems)
{
	struct findings findings;
	struct config config;
	findings_init(&findings);
	need(config_parse(text, len, dialect, &config, &findings) == AS_OK);
	*problems = findings.count;
	for (size_t i = 0; i < findings.count; i++) {
		char sentence[1024];
		finding_message(&findings.rows[i], sentence, sizeof(sentence));
		need(strpbrk(sentence, "\n\r\t\033") == NULL);
	}
	findings_free(&findings);
	return config;
}

static bool is_same(const struct config *a, const struct config *b)
{
	return a->usable == b->usable && a->version == b->version &&
	       a->segments_per_dir == b->segments_per_dir &&
	       a->has_segments_per_dir == b->has_segments_per_dir &&
	       a->max_segment_size == b->max_segment_size && a->has_id == b->has_id &&
	       (!a->has_id || memcmp(a->id, b->id, sizeof(a->id)) == 0);
}

/* A usable config gives the same when it is written plainly and read again. */
static void write_again(const struct config *config)
{
	char text[512], id[KEY_HEX_SIZE];
	uint64_t problems;
	key_to_hex(config->id, id);
	const int len = snprintf(text, sizeof(text),
				 "[repository]\nversion = %u\nsegments_per_dir = %u\n"
				 "max_segment_size = %u\nid = %s\n", config->version,
				 config->segments_per_dir, config->max_segment_size, id);
	const struct config again = parse(text, (size_t)len, &problems);
	need(problems == 0 && is_same(config, &again));
}

/* A comment at the end and other line ends change nothing. */
static void disguise(const char *text, size_t len, const struct config *config)
{
	static const char comment[] = "\r\n# a comment = none\r\n";
	char *other = malloc(2 * len + sizeof(comment));
	size_t to = 0;
	uint64_t problems;
	need(other);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			other[to++] = '\r';
		other[to++] = text[i];
	}
	memcpy(other + to, comment, sizeof(comment) - 1);
	const struct config again = parse(other, to + sizeof(comment) - 1, &problems);
	need(is_same(config, &again));
	free(other);
}

static void try_dialect(const uint8_t *data, size_t size)
{
	uint64_t problems;
	const struct config config = parse((const char *)data, size, &problems);
	need(config.usable == (problems == 0));
	need(config.segments_per_dir >= 1 && config.segments_per_dir <= INT32_MAX);
	need(config.max_segment_size >= 1 &&
	     config.max_segment_size <= dialect->max_segment_size_limit);
	need(dialect->has_options || (!config.is_append_only && config.storage_quota == 0));
	if (!config.usable)
		return;
	need(config.has_id && config.has_segments_per_dir && config.version == 1);
	write_again(&config);
	disguise((const char *)data, size, &config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dialect *const dialects[] = { &dialect_attic, &dialect_borg };
	for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
		dialect = dialects[i];
		try_dialect(data, size);
	}
	return 0;
}
