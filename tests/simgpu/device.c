// SPDX-License-Identifier: GPL-2.0
/* The devices: a platform device with a render node for each GPU. */
#include <linux/module.h>
#include <linux/platform_device.h>

#include <drm/drm_drv.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "compat.h"
#include "simgpu.h"

static struct platform_device *sim_devices[SIM_MAX_GPUS];

static int sim_ioctl_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_simgpu_info *info = data;

	info->gpu = container_of(drm, struct sim_gpu, drm)->index;
	info->rings = sim_rings;
	info->depth = sim_depth;
	info->pad = 0;
	return 0;
}

static int sim_ioctl_nop(struct drm_device *drm, void *data, struct drm_file *file)
{
	return 0;
}

static const struct drm_ioctl_desc sim_ioctls[] = {
	DRM_IOCTL_DEF_DRV(SIMGPU_SUBMIT, sim_client_submit, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(SIMGPU_WAIT, sim_client_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(SIMGPU_INFO, sim_ioctl_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(SIMGPU_NOP, sim_ioctl_nop, DRM_RENDER_ALLOW),
};

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.show_fdinfo = sim_client_fdinfo,
#ifdef FOP_UNSIGNED_OFFSET
	/* drm_open_helper() refuses files without it, where it exists. */
	.fop_flags = FOP_UNSIGNED_OFFSET,
#endif
};

static const struct drm_driver sim_driver = {
	.driver_features = DRIVER_RENDER,
	.open = sim_client_open,
	.postclose = sim_client_close,
	.ioctls = sim_ioctls,
	.num_ioctls = ARRAY_SIZE(sim_ioctls),
	.fops = &sim_fops,
	.name = "simgpu",
	.desc = "simulated GPU",
#ifdef SIM_HAVE_DRIVER_DATE
	.date = "20260101",
#endif
	.major = 1,
};

/*
 * Schedulers last as long as the drm_device does, so that files which are open
 * when the driver is unbound still have theirs.
 */
static void sim_rings_fini(struct drm_device *drm, void *data)
{
	sim_ring_fini(data);
}

static void sim_unplug(void *data)
{
	struct sim_gpu *gpu = data;
	unsigned int i;

	drm_dev_unplug(&gpu->drm);
	for (i = 0; i < sim_rings; i++)
		sim_ring_unplug(&gpu->rings[i]);
}

static int sim_probe(struct platform_device *pdev)
{
	struct sim_gpu *gpu;
	unsigned int i;
	int ret;

	gpu = devm_drm_dev_alloc(&pdev->dev, &sim_driver, struct sim_gpu, drm);
	if (IS_ERR(gpu))
		return PTR_ERR(gpu);
	gpu->index = pdev->id;
	for (i = 0; i < sim_rings; i++) {
		ret = sim_ring_init(&gpu->rings[i], gpu, i);
		if (ret)
			return ret;
		ret = drmm_add_action_or_reset(&gpu->drm, sim_rings_fini, &gpu->rings[i]);
		if (ret)
			return ret;
	}
	ret = drm_dev_register(&gpu->drm, 0);
	if (ret)
		return ret;
	/* In place of .remove, whose type differs between kernels. */
	return devm_add_action_or_reset(&pdev->dev, sim_unplug, gpu);
}

static struct platform_driver sim_platform_driver = {
	.probe = sim_probe,
	.driver.name = "simgpu",
};

int sim_device_register(void)
{
	unsigned int i;
	int ret;

	ret = platform_driver_register(&sim_platform_driver);
	if (ret)
		return ret;
	for (i = 0; i < sim_gpus; i++) {
		struct platform_device *pdev;

		pdev = platform_device_register_simple("simgpu", i, NULL, 0);
		if (IS_ERR(pdev)) {
			sim_device_unregister();
			return PTR_ERR(pdev);
		}
		sim_devices[i] = pdev;
	}
	return 0;
}

void sim_device_unregister(void)
{
	unsigned int i;

	for (i = 0; i < sim_gpus; i++)
		platform_device_unregister(sim_devices[i]);
	platform_driver_unregister(&sim_platform_driver);
}
