// SPDX-License-Identifier: GPL-2.0
/*
 * work - known GPU work on an NVIDIA GPU, for `make gpu-check`: through CUDA's driver API, which is
 * loaded, not linked, and a kernel in PTX that spins until a time has passed. No toolkit is needed.
 *
 *	probe              says model and driver; status 77 and a reason where there is no GPU
 *	busy SECONDS MS    kernels of MS milliseconds, one after another, for SECONDS
 *	once MS            one such kernel
 *	idle SECONDS       a context that does nothing
 *	open SECONDS       the driver's files open, as a monitor has them
 *	steps N            N kernels of 1 ms, each waited for
 *	energy             the energy counter of the first GPU, mJ, by NVML
 *
 * busy, once and steps print one line of JSON: event_us, the sum of what CUDA's own events measured
 * around each kernel; first_ns and last_ns, CLOCK_MONOTONIC before the context was made and after
 * the last kernel ended.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/nvml.h"

#define NO_GPU 77

static const char ptx[] = ".version 6.0\n"
			  ".target sm_50\n"
			  ".address_size 64\n"
			  ".visible .entry spin(.param .u64 ns)\n"
			  "{\n"
			  "	.reg .u64 %rd<5>;\n"
			  "	.reg .pred %p<2>;\n"
			  "	ld.param.u64 %rd1, [ns];\n"
			  "	mov.u64 %rd2, %globaltimer;\n"
			  "again:\n"
			  "	mov.u64 %rd3, %globaltimer;\n"
			  "	sub.u64 %rd4, %rd3, %rd2;\n"
			  "	setp.lt.u64 %p1, %rd4, %rd1;\n"
			  "	@%p1 bra again;\n"
			  "	ret;\n"
			  "}\n";

typedef struct CUctx_st *context;
typedef struct CUmod_st *module;
typedef struct CUfunc_st *function;
typedef struct CUevent_st *event;

/* FUNCTIONS - X(member, type, name) of CUDA's driver API */
#define FUNCTIONS(X)                                                                          \
	X(init, int(unsigned int), "cuInit")                                                  \
	X(device, int(int *, int), "cuDeviceGet")                                             \
	X(name, int(char *, int, int), "cuDeviceGetName")                                     \
	X(driver, int(int *), "cuDriverGetVersion")                                           \
	X(create, int(context *, unsigned int, int), "cuCtxCreate_v2")                        \
	X(destroy, int(context), "cuCtxDestroy_v2")                                           \
	X(load, int(module *, const void *), "cuModuleLoadData")                              \
	X(get, int(function *, module, const char *), "cuModuleGetFunction")                  \
	X(launch,                                                                             \
	  int(function, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, \
	      unsigned int, unsigned int, void *, void **, void **),                          \
	  "cuLaunchKernel")                                                                   \
	X(event_create, int(event *, unsigned int), "cuEventCreate")                          \
	X(event_record, int(event, void *), "cuEventRecord")                                  \
	X(event_wait, int(event), "cuEventSynchronize")                                       \
	X(event_elapsed, int(float *, event, event), "cuEventElapsedTime")

#define MEMBER(member, type, name) typeof(type) *member;
static struct {
	FUNCTIONS(MEMBER)
} cuda;

static void no_gpu(const char *why)
{
	printf("%s\n", why);
	exit(NO_GPU);
}

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "work: %s: CUDA error %d\n", what, ret);
	exit(1);
}

static void *find(void *library, const char *name)
{
	void *f = dlsym(library, name);

	if (!f)
		no_gpu("libcuda.so.1 lacks functions of the driver API");
	return f;
}

