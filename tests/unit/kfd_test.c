// SPDX-License-Identifier: GPL-2.0
/* /sys/class/kfd/kfd as amdgpu has it, made here: a test double, no driver is asked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "kernel/kfd.h"

#define S 1000000000ull

static char root[64];
static struct em_kfd *kfd;
static struct em_kfd_use seen[16];
static unsigned int n;

static void put(const char *text, const char *format, ...)
{
	char path[512], *slash;
	va_list args;
	FILE *f;
	int at = snprintf(path, sizeof(path), "%s/", root);

	va_start(args, format);
	vsnprintf(path + at, sizeof(path) - (size_t)at, format, args);
	va_end(args);
	for (slash = strchr(path + at, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void gone(const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s/%s", root, what);
	assert_int_equal(system(command), 0);
}

/* A processor and two GPUs: 0000:41:00.0, and 0001:c3:02.1 of another domain. */
static void topology(void)
{
	put("0\n", "topology/nodes/0/gpu_id");
	put("cpu_cores_count 64\nlocation_id 0\n", "topology/nodes/0/properties");
	put("51110\n", "topology/nodes/1/gpu_id");
	put("cpu_cores_count 0\nsimd_count 440\nlocation_id 16640\ndomain 0\n",
	    "topology/nodes/1/properties");
	put("7001\n", "topology/nodes/2/gpu_id");
	put("simd_count 440\nlocation_id 49937\ndomain 1\n", "topology/nodes/2/properties");
}

static void process(int pid, unsigned int gpu, const char *occupancy, const char *sdma)
{
	char id[16];

	snprintf(id, sizeof(id), "%u\n", gpu);
	put(id, "proc/%d/queues/0/gpuid", pid);
	put("4096\n", "proc/%d/queues/0/size", pid);
	put(occupancy, "proc/%d/stats_%u/cu_occupancy", pid, gpu);
	put("0\n", "proc/%d/stats_%u/evicted_ms", pid, gpu);
	put(sdma, "proc/%d/sdma_%u", pid, gpu);
	put("1048576\n", "proc/%d/vram_%u", pid, gpu);
	put("32770\n", "proc/%d/pasid", pid);
}

static int each(struct em_kfd_use *use, void *arg)
{
	(void)arg;
	assert_true(n < ARRAY_SIZE(seen));
	assert_true(use->start <= use->end);
	assert_true(use->busy <= use->end - use->start);
	assert_true(use->error <= use->end - use->start);
	if (!use->job)
		use->job = use->pid + 1000;
	seen[n++] = *use;
	return 0;
}

static int look(__u64 now)
{
	n = 0;
	return em_kfd_look(kfd, now, each, NULL);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/kfd_test.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	topology();
	put("", "proc/.keep");
	kfd = em_kfd_new(root);
	return kfd ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	em_kfd_free(kfd);
	gone("");
	return 0;
}

static void test_nobody(void **state)
{
	(void)state;
	assert_true(em_kfd_present(kfd));
	assert_int_equal(look(10 * S), 0);
	assert_int_equal(n, 0);
	em_kfd_free(kfd);
	kfd = em_kfd_new("/nonexistent");
	assert_false(em_kfd_present(kfd));
	assert_int_equal(look(11 * S), 0);
}

static void test_which_gpu(void **state)
{
	(void)state;
	process(77, 51110, "0\n", "0\n");
	process(78, 7001, "0\n", "0\n");
	look(10 * S);
	assert_int_equal(n, 2);
	for (unsigned int i = 0; i < n; i++)
		assert_string_equal(seen[i].gpu,
				    seen[i].pid == 77 ? "pci/0000:41:00.0" : "pci/0001:c3:02.1");
}

