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

/**
 * struct em_work - a job was seen to work on a GPU, or not to; see EARMARK_CMD_WORK_ADD
 * @gpu: its id; @job: id of a cgroup, which need not be a job yet
 * @start, @end: monotonic ns: when it was looked at
 * @busy: ns of work in between, of @class (enum earmark_class), give or take @error ns
 * @works: false: it was seen not to work there, and @busy is 0
 */
struct em_work {
	__u32 gpu;
	__u32 class;
	__u64 job;
	__u64 start, end;
	__u64 busy, error;
	bool works;
};

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
	/* -ENOENT: there is no such GPU or cgroup; -EINVAL: that cannot have been measured */
	int (*work)(struct em_source *s, const struct em_work *work);
	int (*seal)(struct em_source *s, __u64 *number);
	int (*intervals)(struct em_source *s, __u64 from, int (*each)(struct em_interval *, void *),
			 void *arg);
	int (*ack)(struct em_source *s, __u64 number, const __u8 hash[EARMARK_HASH_LEN]);
	int (*config)(struct em_source *s, __u64 period, __u64 keep);
	/*
	 * Every open file of a GPU that is in use, as a walk comes by it: devnum, cgroup, pid, fd.
	 * Where walks stand in for the hold sensor, what the last of them found.
	 */
	int (*files)(struct em_source *s, int (*each)(const struct earmark_ring *, void *),
		     void *arg);
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

/* Return: 1 and *@gpu the one of that name, 0 there is none, -errno. */
int em_source_gpu(struct em_source *s, const char *name, struct earmark_gpu_info *gpu);

int em_source_open_module(struct em_source **s); /* -ENOENT: no module */
int em_source_open_recorder(struct em_source **s);

#endif
