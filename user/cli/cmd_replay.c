// SPDX-License-Identifier: GPL-2.0
/* earmark replay - a scheduler's history becomes a ledger */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/paging.h"
#include "replay/replay.h"
#include "replay/sort.h"
#include "replay/value.h"

#define BAD_SHOWN 20
#define INTERVAL_MIN EM_NS_PER_S
#define INTERVAL_MAX (31 * 86400 * EM_NS_PER_S)
#define PROGRESS_EVERY (EM_NS_PER_S / 4)

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static volatile sig_atomic_t stopped;

/* struct telling - to the terminal while it runs; @file: of all bad rows */
struct telling {
	FILE *file;
	uint64_t bad, next;
	bool terminal, line;
	const char *what;
};

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* --- while it runs --------------------------------------------------------------------------- */

static void end_line(struct telling *t)
{
	if (t->line)
		fputs("\r\033[K", stderr);
	t->line = false;
}

static void tell_bad(const char *sentence, void *arg)
{
	struct telling *t = arg;

	if (t->file)
		fprintf(t->file, "%s\n", sentence);
	if (t->bad++ >= BAD_SHOWN)
		return;
	end_line(t);
	fprintf(stderr, "%s\n", sentence);
	if (t->bad == BAD_SHOWN)
		fprintf(stderr, "… more are counted%s\n",
			t->file ? "" : "; --bad FILE lists all of them");
}

static void tell_progress(const char *what, uint64_t done, uint64_t total, void *arg)
{
	struct telling *t = arg;
	uint64_t now = em_time_monotonic();
	unsigned int percent = total ? (unsigned int)(100.0 * (double)done / (double)total) : 0;
	char bar[41] = "";

	if (!t->terminal || (what == t->what && now < t->next))
		return;
	t->what = what;
	t->next = now + PROGRESS_EVERY;
	t->line = true;
	percent = percent > 100 ? 100 : percent;
	memset(bar, '.', 40);
	memset(bar, '#', percent * 40 / 100);
	if (total)
		fprintf(stderr, "\r%s [%s] %3u %%\033[K", what, bar, percent);
	else
		fprintf(stderr, "\r%s…\033[K", what);
}

/* --- afterwards ------------------------------------------------------------------------------ */

static void count(uint64_t n, const char *words)
{
	if (n)
		printf("  %llu %s\n", (unsigned long long)n, words);
}

static void say_result(const struct em_args *a, const struct em_replay_result *r)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN], ledger[256], latest[96];

	printf("%llu rows, %llu jobs, from %s to %s, are in %s\n", (unsigned long long)r->rows,
	       (unsigned long long)r->jobs, em_time_format(start, r->start, 0),
	       em_time_format(end, r->end, 0), em_text_safe(ledger, sizeof(ledger), a->ledger));
	snprintf(latest, sizeof(latest), "of the jobs were still running: counted until %s", end);
	count(r->bad, "rows cannot be read and are not counted");
	count(r->no_gpu, "rows used no GPU: there is nothing to account");
	count(r->steps, "steps are parts of their jobs, which are counted");
	count(r->outside, "rows lie outside of the time asked for");
	count(r->running, latest);
	count(r->waiting, "rows never started: they used nothing");
	count(r->late, "rows were submitted after their start, it says: asked for at their start");
	count(r->rounded, "rows give more than 12 decimals of a GPU: rounded, half to even");
	count(r->over, "intervals used more GPUs than there are: their capacity was raised to it");
	if (!r->capacity)
		puts("  without --capacity GPUs nothing is known of idle GPUs: all shares are of "
		     "what was used");
}

