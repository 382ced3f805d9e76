#include "build-config.h"

#include "base/machine.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_SIZE 6		/* bytes of a hardware address */

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

static bool is_of(const struct ifaddrs *row, int family)
{
	return row->ifa_addr && row->ifa_addr->sa_family == family;
}

/* The hardware address of the interface @name. False: it has none. */
static bool find_hardware(const struct ifaddrs *list, const char *name,
			  uint8_t address[ADDRESS_SIZE])
{
	static const uint8_t none[ADDRESS_SIZE];
	while (list && !(is_of(list, AF_PACKET) && strcmp(list->ifa_name, name) == 0))
		list = list->ifa_next;
	if (!list)
		return false;
	const void *any = list->ifa_addr;
	const struct sockaddr_ll *hardware = any;
	memcpy(address, hardware->sll_addr, ADDRESS_SIZE);
	return memcmp(address, none, ADDRESS_SIZE) != 0;
}

/* The hardware address of the first network interface that has one and speaks IPv4: what Python's
 * uuid.getnode, through libuuid, finds as well. A random one has the multicast bit set (RFC 4122).
 */
static void find_address(uint8_t address[ADDRESS_SIZE])
{
	struct ifaddrs *list = NULL;
	bool is_found = false;
	if (getifaddrs(&list) != 0)
		list = NULL;
	for (const struct ifaddrs *row = list; row && !is_found; row = row->ifa_next)
		is_found = is_of(row, AF_INET) && find_hardware(list, row->ifa_name, address);
	freeifaddrs(list);
	if (is_found)
		return;
	if (getrandom(address, ADDRESS_SIZE, 0) != ADDRESS_SIZE)
		memset(address, 0, ADDRESS_SIZE);
	address[0] |= 1;
}

bool machine_name(char out[MACHINE_NAME_SIZE])
{
	const char *given = getenv("BORG_HOST_ID");
	char host[MACHINE_NAME_SIZE];
	uint8_t address[ADDRESS_SIZE];
	uint64_t number = 0;
	if (given && *given)
		return snprintf(out, MACHINE_NAME_SIZE, "%s", given) < MACHINE_NAME_SIZE;
	find_host(host, sizeof(host));
	find_address(address);
	for (size_t i = 0; i < ADDRESS_SIZE; i++)
		number = number << 8 | address[i];
	return snprintf(out, MACHINE_NAME_SIZE, "%s@%" PRIu64, host, number) < MACHINE_NAME_SIZE;
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
