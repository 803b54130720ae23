/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replay: a scheduler's history becomes a ledger, so that every report, verdict and probe runs
 * on it. Rows are read once, sorted by their start in bounded memory, and swept in order of
 * time; what each interval says is appended to the ledger.
 *
 * A pool of GPUs stands for the GPUs that the history cannot tell apart: its wall is
 * capacity × time, and wall = Σ gpu-time + idle + unobserved. GPU time is GPUs × time: held and
 * gpu-time are the same, busy is not known. Sums do not depend on the interval.
 */
#ifndef EM_REPLAY_H
#define EM_REPLAY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ledger/ledger.h"
#include "report/report.h"

enum em_replay_format { EM_REPLAY_CSV, EM_REPLAY_SACCT, EM_REPLAY_HELIOS };

/**
 * struct em_replay_options - what to replay and how
 * @paths: files, "-" is standard input; for Helios also directories of files
 * @map: the rules' file; @columns: "ours=theirs,…" or NULL; @zone: IANA's name or NULL = UTC
 * @capacity: of the one pool, in 1e-12 GPUs; 0 = not known
 * @interval: ns; @since, @until: wall ns, what lies outside is cut off; EM_NO_INSTANT = all
 * @requests: each job's submission and start become notes of requests
 * @stop: set by somebody else to end early; may be NULL
 * @bad: is told of every row that cannot be used; @progress: now and then; may be NULL
 */
struct em_replay_options {
	enum em_replay_format format;
	char *const *paths;
	size_t nr_paths;
	const char *map, *columns, *zone;
	uint64_t capacity;
	int64_t interval, since, until;
	bool requests;
	const volatile sig_atomic_t *stop;
	void (*bad)(const char *sentence, void *arg);
	void (*progress)(const char *what, uint64_t done, uint64_t total, void *arg);
	void *arg;
};

/**
 * struct em_replay_result - what it came to
 * @rows: of data, whatever became of them; @bad: that could not be used
 * @no_gpu: that used no GPU; @steps: of jobs that have rows of their own; @outside: not in the
 *	time asked for; @running: without an end: counted until @latest; @waiting: never started;
 *	@late: whose submission is given as later than their start; @rounded: GPUs of more than 12
 *	decimals
 * @start, @end: of the record, wall ns
 * @over: intervals in which more GPUs were used than there are; @over_time: by how much
 * @intervals: of the whole record; @appended: now (less if it goes on with an earlier replay)
 */
struct em_replay_result {
	uint64_t rows, bad, no_gpu, steps, outside, running, waiting, late, rounded;
	uint64_t jobs, requests, orders, intervals, appended, over;
	int64_t start, end, latest;
	em_ns used[EARMARK_PURPOSE_COUNT], wall, idle, unobserved, over_time;
	bool capacity, resumed;
};

/*
 * em_replay() - into a ledger that is open for writing
 *
 * Every interval that is in the ledger afterwards is whole, whatever the return: the same call
 * goes on where an interrupted one ended.
 *
 * Return: 0; -EINTR: @stop was set; another -errno with a sentence in @err.
 */
int em_replay(struct em_ledger *l, const struct em_replay_options *o, struct em_replay_result *r,
	      char *err, size_t len);

/* Schema "earmark-replay-1", in microseconds; a new reference. */
json_t *em_replay_json(const struct em_replay_result *r);

#endif
