// SPDX-License-Identifier: GPL-2.0
/* Time by model of GPU; see model.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/model.h"

/* struct gpu - whose model is known by name */
struct gpu {
	char name[EARMARK_NAME_LEN];
	size_t model;
};

/* struct reading - @nodes: the ledger whose nodes are asked for; NULL = models are */
struct reading {
	struct em_models *models;
	const struct em_ledger *nodes;
	struct gpu *gpus;
	size_t n;
};

static int model_of(struct em_models *m, const char *name, size_t *ret)
{
	struct em_model *more;

	for (*ret = 0; *ret < m->n; (*ret)++) {
		if (!strncmp(m->list[*ret].name, name, sizeof(more->name) - 1))
			return 0;
	}
	more = reallocarray(m->list, m->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->list = more;
	memset(&more[m->n], 0, sizeof(*more));
	strncpy(more[m->n++].name, name, sizeof(more->name) - 1);
	return 0;
}

/* Of a GPU of many ledgers: the longest name of one before a ':', else what an inventory says. */
static void node_of(const struct em_ledger *l, const char *gpu, char out[EARMARK_NAME_LEN])
{
	size_t longest = 0;
	const char *name;

	for (unsigned int i = 0; (name = em_ledger_member(l, i)); i++) {
		size_t n = strlen(name);

		if (n > longest && !strncmp(gpu, name, n) && gpu[n] == ':')
			longest = n;
	}
	longest = longest ?: strcspn(gpu, ":");
	snprintf(out, EARMARK_NAME_LEN, "%.*s", (int)longest, gpu);
}

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	struct reading *r = arg;
	struct gpu *more = reallocarray(r->gpus, r->n + 1, sizeof(*more));
	const char *name = g->model && *g->model ? g->model : "unknown";
	char node[EARMARK_NAME_LEN];
	struct em_part *untagged;
	int ret;

	if (!more)
		return -ENOMEM;
	r->gpus = more;
	memset(&more[r->n], 0, sizeof(*more));
	strncpy(more[r->n].name, g->name, sizeof(more->name) - 1);
	if (r->nodes)
		node_of(r->nodes, g->name, node);
	ret = model_of(r->models, r->nodes ? node : name, &more[r->n].model);
	if (ret)
		return ret;
	untagged = &r->models->list[more[r->n++].model].part[EM_PART_U];
	untagged->gpu_time += g->charged;
	untagged->busy += g->unattributed;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strncmp(((const struct gpu *)a)->name, ((const struct gpu *)b)->name,
		       EARMARK_NAME_LEN - 1);
}

static int add_usage(const struct em_usage *u, void *arg)
{
	struct reading *r = arg;
	struct gpu key = { 0 };
	const struct gpu *found;
	struct em_total total = em_usage_total(u);
	struct em_part *part;
	size_t model;
	int ret;

	strncpy(key.name, u->gpu ?: "", sizeof(key.name) - 1);
	found = r->n ? bsearch(&key, r->gpus, r->n, sizeof(key), by_name) : NULL;
	ret = found ? 0 : model_of(r->models, "unknown", &model);
	if (ret)
		return ret;
	part = &r->models->list[found ? found->model : model].part[em_part_of(u->purpose)];
	em_part_add(part, &total, 1);
	return 0;
}

static int make(struct em_models *m, struct em_ledger *l, struct em_range window,
		const struct em_ledger *nodes)
{
	struct reading r = { m, nodes, NULL, 0 };
	int ret;

	*m = (struct em_models){ 0 };
	ret = em_ledger_gpus(l, window.start, window.end, add_gpu, &r);
	if (!ret && r.n)
		qsort(r.gpus, r.n, sizeof(*r.gpus), by_name);
	if (!ret)
		ret = em_ledger_usage(l, window.start, window.end, add_usage, &r);
	free(r.gpus);
	return ret;
}

int em_models_make(struct em_models *m, struct em_ledger *l, struct em_range window)
{
	return make(m, l, window, NULL);
}

int em_nodes_make(struct em_models *m, struct em_ledger *l, struct em_range window)
{
	*m = (struct em_models){ 0 };
	return em_ledger_member(l, 1) ? make(m, l, window, l) : 0;
}

void em_models_clear(struct em_models *m)
{
	free(m->list);
	*m = (struct em_models){ 0 };
}

em_ns em_model_used(const struct em_model *m)
{
	em_ns used = 0;

	for (unsigned int i = 0; i < EM_PART_USED; i++)
		used += m->part[i].gpu_time;
	return used;
}
