// SPDX-License-Identifier: GPL-2.0
/*
 * The NVIDIA sampler against the test double of NVML (tests/nvml/double.c), with processes and
 * cgroups of a tree that the test makes, and a clock that the test turns.
 */
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
#include "commit/weights.h"
#include "kernel/nvidia.h"

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

static void clock_of_test(struct em_instant *now)
{
	*now = at;
}

static void write_file(const char *path, const char *text)
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

static int on_work(const struct em_work *work, void *arg)
{
	(void)arg;
	assert_true(n_told < MOST);
	assert_true(work->start <= work->end && work->end <= at.monotonic);
	told[n_told++] = *work;
	return refuse;
}

static void on_energy(const struct em_nvidia_span *span, void *arg)
{
	(void)arg;
	energies[n_energies++] = *span;
}

static void on_memory(const struct em_nvidia_span *span, void *arg)
{
	(void)arg;
	memories[n_memories++] = *span;
}

static const struct em_nvidia_sink sink = { on_work, on_energy, on_memory, NULL };

static void clear(void)
{
	n_told = n_energies = n_memories = 0;
}

/* The last that was told of a job's state; -1: nothing. */
static int state_of(__u64 job)
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

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	size_t len = strlen(script_text);
	va_list args;

	va_start(args, format);
	vsnprintf(script_text + len, sizeof(script_text) - len, format, args);
	va_end(args);
	write_file(script_file, script_text);
}

static void script(const char *text)
{
	script_text[0] = '\0';
	say("%s", text);
}

static __u64 cg(const char *name)
{
	struct stat st;
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	mkdir(path, 0700);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* A process with a name that may hold anything. @device: it has that open; NULL = none */
static void process_of(unsigned int pid, const char *comm, const char *job, __u64 started,
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

static void process_ends(unsigned int pid)
{
	char path[192];

	for (const char *const *f = (const char *const[]){ "stat", "cgroup", "fd/3", NULL }; *f;
	     f++) {
		snprintf(path, sizeof(path), "%s/%u/%s", proc, pid, *f);
		unlink(path);
	}
}

static void open_with(const char *build)
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

static int on_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	(void)arg;
	found[n_found++] = *gpu;
	return 0;
}

/* Scans, and gives each GPU an id from 1 on, by its name's order of appearance; as a recorder. */
static int scan(bool files)
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

static void turn(__u64 ns)
{
	at.monotonic += ns;
	at.wall = (__s64)at.monotonic + ahead;
}

static void poll(void)
{
	em_nvidia_poll(n, &sink, false);
}

/* So many looks, a second apart. */
static void seconds(int count)
{
	for (int i = 0; i < count; i++) {
		turn(S);
		poll();
	}
}

/* Ring and device from @from to @to; every second sample is the second's. */
static void busy(__u64 from, __u64 to, unsigned int first, unsigned int second,
		 unsigned int percent)
{
	int i = 0;

	for (__u64 t = from + EM_UTIL_SAMPLE; t <= to; t += EM_UTIL_SAMPLE, i++)
		say("sample 0 %u %lld %u\n", i % 2 ? second : first, ((__s64)t + ahead) / 1000,
		    percent);
	for (__u64 t = from + 200 * MS; t <= to; t += 200 * MS)
		say("device 0 %lld %u\n", ((__s64)t + ahead) / 1000, percent);
}

static int setup(void **state)
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

static int teardown(void **state)
{
	char command[96];

	(void)state;
	em_nvidia_close(n);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

/* --- devices ---------------------------------------------------------------------------------- */

static void finds_gpus(void **state)
{
	(void)state;
	script(GPU0 GPU1);
	open_with("new");
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 2);
	assert_string_equal(found[1].name, "pci/0000:41:00.0");
	assert_string_equal(found[1].model, "NVIDIA H100 80GB HBM3");
	assert_string_equal(found[1].uuid, "GPU-aaaa");
	assert_int_equal(found[1].meter, EARMARK_METER_CHANNEL);
	assert_int_equal(found[1].nr_devnums, 1);
	assert_int_equal(found[1].devnums[0], 195 << 20);
	assert_string_equal(found[0].name, "pci/0001:c1:00.0");
	assert_int_equal(found[0].devnums[0], 195 << 20 | 1);
	assert_string_equal(em_nvidia_state(n)->driver, "550.54.15");
	assert_string_equal(em_nvidia_state(n)->lacks, "");
	assert_int_equal(scan(false), 0);
	turn(EM_NVIDIA_RESCAN);
	assert_int_equal(scan(false), 0);
	script(GPU0);
	turn(EM_NVIDIA_RESCAN);
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 1);
}

