/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The BPF sensors: loading, attaching, pinning, seeding, reading their counters. The only
 * user of libbpf. With the module, `hold` answers through kfuncs and `drm` is not loaded;
 * without it both write pinned maps and one pinned ring, which recorder.c drains.
 */
#ifndef EM_SENSOR_H
#define EM_SENSOR_H

#include <stdbool.h>
#include "earmark.h"

#define EM_SENSOR_PIN_DIR "/sys/fs/bpf/earmark"

struct em_sensor;

enum em_sensor_mode { EM_SENSOR_MODULE, EM_SENSOR_ALONE };

/**
 * struct em_sensor_state - one family of hooks, for `sensor list` and `doctor`
 * @name: "hold", "drm", "cgroup"
 * @attached: all its programs are attached
 * @polled: hold, where programs cannot be attached to its edges: its walks stand in for it
 * @why: when not: one sentence that says what is missing and how to get it
 * @runs, @missed, @recursion: of its programs, since they were loaded
 */
struct em_sensor_state {
	const char *name;
	bool attached, polled;
	char why[256];
	__u64 runs, missed, recursion;
};

/**
 * em_sensor_open() - load and attach what this kernel can, adopting what is pinned already
 *
 * Return: 0, also when nothing could be attached (em_sensor_states() says why), or -errno.
 */
int em_sensor_open(struct em_sensor **s, enum em_sensor_mode mode);
void em_sensor_close(struct em_sensor *s); /* what is pinned stays attached */
int em_sensor_unpin(void);                 /* detaches everything; drivers can be unloaded */

/* Were there maps of a build that lays them out otherwise? They are gone: accounts begin anew. */
bool em_sensor_relaid(const struct em_sensor *s);

int em_sensor_states(struct em_sensor *s, const struct em_sensor_state **states);

/* Walks all open files of GPUs (iter/task_file). With the module the kfunc books them; alone
 * the records go to @each. @each gets pid, fd and the file's id for an fdinfo look-up.
 */
int em_sensor_seed(struct em_sensor *s, int (*each)(const struct earmark_ring *, void *),
		   void *arg);

/* A gpu_sched that appears later is attached to here; call when modules change. Return: 1 if
 * something was attached anew.
 */
int em_sensor_retry(struct em_sensor *s);

/* Runs that were skipped of programs that report edges of holds; cumulative. */
__u64 em_sensor_skipped_edges(struct em_sensor *s);

/* The device numbers that are GPUs; needed before em_sensor_seed(). */
int em_sensor_devnums(struct em_sensor *s, const __u32 *devnums, unsigned int n);

#endif
