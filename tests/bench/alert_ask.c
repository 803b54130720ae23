// SPDX-License-Identifier: GPL-2.0
/*
 * alert_ask WHAT DIR [FILE] - one figure a line, "NAME VALUE": what judging and alerting cost.
 *
 * latency: from an interval that is sealed to a command that has been told, with the commitments
 * of FILE judged on the ledger DIR: among them ceilings on projects latency-0 to latency-8, of
 * which each interval breaks another; year: memory of a daemon's round while a year goes by an hour
 * at a time, on a ledger made in DIR.
 */
#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/alert.h"
#include "alert/watch.h"
#include "base/time.h"
#include "ledger/ledger.h"

#define TIMES 9
#define HOUR (3600 * EM_NS_PER_S)
#define STEP (6 * HOUR)
#define STEPS (365 * 4)
#define MONTH (30 * 4)

/* struct node - a recorder that seals by hand */
struct node {
	struct em_ledger *l;
	struct em_alerts *a;
	struct em_commitments c;
	uint8_t previous[EARMARK_HASH_LEN];
	uint64_t number, mono, load;
	int64_t wall;
};

static int smaller(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* An interval of @length in which GPU 1 of this load works for @purpose and @project. */
static int seal(struct node *n, uint64_t length, unsigned int purpose, unsigned int project)
{
	unsigned int tag = purpose + EARMARK_PURPOSE_COUNT * project;
	struct earmark_segment s[2] = { { .kind = EARMARK_SEGMENT_USAGE, .gpu = 1 },
					{ .kind = EARMARK_SEGMENT_GPU, .gpu = 1 } };
	struct earmark_event e[3] = {
		{ .type = EARMARK_EVENT_GPU, .gpu = 1, .text = "pci/bench" },
		{ .type = EARMARK_EVENT_JOB, .job = tag, .text = "/bench" },
		{ .type = EARMARK_EVENT_TAG,
		  .job = tag,
		  .tag = tag,
		  .purpose = (__u8)purpose,
		  .tagged_by = EARMARK_TAGGED_BY_OPERATOR },
	};
	struct em_interval i = { .segments = s, .events = e };
	struct earmark_interval *h = &i.header;

	n->load = n->load ?: em_time_monotonic();
	s[0].job = tag;
	s[0].id = tag;
	snprintf(e[2].project, sizeof(e[2].project), "latency-%u", project);
	s[0].usage.gpu_time = s[0].usage.held = s[0].usage.busy = s[1].gpu_time.wall = length;
	h->version = EARMARK_VERSION;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->nr_segments = 2;
	h->nr_events = 3;
	h->number = ++n->number;
	h->start = n->mono;
	h->end = n->mono += length;
	h->wall_start = (__u64)n->wall;
	h->wall_end = (__u64)(n->wall += (int64_t)length);
	for (int k = 0; k < 3; k++)
		e[k].when = h->start;
	memcpy(h->load_id, &n->load, sizeof(n->load));
	memcpy(h->previous, n->previous, sizeof(n->previous));
	em_interval_seal(&i);
	memcpy(n->previous, i.hash, sizeof(n->previous));
	return em_ledger_append(n->l, &i);
}

/* What the daemon does each round. */
static int judge(struct node *n, int64_t now)
{
	int r = em_alerts_step(n->a, now);

	for (unsigned int i = 0; !r && i < n->c.n; i++) {
		struct em_verdict v;

		r = em_commitment_check(&n->c.list[i], n->l, now, &v);
		r = r ?: em_alerts_update(n->a, &n->c.list[i], &v, now);
	}
	return r ?: em_alerts_watch(n->a, &n->c, now);
}

static int node_open(struct node *n, const char *dir, const char *file,
		     const struct em_alert_config *config)
{
	char err[512] = "";
	int r = em_commitments_load(&n->c, file, err, sizeof(err));

	r = r ?: em_ledger_open(&n->l, dir, EM_LEDGER_WRITE);
	r = r ?: em_alerts_open(&n->a, n->l, config);
	if (r)
		fprintf(stderr, "alert_ask: %s%s\n", err, em_ledger_error(n->l) ?: "");
	return r;
}

/*
 * The interval breaks a promise; of it the command makes a file, which says when. Return: 0,
 * -errno, or -ETIMEDOUT after ten seconds.
 */
static int turn(struct node *n, unsigned int project, const char *told, double *ms)
{
	char path[600];
	int64_t start;
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s.latency-%u", told, project);
	start = em_time_now();
	n->wall = start - 1800 * EM_NS_PER_S;
	r = seal(n, 1800 * EM_NS_PER_S, EARMARK_PURPOSE_CAPABILITIES, project);
	r = r ?: judge(n, em_time_now());
	while (!r && stat(path, &st)) {
		if (em_time_now() - start > 10 * EM_NS_PER_S)
			return -ETIMEDOUT;
		usleep(1000);
	}
	*ms = r ? 0 : (double)(st.st_mtim.tv_sec * EM_NS_PER_S + st.st_mtim.tv_nsec - start) / 1e6;
	return r;
}

static int latency(const char *dir, const char *file)
{
	char command[512], told[512], spool[512];
	struct em_alert_config config = { .command = command, .spool = spool };
	struct node n = { .mono = EM_NS_PER_S };
	double ms[TIMES];
	FILE *f;
	int r;

	snprintf(command, sizeof(command), "%s.command", dir);
	snprintf(told, sizeof(told), "%s.told", dir);
	snprintf(spool, sizeof(spool), "%s.spool", dir);
	f = fopen(command, "w");
	if (!f)
		return -1;
	fprintf(f,
		"#!/bin/sh\n[ $EARMARK_ALERT_KIND != CeilingBreached ] || : >%s.$EARMARK_ALERT_COMMITMENT\n",
		told);
	fclose(f);
	chmod(command, 0755);
	r = node_open(&n, dir, file, &config);
	r = r ?: judge(&n, em_time_now());
	sleep(5); /* what fires of the ledger as it is has been told */
	for (int i = 0; !r && i < TIMES; i++)
		r = turn(&n, (unsigned int)i, told, &ms[i]);
	if (r) {
		fprintf(stderr, "alert_ask: nobody was told, or %s\n", strerror(-r));
		return r;
	}
	qsort(ms, TIMES, sizeof(*ms), smaller);
	printf("latency_ms %.1f\nlatency_most_ms %.1f\n", ms[TIMES / 2], ms[TIMES - 1]);
	em_alerts_close(n.a);
	em_ledger_close(n.l);
	return 0;
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = -1;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* After a month all is as large as it gets, if it is flat. */
static int year(const char *dir, const char *file)
{
	struct em_alert_config config = { .for_ns = HOUR, .keep_firing_ns = 6 * HOUR };
	struct node n = { .mono = EM_NS_PER_S, .wall = em_time_now() / HOUR * HOUR - STEPS * STEP };
	int r = node_open(&n, dir, file, &config);

	for (int step = 1; !r && step <= STEPS; step++) {
		r = seal(&n, (uint64_t)STEP,
			 step % 4 ? EARMARK_PURPOSE_CAPABILITIES : EARMARK_PURPOSE_ALIGNMENT, 0);
		r = r ?: judge(&n, n.wall);
		if (step == MONTH || step == STEPS / 2 || step == STEPS)
			printf("day_%d_cache_kib %lld\nday_%d_kib %ld\nday_%d_heap_kib %zu\n",
			       step / 4, (long long)sqlite3_memory_used() / 1024, step / 4,
			       resident_kib(), step / 4, mallinfo2().uordblks / 1024);
		fflush(stdout);
	}
	if (r)
		fprintf(stderr, "alert_ask: %s\n", em_ledger_error(n.l));
	return r;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "latency"))
		return latency(argv[2], argv[3]) ? 1 : 0;
	if (argc == 4 && !strcmp(argv[1], "year"))
		return year(argv[2], argv[3]) ? 1 : 0;
	fprintf(stderr, "usage: alert_ask latency|year DIR FILE\n");
	return 2;
}
