#include "build-config.h"

#include "tests/support/borg_seal.h"

#include "tests/support/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* The digests of one file as JSON: of its first @header bytes where that is not 0, and of all. */
static size_t seal(char *out, size_t size, const char *path, size_t header)
{
	char text[64], more[64] = "";
	size_t len;
	const char *name = strrchr(path, '/') + 1;
	uint8_t *bytes = builder_read_file(path, &len);
	XXH64_state_t *hash = XXH64_createState();
	if (!hash || len < header)
		abort();
	XXH64_reset(hash, 0);
	snprintf(text, sizeof(text), "%10zu%s", strlen(name), name);
	XXH64_update(hash, text, strlen(text));
	XXH64_update(hash, bytes, header);
	if (header > 0) {
		snprintf(text, sizeof(text), "        10HashHeader%zu", header);
		XXH64_update(hash, text, strlen(text));
		snprintf(more, sizeof(more), "\"HashHeader\": \"%016llx\", ",
			 (unsigned long long)XXH64_digest(hash));
	}
	XXH64_update(hash, bytes + header, len - header);
	snprintf(text, sizeof(text), "         5final%zu", len);
	XXH64_update(hash, text, strlen(text));
	const int used = snprintf(out, size, "{\"algorithm\": \"XXH64\", \"digests\": "
				  "{%s\"final\": \"%016llx\"}}", more,
				  (unsigned long long)XXH64_digest(hash));
	XXH64_freeState(hash);
	free(bytes);
	return (size_t)used;
}

void borg_seal(const char *repo, uint32_t transaction)
{
	char path[BUILDER_PATH], json[256], file[1024];
	snprintf(path, sizeof(path), "%.400s/hints.%u", repo, transaction);
	size_t len = seal(json, sizeof(json), path, 0);
	size_t at = (size_t)snprintf(file, sizeof(file), "\x83\xa7version\x02\xa5hints\xd9%c%s",
				     (int)len, json);
	snprintf(path, sizeof(path), "%.400s/index.%u", repo, transaction);
	len = seal(json, sizeof(json), path, 18);
	at += (size_t)snprintf(file + at, sizeof(file) - at, "\xa5index\xd9%c%s", (int)len, json);
	snprintf(path, sizeof(path), "%.400s/integrity.%u", repo, transaction);
	builder_write_file(path, file, at);
}
