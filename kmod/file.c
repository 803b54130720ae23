// SPDX-License-Identifier: GPL-2.0
/* Files of GPUs; see file.h. */
#include <linux/cgroup.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "cgroup.h"
#include "file.h"
#include "gpu.h"
#include "job.h"
#include "sensor.h"

static u64 file_id(const struct file *file)
{
	return (unsigned long)file;
}

/* In an RCU section. */
static struct earmark_gpu *file_gpu(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) ? earmark_gpu_by_devnum(inode->i_rdev) : NULL;
}

/* The edge of a hold is lost: the GPU's time is in doubt until the next complete walk. */
static void file_lost(struct earmark_gpu *gpu)
{
	unsigned long flags;

	earmark_lost(EARMARK_LOST_FILE, 1);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_gpu_hold_lost(gpu, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

/* What is being added, and what it is allocated in before the lock. */
struct adding {
	struct task_struct *task;
	struct cgroup *cgrp;
	struct earmark_gpu *gpu;
	u64 file;
	bool unknown;
	struct earmark_spare spare;
	struct earmark_use *use;
};

/* Under the lock. Return: the use's id; 0: what was looked up before the lock has changed. */
static u64 file_record(struct adding *add, u64 now)
{
	struct earmark_account *a = &earmark_books.account;
	struct earmark_holder *h = earmark_spare_take(&add->spare, add->cgrp, add->gpu, now);
	u32 walk = earmark_sensor_walk();
	u64 id;

	if (!h)
		return 0;
	if (!add->unknown)
		earmark_cgroup_seen(add->task, h->job->id);
	if (earmark_use_seen(a, add->file, h->job, walk, &id))
		return id;
	id = a->next_use;
	earmark_use_add(a, add->use, h, add->file, add->unknown, walk, now);
	add->use = NULL;
	return id;
}

/* Return: the use's id; 0: it could not be recorded. In an RCU section. */
static u64 file_add(struct adding *add)
{
	unsigned long flags;
	u64 id = 0;
	u32 tries;

	add->use = kmalloc(sizeof(*add->use), EARMARK_ATOMIC);
	for (tries = 0; !id && add->use && tries < 3; tries++) {
		if (!earmark_spare_fill(&add->spare, add->task, add->cgrp, add->gpu,
					EARMARK_ATOMIC))
			break;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		id = file_record(add, ktime_get_ns());
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
	if (!id)
		file_lost(add->gpu);
	kfree(add->use);
	earmark_spare_free(&add->spare);
	earmark_event_kick();
	return id;
}

/* The current process makes an ioctl on @file. Return: 0 or -ENOMEM. */
int earmark_file_ioctl(struct file *file)
{
	struct adding add = { .task = current, .file = file_id(file) };
	struct earmark_job *job;
	int ret = 0;

	rcu_read_lock();
	add.gpu = file_gpu(file);
	if (!add.gpu)
		goto out;
	add.cgrp = task_dfl_cgroup(current);
	job = earmark_job_of(add.cgrp);
	if (job && earmark_file_used(&earmark_books.account, add.file, &job->account))
		goto out;
	if (!file_add(&add))
		ret = -ENOMEM;
out:
	rcu_read_unlock();
	return ret;
}

static bool is_control(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) &&
	       inode->i_rdev == MKDEV(EARMARK_NVIDIA_MAJOR, EARMARK_NVIDIA_CONTROL);
}

/* Return: is there a GPU that holds of begin with a channel? In an RCU section. */
static bool any_channel(void)
{
	struct earmark_gpu *gpu;

	list_for_each_entry_rcu(gpu, earmark_gpu_list(), node) {
		if (READ_ONCE(gpu->meter) == EARMARK_METER_CHANNEL)
			return true;
	}
	return false;
}

/**
 * earmark_file_channel() - the current process asks for a channel on @file
 * @certain: false: what it asks for could not be read
 *
 * Seen before the driver answers: a request that it refuses counts too, until WORK_ADD says
 * otherwise.
 *
 * Return: 0, or -ENODEV: for no GPU that could be told. Then, or if not @certain, it is counted.
 */
int earmark_file_channel(struct file *file, bool certain)
{
	struct earmark_gpu *gpu;
	struct earmark_job *job;
	unsigned long flags;
	u32 n = 0;

	rcu_read_lock();
	gpu = file_gpu(file);
	if (!(gpu || is_control(file)) || !any_channel()) {
		rcu_read_unlock();
		return 0;
	}
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	job = earmark_job_of(task_dfl_cgroup(current));
	if (job)
		n = earmark_job_channel(&earmark_books.account, &job->account,
					gpu ? &gpu->account : NULL, certain, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	rcu_read_unlock();
	if (!n || !certain)
		earmark_lost(EARMARK_LOST_MISSED, 1);
	return n ? 0 : -ENODEV;
}

/* The last reference to @file is gone. Cheap for files that nobody used. */
void earmark_file_gone(struct file *file)
{
	unsigned long flags;
	bool known;

	rcu_read_lock();
	known = earmark_file_known(&earmark_books.account, file_id(file));
	rcu_read_unlock();
	if (!known)
		return;
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_file_free(&earmark_books.account, file_id(file), ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

/**
 * earmark_file_seed() - a walk over all open files found that @task has @file open
 *
 * Where holds are observed already, a file that its job made no ioctl on is not in use.
 *
 * Return: the use's id; 0: no file of a GPU's, or not in use, or it could not be recorded.
 */
u64 earmark_file_seed(struct task_struct *task, struct file *file)
{
	struct adding add = { .task = task, .file = file_id(file), .unknown = true };
	struct earmark_job *job;
	unsigned long flags;
	u64 id = 0;

	rcu_read_lock();
	add.gpu = file_gpu(file);
	if (!add.gpu)
		goto out;
	earmark_sensor_walks();
	add.cgrp = task_dfl_cgroup(task);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	job = earmark_job_of(add.cgrp);
	if (job)
		earmark_use_seen(&earmark_books.account, add.file, &job->account,
				 earmark_sensor_walk(), &id);
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	if (!id && READ_ONCE(add.gpu->account.blind) & (EARMARK_BLIND_HOLD | EARMARK_BLIND_LOST))
		id = file_add(&add);
out:
	rcu_read_unlock();
	return id;
}

/* Return: how many uses the books have. */
u64 earmark_file_count(void)
{
	struct earmark_use *use;
	u64 n = 0;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_rcu(use, &earmark_books.account.files[i], node)
			n++;
	}
	rcu_read_unlock();
	return n;
}