static void no_library(void **state)
{
	const struct em_nvidia_options nowhere = { .library = "/nowhere/libnvidia-ml.so.1",
						   .clock = clock_of_test };
	const struct em_nvidia_options quiet = { .roots = { proc, cgroup },
						 .clock = clock_of_test };

	(void)state;
	assert_int_equal(em_nvidia_open(&n, &nowhere), 0);
	assert_int_equal(scan(false), 0);
	assert_false(em_nvidia_state(n)->attached);
	assert_non_null(strstr(em_nvidia_state(n)->why, "name it as nvml"));
	poll();
	em_nvidia_close(n);
	assert_int_equal(em_nvidia_open(&n, &quiet), 0);
	assert_int_equal(scan(false), 0);
	assert_string_equal(em_nvidia_state(n)->why, "NVIDIA's driver is not loaded");
	em_nvidia_close(n);
	open_with("alien");
	assert_int_equal(scan(false), 0);
	assert_non_null(strstr(em_nvidia_state(n)->why, "nvmlInit_v2"));
}

static void old_libraries(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0);
	say("compute 0 100 %llu\n", 3 * GIB);
	busy(BEGIN, BEGIN + 6 * S, 100, 100, 50);
	open_with("old");
	assert_int_equal(scan(false), 1);
	assert_non_null(strstr(em_nvidia_state(n)->lacks, "MIG"));
	assert_null(strstr(em_nvidia_state(n)->lacks, "samples of the device"));
	poll();
	seconds(5);
	assert_int_equal(state_of(a), 1);
	assert_in_range(span_of(a)->busy, 2400 * MS, 2600 * MS);
	em_nvidia_close(n);
	clear();
	open_with("bare");
	assert_int_equal(scan(false), 1);
	assert_non_null(strstr(em_nvidia_state(n)->lacks, "samples of processes"));
	poll();
	seconds(5);
	assert_int_equal(state_of(a), 1); /* who holds is known all the same */
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, 5 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_ESTIMATE);
	assert_int_equal(em_nvidia_state(n)->without, 1);
	assert_int_equal(em_nvidia_state(n)->failed, 1);
}

static void mig(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script("gpu 0 NVIDIA_A100-SXM4-40GB GPU-aaaa 0000:41:00 0\nmig 0 7\n"
	       "instance 0/0 NVIDIA_A100-SXM4-40GB_MIG_3g.20gb MIG-1111 3\n"
	       "instance 0/2 - MIG-2222 1\n"
	       "instance 0/3 NVIDIA - 1\n"
	       "compute 0/0 100 1000\nenergy 0 1\n");
	open_with("new");
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 2); /* the whole is none, and what has no name is none */
	assert_string_equal(found[1].name, "mig/MIG-1111");
	assert_string_equal(found[1].uuid, "MIG-1111");
	assert_int_equal(found[1].meter, EARMARK_METER_TOLD);
	assert_int_equal(found[1].nr_devnums, 0);
	assert_int_equal(em_weight_flops(found[1].model), (312 * 3 + 3) / 7);
	assert_string_equal(found[0].model, "NVIDIA A100-SXM4-40GB MIG 1g");
	assert_int_equal(em_weight_flops(found[0].model), 45);
	assert_int_equal(em_nvidia_state(n)->instances, 2);
	poll();
	seconds(70);
	assert_int_equal(state_of(a), 1);
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, span_of(a)->end - span_of(a)->start);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_ESTIMATE);
	assert_int_equal(em_nvidia_state(n)->failed, 0); /* nobody promised otherwise */
	assert_int_equal(n_energies, 0);
	assert_int_equal(n_memories, 1);
}

/* --- who holds -------------------------------------------------------------------------------- */

