/* engine/format/config.h - REPO/config, an INI file as Python's RawConfigParser reads it.
 *
 * Source: attic/repository.py, Repository.create and Repository.open: section [repository] with
 * version (1), segments_per_dir, max_segment_size and id (64 hex digits). Borg added append_only,
 * storage_quota and others, and sizes like "500M" (borg/repository.py, open). A wrong config is a
 * problem that is shown, and stops nothing: what cannot be read keeps its default. */
#ifndef ATTICSCOPE_CONFIG_H
#define ATTICSCOPE_CONFIG_H

#include "base/io.h"
#include "base/problem.h"
#include "format/dialect.h"

#define CONFIG_NAME "config"
#define CONFIG_FILE_MAX (64u * 1024u)		/* bytes; Attic's has about 150 */

struct config {
	bool usable;			/* version, id and limits were all read and make sense */
	uint32_t version;		/* 0 when not known */
	uint32_t segments_per_dir;	/* 1 to 2^31-1 */
	/* it was read; otherwise no segment can be said to be misplaced */
	bool has_segments_per_dir;
	uint32_t max_segment_size;	/* bytes, from 1 to the dialect's limit */
	bool has_max_segment_size;	/* it was read */
	bool has_id;
	uint8_t id[KEY_SIZE];		/* valid when has_id */
	bool has_borg_options;		/* options that Borg alone writes */
	bool has_quota;			/* storage_quota, which Borg writes since 1.1 */
	uint64_t storage_quota;		/* bytes; 0: none */
	uint64_t additional_free_space;	/* bytes that a commit must leave free */
	bool is_append_only;
	/* What lines in other sections say, as where the header [repository] is damaged. They are
	 * no part of the config, but a person may want to write them. 0 and no id: no line says it,
	 * or several lines disagree. */
	struct config_stray {
		uint32_t segments_per_dir, max_segment_size;
		bool has_id;
		uint8_t id[KEY_SIZE];
	} stray;
};

/* Parse @len bytes of an INI file (not NUL-terminated, any bytes) with the defaults and limits of
 * @dialect. Fills all of *@config and appends what is wrong to @findings (PROBLEM_CONFIG_*).
 * AS_ERR_MEMORY only. */
enum as_err config_parse(const char *text, size_t len, const struct dialect *dialect,
			 struct config *config, struct findings *findings);

/* Read and parse REPO/config. A missing or unreadable file is a finding, not an error.
 * AS_ERR_MEMORY only. */
enum as_err config_read(const struct io *io, int repo_fd, const struct dialect *dialect,
			struct config *config, struct findings *findings);

#endif
