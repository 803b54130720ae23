/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a channel allocation looks like to NVIDIA's driver, as far as it matters: the escape
 * numbers and layouts of the open kernel modules (nv_escape.h, nv-ioctl.h, nvos.h).
 */
#ifndef SIMNV_H
#define SIMNV_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SIMNV_MAJOR 195
#define SIMNV_CONTROL 255
#define SIMNV_MAGIC 'F'

/* NVOS21_PARAMETERS */
struct simnv_alloc {
	__u32 root;
	__u32 parent;
	__u32 object;
	__u32 class;
	__u64 params;
	__u32 params_size;
	__u32 status;
};

/* nv_ioctl_xfer_t: how arguments of any size are passed */
struct simnv_xfer {
	__u32 cmd;
	__u32 size;
	__u64 ptr;
};

#define SIMNV_NR_ALLOC 0x2b
#define SIMNV_ALLOC _IOWR(SIMNV_MAGIC, SIMNV_NR_ALLOC, struct simnv_alloc)
#define SIMNV_REGISTER_FD _IOWR(SIMNV_MAGIC, 0xc9, __u32)
#define SIMNV_XFER _IOWR(SIMNV_MAGIC, 0xd3, struct simnv_xfer)

#endif /* SIMNV_H */
