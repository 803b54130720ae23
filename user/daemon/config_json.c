// SPDX-License-Identifier: GPL-2.0
/* The configuration as an entry of the record, and its end; see config.h. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "daemon/config.h"

json_t *em_config_json(const struct em_config *c)
{
	json_t *gpus = json_array();

	for (unsigned int i = 0; i < c->n_gpus; i++)
		json_array_append_new(gpus,
				      json_pack("{s:s, s:s?, s:s?, s:I}", "name", c->gpus[i].name,
						"model", c->gpus[i].model, "uuid", c->gpus[i].uuid,
						"weight", (json_int_t)c->gpus[i].weight));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I, s:s?, s:s?, s:s?}, "
		"s:s?, s:I, s:s, s:s, s:o}",
		"file", c->file, "ledger", c->ledger, "socket", c->socket, "commitments",
		c->commitments, "rules", c->rules, "pods", c->pods, "recorder",
		em_recorder_choices[c->recorder], "period_us",
		(json_int_t)(c->period / EM_NS_PER_US), "keep", (json_int_t)c->keep, "entry_us",
		(json_int_t)(c->entry / EM_NS_PER_US), "alert", "for_us",
		(json_int_t)(c->alert.for_ns / EM_NS_PER_US), "keep_firing_for_us",
		(json_int_t)(c->alert.keep_firing_ns / EM_NS_PER_US), "command", c->alert.command,
		"webhook", c->alert.webhook, "alertmanager", c->alert.alertmanager, "metrics",
		c->metrics, "sample_us",
		(json_int_t)((c->sample ?: EM_SAMPLE_DEFAULT) / EM_NS_PER_US), "told_drivers",
		c->told_drivers ?: EM_TOLD_DRIVERS, "nvml", c->nvml ?: "auto", "gpus", gpus);
}

void em_config_clear(struct em_config *c)
{
	for (unsigned int i = 0; i < c->n_gpus; i++) {
		free(c->gpus[i].name);
		free(c->gpus[i].model);
		free(c->gpus[i].uuid);
	}
	free(c->gpus);
	for (unsigned int i = 0; i < c->n_witnesses; i++)
		free(c->witnesses[i]);
	free(c->witnesses);
	free(c->file);
	free(c->ledger);
	free(c->socket);
	free(c->commitments);
	free(c->rules);
	free(c->pods);
	free(c->pin_dir);
	free(c->origin);
	free(c->key);
	free(c->metrics);
	free(c->told_drivers);
	free(c->nvml);
	em_alert_config_clear(&c->alert);
	memset(c, 0, sizeof(*c));
}
