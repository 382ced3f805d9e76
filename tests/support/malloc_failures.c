#include "build-config.h"

#include "tests/support/malloc_failures.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct {
	atomic_bool is_armed;
	atomic_uint count;
	unsigned at;
	bool for_good;
	atomic_int maps;
} failures;

void malloc_failures_arm(unsigned at, bool for_good)
{
	failures.at = at;
	failures.for_good = for_good;
	failures.count = 0;
	failures.is_armed = true;
}

unsigned malloc_failures_disarm(void)
{
	failures.is_armed = false;
	return failures.count;
}

int malloc_failures_mapped(void)
{
	return failures.maps;
}

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

bool malloc_failures_leaked(void)
{
	return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0;
}

static bool is_refused(void)
{
	if (!failures.is_armed)
		return false;
	const unsigned number = ++failures.count;
	if (!failures.at || number < failures.at || (number > failures.at && !failures.for_good))
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- what the linker calls instead ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __real_realloc(old, size);
}

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return is_refused() ? NULL : __real_reallocarray(old, count, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return is_refused() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return is_refused() ? NULL : __real_strdup(text);
}

int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list args;
	if (is_refused())
		return -1;
	va_start(args, format);
	const int printed = vasprintf(out, format, args);
	va_end(args);
	return printed;
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	return is_refused() ? NULL : __real_fopen(path, mode);
}

ssize_t __real_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
	return is_refused() ? -1 : __real_getline(line, size, file);
}

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (is_refused())
		return MAP_FAILED;
	void *map = __real_mmap(at, len, protection, flags, fd, offset);
	failures.maps += map != MAP_FAILED;
	return map;
}

/* The engine never gives an address. */
void *__real_mremap(void *old, size_t old_len, size_t len, int flags, ...);
void *__wrap_mremap(void *old, size_t old_len, size_t len, int flags, ...);
void *__wrap_mremap(void *old, size_t old_len, size_t len, int flags, ...)
{
	return is_refused() ? MAP_FAILED : __real_mremap(old, old_len, len, flags);
}

int __real_munmap(void *map, size_t len);
int __wrap_munmap(void *map, size_t len);
int __wrap_munmap(void *map, size_t len)
{
	failures.maps--;
	return __real_munmap(map, len);
}

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument)
{
	return is_refused() ? EAGAIN : __real_pthread_create(id, attributes, start, argument);
}
