// SPDX-License-Identifier: GPL-2.0
/* earmarkd - keeps the record of this node's GPU time. See user/daemon/. */
#include <locale.h>
#include <stdlib.h>

#include "commit/window.h"
#include "daemon/log.h"
#include "daemon/manager.h"

int main(int argc, char **argv)
{
	struct em_config config = {};
	struct em_manager manager;
	char err[512];
	int ret;

	setlocale(LC_CTYPE, "C.UTF-8");
	em_window_ready();
	ret = em_config_load(&config, argc, argv, err, sizeof(err));
	if (ret < 0)
		em_log(LOG_ERR, "%s", err);
	if (!ret) {
		ret = em_manager_open(&manager, &config, argc, argv);
		if (!ret)
			ret = em_manager_run(&manager);
		em_manager_close(&manager);
	}
	em_config_clear(&config);
	return ret < 0 ? 2 : 0;
}
