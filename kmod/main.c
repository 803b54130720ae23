// SPDX-License-Identifier: GPL-2.0
/* earmark.ko: marks GPU jobs with a research purpose and accounts their GPU time. */
#include <linux/module.h>

#include "books.h"
#include "cgroup.h"
#include "context.h"
#include "drm.h"
#include "event.h"
#include "gpu.h"
#include "interval.h"
#include "inventory.h"
#include "job.h"
#include "kfunc.h"
#include "netlink.h"
#include "sched.h"

static unsigned long long period_ns = 10000000000ULL;
module_param(period_ns, ullong, 0444);
MODULE_PARM_DESC(period_ns, "sealing period of the accounts at load (10 ms to 1 h)");

static unsigned long long keep = 16ULL << 20;
module_param(keep, ullong, 0444);
MODULE_PARM_DESC(keep, "bytes of sealed intervals kept until acknowledged, at load");

module_param_named(max_jobs, earmark_max_jobs, uint, 0444);
MODULE_PARM_DESC(max_jobs, "cgroups accounted at the same time; work of more is unattributed");

struct earmark_books earmark_books = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(earmark_books.lock),
	.mutex = __MUTEX_INITIALIZER(earmark_books.mutex),
};

/* What was kept, when nothing can call in any more, each after what refers to it. */
static void books_free(void)
{
	earmark_event_exit();
	earmark_context_exit();
	earmark_job_exit();
	earmark_sched_exit();
	earmark_gpu_exit();
	earmark_chain_exit();
	rcu_barrier();
}

static int __init earmark_init(void)
{
	int ret;

	earmark_account_init(&earmark_books.account, ktime_get_ns());
	ret = earmark_chain_init(keep);
	if (ret)
		return ret;
	ret = earmark_kfunc_init();
	if (ret)
		return ret;
	ret = earmark_inventory_init();
	if (ret)
		return ret;
	ret = earmark_cgroup_init();
	if (ret)
		goto exit_inventory;
	ret = earmark_drm_init();
	if (ret)
		goto exit_cgroup;
	ret = earmark_interval_init(period_ns);
	if (ret)
		goto exit_drm;
	ret = earmark_netlink_init();
	if (ret)
		goto exit_interval;
	return 0;

exit_interval:
	earmark_interval_exit();
exit_drm:
	earmark_drm_exit();
exit_cgroup:
	earmark_cgroup_exit();
exit_inventory:
	earmark_inventory_exit();
	books_free();
	return ret;
}

/* The kernel refuses it while BPF programs are attached that call in. */
static void __exit earmark_exit(void)
{
	earmark_netlink_exit();
	earmark_interval_exit();
	earmark_drm_exit();
	earmark_cgroup_exit();
	earmark_inventory_exit();
	books_free();
}

module_init(earmark_init);
module_exit(earmark_exit);
MODULE_LICENSE("GPL");
/* with it a build has a srcversion: is the one that is loaded the one installed? */
MODULE_VERSION(__stringify(EARMARK_VERSION));
MODULE_DESCRIPTION("Marks GPU jobs with a research purpose and accounts their GPU time");