static void say_hours(const json_t *summary)
{
	static const struct em_column columns[] = {
		{ "purpose", "PURPOSE", EM_TEXT },
		{ "us", "GPU-TIME", EM_DURATION },
		{ "hours", "GPU-HOURS", EM_TEXT },
	};
	_cleanup_json_ json_t *rows = json_array();
	const char *purpose;
	json_t *value;

	json_object_foreach(json_object_get(summary, "gpu_hours"), purpose, value) {
		json_int_t us = json_integer_value(json_object_get(value, "us"));
		char hours[32];

		if (!us)
			continue;
		snprintf(hours, sizeof(hours), "%.3f", (double)us / 3.6e9);
		json_array_append_new(rows, json_pack("{s:s, s:I, s:s}", "purpose", purpose, "us",
						      us, "hours", hours));
	}
	em_table(columns, ARRAY_SIZE(columns), rows, "No GPU time was used.");
}

static int answer(struct em_args *a, const struct em_replay_result *r, uint64_t allowed)
{
	_cleanup_json_ json_t *summary = em_replay_json(r);
	int status = r->bad > allowed ? EM_NOT_SO : EM_FINE;

	if (a->json)
		return em_json_out(json_incref(summary), status);
	say_result(a, r);
	say_hours(summary);
	return status;
}

static int interrupted(struct em_args *a, const struct em_replay_result *r)
{
	if (!r->intervals)
		return em_fail(a, "interrupted while reading: nothing was written");
	return em_fail(a,
		       "interrupted: the %llu intervals that are in %s are whole; the same command "
		       "goes on where it ended",
		       (unsigned long long)r->intervals, a->ledger);
}

/* --- the line -------------------------------------------------------------------------------- */

static int parse_format(struct em_args *a, enum em_replay_format *format)
{
	const char *s = em_opt(a, "format") ?: "csv";

	if (!strcmp(s, "csv"))
		*format = EM_REPLAY_CSV;
	else if (!strcmp(s, "sacct"))
		*format = EM_REPLAY_SACCT;
	else if (!strcmp(s, "helios"))
		*format = EM_REPLAY_HELIOS;
	else
		return em_fail(a, "--format %s: expected csv, sacct or helios", s);
	return 0;
}

static int parse_when(struct em_args *a, const char *name, int64_t *ret)
{
	const char *s = em_opt(a, name);

	*ret = EM_NO_INSTANT;
	if (s && em_time_parse(s, em_time_now(), ret))
		return em_fail(a, "--%s %s: not a time; write 2026-11-24 or an RFC 3339 instant",
			       name, s);
	return 0;
}

static int parse_numbers(struct em_args *a, struct em_replay_options *o, uint64_t *allowed)
{
	const char *capacity = em_opt(a, "capacity"), *interval = em_opt(a, "interval") ?: "1h";
	const char *allow = em_opt(a, "allow-bad");
	bool rounded = false;

	*allowed = 0;
	if (allow && em_value_decimal(allow, 0, INT64_MAX, allowed, NULL))
		return em_fail(a, "--allow-bad %s: expected a number of rows", allow);
	if (capacity &&
	    (em_value_gpus(capacity, &o->capacity, &rounded) || !o->capacity || rounded))
		return em_fail(a, "--capacity %s: expected a number of GPUs", capacity);
	if (em_duration_parse(interval, &o->interval) || o->interval < INTERVAL_MIN ||
	    o->interval > INTERVAL_MAX)
		return em_fail(a, "--interval %s: expected a duration from 1s to 31d", interval);
	if (o->since != EM_NO_INSTANT && o->until != EM_NO_INSTANT && o->until <= o->since)
		return em_fail(a, "--until is not after --since");
	return 0;
}

static int parse_options(struct em_args *a, struct em_replay_options *o, uint64_t *allowed)
{
	*o = (struct em_replay_options){
		.paths = a->argv,
		.nr_paths = (size_t)a->argc,
		.map = em_opt(a, "map"),
		.columns = em_opt(a, "columns"),
		.zone = em_opt(a, "zone"),
		.requests = !em_opt(a, "no-requests"),
		.stop = &stopped,
		.bad = tell_bad,
		.progress = tell_progress,
	};
	if (!o->map)
		return em_fail(a, "--map MAP is missing: the file that says whose work has which "
				  "purpose; docs/replay.md has one to start from");
	if (!a->ledger_given)
		return em_fail(a, "--ledger DIR is missing: a history goes into a ledger of its "
				  "own");
	if (parse_format(a, &o->format) || parse_when(a, "since", &o->since) ||
	    parse_when(a, "until", &o->until) || parse_numbers(a, o, allowed))
		return EM_NO_ANSWER;
	if (o->columns && o->format != EM_REPLAY_CSV)
		return em_fail(a, "--columns is for --format csv: the others have fixed names");
	if (o->capacity && o->format == EM_REPLAY_HELIOS)
		return em_fail(a, "--capacity is not for --format helios: its files say how many "
				  "GPUs there are");
	return 0;
}

