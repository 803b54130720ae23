// SPDX-License-Identifier: GPL-2.0
/* Queues and occupancy from /sys/class/kfd/kfd; see kfd.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/kfd.h"

#define NODES_MAX 1024
#define PROPERTIES_MAX 65536
#define NS_PER_US 1000ull

struct node {
	__u32 id; /* gpu_id: what the other files call it */
	char name[EARMARK_NAME_LEN];
};

/**
 * struct entry - a process and a GPU
 * @occupied, @sdma: as last seen; @at: when
 * @look: the last one that found a queue
 */
struct entry {
	struct entry *next;
	__u32 id;
	bool occupied, fresh;
	__u64 sdma, at, look;
	struct em_kfd_use use;
};

struct em_kfd {
	char root[256];
	struct node *nodes;
	size_t n_nodes;
	struct entry *entries;
	__u64 last;
	struct em_kfd_counts counts;
};

struct em_kfd *em_kfd_new(const char *root)
{
	struct em_kfd *kfd = calloc(1, sizeof(*kfd));

	if (kfd)
		snprintf(kfd->root, sizeof(kfd->root), "%s", root);
	return kfd;
}

void em_kfd_free(struct em_kfd *kfd)
{
	while (kfd && kfd->entries) {
		struct entry *next = kfd->entries->next;

		free(kfd->entries);
		kfd->entries = next;
	}
	if (kfd)
		free(kfd->nodes);
	free(kfd);
}

const struct em_kfd_counts *em_kfd_counts(const struct em_kfd *kfd)
{
	return &kfd->counts;
}

bool em_kfd_present(const struct em_kfd *kfd)
{
	return !access(kfd->root, F_OK);
}

static int dir_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Return: 0, -ENOENT there is no such file, -EPROTO it is no number. */
static int number_read(int dir, const char *name, __u64 *ret)
{
	unsigned long long n;
	char text[64], *end;
	int r = em_file_line(dir, name, text, sizeof(text));

	if (r < 0)
		return r == -ENOENT ? -ENOENT : -EPROTO;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || *end)
		return -EPROTO;
	*ret = n;
	return 0;
}

/* As number_read(), 0 where it is none; a file that is there and says nothing is counted. */
static __u64 number_of(struct em_kfd *kfd, int dir, const char *name)
{
	__u64 n = 0;

	if (number_read(dir, name, &n) == -EPROTO)
		kfd->counts.bad++;
	return n;
}

/* --- which GPU is which -------------------------------------------------------------------- */

static bool property(const char *properties, const char *key, __u64 *ret)
{
	size_t n = strlen(key);
	const char *at = properties;

	for (; at && *at; at = strchr(at, '\n'), at += at != NULL) {
		if (!strncmp(at, key, n) && at[n] == ' ' && isdigit((unsigned char)at[n + 1])) {
			*ret = strtoull(at + n + 1, NULL, 10);
			return true;
		}
	}
	return false;
}

/* location_id is bus, device and function as PCI has them in one number. */
static bool node_read(int dir, struct node *node)
{
	_cleanup_free_ char *text = NULL;
	__u64 id, location, domain = 0;

	/* processors are nodes too: their gpu_id is 0 */
	if (number_read(dir, "gpu_id", &id) || !id || id > UINT32_MAX ||
	    em_file_read(dir, "properties", PROPERTIES_MAX, &text) < 0 ||
	    !property(text, "location_id", &location) || location > 0xffff)
		return false;
	property(text, "domain", &domain);
	node->id = (__u32)id;
	snprintf(node->name, sizeof(node->name), "pci/%04x:%02x:%02x.%x", (unsigned int)domain,
		 (unsigned int)(location >> 8), (unsigned int)(location >> 3 & 0x1f),
		 (unsigned int)(location & 7));
	return true;
}

/* The directory @name below the root, NULL if it is not there. */
static DIR *open_below(const struct em_kfd *kfd, const char *name)
{
	char path[sizeof(kfd->root) + 32];

	snprintf(path, sizeof(path), "%s/%s", kfd->root, name);
	return opendir(path);
}

