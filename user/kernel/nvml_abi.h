/* SPDX-License-Identifier: GPL-2.0 */
/* What of NVML's binary interface is used, by its public reference. For nvml.c and nvml_list.c. */
#ifndef EM_NVML_ABI_H
#define EM_NVML_ABI_H

#include "kernel/nvml.h"

enum {
	SUCCESS = 0,
	UNINITIALIZED = 1,
	INVALID_ARGUMENT = 2,
	NOT_SUPPORTED = 3,
	NO_PERMISSION = 4,
	NOT_FOUND = 6,
	INSUFFICIENT_SIZE = 7,
	DRIVER_NOT_LOADED = 9,
	TIMEOUT = 10,
	FUNCTION_NOT_FOUND = 13,
	GPU_IS_LOST = 15,
	RESET_REQUIRED = 16,
	LIB_RM_VERSION_MISMATCH = 18,
	NO_DATA = 21,
};

#define GPU_UTILIZATION_SAMPLES 1
#define PROFILE_1_SLICE 0
#define PROCESSES_UTILIZATION_V1 (1U << 24 | sizeof(struct processes_utilization))

struct pci_info {
	char legacy[16];
	unsigned int domain, bus, device, id, subsystem;
	char bus_id[32]; /* the second version has less here */
};

struct process_info { /* second and third version */
	unsigned int pid;
	unsigned long long bytes;
	unsigned int gpu_instance, compute_instance;
};

struct process_info_v1 {
	unsigned int pid;
	unsigned long long bytes;
};

struct process_sample {
	unsigned int pid;
	unsigned long long at;
	unsigned int sm, memory, encoder, decoder;
};

struct process_utilization {
	unsigned long long at;
	unsigned int pid, sm, memory, encoder, decoder, jpeg, optical_flow;
};

struct processes_utilization {
	unsigned int version, count;
	unsigned long long since;
	struct process_utilization *list;
};

struct sample {
	unsigned long long at;
	union {
		double d;
		unsigned int u;
		unsigned long ul;
		unsigned long long ull;
		long long ll;
		int i;
		unsigned short us;
	} value;
};

struct attributes {
	unsigned int multiprocessors, copy, decoders, encoders, jpeg, optical_flow, gpu_slices,
		compute_slices;
	unsigned long long memory_mb;
};

struct instance_profile {
	unsigned int id, p2p, slices, instances, multiprocessors, copy, decoders, encoders, jpeg,
		optical_flow;
	unsigned long long memory_mb;
};

_Static_assert(sizeof(struct pci_info) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(struct process_info) == 24, "nvmlProcessInfo_v2_t");
_Static_assert(sizeof(struct process_sample) == 32, "nvmlProcessUtilizationSample_t");
_Static_assert(sizeof(struct process_utilization) == 40, "nvmlProcessUtilizationInfo_v1_t");
_Static_assert(sizeof(struct processes_utilization) == 24, "nvmlProcessesUtilizationInfo_v1_t");
_Static_assert(sizeof(struct sample) == 16, "nvmlSample_t");
_Static_assert(sizeof(struct attributes) == 40, "nvmlDeviceAttributes_t");
_Static_assert(sizeof(struct instance_profile) == 48, "nvmlGpuInstanceProfileInfo_t");

typedef em_nvml_device device;
typedef int list_fn(device, unsigned int *, void *);

/*
 * FUNCTIONS - X(member, type, what goes without it, names: newest first, at most three). Without
 * words it is one that nothing goes without.
 */
#define FUNCTIONS(X)                                                                               \
	X(init, int(void), NULL, "nvmlInit_v2", "nvmlInit")                                        \
	X(shutdown, int(void), NULL, "nvmlShutdown")                                               \
	X(count, int(unsigned int *), NULL, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount")         \
	X(by_index, int(unsigned int, device *), NULL, "nvmlDeviceGetHandleByIndex_v2",            \
	  "nvmlDeviceGetHandleByIndex")                                                            \
	X(pci, int(device, struct pci_info *), NULL, "nvmlDeviceGetPciInfo_v3",                    \
	  "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo")                                       \
	X(version, int(char *, unsigned int), "the driver's version",                              \
	  "nvmlSystemGetDriverVersion")                                                            \
	X(name, int(device, char *, unsigned int), "GPU models", "nvmlDeviceGetName")              \
	X(uuid, int(device, char *, unsigned int), "UUIDs", "nvmlDeviceGetUUID")                   \
	X(minor, int(device, unsigned int *), "device numbers", "nvmlDeviceGetMinorNumber")        \
	X(compute, list_fn, "running compute processes",                                           \
	  "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2",    \
	  "nvmlDeviceGetComputeRunningProcesses")                                                  \
	X(graphics, list_fn, "running graphics processes",                                         \
	  "nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2",  \
	  "nvmlDeviceGetGraphicsRunningProcesses")                                                 \
	X(mps, list_fn, "clients of MPS", "nvmlDeviceGetMPSComputeRunningProcesses_v3",            \
	  "nvmlDeviceGetMPSComputeRunningProcesses_v2", "nvmlDeviceGetMPSComputeRunningProcesses") \
	X(process_samples,                                                                         \
	  int(device, struct process_sample *, unsigned int *, unsigned long long),                \
	  "samples of processes", "nvmlDeviceGetProcessUtilization")                               \
	X(processes_samples, int(device, struct processes_utilization *),                          \
	  "samples of processes by the newer call", "nvmlDeviceGetProcessesUtilizationInfo")       \
	X(samples, int(device, int, unsigned long long, int *, unsigned int *, struct sample *),   \
	  "samples of the device", "nvmlDeviceGetSamples")                                         \
	X(energy, int(device, unsigned long long *), "energy",                                     \
	  "nvmlDeviceGetTotalEnergyConsumption")                                                   \
	X(mig_mode, int(device, unsigned int *, unsigned int *), "MIG", "nvmlDeviceGetMigMode")    \
	X(mig_places, int(device, unsigned int *), "MIG instances",                                \
	  "nvmlDeviceGetMaxMigDeviceCount")                                                        \
	X(mig_by_index, int(device, unsigned int, device *), "MIG instances' handles",             \
	  "nvmlDeviceGetMigDeviceHandleByIndex")                                                   \
	X(attributes, int(device, struct attributes *), "MIG slices",                              \
	  "nvmlDeviceGetAttributes_v2")                                                            \
	X(profile, int(device, unsigned int, struct instance_profile *), "how many MIG slices",    \
	  "nvmlDeviceGetGpuInstanceProfileInfo")

#define MEMBER(member, type, what, ...) typeof(type) *member;

/* struct em_nvml - @old[kind]: that list is of the first version */
struct em_nvml {
	void *library;
	FUNCTIONS(MEMBER)
	bool old[EM_NVML_KINDS];
	char driver[EM_NVML_TEXT_LEN], lacks[512];
};

int em_nvml_error(int ret); /* of an nvmlReturn_t: see nvml.h */

#endif
