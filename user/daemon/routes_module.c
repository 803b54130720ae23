// SPDX-License-Identifier: GPL-2.0
/* Letting the module go and taking the next one; see routes_module.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "daemon/manager.h"
#include "daemon/routes_module.h"

static json_t *released(const struct em_manager *m)
{
	json_int_t tags = 0, open = 0, last = 0;
	char load[33];
	json_t *job;
	size_t i;

	json_array_foreach(m->handover.jobs, i, job) {
		json_int_t tag = em_json_integer(job, "tag");

		tags += tag > 0;
		open += em_json_integer(job, "gpus_held") > 0;
		last = tag > last ? tag : last;
	}
	return json_pack("{s:s,s:I,s:I,s:I}", "load_id",
			 em_hex(load, m->handover.load_id, sizeof(m->handover.load_id)), "tags",
			 tags, "open", open, "last_tag", last);
}

static json_t *taken(const struct em_manager *m)
{
	char load[33];

	return json_pack("{s:s,s:O?}", "load_id", em_hex(load, m->load_id, sizeof(m->load_id)),
			 "handover", m->handover.last);
}

int em_route_module(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		    size_t len)
{
	const char *action = em_json_string(body, "action");
	struct em_manager *m = arg;
	int r;

	if (peer->uid) {
		snprintf(err, len, "only root may exchange the module");
		return -EPERM;
	}
	if (json_object_size(body) != 1 ||
	    (strcmp(action, "release") != 0 && strcmp(action, "take") != 0)) {
		snprintf(err, len,
			 "\"action\" must be \"release\" or \"take\", and nothing else "
			 "is asked");
		return -EINVAL;
	}
	if (!strcmp(action, "release")) {
		r = em_intake_release(m, err, len);
		*answer = r ? NULL : released(m);
		return r;
	}
	r = em_intake_take(m, err, len);
	*answer = r ? NULL : taken(m);
	return r;
}
