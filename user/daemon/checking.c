// SPDX-License-Identifier: GPL-2.0
/* fdinfo beside the tracepoints; see checking.h. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/checking.h"
#include "kernel/sampler.h"

#define LOOKS 10      /* of others, for one of these */
#define GPUS_MAX 1024 /* compared */

/**
 * struct em_checking
 * @next: look is due then; @every: between them, ns
 * @gpus, @engines: of the look that is under way, @n
 */
struct em_checking {
	struct em_sampler *sampler;
	struct em_crosscheck *check;
	__u64 next, every;
	__u32 gpus[GPUS_MAX], engines[GPUS_MAX];
	unsigned int n;
};

struct em_checking *em_checking_new(void)
{
	struct em_checking *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->sampler = em_sampler_new(0);
	c->check = em_crosscheck_new();
	if (c->sampler && c->check)
		return c;
	em_checking_free(c);
	return NULL;
}

void em_checking_free(struct em_checking *c)
{
	if (!c)
		return;
	em_sampler_free(c->sampler);
	em_crosscheck_free(c->check);
	free(c);
}

static bool wanted(const struct earmark_gpu_info *gpu, void *arg)
{
	struct em_checking *c = arg;

	if (gpu->meter != EARMARK_METER_DRM || !gpu->nr_devnums || !gpu->engines ||
	    c->n == GPUS_MAX)
		return false;
	c->gpus[c->n] = gpu->gpu;
	c->engines[c->n++] = gpu->engines;
	return true;
}

static int take(const struct em_work *work, void *arg)
{
	struct em_checking *c = arg;

	em_crosscheck_fdinfo(c->check, work);
	return 0;
}

int em_checking_look(struct em_checking *c, struct em_source *source, __u64 now, __u64 every)
{
	const struct em_sampler_look look = { wanted, take, c };
	int r;

	if (now < c->next)
		return 0;
	c->every = every * LOOKS;
	c->next = now + c->every;
	c->n = 0;
	r = em_sampler_look(c->sampler, source, &look);
	now = em_time_monotonic();
	for (unsigned int i = 0; !r && i < c->n; i++)
		em_crosscheck_round(c->check, c->gpus[i], c->engines[i], now, c->every);
	return r == -ENOTCONN ? 0 : r; /* the sensor's own trouble is told by it */
}

void em_checking_see(struct em_checking *c, const struct em_interval *interval)
{
	em_crosscheck_interval(c->check, interval);
}

const struct em_crosscheck_counts *em_checking_counts(const struct em_checking *c)
{
	return em_crosscheck_counts(c->check);
}

json_t *em_checking_json(const struct em_checking *c)
{
	const struct em_crosscheck_counts *n = em_crosscheck_counts(c->check);

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "gpus", (json_int_t)c->n, "windows",
			 (json_int_t)n->windows, "differ", (json_int_t)n->differ, "fdinfo_us",
			 (json_int_t)(n->fdinfo / EM_NS_PER_US), "exact_us",
			 (json_int_t)(n->exact / EM_NS_PER_US), "bound_us",
			 (json_int_t)(n->bound / EM_NS_PER_US));
}
