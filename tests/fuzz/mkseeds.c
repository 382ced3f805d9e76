/* mkseeds FOLDER [REPOSITORY...] - write the seeds of the fuzz targets to FOLDER/TARGET/NAME, made
 * from small repositories and from the given ones. */
#include "build-config.h"

#include "tests/support/builder.h"
#include "tests/fuzz/archive.h"
#include "tests/fuzz/seal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (4u * 1024u)		/* a larger file is no seed */
#define ARCHIVE_MAX (32u * 1024u)	/* likewise a larger archive */

static const char *folder;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		fail(path);
}

/* The seed of a segment begins with a byte that says: no witnesses. */
static void write_seed(const char *target, const char *name, const void *bytes, size_t len)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, target);
	make_folder(path);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
	for (char *c = path + strlen(path) - strlen(name); *c; c++)
		if (*c == '/')
			*c = '-';
	FILE *file = fopen(path, "wb");
	if (!file || (strcmp(target, "segment") == 0 && fputc(0, file) == EOF) ||
	    fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		fail(path);
}

/* ---- a repository's files ---- */

struct archive {
	const char *name;		/* of the repository */
	uint8_t bytes[ARCHIVE_MAX];
	size_t len;
	bool is_too_large;
};

static const char *target_of(const char *path)
{
	static const char *const kinds[][2] = {
		{ "data/", "segment" }, { "index.", "index" }, { "hints.", "hints" },
		{ "integrity.", "integrity" }, { "config", "config" },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(path, kinds[i][0], strlen(kinds[i][0])) == 0)
			return kinds[i][1];
	return NULL;
}

static void add_file(struct archive *archive, const char *path, const uint8_t *bytes, size_t len)
{
	char name[4096];
	const char *target = target_of(path);
	snprintf(name, sizeof(name), "%s-%s", archive->name, path);
	if (target && len <= FILE_MAX)
		write_seed(target, name, bytes, len);
	if (ARCHIVE_HEAD(strlen(path)) + len > ARCHIVE_MAX - archive->len) {
		archive->is_too_large = true;
		return;
	}
	archive->len += archive_write_head(path, len, archive->bytes + archive->len);
	memcpy(archive->bytes + archive->len, bytes, len);
	archive->len += len;
}

static void add_folder(struct archive *archive, const char *repo, const char *path);

static void add_named(struct archive *archive, const char *repo, const char *path)
{
	char whole[4096];
	struct stat st;
	snprintf(whole, sizeof(whole), "%s/%s", repo, path);
	if (lstat(whole, &st) != 0)
		fail(whole);
	if (S_ISDIR(st.st_mode))
		add_folder(archive, repo, path);
	if (!S_ISREG(st.st_mode))
		return;
	size_t len;
	uint8_t *bytes = builder_read_file(whole, &len);
	add_file(archive, path, bytes, len);
	free(bytes);
}

static void add_folder(struct archive *archive, const char *repo, const char *path)
{
	char whole[4096], below[2048];
	struct dirent **names;
	snprintf(whole, sizeof(whole), "%s/%s", repo, path);
	const int count = scandir(whole, &names, NULL, alphasort);
	if (count < 0)
		fail(whole);
	for (int i = 0; i < count; i++) {
		snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "/" : "",
			 names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			add_named(archive, repo, below);
		free(names[i]);
	}
	free(names);
}

static void add_repository(const char *repo, const char *name)
{
	static struct archive archive;
	archive = (struct archive){ .name = name };
	add_folder(&archive, repo, "");
	if (!archive.is_too_large)
		write_seed("repository", name, archive.bytes, archive.len);
}

/* ---- small repositories ---- */

static void put(struct builder *builder, unsigned number, size_t len)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	builder_put_some(builder, key, len);
}

static void drop(struct builder *builder, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	builder_delete(builder, key);
}

/* Two transactions with superseded and deleted objects, and a small index. */
static void fill(struct builder *builder)
{
	for (unsigned i = 0; i < 6; i++)
		put(builder, i, 10 * i);
	builder_commit(builder);
	put(builder, 2, 33);
	drop(builder, 3);
	put(builder, 7, 3);
	builder_commit(builder);
	builder_write_hints(builder, builder_head(builder));
	builder_write_index(builder, builder_head(builder), 16);
}

static void damage_nothing(struct builder *builder)
{
	(void)builder;
}

