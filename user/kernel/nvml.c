// SPDX-License-Identifier: GPL-2.0
/* NVIDIA's management library: loading it, and what devices there are; see nvml.h. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/nvml_abi.h"

#define ROW(member, type, what, ...) { offsetof(struct em_nvml, member), what, { __VA_ARGS__ } },

static const struct function {
	size_t at;
	const char *what, *names[3];
} functions[] = { FUNCTIONS(ROW) };

int em_nvml_error(int ret)
{
	switch (ret) {
	case SUCCESS:
		return 0;
	case UNINITIALIZED:
	case DRIVER_NOT_LOADED:
	case LIB_RM_VERSION_MISMATCH:
		return -ENXIO;
	case INVALID_ARGUMENT:
		return -EINVAL;
	case NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case NO_PERMISSION:
		return -EACCES;
	case NOT_FOUND:
	case NO_DATA:
		return -ENODATA;
	case INSUFFICIENT_SIZE:
		return -ENOBUFS;
	case TIMEOUT:
		return -ETIMEDOUT;
	case FUNCTION_NOT_FOUND:
		return -ENOSYS;
	case GPU_IS_LOST:
	case RESET_REQUIRED:
		return -ENODEV;
	default:
		return -EIO;
	}
}

/* --- loading -------------------------------------------------------------------------------- */

static void lack(struct em_nvml *n, const char *what)
{
	size_t at = strlen(n->lacks);

	snprintf(n->lacks + at, sizeof(n->lacks) - at, "%s%s", at ? ", " : "", what);
}

/* Return: 0 or -EINVAL: one is missing that nothing goes without. */
static int resolve(struct em_nvml *n, char *err, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		const struct function *f = &functions[i];
		void *found = NULL;

		for (size_t k = 0; !found && k < ARRAY_SIZE(f->names) && f->names[k]; k++)
			found = dlsym(n->library, f->names[k]);
		memcpy((char *)n + f->at, &found, sizeof(found));
		if (found)
			continue;
		if (!f->what) {
			snprintf(err, len, "the library has no %s: is it NVML?", f->names[0]);
			return -EINVAL;
		}
		lack(n, f->what);
	}
	return 0;
}

/* The lists' first version has shorter entries. */
static void note_versions(struct em_nvml *n)
{
	list_fn *const found[] = { n->compute, n->graphics, n->mps };
	const char *const first[] = { "nvmlDeviceGetComputeRunningProcesses",
				      "nvmlDeviceGetGraphicsRunningProcesses",
				      "nvmlDeviceGetMPSComputeRunningProcesses" };

	for (int kind = 0; kind < EM_NVML_KINDS; kind++) {
		void *old = dlsym(n->library, first[kind]);

		n->old[kind] = old && !memcmp(&old, &found[kind], sizeof(old));
	}
}

static int initialise(struct em_nvml *n, char *err, size_t len)
{
	int ret = n->init(), r = em_nvml_error(ret);

	if (!r)
		return 0;
	snprintf(err, len,
		 ret == DRIVER_NOT_LOADED ? "NVIDIA's driver is not loaded"
		 : ret == LIB_RM_VERSION_MISMATCH
			 ? "library and loaded driver are of different versions: "
			   "load the new driver, or reboot"
		 : r == -EACCES ? "the library may not open /dev/nvidiactl"
				: "the library cannot be initialised (NVML error %d)",
		 ret);
	return r == -EINVAL ? -EIO : r;
}

int em_nvml_open(struct em_nvml **ret, const char *path, char *err, size_t len)
{
	struct em_nvml *n = calloc(1, sizeof(*n));
	const char *why;
	int r;

	if (!n)
		return -ENOMEM;
	n->library = dlopen(path ?: EM_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!n->library) {
		why = dlerror();
		snprintf(err, len, "%s", why ?: "the library cannot be loaded");
		free(n);
		return -ENOENT;
	}
	r = resolve(n, err, len);
	if (!r)
		r = initialise(n, err, len);
	if (r) {
		dlclose(n->library);
		free(n);
		return r;
	}
	note_versions(n);
	if (!n->version || n->version(n->driver, sizeof(n->driver)))
		n->driver[0] = '\0';
	n->driver[sizeof(n->driver) - 1] = '\0';
	*ret = n;
	return 0;
}

void em_nvml_close(struct em_nvml *n)
{
	if (!n)
		return;
	n->shutdown();
	dlclose(n->library);
	free(n);
}

const char *em_nvml_driver(struct em_nvml *n)
{
	return n->driver;
}

const char *em_nvml_lacks(const struct em_nvml *n)
{
	return n->lacks;
}

/* --- devices -------------------------------------------------------------------------------- */

int em_nvml_count(struct em_nvml *n, unsigned int *count)
{
	return em_nvml_error(n->count(count));
}

int em_nvml_device_at(struct em_nvml *n, unsigned int index, em_nvml_device *d)
{
	return em_nvml_error(n->by_index(index, d));
}

/* Text stays empty where it is not to be had. */
static void text_of(int (*get)(device, char *, unsigned int), device d, char *out, size_t len)
{
	memset(out, 0, len);
	if (!get || get(d, out, (unsigned int)len))
		out[0] = '\0';
	out[len - 1] = '\0';
}

int em_nvml_identify(struct em_nvml *n, em_nvml_device d, struct em_nvml_identity *id)
{
	struct pci_info pci = { 0 };
	unsigned int minor = 0;
	int r = em_nvml_error(n->pci(d, &pci));

	*id = (struct em_nvml_identity){ .minor = -1 };
	text_of(n->name, d, id->name, sizeof(id->name));
	text_of(n->uuid, d, id->uuid, sizeof(id->uuid));
	if (n->minor && !n->minor(d, &minor) && minor < 254)
		id->minor = (int)minor;
	id->domain = pci.domain;
	id->bus = pci.bus;
	id->device = pci.device;
	return r;
}

/* --- MIG ------------------------------------------------------------------------------------ */

int em_nvml_mig(struct em_nvml *n, em_nvml_device d, bool *on, unsigned int *places)
{
	unsigned int now = 0, later = 0;
	int r = n->mig_mode ? em_nvml_error(n->mig_mode(d, &now, &later)) : -ENOSYS;

	*on = !r && now == 1;
	*places = 0;
	if (!*on)
		return r == -EOPNOTSUPP || r == -ENOSYS ? 0 : r;
	return n->mig_places ? em_nvml_error(n->mig_places(d, places)) : -ENOSYS;
}

int em_nvml_mig_device(struct em_nvml *n, em_nvml_device d, unsigned int index,
		       em_nvml_device *instance)
{
	return n->mig_by_index ? em_nvml_error(n->mig_by_index(d, index, instance)) : -ENOSYS;
}

int em_nvml_mig_slices(struct em_nvml *n, em_nvml_device parent, em_nvml_device instance,
		       unsigned int *slices, unsigned int *of)
{
	struct instance_profile smallest = { 0 };
	struct attributes a = { 0 };
	int r = n->attributes && n->profile ? em_nvml_error(n->attributes(instance, &a)) : -ENOSYS;

	if (!r)
		r = em_nvml_error(n->profile(parent, PROFILE_1_SLICE, &smallest));
	if (!r && (!a.compute_slices || a.compute_slices > smallest.instances))
		r = -EIO;
	*slices = r ? 0 : a.compute_slices;
	*of = r ? 0 : smallest.instances;
	return r;
}
