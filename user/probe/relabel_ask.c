// SPDX-License-Identifier: GPL-2.0
/* Relabelling, asked of a ledger: jobs of both windows, joined with what they ran. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/notes.h"
#include "probe/relabel.h"

#define SIGNIFICANT 0.05

/* struct reading - uses of jobs whose profile is known, and the time of those without */
struct reading {
	struct em_notes *profiles;
	unsigned int *number; /* of each profile's fingerprint */
	struct em_use *uses;
	size_t n, room;
	bool now;
	em_ns used, unknown; /* of the later window */
};

static int by_fingerprint(const void *a, const void *b, void *arg)
{
	const struct em_profile *p = arg;

	return strcmp(p[*(const unsigned int *)a].fingerprint,
		      p[*(const unsigned int *)b].fingerprint);
}

/* A number for each fingerprint, in @number by profile. */
static int number(struct reading *r)
{
	size_t n = r->profiles->n;
	_cleanup_free_ unsigned int *order = calloc(n + 1, sizeof(*order));
	const struct em_profile *p = r->profiles->profiles;
	unsigned int last = 0;

	r->number = calloc(n + 1, sizeof(*r->number));
	if (!order || !r->number)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (unsigned int)i;
	if (n)
		qsort_r(order, n, sizeof(*order), by_fingerprint, (void *)p);
	for (size_t i = 0; i < n; i++) {
		last += i && strcmp(p[order[i]].fingerprint, p[order[i - 1]].fingerprint);
		r->number[order[i]] = last;
	}
	return 0;
}

static int by_job(const void *a, const void *b)
{
	const struct em_profile *x = a, *y = b;
	int order = strcmp(x->boot_id, y->boot_id);

	return order ? order : (x->job > y->job) - (x->job < y->job);
}

static int by_job_and_time(const void *a, const void *b)
{
	const struct em_profile *x = a, *y = b;
	int order = by_job(a, b);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Of a job that ran several executables, the one that was seen first is what it is. */
static void one_each(struct em_notes *profiles)
{
	struct em_profile *p = profiles->profiles;
	size_t n = 0;

	if (!profiles->n)
		return;
	qsort(p, profiles->n, sizeof(*p), by_job_and_time);
	for (size_t i = 1; i < profiles->n; i++) {
		if (by_job(&p[n], &p[i]))
			p[++n] = p[i];
	}
	profiles->n = n + 1;
}

static const struct em_profile *profile_of(const struct reading *r, const struct em_usage *u)
{
	struct em_profile key = { .job = u->job };

	if (!r->profiles->n)
		return NULL;
	strncpy(key.boot_id, u->boot_id, sizeof(key.boot_id) - 1);
	return bsearch(&key, r->profiles->profiles, r->profiles->n, sizeof(key), by_job);
}

static int add(const struct em_usage *u, void *arg)
{
	struct reading *r = arg;
	const struct em_profile *p = profile_of(r, u);
	struct em_use *use;

	if (!u->gpu_time)
		return 0;
	r->used += r->now ? u->gpu_time : 0;
	r->unknown += r->now && !p ? u->gpu_time : 0;
	if (!p)
		return 0;
	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 256;

		use = reallocarray(r->uses, room, sizeof(*use));
		if (!use)
			return -ENOMEM;
		r->uses = use;
		r->room = room;
	}
	r->uses[r->n++] = (struct em_use){ .fingerprint = r->number[p - r->profiles->profiles],
					   .first = u->first,
					   .job = (unsigned int)(p - r->profiles->profiles),
					   .part = em_part_of(u->purpose),
					   .now = r->now,
					   .time = u->gpu_time,
					   .busy = u->busy ? em_ratio(u->busy, u->gpu_time) : NAN };
	return 0;
}

static const struct em_field columns[] = {
	{ "first", "FIRST TAG", EM_VALUE_TEXT },
	{ "now", "TAG NOW", EM_VALUE_TEXT },
	{ "time_us", "TIME", EM_VALUE_GPU_TIME },
	{ "share", "OF USED", EM_VALUE_SHARE },
	{ "says", "", EM_VALUE_TEXT },
};

static const char *says(unsigned int first, unsigned int now)
{
	return first == EM_PART_U                       ? "tagging taken up: not counted"
	       : now == EM_PART_U                       ? "tag dropped"
	       : first == EM_PART_C && now == EM_PART_A ? "the headline"
							: "";
}

static void rows(struct em_finding *f, const struct em_relabel *r, em_ns used)
{
	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (unsigned int i = 0; i < EM_PART_USED; i++) {
		for (unsigned int k = 0; k < EM_PART_USED; k++) {
			if (i == k || !r->moved[i][k])
				continue;
			em_finding_row(f,
				       json_pack("{s:s,s:s,s:o,s:o,s:s}", "first", em_part_name(i),
						 "now", em_part_name(k), "time_us",
						 em_delta_json((em_delta)r->moved[i][k]), "share",
						 em_ratio_json(r->moved[i][k], used), "says",
						 says(i, k)));
		}
	}
}

