#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints the header that says what this kernel has: usage: conftest.sh CC FLAGS...
# Each probe is compiled, because distributions carry backports under old versions.
set -eu

# probe NAME CODE: defines SIM_HAVE_NAME if a function with CODE in it compiles.
probe() {
	name=$1
	code=$2
	shift 2
	if printf '%s\n' '#include <linux/module.h>' '#include <linux/hrtimer.h>' \
		'#include <drm/drm_drv.h>' '#include <drm/gpu_scheduler.h>' \
		"void probe(void);" "void probe(void) { $code }" |
		"$@" -Werror -Wno-unused -fsyntax-only -x c - 2>/dev/null; then
		echo "#define SIM_HAVE_$name 1"
	fi
}

# A probe that must succeed, or else all that fail say nothing.
probe SANITY 'drm_sched_fini((void *)0);' "$@" | grep -q . ||
	{ echo "conftest.sh: the kernel's headers do not compile" >&2; exit 1; }
probe NUM_RQS 'struct drm_sched_init_args a = { .num_rqs = 1 };' "$@"
probe JOB_INIT_4 'int r = drm_sched_job_init(0, 0, 1, 0);' "$@"
probe JOB_INIT_5 'int r = drm_sched_job_init(0, 0, 1, 0, 0);' "$@"
probe SCHED_START_2 'drm_sched_start(0, 1);' "$@"
probe HRTIMER_SETUP 'hrtimer_setup(0, 0, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);' "$@"
probe DRIVER_DATE 'struct drm_driver d = { .date = "" };' "$@"
