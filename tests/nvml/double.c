// SPDX-License-Identifier: GPL-2.0
/*
 * A TEST DOUBLE of libnvidia-ml.so.1: no GPU is behind it. It behaves as NVIDIA documents NVML and
 * as drivers are known to: a ring of 72 samples of 139 ms with one process each, NOT_FOUND when
 * idle, garbage where a script asks for it. The structures are declared here once more, by the
 * public reference, so that a mistake in the product's own declarations shows.
 *
 * The file that EARMARK_NVML_DOUBLE names is read anew at each call. Its lines (GPU is an index, or
 * GPU/PLACE of a MIG instance; _ in a name stands for a space; times are CLOCK_REALTIME us):
 *	state NUMBER                     every call returns this nvmlReturn_t
 *	driver VERSION
 *	gpu GPU NAME UUID BUS MINOR      BUS as 0000:41:00
 *	fail GPU WHAT NUMBER             identity lists samples device energy newer mig: of calls
 *	mig GPU PLACES [NUMBER]          cut into instances; how many there could be of the smallest
 *	instance GPU/PLACE NAME UUID SLICES
 *	compute|graphics|mps GPU PID BYTES
 *	sample GPU PID TIME PERCENT      in the ring of processes
 *	device GPU TIME PERCENT          the device's own
 *	live GPU PID PERCENT             takes turns in the ring, and the device is as busy, until
 *now energy GPU MJ
 *
 * Built with DOUBLE_OLD it has the functions of an old library only, with DOUBLE_BARE none that
 * measures, with DOUBLE_ALIEN not even those that everything needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

static struct nvmlDevice_st devices[16], instances[16][8];

static FILE *script(void)
{
	const char *path = getenv("EARMARK_NVML_DOUBLE");

	return path ? fopen(path, "re") : NULL;
}

/* "3" or "3/1": is it this device? */
static int is(const char *who, nvmlDevice_t d)
{
	char name[32];

	if (d->place < 0)
		snprintf(name, sizeof(name), "%d", d->gpu);
	else
		snprintf(name, sizeof(name), "%d/%d", d->gpu, d->place);
	return !strcmp(who, name);
}

/* Calls @each for the words of each line that begins with @key, and is of @d unless that is NULL.
 */
int lines(const char *key, nvmlDevice_t d, int (*each)(char words[6][128], void *), void *arg)
{
	FILE *f = script();
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char words[6][128] = { "" }, first[32] = "";

		sscanf(line, "%31s %127s %127s %127s %127s %127s", first, words[0], words[1],
		       words[2], words[3], words[4]);
		if (strcmp(first, key) || (d && !is(words[0], d)))
			continue;
		n += each(words, arg);
	}
	if (f)
		fclose(f);
	return n;
}

static int keep_words(char words[6][128], void *arg)
{
	memcpy(arg, words, 6 * 128);
	return 1;
}

int line_of(const char *key, nvmlDevice_t d, char words[6][128])
{
	return lines(key, d, keep_words, words) > 0;
}

static nvmlReturn_t library_state(void)
{
	char words[6][128];

	return line_of("state", NULL, words) ? atoi(words[0]) : OK;
}

struct wanted {
	const char *what;
	nvmlReturn_t ret;
};

static int fail_line(char words[6][128], void *arg)
{
	struct wanted *w = arg;

	if (!strcmp(words[1], w->what))
		w->ret = atoi(words[2]);
	return 1;
}

nvmlReturn_t state_of(nvmlDevice_t d, const char *what)
{
	struct wanted w = { what, library_state() };

	if (w.ret == OK)
		lines("fail", d, fail_line, &w);
	return w.ret;
}

static void spaced(char *out, unsigned int len, const char *s)
{
	snprintf(out, len, "%s", s);
	for (; *out; out++)
		*out = *out == '_' ? ' ' : *out;
}

/* --- the library ------------------------------------------------------------------------------ */

#ifndef DOUBLE_ALIEN
nvmlReturn_t nvmlInit_v2(void)
{
	for (int i = 0; i < 16; i++) {
		devices[i] = (struct nvmlDevice_st){ i, -1 };
		for (int k = 0; k < 8; k++)
			instances[i][k] = (struct nvmlDevice_st){ i, k };
	}
	return library_state();
}
#endif

nvmlReturn_t nvmlShutdown(void)
{
	return OK;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *out, unsigned int len)
{
	char words[6][128];

	snprintf(out, len, "%s", line_of("driver", NULL, words) ? words[0] : "550.54.15");
	return library_state();
}

static int one(char words[6][128], void *arg)
{
	(void)words;
	(void)arg;
	return 1;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
	*count = (unsigned int)lines("gpu", NULL, one, NULL);
	return library_state();
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *d)
{
	if (index >= 16)
		return INVALID;
	*d = &devices[index];
	return state_of(*d, "identity");
}

typedef struct {
	char busIdLegacy[16];
	unsigned int domain;
	unsigned int bus;
	unsigned int device;
	unsigned int pciDeviceId;
#ifdef DOUBLE_OLD
	unsigned int reserved0;
#else
	unsigned int pciSubSystemId;
	char busId[32];
#endif
} nvmlPciInfo_t;

