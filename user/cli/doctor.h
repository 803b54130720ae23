/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of `earmark doctor` that are nouns of their own. */
#ifndef EM_CLI_DOCTOR_H
#define EM_CLI_DOCTOR_H

#include <jansson.h>

/* @state: "ok", "note", "missing" or "unknown", as cmd_doctor.c has them */
typedef void em_doctor_find(void *arg, const char *what, const char *state, const char *detail,
			    const char *advice);

/* @status: earmarkd's, NULL = it does not answer; @devices: how many NVIDIA's driver has */
void em_doctor_nvidia(const json_t *status, unsigned int devices, em_doctor_find *find, void *arg);

/* @status: likewise: fdinfo and KFD, and what looking now and then leaves open */
void em_doctor_sampling(const json_t *status, em_doctor_find *find, void *arg);

#endif
