/* SPDX-License-Identifier: GPL-2.0 */
/* Which GPUs Slurm gave: its numbers, as device numbers that the kernel knows too. */
#ifndef EM_SLURM_GRES_H
#define EM_SLURM_GRES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * em_slurm_gres_file() - the device file of a GPU
 * @conf: text of gres.conf
 * @number: as in SLURM_JOB_GPUS: of the device's file where its name ends in one
 *
 * Return: whether @conf has such a file for a gpu; else it is in nobody's hands to say.
 */
bool em_slurm_gres_file(const char *conf, unsigned int number, char *out, size_t len);

/*
 * em_slurm_gres_devices() - "226:128 226:129", of the GPUs of a list such as "0,2-3"
 * @conf: text of gres.conf; where it names no file, /dev/nvidiaN is taken
 *
 * What is no character device is left out. Return: how many there are in @out.
 */
unsigned int em_slurm_gres_devices(const char *conf, const char *list, char *out, size_t len);

#endif
