#include "build-config.h"

#include "base/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERFACES_MAX 64
#define ADDRESS_SIZE 6		/* bytes of a hardware address */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char own_name[2 * MACHINE_NAME_SIZE];	/* empty: unknown */

/* The host name with its domain, as the name service completes it. */
static void find_host(char *host, size_t size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_CANONNAME };
	struct addrinfo *list;
	if (gethostname(host, size) != 0)
		host[0] = '\0';
	host[size - 1] = '\0';
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return;
	const struct addrinfo *at = list;
	while (at && !(at->ai_canonname && at->ai_canonname[0]))
		at = at->ai_next;
	if (at)
		snprintf(host, size, "%s", at->ai_canonname);
	freeaddrinfo(list);
}

/* The hardware address of the first network interface that has one: what Python's uuid.getnode,
 * through libuuid, finds as well. A random one has the multicast bit set (RFC 4122). */
static void find_address(uint8_t address[ADDRESS_SIZE])
{
	static const uint8_t none[ADDRESS_SIZE];
	struct ifreq rows[INTERFACES_MAX];
	struct ifconf list = { .ifc_len = sizeof(rows), .ifc_req = rows };
	bool is_found = false;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ioctl(fd, SIOCGIFCONF, &list) != 0)
		list.ifc_len = 0;
	const size_t count = fd >= 0 ? (size_t)list.ifc_len / sizeof(rows[0]) : 0;
	for (size_t i = 0; !is_found && i < count; i++) {
		if (ioctl(fd, SIOCGIFHWADDR, &rows[i]) != 0)
			continue;
		memcpy(address, rows[i].ifr_hwaddr.sa_data, ADDRESS_SIZE);
		is_found = memcmp(address, none, ADDRESS_SIZE) != 0;
	}
	if (fd >= 0)
		close(fd);
	if (is_found)
		return;
	if (getrandom(address, ADDRESS_SIZE, 0) != ADDRESS_SIZE)
		memcpy(address, none, ADDRESS_SIZE);
	address[0] |= 1;
}

static void find_name(void)
{
	char host[MACHINE_NAME_SIZE];
	uint8_t address[ADDRESS_SIZE];
	uint64_t number = 0;
	find_host(host, sizeof(host));
	find_address(address);
	for (size_t i = 0; i < ADDRESS_SIZE; i++)
		number = number << 8 | address[i];
	snprintf(own_name, sizeof(own_name), "%s@%" PRIu64, host, number);
}

bool machine_name(char out[MACHINE_NAME_SIZE])
{
	const char *given = getenv("BORG_HOST_ID");
	if (!given || !*given) {
		pthread_once(&once, find_name);
		given = own_name;
	}
	const size_t len = strlen(given);
	if (len >= MACHINE_NAME_SIZE)
		return false;
	memcpy(out, given, len + 1);
	return true;
}

bool process_is_gone(pid_t pid)
{
	return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

bool process_name(pid_t pid, char *out, size_t size)
{
	FILE *file = open_proc(pid, "comm");
	out[0] = '\0';
	if (!file)
		return false;
	if (fgets(out, (int)size, file))
		out[strcspn(out, "\n")] = '\0';
	fclose(file);
	return true;
}

/* The time at which the machine was started; 0 where it is not known. */
static int64_t find_boot(void)
{
	char line[256];
	int64_t boot = 0;
	FILE *file = fopen("/proc/stat", "re");
	while (file && boot == 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "btime %" SCNd64, &boot) != 1)
			boot = 0;
	if (file)
		fclose(file);
	return boot;
}

bool process_start(pid_t pid, int64_t *start)
{
	char line[1024] = "";
	uint64_t ticks;
	FILE *file = open_proc(pid, "stat");
	if (!file)
		return false;
	const bool is_read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	/* The program's name may hold anything, so count from the last ')': proc(5), field 22. */
	const char *rest = is_read ? strrchr(line, ')') : NULL;
	const int64_t boot = find_boot();
	const long per_second = sysconf(_SC_CLK_TCK);
	if (!rest || boot == 0 || per_second <= 0 ||
	    sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
		   " %*d %*d %" SCNu64, &ticks) != 1)
		return false;
	*start = boot + (int64_t)(ticks / (uint64_t)per_second);
	return true;
}
