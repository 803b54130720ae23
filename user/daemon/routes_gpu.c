// SPDX-License-Identifier: GPL-2.0
/* The API's paths about GPUs that earmarkd does not find by itself; see routes_gpu.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/manager.h"
#include "daemon/routes_gpu.h"

#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

static int devices_parse(json_t *devices, struct earmark_gpu_info *info, char *err, size_t len)
{
	unsigned int major, minor;
	const char *text;
	json_t *one;
	size_t i;
	int end;

	if (json_array_size(devices) > EARMARK_DEVNUMS_MAX) {
		snprintf(err, len, "a GPU has at most %d device numbers", EARMARK_DEVNUMS_MAX);
		return -EINVAL;
	}
	json_array_foreach(devices, i, one) {
		text = json_string_value(one);
		if (!text || sscanf(text, "%4u:%7u%n", &major, &minor, &end) != 2 || text[end] ||
		    major > MAJOR_MAX || minor > MINOR_MAX) {
			snprintf(err, len, "a device is written MAJOR:MINOR, as 195:0");
			return -EINVAL;
		}
		info->devnums[info->nr_devnums++] = major << 20 | minor;
	}
	return 0;
}

static bool fits(const char *text, size_t room, char *out)
{
	return !text ||
	       (em_text_label(text, room - 1) && (size_t)snprintf(out, room, "%s", text) < room);
}

/* NULL: what is not said stays as it is, or empty. */
static int info_parse(json_t *body, struct earmark_gpu_info *info, char *err, size_t len)
{
	const char *name, *meter, *model = NULL, *uuid = NULL;
	json_t *devices = NULL;
	json_error_t why;
	int class;

	if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s,s:s,s?s,s?s,s?o}", "name", &name, "meter",
			   &meter, "model", &model, "uuid", &uuid, "devices", &devices)) {
		snprintf(err, len, "a GPU has name, meter, model, uuid and devices: %s", why.text);
		return -EINVAL;
	}
	class = em_meter_parse(meter);
	if (class < 0) {
		snprintf(err, len, "the meter is one of: drm, channel, told, none");
		return -EINVAL;
	}
	info->meter = class;
	if (!strchr(name, '/') || !fits(name, sizeof(info->name), info->name) ||
	    !fits(model, sizeof(info->model), info->model) ||
	    !fits(uuid, sizeof(info->uuid), info->uuid)) {
		snprintf(err, len,
			 "a GPU is named BUS/DEVICE; name, model and uuid are at most %d bytes of "
			 "printable UTF-8",
			 EARMARK_NAME_LEN - 1);
		return -EINVAL;
	}
	return devices ? devices_parse(devices, info, err, len) : 0;
}

int em_route_gpu_add(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		     char *err, size_t len)
{
	struct em_manager *m = arg;
	struct earmark_gpu_info info = { .gpu = 0 };
	__u32 id;
	int r;

	if (peer->uid) {
		snprintf(err, len, "only root may add a GPU");
		return -EPERM;
	}
	r = info_parse(body, &info, err, len);
	if (r)
		return r;
	if (!m->source) {
		snprintf(err, len, "nothing is recorded on this node: %s", m->why);
		return -ENODEV;
	}
	r = m->source->ops->gpu_set(m->source, &info, &id);
	if (r) {
		snprintf(err, len, "%s", m->source->error);
		return r;
	}
	m->source->ops->tick(m->source); /* its files are looked for at once */
	*answer = json_pack("{s:I}", "id", (json_int_t)id);
	return 0;
}

static int work_parse(json_t *body, struct em_work *work, const char **gpu, char *err, size_t len)
{
	json_int_t job, start, end, busy = 0, error = 0;
	const char *class = "counter";
	json_error_t why;
	int works, c;

	if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s,s:I,s:I,s:I,s:b,s?I,s?I,s?s}", "gpu", gpu,
			   "job", &job, "start_ns", &start, "end_ns", &end, "works", &works,
			   "busy_ns", &busy, "error_ns", &error, "class", &class)) {
		snprintf(err, len,
			 "work has gpu, job (a cgroup's id), start_ns and end_ns (monotonic), "
			 "works, busy_ns, error_ns and class: %s",
			 why.text);
		return -EINVAL;
	}
	c = em_class_parse(class);
	if (c < 0 || job < 0 || start < 0 || end < 0 || busy < 0 || error < 0) {
		snprintf(err, len,
			 "the class is one of: exact, counter, sampled, estimate; numbers are not "
			 "negative");
		return -EINVAL;
	}
	*work = (struct em_work){ .class = c,
				  .job = job,
				  .start = start,
				  .end = end,
				  .busy = busy,
				  .error = error,
				  .works = works };
	return 0;
}

int em_route_work(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		  size_t len)
{
	struct em_manager *m = arg;
	struct earmark_gpu_info gpu = { .gpu = 0 };
	const char *name;
	struct em_work work;
	int r;

	if (peer->uid) {
		snprintf(err, len, "only root may tell how a job works");
		return -EPERM;
	}
	r = work_parse(body, &work, &name, err, len);
	if (r)
		return r;
	if (!m->source) {
		snprintf(err, len, "nothing is recorded on this node: %s", m->why);
		return -ENODEV;
	}
	em_source_gpu(m->source, name, &gpu);
	work.gpu = gpu.gpu;
	r = m->source->ops->work(m->source, &work);
	if (r)
		snprintf(err, len, "%s", m->source->error);
	else
		*answer = json_object();
	return r;
}
