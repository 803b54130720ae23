// SPDX-License-Identifier: GPL-2.0
/* Rows, GPUs and engines of an entry against its totals and the entries before; see check.h. */
#include <string.h>

#include "base/cleanup.h"
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

/* "exact" where nothing is said; -EINVAL: there is no such class. */
static int class_of(const json_t *row)
{
	const json_t *name = json_object_get(row, "busy_class");

	return name ? em_class_parse(json_string_value(name) ?: "") : EARMARK_CLASS_EXACT;
}

/* What a row or a total may say of how it was measured. */
static const char *check_class(const json_t *row)
{
	int class = class_of(row);

	if (class < 0)
		return "a busy time in it was measured in a way that there is not";
	if (em_json_integer(row, "busy_error") < 0 || em_json_integer(row, "allocated") < 0)
		return "an error bound or an allocation in it is negative";
	if (class == EARMARK_CLASS_EXACT && em_json_integer(row, "busy_error"))
		return "a busy time in it is exact and has an error";
	return NULL;
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
	json_array_foreach(json_object_get(e, "totals"), k, o) {
		why = why ?: check_class(o);
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

/* --- rows --------------------------------------------------------------------------------- */

static const char *const sums[] = { "gpu_time", "held", "busy", "busy_error", "allocated" };

/* struct left - of a total, when its rows are taken away; @class: the worst of these */
struct left {
	json_int_t of[ARRAY_SIZE(sums)];
	int class;
};

static bool is_of(const struct em_check *c, const json_t *row, const json_t *total)
{
	unsigned int purpose, by;

	if (!json_object_get(row, "gpu_time") ||
	    em_json_integer(row, "gpu") != em_json_integer(total, "gpu"))
		return false;
	em_check_tag(c, (__u32)em_json_integer(row, "tag"), &purpose, &by);
	return !strcmp(em_purpose_name(purpose), em_json_string(total, "purpose")) &&
	       !strcmp(em_tagged_by_name(by), em_json_string(total, "tagged_by"));
}

static struct left left_of(const struct em_check *c, const json_t *total, const json_t *items)
{
	struct left left = { .class = EARMARK_CLASS_EXACT };
	const json_t *row;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(sums); k++)
		left.of[k] = em_json_integer(total, sums[k]);
	json_array_foreach((json_t *)items, i, row) {
		if (!is_of(c, row, total))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(sums); k++)
			left.of[k] -= em_json_integer(row, sums[k]);
		left.class = class_of(row) > left.class ? class_of(row) : left.class;
	}
	return left;
}

/* A job cannot have been given a GPU for longer than the entry is, whatever its tags were. */
static const char *check_allocated(struct em_check *c, const json_t *e, const json_t *items,
				   const json_t *row)
{
	json_int_t most = em_json_integer(e, "end") - em_json_integer(e, "start"), sum = 0;
	const json_t *o;
	size_t k;

	if (!em_json_integer(row, "allocated"))
		return NULL;
	json_array_foreach((json_t *)items, k, o) {
		if (em_json_integer(o, "job") == em_json_integer(row, "job") &&
		    em_json_integer(o, "gpu") == em_json_integer(row, "gpu"))
			sum += em_json_integer(o, "allocated");
	}
	return sum > most
		       ? em_check_wrong(c, "GPU %lld was given to a job for longer than it lasts",
					(long long)em_json_integer(row, "gpu"))
		       : NULL;
}

static const char *check_total(struct em_check *c, const json_t *total, const json_t *items,
			       bool hidden, bool *stop)
{
	struct left left = left_of(c, total, items);
	bool off = left.class != class_of(total);

	for (size_t k = 0; k < ARRAY_SIZE(sums); k++)
		off = off || left.of[k];
	*stop = off && hidden;
	c->counts.rows_hidden += *stop;
	return off && !hidden
		       ? em_check_wrong(c,
					"the rows of GPU %lld tagged %s by %s do not add up to its "
					"total",
					(long long)em_json_integer(total, "gpu"),
					em_json_string(total, "purpose"),
					em_json_string(total, "tagged_by"))
		       : NULL;
}

static json_int_t said_by(const json_t *row)
{
	json_int_t sum = 0;

	for (size_t k = 0; k < ARRAY_SIZE(sums); k++)
		sum += strcmp(sums[k], "held") ? em_json_integer(row, sums[k]) : 0;
	return sum;
}

const char *em_check_rows(struct em_check *c, const json_t *e, const json_t *items)
{
	const json_t *totals = json_object_get(e, "totals"), *total, *row;
	bool hidden = false, stop = false;
	const char *why = NULL;
	json_int_t all = 0;
	size_t k;

	json_array_foreach((json_t *)items, k, row) {
		hidden = hidden || json_is_null(row);
		all += said_by(row);
		why = why ?: check_class(row);
		why = why ?: check_allocated(c, e, items, row);
	}
	json_array_foreach((json_t *)totals, k, total) {
		all -= said_by(total);
		why = why ?: check_total(c, total, items, hidden, &stop);
		if (why || stop)
			return why;
	}
	if (why)
		return why;
	return all > 0 || (all && !hidden) ? "it has rows that are in no total" : NULL;
}
