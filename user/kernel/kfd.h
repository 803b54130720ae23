/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KFD, the compute side of AMD's driver: its user queues bypass the scheduler and fdinfo. Who has
 * a queue on which GPU, and whether its waves occupied compute units when it was looked at, stands
 * in /sys/class/kfd/kfd.
 *
 * That a job has a queue is a fact. How long it worked is not: occupancy is of an instant. From one
 * look to the next it counts as busy for all of the time if it was at both, for half of it if at
 * one; the copy engines' own counter (sdma_*) is the least. The truth may be nothing, or all of the
 * time: the bound says so, and the class is SAMPLED.
 */
#ifndef EM_KFD_H
#define EM_KFD_H

#include <stdbool.h>
#include "earmark.h"

#define EM_KFD_ROOT "/sys/class/kfd/kfd"

struct em_kfd;

/**
 * struct em_kfd_use - a process and a GPU, from the look before to this one
 * @gpu: its name in the inventory, "pci/0000:41:00.0"
 * @queues: that it has there now; 0: they are gone since
 * @start, @end: the two looks, ns; equal: there was none before
 * @busy, @error: what it did in between, give or take, ns
 * @vram: what it holds of the GPU's memory, bytes
 * @job: the caller's, kept from look to look; 0 at first
 */
struct em_kfd_use {
	__u32 pid;
	char gpu[EARMARK_NAME_LEN];
	unsigned int queues;
	__u64 start, end, busy, error, vram, job;
};

/**
 * struct em_kfd_counts - since it was made
 * @looks; @uses: told; @bad: files that were there and were no number, or named no GPU
 */
struct em_kfd_counts {
	__u64 looks, uses, bad;
};

/* @root: EM_KFD_ROOT; NULL: no memory. */
struct em_kfd *em_kfd_new(const char *root);
void em_kfd_free(struct em_kfd *kfd);

/* Return: is there such a driver? */
bool em_kfd_present(const struct em_kfd *kfd);

/* Looks at @now. Return: 0, -errno, or the first that @each returned. */
int em_kfd_look(struct em_kfd *kfd, __u64 now, int (*each)(struct em_kfd_use *use, void *arg),
		void *arg);

const struct em_kfd_counts *em_kfd_counts(const struct em_kfd *kfd);

#endif