static void holds(void **state)
{
	__u64 a = cg("a"), b = cg("b");

	(void)state;
	process_of(100, "a) S (b", "a", BEGIN - S, NULL);
	process_of(200, "python", "b", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	open_with("new");
	scan(false);
	poll();
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].gpu, 1);
	assert_int_equal(told[0].job, a);
	assert_true(told[0].works && !told[0].busy && told[0].start == told[0].end);
	seconds(1);
	assert_int_equal(n_told, 1); /* once is enough */
	script(GPU0 "graphics 0 200 1\n");
	seconds(1);
	assert_int_equal(state_of(a), 0);
	assert_int_equal(state_of(b), 1);
	/* another recorder knows nothing of it */
	clear();
	em_nvidia_unlearn(n);
	seconds(1);
	assert_int_equal(n_told, 0);
	scan(false);
	seconds(1);
	assert_int_equal(state_of(b), 1);
	assert_int_equal(state_of(a), -1);
}

/* A process id that is another's by now, one that is gone, one whose cgroup is gone. */
static void stale_processes(void **state)
{
	__u64 a = cg("a"), b = cg("b");

	(void)state;
	script(GPU0 "compute 0 100 1\ncompute 0 999 1\ncompute 0 300 1\n");
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(300, "python", "no-such-group", BEGIN - S, NULL);
	open_with("new");
	scan(false);
	poll();
	assert_int_equal(n_told, 1);
	assert_int_equal(em_nvidia_state(n)->rejected[EM_UTIL_STALE], 2);
	seconds(2);
	/* 100 ends, and another begins under its id: what the first did is not the second's */
	process_ends(100);
	process_of(100, "python", "b", BEGIN + 2 * S + 500 * MS, NULL);
	say("sample 0 100 %lld 100\nsample 0 100 %lld 50\nsample 0 999 %lld 7\n",
	    ((__s64)(BEGIN + S) + ahead) / 1000, ((__s64)(BEGIN + 4 * S) + ahead) / 1000,
	    ((__s64)(BEGIN + 4 * S + 300 * MS) + ahead) / 1000);
	seconds(4);
	assert_int_equal(state_of(a), 0);
	assert_int_equal(state_of(b), 1);
	assert_int_equal(span_of(a)->busy, EM_UTIL_SAMPLE);
	assert_int_equal(span_of(b)->busy, EM_UTIL_SAMPLE / 2);
	assert_true(span_of(b)->start >= BEGIN + 2 * S); /* it was not there before */
}

/* Who has files open and is in no list holds nothing, and that is said where it could be so. */
static void openers(void **state)
{
	__u64 a = cg("a"), monitor = cg("monitor");

	(void)state;
	script("gpu 0 X GPU-aaaa 0000:41:00 0\ncompute 0 100 1\n");
	process_of(100, "python", "a", BEGIN - S, "/dev/null");
	process_of(101, "nvidia-smi", "monitor", BEGIN - S, "/dev/null");
	process_of(102, "nvidia-persist", "monitor", BEGIN - S, "/dev/null");
	process_of(103, "bash", "shell", BEGIN - S, "/dev/zero");
	open_with("new");
	scan(true);
	poll();
	assert_int_equal(state_of(a), 1);
	assert_int_equal(state_of(monitor), -1); /* /dev/null is no GPU */
}

static int count_openers(const struct em_process *p, __u32 devnum, void *arg)
{
	assert_true(devnum == (1 << 20 | 3) || devnum == (1 << 20 | 5));
	assert_int_not_equal(p->job, 0);
	(*(int *)arg)++;
	return 0;
}

static void walks_over_files(void **state)
{
	const __u32 devnums[] = { 1 << 20 | 3, 1 << 20 | 5 }; /* null, zero */
	const struct em_roots roots = { proc, cgroup };
	char path[192];
	int count = 0;

	(void)state;
	cg("a");
	process_of(100, "both", "a", BEGIN, "/dev/null");
	snprintf(path, sizeof(path), "%s/100/fd/4", proc);
	assert_int_equal(symlink("/dev/zero", path), 0);
	process_of(101, "none", "a", BEGIN, "/dev/full");
	process_of(102, "one", "a", BEGIN, "/dev/zero");
	assert_int_equal(em_process_openers(&roots, devnums, 2, count_openers, &count), 0);
	assert_int_equal(count, 3);
}

/* --- how long --------------------------------------------------------------------------------- */

