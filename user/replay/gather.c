// SPDX-License-Identifier: GPL-2.0
/* From a row's text to a record; see gather.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "replay/gather.h"
#include "replay/value.h"

#define TICK 16384 /* rows between two looks at the clock and at who wants it to stop */
#define POOL "pool"

int em_gather_fail(struct em_gather *g, int ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(g->err, g->err_len, format, args);
	va_end(args);
	return ret;
}

int em_gather_bad(struct em_gather *g, const char *format, ...)
{
	char why[512], path[256], sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	g->result->bad++;
	snprintf(sentence, sizeof(sentence), g->row ? "%s: job %llu: %s" : "%s:%llu: %s",
		 em_text_safe(path, sizeof(path), g->in->path),
		 (unsigned long long)(g->row ? g->row : g->in->line), why);
	if (g->options->bad)
		g->options->bad(sentence, g->options->arg);
	return 0;
}

int em_gather_check_keys(struct em_gather *g, const int index[EM_RULE_KEY_COUNT])
{
	char path[256];

	for (size_t k = 0; k < EM_RULE_KEY_COUNT; k++) {
		if (index[k] >= 0 || !em_rules_ask(&g->rules, k))
			continue;
		return em_gather_fail(
			g, -EINVAL, "the map has rules on %s, which %s does not have%s%s%s",
			em_rule_key_name(k), em_text_safe(path, sizeof(path), g->in->path),
			g->options->format == EM_REPLAY_CSV ? ", or not under that name: --columns "
							    : "",
			g->options->format == EM_REPLAY_CSV ? em_rule_key_name(k) : "",
			g->options->format == EM_REPLAY_CSV ? "=THEIRS" : "");
	}
	return 0;
}

int em_gather_tick(struct em_gather *g)
{
	const struct em_replay_options *o = g->options;

	if (++g->result->rows % TICK)
		return 0;
	if (o->progress)
		o->progress("reading", em_input_done(g->in), g->in->size, o->arg);
	return o->stop && *o->stop ? -EINTR : 0;
}

int em_gather_pool(struct em_gather *g, const char *name, uint16_t *pool)
{
	char **more;

	for (size_t i = 0; i < g->nr_pools; i++) {
		if (!strcmp(g->pools[i], name)) {
			*pool = (uint16_t)i;
			return 0;
		}
	}
	if (g->nr_pools == EM_POOLS_MAX)
		return em_gather_fail(g, -E2BIG, "more than %d pools of GPUs", EM_POOLS_MAX);
	more = reallocarray(g->pools, g->nr_pools + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	g->pools = more;
	g->pools[g->nr_pools] = strdup(name);
	if (!g->pools[g->nr_pools])
		return -ENOMEM;
	*pool = (uint16_t)g->nr_pools++;
	return 0;
}

/* --- the job ------------------------------------------------------------------------------ */

static void hash_text(crypto_generichash_state *h, const char *s)
{
	s = s ?: "";
	crypto_generichash_update(h, (const unsigned char *)s, strlen(s) + 1);
}

/* What makes a job: group, user, its name, and the rule that it fell under. */
static void job_key(struct em_record *r, const struct em_row *row)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(r->key));
	hash_text(&h, row->f[EM_FIELD_GROUP]);
	hash_text(&h, row->f[EM_FIELD_USER]);
	hash_text(&h, row->f[EM_FIELD_JOB]);
	crypto_generichash_update(&h, (const unsigned char *)&r->rule, sizeof(r->rule));
	crypto_generichash_update(&h, (const unsigned char *)&r->pool, sizeof(r->pool));
	crypto_generichash_final(&h, (unsigned char *)r->key, sizeof(r->key));
}

/* The tail of @s that fits, from a character's start on. */
static const char *tail(const char *s, size_t room)
{
	size_t n = strlen(s);

	if (n < room)
		return s;
	s += n - room + 1;
	while ((*s & 0xc0) == 0x80)
		s++;
	return s;
}

static int job_names(const struct em_row *row, struct em_names *names)
{
	_cleanup_free_ char *path = NULL;
	const char *group = row->f[EM_FIELD_GROUP] ?: "", *user = row->f[EM_FIELD_USER] ?: "";
	const char *job = row->f[EM_FIELD_JOB] ?: "";

	if (asprintf(&path, "%s%s%s%s%s%s", *group ? "/" : "", group, *user ? "/" : "", user,
		     *job ? "/" : "", job) < 0)
		return -ENOMEM;
	snprintf(names->path, sizeof(names->path), "%s",
		 tail(*path ? path : "/", sizeof(names->path)));
	snprintf(names->user, sizeof(names->user), "%s", user);
	return 0;
}

/* --- records ------------------------------------------------------------------------------ */

/* Cuts to --since and --until. Return: false if nothing is left. */
static bool cut(const struct em_replay_options *o, struct em_record *r)
{
	if (o->until != EM_NO_INSTANT && r->start >= o->until)
		return false;
	if (o->since != EM_NO_INSTANT && r->start < o->since) {
		if (r->end <= o->since)
			return false;
		r->start = o->since;
		r->flags |= EM_RECORD_EARLIER;
	}
	if (o->until != EM_NO_INSTANT && r->end > o->until) {
		r->end = o->until;
		r->flags &= (uint8_t)~EM_RECORD_RUNNING;
	}
	return true;
}

