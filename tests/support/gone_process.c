#include "build-config.h"

#include "tests/support/gone_process.h"

pid_t __wrap_getpid(void)
{
	return GONE_PROCESS;
}
