/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the intervals come from: the module (source_module.c over netlink.c) or, where no
 * module can be loaded, the account core inside this daemon fed by BPF (recorder.c). The
 * rest of earmarkd knows only this.
 */
#ifndef EM_SOURCE_H
#define EM_SOURCE_H

#include <stdbool.h>
#include "kernel/interval.h"
#include "kernel/sensor.h"

struct em_source;

struct em_source_ops {
	enum earmark_recorder recorder;
	int (*status)(struct em_source *s, struct earmark_status *status);
	/* as the netlink commands of the same name; the caller checked permissions of peers */
	int (*tag)(struct em_source *s, int cgroup_fd, const struct earmark_event *tag, __u32 *id);
	int (*jobs)(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		    void *arg);
	int (*gpus)(struct em_source *s, int (*each)(const struct earmark_gpu_info *, void *),
		    void *arg);
	int (*gpu_set)(struct em_source *s, const struct earmark_gpu_info *gpu, __u32 *id);
	int (*gpu_retire)(struct em_source *s, __u32 gpu, const char *reason);
	int (*gpu_absent)(struct em_source *s, const char *name); /* module: sees it itself */
	int (*seal)(struct em_source *s, __u64 *number);
	int (*intervals)(struct em_source *s, __u64 from, int (*each)(struct em_interval *, void *),
			 void *arg);
	int (*ack)(struct em_source *s, __u64 number, const __u8 hash[EARMARK_HASH_LEN]);
	int (*config)(struct em_source *s, __u64 period, __u64 keep);
	/* the sensors changed or a period passed: seed, resolve files by fdinfo, add losses */
	int (*tick)(struct em_source *s);
	int (*fd)(struct em_source *s); /* readable: call tick; -1 = none */
	void (*close)(struct em_source *s);
};

/**
 * struct em_source - the recorder in use
 * @sensor: owned by the source
 * @error: one sentence about the last failure
 */
struct em_source {
	const struct em_source_ops *ops;
	struct em_sensor *sensor;
	char error[256];
};

int em_source_open_module(struct em_source **s); /* -ENOENT: no module */
int em_source_open_recorder(struct em_source **s);

#endif
