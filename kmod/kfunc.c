// SPDX-License-Identifier: GPL-2.0
/* kfuncs; see kfunc.h for who calls them from where. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/namei.h>

#include "compat.h"
#include "file.h"
#include "kfunc.h"
#include "sensor.h"

__bpf_kfunc_start_defs();

__bpf_kfunc int earmark_hold_ioctl(struct file *file)
{
	return earmark_file_ioctl(file);
}

__bpf_kfunc int earmark_hold_channel(struct file *file, int certain)
{
	return earmark_file_channel(file, certain);
}

__bpf_kfunc int earmark_hold_free(struct file *file)
{
	earmark_file_gone(file);
	return 0;
}

__bpf_kfunc int earmark_seed_begin(void)
{
	return earmark_sensor_begin();
}

__bpf_kfunc u64 earmark_hold_seed(struct task_struct *task, struct file *file)
{
	return earmark_file_seed(task, file);
}

__bpf_kfunc int earmark_challenge_answer(u64 nonce, u64 missed, u64 recursion)
{
	return earmark_sensor_answer(nonce, missed, recursion);
}

__bpf_kfunc_end_defs();

/*
 * No KF_TRUSTED_ARGS: the file of file_free_security and those of iter/task_file are not
 * trusted in the verifier's sense. Their types are checked all the same.
 */
BTF_KFUNCS_START(earmark_kfuncs)
BTF_ID_FLAGS(func, earmark_hold_ioctl)
BTF_ID_FLAGS(func, earmark_hold_channel)
BTF_ID_FLAGS(func, earmark_hold_free)
BTF_ID_FLAGS(func, earmark_seed_begin)
BTF_ID_FLAGS(func, earmark_hold_seed)
BTF_ID_FLAGS(func, earmark_challenge_answer)
BTF_KFUNCS_END(earmark_kfuncs)

static const struct btf_kfunc_id_set earmark_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &earmark_kfuncs,
};

static bool callable;

/* Return: has the module BTF, without which no program can call them? */
bool earmark_kfunc_callable(void)
{
	return callable;
}

/* Registered for TRACING they serve LSM programs too. Succeeds even without the module's BTF. */
int earmark_kfunc_init(void)
{
	struct path path;

	if (!kern_path("/sys/kernel/btf/" KBUILD_MODNAME, 0, &path)) {
		path_put(&path);
		callable = true;
	} else {
		pr_warn("the module has no BTF: the hold sensor cannot reach it\n");
	}
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &earmark_kfunc_set);
}
