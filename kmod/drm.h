/* SPDX-License-Identifier: GPL-2.0 */
/* The module's own probes on gpu_sched's tracepoints. */
#ifndef EARMARK_DRM_H
#define EARMARK_DRM_H

#include <linux/types.h>

int earmark_drm_init(void);
void earmark_drm_exit(void);
bool earmark_drm_attached(void);
bool earmark_drm_present(void);

/* Return: can work be submitted to a DRM GPU that is not seen? */
static inline bool earmark_drm_blind(void)
{
	return earmark_drm_present() && !earmark_drm_attached();
}

#endif /* EARMARK_DRM_H */
