/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The NVIDIA sampler against the test double of NVML (tests/nvml/double.c), with processes and
 * cgroups of a tree that the test makes, and a clock that the test turns.
 */
#ifndef NVIDIA_MAKE_H
#define NVIDIA_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/nvidia.h"

#define _unused_ __attribute__((unused))
#define MS ((__u64)EM_NS_PER_MS)
#define S ((__u64)EM_NS_PER_S)
#define BEGIN (1000000 * S) /* later than any process of this machine */
#define GIB (1ULL << 30)
#define GPU0 "gpu 0 NVIDIA_H100_80GB_HBM3 GPU-aaaa 0000:41:00 0\n"
#define GPU1 "gpu 1 Tesla_V100-SXM2-32GB GPU-bbbb 0001:c1:00 1\n"

static char root[64], proc[96], cgroup[96], script_file[96];
static struct em_instant at;
static __s64 ahead;
static struct em_nvidia *n;

_unused_ static void clock_of_test(struct em_instant *now)
{
	*now = at;
}

_unused_ static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* --- what was told --------------------------------------------------------------------------- */

enum { MOST = 512 };
static struct em_work told[MOST];
static struct em_nvidia_span energies[MOST], memories[MOST];
static size_t n_told, n_energies, n_memories;
static int refuse;

_unused_ static int on_work(const struct em_work *work, void *arg)
{
	(void)arg;
	assert_true(n_told < MOST);
	assert_true(work->start <= work->end && work->end <= at.monotonic);
	told[n_told++] = *work;
	return refuse;
}

_unused_ static void on_energy(const struct em_nvidia_span *span, void *arg)
{
	(void)arg;
	energies[n_energies++] = *span;
}

_unused_ static void on_memory(const struct em_nvidia_span *span, void *arg)
{
	(void)arg;
	memories[n_memories++] = *span;
}

static const struct em_nvidia_sink sink = { on_work, on_energy, on_memory, NULL };

_unused_ static void clear(void)
{
	n_told = n_energies = n_memories = 0;
}

/* The last that was told of a job's state; -1: nothing. */
_unused_ static int state_of(__u64 job)
{
	int works = -1;

	for (size_t i = 0; i < n_told; i++)
		works = told[i].job == job ? told[i].works : works;
	return works;
}

/* The last that was told of a job's busy time. */
static const struct em_work *span_of(__u64 job)
{
	const struct em_work *found = NULL;

	for (size_t i = 0; i < n_told; i++)
		found = told[i].job == job && told[i].end > told[i].start ? &told[i] : found;
	assert_non_null(found);
	return found;
}

/* --- a node ----------------------------------------------------------------------------------- */

static char script_text[16384];

_unused_ static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
_unused_ static void say(const char *format, ...)
{
	size_t len = strlen(script_text);
	va_list args;

	va_start(args, format);
	vsnprintf(script_text + len, sizeof(script_text) - len, format, args);
	va_end(args);
	write_file(script_file, script_text);
}

_unused_ static void script(const char *text)
{
	script_text[0] = '\0';
	say("%s", text);
}

_unused_ static __u64 cg(const char *name)
{
	struct stat st;
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	mkdir(path, 0700);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* A process with a name that may hold anything. @device: it has that open; NULL = none */
_unused_ static void process_of(unsigned int pid, const char *comm, const char *job, __u64 started,
				const char *device)
{
	char path[192], text[256];

	snprintf(path, sizeof(path), "%s/%u", proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%u/stat", proc, pid);
	snprintf(text, sizeof(text),
		 "%u (%s) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0 0\n", pid, comm,
		 (unsigned long long)(started / (10 * MS)));
	write_file(path, text);
	snprintf(path, sizeof(path), "%s/%u/cgroup", proc, pid);
	snprintf(text, sizeof(text), "1:name=x:/elsewhere\n0::/%s\n", job);
	write_file(path, text);
	snprintf(path, sizeof(path), "%s/%u/fd", proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%u/fd/3", proc, pid);
	if (device)
		assert_int_equal(symlink(device, path), 0);
}

_unused_ static void process_ends(unsigned int pid)
{
	char path[192];

	for (const char *const *f = (const char *const[]){ "stat", "cgroup", "fd/3", NULL }; *f;
	     f++) {
		snprintf(path, sizeof(path), "%s/%u/%s", proc, pid, *f);
		unlink(path);
	}
}

_unused_ static void open_with(const char *build)
{
	char path[128];
	const struct em_nvidia_options options = { .library = path,
						   .roots = { proc, cgroup },
						   .clock = clock_of_test };

	snprintf(path, sizeof(path), "build/nvml/%s/libnvidia-ml.so.1", build);
	assert_int_equal(em_nvidia_open(&n, &options), 0);
}

static struct earmark_gpu_info found[8];
static int n_found;

_unused_ static int on_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	(void)arg;
	found[n_found++] = *gpu;
	return 0;
}

/* Scans, and gives each GPU an id from 1 on, by its name's order of appearance; as a recorder. */
_unused_ static int scan(bool files)
{
	int r = em_nvidia_scan(n);

	n_found = 0;
	em_nvidia_gpus(n, on_gpu, NULL);
	for (int i = 0; i < n_found; i++) {
		found[i].gpu = strstr(found[i].name, "41:00") ? 1 : 10 + (__u32)i;
		found[i].blind = files ? EARMARK_BLIND_FILE : 0;
		em_nvidia_learn(n, &found[i]);
	}
	return r;
}

_unused_ static void turn(__u64 ns)
{
	at.monotonic += ns;
	at.wall = (__s64)at.monotonic + ahead;
}

_unused_ static void poll(void)
{
	em_nvidia_poll(n, &sink, false);
}

/* So many looks, a second apart. */
_unused_ static void seconds(int count)
{
	for (int i = 0; i < count; i++) {
		turn(S);
		poll();
	}
}

/* Ring and device from @from to @to; every second sample is the second's. */
_unused_ static void busy(__u64 from, __u64 to, unsigned int first, unsigned int second,
			  unsigned int percent)
{
	int i = 0;

	for (__u64 t = from + EM_UTIL_SAMPLE; t <= to; t += EM_UTIL_SAMPLE, i++)
		say("sample 0 %u %lld %u\n", i % 2 ? second : first, ((__s64)t + ahead) / 1000,
		    percent);
	for (__u64 t = from + 200 * MS; t <= to; t += 200 * MS)
		say("device 0 %lld %u\n", ((__s64)t + ahead) / 1000, percent);
}

_unused_ static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/earmark-nvidia.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
	snprintf(script_file, sizeof(script_file), "%s/script", root);
	mkdir(proc, 0700);
	mkdir(cgroup, 0700);
	setenv("EARMARK_NVML_DOUBLE", script_file, 1);
	ahead = 700000000LL * EM_NS_PER_S;
	at.monotonic = BEGIN;
	turn(0);
	refuse = 0;
	n = NULL;
	clear();
	return 0;
}

_unused_ static int teardown(void **state)
{
	char command[96];

	(void)state;
	em_nvidia_close(n);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
