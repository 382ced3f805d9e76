#include "build-config.h"

#include "format/integrity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define VERSION_KNOWN 2
#define WINDOW ((size_t)1 << 20)	/* bytes of a file that are read at a time */

/* ---- msgpack ---- */

/* The file is small, and holds nothing but numbers and texts: no need for a library that takes
 * memory for whatever a count claims. */
struct cursor {
	const uint8_t *at, *end;
};

struct item {
	bool is_text, is_number;
	const uint8_t *text;
	uint64_t value;		/* of a number, or the length of a text */
};

/* The next @bytes bytes as a number, the first one its highest. */
static bool read_number(struct cursor *c, unsigned bytes, uint64_t *value)
{
	if ((size_t)(c->end - c->at) < bytes)
		return false;
	*value = 0;
	while (bytes-- > 0)
		*value = *value << 8 | *c->at++;
	return true;
}

/* A number from 0 on, or a text. False: it is anything else, or is cut short. */
static bool read_item(struct cursor *c, struct item *item)
{
	uint64_t type;
	*item = (struct item){ .is_text = false };
	if (!read_number(c, 1, &type))
		return false;
	if (type < 0x80) {
		item->is_number = true;
		item->value = type;
		return true;
	}
	if (type >= 0xcc && type <= 0xcf) {
		item->is_number = true;
		return read_number(c, 1u << (type - 0xcc), &item->value);
	}
	const bool is_short = type >= 0xa0 && type <= 0xbf, is_bin = type >= 0xc4 && type <= 0xc6;
	if (is_short)
		item->value = type & 0x1f;
	else if (!is_bin && !(type >= 0xd9 && type <= 0xdb))
		return false;
	else if (!read_number(c, 1u << (type - (is_bin ? 0xc4 : 0xd9)), &item->value))
		return false;
	if ((uint64_t)(c->end - c->at) < item->value)
		return false;
	item->is_text = true;
	item->text = c->at;
	c->at += item->value;
	return true;
}

static bool is_named(const struct item *item, const char *name)
{
	return item->is_text && item->value == strlen(name) &&
	       memcmp(item->text, name, item->value) == 0;
}

static bool read_map_header(struct cursor *c, uint64_t *count)
{
	uint64_t type;
	if (!read_number(c, 1, &type))
		return false;
	*count = type & 0x0f;
	return (type & 0xf0) == 0x80 || (type == 0xde && read_number(c, 2, count)) ||
	       (type == 0xdf && read_number(c, 4, count));
}

/* ---- JSON ---- */

/* Is @text the next that stands there? Then pass it. */
static bool pass(struct cursor *c, const char *text)
{
	const size_t len = strlen(text);
	const bool is_there = (size_t)(c->end - c->at) >= len && memcmp(c->at, text, len) == 0;
	if (is_there)
		c->at += len;
	return is_there;
}

/* 16 hex digits and a quote. */
static bool pass_digest(struct cursor *c, uint64_t *value)
{
	static const char digits[] = "0123456789abcdef";
	*value = 0;
	for (unsigned i = 0; i < 16; i++) {
		const char *digit = c->at < c->end ? memchr(digits, *c->at++, 16) : NULL;
		if (!digit)
			return false;
		*value = *value << 4 | (uint64_t)(digit - digits);
	}
	return pass(c, "\"");
}

/* Only the form in which Python writes it: every version of Borg does. */
static struct integrity_digest parse_digest(const struct item *item)
{
	struct integrity_digest digest = { .state = DIGEST_UNREADABLE };
	struct cursor c = { item->text, item->text + item->value };
	if (!pass(&c, "{\"algorithm\": \""))
		return digest;
	if (!pass(&c, "XXH64\", \"digests\": {")) {
		digest.state = DIGEST_UNKNOWN;
		return digest;
	}
	if (pass(&c, "\"HashHeader\": \"")) {
		if (!pass_digest(&c, &digest.header) || !pass(&c, ", "))
			return digest;
		digest.has_header = true;
	}
	if (pass(&c, "\"final\": \"") && pass_digest(&c, &digest.final) && pass(&c, "}}") &&
	    c.at == c.end)
		digest.state = DIGEST_READ;
	return digest;
}

/* ---- the file ---- */

void integrity_parse(const uint8_t *data, size_t len, uint32_t transaction,
		     struct integrity *integrity)
{
	struct cursor c = { data, data + len };
	struct item hints = { 0 }, index = { 0 }, version = { 0 };
	uint64_t count;
	*integrity = (struct integrity){ .state = INTEGRITY_DAMAGED, .transaction = transaction };
	if (!read_map_header(&c, &count))
		return;
	for (uint64_t i = 0; i < count; i++) {
		struct item key, value;
		if (!read_item(&c, &key) || !read_item(&c, &value))
			return;
		if (is_named(&key, "version"))
			version = value;
		else if (is_named(&key, "hints"))
			hints = value;
		else if (is_named(&key, "index"))
			index = value;
	}
	if (c.at != c.end)
		return;
	if (version.is_number)
		integrity->version = version.value > INT64_MAX ? INT64_MAX : (int64_t)version.value;
	if (integrity->version != VERSION_KNOWN) {
		integrity->state = INTEGRITY_UNKNOWN;
		return;
	}
	if (!hints.is_text || !index.is_text)
		return;
	integrity->hints = parse_digest(&hints);
	integrity->index = parse_digest(&index);
	integrity->state = INTEGRITY_READ;
}

