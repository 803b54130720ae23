/* SPDX-License-Identifier: GPL-2.0 */
/* Which GPUs Slurm gave: its numbers, as device numbers that the kernel knows too. */
#ifndef EM_SLURM_GRES_H
#define EM_SLURM_GRES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * em_slurm_gres_file() - the device file of a GPU
 * @conf: text of gres.conf
 * @node: as slurm.conf names it: lines of other nodes do not count
 * @number: as in SLURM_JOB_GPUS: Slurm counts a node's files in the order of @conf, from 0,
 *	whatever numbers their names have
 *
 * Return: whether there is that file; else (AutoDetect) @conf does not say which it is.
 */
bool em_slurm_gres_file(const char *conf, const char *node, unsigned int number, char *out,
			size_t len);

/*
 * em_slurm_gres_devices() - "226:128 226:129", of the GPUs of a list such as "0,2-3"
 *
 * Where @conf names no file, /dev/nvidiaN is taken. What is no character device is left out.
 * Return: how many there are in @out.
 */
unsigned int em_slurm_gres_devices(const char *conf, const char *node, const char *list, char *out,
				   size_t len);

#endif