static void values(struct em_finding *f, const struct em_relabel *r, const struct reading *in)
{
	em_finding_share(f, "c_to_a", "capabilities now called alignment, of used",
			 r->moved[EM_PART_C][EM_PART_A], in->used);
	em_finding_share(f, "by_chance", "so much an arbitrary order of tags would make", r->chance,
			 in->used);
	em_finding_real(f, "p", "chance of it if the order of tags were arbitrary", r->p);
	em_finding_share(f, "mixed_use", "mixed use, cannot tell", r->mixed, in->used);
	em_finding_share(f, "without_fingerprint", "without a fingerprint", in->unknown, in->used);
	em_finding_share(f, "first_seen", "of fingerprints not seen before", r->first_seen,
			 in->used);
	em_finding_share(f, "first_seen_before", "the same, half a window earlier",
			 r->first_seen_before, r->before);
	em_finding_count(f, "switched", "fingerprints that went from capabilities to alignment",
			 r->switched);
	em_finding_count(f, "compared", "of them with enough jobs to compare behaviour", r->tested);
	em_finding_count(f, "behave_otherwise", "of those that behave otherwise than before",
			 r->differ);
	em_finding_count(f, "late", "changes of tag in the window's last tenth", r->late);
	em_finding_real(f, "late_p", "chance of so many there", r->late_p);
}

static int answer(struct em_finding *f, const struct em_relabel *r, const struct reading *in)
{
	double points = 100 * em_ratio(r->moved[EM_PART_C][EM_PART_A], in->used);
	double chance = 100 * em_ratio(r->chance, in->used);
	bool found = r->p <= SIGNIFICANT;

	values(f, r, in);
	rows(f, r, in->used);
	if (!in->used)
		return em_finding_refuse(f, "nothing ran in the later window");
	if (!in->n)
		return em_finding_refuse(f, "no job that ran has a profile: without fingerprints "
					    "renamed work cannot be seen");
	em_finding_estimate(
		f,
		"%.2f points of alignment's share are work whose first tag was "
		"capabilities (%.2f would be by chance)%s; %u of %u such fingerprints that can be compared behave "
		"otherwise than before",
		points, chance,
		!r->moved[EM_PART_C][EM_PART_A] ? ""
		: found                         ? "; chance does not make so much"
						: "; chance could make it",
		r->differ, r->tested);
	em_finding_interval(f,
			    "exact over known fingerprints; %.1f %% of used time is mixed use and "
			    "%.1f %% has no fingerprint",
			    100 * em_ratio(r->mixed, in->used),
			    100 * em_ratio(in->unknown, in->used));
	f->outcome = found ? EM_OUTCOME_NOT_SO : EM_OUTCOME_FINE;
	return 0;
}

static int same_job(const void *a, const void *b)
{
	const struct em_use *x = a, *y = b;

	if (x->job != y->job)
		return (x->job > y->job) - (x->job < y->job);
	return x->now != y->now ? x->now - y->now : (int)x->part - (int)y->part;
}

/* A job has a row for each GPU: together they are one use, which behaved as they did on average. */
static void merge(struct reading *r)
{
	size_t n = 0;

	if (!r->n)
		return;
	qsort(r->uses, r->n, sizeof(*r->uses), same_job);
	for (size_t i = 1; i < r->n; i++) {
		struct em_use *to = &r->uses[n], *from = &r->uses[i];

		if (same_job(to, from)) {
			r->uses[++n] = *from;
			continue;
		}
		to->busy = (to->busy * (double)to->time + from->busy * (double)from->time) /
			   (double)(to->time + from->time);
		to->time += from->time;
		to->first = from->first < to->first ? from->first : to->first;
	}
	r->n = n + 1;
}

static int read_both(struct reading *in, struct em_ledger *l, const struct em_ask *a)
{
	int ret;

	one_each(in->profiles);
	ret = number(in);
	if (!ret)
		ret = em_ledger_usage(l, a->before.start, a->before.end, add, in);
	in->now = true;
	if (!ret)
		ret = em_ledger_usage(l, a->after.start, a->after.end, add, in);
	merge(in);
	return ret;
}

int em_probe_relabel(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_range all = { 0, INT64_MAX };
	struct em_notes n;
	struct reading in = { .profiles = &n };
	struct em_relabel r;
	gsl_rng *rng = em_rng(a->seed);
	int ret = em_notes_profiles(&n, l, all);

	f->windows = 2;
	f->window[0] = a->before;
	f->window[1] = a->after;
	f->seed = a->seed;
	if (!ret)
		ret = rng ? read_both(&in, l, a) : -ENOMEM;
	if (!ret)
		ret = em_relabel_make(&r, in.uses, in.n, a->before, a->after, rng);
	if (!ret)
		ret = answer(f, &r, &in);
	if (rng)
		gsl_rng_free(rng);
	free(in.uses);
	free(in.number);
	em_notes_clear(&n);
	return ret;
}
