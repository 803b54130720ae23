// SPDX-License-Identifier: GPL-2.0
/* The GPUs of this node; see inventory.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "commit/weights.h"
#include "daemon/inventory.h"

#define DRM_CLASS "/sys/class/drm"

/* Device nodes of these are no GPUs, whatever they look like. */
static const char *const pretenders[] = { "vgem", "vkms" };

static bool among(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(list[i], name))
			return true;
	}
	return false;
}

/* The last part of where a link points. Return: 0 or -errno. */
static int link_name(int dir, const char *link, char *out, size_t len)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return (size_t)snprintf(out, len, "%s", basename(target)) < len ? 0 : -ENAMETOOLONG;
}

/* "<bus>/<device>" of the device at @dir. */
static int device_name(const char *node, int dir, char *out, size_t len)
{
	char path[PATH_MAX], bus[64], real[PATH_MAX];
	int r = link_name(dir, "subsystem", bus, sizeof(bus));

	if (r)
		return r;
	snprintf(path, sizeof(path), DRM_CLASS "/%s/device", node);
	if (!realpath(path, real))
		return -errno;
	return (size_t)snprintf(out, len, "%s/%s", bus, basename(real)) < len ? 0 : -ENAMETOOLONG;
}

/*
 * Drivers that submit past drm_gpu_scheduler, or have one for each queue and let firmware multiplex
 * them (xe): what it says, if anything, is no busy time of the hardware.
 */
static bool is_told(const struct em_config *config, const char *driver)
{
	const char *at = config->told_drivers ?: EM_TOLD_DRIVERS;
	size_t n = strlen(driver);

	for (; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		if (strcspn(at, " ") == n && !strncmp(at, driver, n))
			return true;
	}
	return false;
}

static enum earmark_meter meter_of(int dir, const struct em_config *config, const char *driver)
{
	char module[64], path[PATH_MAX];

	if (is_told(config, driver))
		return EARMARK_METER_TOLD;
	if (link_name(dir, "driver/module", module, sizeof(module)))
		return EARMARK_METER_NONE;
	snprintf(path, sizeof(path), "/sys/module/gpu_sched/holders/%s", module);
	return access(path, F_OK) ? EARMARK_METER_NONE : EARMARK_METER_DRM;
}

/* Driver, and the ids of a PCI device; drivers that know the card's unique id say it. */
static void describe(int dir, const char *driver, struct earmark_gpu_info *info)
{
	char vendor[16], device[16];

	if (!em_file_line(dir, "vendor", vendor, sizeof(vendor)) &&
	    !em_file_line(dir, "device", device, sizeof(device)) && !strncmp(vendor, "0x", 2) &&
	    !strncmp(device, "0x", 2))
		snprintf(info->model, sizeof(info->model), "%s %s:%s", driver, vendor + 2,
			 device + 2);
	else
		snprintf(info->model, sizeof(info->model), "%s", driver);
	if (em_file_line(dir, "unique_id", info->uuid, sizeof(info->uuid)))
		info->uuid[0] = '\0';
}

static void override(const struct em_config *config, struct earmark_gpu_info *info)
{
	for (unsigned int i = 0; i < config->n_gpus; i++) {
		const struct em_config_gpu *gpu = &config->gpus[i];

		if (strcmp(gpu->name, info->name))
			continue;
		if (gpu->model)
			snprintf(info->model, sizeof(info->model), "%s", gpu->model);
		if (gpu->uuid)
			snprintf(info->uuid, sizeof(info->uuid), "%s", gpu->uuid);
		if (gpu->weight)
			info->weight = gpu->weight;
	}
}

static struct em_gpu *find(struct em_inventory *inv, const char *name)
{
	for (struct em_gpu *gpu = inv->gpus; gpu; gpu = gpu->next) {
		if (!strcmp(gpu->info.name, name))
			return gpu;
	}
	return NULL;
}

/* struct found - what one scan has put together */
struct found {
	struct em_gpu *gpus;
};

