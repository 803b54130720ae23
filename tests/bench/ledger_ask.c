// SPDX-License-Identifier: GPL-2.0
/*
 * ledger_ask WHAT DIR [FILE] - one figure a line, "NAME VALUE": what a ledger costs.
 *
 * report: of its last 28 days; check: all commitments of FILE, cold and with one more entry (the
 * ledger is opened for writing); parse: jansson over the log's bytes; append: durable appends
 * beside bare writes with fsync, in DIR/append.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "commit/commitment.h"
#include "ledger/ledger.h"
#include "ledger/log.h"
#include "ledger/openings.h"
#include "report/report.h"

#define TIMES 9
#define APPENDS 200
#define DAYS 28

static struct em_ledger *ledger;

static double ms_since(uint64_t start)
{
	return (double)(em_time_monotonic() - start) / 1e6;
}

static int smaller(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int report(const char *dir)
{
	uint64_t start = em_time_monotonic();
	double ms[TIMES];
	struct em_report r = { 0 };
	int ret = em_ledger_open(&ledger, dir, EM_LEDGER_READ);

	if (ret)
		return ret;
	printf("open_ms %.2f\n", ms_since(start));
	for (int i = 0; !ret && i < TIMES; i++) {
		int64_t now = em_time_now();

		start = em_time_monotonic();
		ret = em_report_make(&r, ledger, now - DAYS * 86400 * EM_NS_PER_S, now);
		ms[i] = ms_since(start);
		if (!i)
			printf("report_first_ms %.2f\n", ms[i]);
	}
	qsort(ms, TIMES, sizeof(*ms), smaller);
	printf("report_median_ms %.2f\nreport_intervals %llu\n", ms[TIMES / 2],
	       (unsigned long long)r.span.intervals);
	return ret;
}

/* By the processor's clock: others' work on the machine is not in it. */
static uint64_t processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * EM_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int check_all(const struct em_commitments *c, double *ms, double *cpu_ms,
		     unsigned int *judged)
{
	uint64_t start = em_time_monotonic(), cpu = processor_time();
	int64_t now = em_time_now();
	struct em_verdict v;
	int ret = 0;

	*judged = 0;
	for (unsigned int i = 0; !ret && i < c->n; i++) {
		ret = em_commitment_check(&c->list[i], ledger, now, &v);
		*judged += v.status == EM_MET || v.status == EM_BREACHED || v.status == EM_UNPROVEN;
	}
	*ms = ms_since(start);
	*cpu_ms = (double)(processor_time() - cpu) / 1e6;
	return ret;
}

/* One more interval, of another load, in which one GPU idles. */
static int one_more(void)
{
	static uint8_t previous[EARMARK_HASH_LEN];
	static uint64_t number, load;
	struct earmark_segment s = { .kind = EARMARK_SEGMENT_GPU, .gpu = 1 };
	struct em_interval i = { .segments = &s };
	struct earmark_interval *h = &i.header;

	load = load ?: em_time_monotonic();
	s.gpu_time.wall = s.gpu_time.idle = EM_NS_PER_S;
	h->version = EARMARK_VERSION;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->nr_segments = 1;
	h->number = ++number;
	h->start = number * EM_NS_PER_S;
	h->end = h->start + EM_NS_PER_S;
	h->wall_start = (__u64)em_time_now() - EM_NS_PER_S;
	h->wall_end = h->wall_start + EM_NS_PER_S;
	memcpy(h->load_id, &load, sizeof(load));
	memcpy(h->previous, previous, sizeof(previous));
	em_interval_seal(&i);
	memcpy(previous, i.hash, sizeof(previous));
	return em_ledger_append(ledger, &i);
}

