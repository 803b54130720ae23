/* SPDX-License-Identifier: GPL-2.0 */
/* The oracle of account_test.c: plain state, integrated by brute force. */
#ifndef ACCOUNT_ORACLE_H
#define ACCOUNT_ORACLE_H

#include <stdbool.h>
#include <string.h>
#include "account.h"

enum { GPUS = 4, JOBS = 12, FILES = 24, ENGINES = 2, TAGS = 6, DEPTH = 4 };

struct want {
	u64 idle, unobserved, gpu_time_sum, held[JOBS][TAGS], busy[JOBS][TAGS], unattributed;
};

static struct {
	bool uses[JOBS][FILES];
	bool submitted[JOBS][GPUS], fileless[JOBS][GPUS];
	bool unknown[JOBS][FILES];
	u32 blind[GPUS];
	u32 tag[JOBS];
	/* retag instants, all of them */
	struct {
		u64 when;
		u32 tag;
	} history[JOBS][4096];
	u32 nhistory[JOBS];
	struct want open[GPUS];
	/* exact rational gpu-time is not an integer: bounds by jobs, sums exactly */
	u64 gpu_time[GPUS][JOBS], divisions[GPUS];
	long double fair[GPUS][JOBS];
	u64 now;
} o;

static int file_gpu(int file)
{
	return file % GPUS;
}

static bool oracle_holds(int j, int g)
{
	bool any = o.fileless[j][g];

	for (int f = g; f < FILES; f += GPUS)
		any |= o.uses[j][f];
	return any && o.submitted[j][g];
}

static bool oracle_blind(int g)
{
	if (o.blind[g])
		return true;
	for (int j = 0; j < JOBS; j++)
		for (int f = g; f < FILES; f += GPUS)
			if (o.unknown[j][f])
				return true;
	return false;
}

static void oracle_to(u64 now)
{
	u64 dt = now - o.now;

	o.now = now;
	for (int g = 0; dt && g < GPUS; g++) {
		int n = 0;

		if (oracle_blind(g)) {
			o.open[g].unobserved += dt;
			continue;
		}
		for (int j = 0; j < JOBS; j++)
			n += oracle_holds(j, g);
		if (!n)
			o.open[g].idle += dt;
		else
			o.open[g].gpu_time_sum += dt;
		for (int j = 0; j < JOBS; j++) {
			if (!oracle_holds(j, g))
				continue;
			o.open[g].held[j][o.tag[j]] += dt;
			o.fair[g][j] += (long double)dt / n;
		}
		o.divisions[g]++;
	}
}

static void oracle_drop(int j, int f)
{
	int g = file_gpu(f);
	bool any = false;

	o.uses[j][f] = o.unknown[j][f] = false;
	for (int k = g; k < FILES; k += GPUS)
		any |= o.uses[j][k];
	if (!any && !o.fileless[j][g])
		o.submitted[j][g] = false;
}

static u32 oracle_tag_at(int j, u64 when)
{
	u32 tag = o.history[j][0].tag;

	for (u32 i = 0; i < o.nhistory[j] && o.history[j][i].when <= when; i++)
		tag = o.history[j][i].tag;
	return tag;
}

/* Charges (start, end) of job j on g: splits at each retag instant by looking tags up. */
static void oracle_busy(int j, int g, u64 start, u64 end)
{
	while (start < end) {
		u64 next = end;

		for (u32 i = 0; i < o.nhistory[j]; i++)
			if (o.history[j][i].when > start && o.history[j][i].when < next)
				next = o.history[j][i].when;
		o.open[g].busy[j][oracle_tag_at(j, start)] += next - start;
		start = next;
	}
}

#endif
