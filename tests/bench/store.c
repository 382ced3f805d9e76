/* tests/bench/store.c - how fast the store writes.
 *
 *   store fill REPO OBJECTS SIZE    create REPO, put OBJECTS values of SIZE bytes, one commit
 *   store steps REPO COMMITS SIZE   COMMITS commits of one put each
 *   store thin REPO                 delete every second object, commit, compact nothing
 *   store compact REPO
 *   store recover REPO              rebuild index and hints from the whole log
 *
 * Prints one JSON object: the seconds of the measured call, what it did, and the peak memory of the
 * process in KiB. Keys and values are made up and the same in every run. */
#include "build-config.h"

#include "engine/atticstore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void need(enum as_err err, const struct as_error *error)
{
	if (err == AS_OK)
		return;
	fprintf(stderr, "store: %s: %s\n", as_err_name(err), error->message);
	exit(1);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void fill_words(uint8_t *bytes, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i += 8) {
		const uint64_t word = mix(seed + i);
		memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
	}
}

/* Since exec; getrusage would also count the process that forked this one. */
static uint64_t peak_kib(void)
{
	char line[128];
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static struct as_store *open_store(const char *path)
{
	struct as_error error;
	struct as_store *store;
	need(as_open(path, NULL, &store, &error), &error);
	return store;
}

/* The clock starts after the values are made. They are one value with different beginnings. */
static void put_all(struct as_store *store, uint64_t first, uint64_t count, size_t size,
		    bool commit_each)
{
	struct as_error error;
	uint8_t key[AS_KEY_SIZE];
	uint8_t *value = malloc(size + 8);
	if (!value)
		exit(1);
	fill_words(value, size, 1);
	for (uint64_t i = first; i < first + count; i++) {
		fill_words(key, sizeof(key), i << 20);
		if (size >= 8)
			memcpy(value, &i, 8);
		need(as_put(store, key, sizeof(key), value, size, &error), &error);
		if (commit_each)
			need(as_commit(store, 0, NULL, &error), &error);
	}
	free(value);
}

static void fill(const char *path, uint64_t count, size_t size)
{
	struct as_error error;
	need(as_create(path, NULL, &error), &error);
	struct as_store *store = open_store(path);
	const double start = now();
	put_all(store, 0, count, size, false);
	const double put = now();
	need(as_commit(store, 0, NULL, &error), &error);
	const double done = now();
	as_close(store);
	printf("{\"seconds\": %.6f, \"put_seconds\": %.6f, \"commit_seconds\": %.6f, "
	       "\"objects\": %" PRIu64 ", \"peak_kib\": %" PRIu64 "}\n", done - start, put - start,
	       done - put, count, peak_kib());
}

static void step(const char *path, uint64_t count, size_t size)
{
	struct as_store *store = open_store(path);
	const double start = now();
	put_all(store, 1u << 30, count, size, true);
	const double done = now();
	as_close(store);
	printf("{\"seconds\": %.6f, \"commits\": %" PRIu64 ", \"peak_kib\": %" PRIu64 "}\n",
	       done - start, count, peak_kib());
}

struct keys {
	uint8_t (*rows)[AS_KEY_SIZE];
	uint64_t count, seen;
};

static int keep_every_second(void *context, const uint8_t key[AS_KEY_SIZE])
{
	struct keys *keys = context;
	if (keys->seen++ % 2 == 0)
		memcpy(keys->rows[keys->count++], key, AS_KEY_SIZE);
	return 0;
}

static void thin(const char *path)
{
	struct as_error error;
	struct as_store *store = open_store(path);
	struct keys keys = { .count = 0 };
	uint64_t count;
	need(as_len(store, &count, &error), &error);
	keys.rows = malloc((count + 1) * AS_KEY_SIZE);
	if (!keys.rows)
		exit(1);
	need(as_each_key(store, keep_every_second, &keys, &error), &error);
	const double start = now();
	for (uint64_t i = 0; i < keys.count; i++)
		need(as_delete(store, keys.rows[i], AS_KEY_SIZE, &error), &error);
	need(as_commit(store, AS_NO_COMPACT, NULL, &error), &error);
	const double done = now();
	as_close(store);
	free(keys.rows);
	printf("{\"seconds\": %.6f, \"deleted\": %" PRIu64 ", \"peak_kib\": %" PRIu64 "}\n",
	       done - start, keys.count, peak_kib());
}

static void compact(const char *path)
{
	struct as_error error;
	struct as_report report;
	struct as_store *store = open_store(path);
	const double start = now();
	need(as_compact(store, &report, &error), &error);
	const double done = now();
	as_close(store);
	printf("{\"seconds\": %.6f, \"segments\": %" PRIu32 ", \"entries_copied\": %" PRIu64
	       ", \"bytes_copied\": %" PRIu64 ", \"peak_kib\": %" PRIu64 "}\n", done - start,
	       report.segments_compacted, report.entries_copied, report.bytes_copied, peak_kib());
}

static void recover(const char *path)
{
	struct as_error error;
	struct as_store *store = open_store(path);
	const double start = now();
	need(as_recover(store, AS_FULL, &error), &error);
	const double done = now();
	as_close(store);
	printf("{\"seconds\": %.6f, \"peak_kib\": %" PRIu64 "}\n", done - start, peak_kib());
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	const uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	const size_t size = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	if (strcmp(what, "fill") == 0 && argc == 5)
		fill(argv[2], count, size);
	else if (strcmp(what, "steps") == 0 && argc == 5)
		step(argv[2], count, size);
	else if (strcmp(what, "thin") == 0)
		thin(argv[2]);
	else if (strcmp(what, "compact") == 0)
		compact(argv[2]);
	else if (strcmp(what, "recover") == 0)
		recover(argv[2]);
	else
		return 16;
	return 0;
}