static int replay_into(struct em_args *a, const struct em_replay_options *o, uint64_t allowed)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	struct em_replay_result r;
	char err[1024];
	int ret = em_ledger_open(&l, a->ledger, EM_LEDGER_WRITE);

	if (ret)
		return em_fail(a, "%s", em_ledger_error(NULL) ?: strerror(-ret));
	ret = em_replay(l, o, &r, err, sizeof(err));
	end_line(o->arg);
	if (ret == -EINTR)
		return interrupted(a, &r);
	return ret ? em_fail(a, "%s", err) : answer(a, &r, allowed);
}

static int replay(struct em_args *a)
{
	struct telling t = { .terminal = isatty(STDERR_FILENO) };
	struct sigaction act = { .sa_handler = on_signal }, old_int, old_term;
	_cleanup_fclose_ FILE *file = NULL;
	struct em_replay_options o;
	const char *bad = em_opt(a, "bad");
	uint64_t allowed;
	int status;

	if (parse_options(a, &o, &allowed))
		return EM_NO_ANSWER;
	o.arg = &t;
	if (bad && !(file = fopen(bad, "we")))
		return em_fail(a, "--bad %s cannot be written: %s", bad, strerror(errno));
	t.file = file;
	stopped = 0;
	sigaction(SIGINT, &act, &old_int);
	sigaction(SIGTERM, &act, &old_term);
	status = replay_into(a, &o, allowed);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	if (file && (fflush(file) || ferror(file)))
		return em_fail(a, "--bad %s could not be written to its end", bad);
	if (em_opt(a, "html") && status != EM_NO_ANSWER &&
	    em_paging_file(a, em_opt(a, "html")) == EM_NO_ANSWER)
		return EM_NO_ANSWER;
	return status;
}

static const struct em_option options[] = {
	{ "format", "FORMAT", "csv, sacct or helios (csv)", "csv sacct helios" },
	{ "map", "MAP", "whose work has which purpose", NULL },
	{ "capacity", "GPUS", "how many GPUs there are", NULL },
	{ "interval", "TIME", "length of an interval (1h)", NULL },
	{ "columns", "OURS=THEIRS,…", "what the table's header calls things", NULL },
	{ "zone", "ZONE", "of local times, as Europe/Berlin (UTC)", NULL },
	{ "since", "TIME", "leave out what lies before", NULL },
	{ "until", "TIME", "leave out what lies after", NULL },
	{ "no-requests", NULL, "no notes of what was asked for and when it came", NULL },
	{ "bad", "FILE", "list there all rows that cannot be used", NULL },
	{ "allow-bad", "N", "so many of them are no failure (0)", NULL },
	{ "html", "FILE", "and its report as one page", NULL },
	{},
};

_Static_assert(ARRAY_SIZE(options) <= EM_OPTIONS_MAX + 1, "em_args has room for the options");

static const struct em_verb verbs[] = {
	{ "", "PATH…",
	  "makes a ledger of a scheduler's history: tables of jobs as CSV, what sacct -P or\n"
	  "      sacct --json prints, or Helios' tables; .gz is read as it is, - is standard input.\n"
	  "      Status 1 if there are rows that cannot be used. See docs/replay.md.",
	  1, INT32_MAX, false, replay, options },
	{},
};

const struct em_object em_replay_object = { "replay", "a scheduler's history becomes a ledger",
					    verbs };
