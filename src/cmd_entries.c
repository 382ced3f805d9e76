#include "build-config.h"

#include "src/entry_rows.h"
#include "src/message.h"
#include "src/out_table.h"
#include "src/repository.h"

#include "engine/repo/object.h"
#include "engine/repo/probe.h"

#include <stdlib.h>
#include <string.h>

struct walk {
	struct request *request;
	const struct repo *repo;
	uint32_t segment;
	struct verify *verify;		/* NULL while the index is enough */
};

/* The index is enough for entries that it points to. It shows that an entry is superseded or
 * deleted only by pointing elsewhere, as a wrong index does too. Then the whole log is read, once,
 * and used from there on. */
static enum as_err find_status(struct walk *walk, const struct segment_entry *entry,
			       enum entry_status *status)
{
	bool known;
	*status = entry_status(walk->repo, walk->verify, walk->segment, entry, &known);
	if (walk->verify || (known && *status != STATUS_SUPERSEDED && *status != STATUS_DELETED))
		return AS_OK;
	const enum as_err err = repository_verify(walk->request, walk->repo, NULL, &walk->verify);
	if (err == AS_OK)
		*status = entry_status(walk->repo, walk->verify, walk->segment, entry, &known);
	return err;
}

static enum as_err write_entries(struct walk *walk, struct segment_reader *reader)
{
	struct out *out = &walk->request->out;
	struct column columns[ENTRY_COLUMNS];
	struct segment_entry entry;
	enum as_err err;
	memcpy(columns, entry_columns, sizeof(columns));
	columns[ENTRY_SEGMENT].title = NULL;	/* the same in every row */
	out_titles(out, columns, ENTRY_INDEX);
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		struct entry_row row;
		enum entry_status status;
		err = find_status(walk, &entry, &status);
		if (err != AS_OK)
			return err;
		entry_row_fill(&row, walk->segment, &entry, status);
		if (!out_row(out, columns, row.cells, ENTRY_INDEX))
			return AS_OK;
	}
	if (err == AS_END)
		return AS_OK;
	message_failure(err, NULL);
	return err;
}

static enum as_err read_segment(struct walk *walk, const char *path)
{
	struct segment_reader *reader = segment_reader_new(walk->repo->io, walk->repo->dialect);
	if (!reader) {
		message_failure(AS_ERR_MEMORY, NULL);
		return AS_ERR_MEMORY;
	}
	struct repo_witness witness = { .repo = walk->repo };
	enum as_err err = segment_open(reader, walk->repo->fd, path, walk->segment,
				       repo_give_witnesses, &witness);
	if (err == AS_OK)
		err = write_entries(walk, reader);
	else
		message("%s: %s", path, as_err_text(err));
	segment_reader_free(reader);
	free(witness.rows);
	return err;
}

static enum as_err show_segment(struct walk *walk)
{
	const struct repo *repo = walk->repo;
	const size_t position = listing_find(&repo->listing, walk->segment);
	char path[LISTING_PATH_MAX];
	enum as_err err = AS_OK;
	if (position == LISTING_NONE) {
		message(listing_is_partial(&repo->findings)
				? "part of data/ cannot be read: segment %s may be there"
				: "there is no segment %s", walk->request->args[1]);
		return AS_ERR_DOES_NOT_EXIST;
	}
	listing_path(&repo->listing, position, path);
	if (walk->request->options.verify || !probe_repo(repo))
		err = repository_verify(walk->request, repo, NULL, &walk->verify);
	if (err == AS_OK)
		err = read_segment(walk, path);
	verify_free(walk->verify);
	return err;
}

int cmd_entries(struct request *request)
{
	struct walk walk = { .request = request };
	struct repo *repo;
	if (!number_parse(request->args[1], 0, UINT32_MAX, &walk.segment)) {
		message("'%s' is not a segment number", request->args[1]);
		return EXIT_USAGE;
	}
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	walk.repo = repo;
	err = show_segment(&walk);
	repository_close(repo);
	return message_status(err);
}
