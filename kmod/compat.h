/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels that the module builds for. Nothing else checks versions. */
#ifndef EARMARK_COMPAT_H
#define EARMARK_COMPAT_H

#include <drm/gpu_scheduler.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cgroup.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

/* 6.3 (400031e05adf): kfuncs are marked; before, they must only not be optimised away. */
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif

/* 6.7 (391145ba2acc) */
#ifndef __bpf_kfunc_start_defs
#define __bpf_kfunc_start_defs()                                                          \
	__diag_push();                                                                    \
	__diag_ignore_all("-Wmissing-prototypes", "kfuncs are found by their BTF alone"); \
	__diag_ignore_all("-Wmissing-declarations", "kfuncs are found by their BTF alone")
#define __bpf_kfunc_end_defs() __diag_pop()
#endif

/* 6.9 (6f3189f38a3e): sets of kfuncs carry a flag that the registration asks for. */
#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START(name) BTF_SET8_START(name)
#define BTF_KFUNCS_END(name) BTF_SET8_END(name)
#endif

/* 6.3 (4609e1f18e19): mounts have an idmap instead of a user namespace. */
static inline int compat_file_permission(struct file *file, int mask)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return inode_permission(file_mnt_idmap(file), file_inode(file), mask);
#else
	return inode_permission(file_mnt_user_ns(file), file_inode(file), mask);
#endif
}

/* 6.7 (7288dd2fd488): the attributes of a dump request moved. */
static inline struct nlattr **compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/*
 * Is this the scheduler's own submission of work to the hardware, and not a completion or a reset?
 * 6.8 (a6149f039369): a work item does it, no longer a thread.
 */
static inline bool compat_sched_submitting(struct drm_gpu_scheduler *sched)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return current_work() == &sched->work_run_job;
#else
	return current == sched->thread;
#endif
}

#endif /* EARMARK_COMPAT_H */