static void alone(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(101, "worker", "a", BEGIN - S, NULL);
	script(GPU0
	       "compute 0 100 1\ncompute 0 101 1\nfail 0 newer 3\n"); /* the older call is asked */
	busy(BEGIN, BEGIN + 11 * S, 100, 101, 60);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(a)->start, BEGIN);
	assert_int_equal(span_of(a)->end, BEGIN + 5 * S); /* the device's last sample */
	assert_int_equal(span_of(a)->busy, 3 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_SAMPLED);
	assert_int_equal(span_of(a)->error, 50 * MS + EM_UTIL_SAMPLE);
	seconds(5);
	assert_int_equal(span_of(a)->start, BEGIN + 5 * S); /* no gap, nothing twice */
	assert_int_equal(span_of(a)->busy, 3 * S);
	assert_int_equal(em_nvidia_state(n)->windows, 2);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
	for (int i = 0; i < EM_UTIL_REJECT_COUNT; i++)
		assert_int_equal(em_nvidia_state(n)->rejected[i],
				 i == EM_UTIL_FUTURE ? em_nvidia_state(n)->rejected[i] : 0);
}

static void together(void **state)
{
	__u64 a = cg("a"), b = cg("b"), c = cg("c");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(200, "python", "b", BEGIN - S, NULL);
	process_of(300, "idle", "c", BEGIN - S, NULL);
	process_of(400, "short", "d", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\ncompute 0 200 1\ncompute 0 300 1\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 200, 80);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_true(span_of(a)->busy + span_of(b)->busy <= 4 * S);
	assert_in_range(span_of(a)->busy, 1900 * MS, 2100 * MS);
	assert_in_range(span_of(b)->busy, 1800 * MS, 2000 * MS);
	assert_int_equal(span_of(c)->busy, 0);
	assert_int_equal(state_of(c), 1);
	assert_true(span_of(c)->error > 0);
}

/* 20 ms between two looks: no list ever shows it, a sample names it while it still is a process. */
static void short_job(void **state)
{
	__u64 d = cg("d");

	(void)state;
	process_of(400, "short", "d", BEGIN + 2 * S, NULL);
	script(GPU0);
	say("sample 0 400 %lld 14\n", ((__s64)(BEGIN + 2 * S + 200 * MS) + ahead) / 1000);
	for (int i = 1; i <= 25; i++)
		say("device 0 %lld %d\n", ((__s64)(BEGIN + (__u64)i * 200 * MS) + ahead) / 1000,
		    i == 11 ? 10 : 0);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(d)->busy, 20 * MS);
	assert_true(span_of(d)->error >= 20 * MS);
	assert_int_equal(state_of(d), 0); /* and it does not hold any more */
}

static void idle_gpu(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n"); /* both calls say NOT_FOUND */
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, 50 * MS);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
}

static void garbage(void **state)
{
	__u64 a = cg("a"), z = cg("z");
	const __u64 *r;

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(500, "other", "z", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\nsample 0 0 0 0\nsample 0 100 17 100\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 100, 50);
	say("sample 0 500 %lld 4294967295\nsample 0 500 %lld 101\nsample 0 500 %lld 50\n"
	    "device 0 %lld 4000000000\n",
	    ((__s64)(BEGIN + S) + ahead) / 1000, ((__s64)(BEGIN + 2 * S) + ahead) / 1000,
	    ((__s64)(BEGIN + 99 * S) + ahead) / 1000,
	    ((__s64)(BEGIN + 2 * S + 7 * MS) + ahead) / 1000);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	r = em_nvidia_state(n)->rejected;
	assert_int_equal(r[EM_UTIL_PERCENT], 3);
	assert_int_equal(r[EM_UTIL_FUTURE], 1);
	assert_int_equal(span_of(a)->busy, 2500 * MS);
	assert_int_equal(state_of(z), -1);
}

/* More than ten seconds without a look: the ring has forgotten, and that is in the bound. */
static void late_look(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	open_with("new");
	scan(false);
	poll();
	turn(30 * S);
	busy(at.monotonic - 5 * S, at.monotonic, 100, 100, 100);
	poll();
	assert_int_equal(em_nvidia_state(n)->late, 1);
	assert_in_range(span_of(a)->busy, 4900 * MS, 6100 * MS);
	assert_true(span_of(a)->error >= 24 * S - EM_UTIL_DEVICE_SAMPLE);
}

