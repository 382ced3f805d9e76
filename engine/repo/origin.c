#include "build-config.h"

#include "repo/origin.h"

#include "base/text.h"
#include "format/dialect.h"
#include "format/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD 16		/* bytes: as many of a file as decide */

/* ---- weighing ---- */

/* How many signs speak for @sign. The magic of a log of one segment counts once. */
static unsigned count(const struct origin_signs *signs, enum sign sign)
{
	const bool is_borg = sign == SIGN_BORG;
	const bool votes[] = {
		signs->segments > 0 && signs->oldest == sign,
		signs->segments > 1 && signs->newest == sign,
		signs->index == sign,
		signs->readme == sign,
		is_borg && signs->has_options,
		is_borg && signs->has_integrity,
	};
	unsigned sum = 0;
	for (size_t i = 0; i < ARRAY_SIZE(votes); i++)
		sum += votes[i];
	return sum;
}

/* Do all segments that were looked at begin with the magic of @sign? */
static bool segments_agree(const struct origin_signs *signs, enum sign sign)
{
	return signs->segments == 0 || (signs->oldest == sign && signs->newest == sign);
}

/* The log is the repository: segments of Attic at both of its ends are stronger than all else.
 * Between equal numbers of signs only an interrupted upgrade is Borg's work: it begins with the
 * oldest segment. */
static bool is_touched_by_borg(const struct origin_signs *signs)
{
	const unsigned borg = count(signs, SIGN_BORG), attic = count(signs, SIGN_ATTIC);
	if (signs->segments > 0 && segments_agree(signs, SIGN_ATTIC))
		return false;
	if (borg >= 2)
		return borg > attic || (borg == attic && signs->oldest == SIGN_BORG);
	return borg == 1 && attic == 0 && segments_agree(signs, SIGN_BORG);
}

const struct dialect *origin_of(const struct origin_signs *signs)
{
	if (signs->config_is_folder)
		return &dialect_borg2;
	if (!is_touched_by_borg(signs))
		return &dialect_attic;
	if (signs->is_version_2)
		return &dialect_borg2;
	/* Borg writes options and integrity.N only after the upgrade. */
	return signs->oldest == SIGN_BORG && signs->newest == SIGN_ATTIC &&
			       !signs->has_options && !signs->has_integrity
		       ? &dialect_mixed : &dialect_borg;
}

/* ---- looking ---- */

/* Which of two texts does the file begin with? Both have HEAD bytes at most. */
static enum sign look_at(const struct io *io, int dirfd, const char *path, const char *attic,
			 const char *borg)
{
	char head[HEAD + 1] = "";
	size_t got = 0;
	int fd;
	if (io_open_file(io, dirfd, path, &fd, NULL) != AS_OK)
		return SIGN_NONE;
	io_read_at(io, fd, head, strlen(attic), 0, &got);	/* not the entry behind */
	io_close(io, fd);
	if (strncmp(head, attic, strlen(attic)) == 0)
		return SIGN_ATTIC;
	return strncmp(head, borg, strlen(borg)) == 0 ? SIGN_BORG : SIGN_NONE;
}

static enum sign look_at_segment(const struct io *io, int repo_fd, const struct listing *listing,
				 size_t position)
{
	char path[LISTING_PATH_MAX];
	listing_path(listing, position, path);
	return look_at(io, repo_fd, path, dialect_attic.segment_magic, dialect_borg.segment_magic);
}

/* Since its store Borg 2 has a folder config, with a file for each setting. */
static bool is_config_of_borg2(const struct io *io, int repo_fd)
{
	static const char *const files[] = { "version", "readme", "id" };
	struct stat st;
	unsigned found = 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[sizeof(CONFIG_NAME) + HEAD];
		snprintf(path, sizeof(path), CONFIG_NAME "/%s", files[i]);
		found += io->fstatat(io, repo_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISREG(st.st_mode);
	}
	return found >= 2;
}

struct origin_signs origin_look(const struct io *io, int repo_fd, const struct config *config,
				const struct listing *listing, const char *index,
				bool has_integrity)
{
	struct origin_signs signs = {
		.segments = listing->count < 2 ? (unsigned)listing->count : 2,
		.has_options = config->has_borg_options,
		.has_integrity = has_integrity,
		.is_version_2 = config->version == 2,
		.config_is_folder = !config->usable && is_config_of_borg2(io, repo_fd),
	};
	if (listing->count > 0)
		signs.oldest = signs.newest = look_at_segment(io, repo_fd, listing, 0);
	if (listing->count > 1)
		signs.newest = look_at_segment(io, repo_fd, listing, listing->count - 1);
	if (signs.segments > 0 && segments_agree(&signs, SIGN_ATTIC))
		return signs;
	signs.readme = look_at(io, repo_fd, "README", dialect_attic.readme_start,
			       dialect_borg.readme_start);
	if (index)
		signs.index = look_at(io, repo_fd, index, dialect_attic.index_magic,
				      dialect_borg.index_magic);
	return signs;
}

/* ---- telling ---- */

static void add(char *out, size_t size, const char *text)
{
	buffer_append(out, size, "%s%s", out[0] ? ", " : "", text);
}

void origin_evidence(const struct origin_signs *signs, const struct listing *listing, char *out,
		     size_t size)
{
	const struct { bool is_sign; const char *text; } others[] = {
		{ signs->index == SIGN_BORG, "the index" },
		{ signs->readme == SIGN_BORG, "README" },
		{ signs->has_integrity, "integrity.N" },
		{ signs->has_options || signs->is_version_2 || signs->config_is_folder, "config" },
	};
	char text[64];
	out[0] = '\0';
	if (signs->segments > 0 && signs->oldest == SIGN_BORG) {
		snprintf(text, sizeof(text), "segment %" PRIu32, listing->segments[0].number);
		add(out, size, text);
	}
	if (signs->segments > 1 && signs->newest == SIGN_BORG) {
		snprintf(text, sizeof(text), "segment %" PRIu32,
			 listing->segments[listing->count - 1].number);
		add(out, size, text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].is_sign)
			add(out, size, others[i].text);
}
