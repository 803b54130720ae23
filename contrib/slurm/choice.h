/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the plugin decides, without Slurm: which purpose was asked for, what the site has
 * configured, and which cgroups of a step get which tag.
 *
 * The plugin is loaded into sbatch, srun, slurmd and slurmstepd: it needs libc and no more.
 */
#ifndef EM_SLURM_CHOICE_H
#define EM_SLURM_CHOICE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "earmark.h"

#define EM_SLURM_CLUSTER_MAX 40

/* struct em_slurm_choice - PURPOSE[:PROJECT]; @purpose UNTAGGED: nothing was chosen */
struct em_slurm_choice {
	unsigned int purpose;
	char project[EARMARK_PROJECT_LEN];
};

/* From the option's text. Return: 0 or -EINVAL with one sentence that names what is right. */
int em_slurm_choice_parse(struct em_slurm_choice *c, const char *text, char *err, size_t len);
bool em_slurm_choice_equal(const struct em_slurm_choice *a, const struct em_slurm_choice *b);
const char *em_slurm_purpose_name(unsigned int purpose);

/**
 * struct em_slurm_site - the arguments in plugstack.conf
 * @require: refuse what is submitted without a purpose
 * @fail: a job that cannot be tagged does not start
 * @map: ask slurmctld for account, QOS, partition and wckey where no purpose was chosen
 * @socket: of earmarkd
 * @cluster: "" = as slurm.conf says
 */
struct em_slurm_site {
	bool require, fail, map;
	char socket[108]; /* as long as sun_path */
	char cluster[EM_SLURM_CLUSTER_MAX + 1];
};

/* Return: 0 or -EINVAL with one sentence. */
int em_slurm_site_parse(struct em_slurm_site *s, int argc, char **argv, char *err, size_t len);

/* The value of ClusterName in the text of slurm.conf. Return: whether there is one. */
bool em_slurm_cluster_parse(const char *conf, char out[EM_SLURM_CLUSTER_MAX + 1]);

/*
 * em_slurm_ref() - CLUSTER.JOB, and CLUSTER.ARRAY_TASK for a task of an array, as sacct has it
 * @array: 0 = it is none
 */
void em_slurm_ref(char out[EARMARK_REF_LEN], const char *cluster, uint32_t job, uint32_t array,
		  uint32_t task);

/*
 * em_slurm_cgroup() - the job's and the step's cgroup, from one at or below them
 * @own: a path such as /system.slice/n1_slurmstepd.scope/job_7/step_0/slurm
 * @step: "" where @own is not below a step
 *
 * Return: whether @own is at or below a cgroup job_@id.
 */
bool em_slurm_cgroup(const char *own, uint32_t id, char job[PATH_MAX], char step[PATH_MAX]);

/**
 * struct em_slurm_step - what a step knows of purposes
 * @whole: it stands for the job: its batch script, or what holds the job's own processes
 * @said: by an option of this step's own; or, where it is the batch script, of the job's
 * @passed: with the step's launch, whoever said it
 * @inherited: what the job was submitted with, as its environment has it
 */
struct em_slurm_step {
	bool whole;
	struct em_slurm_choice said, passed, inherited;
};

/* struct em_slurm_plan - the tags to be set; purpose UNTAGGED: none */
struct em_slurm_plan {
	struct em_slurm_choice job, step;
};

void em_slurm_plan(struct em_slurm_plan *p, const struct em_slurm_step *s);

#endif