static void nodes_read(struct em_kfd *kfd)
{
	_cleanup_closedir_ DIR *dir = open_below(kfd, "topology/nodes");
	struct dirent *e;

	kfd->n_nodes = 0;
	while (dir && kfd->n_nodes < NODES_MAX && (e = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		struct node node, *more;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		fd = dir_open(dirfd(dir), e->d_name);
		if (fd < 0 || !node_read(fd, &node))
			continue;
		more = reallocarray(kfd->nodes, kfd->n_nodes + 1, sizeof(*more));
		if (!more)
			return;
		kfd->nodes = more;
		kfd->nodes[kfd->n_nodes++] = node;
	}
}

static const struct node *node_of(const struct em_kfd *kfd, __u32 id)
{
	for (size_t i = 0; i < kfd->n_nodes; i++) {
		if (kfd->nodes[i].id == id)
			return &kfd->nodes[i];
	}
	return NULL;
}

/* --- processes ----------------------------------------------------------------------------- */

static struct entry *entry_get(struct em_kfd *kfd, __u32 pid, __u32 id)
{
	const struct node *node;
	struct entry *e = kfd->entries;

	while (e && (e->use.pid != pid || e->id != id))
		e = e->next;
	if (e)
		return e;
	node = node_of(kfd, id);
	if (!node) {
		nodes_read(kfd); /* it came later */
		node = node_of(kfd, id);
	}
	e = node ? calloc(1, sizeof(*e)) : NULL;
	if (!e) {
		kfd->counts.bad += !node;
		return NULL;
	}
	e->id = id;
	e->fresh = true;
	e->use.pid = pid;
	memcpy(e->use.gpu, node->name, sizeof(e->use.gpu));
	e->next = kfd->entries;
	kfd->entries = e;
	return e;
}

/* Its queues, each on a GPU. */
static void queues_read(struct em_kfd *kfd, int process, __u32 pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int fd = dir_open(process, "queues");
	struct dirent *e;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !dir)
		close(fd);
	while (dir && (e = readdir(dir))) {
		_cleanup_close_ int queue = -1;
		struct entry *entry;
		__u64 id;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		queue = dir_open(fd, e->d_name);
		id = queue < 0 ? 0 : number_of(kfd, queue, "gpuid");
		entry = id && id <= UINT32_MAX ? entry_get(kfd, pid, (__u32)id) : NULL;
		if (!entry)
			continue;
		if (entry->look != kfd->counts.looks)
			entry->use.queues = 0;
		entry->look = kfd->counts.looks;
		entry->use.queues++;
	}
}

/* What it did since it was last looked at; see the head of kfd.h. */
static void use_measure(struct em_kfd *kfd, struct entry *e, int process, __u64 now)
{
	struct em_kfd_use *use = &e->use;
	char name[64];
	bool occupied;
	__u64 sdma, copied, span;

	snprintf(name, sizeof(name), "stats_%u/cu_occupancy", e->id);
	occupied = number_of(kfd, process, name) > 0;
	snprintf(name, sizeof(name), "sdma_%u", e->id);
	sdma = number_of(kfd, process, name);
	snprintf(name, sizeof(name), "vram_%u", e->id);
	use->vram = number_of(kfd, process, name);
	use->start = e->fresh ? kfd->last ?: now : e->at;
	use->end = now;
	span = now - use->start;
	use->busy = span / 2 * occupied + span / 2 * e->occupied;
	copied = e->fresh || sdma < e->sdma ? 0 : sdma - e->sdma;
	copied = copied > span / NS_PER_US ? span : copied * NS_PER_US;
	if (copied > use->busy)
		use->busy = copied;
	use->error = use->busy > span - use->busy ? use->busy : span - use->busy;
	e->occupied = occupied;
	e->sdma = sdma;
	e->at = now;
	e->fresh = false;
}

static void process_look(struct em_kfd *kfd, int procs, const char *name, __u64 now)
{
	_cleanup_close_ int process = dir_open(procs, name);
	unsigned long pid = strtoul(name, NULL, 10);

	if (process < 0 || !pid || pid > INT_MAX)
		return;
	queues_read(kfd, process, (__u32)pid);
	for (struct entry *e = kfd->entries; e; e = e->next) {
		if (e->use.pid == pid && e->look == kfd->counts.looks)
			use_measure(kfd, e, process, now);
	}
}

/* Its queues are gone: up to when, and what they did since, nobody saw. */
static void use_end(struct entry *e, __u64 now)
{
	e->use.queues = 0;
	e->use.start = e->at;
	e->use.end = now;
	e->use.busy = e->use.vram = 0;
	e->use.error = now - e->at;
}

static int uses_tell(struct em_kfd *kfd, __u64 now, int (*each)(struct em_kfd_use *, void *),
		     void *arg)
{
	struct entry **at = &kfd->entries;
	int first = 0, r;

	while (*at) {
		struct entry *e = *at;
		bool gone = e->look != kfd->counts.looks;

		if (gone)
			use_end(e, now);
		r = each(&e->use, arg);
		first = first ?: r;
		kfd->counts.uses++;
		if (gone) {
			*at = e->next;
			free(e);
		} else {
			at = &e->next;
		}
	}
	return first;
}

int em_kfd_look(struct em_kfd *kfd, __u64 now, int (*each)(struct em_kfd_use *use, void *arg),
		void *arg)
{
	_cleanup_closedir_ DIR *dir = open_below(kfd, "proc");
	struct dirent *e;
	int r;

	if (!dir)
		return errno == ENOENT && !kfd->entries ? 0 : -errno;
	kfd->counts.looks++;
	while ((e = readdir(dir))) {
		if (isdigit((unsigned char)e->d_name[0]))
			process_look(kfd, dirfd(dir), e->d_name, now);
	}
	r = uses_tell(kfd, now, each, arg);
	kfd->last = now;
	return r;
}
