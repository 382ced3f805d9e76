/* REPO/integrity.N: any bytes. */
#include "build-config.h"

#include "engine/format/integrity.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define TRANSACTION 7u

static void check_digest(const struct integrity_digest *digest, bool is_read)
{
	need(digest->state == DIGEST_READ || digest->state == DIGEST_UNKNOWN ||
	     digest->state == DIGEST_UNREADABLE);
	need(is_read || (digest->state == DIGEST_UNREADABLE && !digest->has_header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct integrity integrity;
	uint8_t *copy = malloc(size > 0 ? size : 1);	/* ends where the sanitizer sees it */
	need(copy);
	memcpy(copy, data, size);
	integrity_parse(copy, size, TRANSACTION, &integrity);
	free(copy);
	const bool is_read = integrity.state == INTEGRITY_READ;
	need(integrity.transaction == TRANSACTION);
	need(is_read || integrity.state == INTEGRITY_DAMAGED ||
	     integrity.state == INTEGRITY_UNKNOWN);
	need(!is_read || integrity.version == 2);
	/* a map, three names, and what they name */
	need(!is_read || size >= 1 + 8 + 1 + 6 + 1 + 6 + 1);
	check_digest(&integrity.hints, is_read);
	check_digest(&integrity.index, is_read);
	return 0;
}
