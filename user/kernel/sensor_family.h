/* SPDX-License-Identifier: GPL-2.0 */
/* The families of hooks. Private to sensor*.c. */
#ifndef EM_SENSOR_FAMILY_H
#define EM_SENSOR_FAMILY_H

#include <stddef.h>
#include <sys/types.h>
#include "kernel/sensor.h"
#include "../../bpf/layout.h"

/**
 * struct hook - one program and what it needs in the kernel's BTF
 * @type: name of the function (BTF_KIND_FUNC) or tracepoint type; NULL = always there
 * @group: of hooks with the same group exactly one must exist; 0 = may be missing
 */
struct hook {
	const char *program;
	const char *type;
	int group;
};

struct family {
	const char *name;
	const struct hook *hooks; /* in the order of attaching: ends before beginnings */
	const char *module;       /* whose BTF the tracepoints are in; NULL = the kernel's */
	const void *(*elf)(size_t *size);
	bool with_module;
};

extern const struct family em_families[EM_FAMILY_COUNT];

/**
 * struct em_sensor
 * @states: one a family of the mode; the first ones of families[]
 * @unusable: why nothing can be pinned here; "" = it can
 * @tried: what a family was tried with in vain, so that it is not repeated; 0 = nothing
 * @walks_only: no program can be attached to the edges of holds
 * @relaid: maps of another layout were found, and removed
 * @by_hand: its pins were removed by somebody
 */
struct em_sensor {
	enum em_sensor_mode mode;
	struct em_sensor_state states[EM_FAMILY_COUNT];
	char unusable[256];
	ino_t tried[EM_FAMILY_COUNT];
	bool walks_only, relaid;
	bool by_hand[EM_FAMILY_COUNT];
};

#endif