static int check(const char *dir, const char *file)
{
	struct em_commitments c = { 0 };
	char err[512] = "";
	double cold, cold_cpu, more[TIMES], cpu[TIMES];
	unsigned int judged = 0;
	int ret = em_commitments_load(&c, file, err, sizeof(err));

	if (ret) {
		fprintf(stderr, "ledger_ask: %s\n", err);
		return ret;
	}
	ret = em_ledger_open(&ledger, dir, EM_LEDGER_WRITE);
	ret = ret ?: check_all(&c, &cold, &cold_cpu, &judged);
	for (int i = 0; !ret && i < TIMES; i++) {
		ret = one_more();
		ret = ret ?: check_all(&c, &more[i], &cpu[i], &judged);
	}
	if (ret)
		return ret;
	qsort(more, TIMES, sizeof(*more), smaller);
	qsort(cpu, TIMES, sizeof(*cpu), smaller);
	printf("commitments %u\njudged %u\ncheck_cold_ms %.2f\ncheck_again_ms %.2f\n"
	       "check_cold_cpu_ms %.2f\ncheck_again_cpu_ms %.2f\n",
	       c.n, judged, cold, more[TIMES / 2], cold_cpu, cpu[TIMES / 2]);
	em_commitments_clear(&c);
	return 0;
}

static int parse(const char *dir)
{
	struct em_place *p;
	struct em_checkpoint c;
	char err[512], *note;
	size_t len, bytes = 0;
	uint64_t start;
	int ret = em_place_open(&p, dir, err, sizeof(err));

	ret = ret ?: em_place_read(p, "checkpoint", EM_NOTE_MAX - 1, &note, &len);
	ret = ret ?: em_checkpoint_parse(&c, note, len);
	start = em_time_monotonic();
	for (uint64_t n = 0; !ret && n < c.size; n += EM_TILE_WIDTH) {
		struct em_openings o;
		struct em_bundle b;

		ret = em_bundle_read(p, n / EM_TILE_WIDTH,
				     em_tile_width(EM_TILE_ENTRIES, n / EM_TILE_WIDTH, c.size), &b);
		ret = ret ?: em_openings_read(p, n / EM_TILE_WIDTH, &o);
		for (unsigned int i = 0; !ret && i < b.n; i++) {
			json_decref(json_loadb(b.entry[i], b.len[i], 0, NULL));
			bytes += b.len[i];
			if (!o.line[i])
				continue;
			json_decref(json_loads(o.line[i], 0, NULL));
			bytes += strlen(o.line[i]);
		}
		em_openings_clear(&o);
		em_bundle_clear(&b);
	}
	printf("jansson_s %.2f\njansson_cpu_s %.2f\nlog_bytes %zu\n", ms_since(start) / 1e3,
	       (double)clock() / CLOCKS_PER_SEC, bytes);
	return ret;
}

static int append(const char *dir)
{
	char path[4096], block[4096] = "";
	uint64_t start;
	int ret, fd;

	snprintf(path, sizeof(path), "%s/append", dir);
	ret = em_ledger_open(&ledger, path, EM_LEDGER_WRITE);
	start = em_time_monotonic();
	for (int i = 0; !ret && i < APPENDS; i++)
		ret = em_ledger_note(ledger, "bench", "{}");
	printf("appends_per_s %.0f\n", APPENDS * 1e3 / ms_since(start));
	snprintf(path, sizeof(path), "%s/append/bare", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (ret || fd < 0)
		return -1;
	start = em_time_monotonic();
	for (int i = 0; i < APPENDS; i++) {
		if (write(fd, block, sizeof(block)) != sizeof(block) || fsync(fd))
			return -1;
	}
	printf("fsyncs_per_s %.0f\n", APPENDS * 1e3 / ms_since(start));
	return close(fd);
}

int main(int argc, char **argv)
{
	int r = -1;

	if (argc == 3 && !strcmp(argv[1], "report"))
		r = report(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "check"))
		r = check(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "parse"))
		r = parse(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "append"))
		r = append(argv[2]);
	if (r)
		fprintf(stderr, "ledger_ask: %s\n", em_ledger_error(ledger));
	em_ledger_close(ledger);
	return r ? 1 : 0;
}
