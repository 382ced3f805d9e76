#include "build-config.h"

#include "base/crc.h"

#include <zlib.h>

#if defined(HAVE_ISAL)
#include <isa-l/crc.h>
#define LIBRARY "ISA-L"
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define FASTEST(crc, data, len) by_isal(crc, data, len)

__attribute__((target("avx"))) static void clear_upper_halves(void)
{
	_mm256_zeroupper();
}

/* ISA-L leaves the upper halves of the vector registers in use. On some processors each change
 * between its instructions and the older ones of compiled code then takes a tenth of a microsecond,
 * which is more than the checksum of a small entry. */
static uint32_t by_isal(uint32_t crc, const void *data, size_t len)
{
	crc = crc32_gzip_refl(crc, data, len);
	if (__builtin_cpu_supports("avx"))
		clear_upper_halves();
	return crc;
}
#else
#define FASTEST(crc, data, len) crc32_gzip_refl(crc, data, len)
#endif
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
