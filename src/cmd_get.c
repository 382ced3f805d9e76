#include "build-config.h"

#include "src/key_matches.h"
#include "src/message.h"
#include "src/out_json.h"
#include "src/repository.h"

#include "engine/repo/object.h"
#include "engine/repo/probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* The object wanted, and where it was found. */
struct object {
	struct key_prefix prefix;
	bool has_key;		/* it is known which key the prefix means */
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint8_t *data;
	size_t len;
};

static void set_key(struct object *object, const uint8_t key[KEY_SIZE])
{
	memcpy(object->key, key, KEY_SIZE);
	object->has_key = true;
}

static enum as_err read_at(const struct verify *verify, struct object *object, uint32_t segment,
			   uint32_t offset, struct as_error *error)
{
	struct verify_source source;
	object->segment = segment;
	object->offset = offset;
	if (!verify_find_source(verify, segment, offset, &source))
		return as_fail(error, AS_ERR_INTEGRITY, 0, "%s: segment %" PRIu32 " is missing",
			       verify->repo->path, segment);
	const struct object_place place = {
		.segment = segment, .offset = source.offset, .path = source.path,
	};
	const enum as_err err = object_read(verify->repo, object->key, &place, &object->data,
					    &object->len, error);
	/* The entry was whole when it was verified. A file that is missing now was removed since;
	 * bytes that the disk no longer gives are damage. */
	if (err == AS_ERR_INTEGRITY && error->damage == AS_DAMAGE_MISSING)
		return AS_ERR_CHANGED;
	return err == AS_ERR_IO && error->has_place ? AS_ERR_INTEGRITY : err;
}

static enum as_err find_by_index(const struct repo *repo, struct object *object,
				 struct as_error *error)
{
	struct index_bucket bucket;
	if (!probe_repo(repo))
		return as_fail(error, AS_ERR_OBJECT_NOT_FOUND, 0, "%s: no index fits the log",
			       repo->path);
	const enum as_err err = object_find(repo, &object->prefix, &bucket, error);
	if (err != AS_OK)
		return err;
	set_key(object, bucket.key);
	object->segment = bucket.segment;
	object->offset = bucket.offset;
	const struct object_place place = { .segment = bucket.segment, .offset = bucket.offset };
	return object_read(repo, object->key, &place, &object->data, &object->len, error);
}

/* Find in the log which key the prefix means. */
static enum as_err find_key(const struct verify *verify, struct object *object, const char *text)
{
	struct key_matches matches;
	if (object->has_key)
		return AS_OK;
	key_matches_in_log(verify, &object->prefix, &matches);
	if (matches.count > 1) {
		key_matches_report(&matches, text);
		return AS_ERR_AMBIGUOUS;
	}
	if (matches.count == 0)
		return AS_ERR_OBJECT_NOT_FOUND;
	set_key(object, matches.keys[0]);
	return AS_OK;
}

/* Why verifying found no object whose key begins with the prefix: the disk cannot read it now, it
 * is damaged, or it never existed. */
static enum as_err why_missing(const struct verify *verify, const struct key_prefix *prefix)
{
	enum as_err reason = AS_ERR_OBJECT_NOT_FOUND;
	if (verify->findings.total[PROBLEM_CHANGED] > 0)
		return AS_ERR_CHANGED;
	for (size_t i = 0; i < verify->findings.count; i++) {
		const struct finding *finding = &verify->findings.rows[i];
		if (!finding->has_key || finding->severity != SEVERITY_ERROR ||
		    !key_prefix_matches(prefix, finding->key))
			continue;
		if (finding->problem == PROBLEM_OBJECT_UNREADABLE)
			return AS_ERR_IO;
		reason = AS_ERR_INTEGRITY;
	}
	return reason;
}

static const char *missing_text(enum as_err reason)
{
	switch (reason) {
	case AS_ERR_IO:
		return "the disk cannot read the object now; it may be whole";
	case AS_ERR_CHANGED:
		return "not found, but the repository changed while it was read: try again";
	case AS_ERR_INTEGRITY:
		return "the object is damaged: no whole entry of it is left";
	default:
		return as_err_text(reason);
	}
}

