// SPDX-License-Identifier: GPL-2.0
/* What can be asked of either recorder; see source.h. */
#include <string.h>
#include "kernel/source.h"

/* struct wanted - @name is looked for, *@gpu it is once @found */
struct wanted {
	const char *name;
	struct earmark_gpu_info *gpu;
	bool found;
};

static int look_at(const struct earmark_gpu_info *gpu, void *arg)
{
	struct wanted *w = arg;

	if (strcmp(gpu->name, w->name))
		return 0;
	*w->gpu = *gpu;
	w->found = true;
	return 0;
}

int em_source_gpu(struct em_source *s, const char *name, struct earmark_gpu_info *gpu)
{
	struct wanted w = { name, gpu, false };
	int r = s->ops->gpus(s, look_at, &w);

	return r ? r : w.found;
}
