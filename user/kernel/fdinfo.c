// SPDX-License-Identifier: GPL-2.0
/* The keys of Documentation/gpu/drm-usage-stats.rst; see fdinfo.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/fdinfo.h"

#define TEXT_MAX 65536
#define CAPACITY_MAX 1024 /* engines of one kind; more is no number of engines */

enum memory { RESIDENT, MEMORY, TOTAL, MEMORIES };

/* struct found - under way: memory by which key says it; the best of them counts */
struct found {
	struct em_fdinfo *info;
	__u64 bytes[MEMORIES];
	bool has[MEMORIES];
};

/* A number and its unit, which must be one of @units where there are any. */
static bool number(const char *value, const char *const *units, const __u64 *factors, __u64 *ret)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	errno = 0;
	n = strtoull(value, &end, 10);
	end += strspn(end, " \t");
	if (errno)
		return false;
	for (; *units; units++, factors++) {
		if (!strcmp(end, *units))
			return !__builtin_mul_overflow(n, *factors, ret);
	}
	return false;
}

static bool plain(const char *value, __u64 *ret)
{
	static const char *const units[] = { "", NULL };
	static const __u64 factors[] = { 1 };

	return number(value, units, factors, ret);
}

static bool nanoseconds(const char *value, __u64 *ret)
{
	static const char *const units[] = { "ns", NULL };
	static const __u64 factors[] = { 1 };

	return number(value, units, factors, ret);
}

static bool bytes(const char *value, __u64 *ret)
{
	static const char *const units[] = { "", "KiB", "MiB", NULL };
	static const __u64 factors[] = { 1, 1024, 1024 * 1024 };

	return number(value, units, factors, ret);
}

/* Return: engines of that kind, made if there were none; NULL: no room, or no name. */
static struct em_fdinfo_engine *engine(struct em_fdinfo *info, const char *name)
{
	struct em_fdinfo_engine *e;

	for (unsigned int i = 0; i < info->n; i++) {
		if (!strcmp(info->engines[i].name, name))
			return &info->engines[i];
	}
	if (!*name || strlen(name) >= sizeof(e->name) || info->n == EM_FDINFO_ENGINES) {
		info->left_out++;
		return NULL;
	}
	e = &info->engines[info->n++];
	strcpy(e->name, name);
	return e;
}

static const char *after(const char *key, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(key, prefix, n) ? NULL : key + n;
}

/* Cycles are of use only with those that passed: both halves are kept until the end. */
static bool take_engine(struct em_fdinfo *info, const char *key, const char *value)
{
	struct em_fdinfo_engine *e;
	const char *name;
	__u64 n;

	if ((name = after(key, "drm-engine-capacity-"))) {
		e = plain(value, &n) && n && n <= CAPACITY_MAX ? engine(info, name) : NULL;
		if (e)
			e->capacity = (__u32)n;
	} else if ((name = after(key, "drm-engine-"))) {
		e = nanoseconds(value, &n) ? engine(info, name) : NULL;
		if (e) {
			e->ns = n;
			e->has_ns = true;
		}
	} else if ((name = after(key, "drm-total-cycles-"))) {
		e = plain(value, &n) ? engine(info, name) : NULL;
		if (e)
			e->total_cycles = n;
	} else if ((name = after(key, "drm-cycles-"))) {
		e = plain(value, &n) ? engine(info, name) : NULL;
		if (e) {
			e->cycles = n;
			e->has_cycles = true;
		}
	}
	return name;
}

static void take_memory(struct found *f, const char *key, const char *value)
{
	static const char *const prefixes[] = { "drm-resident-", "drm-memory-", "drm-total-" };
	__u64 n;

	for (unsigned int i = 0; i < MEMORIES; i++) {
		if (!after(key, prefixes[i]) || !bytes(value, &n))
			continue;
		f->has[i] = true;
		if (__builtin_add_overflow(f->bytes[i], n, &f->bytes[i]))
			f->bytes[i] = ~0ull;
	}
}

static void take(struct found *f, const char *key, const char *value)
{
	struct em_fdinfo *info = f->info;

	if (!strcmp(key, "drm-driver"))
		snprintf(info->driver, sizeof(info->driver), "%s", value);
	else if (!strcmp(key, "drm-pdev"))
		snprintf(info->pdev, sizeof(info->pdev), "%s", value);
	else if (!strcmp(key, "drm-client-id"))
		info->has_client = plain(value, &info->client);
	else if (!take_engine(info, key, value))
		take_memory(f, key, value);
}

/* What has come in halves, or is said of no engine, is no engine. */
static void settle(struct found *f)
{
	struct em_fdinfo *info = f->info;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < info->n; i++) {
		struct em_fdinfo_engine e = info->engines[i];

		e.has_cycles = e.has_cycles && e.total_cycles;
		e.capacity = e.capacity ?: 1;
		if (e.has_ns || e.has_cycles)
			info->engines[kept++] = e;
	}
	info->n = kept;
	for (unsigned int i = 0; i < MEMORIES && !info->has_memory; i++) {
		info->has_memory = f->has[i];
		info->resident = f->bytes[i];
	}
}

int em_fdinfo_parse(struct em_fdinfo *info, char *text)
{
	struct found f = { .info = info };
	char *line, *value, *end, *at = NULL;

	memset(info, 0, sizeof(*info));
	for (line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		for (end = value + strlen(value); end > value && isspace((unsigned char)end[-1]);)
			*--end = '\0';
		take(&f, line, value);
	}
	settle(&f);
	return info->n ? 0 : -ENODATA;
}

int em_fdinfo_read(struct em_fdinfo *info, __u32 pid, __u32 fd)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	long n;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%u", pid, fd);
	n = em_file_read(AT_FDCWD, path, TEXT_MAX, &text);
	return n < 0 ? (int)n : em_fdinfo_parse(info, text);
}

bool em_fdinfo_worked(const struct em_fdinfo *info)
{
	for (unsigned int i = 0; i < info->n; i++) {
		if ((info->engines[i].has_ns && info->engines[i].ns) ||
		    (info->engines[i].has_cycles && info->engines[i].cycles))
			return true;
	}
	return false;
}

__u64 em_fdinfo_capacity(const struct em_fdinfo *info)
{
	__u64 n = 0;

	for (unsigned int i = 0; i < info->n; i++)
		n += info->engines[i].capacity;
	return n;
}

int em_fdinfo_works(__u32 pid, __u32 fd)
{
	struct em_fdinfo info;
	int r = em_fdinfo_read(&info, pid, fd);

	return r ? r : em_fdinfo_worked(&info);
}
