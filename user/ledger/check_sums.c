// SPDX-License-Identifier: GPL-2.0
/* Rows, GPUs and engines of an entry against its totals and the entries before; see check.h. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "ledger/check_state.h"

static const char *check_conservation(struct em_check *c, const json_t *e, const json_t *gpu)
{
	unsigned __int128 sum = (unsigned __int128)em_json_integer(gpu, "idle") +
				(unsigned __int128)em_json_integer(gpu, "unobserved");
	const json_t *total;
	size_t k;

	json_array_foreach(json_object_get(e, "totals"), k, total) {
		if (em_json_integer(total, "gpu") == em_json_integer(gpu, "gpu"))
			sum += (unsigned __int128)em_json_integer(total, "gpu_time");
	}
	if (sum == (unsigned __int128)em_json_integer(gpu, "wall"))
		return NULL;
	return em_check_wrong(c, "GPU %lld: gpu-time + idle + unobserved is not its wall time",
			      (long long)em_json_integer(gpu, "gpu"));
}

const char *em_check_gpus(struct em_check *c, struct load *l, const json_t *e)
{
	bool broken = json_object_get(e, "broken") ||
		      em_json_integer(e, "flags") & EARMARK_INTERVAL_BROKEN;
	const char *why = NULL;
	const json_t *o;
	size_t k;

	json_array_foreach(json_object_get(e, "gpus"), k, o) {
		struct gpu *g = em_check_gpu(l, (__u32)em_json_integer(o, "gpu"));

		if (!g)
			return "out of memory";
		if (g->row == c->first + 1)
			return em_check_wrong(c, "GPU %u is in it twice", g->id);
		g->row = c->first + 1;
		c->counts.gpus++;
		if (!broken)
			why = why ?: check_conservation(c, e, o);
	}
	c->counts.broken += broken && em_json_integer(e, "part") == 1;
	return why;
}

const char *em_check_engines(struct em_check *c, struct load *l, const json_t *e)
{
	const json_t *o;
	size_t k;

	json_array_foreach(json_object_get(e, "engines"), k, o) {
		__u32 gpu = (__u32)em_json_integer(o, "gpu"),
		      id = (__u32)em_json_integer(o, "engine");
		struct engine *engine = NULL;

		for (unsigned int i = 0; i < l->n_engines; i++) {
			if (l->engines[i].gpu == gpu && l->engines[i].id == id)
				engine = &l->engines[i];
		}
		if (!engine)
			engine = em_check_grown(&l->engines, &l->n_engines, sizeof(*engine));
		if (!engine)
			return "out of memory";
		if (engine->first == (__u64)em_json_integer(o, "first") &&
		    engine->total > (__u64)em_json_integer(o, "busy_total"))
			return em_check_wrong(
				c, "the busy time of engine %u of GPU %u went backwards", id, gpu);
		*engine = (struct engine){ gpu, id, (__u64)em_json_integer(o, "busy_total"),
					   (__u64)em_json_integer(o, "first") };
	}
	return NULL;
}

const char *em_check_inventory(struct em_check *c, struct load *l)
{
	for (unsigned int i = 0; i < l->n_gpus; i++) {
		struct gpu *g = &l->gpus[i];

		if (g->row && g->row != c->first + 1 && g->row == l->row && !g->retired)
			return em_check_wrong(
				c, "GPU %u is gone from the inventory, and nobody retired it",
				g->id);
	}
	l->row = c->first + 1;
	return NULL;
}

const char *em_check_rows(struct em_check *c, const json_t *e, const json_t *items)
{
	const json_t *totals = json_object_get(e, "totals"), *total, *row;
	json_int_t left[3], all = 0;
	bool hidden = false;
	size_t k, i;

	json_array_foreach((json_t *)items, k, row) {
		hidden = hidden || json_is_null(row);
		all += em_json_integer(row, "gpu_time") + em_json_integer(row, "busy");
	}
	json_array_foreach((json_t *)totals, k, total) {
		all -= em_json_integer(total, "gpu_time") + em_json_integer(total, "busy");
		left[0] = em_json_integer(total, "gpu_time");
		left[1] = em_json_integer(total, "held");
		left[2] = em_json_integer(total, "busy");
		json_array_foreach((json_t *)items, i, row) {
			unsigned int purpose, by;

			if (!json_object_get(row, "gpu_time") ||
			    em_json_integer(row, "gpu") != em_json_integer(total, "gpu"))
				continue;
			em_check_tag(c, (__u32)em_json_integer(row, "tag"), &purpose, &by);
			if (strcmp(em_purpose_name(purpose), em_json_string(total, "purpose")) ||
			    strcmp(em_tagged_by_name(by), em_json_string(total, "tagged_by")))
				continue;
			left[0] -= em_json_integer(row, "gpu_time");
			left[1] -= em_json_integer(row, "held");
			left[2] -= em_json_integer(row, "busy");
		}
		if ((left[0] || left[1] || left[2]) && hidden)
			return c->counts.rows_hidden++, NULL;
		if (left[0] || left[1] || left[2])
			return em_check_wrong(
				c,
				"the rows of GPU %lld tagged %s by %s do not add up to its "
				"total",
				(long long)em_json_integer(total, "gpu"),
				em_json_string(total, "purpose"),
				em_json_string(total, "tagged_by"));
	}
	return all > 0 || (all && !hidden) ? "it has rows that are in no total" : NULL;
}
