// SPDX-License-Identifier: GPL-2.0
/* What is no time: energy, and memory over time; see nvidia_state.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "kernel/nvidia_state.h"

void em_nvidia_remember(struct em_nvidia_gpu *gpu, __u64 job, __u64 bytes, __u64 ns)
{
	struct em_nvidia_memory *m = gpu->memory, *more;
	size_t i = 0;

	while (i < gpu->n_memory && m[i].job != job)
		i++;
	if (i == gpu->n_memory) {
		more = reallocarray(m, i + 1, sizeof(*more));
		if (!more)
			return;
		gpu->memory = more;
		gpu->memory[gpu->n_memory++] = (struct em_nvidia_memory){ .job = job };
	}
	gpu->memory[i].amount += (unsigned __int128)bytes * ns;
}

/* What is left of a byte-second waits for the next note. */
static void note_memory(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
			const struct em_nvidia_sink *sink, const struct em_instant *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < gpu->n_memory; i++) {
		struct em_nvidia_memory *m = &gpu->memory[i];
		struct em_nvidia_span span = { gpu->id, m->job, n->noted.wall, now->wall,
					       (__u64)(m->amount / EM_NS_PER_S) };

		if (!span.amount)
			continue;
		sink->memory(&span, sink->arg);
		m->amount %= EM_NS_PER_S;
		gpu->memory[kept++] = *m;
	}
	gpu->n_memory = kept;
}

/* A counter that went back began anew with its driver: nothing is known of what lies between. */
static void note_energy(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
			const struct em_nvidia_sink *sink, const struct em_instant *now)
{
	struct em_nvidia_span span = { .gpu = gpu->id, .until = now->wall };
	__u64 mj;
	int r = gpu->mig ? -EOPNOTSUPP : em_nvml_energy(n->nvml, gpu->device, &mj);

	if (r) {
		if (r != -EOPNOTSUPP && r != -ENOSYS)
			em_nvidia_failed(n, gpu, r);
		gpu->energy_at.monotonic = 0;
		return;
	}
	span.since = gpu->energy_at.wall;
	span.amount = mj - gpu->energy;
	if (gpu->energy_at.monotonic && mj >= gpu->energy)
		sink->energy(&span, sink->arg);
	gpu->energy = mj;
	gpu->energy_at = *now;
}

void em_nvidia_note(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
		    const struct em_nvidia_sink *sink, const struct em_instant *now)
{
	if (!gpu->id)
		return;
	note_memory(n, gpu, sink, now);
	note_energy(n, gpu, sink, now);
}
