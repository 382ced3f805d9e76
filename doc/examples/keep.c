/* keep list REPO           the names of what is kept in the store REPO
 * keep put REPO FILE...    keep these files, all or none; REPO is made where there is none
 * keep get REPO NAME       print what is kept as NAME
 *
 * cc -o keep keep.c $(pkg-config --cflags --libs atticstore) */
#include <atticstore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const struct as_error *error)
{
	fprintf(stderr, "keep: %s: %s\n", as_err_name(error->code), error->message);
	return 1;
}

/* The key of a file is the end of its name, filled up with zeros, so that list can show it. Where
 * there are many objects take a good hash of something instead. */
static void make_key(const char *path, char key[AS_KEY_SIZE])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const size_t len = strlen(name);
	const size_t over = len > AS_KEY_SIZE ? len - AS_KEY_SIZE : 0;
	memset(key, 0, AS_KEY_SIZE);
	memcpy(key, name + over, len - over);
}

/* The bytes of the file @path, for the caller to free; NULL after a message. */
static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(AS_VALUE_MAX + 1);
	*size = file && bytes ? fread(bytes, 1, AS_VALUE_MAX + 1, file) : 0;
	if (!file || !bytes || ferror(file)) {
		fprintf(stderr, "keep: %s: cannot be read\n", path);
		free(bytes);
		bytes = NULL;
	}
	if (file)
		fclose(file);
	return bytes;
}

/* A store whose last writer was killed is put in order here, and only here: as_open leaves it as it
 * is, and reading goes on without. */
static enum as_err mend(struct as_store *store, struct as_error *error)
{
	struct as_state state;
	as_get_state(store, &state);
	if (state.needs_rollback)
		return as_rollback(store, 0, error);
	return state.needs_recover ? as_recover(store, 0, error) : AS_OK;
}

/* Where one file fails none is kept: as_close without as_commit forgets them all. */
static int keep_files(struct as_store *store, char **paths)
{
	struct as_error error;
	enum as_err err = mend(store, &error);
	for (; err == AS_OK && *paths; paths++) {
		char key[AS_KEY_SIZE];
		size_t size;
		void *bytes = read_file(*paths, &size);
		if (!bytes)
			return 1;
		make_key(*paths, key);
		err = as_put(store, key, sizeof(key), bytes, size, &error);
		free(bytes);
	}
	if (err == AS_OK)
		err = as_commit(store, 0, NULL, &error);
	return err == AS_OK ? 0 : fail(&error);
}

static int print_file(struct as_store *store, const char *name)
{
	struct as_error error;
	char key[AS_KEY_SIZE];
	void *value;
	size_t size;
	make_key(name, key);
	if (as_get(store, key, sizeof(key), &value, &size, &error) != AS_OK)
		return fail(&error);
	const size_t written = fwrite(value, 1, size, stdout);
	free(value);
	return written < size;
}

static int print_name(void *context, const uint8_t key[AS_KEY_SIZE])
{
	(void)context;
	return printf("%.*s\n", AS_KEY_SIZE, (const char *)key) < 0;
}

int main(int argc, char **argv)
{
	struct as_error error;
	struct as_store *store = NULL;
	const char *verb = argc > 2 ? argv[1] : "";
	enum as_err err = AS_OK;
	int status = 2;
	if (!strcmp(verb, "put"))
		err = as_create(argv[2], NULL, &error);
	if (argc > 2 && (err == AS_OK || err == AS_ERR_ALREADY_EXISTS))
		err = as_open(argv[2], NULL, &store, &error);
	if (err != AS_OK)
		status = fail(&error);
	else if (!strcmp(verb, "put"))
		status = keep_files(store, argv + 3);
	else if (!strcmp(verb, "get") && argc == 4)
		status = print_file(store, argv[3]);
	else if (!strcmp(verb, "list"))
		status = as_each_key(store, print_name, NULL, &error) == AS_OK ? 0 : fail(&error);
	else
		fprintf(stderr, "usage: keep list REPO | put REPO FILE... | get REPO NAME\n");
	as_close(store);
	return status;
}
