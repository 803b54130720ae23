// SPDX-License-Identifier: GPL-2.0
/* The NVIDIA sampler: which GPUs there are, what they weigh, and who holds them. */
#include "nvidia_make.h"
#include <sys/sysmacros.h>
#include "commit/weights.h"

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
	__u64 a = cg("a"), monitor = cg("monitor"), shell = cg("shell");
	char node[192];

	(void)state;
	snprintf(node, sizeof(node), "%s/nvidia7", root);
	if (mknod(node, S_IFCHR | 0600, makedev(EARMARK_NVIDIA_MAJOR, 7)))
		skip(); /* who is not root makes no device file; the walk itself is tried below */
	script("gpu 0 X GPU-aaaa 0000:41:00 7\ncompute 0 100 1\n");
	process_of(100, "python", "a", BEGIN - S, node);
	process_of(101, "nvidia-smi", "monitor", BEGIN - S, node);
	process_of(102, "nvidia-persist", "monitor", BEGIN - S, node);
	process_of(103, "bash", "shell", BEGIN - S, "/dev/zero");
	open_with("new");
	scan(false);
	poll();
	assert_int_equal(state_of(a), 1);
	assert_int_equal(state_of(monitor), -1); /* nobody asked */
	clear();
	turn(EM_NVIDIA_RESCAN);
	scan(true);
	poll();
	assert_int_equal(state_of(a), 1);
	assert_int_equal(state_of(monitor), 0);
	assert_int_equal(state_of(shell), -1);
	clear();
	seconds(2);
	assert_int_equal(n_told, 0); /* it is no news, and costs a walk */
	seconds(3);
	assert_int_equal(state_of(monitor), 0);
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
		cmocka_unit_test(weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