static void test_occupancy(void **state)
{
	(void)state;
	look(9 * S);
	process(77, 51110, "20\n", "0\n");
	look(10 * S); /* it came in between: half of it, all may be wrong by half */
	assert_int_equal(seen[0].queues, 1);
	assert_int_equal(seen[0].start, 9 * S);
	assert_int_equal(seen[0].busy, S / 2);
	assert_int_equal(seen[0].error, S / 2);
	assert_int_equal(seen[0].vram, 1048576);
	look(12 * S); /* at both looks: all of it; the truth may be nothing */
	assert_int_equal(seen[0].busy, 2 * S);
	assert_int_equal(seen[0].error, 2 * S);
	process(77, 51110, "0\n", "0\n");
	look(13 * S);
	assert_int_equal(seen[0].busy, S / 2);
	look(14 * S);
	assert_int_equal(seen[0].busy, 0);
	assert_int_equal(seen[0].error, S);
	assert_int_equal(seen[0].queues, 1); /* it holds all the same */
	assert_int_equal(seen[0].job, 1077);
}

static void test_what_was_before_is_not_counted(void **state)
{
	(void)state;
	process(77, 51110, "20\n", "900000000\n");
	look(10 * S);
	assert_int_equal(seen[0].busy, 0);
	assert_int_equal(seen[0].error, 0);
}

static void test_copies_are_the_least(void **state)
{
	(void)state;
	process(77, 51110, "0\n", "5000\n");
	look(10 * S);
	process(77, 51110, "0\n", "305000\n");
	look(11 * S);
	assert_int_equal(seen[0].busy, 3 * S / 10);
	assert_int_equal(seen[0].error, 7 * S / 10);
	process(77, 51110, "0\n", "99999999999\n");
	look(12 * S); /* no more than there was time */
	assert_int_equal(seen[0].busy, S);
	process(77, 51110, "0\n", "1\n");
	look(13 * S); /* stepped back */
	assert_int_equal(seen[0].busy, 0);
}

static void test_queues_end(void **state)
{
	(void)state;
	process(77, 51110, "3\n", "0\n");
	put("51110\n", "proc/77/queues/1/gpuid");
	look(10 * S);
	assert_int_equal(seen[0].queues, 2);
	gone("proc/77/queues/0");
	gone("proc/77/queues/1");
	look(11 * S);
	assert_int_equal(n, 1);
	assert_int_equal(seen[0].queues, 0);
	assert_int_equal(seen[0].busy, 0);
	assert_int_equal(seen[0].error, S);
	assert_int_equal(seen[0].job, 1077); /* whose it was is known still */
	look(12 * S);
	assert_int_equal(n, 0);
	gone("proc/77");
	look(13 * S);
	assert_int_equal(n, 0);
}

/* Without occupancy, as on older kernels: it holds, and anything may be. */
static void test_no_occupancy(void **state)
{
	(void)state;
	look(9 * S);
	put("51110\n", "proc/77/queues/0/gpuid");
	look(10 * S);
	assert_int_equal(seen[0].queues, 1);
	assert_int_equal(seen[0].busy, 0);
	assert_int_equal(seen[0].error, S);
	assert_int_equal(em_kfd_counts(kfd)->bad, 0);
}

static void test_hostile(void **state)
{
	(void)state;
	process(77, 51110, "-3\n", "1e9\n");
	look(10 * S);
	assert_int_equal(seen[0].busy, 0);
	assert_int_equal(em_kfd_counts(kfd)->bad, 2);
	put("99\n", "proc/78/queues/0/gpuid"); /* no such GPU */
	put("gpu\n", "proc/79/queues/0/gpuid");
	put("51110\n", "proc/80x/queues/no/gpuid");
	put("51110\n", "proc/99999999999999999999/queues/0/gpuid");
	put("", "proc/81/queues/0/gpuid");
	look(11 * S);
	assert_int_equal(n, 1);
	assert_in_range(em_kfd_counts(kfd)->bad, 5, 8);
}

/* A GPU that comes after the first look. */
static void test_late_gpu(void **state)
{
	(void)state;
	look(9 * S);
	put("555\n", "topology/nodes/3/gpu_id");
	put("location_id 256\n", "topology/nodes/3/properties");
	process(77, 555, "1\n", "0\n");
	look(10 * S);
	assert_int_equal(n, 1);
	assert_string_equal(seen[0].gpu, "pci/0000:01:00.0");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_nobody),
		T(test_which_gpu),
		T(test_occupancy),
		T(test_what_was_before_is_not_counted),
		T(test_copies_are_the_least),
		T(test_queues_end),
		T(test_no_occupancy),
		T(test_hostile),
		T(test_late_gpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
