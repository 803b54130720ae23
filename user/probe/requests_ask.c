// SPDX-License-Identifier: GPL-2.0
/* Requests, asked of a ledger: a row for each purpose and kind, and the difference. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/requests.h"

static const struct em_field columns[] = {
	{ "purpose", "PURPOSE", EM_VALUE_TEXT },
	{ "how", "HOW", EM_VALUE_TEXT },
	{ "requests", "REQUESTS", EM_VALUE_COUNT },
	{ "granted", "GRANTED", EM_VALUE_COUNT },
	{ "refused", "REFUSED", EM_VALUE_COUNT },
	{ "success", "GRANTED WITHIN 7 D", EM_VALUE_REAL },
	{ "median_us", "HALF WITHIN", EM_VALUE_DURATION },
	{ "mean_us", "MEAN WAIT (AT MOST 7 D)", EM_VALUE_DURATION },
	{ "note", "", EM_VALUE_TEXT },
};

#define ANY_PART EM_PARTS

/* Those of one purpose (or any) and kind, to the front of @room. */
static size_t pick(const struct em_wait *all, size_t n, unsigned int part, enum em_how how,
		   struct em_wait *room)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if ((part == ANY_PART || all[i].part == part) && all[i].how == how)
			room[count++] = all[i];
	}
	return count;
}

static void row(struct em_finding *f, unsigned int part, enum em_how how,
		const struct em_survival *s)
{
	em_finding_row(f, json_pack("{s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:s}", "purpose",
				    em_part_name(part), "how", em_how_name(how), "requests",
				    (json_int_t)s->n, "granted", (json_int_t)s->granted, "refused",
				    (json_int_t)s->refused, "success", em_real_json(s->success),
				    "median_us",
				    s->median < 0 ? json_null() : em_delta_json(s->median),
				    "mean_us", em_delta_json((em_delta)s->rmst), "note",
				    s->short_record ? "the record ends before 7 days" : ""));
}

static int rows(struct em_finding *f, const struct em_wait *all, size_t n, struct em_wait *room)
{
	int ret = 0;

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (unsigned int part = 0; !ret && part < EM_PART_USED; part++) {
		for (enum em_how how = EM_HOW_UNSAID; !ret && how <= EM_HOW_DISPLACE; how++) {
			struct em_survival s;
			size_t count = pick(all, n, part, how, room);

			if (!count)
				continue;
			ret = em_survival_make(&s, room, count);
			if (!ret)
				row(f, part, how, &s);
		}
	}
	return ret;
}

static int compare(struct em_finding *f, const struct em_survival *add,
		   const struct em_survival *displace)
{
	double difference = displace->rmst - add->rmst;
	double half = 1.96 * sqrt(add->var + displace->var);
	double day = (double)EM_DAY;

	if (add->n < EM_REQUESTS_LEAST || displace->n < EM_REQUESTS_LEAST)
		return em_finding_refuse(
			f,
			"%zu requests to add and %zu to displace: fewer than %d of "
			"one kind cannot be compared",
			add->n, displace->n, EM_REQUESTS_LEAST);
	if (add->short_record || displace->short_record)
		return em_finding_refuse(f,
					 "the record ends before open requests had 7 days: their "
					 "mean waits cannot be compared yet");
	em_finding_duration(f, "difference_us", "displacing waits longer by", (int64_t)difference);
	em_finding_duration(f, "difference_low_us", "95 % from", (int64_t)(difference - half));
	em_finding_duration(f, "difference_high_us", "to", (int64_t)(difference + half));
	em_finding_estimate(f,
			    "asking others to stop took %.2f days on average (at most 7), asking "
			    "for more %.2f: %s",
			    displace->rmst / day, add->rmst / day,
			    difference - half > 0   ? "more is easier to get, as claimed"
			    : difference + half < 0 ? "others stopping is easier to get"
						    : "no difference beyond chance");
	em_finding_interval(f, "difference %.2f to %.2f days (95 %%, Kaplan-Meier at 7 days)",
			    (difference - half) / day, (difference + half) / day);
	return 0;
}

static int answer(struct em_finding *f, const struct em_wait *all, size_t n, struct em_wait *room)
{
	struct em_survival add, displace;
	int ret = rows(f, all, n, room);

	if (!ret)
		ret = em_survival_make(&add, room, pick(all, n, ANY_PART, EM_HOW_ADD, room));
	if (!ret)
		ret = em_survival_make(&displace, room,
				       pick(all, n, ANY_PART, EM_HOW_DISPLACE, room));
	return ret ? ret : compare(f, &add, &displace);
}

int em_probe_requests(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	const struct em_kept *k = a->kept;
	struct em_wait *waits = NULL, *room = NULL;
	size_t kept = 0;
	int ret = em_kept_waits(a->kept, l, a->window);

	if (!ret) {
		waits = calloc(k->n_waits + 1, sizeof(*waits));
		room = calloc(k->n_waits + 1, sizeof(*room));
		ret = waits && room ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !ret && i < k->n_waits; i++) {
		if (k->waits[i].opened >= a->window.start)
			waits[kept++] = k->waits[i];
	}
	em_finding_count(f, "requests", "requests opened in the window", (long long)kept);
	em_finding_count(f, "bad_notes", "notes that cannot be understood", k->bad_requests);
	if (!ret && !kept)
		em_finding_refuse(f, "no request was opened in this window: record them with "
				     "earmark request open");
	else if (!ret)
		ret = answer(f, waits, kept, room);
	free(waits);
	free(room);
	return ret;
}
