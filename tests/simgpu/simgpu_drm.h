/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The ioctls of simgpu, the GPU that only keeps time. */
#ifndef SIMGPU_DRM_H
#define SIMGPU_DRM_H

#ifdef __KERNEL__
#include <drm/drm.h>
#else
/* What is needed of it: Debian's kernel headers for users lack drm/. */
#include <linux/ioctl.h>
#include <linux/types.h>
#define DRM_COMMAND_BASE 0x40
#define DRM_IO(nr) _IO('d', nr)
#define DRM_IOR(nr, type) _IOR('d', nr, type)
#define DRM_IOWR(nr, type) _IOWR('d', nr, type)
#endif

/* run_job fails: the job takes no time and ends with -EIO */
#define SIMGPU_SUBMIT_FAIL (1 << 0)
/* the job never ends: the scheduler times out and the ring is reset */
#define SIMGPU_SUBMIT_HANG (1 << 1)

struct drm_simgpu_submit {
	__u32 ring;
	__u32 count;       /* in: jobs to queue; out: jobs queued */
	__u64 duration_ns; /* of each job, by the ring's own clock */
	__u32 flags;       /* SIMGPU_SUBMIT_* */
	__u32 who;         /* a label of the caller's that the oracle keeps */
	__u64 seqno;       /* out: of the last job; counts from 1 per file and ring */
};

struct drm_simgpu_wait {
	__u32 ring;
	__s32 error;      /* out: negative errno that the job ended with, if known */
	__u64 seqno;      /* 0: all that was submitted so far */
	__s64 timeout_ns; /* negative: for ever */
};

struct drm_simgpu_info {
	__u32 gpu;
	__u32 rings;
	__u32 depth;
	__u32 pad;
};

#define DRM_SIMGPU_SUBMIT 0
#define DRM_SIMGPU_WAIT 1
#define DRM_SIMGPU_INFO 2
#define DRM_SIMGPU_NOP 3

#define DRM_IOCTL_SIMGPU_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SIMGPU_SUBMIT, struct drm_simgpu_submit)
#define DRM_IOCTL_SIMGPU_WAIT DRM_IOWR(DRM_COMMAND_BASE + DRM_SIMGPU_WAIT, struct drm_simgpu_wait)
#define DRM_IOCTL_SIMGPU_INFO DRM_IOR(DRM_COMMAND_BASE + DRM_SIMGPU_INFO, struct drm_simgpu_info)
#define DRM_IOCTL_SIMGPU_NOP DRM_IO(DRM_COMMAND_BASE + DRM_SIMGPU_NOP)

#endif