enum as_err integrity_read(const struct io *io, int repo_fd, uint32_t transaction,
			   struct integrity *integrity)
{
	char name[sizeof("integrity.4294967295")];
	uint8_t *data;
	size_t len;
	*integrity = (struct integrity){ .transaction = transaction };
	snprintf(name, sizeof(name), "integrity.%" PRIu32, transaction);
	const enum as_err err = io_read_file(io, repo_fd, name, INTEGRITY_FILE_MAX, &data, &len);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err == AS_OK) {
		integrity_parse(data, len, transaction, integrity);
		free(data);
	} else if (err != AS_ERR_DOES_NOT_EXIST) {
		integrity->state = INTEGRITY_UNREADABLE;
	}
	return AS_OK;
}

/* ---- digests ---- */

/* What Borg hashes at the end of the part @part of a file: its name, with its length before it, and
 * how many bytes of the file came so far. */
static uint64_t end_part(XXH64_state_t *hash, const char *part, uint64_t len)
{
	char text[48];
	const int used = snprintf(text, sizeof(text), "%10zu%s%" PRIu64, strlen(part), part, len);
	XXH64_update(hash, text, (size_t)used);
	return XXH64_digest(hash);
}

/* Hash the bytes [*@offset, @end) of @fd, or to the end of the file where that comes first. */
static enum as_err hash_bytes(const struct io *io, int fd, uint8_t *window, uint64_t *offset,
			      uint64_t end, XXH64_state_t *hash, const _Atomic bool *cancel)
{
	while (*offset < end) {
		const uint64_t left = end - *offset;
		const size_t want = left < WINDOW ? (size_t)left : WINDOW;
		size_t got;
		if (cancel && *cancel)
			return AS_ERR_CANCELLED;
		const enum as_err err = io_read_at(io, fd, window, want, *offset, &got);
		if (err != AS_OK)
			return err;
		XXH64_update(hash, window, got);
		*offset += got;
		if (got < want)
			break;
	}
	return AS_OK;
}

enum as_err integrity_digest(const struct io *io, int repo_fd, const char *path, const char *name,
			     size_t header_size, const _Atomic bool *cancel,
			     struct integrity_digest *digest)
{
	char text[64];
	struct stat st;
	uint64_t offset = 0;
	int fd;
	*digest = (struct integrity_digest){ .state = DIGEST_UNREADABLE };
	enum as_err err = io_open_file(io, repo_fd, path, &fd, &st);
	if (err != AS_OK)
		return err;
	uint8_t *window = malloc(WINDOW);
	XXH64_state_t *hash = XXH64_createState();
	err = window && hash ? AS_OK : AS_ERR_MEMORY;
	if (err != AS_OK)
		goto out;
	const int used = snprintf(text, sizeof(text), "%10zu%s", strlen(name), name);
	XXH64_reset(hash, 0);
	XXH64_update(hash, text, (size_t)used);
	if (header_size > 0) {
		err = hash_bytes(io, fd, window, &offset, header_size, hash, cancel);
		digest->has_header = true;
		digest->header = end_part(hash, "HashHeader", offset);
	}
	if (err == AS_OK)
		err = hash_bytes(io, fd, window, &offset, UINT64_MAX, hash, cancel);
	if (err == AS_OK) {
		digest->state = DIGEST_READ;
		digest->final = end_part(hash, "final", offset);
	}
out:
	XXH64_freeState(hash);
	free(window);
	io_close(io, fd);
	return err;
}

enum as_err integrity_compare(const struct io *io, int repo_fd, const char *name,
			      size_t header_size, const struct integrity_digest *digest,
			      const _Atomic bool *cancel, bool *fits)
{
	struct integrity_digest own;
	*fits = false;
	if (digest->state != DIGEST_READ || (header_size > 0 && !digest->has_header))
		return AS_OK;
	const enum as_err err =
		integrity_digest(io, repo_fd, name, name, header_size, cancel, &own);
	*fits = err == AS_OK && own.final == digest->final &&
		(header_size == 0 || own.header == digest->header);
	return err;
}

/* ---- writing ---- */

/* Append a name and a text of 32 to 65535 bytes, as the old family of msgpack has them. */
static uint8_t *encode_text(uint8_t *at, const char *name, const char *text)
{
	const size_t name_len = strlen(name), len = strlen(text);
	*at++ = (uint8_t)(0xa0 + name_len);
	memcpy(at, name, name_len);
	at += name_len;
	*at++ = 0xda;
	*at++ = (uint8_t)(len >> 8);
	*at++ = (uint8_t)len;
	memcpy(at, text, len);
	return at + len;
}

size_t integrity_encode(const struct integrity_digest *hints, const struct integrity_digest *index,
			uint8_t out[INTEGRITY_BYTES])
{
	static const uint8_t head[] = "\x83\xa7version\x02";
	char text[128];
	uint8_t *at = out + sizeof(head) - 1;
	memcpy(out, head, sizeof(head) - 1);
	snprintf(text, sizeof(text), "{\"algorithm\": \"XXH64\", \"digests\": {\"final\": \"%016"
		 PRIx64 "\"}}", hints->final);
	at = encode_text(at, "hints", text);
	snprintf(text, sizeof(text), "{\"algorithm\": \"XXH64\", \"digests\": {\"HashHeader\": "
		 "\"%016" PRIx64 "\", \"final\": \"%016" PRIx64 "\"}}", index->header,
		 index->final);
	at = encode_text(at, "index", text);
	return (size_t)(at - out);
}