static void leave_tail(struct builder *builder)
{
	put(builder, 8, 20);
	builder_append(builder, "\1\2\3\4\62\0\0\0", 8);
}

static void lose_index(struct builder *builder)
{
	char path[BUILDER_PATH], name[32];
	snprintf(name, sizeof(name), "index.%u", (unsigned)builder_head(builder));
	builder_path(builder, name, path);
	remove(path);
}

static void flip_payload(struct builder *builder)
{
	char path[BUILDER_PATH];
	builder_segment_path(builder, 0, path);
	builder_flip(path, 100, 4);
}

/* Borg dies of digests that it cannot read. */
static void empty_digests(struct builder *builder)
{
	char path[BUILDER_PATH], name[32];
	snprintf(name, sizeof(name), "integrity.%u", (unsigned)builder_head(builder));
	builder_path(builder, name, path);
	builder_write_file(path, "", 0);
}

/* A process that died while it held the lock. */
static void leave_lock(struct builder *builder)
{
	static const char roster[] = "{\"exclusive\": [[\"nas@1\", 2000000000, 0]]}";
	char path[BUILDER_PATH];
	builder_path(builder, "lock.exclusive", path);
	make_folder(path);
	builder_path(builder, "lock.exclusive/nas@1.2000000000-0", path);
	builder_write_file(path, "", 0);
	builder_path(builder, "lock.roster", path);
	builder_write_file(path, roster, sizeof(roster) - 1);
}

static void commit_unknown(struct builder *builder)
{
	put(builder, 9, 60);
	builder_commit(builder);
}

static void lose_commit(struct builder *builder)
{
	char path[BUILDER_PATH];
	struct stat st;
	builder_segment_path(builder, builder_head(builder), path);
	if (stat(path, &st) != 0)
		fail(path);
	builder_truncate(path, (uint64_t)st.st_size - 4);
}

/* A whole segment as a payload. */
static void nest(struct builder *builder)
{
	uint8_t key[BUILDER_KEY], inner[200], outer[BUILDER_KEY];
	size_t len = 0;
	builder_key(1, key);
	len += builder_encode(BUILDER_PUT, key, "phantom", 7, inner + len);
	len += builder_encode(BUILDER_DELETE, key, NULL, 0, inner + len);
	len += builder_encode(BUILDER_COMMIT, NULL, NULL, 0, inner + len);
	builder_key(10, outer);
	builder_put(builder, outer, inner, len);
	builder_commit(builder);
	builder_write_hints(builder, builder_head(builder));
	builder_write_index(builder, builder_head(builder), 24);
}

static void build(const char *place, const char *name, void (*damage)(struct builder *builder),
		  bool is_borg)
{
	char repo[BUILDER_PATH + 16], whole[64];
	snprintf(whole, sizeof(whole), "%s%s", is_borg ? "borg-" : "", name);
	snprintf(repo, sizeof(repo), "%s/%s", place, whole);
	struct builder *builder = builder_new(repo, 4, 200);
	if (is_borg)
		builder_use_borg(builder);
	fill(builder);
	damage(builder);
	builder_free(builder);
	add_repository(repo, whole);
}

/* ---- files that no fresh repository has ---- */

static void write_text(const char *target, const char *name, const char *text)
{
	write_seed(target, name, text, strlen(text));
}

static void write_manifests(void)
{
	char salvage[] =
		"atticscope-undo 1\naction salvage\nbefore 46\nafter 49\nmade data/4/48\n"
		"made data/5\nmoved data/0/7\nmoved hints.46\nreplaced index.46\n"
		"moved index.tmp\nmoved hints.46.tmp\nend 00000000\n";
	char recover[] =
		"atticscope-undo 1\naction recover\nbefore none\nafter none\nmade index.0\n"
		"end 00000000\n";
	seal_manifest((uint8_t *)salvage, strlen(salvage));
	seal_manifest((uint8_t *)recover, strlen(recover));
	write_text("manifest", "salvage", salvage);
	write_text("manifest", "recover", recover);
}

/* A repair that was cut short: index and hints are in the undo folder, new ones are not made yet.
 */
