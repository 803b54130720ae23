// SPDX-License-Identifier: GPL-2.0
/* Busy time out of samples; see utilisation.h. */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/utilisation.h"

#define READ_LATE 1000000LL /* ns: a sample and its reading are stamped by two clocks' readings */
#define SIGMAS 3.0

#define NAME(id, name) [EM_UTIL_##id] = name,
const char *const em_util_reject_names[] = { EM_UTIL_REJECTS(NAME) };

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static __u64 most(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* --- which are believed --------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct em_util_sample *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Return: the reason not to, or EM_UTIL_REJECT_COUNT. */
static enum em_util_reject judge(const struct em_nvml_sample *s, __int128 at, __u64 last, __u64 now)
{
	if (s->percent > 100)
		return EM_UTIL_PERCENT;
	if (at > (__int128)now + READ_LATE)
		return EM_UTIL_FUTURE;
	if (at <= (__int128)last || at + (__int128)EM_UTIL_RING + (__int128)EM_UTIL_SAMPLE < now)
		return EM_UTIL_PAST;
	return EM_UTIL_REJECT_COUNT;
}

static size_t once(struct em_util_sample *s, size_t n, __u64 *rejected)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && !by_time(&s[kept - 1], &s[i]))
			rejected[EM_UTIL_TWICE]++;
		else
			s[kept++] = s[i];
	}
	return kept;
}

size_t em_util_believe(const struct em_nvml_sample *raw, size_t n, __s64 ahead, __u64 last,
		       __u64 now, struct em_util_sample *out, __u64 *rejected)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		__int128 at = (__int128)raw[i].at * 1000 - ahead;
		enum em_util_reject why;

		if (!raw[i].at && !raw[i].pid && !raw[i].percent)
			continue; /* a slot of the ring that was never filled */
		why = judge(&raw[i], at, last, now);
		if (why != EM_UTIL_REJECT_COUNT)
			rejected[why]++;
		else
			out[kept++] =
				(struct em_util_sample){ (__u64)at, 0, raw[i].pid, raw[i].percent };
	}
	qsort(out, kept, sizeof(*out), by_time);
	return once(out, kept, rejected);
}

/* --- what they sum up to -------------------------------------------------------------------- */

/* How much of the window a sample covers: since the one before, if that is not too long ago. */
static __u64 covers(const struct em_util_window *w, const struct em_util_sample *list, size_t i,
		    __u64 longest)
{
	__u64 at = least(list[i].at, w->end), from = w->start;

	if (list[i].at > longest)
		from = most(from, list[i].at - longest);
	for (size_t k = i; k-- > 0;) {
		if (list[k].at < list[i].at) {
			from = most(from, list[k].at);
			break;
		}
	}
	return at > from ? at - from : 0;
}

static __u64 work_of(const struct em_util_window *w, size_t i)
{
	return covers(w, w->samples, i, EM_UTIL_SAMPLE) * w->samples[i].percent / 100;
}

/*
 * What no sample covers may have been busy or not; but where neither the device nor any process has
 * a sample nothing was busy, which NVML says by saying nothing.
 */
void em_util_device(const struct em_util_window *w, __u64 *busy, __u64 *open)
{
	__u64 wall = w->end - w->start, covered = 0, len;

	*busy = *open = 0;
	if (!w->n_samples && !w->n_device)
		return;
	for (size_t i = 0; i < w->n_device; i++) {
		if (i && w->device[i].at == w->device[i - 1].at)
			continue;
		len = covers(w, w->device, i, EM_UTIL_DEVICE_SAMPLE);
		covered += len;
		*busy += len * w->device[i].percent / 100;
	}
	for (size_t i = 0; !w->has_device && i < w->n_samples; i++)
		*busy += work_of(w, i);
	*busy = least(*busy, wall);
	*open = least(wall - least(covered, wall), wall - *busy);
}

/**
 * struct sums - of one window, ns
 * @low, @high: of the device: a percentage is a whole number, so that what samples cover is known
 *	to one hundredth of it
 * @all: of all samples, as far as the device can have worked; @raw: before that
 * @unknown, @shared: those of no known job, and of a server
 * @edges: see edges()
 * @instants: how many samples had something to say
 */
struct sums {
	__u64 low, high, all, raw, unknown, shared, edges;
	unsigned int instants, servers;
};

/* Down to what the device can have done: samples of several engines can say more. */
static __u64 scaled(const struct sums *s, __u64 work)
{
	return s->raw ? (__u64)((unsigned __int128)work * s->all / s->raw) : 0;
}

