#include "build-config.h"

#include "base/crc.h"

#include <zlib.h>

#if defined(HAVE_ISAL)
#include <isa-l/crc.h>
#define LIBRARY "ISA-L"
#define FASTEST(crc, data, len) crc32_gzip_refl(crc, data, len)
#elif defined(HAVE_LIBDEFLATE)
#include <libdeflate.h>
#define LIBRARY "libdeflate"
#define FASTEST(crc, data, len) libdeflate_crc32(crc, data, len)
#else
#define LIBRARY "zlib"
#define FASTEST(crc, data, len) (uint32_t)crc32_z(crc, data, len)
#endif

/* The combination of two CRCs is always zlib's: it costs nothing by the byte. */
uint32_t crc32_between(uint32_t crc_a, uint32_t crc_b, uint64_t len)
{
	/* CRC(AB) is CRC(A) moved on by the length of B, xor CRC(B). With B's own CRC taken as 0
	 * what comes out is the moved CRC(A) alone. */
	const uLong moved = crc32_combine64(crc_a, 0, (z_off64_t)len);
	return crc_b ^ (uint32_t)moved;
}

uint32_t crc32_update(uint32_t crc, const void *data, size_t len)
{
	return len > 0 ? FASTEST(crc, data, len) : crc;
}

const char *crc32_library(void)
{
	return LIBRARY;
}
