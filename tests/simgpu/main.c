// SPDX-License-Identifier: GPL-2.0
/* simgpu: parameters, the oracle's file, and the order of coming and going. */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "simgpu.h"

unsigned int sim_gpus = 1;
module_param_named(gpus, sim_gpus, uint, 0444);
MODULE_PARM_DESC(gpus, "number of GPUs (1)");
unsigned int sim_rings = 1;
module_param_named(rings, sim_rings, uint, 0444);
MODULE_PARM_DESC(rings, "in-order rings of each GPU (1)");
unsigned int sim_depth = 4;
module_param_named(depth, sim_depth, uint, 0444);
MODULE_PARM_DESC(depth, "jobs that a ring holds at once (4)");
bool sim_direct;
module_param_named(direct, sim_direct, bool, 0444);
MODULE_PARM_DESC(direct, "give jobs to the hardware past the scheduler, as i915 does (0)");
bool sim_cycles;
module_param_named(cycles, sim_cycles, bool, 0444);
MODULE_PARM_DESC(cycles, "fdinfo counts in cycles of a clock of 19.2 MHz, as xe's does (0)");

struct sim_book sim_books[SIM_MAX_GPUS][SIM_MAX_RINGS];
static struct dentry *sim_debugfs;

static int oracle_show(struct seq_file *m, void *unused)
{
	unsigned int gpu, ring;

	seq_puts(m, "# gpu ring who busy_ns jobs failed dropped [dry]\n");
	for (gpu = 0; gpu < sim_gpus; gpu++)
		for (ring = 0; ring < sim_rings; ring++)
			sim_book_show(m, &sim_books[gpu][ring], gpu, ring);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(oracle);

static void sim_books_fini(void)
{
	unsigned int i;

	for (i = 0; i < SIM_MAX_GPUS * SIM_MAX_RINGS; i++)
		sim_book_fini(&sim_books[0][0] + i);
}

static int __init sim_init(void)
{
	unsigned int i;
	int ret;

	sim_gpus = clamp(sim_gpus, 1u, (unsigned int)SIM_MAX_GPUS);
	sim_rings = clamp(sim_rings, 1u, (unsigned int)SIM_MAX_RINGS);
	sim_depth = clamp(sim_depth, 1u, 1024u);
	for (i = 0; i < SIM_MAX_GPUS * SIM_MAX_RINGS; i++)
		sim_book_init(&sim_books[0][0] + i);
	ret = sim_device_register();
	if (ret)
		return ret;
	sim_debugfs = debugfs_create_dir("simgpu", NULL);
	debugfs_create_file("oracle", 0444, sim_debugfs, NULL, &oracle_fops);
	return 0;
}

static void __exit sim_exit(void)
{
	debugfs_remove(sim_debugfs);
	sim_device_unregister();
	sim_books_fini();
}

module_init(sim_init);
module_exit(sim_exit);
MODULE_DESCRIPTION("Simulated GPU on the DRM GPU scheduler, for tests");
MODULE_LICENSE("GPL");