static nvmlReturn_t pci(nvmlDevice_t d, nvmlPciInfo_t *info)
{
	char words[6][128];

	if (d->place >= 0 || !line_of("gpu", d, words))
		return INVALID;
	memset(info, 0, sizeof(*info));
	sscanf(words[3], "%x:%x:%x", &info->domain, &info->bus, &info->device);
	return state_of(d, "identity");
}

#ifdef DOUBLE_OLD
nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t d, nvmlPciInfo_t *info)
#else
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t *info)
#endif
{
	return pci(d, info);
}

static nvmlReturn_t text(nvmlDevice_t d, int whole, int instance, char *out, unsigned int len)
{
	char words[6][128];
	int at = d->place < 0 ? whole : instance;

	if (!line_of(d->place < 0 ? "gpu" : "instance", d, words))
		return INVALID;
	if (!strcmp(words[at], "-"))
		return NOT_SUPPORTED;
	spaced(out, len, words[at]);
	return OK;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char *out, unsigned int len)
{
	return text(d, 1, 1, out, len);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t d, char *out, unsigned int len)
{
	return text(d, 2, 2, out, len);
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t d, unsigned int *minor)
{
	char words[6][128];

	if (d->place >= 0 || !line_of("gpu", d, words) || !*words[4])
		return NOT_SUPPORTED;
	*minor = (unsigned int)atoi(words[4]);
	return OK;
}

/* --- what runs -------------------------------------------------------------------------------- */

typedef struct {
	unsigned int pid;
	unsigned long long usedGpuMemory;
#ifndef DOUBLE_OLD
	unsigned int gpuInstanceId;
	unsigned int computeInstanceId;
#endif
} nvmlProcessInfo_t;

struct processes {
	unsigned int n;
	nvmlProcessInfo_t list[MOST];
};

static int process_line(char words[6][128], void *arg)
{
	struct processes *p = arg;

	if (p->n < MOST)
		p->list[p->n++] =
			(nvmlProcessInfo_t){ .pid = (unsigned int)strtoul(words[1], NULL, 0),
					     .usedGpuMemory = strtoull(words[2], NULL, 0) };
	return 1;
}

static nvmlReturn_t processes(nvmlDevice_t d, const char *key, unsigned int *n,
			      nvmlProcessInfo_t *out)
{
	struct processes p = { 0 };
	nvmlReturn_t r = state_of(d, "lists");
	unsigned int room = *n;

	if (r)
		return r;
	lines(key, d, process_line, &p);
	*n = p.n;
	if (p.n > (out ? room : 0))
		return TOO_SMALL;
	if (p.n)
		memcpy(out, p.list, p.n * sizeof(*out));
	return OK;
}

#ifdef DOUBLE_OLD
#define VERSIONED(name) name
#else
#define VERSIONED(name) name##_v3
#endif

nvmlReturn_t VERSIONED(nvmlDeviceGetComputeRunningProcesses)(nvmlDevice_t d, unsigned int *n,
							     nvmlProcessInfo_t *out)
{
	return processes(d, "compute", n, out);
}

nvmlReturn_t VERSIONED(nvmlDeviceGetGraphicsRunningProcesses)(nvmlDevice_t d, unsigned int *n,
							      nvmlProcessInfo_t *out)
{
	return processes(d, "graphics", n, out);
}

#ifndef DOUBLE_OLD
nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t d, unsigned int *n,
							nvmlProcessInfo_t *out)
{
	return processes(d, "mps", n, out);
}
#endif

/* --- MIG -------------------------------------------------------------------------------------- */

#ifndef DOUBLE_OLD
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned int *now, unsigned int *later)
{
	char words[6][128];
	nvmlReturn_t r = state_of(d, "mig");

	*now = *later = !r && line_of("mig", d, words);
	return r;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t d, unsigned int *count)
{
	char words[6][128];

	*count = line_of("mig", d, words) ? (unsigned int)atoi(words[1]) : 0;
	return OK;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t d, unsigned int index,
						 nvmlDevice_t *instance)
{
	char words[6][128];

	if (index >= 8)
		return INVALID;
	*instance = &instances[d->gpu][index];
	return line_of("instance", *instance, words) ? OK : NOT_FOUND;
}

typedef struct {
	unsigned int multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount,
		sharedEncoderCount, sharedJpegCount, sharedOfaCount, gpuInstanceSliceCount,
		computeInstanceSliceCount;
	unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t d, nvmlDeviceAttributes_t *a)
{
	char words[6][128];

	memset(a, 0, sizeof(*a));
	if (d->place < 0 || !line_of("instance", d, words))
		return NOT_SUPPORTED;
	a->gpuInstanceSliceCount = a->computeInstanceSliceCount = (unsigned int)atoi(words[3]);
	return OK;
}

typedef struct {
	unsigned int id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount,
		copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
	unsigned long long memorySizeMB;
} nvmlGpuInstanceProfileInfo_t;

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t d, unsigned int profile,
						 nvmlGpuInstanceProfileInfo_t *info)
{
	char words[6][128];

	memset(info, 0, sizeof(*info));
	if (profile || !line_of("mig", d, words))
		return NOT_SUPPORTED;
	info->sliceCount = 1;
	info->instanceCount = *words[2] ? (unsigned int)atoi(words[2]) : 7;
	return OK;
}
#endif