/* The time that the history covers: requests that wait are no part of it. */
static void extend(struct em_gather *g, const struct em_record *r)
{
	int64_t end = r->end == INT64_MAX ? r->start : r->end;

	if (r->kind == EM_RECORD_WAIT)
		return;
	g->first = r->start < g->first ? r->start : g->first;
	g->last = end > g->last ? end : g->last;
}

static int add(struct em_gather *g, struct em_record *r, const struct em_row *row)
{
	struct em_names names;
	int ret;

	if (row) {
		job_key(r, row);
		ret = job_names(row, &names);
		if (!ret)
			ret = em_spool_add(g->spool, r->key, &names, &r->text);
		if (ret)
			return ret;
	}
	r->seq = g->seq++;
	return em_sort_add(g->sort, r);
}

int em_gather_record(struct em_gather *g, struct em_record *r, const struct em_row *row)
{
	int ret;

	if (!cut(g->options, r)) {
		g->result->outside += r->kind == EM_RECORD_USE || r->kind == EM_RECORD_WAIT;
		return 0;
	}
	extend(g, r);
	ret = add(g, r, row);
	if (ret == -ENOMEM)
		return em_gather_fail(g, ret, "out of memory");
	return ret ? em_gather_fail(g, ret,
				    "the temporary file cannot be written: %s; TMPDIR says where "
				    "there is room for it",
				    strerror(-ret))
		   : 0;
}

/* --- rows --------------------------------------------------------------------------------- */

bool em_unknown(const char *s)
{
	static const char *const words[] = { "", "Unknown", "None", "N/A", "NULL", "NaN", "NaT" };

	for (size_t i = 0; s && i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(s, words[i]))
			return true;
	}
	return !s;
}

static int bad_value(struct em_gather *g, const char *name, const char *value, const char *why)
{
	char safe[64];

	if (!*value)
		return em_gather_bad(g, "%s is empty", name);
	return em_gather_bad(g, "%s \"%s\" %s", name, em_text_safe(safe, sizeof(safe), value), why);
}

static void see(struct em_gather *g, int64_t instant)
{
	if (instant > g->result->latest)
		g->result->latest = instant;
}

static int waiting(struct em_gather *g, struct em_record *r, const struct em_row *row)
{
	see(g, r->submit);
	g->result->waiting++;
	if (!em_unknown(row->f[EM_FIELD_END]))
		return 0; /* it was given up: no request that waits, no use */
	r->kind = EM_RECORD_WAIT;
	r->start = r->end = r->submit;
	return em_gather_record(g, r, row);
}

/* Sets @r's end. Return: why it cannot, with *@name and *@value what is wrong. */
static const char *read_end(struct em_gather *g, struct em_record *r, const struct em_row *row,
			    const char **name, const char **value)
{
	const char *why;

	*name = row->f[EM_FIELD_DURATION] ? "duration" : "end";
	*value = row->f[EM_FIELD_DURATION] ?: row->f[EM_FIELD_END] ?: "";
	if (row->f[EM_FIELD_DURATION]) {
		why = em_value_duration(*value, &r->end);
		if (!why && r->end > INT64_MAX - r->start)
			why = "is too long";
		r->end = why ? r->start : r->start + r->end;
		return why;
	}
	if (**value && em_unknown(*value)) {
		r->end = INT64_MAX;
		r->flags |= EM_RECORD_RUNNING;
		g->result->running++;
		return NULL;
	}
	why = em_value_time(*value, &r->end);
	return why ?: r->end < r->start ? "is before its start" : NULL;
}

/* Its submission, which may not be known; @submit is EM_NO_INSTANT then. */
static const char *read_submit(struct em_record *r, const struct em_row *row)
{
	r->submit = EM_NO_INSTANT;
	return em_unknown(row->f[EM_FIELD_SUBMIT])
		       ? NULL
		       : em_value_time(row->f[EM_FIELD_SUBMIT], &r->submit);
}

static int started(struct em_gather *g, struct em_record *r, const struct em_row *row)
{
	const char *name, *value, *why;

	why = em_value_time(row->f[EM_FIELD_START], &r->start);
	if (why)
		return bad_value(g, "start", row->f[EM_FIELD_START], why);
	why = read_end(g, r, row, &name, &value);
	if (why)
		return bad_value(g, name, value, why);
	if (r->submit > r->start) {
		r->submit = r->start;
		g->result->late++;
	}
	see(g, r->start);
	if (!(r->flags & EM_RECORD_RUNNING))
		see(g, r->end);
	return em_gather_record(g, r, row);
}

int em_gather_row(struct em_gather *g, const struct em_row *row)
{
	struct em_record r = { .kind = EM_RECORD_USE };
	const char *start = row->f[EM_FIELD_START] ?: "", *gpus = row->f[EM_FIELD_GPUS] ?: "";
	bool rounded = false;
	const char *why = em_value_gpus(gpus, &r.gpus, &rounded);
	int ret;

	if (why)
		return bad_value(g, "gpus", gpus, why);
	if (!r.gpus) {
		g->result->no_gpu++;
		return 0;
	}
	g->result->rounded += rounded;
	why = read_submit(&r, row);
	if (why)
		return bad_value(g, "submit", row->f[EM_FIELD_SUBMIT], why);
	ret = em_gather_pool(g, POOL, &r.pool);
	if (ret)
		return ret;
	r.rule = (uint32_t)(em_rules_find(&g->rules, row->f) + 1);
	if (!em_unknown(start))
		return started(g, &r, row);
	if (r.submit == EM_NO_INSTANT)
		return bad_value(g, "start", start, "is not a time");
	return waiting(g, &r, row);
}
