// SPDX-License-Identifier: GPL-2.0
/*
 * Helios: a file a virtual cluster with one row a minute, which says how many GPUs it has and
 * how many run. The file's name is the group. Minutes that are not in it are unobserved.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "replay/fields.h"
#include "replay/gather.h"
#include "replay/helios.h"
#include "replay/value.h"

#define MINUTE (60 * EM_NS_PER_S)

/**
 * struct cluster - one file
 * @use: the stretch of equal use under way; gpus 0 = none runs
 * @end: of the last minute; EM_NO_INSTANT = there was none
 */
struct cluster {
	char name[EARMARK_TEXT_LEN];
	int time, total, running;
	size_t width;
	uint32_t rule;
	uint16_t pool;
	uint64_t capacity;
	struct em_record use;
	int64_t end;
};

static int add(struct em_gather *g, const struct cluster *c, struct em_record r)
{
	const struct em_row row = { .f = { [EM_FIELD_GROUP] = c->name } };

	r.pool = c->pool;
	r.rule = c->rule;
	r.submit = EM_NO_INSTANT;
	return em_gather_record(g, &r, r.kind == EM_RECORD_USE ? &row : NULL);
}

/* The stretch of equal use is over. */
static int use_end(struct em_gather *g, struct cluster *c)
{
	int ret = c->use.gpus ? add(g, c, c->use) : 0;

	c->use.gpus = 0;
	return ret;
}

static int capacity_change(struct em_gather *g, struct cluster *c, int64_t at, uint64_t capacity)
{
	c->capacity = capacity;
	return add(g, c,
		   (struct em_record){ .kind = EM_RECORD_CAPACITY,
				       .start = at,
				       .end = INT64_MAX,
				       .gpus = capacity });
}

static int add_minute(struct em_gather *g, struct cluster *c, int64_t at, uint64_t total,
		      uint64_t running)
{
	int ret = 0;

	if (c->end != EM_NO_INSTANT && at > c->end) {
		ret = use_end(g, c);
		if (!ret)
			ret = add(g, c,
				  (struct em_record){
					  .kind = EM_RECORD_BLIND, .start = c->end, .end = at });
	}
	if (!ret && total != c->capacity)
		ret = capacity_change(g, c, at, total);
	if (!ret && running != c->use.gpus) {
		ret = use_end(g, c);
		/* nobody asked for it: it is a cluster's use, not a job's */
		c->use = (struct em_record){ .kind = EM_RECORD_USE,
					     .flags = EM_RECORD_EARLIER,
					     .start = at,
					     .gpus = running };
	}
	c->use.end = c->end = at + MINUTE;
	if (c->end > g->result->latest)
		g->result->latest = c->end;
	return ret;
}

static int add_row(struct em_gather *g, struct cluster *c, char *line)
{
	struct em_fields f;
	const char *why = em_fields_split(&f, line, ',', '"');
	uint64_t total, running;
	char safe[64];
	int64_t at;

	if (why)
		return em_gather_bad(g, "%s", why);
	if (f.n != c->width)
		return em_gather_bad(g, "it has %zu fields, the header %zu", f.n, c->width);
	why = em_value_time(f.f[c->time], &at);
	if (why)
		return em_gather_bad(g, "time \"%s\" %s",
				     em_text_safe(safe, sizeof(safe), f.f[c->time]), why);
	why = em_value_gpus(f.f[c->total], &total, NULL)
		      ?: em_value_gpus(f.f[c->running], &running, NULL);
	if (why)
		return em_gather_bad(g, "total_gpu_num or running_gpu_num %s", why);
	if (c->end != EM_NO_INSTANT && at < c->end)
		return em_gather_bad(g, "its time is not after the minute of the row before it");
	return add_minute(g, c, at, total, running);
}

static int cluster_end(struct em_gather *g, struct cluster *c)
{
	int ret = use_end(g, c);

	return ret || c->end == EM_NO_INSTANT ? ret : capacity_change(g, c, c->end, 0);
}

static int find_columns(struct em_gather *g, struct cluster *c, const struct em_fields *header)
{
	int has[EM_RULE_KEY_COUNT];
	const char *missing;
	char path[256];

	c->width = header->n;
	c->time = em_fields_find(header, "time");
	c->total = em_fields_find(header, "total_gpu_num");
	c->running = em_fields_find(header, "running_gpu_num");
	missing = c->time < 0      ? "time"
		  : c->total < 0   ? "total_gpu_num"
		  : c->running < 0 ? "running_gpu_num"
				   : NULL;
	if (missing)
		return em_gather_fail(g, -EINVAL, "%s has no column %s",
				      em_text_safe(path, sizeof(path), g->in->path), missing);
	memset(has, -1, sizeof(has));
	has[EM_RULE_GROUP] = 0;
	return em_gather_check_keys(g, has);
}

static int cluster_begin(struct em_gather *g, struct cluster *c)
{
	const char *base = strrchr(g->in->path, '/') ? strrchr(g->in->path, '/') + 1 : g->in->path;
	const char *subject[EM_RULE_KEY_COUNT] = { [EM_RULE_GROUP] = c->name };
	char pool[EARMARK_TEXT_LEN + 8];

	snprintf(c->name, sizeof(c->name), "%.*s", (int)strcspn(base, "."), base);
	snprintf(pool, sizeof(pool), "pool/%s", c->name);
	if (!*c->name || !em_text_label(pool, EM_POOL_NAME_MAX))
		return em_gather_fail(g, -EINVAL,
				      "the name of the file is that of its group: at most %d bytes "
				      "of printable text",
				      EM_POOL_NAME_MAX - 5);
	for (size_t i = 0; i < g->nr_pools; i++) {
		if (!strcmp(g->pools[i], pool))
			return em_gather_fail(g, -EEXIST, "two files are of the group %s", c->name);
	}
	c->end = EM_NO_INSTANT;
	c->rule = (uint32_t)(em_rules_find(&g->rules, subject) + 1);
	return em_gather_pool(g, pool, &c->pool);
}

static int read_rows(struct em_gather *g, struct cluster *c)
{
	const char *why;
	char *line;
	size_t len;
	int ret = 0, got;

	while (!ret) {
		why = NULL;
		got = em_input_line(g->in, '"', ',', &line, &len, &why);
		if (got == 0)
			return cluster_end(g, c);
		if (got == 1 && !*line)
			continue;
		if (got < 0 && !why)
			return em_gather_fail(g, got, "%s", g->in->err);
		ret = em_gather_tick(g);
		if (!ret)
			ret = why ? em_gather_bad(g, "%s", why) : add_row(g, c, line);
	}
	return ret;
}

int em_helios_read(struct em_gather *g)
{
	struct em_fields header;
	struct cluster c = { 0 };
	const char *why = NULL;
	char *line, path[256];
	size_t len;
	int ret = em_input_line(g->in, '"', ',', &line, &len, &why);

	if (ret < 0 && !why)
		return em_gather_fail(g, ret, "%s", g->in->err);
	if (ret > 0)
		why = em_fields_split(&header, line, ',', '"');
	if (ret <= 0 || why)
		return em_gather_fail(g, -EINVAL, "%s: %s",
				      em_text_safe(path, sizeof(path), g->in->path),
				      why ?: "it is empty");
	if (em_fields_find(&header, "date") == 0)
		return em_quota_read(g, &header);
	ret = find_columns(g, &c, &header);
	if (!ret)
		ret = cluster_begin(g, &c);
	return ret ? ret : read_rows(g, &c);
}
