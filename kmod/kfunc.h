/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What BPF programs of type tracing and LSM may call. None of them sleeps.
 *
 *   int earmark_hold_ioctl(struct file *file)
 *	LSM file_ioctl and file_ioctl_compat: the current job uses @file. Cheap if it is no GPU's
 *	or known. 0, or -ENOMEM (counted, and the GPU went blind).
 *   int earmark_hold_channel(struct file *file, int certain)
 *	The same hooks, behind earmark_hold_ioctl(): the current job asks NVIDIA's driver for a
 *	channel, or may do so: @certain 0, it could not be read. Where that is on one GPU, it holds
 *	it from now on; where it can be on several, they are unobserved until the daemon knows.
 *	0, or -ENODEV: the job uses no such GPU (counted).
 *   int earmark_hold_free(struct file *file)
 *	LSM file_free_security: @file is gone. Matched by pointer; always 0.
 *   int earmark_seed_begin(void)
 *	iter/task_file, before its first file (meta->seq_num == 0): a walk over all open files
 *	begins. SENSOR_SEEDED ends it. Returns the walk's generation.
 *   u64 earmark_hold_seed(struct task_struct *task, struct file *file)
 *	iter/task_file: @task has @file open. Returns the id of its use for FILE_SET if the books
 *	have it now, 0 if it is no GPU's or known not to be in use.
 *   int earmark_challenge_answer(u64 nonce, u64 missed, u64 recursion)
 *	tp_btf/earmark_challenge: the sensor is there. @missed, @recursion: what its programs lost
 *	since they were loaded. -ESTALE if @nonce is not the one asked for.
 */
#ifndef EARMARK_KFUNC_H
#define EARMARK_KFUNC_H

#include <linux/types.h>

struct file;
struct task_struct;

int earmark_hold_ioctl(struct file *file);
int earmark_hold_channel(struct file *file, int certain);
int earmark_hold_free(struct file *file);
int earmark_seed_begin(void);
u64 earmark_hold_seed(struct task_struct *task, struct file *file);
int earmark_challenge_answer(u64 nonce, u64 missed, u64 recursion);

int earmark_kfunc_init(void);
bool earmark_kfunc_callable(void);

#endif /* EARMARK_KFUNC_H */