/* Samples are stamped by the wall clock: across a step of it nothing can be placed. */
static void clock_step(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 100, 100);
	open_with("new");
	scan(false);
	poll();
	seconds(2);
	ahead -= 3600 * EM_NS_PER_S;
	seconds(3);
	assert_int_equal(em_nvidia_state(n)->steps, 1);
	assert_int_equal(em_nvidia_state(n)->failed, 1);
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, 5 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_ESTIMATE);
	script(GPU0 "compute 0 100 1\n");
	busy(BEGIN + 5 * S, BEGIN + 10 * S, 100, 100, 100);
	seconds(5);
	assert_int_equal(span_of(a)->busy, 5 * S); /* and it goes on */
}

static void mps(void **state)
{
	__u64 a = cg("a"), b = cg("b"), server = cg("mps");

	(void)state;
	process_of(50, "nvidia-cuda-mps", "mps", BEGIN - S, NULL);
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(200, "python", "b", BEGIN - S, NULL);
	/* one client: the server's work is its */
	script(GPU0 "compute 0 50 1\nmps 0 100 1\n");
	busy(BEGIN, BEGIN + 5 * S, 50, 50, 100);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(state_of(server), -1);
	assert_int_equal(span_of(a)->busy, 5 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_SAMPLED);
	/* two: a model */
	script(GPU0 "compute 0 50 1\nmps 0 100 1\nmps 0 200 1\n");
	busy(BEGIN + 5 * S, BEGIN + 10 * S, 50, 50, 100);
	seconds(5);
	assert_int_equal(span_of(a)->busy, span_of(b)->busy);
	assert_int_equal(span_of(b)->class, EARMARK_CLASS_ESTIMATE);
	assert_true(span_of(b)->error >= 2400 * MS);
	assert_int_equal(state_of(server), -1);
	/* none is listed: the server's own */
	clear();
	script(GPU0 "compute 0 50 1\n");
	turn(60 * S);
	poll();
	busy(at.monotonic, at.monotonic + 5 * S, 50, 50, 100);
	seconds(5);
	assert_int_equal(state_of(server), 1);
	assert_int_equal(state_of(a), 0);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void lost(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 GPU1 "compute 1 100 1\n");
	open_with("new");
	scan(false);
	poll();
	say("fail 0 identity 15\nfail 0 lists 15\n");
	seconds(1);
	assert_int_equal(em_nvidia_state(n)->lost, 1);
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 1); /* the other goes on */
	seconds(5);
	assert_int_equal(state_of(a), 1);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
	script(GPU0 GPU1 "compute 1 100 1\n"); /* it was reset */
	turn(EM_NVIDIA_RESCAN);
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 2);
}

static void driver_reload(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	open_with("new");
	scan(false);
	poll();
	say("state 9\n");
	seconds(1);
	assert_false(em_nvidia_state(n)->attached);
	assert_int_equal(scan(false), 0);
	assert_non_null(strstr(em_nvidia_state(n)->why, "not loaded"));
	assert_int_equal(n_found, 0);
	script(GPU0 "state 18\n");
	turn(EM_NVIDIA_RESCAN);
	scan(false);
	assert_non_null(strstr(em_nvidia_state(n)->why, "different versions"));
	script(GPU0 "compute 0 100 1\n");
	turn(EM_NVIDIA_RESCAN);
	clear();
	assert_int_equal(scan(false), 1);
	poll();
	assert_int_equal(state_of(a), 1);
	/* what answers with nothing but "unknown" is asked anew too */
	say("fail 0 lists 999\n");
	seconds(5);
	assert_false(em_nvidia_state(n)->attached);
}

