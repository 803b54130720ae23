// SPDX-License-Identifier: GPL-2.0
/* The floor that sensors are measured against: programs that do nothing. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/drm_sched_job")
int queue(void *ctx)
{
	return 0;
}

SEC("tp_btf/drm_sched_process_job")
int done(void *ctx)
{
	return 0;
}

SEC("lsm/file_ioctl")
int file_ioctl(void *ctx)
{
	return 0;
}

SEC("lsm/file_free_security")
int file_free(void *ctx)
{
	return 0;
}
