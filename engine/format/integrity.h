/* engine/format/integrity.h - REPO/integrity.T: Borg's digests of index.T and hints.T.
 *
 * Sources: borg/repository.py, _read_integrity and write_index; borg/crypto/file_integrity.py.
 *   One msgpack map of the old family: "version": 2, "hints": JSON, "index": JSON
 *   JSON: {"algorithm": "XXH64", "digests": {"HashHeader": "<16 hex>", "final": "<16 hex>"}};
 *   the hints have no HashHeader.
 * A digest is that of the file's name with its length before it, of the bytes, and of the name and
 * the length of each part: integrity_digest builds it. Nothing covers integrity.T itself.
 */
#ifndef ATTICSCOPE_INTEGRITY_H
#define ATTICSCOPE_INTEGRITY_H

#include "base/io.h"

#define INTEGRITY_FILE_MAX (64u * 1024u)	/* bytes; Borg's has about 250 */

enum integrity_state {
	INTEGRITY_NONE,		/* the file is not there, or is not wanted */
	INTEGRITY_UNREADABLE,	/* the system does not give it */
	/* No msgpack, or a name is not in it: every command of Borg ends with an exception. */
	INTEGRITY_DAMAGED,
	INTEGRITY_UNKNOWN,	/* another version: Borg warns, and verifies nothing */
	INTEGRITY_READ
};

enum digest_state {
	DIGEST_UNREADABLE,	/* not in Borg's form: Borg makes the file once more */
	DIGEST_UNKNOWN,		/* another algorithm than XXH64: Borg warns, and verifies nothing */
	DIGEST_READ
};

struct integrity_digest {
	enum digest_state state;
	bool has_header;
	uint64_t header, final;
};

struct integrity {
	enum integrity_state state;
	uint32_t transaction;
	int64_t version;	/* as read; 0 where there is none */
	struct integrity_digest hints, index;
};

/* Parse the bytes of the file of @transaction. */
void integrity_parse(const uint8_t *data, size_t len, uint32_t transaction,
		     struct integrity *integrity);

/* Read REPO/integrity.@transaction. AS_ERR_MEMORY; every other failure is a state. */
enum as_err integrity_read(const struct io *io, int repo_fd, uint32_t transaction,
			   struct integrity *integrity);

/* The *@digest of the file @path in the folder @repo_fd, which bears the name @name, or will. With
 * @header_size bytes of header it has two digests, with 0 one. Errors: those of
 * io_open_file, AS_ERR_IO, AS_ERR_MEMORY, and AS_ERR_CANCELLED soon after *@cancel is set (NULL:
 * never). */
enum as_err integrity_digest(const struct io *io, int repo_fd, const char *path, const char *name,
			     size_t header_size, const _Atomic bool *cancel,
			     struct integrity_digest *digest);

/* Does the file @name in the folder @repo_fd have the @digest? One that is not DIGEST_READ fits
 * never. Errors as above. */
enum as_err integrity_compare(const struct io *io, int repo_fd, const char *name,
			      size_t header_size, const struct integrity_digest *digest,
			      const _Atomic bool *cancel, bool *fits);

/* The bytes of the file with these digests, as Borg writes them, into @out. Returns how many. */
#define INTEGRITY_BYTES 256u
size_t integrity_encode(const struct integrity_digest *hints, const struct integrity_digest *index,
			uint8_t out[INTEGRITY_BYTES]);

#endif
