/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NVIDIA's management library, loaded if there is one: nothing is needed to build. The only pair
 * that knows NVML (API 11 to 13, as NVIDIA's reference documents it); of a function that exists in
 * several versions the newest is taken, and what is not there at all disables what needs it.
 *
 * Everything returns 0 or -errno:
 *	-ENOSYS     the library has no such function
 *	-EOPNOTSUPP the device has not
 *	-ENODATA    there is nothing: no sample, no process
 *	-ENXIO      the driver is not loaded, or another than the library was made for, or it was
 *	            loaded anew: close, and open again
 *	-ENODEV     this GPU fell off the bus, or waits for a reset
 *	-EACCES     not permitted
 *	-EIO        anything else
 */
#ifndef EM_NVML_H
#define EM_NVML_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define EM_NVML_LIBRARY "libnvidia-ml.so.1"
#define EM_NVML_TEXT_LEN 96
#define EM_NVML_NO_BYTES (~0ULL)

struct em_nvml;
typedef struct nvmlDevice_st *em_nvml_device;

/* struct em_nvml_identity - a device; @minor: of /dev/nvidiaN, -1 = it has none that is said */
struct em_nvml_identity {
	unsigned int domain, bus, device;
	int minor;
	char name[EM_NVML_TEXT_LEN], uuid[EM_NVML_TEXT_LEN];
};

enum em_nvml_kind { EM_NVML_COMPUTE, EM_NVML_GRAPHICS, EM_NVML_MPS, EM_NVML_KINDS };

/* struct em_nvml_process - in a running list; @bytes: device memory, EM_NVML_NO_BYTES = unknown */
struct em_nvml_process {
	__u32 pid; /* of our pid namespace */
	__u64 bytes;
};

/*
 * struct em_nvml_sample - over the sample that ended @at (CLOCK_REALTIME, us), @percent of the time
 * was busy; @pid: who was found on the engine, 0 in the device's own samples. As NVML says it.
 */
struct em_nvml_sample {
	__u64 at;
	__u32 pid, percent;
};

/*
 * em_nvml_open() - loads and initialises
 * @path: of the library; NULL: EM_NVML_LIBRARY, where the dynamic linker finds it
 *
 * Return: 0; -ENOENT: no library; -EINVAL: it lacks what nothing goes without; -ENXIO as above;
 * with a sentence in @err.
 */
int em_nvml_open(struct em_nvml **n, const char *path, char *err, size_t len);
void em_nvml_close(struct em_nvml *n);

const char *em_nvml_driver(struct em_nvml *n); /* its version, "" = not said */

/* What the library lacks, as words joined by ", "; "" = nothing. */
const char *em_nvml_lacks(const struct em_nvml *n);

int em_nvml_count(struct em_nvml *n, unsigned int *count);
int em_nvml_device_at(struct em_nvml *n, unsigned int index, em_nvml_device *d);
int em_nvml_identify(struct em_nvml *n, em_nvml_device d, struct em_nvml_identity *id);

/* --- MIG: a device is cut into instances, each with a handle of its own ------------------- */

int em_nvml_mig(struct em_nvml *n, em_nvml_device d, bool *on, unsigned int *places);
/* -ENODATA: there is no instance at @index of @places */
int em_nvml_mig_device(struct em_nvml *n, em_nvml_device d, unsigned int index,
		       em_nvml_device *instance);
/* Its compute slices, of how many the whole @parent has. */
int em_nvml_mig_slices(struct em_nvml *n, em_nvml_device parent, em_nvml_device instance,
		       unsigned int *slices, unsigned int *of);

/* --- what runs ------------------------------------------------------------------------------ */

/* Return: how many, *list to be freed by the caller; or -errno. None is 0. */
int em_nvml_processes(struct em_nvml *n, em_nvml_device d, enum em_nvml_kind kind,
		      struct em_nvml_process **list);

/*
 * The samples of processes resp. of the device that are newer than @since (CLOCK_REALTIME, us).
 * Return: as em_nvml_processes(); none is 0 and means that nothing was busy.
 */
int em_nvml_process_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			    struct em_nvml_sample **list);
int em_nvml_device_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			   struct em_nvml_sample **list);

int em_nvml_energy(struct em_nvml *n, em_nvml_device d,
		   __u64 *mj); /* since the driver was loaded */

#endif
