// SPDX-License-Identifier: GPL-2.0
/* What the sensors' programs did and missed; see sensor.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "kernel/sensor_family.h"
#include "kernel/sensor_map.h"
#include "kernel/sensor_pin.h"

static int program_info(const char *program, struct bpf_prog_info *prog)
{
	struct bpf_link_info link = {};
	_cleanup_close_ int link_fd = -1, prog_fd = -1;
	__u32 len = sizeof(link);
	char path[128];

	em_pin_path(path, sizeof(path), "link_", program);
	link_fd = bpf_obj_get(path);
	if (link_fd < 0 || bpf_obj_get_info_by_fd(link_fd, &link, &len))
		return -errno;
	prog_fd = bpf_prog_get_fd_by_id(link.prog_id);
	len = sizeof(*prog);
	if (prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, prog, &len))
		return -errno;
	return 0;
}

static void state_count(struct em_sensor_state *st, const char *program)
{
	struct bpf_prog_info prog = {};

	if (program_info(program, &prog))
		return;
	st->runs += prog.run_cnt; /* counted by the kernel only under bpf_stats_enabled */
	st->recursion += prog.recursion_misses;
}

static void state_update(struct em_sensor *s, int f)
{
	struct em_sensor_state *st = &s->states[f];
	_cleanup_close_ int runs = -1, missed = -1;
	const struct hook *h;
	__u64 n;

	st->runs = st->recursion = 0;
	for (h = em_families[f].hooks; h->program; h++)
		state_count(st, h->program);
	if (s->mode == EM_SENSOR_MODULE)
		return;
	runs = em_map_open("runs");
	missed = em_map_open("missed");
	if (runs >= 0 && !em_map_sum(runs, f, &n))
		st->runs = n;
	if (missed >= 0 && !em_map_sum(missed, f, &n))
		st->missed = n;
}

int em_sensor_states(struct em_sensor *s, const struct em_sensor_state **states)
{
	int f, n = s->mode == EM_SENSOR_MODULE ? 1 : EM_FAMILY_COUNT;

	for (f = 0; f < n; f++)
		state_update(s, f);
	*states = s->states;
	return n;
}

/* A completion that is skipped loses busy time; anything else may lose a hold. */
__u64 em_sensor_skipped_edges(struct em_sensor *s)
{
	struct bpf_prog_info prog;
	const struct hook *h;
	__u64 n = 0;
	int f;

	for (f = 0; f < EM_FAMILY_COUNT; f++) {
		if (!s->states[f].attached)
			continue;
		for (h = em_families[f].hooks; h->program; h++) {
			memset(&prog, 0, sizeof(prog));
			if (!strncmp(h->program, "drm_done", 8) || program_info(h->program, &prog))
				continue;
			n += prog.recursion_misses;
		}
	}
	return n;
}
