// SPDX-License-Identifier: GPL-2.0
/* What the TEST DOUBLE of NVML measures: rings of samples, and energy; see double.c. */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "double.h"

#define RING 72
#define SLOT 139000ULL        /* us */
#define DEVICE_SLOT 166667ULL /* us */
#define DEVICE_RING 60

struct entry {
	unsigned int pid, percent;
	unsigned long long at;
};

struct entries {
	unsigned int n, live;
	struct entry list[MOST];
	struct entry turns[16];
};

static int sample_line(char words[6][128], void *arg)
{
	struct entries *e = arg;

	if (e->n < MOST)
		e->list[e->n++] = (struct entry){ (unsigned int)strtoul(words[1], NULL, 0),
						  (unsigned int)strtoul(words[3], NULL, 0),
						  strtoull(words[2], NULL, 0) };
	return 1;
}

static int device_line(char words[6][128], void *arg)
{
	struct entries *e = arg;

	if (e->n < MOST)
		e->list[e->n++] = (struct entry){ 0, (unsigned int)strtoul(words[2], NULL, 0),
						  strtoull(words[1], NULL, 0) };
	return 1;
}

static int live_line(char words[6][128], void *arg)
{
	struct entries *e = arg;

	if (e->live < 16)
		e->turns[e->live++] = (struct entry){ (unsigned int)strtoul(words[1], NULL, 0),
						      (unsigned int)strtoul(words[2], NULL, 0), 0 };
	return 1;
}

/* The slots that ended up to now, whose they are in turn. */
static void add_live(struct entries *e, unsigned long long slot, unsigned int ring, int named)
{
	struct timeval tv;
	unsigned long long last;

	gettimeofday(&tv, NULL);
	last = ((unsigned long long)tv.tv_sec * 1000000 + (unsigned long long)tv.tv_usec) / slot;
	for (unsigned int i = 0; e->live && i < ring && e->n < MOST; i++) {
		struct entry s = e->turns[(last - i) % e->live];

		s.at = (last - i) * slot;
		s.pid = named ? s.pid : 0;
		e->list[e->n++] = s;
	}
}

/* Those since @since, of them the newest @ring; in place. */
static void newest(struct entries *e, unsigned long long since, unsigned int ring)
{
	unsigned int n = 0, first = e->n > ring ? e->n - ring : 0;

	for (unsigned int i = first; i < e->n; i++) {
		if (e->list[i].at > since || !e->list[i].at)
			e->list[n++] = e->list[i];
	}
	e->n = n;
}

#ifndef DOUBLE_BARE
static nvmlReturn_t ring_of(nvmlDevice_t d, unsigned long long since, struct entries *e)
{
	nvmlReturn_t r = state_of(d, "samples");

	*e = (struct entries){ 0 };
	if (r)
		return r;
	if (d->place >= 0)
		return NOT_SUPPORTED;
	lines("sample", d, sample_line, e);
	lines("live", d, live_line, e);
	add_live(e, SLOT, RING, 1);
	newest(e, since, RING);
	return e->n ? OK : NOT_FOUND;
}

typedef struct {
	unsigned int pid;
	unsigned long long timeStamp;
	unsigned int smUtil, memUtil, encUtil, decUtil;
} nvmlProcessUtilizationSample_t;

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t d, nvmlProcessUtilizationSample_t *out,
					     unsigned int *n, unsigned long long since)
{
	struct entries e;
	nvmlReturn_t r = ring_of(d, since, &e);
	unsigned int room = *n;

	*n = e.n;
	if (r || e.n > (out ? room : 0))
		return r ? r : TOO_SMALL;
	for (unsigned int i = 0; i < e.n; i++)
		out[i] = (nvmlProcessUtilizationSample_t){
			e.list[i].pid, e.list[i].at, e.list[i].percent, 1, 2, 3
		};
	return OK;
}

#ifndef DOUBLE_OLD
typedef struct {
	unsigned long long timeStamp;
	unsigned int pid;
	unsigned int smUtil, memUtil, encUtil, decUtil, jpgUtil, ofaUtil;
} nvmlProcessUtilizationInfo_v1_t;

typedef struct {
	unsigned int version;
	unsigned int processSamplesCount;
	unsigned long long lastSeenTimeStamp;
	nvmlProcessUtilizationInfo_v1_t *procUtilArray;
} nvmlProcessesUtilizationInfo_v1_t;

nvmlReturn_t nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t d,
						   nvmlProcessesUtilizationInfo_v1_t *info)
{
	struct entries e;
	unsigned int room = info->processSamplesCount;
	nvmlReturn_t r = state_of(d, "newer");

	if (info->version != 0x01000018)
		return 25; /* NVML_ERROR_ARGUMENT_VERSION_MISMATCH */
	if (r == OK)
		r = ring_of(d, info->lastSeenTimeStamp, &e);
	if (r)
		return r;
	info->processSamplesCount = e.n;
	if (e.n > (info->procUtilArray ? room : 0))
		return TOO_SMALL;
	for (unsigned int i = 0; i < e.n; i++)
		info->procUtilArray[i] = (nvmlProcessUtilizationInfo_v1_t){
			e.list[i].at, e.list[i].pid, e.list[i].percent, 1, 2, 3, 4, 5
		};
	return OK;
}
#endif

typedef union {
	double dVal;
	unsigned int uiVal;
	unsigned long long ullVal;
} nvmlValue_t;

typedef struct {
	unsigned long long timeStamp;
	nvmlValue_t sampleValue;
} nvmlSample_t;

nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t d, int type, unsigned long long since, int *value,
				  unsigned int *n, nvmlSample_t *out)
{
	struct entries e = { 0 };
	nvmlReturn_t r = state_of(d, "device");
	unsigned int room = *n;

	if (r || type != 1 || d->place >= 0)
		return r ? r : NOT_SUPPORTED;
	lines("device", d, device_line, &e);
	lines("live", d, live_line, &e);
	add_live(&e, DEVICE_SLOT, DEVICE_RING, 0);
	newest(&e, since, DEVICE_RING);
	*value = 1; /* NVML_VALUE_TYPE_UNSIGNED_INT */
	*n = e.n;
	if (!e.n)
		return NOT_FOUND;
	if (!out)
		return OK;
	if (room < e.n)
		return TOO_SMALL;
	for (unsigned int i = 0; i < e.n; i++)
		out[i] = (nvmlSample_t){ e.list[i].at, { .uiVal = e.list[i].percent } };
	return OK;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t d, unsigned long long *mj)
{
	char words[6][128];
	nvmlReturn_t r = state_of(d, "energy");

	if (r || !line_of("energy", d, words))
		return r ? r : NOT_SUPPORTED;
	*mj = strtoull(words[1], NULL, 0);
	return OK;
}
#endif /* DOUBLE_BARE */