static void stop_repair(struct builder *builder)
{
	static const char *const names[] = { "hints", "index" };
	const unsigned head = builder_head(builder);
	char path[BUILDER_PATH], to[BUILDER_PATH], below[64], manifest[256];
	builder_path(builder, "undo", path);
	make_folder(path);
	builder_path(builder, "undo/20260101T000000Z-recover", path);
	make_folder(path);
	for (size_t i = 0; i < 2; i++) {
		snprintf(below, sizeof(below), "%s.%u", names[i], head);
		builder_path(builder, below, path);
		snprintf(below, sizeof(below), "undo/20260101T000000Z-recover/%s.%u", names[i],
			 head);
		builder_path(builder, below, to);
		if (rename(path, to) != 0)
			fail(path);
	}
	const int len = snprintf(manifest, sizeof(manifest),
				 "atticscope-undo 1\naction recover\nbefore %u\nafter %u\n"
				 "replaced hints.%u\nreplaced index.%u\nend 00000000\n",
				 head, head, head, head);
	seal_manifest((uint8_t *)manifest, (size_t)len);
	builder_path(builder, "undo/20260101T000000Z-recover/manifest", path);
	builder_write_file(path, manifest, (size_t)len);
}

static void write_records(void)
{
	write_text("records", "report",
		   "{\"repository_id\":\"000102030405060708090a0b0c0d0e0f"
		   "101112131415161718191a1b1c1d1e1f\",\"records\":{\"version\":1,\"columns\":"
		   "[\"segment\",\"bytes\",\"inode\",\"modified\",\"changed\",\"verified\","
		   "\"complete\",\"puts\",\"deletes\",\"commits\",\"live\",\"live_bytes\","
		   "\"mark\",\"others\"],\"rows\":[[3,5000,77,1000,1001,9,true,5,1,1,4,300,"
		   "\"0123456789abcdef\",[[\"000102030405060708090a0b0c0d0e0f"
		   "101112131415161718191a1b1c1d1e1f\",8,60,true]]],[4,50,78,1,1,9,false,1,0,0,1,"
		   "42,\"00000000000000ff\",[]]]}}");
}

static void write_configs(void)
{
	write_text("config", "odd",
		   "# comment\r\n[DEFAULT]\r\nVersion: 1\r\n[repository]\r\n"
		   "segments_per_dir = 5 ; no comment\r\nid =\r\n 00\r\n\r\n[other]\r\nx=1\r\n");
}

static void write_rosters(void)
{
	write_text("roster", "both",
		   "{\"exclusive\": [[\"nas@3281355014145\", 4711, 0]], \"shared\": "
		   "[[\"b\\u00e4r\", 8, 1], [\"nas@1\", 9, 0]]}");
	write_text("roster", "numbers", "{\"shared\": [[\"\\u0000\", 1e9, 99999999999999999999]]}");
	write_text("roster", "name", "nas.example.org@2.4711-ff");
}

static void write_integrity(void)
{
	write_text("integrity", "borg",
		   "\x83\xa7version\x02\xa5hints\xd9\x40{\"algorithm\": \"XXH64\", "
		   "\"digests\": {\"final\": \"3ff95f3c1b9b309d\"}}\xa5index\xd9\x62"
		   "{\"algorithm\": \"XXH64\", \"digests\": {\"HashHeader\": "
		   "\"a69d28365b4f47b5\", \"final\": \"13e8f99843571372\"}}");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*damage)(struct builder *builder);
	} kinds[] = {
		{ "clean", damage_nothing }, { "tail", leave_tail }, { "no-index", lose_index },
		{ "flip", flip_payload }, { "ahead", commit_unknown },
		{ "no-commit", lose_commit }, { "nested", nest }, { "stopped", stop_repair },
	};
	char place[BUILDER_PATH];
	if (argc < 2) {
		fprintf(stderr, "usage: mkseeds FOLDER [REPOSITORY...]\n");
		return 16;
	}
	folder = argv[1];
	make_folder(folder);
	builder_make_folder(place);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		build(place, kinds[i].name, kinds[i].damage, false);
		build(place, kinds[i].name, kinds[i].damage, true);
	}
	build(place, "no-digests", empty_digests, true);
	build(place, "locked", leave_lock, true);
	builder_remove_folder(place);
	write_manifests();
	write_records();
	write_configs();
	write_rosters();
	write_integrity();
	for (int i = 2; i < argc; i++) {
		char name[64];
		snprintf(name, sizeof(name), "given%d", i - 1);
		add_repository(argv[i], name);
	}
	return 0;
}
