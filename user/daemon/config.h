/* SPDX-License-Identifier: GPL-2.0 */
/* What the site wants: the command line over the configuration file over the defaults. */
#ifndef EM_DAEMON_CONFIG_H
#define EM_DAEMON_CONFIG_H

#include "alert/alert.h"

#define EM_CONFIG_FILE "/etc/earmark/earmarkd.yaml"
#define EM_PODS_URL "http://127.0.0.1:10255/pods" /* the kubelet's, where it is read-only */

#define EM_ENTRY_DEFAULT (-1)
#define EM_SAMPLE_DEFAULT 1000000000LL /* ns */
#define EM_SAMPLE_MAX (60 * EM_SAMPLE_DEFAULT)
#define EM_TOLD_DRIVERS "i915 xe"

enum em_recorder_choice { EM_CHOICE_AUTO, EM_CHOICE_KERNEL, EM_CHOICE_DAEMON };
extern const char *const em_recorder_choices[]; /* their names */

/* struct em_config_gpu - what the site says of a GPU, over what the system says; NULL: nothing */
struct em_config_gpu {
	char *name, *model, *uuid;
	unsigned int weight;
};

/**
 * struct em_config - in force
 * @period, @keep: 0 = as the recorder has it
 * @entry: wall time that becomes one entry of the ledger; 0: an interval is one;
 *	EM_ENTRY_DEFAULT: six periods
 * @origin, @key: of a ledger that begins, and where its key is; NULL = the ledger's default
 * @pods: the address of the kubelet's list of pods; "" = nobody is asked
 * @sample: how often sensors that sample look, ns, 0 = EM_SAMPLE_DEFAULT; @told_drivers: names,
 *	with spaces between, of drivers whose work fdinfo alone shows, NULL = EM_TOLD_DRIVERS
 * @nvml: NULL: NVIDIA's library is asked where its driver is loaded; "off": never; else its path
 * @metrics: "ADDRESS:PORT" to serve metrics on, NULL = nowhere
 */
struct em_config {
	char *file, *ledger, *socket, *commitments, *rules, *pin_dir, *origin, *key, *metrics,
		*told_drivers, *nvml, *pods;
	enum em_recorder_choice recorder;
	int64_t period, entry, sample;
	uint64_t keep;
	struct em_alert_config alert;
	struct em_config_gpu *gpus;
	unsigned int n_gpus;
	char **witnesses; /* KEY=URL */
	unsigned int n_witnesses;
	int64_t witness_every;
};

/*
 * Return: 0; 1: --help or --version was answered; -errno with a sentence in @err. Can be called
 * again to read the file anew.
 */
int em_config_load(struct em_config *c, int argc, char **argv, char *err, size_t len);
void em_config_clear(struct em_config *c);
json_t *em_config_json(const struct em_config *c); /* for the record; new reference */

#endif