static bool touches(const struct em_util_sample *list, size_t n, __u64 edge)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].percent && list[i].at + EM_UTIL_SAMPLE > edge &&
		    list[i].at < edge + 2 * EM_UTIL_SAMPLE)
			return true;
	}
	return false;
}

/*
 * What ran as the window began or ended may belong to the other side: half a sample at each edge
 * near which something ran.
 */
static __u64 edges(const struct em_util_window *w)
{
	__u64 sum = 0;

	if (touches(w->samples, w->n_samples, w->start) ||
	    touches(w->device, w->n_device, w->start))
		sum += EM_UTIL_SAMPLE / 2;
	if (touches(w->samples, w->n_samples, w->end) || touches(w->device, w->n_device, w->end))
		sum += EM_UTIL_SAMPLE / 2;
	return sum;
}

static void sum_up(const struct em_util_window *w, struct sums *s)
{
	__u64 wall = w->end - w->start, work, open;

	*s = (struct sums){ .edges = edges(w) };
	em_util_device(w, &s->low, &open);
	s->high = least(s->low + open + (wall - open) / 100, wall);
	for (size_t i = 0; i < w->n_samples; i++) {
		work = work_of(w, i);
		s->raw += work;
		s->unknown += w->samples[i].job ? 0 : work;
		s->shared += w->samples[i].job == EM_UTIL_SHARED ? work : 0;
		s->instants += work && (!i || w->samples[i].at != w->samples[i - 1].at);
	}
	s->all = least(s->raw, s->low + open);
	s->unknown = scaled(s, s->unknown);
	s->shared = scaled(s, s->shared);
}

/*
 * A sample names one process, whoever else ran in it: of @instants samples a job was named in the
 * fraction @work / @all, and its true share can be another. Taking each sample's name for a draw
 * by the true shares, that fraction is known to three standard deviations by Wilson's interval
 * (JASA 22, 1927), which is right for few draws and for fractions of 0 and 1 too; the larger
 * distance to its ends counts. The draws are the driver's: work that could time itself by them
 * would escape, which no sampling can exclude.
 */
static __u64 contested(const struct sums *s, __u64 work)
{
	double n = s->instants, p, z2 = SIGMAS * SIGMAS, half, shift;

	if (!s->all || !s->instants)
		return 0; /* nothing was named: all of it is unexplained */
	p = (double)work / (double)s->all;
	p = p > 1 ? 1 : p;
	half = SIGMAS * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
	shift = fabs(0.5 - p) * z2 / (n + z2);
	return least((__u64)ceil((half + shift) * (double)s->all), s->all);
}

/*
 * Who alone could work did all of it: the error is what the device's samples leave open, and the
 * edges.
 *
 * Else |busy - true busy| <= the sum of
 *	edges         half a sample at each edge of the window
 *	high - all    what the device did and no sample explains, with the hundredth by which a
 *	              percentage is rounded and all that no sample covers
 *	contested     work that samples gave to the wrong one of several
 *	unknown       work that samples gave to processes of no known job
 *	shared        work of a server (MPS), split equally among its clients
 * and never more than would contradict the window's length.
 */
static void settle(const struct em_util_window *w, const struct sums *s, struct em_util_share *j,
		   __u64 work, bool alone)
{
	__u64 wall = w->end - w->start, error = s->edges, shared;

	shared = j->estimate && s->servers ? s->shared / s->servers : 0;
	work = scaled(s, work) + shared;
	if (alone && !s->unknown) {
		j->busy = s->low;
		error += s->high - s->low;
	} else {
		j->busy = least(work, wall);
		error += s->high - s->all + contested(s, work) + s->unknown;
		error += shared ? s->shared : 0;
	}
	j->error = least(error, most(j->busy, wall - j->busy));
	j->class = j->estimate && !alone ? EARMARK_CLASS_ESTIMATE : EARMARK_CLASS_SAMPLED;
}

void em_util_split(const struct em_util_window *w, struct em_util_share *shares, size_t n)
{
	struct sums s;

	sum_up(w, &s);
	for (size_t k = 0; k < n; k++)
		s.servers += shares[k].estimate;
	for (size_t k = 0; k < n; k++) {
		__u64 work = 0;

		for (size_t i = 0; i < w->n_samples; i++)
			work += w->samples[i].job == shares[k].job ? work_of(w, i) : 0;
		settle(w, &s, &shares[k], work, n == 1);
	}
}
