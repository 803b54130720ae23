// SPDX-License-Identifier: GPL-2.0
/* Declared reallocations between virtual clusters; see helios.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "kernel/interval.h"
#include "replay/helios.h"
#include "replay/value.h"

/* struct day - GPUs by purpose, and of all clusters: "total" is theirs, not to be trusted */
struct day {
	int64_t at;
	uint64_t gpus[EARMARK_PURPOSE_COUNT], all;
};

/* struct quota - @purpose: of each column; EARMARK_PURPOSE_COUNT = no cluster */
struct quota {
	unsigned int purpose[EM_COLUMNS_MAX];
	size_t width;
	struct day before;
	bool any;
};

static json_t *fraction(uint64_t num, uint64_t den)
{
	uint64_t a = num, b = den;

	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return json_pack("{s:I, s:I}", "num", (json_int_t)(num / a), "den", (json_int_t)(den / a));
}

static int add_order(struct em_gather *g, const struct day *from, const struct day *to,
		     unsigned int purpose)
{
	struct em_order *more = reallocarray(g->orders, g->nr_orders + 1, sizeof(*more));
	char name[96], at[EM_TIME_LEN];
	_cleanup_json_ json_t *o = NULL;

	if (!more)
		return -ENOMEM;
	g->orders = more;
	em_time_format(at, to->at, 0);
	snprintf(name, sizeof(name), "quota %.10s %s", at, em_purpose_name(purpose));
	o = json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "name", name, "purpose",
		      em_purpose_name(purpose), "from", fraction(from->gpus[purpose], from->all),
		      "to", fraction(to->gpus[purpose], to->all), "at", at, "author", "quota");
	more[g->nr_orders] = (struct em_order){ to->at, o ? json_dumps(o, JSON_COMPACT) : NULL };
	return more[g->nr_orders++].json ? 0 : -ENOMEM;
}

static int compare(struct em_gather *g, struct quota *q, const struct day *day)
{
	const struct day *was = &q->before;
	int ret = 0;

	for (unsigned int p = EARMARK_PURPOSE_UNTAGGED + 1; !ret && p < EARMARK_PURPOSE_COUNT;
	     p++) {
		if (q->any && was->all && day->all &&
		    (em_ns)was->gpus[p] * day->all != (em_ns)day->gpus[p] * was->all)
			ret = add_order(g, was, day, p);
	}
	if (day->all) {
		q->before = *day;
		q->any = true;
	}
	return ret;
}

static int add_row(struct em_gather *g, struct quota *q, char *line)
{
	struct em_fields f;
	struct day day = { 0 };
	const char *why = em_fields_split(&f, line, ',', '"');
	char safe[64];

	if (!why && f.n != q->width)
		return em_gather_bad(g, "it has %zu fields, the header %zu", f.n, q->width);
	if (!why)
		why = em_value_time(f.f[0], &day.at);
	if (why)
		return em_gather_bad(g, "date \"%s\" %s", em_text_safe(safe, sizeof(safe), f.f[0]),
				     why);
	if (q->any && day.at <= q->before.at)
		return em_gather_bad(g, "its date is not after that of the row before it");
	for (size_t i = 1; i < f.n; i++) {
		uint64_t gpus;

		if (q->purpose[i] == EARMARK_PURPOSE_COUNT)
			continue;
		/* whole GPUs: shares are exact, and JSON's integers can hold them */
		why = em_value_decimal(f.f[i], 0, EM_GPUS_MAX, &gpus, NULL);
		if (why)
			return em_gather_bad(g, "\"%s\" %s",
					     em_text_safe(safe, sizeof(safe), f.f[i]), why);
		day.gpus[q->purpose[i]] += gpus;
		day.all += gpus;
	}
	return compare(g, q, &day);
}

static void find_purposes(struct em_gather *g, struct quota *q, const struct em_fields *header)
{
	q->width = header->n;
	for (size_t i = 0; i < header->n; i++) {
		const char *subject[EM_RULE_KEY_COUNT] = { [EM_RULE_GROUP] = header->f[i] };
		int rule = em_rules_find(&g->rules, subject);

		q->purpose[i] = !i || !strcmp(header->f[i], "total") ? EARMARK_PURPOSE_COUNT
				: rule < 0                           ? EARMARK_PURPOSE_UNTAGGED
								     : g->rules.list[rule].purpose;
	}
}

int em_quota_read(struct em_gather *g, const struct em_fields *header)
{
	_cleanup_free_ struct quota *q = calloc(1, sizeof(*q));
	const char *why = NULL;
	char *line;
	size_t len;
	int ret = 0, got;

	if (!q)
		return -ENOMEM;
	find_purposes(g, q, header);
	while (!ret && (got = em_input_line(g->in, '"', ',', &line, &len, &why))) {
		if (got == 1 && !*line)
			continue;
		if (got < 0 && !why)
			return em_gather_fail(g, got, "%s", g->in->err);
		ret = em_gather_tick(g);
		if (!ret)
			ret = why ? em_gather_bad(g, "%s", why) : add_row(g, q, line);
		why = NULL;
	}
	return ret;
}
