/* engine/base/huge_pages.h - memory of whole huge pages.
 *
 * For large tables that are read at random places. With small pages each look-up would first wait
 * for the page table, and the system would hand out thousands of pages one by one. Where it has no
 * huge pages, small ones are used.
 */
#ifndef ATTICSCOPE_HUGE_PAGES_H
#define ATTICSCOPE_HUGE_PAGES_H

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* @size uninitialised bytes, rounded up to whole huge pages; free() them. NULL: out of
 * memory. */
static inline void *huge_pages_new(size_t size)
{
	const size_t rounded = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *bytes = aligned_alloc(HUGE_PAGE, rounded);

	if (bytes)
		madvise(bytes, rounded, MADV_HUGEPAGE);
	return bytes;
}

#endif