static void trouble_with_samples(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\nfail 0 samples 10\n");
	refuse = -ENOENT;
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_true(em_nvidia_state(n)->attached); /* a timeout is no end */
	assert_int_equal(em_nvidia_state(n)->failed, 1);
	assert_int_equal(span_of(a)->error, 5 * S);
	assert_int_equal(em_nvidia_state(n)->refused, n_told);
	script(GPU0 "compute 0 100 1\nfail 0 samples 4\n");
	seconds(5);
	assert_int_equal(em_nvidia_state(n)->without, 1);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void notes(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(101, "python", "a", BEGIN - S, NULL);
	script(GPU0 "energy 0 5000\n");
	say("compute 0 100 %llu\ncompute 0 101 0xffffffffffffffff\ngraphics 0 100 %llu\n", 2 * GIB,
	    2 * GIB);
	open_with("new");
	scan(false);
	poll();
	assert_int_equal(n_energies, 0);
	say("energy 0 65000\n");
	seconds(59);
	assert_int_equal(n_energies + n_memories, 0);
	seconds(1);
	assert_int_equal(n_energies, 1);
	assert_int_equal(energies[0].amount, 60000);
	assert_int_equal(energies[0].gpu, 1);
	assert_int_equal(energies[0].until - energies[0].since, 60 * S);
	assert_int_equal(n_memories, 1);
	assert_int_equal(memories[0].job, a);
	assert_int_equal(memories[0].amount, 60 * 2 * GIB);
	say("energy 0 100\n"); /* the counter began anew */
	seconds(60);
	assert_int_equal(n_energies, 1);
	say("energy 0 350\n");
	seconds(30);
	em_nvidia_poll(n, &sink, true); /* what waits is noted at the end */
	assert_int_equal(n_energies, 2);
	assert_int_equal(energies[1].amount, 250);
	assert_int_equal(energies[1].since, energies[0].until + 60 * (__s64)S);
}

/* --- weights ---------------------------------------------------------------------------------- */

static void weights(void **state)
{
	static const struct {
		const char *model;
		uint32_t weight;
	} models[] = {
		{ "NVIDIA A100-SXM4-80GB", 312 },
		{ "NVIDIA A100-PCIE-40GB", 312 },
		{ "NVIDIA A100 80GB PCIe", 312 },
		{ "NVIDIA A100-SXM4-80GB MIG 1g.10gb", 45 },
		{ "NVIDIA A100-SXM4-80GB MIG 7g.80gb", 312 },
		{ "NVIDIA A100-SXM4-80GB MIG 1c.3g.40gb", 45 },
		{ "NVIDIA A30 MIG 2g.12gb", 83 },
		{ "NVIDIA A30", 165 },
		{ "NVIDIA H100 80GB HBM3", 989 },
		{ "NVIDIA H100 80GB HBM3 MIG 3g.40gb", 424 },
		{ "NVIDIA H100 PCIe", 756 },
		{ "NVIDIA H100 NVL", 836 },
		{ "NVIDIA H200", 989 },
		{ "NVIDIA H200 NVL", 836 },
		{ "NVIDIA H20", 148 },
		{ "NVIDIA GH200 480GB", 989 },
		{ "NVIDIA GB200", 2500 },
		{ "NVIDIA B200", 2250 },
		{ "NVIDIA L4", 121 },
		{ "NVIDIA L40", 181 },
		{ "NVIDIA L40S", 362 },
		{ "Tesla V100-SXM2-32GB", 125 },
		{ "Tesla V100-PCIE-16GB", 112 },
		{ "Tesla V100S-PCIE-32GB", 130 },
		{ "Tesla T4", 65 },
		{ "Tesla P100-PCIE-16GB", 19 },
		{ "NVIDIA A10", 125 },
		{ "NVIDIA A10G", 70 },
		{ "NVIDIA A40", 150 },
		{ "NVIDIA RTX A4000", 77 },
		{ "NVIDIA RTX A6000", 155 },
		{ "NVIDIA RTX 6000 Ada Generation", 364 },
		{ "NVIDIA GeForce RTX 4090", 165 },
		{ "NVIDIA GeForce RTX 4090 D", 0 },
		{ "NVIDIA GeForce GTX 1080", 0 },
		{ "", 0 },
	};
	struct em_weights w = { 0 };

	(void)state;
	assert_int_equal(em_weights_flops(&w), 0);
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (em_weight_flops(models[i].model) != models[i].weight)
			fail_msg("%s weighs %u", models[i].model, em_weight_flops(models[i].model));
		assert_int_equal(em_weight_of(&w, models[i].model), models[i].weight);
	}
	em_weights_clear(&w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_gpus),
		TEST(no_library),
		TEST(old_libraries),
		TEST(mig),
		TEST(holds),
		TEST(stale_processes),
		TEST(openers),
		TEST(walks_over_files),
		TEST(alone),
		TEST(together),
		TEST(short_job),
		TEST(idle_gpu),
		TEST(garbage),
		TEST(late_look),
		TEST(clock_step),
		TEST(mps),
		TEST(lost),
		TEST(driver_reload),
		TEST(trouble_with_samples),
		TEST(notes),
		cmocka_unit_test(weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