static struct em_gpu *found_gpu(struct found *found, const char *name)
{
	struct em_inventory all = { .gpus = found->gpus };
	struct em_gpu *gpu = find(&all, name);

	if (gpu)
		return gpu;
	gpu = calloc(1, sizeof(*gpu));
	if (!gpu)
		return NULL;
	snprintf(gpu->info.name, sizeof(gpu->info.name), "%s", name);
	gpu->next = found->gpus;
	found->gpus = gpu;
	return gpu;
}

static int devnum_of(int node, __u32 *devnum)
{
	unsigned int major, minor;
	char text[32];
	int r = em_file_line(node, "dev", text, sizeof(text));

	if (r)
		return r;
	if (sscanf(text, "%u:%u", &major, &minor) != 2)
		return -EPROTO;
	*devnum = major << 20 | minor;
	return 0;
}

static int compare_devnums(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

/* Adds a card* or renderD* node to its device. Nodes that vanish meanwhile are left out. */
static int node_add(struct found *found, int class, const char *node,
		    const struct em_config *config)
{
	_cleanup_close_ int dir = openat(class, node, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int device =
		dir < 0 ? -1 : openat(dir, "device", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[EARMARK_NAME_LEN], driver[32];
	struct em_gpu *gpu;
	__u32 devnum;

	if (device < 0 || device_name(node, device, name, sizeof(name)) ||
	    link_name(device, "driver", driver, sizeof(driver)) || devnum_of(dir, &devnum) ||
	    among(pretenders, ARRAY_SIZE(pretenders), driver))
		return 0;
	gpu = found_gpu(found, name);
	if (!gpu)
		return -ENOMEM;
	if (gpu->info.nr_devnums < EARMARK_DEVNUMS_MAX)
		gpu->info.devnums[gpu->info.nr_devnums++] = devnum;
	qsort(gpu->info.devnums, gpu->info.nr_devnums, sizeof(__u32), compare_devnums);
	snprintf(gpu->driver, sizeof(gpu->driver), "%s", driver);
	gpu->present |= !strncmp(node, "renderD", 7);
	gpu->info.meter = meter_of(device, config, driver);
	describe(device, driver, &gpu->info);
	override(config, &gpu->info);
	return 0;
}

static bool is_node(const char *name)
{
	const char *digits = !strncmp(name, "renderD", 7) ? name + 7
			     : !strncmp(name, "card", 4)  ? name + 4
							  : "";

	return *digits && digits[strspn(digits, "0123456789")] == '\0';
}

/* struct asking - of NVIDIA's driver */
struct asking {
	struct found *found;
	const struct em_config *config;
};

/* Nodes that DRM has of the same device are none that a channel is allocated on. */
static int add_nvidia(const struct earmark_gpu_info *info, void *arg)
{
	struct asking *a = arg;
	struct em_gpu *gpu = found_gpu(a->found, info->name);

	if (!gpu)
		return -ENOMEM;
	gpu->info = *info;
	gpu->info.weight = em_weight_flops(info->model);
	gpu->present = true;
	snprintf(gpu->driver, sizeof(gpu->driver), "nvidia");
	override(a->config, &gpu->info);
	return 0;
}

static int look(struct found *found, const struct em_config *config)
{
	_cleanup_closedir_ DIR *class = opendir(DRM_CLASS);
	struct dirent *entry;
	int r = 0;

	if (!class)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (entry = readdir(class))) {
		if (is_node(entry->d_name))
			r = node_add(found, dirfd(class), entry->d_name, config);
	}
	return r;
}

/* Takes a found GPU over. Return: whether it changes what is known. */
static bool merge(struct em_inventory *inv, const struct em_gpu *found)
{
	struct em_gpu *gpu = find(inv, found->info.name);

	if (!gpu) {
		gpu = calloc(1, sizeof(*gpu));
		if (!gpu)
			return false; /* the next scan finds it again */
		gpu->next = inv->gpus;
		inv->gpus = gpu;
	}
	gpu->seen = true;
	if (gpu->present && !memcmp(&gpu->info, &found->info, sizeof(gpu->info)))
		return false;
	gpu->info = found->info;
	memcpy(gpu->driver, found->driver, sizeof(gpu->driver));
	gpu->present = true;
	gpu->told = false;
	return true;
}

int em_inventory_scan(struct em_inventory *inv, const struct em_config *config)
{
	struct found found = { NULL };
	struct em_inventory gone = { 0 };
	struct asking asking = { &found, config };
	int r = look(&found, config);
	bool changed = false;

	if (inv->nvidia)
		em_nvidia_scan(inv->nvidia);
	if (!r && inv->nvidia)
		r = em_nvidia_gpus(inv->nvidia, add_nvidia, &asking);

	for (struct em_gpu *gpu = inv->gpus; gpu; gpu = gpu->next)
		gpu->seen = false;
	for (struct em_gpu *gpu = found.gpus; !r && gpu; gpu = gpu->next) {
		if (gpu->present)
			changed |= merge(inv, gpu);
	}
	for (struct em_gpu *gpu = inv->gpus; !r && gpu; gpu = gpu->next) {
		if (gpu->seen || !gpu->present)
			continue;
		gpu->present = gpu->told = false;
		changed = true;
	}
	gone.gpus = found.gpus;
	em_inventory_clear(&gone);
	return r ? r : changed;
}

int em_inventory_tell(struct em_inventory *inv, struct em_source *source)
{
	int first = 0, r;
	__u32 id;

	for (struct em_gpu *gpu = inv->gpus; gpu; gpu = gpu->next) {
		if (gpu->told)
			continue;
		r = 0;
		if (gpu->present)
			r = source->ops->gpu_set(source, &gpu->info, &id);
		else if (source->ops->gpu_absent)
			r = source->ops->gpu_absent(source, gpu->info.name);
		/* a source that sees it by itself, or never knew it, needs no telling */
		gpu->told = !r || (!gpu->present && (r == -EOPNOTSUPP || r == -ENOENT));
		if (!gpu->told && !first)
			first = r;
	}
	return first;
}

void em_inventory_untold(struct em_inventory *inv)
{
	for (struct em_gpu *gpu = inv->gpus; gpu; gpu = gpu->next)
		gpu->told = false;
	if (inv->nvidia)
		em_nvidia_unlearn(inv->nvidia);
}

void em_inventory_forget(struct em_inventory *inv, const char *name)
{
	for (struct em_gpu **at = &inv->gpus; *at; at = &(*at)->next) {
		struct em_gpu *gpu = *at;

		if (strcmp(gpu->info.name, name))
			continue;
		*at = gpu->next;
		free(gpu);
		return;
	}
}

void em_inventory_clear(struct em_inventory *inv)
{
	while (inv->gpus) {
		struct em_gpu *gpu = inv->gpus;

		inv->gpus = gpu->next;
		free(gpu);
	}
}

int em_inventory_events_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

static bool concerns_us(const char *message, size_t len)
{
	for (size_t at = 0; at < len; at += strnlen(message + at, len - at) + 1) {
		if (!strcmp(message + at, "SUBSYSTEM=drm") ||
		    !strcmp(message + at, "SUBSYSTEM=module") ||
		    !strcmp(message + at, "SUBSYSTEM=drivers"))
			return true;
	}
	return false;
}

int em_inventory_event(int fd)
{
	bool ours = false;

	for (int i = 0; i < 1000; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		char message[8192];
		ssize_t n = recvfrom(fd, message, sizeof(message) - 1, 0, (struct sockaddr *)&from,
				     &from_len);

		if (n < 0 && errno == ENOBUFS) {
			ours = true; /* whatever it was that was lost */
			continue;
		}
		if (n < 0)
			break;
		message[n] = '\0';
		if (from.nl_pid == 0) /* the kernel; anybody else may write here too */
			ours |= concerns_us(message, (size_t)n);
	}
	return ours;
}