/* The newest version of the object is gone: say where it was. */
static enum as_err report_gone(const char *text, const struct verify_gone *gone)
{
	if (gone->has_older)
		message("%s: the newest version, at %" PRIu32 ":%" PRIu32 ", is lost; an older one "
			"is whole at %" PRIu32 ":%" PRIu32 ": --older writes it", text,
			gone->segment, gone->offset, gone->older.segment, gone->older.offset);
	else
		message("%s, at %" PRIu32 ":%" PRIu32 ": %s", text, gone->segment, gone->offset,
			missing_text(gone->is_unreadable ? AS_ERR_IO : AS_ERR_INTEGRITY));
	return gone->is_unreadable ? AS_ERR_IO : AS_ERR_INTEGRITY;
}

/* The index is missing, wrong, or has no such key: search the log. Prints what is wrong. */
static enum as_err find_by_log(const struct request *request, const struct repo *repo,
			       struct object *object)
{
	struct as_error error = { .code = AS_OK };
	const struct verify_gone *gone = NULL;
	struct replay_event place;
	struct verify *verify;
	bool is_found = false;
	enum as_err err = repository_verify(request, repo, NULL, &verify);
	if (err != AS_OK)
		return err;
	err = find_key(verify, object, request->args[1]);
	if (err == AS_ERR_AMBIGUOUS)
		goto out;
	if (err == AS_OK)
		gone = verify_find_gone(verify, object->key);
	if (gone && !(gone->has_older && request->options.older)) {
		err = report_gone(request->args[1], gone);
		goto out;
	}
	if (gone) {
		place = gone->older;
		is_found = true;
	} else if (err == AS_OK) {
		is_found = verify_lookup(verify, object->key, &place);
	}
	if (!is_found) {
		err = why_missing(verify, &object->prefix);
		message("%s: %s", request->args[1], missing_text(err));
		goto out;
	}
	err = read_at(verify, object, place.segment, place.offset, &error);
	if (err != AS_OK)
		message_failure(err, &error);
out:
	verify_free(verify);
	return err;
}

static enum as_err find_object(const struct request *request, const struct repo *repo,
			       struct object *object)
{
	struct as_error error = { .code = AS_OK };
	if (object->prefix.nibbles == 2 * KEY_SIZE)
		set_key(object, object->prefix.bytes);
	const enum as_err err = find_by_index(repo, object, &error);
	if (err == AS_ERR_AMBIGUOUS) {
		struct key_matches matches;
		key_matches_in_index(repo, &object->prefix, &matches);
		key_matches_report(&matches, request->args[1]);
	}
	if (err == AS_OK || err == AS_ERR_AMBIGUOUS)
		return err;
	if (err != AS_ERR_OBJECT_NOT_FOUND)
		message_failure(err, &error);
	return err == AS_ERR_MEMORY ? err : find_by_log(request, repo, object);
}

/* Is every character of it one that a terminal simply prints? */
static bool is_text(const uint8_t *data, size_t len)
{
	mbstate_t state;
	memset(&state, 0, sizeof(state));
	while (len > 0) {
		wchar_t c;
		const size_t used = mbrtowc(&c, (const char *)data, len, &state);
		if (used == 0 || used > len)	/* a NUL, or an incomplete or invalid sequence */
			return false;
		if (c != L'\n' && c != L'\t' && !iswprint((wint_t)c))
			return false;
		data += used;
		len -= used;
	}
	return true;
}

static enum as_err write_object(struct request *request, const struct object *object)
{
	struct out *out = &request->out;
	if (out->json) {
		json_t *row = json_object();
		json_add(&row, "key", json_key(object->key));
		json_add(&row, "segment", json_number(object->segment));
		json_add(&row, "offset", json_number(object->offset));
		json_add(&row, "size", json_number(object->len));
		json_add(&row, "data", json_base64(object->data, object->len));
		json_object_out(out, row);
		return AS_OK;
	}
	if (out->width > 0 && !request->options.force && !is_text(object->data, object->len)) {
		message("%zu bytes of binary data: not written to a terminal without --force",
			object->len);
		return AS_ERR_DENIED;
	}
	fwrite(object->data, 1, object->len, out->stream);
	out_goes_on(out);
	return AS_OK;
}

int cmd_get(struct request *request)
{
	struct object object = { .data = NULL };
	struct repo *repo;
	if (!key_prefix_parse(request->args[1], &object.prefix)) {
		message("'%s' is not a key: give 1 to 64 hex digits", request->args[1]);
		return EXIT_USAGE;
	}
	enum as_err err = repository_open(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	err = find_object(request, repo, &object);
	if (err == AS_OK)
		err = write_object(request, &object);
	free(object.data);
	repository_close(repo);
	return err == AS_ERR_INTEGRITY ? EXIT_PROBLEMS : message_status(err);
}