static int open_cuda(void)
{
	void *library;
	int device, ret;

	if (access("/dev/nvidiactl", F_OK))
		no_gpu("there is no /dev/nvidiactl: no NVIDIA GPU, or its driver is not loaded");
	library = dlopen("libcuda.so.1", RTLD_NOW);
	if (!library)
		no_gpu("there is no libcuda.so.1: install the driver's CUDA library");
#define FIND(member, type, name) cuda.member = (typeof(cuda.member))find(library, name);
	FUNCTIONS(FIND)
	ret = cuda.init(0);
	if (ret)
		no_gpu("CUDA cannot be initialised: no GPU that it may use");
	check(cuda.device(&device, 0), "no first device");
	return device;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* struct worker - @event_ms: what CUDA's events measured, together */
struct worker {
	context context;
	function spin;
	event before, after;
	uint64_t first;
	double event_ms;
};

static void worker_open(struct worker *w)
{
	int device = open_cuda();
	module module;

	w->event_ms = 0;
	w->first = now();
	check(cuda.create(&w->context, 0, device), "no context");
	check(cuda.load(&module, ptx), "the kernel is not loaded");
	check(cuda.get(&w->spin, module, "spin"), "the kernel is not found");
	check(cuda.event_create(&w->before, 0), "no event");
	check(cuda.event_create(&w->after, 0), "no event");
}

static void worker_spin(struct worker *w, uint64_t ns)
{
	void *arguments[] = { &ns };
	float ms;

	check(cuda.event_record(w->before, NULL), "event");
	check(cuda.launch(w->spin, 1, 1, 1, 1, 1, 1, 0, NULL, arguments, NULL), "launch");
	check(cuda.event_record(w->after, NULL), "event");
	check(cuda.event_wait(w->after), "the kernel failed");
	check(cuda.event_elapsed(&ms, w->before, w->after), "event");
	w->event_ms += ms;
}

static int worker_close(struct worker *w)
{
	printf("{\"event_us\": %.0f, \"first_ns\": %llu, \"last_ns\": %llu}\n", w->event_ms * 1000,
	       (unsigned long long)w->first, (unsigned long long)now());
	fflush(stdout);
	check(cuda.destroy(w->context), "context");
	return 0;
}

static int busy(double seconds, double ms)
{
	struct worker w;

	worker_open(&w);
	for (uint64_t until = now() + (uint64_t)(seconds * 1e9); now() < until;)
		worker_spin(&w, (uint64_t)(ms * 1e6));
	return worker_close(&w);
}

static int steps(int n, double ms)
{
	struct worker w;

	worker_open(&w);
	while (n-- > 0)
		worker_spin(&w, (uint64_t)(ms * 1e6));
	return worker_close(&w);
}

static int idle(double seconds)
{
	struct worker w;

	worker_open(&w);
	usleep((useconds_t)(seconds * 1e6));
	return worker_close(&w);
}

static int keep_open(double seconds)
{
	int control = open("/dev/nvidiactl", O_RDWR | O_CLOEXEC);
	int gpu = open("/dev/nvidia0", O_RDWR | O_CLOEXEC);

	if (control < 0 || gpu < 0)
		no_gpu("/dev/nvidia0 cannot be opened");
	usleep((useconds_t)(seconds * 1e6));
	return 0;
}

static int energy(void)
{
	struct em_nvml *n = NULL;
	em_nvml_device d;
	char err[256];
	__u64 mj;
	int r = em_nvml_open(&n, NULL, err, sizeof(err));

	if (r)
		no_gpu(err);
	r = em_nvml_device_at(n, 0, &d);
	if (!r)
		r = em_nvml_energy(n, d, &mj);
	em_nvml_close(n);
	if (r)
		no_gpu("this GPU has no energy counter");
	printf("%llu\n", (unsigned long long)mj);
	return 0;
}

static int probe(void)
{
	int device = open_cuda(), version = 0;
	char name[128] = "";

	cuda.name(name, sizeof(name), device);
	cuda.driver(&version);
	printf("%s, CUDA %d.%d\n", name, version / 1000, version % 1000 / 10);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	double a = argc > 2 ? atof(argv[2]) : 0, b = argc > 3 ? atof(argv[3]) : 0;

	if (!strcmp(what, "probe"))
		return probe();
	if (!strcmp(what, "energy"))
		return energy();
	if (!strcmp(what, "busy") && a > 0 && b > 0)
		return busy(a, b);
	if (!strcmp(what, "once") && a > 0)
		return steps(1, a);
	if (!strcmp(what, "steps") && a > 0)
		return steps((int)a, 1);
	if (!strcmp(what, "idle") && a > 0)
		return idle(a);
	if (!strcmp(what, "open") && a > 0)
		return keep_open(a);
	fprintf(stderr, "usage: work probe|energy|busy S MS|once MS|steps N|idle S|open S\n");
	return 2;
}
