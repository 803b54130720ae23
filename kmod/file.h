/* SPDX-License-Identifier: GPL-2.0 */
/* Which jobs use which open files of GPUs, as the hold sensor tells it. None of it sleeps. */
#ifndef EARMARK_FILE_H
#define EARMARK_FILE_H

#include <linux/types.h>

struct file;
struct task_struct;

int earmark_file_ioctl(struct file *file);
int earmark_file_channel(struct file *file, bool certain);
void earmark_file_gone(struct file *file);
u64 earmark_file_seed(struct task_struct *task, struct file *file);
u64 earmark_file_count(void);

#endif /* EARMARK_FILE_H */
